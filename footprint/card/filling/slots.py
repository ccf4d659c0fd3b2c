"""How a value is written where it stands: in a line of Markdown, in a cell, in HTML, or as the number that a label asks for."""

from __future__ import annotations

import html
import re
from decimal import Decimal, InvalidOperation

from footprint import text
from footprint.card.layout import FieldSpan
from footprint.card.parts.block import safe
from footprint.card.parts.document import Document
from footprint.card.parts.edits import Edit


def written(span: FieldSpan, value: str, grams: str) -> str | None:
    """A field's value as it is to stand in its span.

    Args:
        span: where it goes.
        value: the value in words.
        grams: the emissions as a plain decimal of grams; empty if unknown.

    Returns:
        The text, escaped for the span; None where the label asks for a number that is not known.
    """
    if span.unit_g is not None:
        return in_unit(grams, span.unit_g)
    return as_html(value) if span.slot == "html" else safe(value)


def in_unit(grams: str, unit_g: float) -> str | None:
    """Grams, a plain decimal, as a plain decimal of another unit, of as many significant figures; None if they are unknown."""
    try:
        amount = Decimal(grams) / Decimal(repr(unit_g))
        digits = len(Decimal(grams).normalize().as_tuple().digits)
    except InvalidOperation:
        return None
    figures = max(digits, 3)
    rounded = amount if amount == 0 else amount.quantize(Decimal(1).scaleb(amount.adjusted() - figures + 1))
    plain = format(rounded, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def as_html(value: str) -> str:
    """A value inside HTML: one line, with no tag, no comment, no template."""
    cleaned = html.escape(text.clean(value, limit=500, empty=""), quote=False)
    return re.sub(r"\{(?=[{%#])", "{ ", cleaned)


def placed(document: Document, span: FieldSpan, new: str) -> Edit:
    """The edit that puts a text into a span, with the blanks or line ends that it takes there."""
    raw, value = document.raw, new.encode()
    if span.below and span.start == span.end:
        return Edit(start=span.start, end=span.end, new=_paragraph(document, span, value))
    if span.slot == "cell" and span.start == span.end:
        before = b" " if raw[span.start - 1 : span.start] == b"|" else b""
        after = b" " if raw[span.end : span.end + 1] == b"|" else b""
        return Edit(start=span.start, end=span.end, new=before + value + after)
    gap = b"" if span.label.gap or span.below else b" "
    after = b" " if raw.startswith(b"<!--", span.end) else b""
    return Edit(start=span.start, end=span.end, new=gap + value + after)


def _paragraph(document: Document, span: FieldSpan, value: bytes) -> bytes:
    """A paragraph of its own below a heading."""
    eol = document.eol
    below = document.line_number(span.start)
    follows = below < len(document.starts) and not document.is_blank(below)
    return eol + eol + value + (eol if follows else b"")
