"""Where a card speaks of its environmental impact: under a heading or a bold line, or where a paragraph begins so in bold."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

from footprint.card.layout.spans import Section
from footprint.card.parts.document import Document, Heading, plain
from footprint.card.words.labels import PAIR, is_section_title, name_of, read_label, title_words

BOLD: Final = 7
"""The level of a bold line that serves as a heading: below all headings."""

# Titles that a paragraph may run on from in the same bold words: `**Carbon Footprint Pretraining utilized …**`.
_RUN_ON: Final = ("carbon footprint ", "environmental impact ")
_ABOUT: Final = re.compile(r"carbon|co ?2|co₂|emission|energy|power|climate|greenhouse|ghg", re.IGNORECASE)
_MAX_DETAILS: Final = 100_000  # bytes between a summary and the end of its details
_LINE: Final = attrgetter("line")
_HASH: Final = ord("#")
_NEAR: Final = 60  # lines above an indented heading in which the item that it stands in is looked for
_BEGINS: Final = frozenset(
    (b"#", b"|", b"<", b"`", b"~", b"=", b"-", b"_", b"*", b">")
)  # first bytes of what ends an item's text
_INDENTED = re.compile(rb" {4}| {0,3}\t")
_ITEM = re.compile(rb"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|\Z)")
_BOLD_LINE = re.compile(
    rb"[ \t>]{0,20}"
    rb"(?:(?:\*\*|__)(?P<mark>[^\r\n]{2,120}?)(?:\*\*|__)|<(?P<tag>b|strong|summary)>(?P<html>[^\r\n]{2,200}?)</(?P=tag)>)"
    rb"(?P<rest>[^\r\n]{0,9})",
    re.IGNORECASE,
)


class _Lead(NamedTuple):
    """A line that begins in bold: its index, the bold words, whether nothing follows them, and whether it is a summary."""

    line: int
    title: str
    alone: bool
    summary: bool


def find_sections(document: Document) -> list[Section]:
    """The sections of environmental impact; one that lies inside another is not counted again.

    What a heading does is asked first; where no heading names the section, a bold line, a `<summary>` or the bold beginning of
    a paragraph may.
    """
    return _under_headings(document) or _under_bold_lines(document)


@lru_cache(maxsize=4)  # asked for several times of the one card that is filled
def top_headings(document: Document) -> tuple[Heading, ...]:
    """The headings that part a card: neither those inside a list's item, nor fields that a rule follows without a blank line."""
    firsts = document.firsts
    return tuple(
        heading
        for heading in document.headings
        if firsts[heading.line] == _HASH or not (is_nested(document, heading.line) or _is_field_above_a_rule(document, heading))
    )


def _is_field_above_a_rule(document: Document, heading: Heading) -> bool:
    """Whether what counts as an underlined heading is the last of several lines, a field: its author meant a rule below."""
    index = heading.line
    if not index or heading.level != 2 or document.is_blank(index - 1) or document.text(index).lstrip()[:1] in {b"#", b"<"}:  # noqa: PLR2004 - a line of dashes
        return False
    return read_label(document.text(index)) is not None


def is_nested(document: Document, index: int) -> bool:
    """Whether a line is indented below an item of a list."""
    first = document.starts[index]
    if document.raw[first : first + 1] not in {b" ", b"\t"}:
        return False
    text = document.text(index)
    width, lazy = len(text) - len(text.lstrip(b" \t")), False
    for above in range(index - 1, max(index - _NEAR, -1), -1):
        text = document.raw[document.starts[above] : document.ends[above]]
        indent = len(text) - len(text.lstrip(b" \t"))
        if not text.strip():
            if lazy:
                break
            continue
        if indent >= width:
            continue
        if _ITEM.match(text) and not _INDENTED.match(text):
            return True  # one that is indented as code is, is an item below another alone
        if not indent and text[:1] in _BEGINS:
            break
        if indent:
            width = indent
        else:
            lazy = True  # an item's text may go on without indentation, up to a blank line
    return False


def _under_headings(document: Document) -> list[Section]:
    sections: list[Section] = []
    opened: Heading | None = None
    for heading in top_headings(document):
        if opened is not None and heading.level <= opened.level:
            sections.append(Section(heading=opened.line, end=heading.line, level=opened.level))
            opened = None
        if opened is None and is_section_title(heading.text):
            opened = heading
    if opened is not None:
        sections.append(Section(heading=opened.line, end=len(document.starts), level=opened.level))
    return sections


def _under_bold_lines(document: Document) -> list[Section]:
    leads = _leads(document)
    sections: list[Section] = []
    opened: _Lead | None = None
    for lead in leads:
        if opened is not None:
            end = min(next_heading(document, opened.line), _closing(document, opened))
            # What comes next in bold ends it, unless that goes on about the same thing.
            ends = (lead.alone or not opened.alone) and not _ABOUT.search(lead.title)
            if lead.line < end and not ends:
                continue
            sections.append(Section(heading=opened.line, end=min(end, lead.line), level=BOLD))
        opened = lead if _names_the_section(lead) else None
    if opened is not None:
        end = min(next_heading(document, opened.line), _closing(document, opened))
        sections.append(Section(heading=opened.line, end=end, level=BOLD))
    return sections


def next_heading(document: Document, index: int) -> int:
    """The line of the first heading after a line; the end where there is none."""
    headings = top_headings(document)
    place = bisect_right(headings, index, key=_LINE)
    return headings[place].line if place < len(headings) else len(document.starts)


def headings_in(document: Document, lines: range) -> tuple[Heading, ...]:
    """The headings on some lines."""
    headings = top_headings(document)
    first = bisect_left(headings, lines.start, key=_LINE)
    return headings[first : bisect_left(headings, lines.stop, key=_LINE)]


def _names_the_section(lead: _Lead) -> bool:
    return is_section_title(lead.title) or (not lead.alone and title_words(lead.title).startswith(_RUN_ON))


def _closing(document: Document, lead: _Lead) -> int:
    """Where the `<details>` of a summary closes."""
    end = len(document.starts)
    if lead.summary:
        first = document.starts[lead.line]
        found = document.raw.find(b"</details>", first, first + _MAX_DETAILS)
        end = end if found < 0 else document.line_number(found) - 1
    return end


def _leads(document: Document) -> list[_Lead]:
    """The lines that begin in bold and are no label with a value."""
    raw, starts, covered = document.raw, document.starts, document.covered
    leads = []
    for index in document.beginning_with(b"*_< \t>"):
        found = _BOLD_LINE.match(raw, starts[index]) if index not in covered else None
        if found is None:
            continue
        line = document.line(index)
        words = found["mark"] or found["html"]
        if found.start() >= line.shown:
            continue
        alone = not found["rest"].strip(b" \t:\\")
        title = plain(re.sub(rb"<[^<>]{0,200}>", b"", words)).strip()
        if _is_label(raw[line.start : line.shown], title, alone=alone):
            continue
        leads.append(_Lead(index, title, alone, bool(found["tag"]) and found["tag"].lower() == b"summary"))
    return leads


def _is_label(text: bytes, title: str, *, alone: bool) -> bool:
    """Whether a line that begins in bold is a field: with its value, or with a value to come below it."""
    if not alone:
        return read_label(text) is not None
    named = name_of(title.strip(" :"))
    return named is not None and named.sureness >= PAIR and not is_section_title(title)
