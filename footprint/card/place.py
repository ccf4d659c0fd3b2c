"""Where in a card our words go when there is no place for them yet: beside the fields, in the section, or in a new section."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from footprint.card.document import Document, Heading
from footprint.card.edits import Edit
from footprint.card.fields import Fields
from footprint.card.labels import TEMPLATE_LABELS, title_words
from footprint.model import FIELD_NAMES, FieldName

PLACEHOLDER: Final = "[More Information Needed]"
TITLE: Final = "Environmental Impact"

# What stands before and after the section in huggingface_hub's template, nearest first.
_BEFORE: Final = ("model examination", "evaluation", "evaluation results", "eval results", "results")
_AFTER: Final = frozenset(
    {
        "technical specifications",
        "technical specification",
        "citation",
        "citation information",
        "citing",
        "bibtex",
        "bibtex entry and citation info",
        "bibtex entry and citation information",
        "glossary",
        "more information",
        "model card authors",
        "model card author",
        "model card contact",
    }
)


def field_line(name: FieldName, value: str, *, lead: bytes = b"- ", bold: str = "inside") -> bytes:
    """A field's line in the style of its neighbours."""
    label = TEMPLATE_LABELS[name]
    marked = {"inside": f"**{label}:**", "outside": f"**{label}**:", "none": f"{label}:"}[bold]
    return lead + f"{marked} {value}".encode()


def _is_item(line: bytes) -> bool:
    """Whether a field's line is an item of a list."""
    return re.match(rb"[ \t>]*(?:[-*+]|\d{1,3}[.)]|\xe2\x80\xa2|\xc2\xb7)[ \t]", line) is not None


def after_fields(document: Document, fields: Fields, added: Iterable[bytes], block: bytes) -> Edit | None:
    """Insert field lines, and the block if there is none yet, after the fields, or at the end of a section without any."""
    eol = document.eol
    if fields.spans:
        index = max(span.last_line for span in fields.spans.values())
        # A line without a bullet would run into the one above it.
        lines = b"".join((eol if _is_item(line) else eol + eol) + line for line in added)
    else:
        assert fields.section is not None
        index = _last_said(document, fields.section.heading, _own_end(document, fields))
        lines = b"".join(eol + line for line in added)
        lines = eol + lines if lines else lines
    text = lines + (eol + eol + block if block else b"")
    if not text:
        return None
    follows = index + 1 < len(document.lines) and not document.is_blank(index + 1)
    return insertion(document.lines[index].end, text + (eol if follows else b""))


def after_block(document: Document, last: int, block: bytes) -> Edit:
    """Insert a block after one of ours, of which `last` is the last line."""
    eol = document.eol
    follows = last + 1 < len(document.lines) and not document.is_blank(last + 1)
    return insertion(document.lines[last].end, eol + eol + block + (eol if follows else b""))


def new_section(document: Document, values: dict[FieldName, str] | None, block: bytes) -> Edit:
    """Insert the section where the template has it, in the card's own style of headings.

    It has all five fields; without values, none: the block is then not about what they stand for.
    """
    eol = document.eol
    index, level = _where(document)
    fields = [] if values is None else [*(field_line(name, values.get(name, PLACEHOLDER)) for name in FIELD_NAMES), b""]
    text = eol.join([b"#" * level + f" {TITLE}".encode(), b"", *fields, block]) + eol
    if index < len(document.lines):
        before = eol if index > 0 and not document.is_blank(index - 1) else b""
        return insertion(document.lines[index].start, before + text + eol)
    raw = document.raw
    ends = raw.endswith((b"\n", b"\r")) or not raw
    blank = not raw or (ends and document.is_blank(len(document.lines) - 1))
    return insertion(len(raw), (b"" if ends else eol) + (b"" if blank else eol) + text)


def insertion(place: int, new: bytes) -> Edit:
    """An edit that replaces nothing."""
    return Edit(start=place, end=place, new=new)


def _own_end(document: Document, fields: Fields) -> int:
    """Where a section's own text ends: at its first heading of any level."""
    section = fields.section
    assert section is not None
    return next((h.line for h in document.headings if section.heading < h.line < section.end), section.end)


def _last_said(document: Document, first: int, end: int) -> int:
    """The last line before `end` that is not blank."""
    return next((i for i in range(end - 1, first, -1) if not document.is_blank(i)), first)


def _where(document: Document) -> tuple[int, int]:
    """The line before which the section goes (past the last one: the end), and the level of its heading."""
    titled = [(title_words(heading.text), heading) for heading in document.headings]
    for title in _BEFORE:
        found = [heading for words, heading in titled if words == title]
        if found:
            return _end_of(document, found[-1]), found[-1].level
    for words, heading in titled:
        if words in _AFTER:
            return heading.line, heading.level
    levels = [heading.level for heading in document.headings]
    # One heading of the first level is the card's title; several are its sections.
    return len(document.lines), 1 if levels.count(1) > 1 else 2


def _end_of(document: Document, heading: Heading) -> int:
    """The line of the next heading that is not below this one."""
    later = (h.line for h in document.headings if h.line > heading.line and h.level <= heading.level)
    return next(later, len(document.lines))
