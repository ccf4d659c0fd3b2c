"""Where a card's five fields stand: the section, the group of lines in it, and each value's span in bytes."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable

import msgspec

from footprint.card.document import Document, Heading, plain
from footprint.card.labels import EXACT, PAIR, LabelMatch, is_placeholder, is_section_title, read_label
from footprint.model import FieldName

_GROUP = 3  # so many different fields close together are a group even without a heading
_GROUP_GAP = 12  # lines between two fields of one group
_ITEM = re.compile(rb"(?P<indent>[ \t>]*)(?:[-*+]|\d{1,3}[.)]|\xe2\x80\xa2)(?:[ \t]|\xc2\xa0|\Z)")
_NO_CONTINUATION = re.compile(rb"[ \t]*(?:#|<|\||```|~~~|\*\*[^*]{1,100}(?::\*\*|\*\*[^:]{0,160}:)|[-*_ \t]{3,}\Z)")
_TABLE = re.compile(rb"[ \t>]*(?:\|.*\||<(?:table|ul|ol|dl)\b)", re.IGNORECASE)
# White space, and what breaks the line in Markdown (a backslash) or in HTML: no part of a value.
_TAIL = re.compile(rb"(?:[ \t]|\xc2\xa0)*(?:\\|<br ?/?>)?(?:[ \t]|\xc2\xa0)*\Z", re.IGNORECASE)


class FieldSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One field: its line (an index) and the span of its value. `last_line` is where its value or its item ends."""

    name: FieldName
    line: int
    start: int
    end: int
    value: str
    label: LabelMatch
    last_line: int

    @property
    def placeholder(self) -> bool:
        """Whether the value says nothing."""
        return self.last_line == self.line and is_placeholder(self.value)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """The lines under a heading that names the section: from the heading's line up to, not including, `end`."""

    heading: int
    end: int
    level: int


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """The group of fields that a card has, and its section if it has one.

    `repeated` is the index of a line where a field of the group stands for a second time: which one is meant is not ours to
    say. `table` is the index of a table's line in a section that has no fields.
    """

    section: Section | None
    spans: dict[FieldName, FieldSpan]
    repeated: int | None = None
    table: int | None = None


def find_fields(document: Document, hidden: Collection[int] = ()) -> Fields:
    """Find the group of fields.

    Args:
        document: the card.
        hidden: the indices of lines that are not searched: our own blocks.
    """
    labels = _labels(document, hidden)
    sections = find_sections(document)
    indices = list(labels)
    for section in sections:
        first, last = bisect_right(indices, section.heading), bisect_left(indices, section.end)
        if first < last:
            found = _choose(document, {i: labels[i] for i in indices[first:last]}, section)
            # A later section with fields of its own is another group: which one is meant is not ours to say.
            other = next((i for i in indices[last:] if labels[i].sureness == EXACT and _inside(i, sections)), None)
            return found if found.repeated is not None else msgspec.structs.replace(found, repeated=other)
    group = _group(document, {i: label for i, label in labels.items() if label.sureness >= PAIR})
    if group:
        return _choose(document, group, None)
    if not sections:
        return Fields(section=None, spans={})
    return Fields(section=sections[0], spans={}, table=_first_table(document, sections[0], hidden))


def find_sections(document: Document) -> list[Section]:
    """The sections of environmental impact; one that lies inside another is not counted again."""
    sections: list[Section] = []
    opened: Heading | None = None
    for heading in document.headings:
        if opened is not None and heading.level <= opened.level:
            sections.append(Section(heading=opened.line, end=heading.line, level=opened.level))
            opened = None
        if opened is None and is_section_title(heading.text):
            opened = heading
    if opened is not None:
        sections.append(Section(heading=opened.line, end=len(document.lines), level=opened.level))
    return sections


def _inside(index: int, sections: list[Section]) -> bool:
    return any(section.heading < index < section.end for section in sections)


def _labels(document: Document, hidden: Collection[int]) -> dict[int, LabelMatch]:
    found = {}
    raw = document.raw
    headings = {heading.line for heading in document.headings}
    for index, line in enumerate(document.lines):
        if line.shown == line.start or index in headings or index in hidden:
            continue
        # A label is short: a colon further on is no label's, and most lines end here.
        if raw.find(b":", line.start, min(line.shown, line.start + 400)) < 0:
            continue
        label = read_label(raw[line.start : line.shown])
        if label is not None:
            found[index] = label
    return found


def _group(document: Document, labels: dict[int, LabelMatch]) -> dict[int, LabelMatch]:
    """The first run of lines, close together and under one heading, that names at least three different fields."""
    headings = {heading.line for heading in document.headings}
    run: dict[int, LabelMatch] = {}
    last = -1
    for index, label in labels.items():
        if run and (index - last > _GROUP_GAP or not headings.isdisjoint(range(last, index))):
            if len({found.name for found in run.values()}) >= _GROUP:
                return run
            run = {}
        run[index] = label
        last = index
    return run if len({found.name for found in run.values()}) >= _GROUP else {}


def _choose(document: Document, labels: dict[int, LabelMatch], section: Section | None) -> Fields:
    """The fields of a group: for each, the line whose label names it most surely."""
    spans: dict[FieldName, FieldSpan] = {}
    repeated = None
    for index, label in labels.items():
        before = spans.get(label.name)
        if before is None or label.sureness > before.label.sureness:
            spans[label.name] = _span(document, index, label)
        elif label.sureness == before.label.sureness and repeated is None:
            repeated = index
    if not any(span.label.sureness >= PAIR for span in spans.values()) and section is None:
        return Fields(section=None, spans={})
    if repeated is not None:
        doubled = labels[repeated]
        repeated = repeated if spans[doubled.name].label.sureness == doubled.sureness else None
    return Fields(section=section, spans=spans, repeated=repeated)


def _span(document: Document, index: int, label: LabelMatch) -> FieldSpan:
    line = document.lines[index]
    start = line.start + label.value
    text = document.raw[start : line.shown]
    trimmed = text[: len(text) - len(found[0])] if (found := _TAIL.search(text)) else text
    last = _last_line(document, index, label)
    value = [plain(trimmed)] + [plain(document.text(i)).strip() for i in range(index + 1, last + 1)]
    return FieldSpan(
        name=label.name,
        line=index,
        start=start,
        end=start + len(trimmed),
        value=" ".join(part for part in value if part),
        label=label,
        last_line=last,
    )


def _last_line(document: Document, index: int, label: LabelMatch) -> int:
    """The last line of a field's list item: its own, or where its continuation and nested items end."""
    own = len(label.lead) - len(label.lead.lstrip(b" \t>"))
    last = index
    for following in range(index + 1, len(document.lines)):
        line = document.lines[following]
        text = document.raw[line.start : line.end]
        if document.is_blank(following) or line.shown == line.start or _NO_CONTINUATION.match(text):
            break
        item = _ITEM.match(text)
        if item is None or len(item["indent"]) <= own:
            nested = item is None and read_label(text) is None
            if not nested:
                break
        if not label.lead.strip() and item is None:
            break  # a field that is no list item ends with its line
        last = following
    return last


def _first_table(document: Document, section: Section, hidden: Collection[int]) -> int | None:
    lines: Iterable[int] = range(section.heading + 1, section.end)
    return next((i for i in lines if i not in hidden and _TABLE.match(document.text(i))), None)
