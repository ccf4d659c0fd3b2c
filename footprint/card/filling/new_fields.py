"""New fields in the style of those beside them: an item of the list, a row of the table, a heading with a paragraph."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from footprint.card.filling.slots import as_html
from footprint.card.layout.sections import top_headings
from footprint.card.parts.block import safe
from footprint.card.parts.style import field_line, style_of
from footprint.card.words.languages import LANGUAGES, Language

if TYPE_CHECKING:
    from footprint.card.layout import Fields, FieldSpan, Group
    from footprint.card.parts.document import Document
    from footprint.card.parts.tables import Table
    from footprint.card.read import Card
    from footprint.model import FieldName

_TAG: Final = re.compile(rb"<(li|p|dd|div)\b[^<>]{0,300}>", re.IGNORECASE)


def can_be_added(layout: Fields) -> bool:
    """Whether a field that is not there has a place: beside the others, or in the section.

    A table with a column for each field gets no new column; nor does one group of several get a list of its own beside it.
    """
    main = layout.main
    if main is None or main.table is None or main.rows:
        return True
    return layout.section is not None and not layout.chosen


def new_field(card: Card, name: FieldName, value: str) -> tuple[str, bytes]:
    """A new field: its value as it will stand, and its line (or row, or paragraph), without a line end around it."""
    document, main = card.document, card.layout.main
    style = style_of(document, top_headings(document))
    if main is None or not main.spans or (main.table is not None and not main.rows):
        new = safe(value)
        return new, style.line(name, new)
    last = max(main.spans.values(), key=lambda span: (span.line, span.end))
    language = _language(last, style.language)
    if main.table is not None:
        new = as_html(value) if main.table.kind == "html" else safe(value)
        return new, _row(document, main, main.table, language.label(name), new)
    if last.slot == "html":
        new = as_html(value)
        return new, _html_item(document, last, language, name, new)
    new = safe(value)
    heading = next((one for one in top_headings(document) if one.line == last.line), None)
    if heading is not None:
        eol = document.eol
        return new, style.heading(heading.level, language.label(name), eol) + eol + eol + new.encode()
    colon = last.label.colon if last.label.colon.strip(" \u00a0") in {":", "\uff1a"} else ""
    return new, field_line(name, new, lead=last.label.lead, bold=last.label.bold, language=language, colon=colon)


def _language(last: FieldSpan, own: Language) -> Language:
    """The language of a label: the card's own where the label may be of it."""
    codes = last.label.languages
    if own.code in codes or not codes:
        return own
    return next(language for language in LANGUAGES if language.code == codes[0])


def _row(document: Document, main: Group, table: Table, label: str, value: str) -> bytes:
    """A row of a table that has a row for each field, its value in the column of the group."""
    last = max(main.spans.values(), key=lambda span: span.end)
    row = next(cells for cells in table.rows if any(cell.start == last.start for cell in cells))
    column = next(place for place, cell in enumerate(row) if cell.start == last.start)
    opens = document.raw.lower().rfind(b"<tr", 0, row[0].start) if table.kind == "html" else row[0].start
    line = document.line(document.line_number(max(opens, 0)) - 1)
    before = document.raw[line.start : row[0].start]
    named = document.raw[row[0].start : row[0].end]
    if named.startswith(b"**"):
        label = f"**{label}**"
    cells = [label, *("" for _ in row[1:])]
    cells[column] = value
    if table.kind == "html":
        indent = re.match(rb"[ \t]*", before)
        inner = "".join(f"<td>{cell}</td>" for cell in cells)
        return (indent[0] if indent else b"") + f"<tr>{inner}</tr>".encode()
    barred = b"|" in before
    text = " | ".join(cells)
    return before.split(b"|")[0] + (f"| {text} |" if barred else text).encode()


def _html_item(document: Document, last: FieldSpan, language: Language, name: FieldName, value: str) -> bytes:
    """An item of a list in HTML."""
    line = document.line(last.line)
    before = document.raw[line.start : last.start]
    indent = before[: len(before) - len(before.lstrip())]
    strong = "strong" if b"<strong" in before.lower() else "b"
    tags = [tag[1].lower().decode() for tag in _TAG.finditer(before)]
    label = language.label(name)
    if tags and tags[-1] == "dd":
        return indent + f"<dt>{label}</dt><dd>{value}</dd>".encode()
    tag = tags[-1] if tags else "p"
    return indent + f"<{tag}><{strong}>{label}:</{strong}> {value}</{tag}>".encode()
