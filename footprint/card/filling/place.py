"""Where in a card our words go when there is no place for them yet: beside the fields, in the section, or in a new section."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from footprint.card.layout import Fields
from footprint.card.layout.sections import is_nested, top_headings
from footprint.card.parts.document import Document, Heading
from footprint.card.parts.edits import Edit
from footprint.card.parts.style import field_line, numbered, style_of
from footprint.card.words.labels import title_words
from footprint.card.words.languages import ENGLISH, fold
from footprint.model import FIELD_NAMES, FieldName

__all__ = ["PLACEHOLDER", "after_block", "after_fields", "field_line", "insertion", "new_section"]

PLACEHOLDER: Final = "[More Information Needed]"

# What follows an item's text without a bullet is still that text, unless it begins something else.
_BEGINS = re.compile(
    rb"[ \t>]*(?:#{1,6}(?:[ \t]|\Z)|[-*+](?:[ \t]|\Z)|\d{1,9}[.)](?:[ \t]|\Z)|\||<|```|~~~|(?:[-*_][ \t]*){3,}\Z|=+[ \t]*\Z)"
)
_RULE = re.compile(rb"[ \t]{0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})\Z")
_HTML_HEADING = re.compile(rb"[ \t]{0,8}<h[1-6]\b", re.IGNORECASE)
_OPENS = re.compile(rb"[ \t]{0,8}<(?:div|center|p|section|header|table|tr|td|a|span)\b[^<>]{0,400}>[ \t]*\Z", re.IGNORECASE)
_NEAR: Final = 60  # lines above one in which the item that it may be part of is looked for
_ITEM = re.compile(rb"(?P<indent>[ \t>]*)(?P<bullet>[-*+]|\d{1,3}[.)]|\xe2\x80\xa2|\xc2\xb7)(?:[ \t]|\xc2\xa0)")


def after_fields(document: Document, layout: Fields, added: Mapping[FieldName, bytes], block: bytes) -> list[Edit]:
    """Insert new field lines after the fields, or at the end of a section without any, and the block after what they stand in.

    Args:
        document: the card.
        layout: its layout, with a main group or a section.
        added: the new lines, without a line end before or after; they may be a row of the fields' table.
        block: our block; empty where it stands already.
    """
    if layout.main is None or not layout.spans:
        return _in_section(document, layout, added, block)
    eol = document.eol
    main = layout.main
    last = main.last_line
    edits = []
    if added:
        place, before = _new_lines(document, layout)
        text = b"".join((before or (eol if _ITEM.match(line) else eol + eol)) + line for line in added.values())
        if main.table is not None and not main.rows:
            text = eol + text  # a list of its own below the table
        if main.table is None and not before and not _ITEM.match(list(added.values())[-1]):
            text += eol if _follows(document, document.line_number(place) - 1) else b""
        edits.append(insertion(place, text))
    if block:
        end = _whole_end(document, last)
        edits.append(insertion(document.ends[end], eol + eol + block + (eol if _follows(document, end) else b"")))
    return edits


def _new_lines(document: Document, layout: Fields) -> tuple[int, bytes]:
    """Where new field lines go, and what stands before each; empty where that depends on the line."""
    assert layout.main is not None
    main = layout.main
    if main.table is not None and main.rows and main.table.kind == "markdown":
        return document.ends[main.table.last], document.eol
    last = max(main.spans.values(), key=lambda span: (span.last_line, span.end))
    if last.slot == "html":
        line = document.line(document.line_number(last.end) - 1)
        closing = re.compile(rb"</(?:li|p|dd|div|tr)>", re.IGNORECASE)
        stop = document.ends[main.table.last] if main.table is not None else line.end
        ends = [found.end() for found in closing.finditer(document.raw, last.end, stop)]
        ends = [place for place in ends if main.table is None or document.raw[place - 3 : place - 1].lower() == b"tr"]
        return (ends[-1] if main.table is not None else ends[0]) if ends else line.end, document.eol
    end = main.last_line
    # A line without a bullet that goes on below the last field is part of the same paragraph; one that is indented is its child.
    while end + 1 < len(document.starts) and not document.is_blank(end + 1) and _goes_on(document, end + 1):
        end += 1
    return document.ends[end], b""


def _in_section(document: Document, layout: Fields, added: Mapping[FieldName, bytes], block: bytes) -> list[Edit]:
    """Insert at the end of a section that has no fields."""
    eol = document.eol
    assert layout.section is not None
    section = layout.section
    index = _last_said(document, section.heading, _own_end(document, layout))
    lines = b"".join(eol + line for line in added.values())
    text = (eol + lines if lines else b"") + (eol + eol + block if block else b"")
    return [insertion(document.ends[index], text + (eol if _follows(document, index) else b""))] if text else []


def after_block(document: Document, last: int, block: bytes) -> Edit:
    """Insert a block after one of ours, of which `last` is the last line."""
    eol = document.eol
    return insertion(document.ends[last], eol + eol + block + (eol if _follows(document, last) else b""))


def new_section(document: Document, values: dict[FieldName, str] | None, block: bytes) -> Edit:
    """Insert the section where the template has it, in the card's own language and style.

    It has all five fields; without values, none: the block is then not about what they stand for.
    """
    eol = document.eol
    headings = top_headings(document)
    style = style_of(document, headings)
    index, level = _where(document, headings, style.language.before, style.language.after)
    index = _before_wrapper(document, index)
    title = style.language.title
    if index >= len(document.starts):
        title = numbered([heading for heading in headings if heading.level == level], title)
    placeholder = style.language.placeholder if style.language is not ENGLISH else PLACEHOLDER
    fields = [] if values is None else [*(style.line(name, values.get(name, placeholder)) for name in FIELD_NAMES), b""]
    text = eol.join([style.heading(level, title, eol), b"", *fields, block]) + eol
    if index < len(document.starts):
        before = eol if index > 0 and not document.is_blank(index - 1) else b""
        return insertion(document.starts[index], before + text + eol)
    raw = document.raw
    # A lone CR at the end would be one line end with an LF of ours.
    ends = (raw.endswith((b"\n", b"\r")) and not (raw.endswith(b"\r") and eol == b"\n")) or not raw
    blank = not raw or (ends and document.is_blank(len(document.starts) - 1))
    return insertion(len(raw), (b"" if ends else eol) + (b"" if blank else eol) + text)


def insertion(place: int, new: bytes) -> Edit:
    """An edit that replaces nothing."""
    return Edit(start=place, end=place, new=new)


def _follows(document: Document, index: int) -> bool:
    """Whether a line with something on it follows at once."""
    return index + 1 < len(document.starts) and not document.is_blank(index + 1)


def _goes_on(document: Document, index: int) -> bool:
    """Whether a line is part of what stands above it: a paragraph's text (an underline too, below an item), or a nested item."""
    if index in document.covered:
        return False
    text = document.text(index)
    nested = text[:1] in {b" ", b"\t"} and _ITEM.match(text) is not None
    underline = b"=" in text and not text.strip(b" \t=")  # a line with nothing but a comment is none
    return nested or underline or not _is_begun(document, index)


