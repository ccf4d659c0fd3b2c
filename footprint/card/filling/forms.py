"""What a rendering of a card takes of a fill: what can stand in it goes into it, and what cannot is named.

A diff takes values in lines that it adds itself; a page's text takes no front matter; a page that lost its headings takes the
five fields below the sentence that is left of their section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from footprint.card.filling.metadata import fill_metadata
from footprint.card.filling.place import insertion
from footprint.card.filling.plan import Kept, Part
from footprint.card.parts.block import safe
from footprint.card.parts.document import Document, plain
from footprint.card.parts.metadata import KEY
from footprint.card.parts.style import field_line
from footprint.card.parts.unwrapped import FROZEN, NO_LINES
from footprint.card.words.languages import Language, is_heading, language_of
from footprint.errors import CardError
from footprint.model import FIELD_NAMES, FieldName

if TYPE_CHECKING:
    from footprint.card.content.known import CardContent
    from footprint.card.parts.edits import Edit
    from footprint.card.read import Card

NO_BLOCK: Final = f"how the figures are known was not added: {NO_LINES}; fill the card itself to have it there"
_SHORT: Final = 60  # bytes of a title, at most
_ROUND: Final = b"  \xe2\x80\xa2 "


def writable(card: Card, content: CardContent) -> tuple[CardContent, list[Kept]]:
    """The content without the fields that the card's form has no line for, and these, with why.

    Raises:
        CardError: if the form has no line for any field and takes none, or no place that the fields would belong to.
    """
    source, spans = card.source, card.layout.spans
    if card.blocks and not source.adds_lines:
        raise CardError(
            "the diff adds a card that footprint has filled: fill the card itself", source.number(card.blocks[0].first)
        )
    if content.about != "training":
        if not source.adds_lines:
            raise CardError(f"{content.about} takes a block of its own, and {NO_LINES}: fill the card itself")
        return content, []
    if not spans and not source.adds_lines:
        raise CardError(f"the diff adds none of the five fields, and {NO_LINES}: fill the card itself")
    if not spans and card.layout.section is None and source.form == "rendered text" and source.section is None:
        raise CardError("the page's text has no place where the section was: fill the card itself")
    kept: list[Kept] = []
    for name, value in content.fields.items():
        span = spans.get(name)
        if span is None and not source.adds_lines:
            last = max(span.line for span in spans.values())
            kept.append(Kept(field=name, value="", known=safe(value), reason=NO_LINES, line=source.number(last)))
        elif span is not None and source.frozen(span.line) and span.value != safe(value):
            kept.append(Kept(field=name, value=span.value, known=safe(value), reason=FROZEN, line=source.number(span.line)))
    if source.adds_lines:
        return content, kept
    out = {kept.field for kept in kept}
    # What a value says of the block would point at nothing where there is none.
    fields = {name: value.removesuffix(" (see below)") for name, value in content.fields.items() if name not in out}
    return msgspec.structs.replace(content, fields=fields), kept


def fill_front_matter(card: Card, content: CardContent, *, overwrite: bool) -> Part:
    """`fill_metadata`, as far as the card's form takes it."""
    source, values = card.source, content.metadata
    if values and card.document.front_matter is None and not source.adds_front_matter:
        return Part(
            notes=(f"{KEY} was not written: a {source.form} without front matter gets none; fill the card itself for it",)
        )
    part = fill_metadata(card, values, overwrite=overwrite)
    if source.fits(part.edits):
        return part
    entry = card.yaml.emissions()
    held = {key: value for key, value in values.items() if entry is not None and entry[1].find(key) is not None}
    if held:
        part = fill_metadata(card, held, overwrite=overwrite)
        if source.fits(part.edits):
            missing = ", ".join(key for key in values if key not in held)
            part.notes += (f"{KEY} was written without its {missing}: {NO_LINES}",)
            return part
    return Part(notes=(f"{KEY} was not written: {NO_LINES}; fill the card itself to have it there",))


def page_section(card: Card, values: dict[FieldName, str] | None, block: bytes) -> tuple[Edit, str]:
    """The five fields below what is left of a page's section, as a page shows a list (or the block alone), and a note of it."""
    document, index = card.document, card.source.section
    assert index is not None
    eol = document.eol
    text = eol + eol + block if block else b""
    if values is not None:
        language = _language_of_page(document)
        fields = [
            field_line(name, values.get(name, language.placeholder), lead=_ROUND, bold="none", language=language)
            for name in FIELD_NAMES
        ]
        text = eol + eol.join(fields) + text
    follows = index + 1 < len(document.starts) and not document.is_blank(index + 1)
    if follows:
        text += eol
    what = "the five fields were" if values is not None else "the block was"
    note = f"{what} added below line {card.source.number(index)}, where the page's text has its section"
    return insertion(document.ends[index], text), note


def _language_of_page(document: Document) -> Language:
    """The language of a page's bare titles: of its short lines, those that are known as headings."""
    short = (index for index, line in enumerate(document.lines) if 0 < line.shown - line.start < _SHORT)
    return language_of(title for title in (plain(document.text(index)).strip() for index in short) if is_heading(title))