def _is_begun(document: Document, index: int) -> bool:
    """Whether a line begins something that is no paragraph's text, or is not shown as text."""
    line = document.line(index)
    return line.shown == line.start or _BEGINS.match(document.raw, line.start, line.end) is not None


def _whole_end(document: Document, index: int) -> int:
    """The last line of the list, table or paragraph that a line stands in, with all that stands in the list's items."""
    headings = {heading.line for heading in top_headings(document)}
    item = next(
        (found for above in _paragraph_up(document, index, headings) if (found := _ITEM.match(document.text(above)))), None
    )
    listed = item is not None or is_nested(document, index)
    end = index
    while True:
        after = end + 1
        while listed and after < len(document.starts) and document.is_blank(after):
            after += 1
        if after >= len(document.starts) or document.is_blank(after) or after in headings:
            return end
        if not (listed and document.raw.startswith((b"  ", b"\t"), document.starts[after])):
            text = document.text(after)
            same = item is not None and (found := _ITEM.match(text)) is not None and found.groups() == item.groups()
            if not text or _BEGINS_RULE.match(text) or (after > end + 1 and not same):
                return end
            if item is None and (item := _ITEM.match(text)) is not None:
                listed = True  # a list begins right below
        end = after


def _paragraph_up(document: Document, index: int, headings: Collection[int]) -> Iterator[int]:
    """A line, and the lines right above it up to a blank one or a heading: of an item it may be the text that goes on."""
    for above in range(index, max(index - _NEAR, -1), -1):
        if above != index and (above in headings or document.is_blank(above)):
            return
        yield above


_BEGINS_RULE = re.compile(rb"[ \t>]*(?:(?:[-*_][ \t]*){3,}|=+[ \t]*)\Z")


def _own_end(document: Document, layout: Fields) -> int:
    """Where a section's own text ends: at its first heading of any level."""
    section = layout.section
    assert section is not None
    return next((h.line for h in top_headings(document) if section.heading < h.line < section.end), section.end)


def _last_said(document: Document, first: int, end: int) -> int:
    """The last line before `end` that is not blank, and not in a fence or comment that never closes."""
    last = _said_above(document, first, min(end, _open_end(document)))
    # A rule at a section's end parts it from the next one.
    if last > first + 1 and document.is_blank(last - 1) and _RULE.match(document.text(last)):
        return _said_above(document, first, last)
    return last


def _said_above(document: Document, first: int, end: int) -> int:
    return next((i for i in range(end - 1, first, -1) if not document.is_blank(i)), first)


def _open_end(document: Document) -> int:
    """The line before which a card's text ends: where a fence or a comment opens that never closes, else the end."""
    opened = document.left_open
    return len(document.starts) if opened is None else opened


def _where(document: Document, headings: tuple[Heading, ...], before: tuple[str, ...], after: tuple[str, ...]) -> tuple[int, int]:
    """The line before which the section goes (past the last one: the end), and the level of its heading."""
    end = _open_end(document)
    titled = [(fold(title_words(heading.text)), heading) for heading in headings]
    for title in before:
        found = [heading for words, heading in titled if words == fold(title)]
        if found:
            return min(_end_of(document, headings, found[-1]), end), found[-1].level
    following = {fold(title) for title in after}
    for words, heading in titled:
        if words in following:
            return heading.line, heading.level
    levels = [heading.level for heading in headings]
    # One heading of the first level is the card's title; several of the highest level are its sections.
    highest = min((level for level in levels if level > 1 or levels.count(1) > 1), default=2)
    return end, highest if levels.count(highest) > 1 else 2


def _before_wrapper(document: Document, index: int) -> int:
    """The line before the tags that open right above a heading in HTML, for what is put before it does not belong in them."""
    if index < len(document.starts) and _HTML_HEADING.match(document.raw, document.starts[index]):
        while index > 0 and _OPENS.match(document.raw, document.starts[index - 1], document.ends[index - 1]):
            index -= 1
    return index


def _end_of(document: Document, headings: tuple[Heading, ...], heading: Heading) -> int:
    """The line of the next heading that is not below this one."""
    later = (h.line for h in headings if h.line > heading.line and h.level <= heading.level)
    return next(later, len(document.starts))
