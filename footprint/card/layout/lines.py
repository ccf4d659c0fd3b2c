"""Fields on lines: list items, bare lines, several on one line, lists in HTML, and headings that are labels themselves."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from footprint.card.layout.cells import cell_label
from footprint.card.layout.sections import headings_in, is_nested, next_heading
from footprint.card.layout.spans import FieldSpan, Slot
from footprint.card.parts.document import Document, plain
from footprint.card.parts.seek import seek
from footprint.card.parts.tables import readable
from footprint.card.words.labels import PAIR, LabelMatch, is_placeholder, is_section_title, name_of, read_label

NESTED: Final = 2
"""Columns by which what is nested in an item is indented, at least."""

_MAX_LINE = 20_000  # bytes of a line in which several fields are looked for
_MAX_LABEL = 400  # bytes in which a label ends
_MAX_ITEM = 200  # lines of an item below its label
_SHORT = 200  # bytes of a line that other cards may have too
_MAX_BELOW = 120  # bytes of a paragraph that can be a value

_ITEM = re.compile(rb"(?P<indent>[ \t>]*)(?:[-*+]|\d{1,3}[.)]|\xe2\x80\xa2)(?:[ \t]|\xc2\xa0|\Z)")
_NO_CONTINUATION = re.compile(rb"[ \t]*+(?:#|<|\||```|~~~|\*\*[^*]{1,100}(?::\*\*|\*\*[^:]{0,160}:))|[-*_ \t]{3,}+\Z")
# White space, and what breaks the line in Markdown (a backslash) or in HTML: no part of a value.
_TAIL = re.compile(rb"(?:[ \t]|\xc2\xa0)*(?:\\|<br ?/?>)?(?:[ \t]|\xc2\xa0)*\Z", re.IGNORECASE)
_TAIL_ENDS: Final = frozenset((b" ", b"\t", b"\xa0", b"\\", b">"))
_BLOCK_TAG = re.compile(rb"<(/?)(li|ul|ol|p|div|center|dl|dt|dd|details|summary|br)\b[^<>]{0,300}>", re.IGNORECASE)
_BLANKS: Final = frozenset(b" \t")
_INDENTED = re.compile(rb" {4}|\t| {1,3}\t")
# A label in bold (or a heading) without a colon: `**Hardware Type** A100`, `**Hours used** - 5`, or alone on its line.
_COLONLESS = re.compile(
    rb"(?P<lead>[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+|(?:\xe2\x80\xa2|\xc2\xb7)[ \t]*)?)"
    rb"(?P<mark>\*\*|__|<(?:b|strong)>)(?P<label>[^*_<:\r\n]{2,100})(?:\*\*|__|</(?:b|strong)>)"
    rb"(?P<gap>[ \t]*(?:(?:-{1,2}|\xe2\x80\x93|\xe2\x80\x94|=|->|\xe2\x86\x92)(?=[ \t]|\Z))?[ \t]*)"
)


class Found(NamedTuple):
    """A label found: the index of its line, the label, the span where its value stands on that line, and how it is written."""

    line: int
    label: LabelMatch
    start: int
    end: int
    slot: Slot
    heading: bool = False


def line_labels(document: Document, lines: range, hidden: Collection[int], *, inside: bool) -> list[Found]:
    """The labels on some lines, in their order.

    Args:
        document: the card.
        lines: the indices of the lines.
        hidden: the indices of lines that are not searched: our own blocks.
        inside: whether they are in the section: there a bold label needs no colon, and a heading may be a label.
    """
    found: list[Found] = []
    raw, starts, ends, firsts, covered, cut = (
        document.raw,
        document.starts,
        document.ends,
        document.firsts,
        document.covered,
        document.cut,
    )
    headings = {heading.line for heading in headings_in(document, lines)}
    terms: list[Found] = []  # the `<dt>` that waits for its `<dd>`
    begun: dict[int, int] = {}
    for index in lines if inside else _with_colons(document, lines):
        start, shown = starts[index], cut.get(index, ends[index])
        if shown == start or index in covered or index in headings or index in hidden:
            continue
        if firsts[index] in _BLANKS and _is_code(document, index, begun):
            continue
        if raw.find(b"<", start, shown) >= 0 and shown - start <= _MAX_LINE:
            several = _in_html(document, index, terms)
            if several is not None:
                found += several
                continue
        one = _on_line(document, index, start, shown, inside=inside)
        if one is not None:
            found.append(one)
    if inside:
        taken = {one.line for one in found}
        found += [one for one in _as_headings(document, lines, hidden) if not taken & _own_lines(document, one.line)]
        found.sort(key=lambda one: (one.line, one.start))
    return found


def _is_code(document: Document, index: int, begun: dict[int, int]) -> bool:
    """Whether a line is indented so far that it is code: by four, below a blank line, and in no item of a list.

    `begun` keeps what stands above indented lines, so that those below look no further up than to these.
    """
    raw, starts = document.raw, document.starts
    if (
        raw[starts[index] : starts[index] + 1] not in {b" ", b"\t"}
        or not _INDENTED.match(raw, starts[index])
        or document.is_blank(index)
    ):
        return False
    above = index - 1
    while above >= 0 and above not in begun and _INDENTED.match(raw, starts[above]) and not document.is_blank(above):
        above -= 1
    above = begun[index] = begun.get(above, above)
    paragraph = above >= 0 and not document.is_blank(above) and not headings_in(document, range(max(above - 1, 0), above + 1))
    return not paragraph and not is_nested(document, index)


def _with_colons(document: Document, lines: range) -> Iterable[int]:
    """The lines that may hold a label: those with a colon near their beginning, found without a look at the others."""
    raw, starts, nexts = document.raw, document.starts, document.nexts
    if seek(raw, b"\xef\xbc\x9a", 0) >= 0 or (b"<" in raw and (b"<dt" in raw or b"<DT" in raw)):
        return lines
    front = document.front_matter
    found = []
    place = raw.find(b":", max(starts[lines.start], front.body if front else 0))
    while place >= 0:
        index = bisect_right(starts, place) - 1
        if index >= lines.stop:
            break
        if not index or 0 < place - starts[index] <= _MAX_LABEL:
            found.append(index)
        place = raw.find(b":", nexts[index])
    return found


def _on_line(document: Document, index: int, start: int, shown: int, *, inside: bool) -> Found | None:
    raw = document.raw
    # A label is short: a colon further on is no label's, and most lines end here.
    end = min(shown, start + _MAX_LABEL)
    if raw.find(b":", start, end) >= 0 or raw.find(b"\xef\xbc\x9a", start, end) >= 0:
        label = _label(raw[start:shown])
        if label is not None:
            return _found(document, index, label, start, shown, "text")
    if inside:
        match = _COLONLESS.match(raw, start, shown)
        if match is not None:
            return _colonless(document, index, match)
    return None


@lru_cache(maxsize=8192)  # cards share most of their lines with a template
def _short_label(line: bytes) -> LabelMatch | None:
    return read_label(line)


def _label(line: bytes) -> LabelMatch | None:
    return _short_label(line) if len(line) <= _SHORT else read_label(line)


def _colonless(document: Document, index: int, match: re.Match[bytes]) -> Found | None:
    words = plain(match["label"])
    named = None if is_section_title(words) else name_of(words)
    if named is None or named.sureness < PAIR:
        return None
    line = document.line(index)
    value = match.end() - line.start
    style = LabelMatch(
        named.name, named.sureness, match["lead"], "outside", value, bool(match["gap"]), ":", named.languages, named.unit_g
    )
    return _found(document, index, style, line.start, line.shown, "text", heading=match.end() == line.shown)


def _found(  # noqa: PLR0917 - one per part of what was found
    document: Document, index: int, label: LabelMatch, origin: int, end: int, slot: Slot, *, heading: bool = False
) -> Found:
    """What a label read from `origin` on is, without what only breaks the line after its value."""
    raw = document.raw
    start = origin + label.value
    return Found(index, label, start, max(end - _tail(raw[start:end]), start), slot, heading)


def _tail(text: bytes) -> int:
    """How many bytes at a text's end are white space and what breaks the line."""
    if text[-1:] not in _TAIL_ENDS:
        return 0
    found = _TAIL.search(text[-400:])
    return len(found[0]) if found else 0


# -- HTML and `<br>` --------------------------------------------------------------------------------------------------


def _in_html(document: Document, index: int, terms: list[Found]) -> list[Found] | None:
    """The labels between a line's tags; None where it has none that part it.

    A line that only breaks is Markdown still: its fields are parted where there are several, and left whole else.
    """
    line = document.line(index)
    raw = document.raw
    tags = list(_BLOCK_TAG.finditer(raw, line.start, line.shown))
    if not tags:
        return None
    breaks_only = all(tag[2].lower() == b"br" for tag in tags)
    slot: Slot = "text" if breaks_only else "html"
    found: list[Found] = []
    place, before = line.start, b""
    for tag in [*tags, None]:
        end = tag.start() if tag else line.shown
        one = _piece(document, index, place, end, slot, before, terms)
        if one is not None:
            found.append(one)
        if tag:
            place, before = tag.end(), tag[1] + tag[2].lower()
    return None if breaks_only and len(found) < 2 else found  # noqa: PLR2004 - several


def _piece(  # noqa: PLR0917 - a piece of a line and what it stands in
    document: Document, index: int, start: int, end: int, slot: Slot, before: bytes, terms: list[Found]
) -> Found | None:
    """The label in a piece of a line between two tags."""
    piece = document.raw[start:end]
    if before == b"dd" and terms:
        term = terms.pop()
        lead = len(piece) - len(piece.lstrip())
        tail = len(piece.rstrip()) if piece.strip() else lead
        return term._replace(line=index, start=start + lead, end=start + max(tail, lead))
    if not piece.strip():
        return None
    if before == b"dt":
        named = cell_label(readable(piece, is_html=True))
        terms[:] = [_found(document, index, named, start, end, slot)] if named and named.sureness >= PAIR else []
        return None
    label = read_label(piece)
    return None if label is None else _found(document, index, label, start, end, slot)


# -- Headings that are labels -----------------------------------------------------------------------------------------


def _own_lines(document: Document, heading: int) -> set[int]:
    """The lines between a heading and the next one."""
    return set(range(heading, next_heading(document, heading)))


def _as_headings(document: Document, lines: range, hidden: Collection[int]) -> Iterator[Found]:
    """Headings in the section that are a field's label, with at most one paragraph below."""
    for heading in headings_in(document, lines[1:]):
        if heading.line in hidden:
            continue
        label = cell_label(heading.text)
        if label is None:
            continue
        end = next_heading(document, heading.line)
        own = [i for i in range(heading.line + 1, min(end, lines.stop)) if i not in hidden and not document.is_blank(i)]
        if _underline(document, heading.line) in own:
            own.remove(heading.line + 1)
        if own and (own[-1] - own[0] >= len(own) or _NO_CONTINUATION.match(document.text(own[0]))):
            continue  # more than a paragraph: the heading of a part of its own
        last = heading.line + (1 if _underline(document, heading.line) else 0)
        place = document.ends[last]
        yield Found(heading.line, label, place, place, "text", heading=True)


def _underline(document: Document, heading: int) -> int:
    """The index of the line that underlines a heading; 0 where none does."""
    below = heading + 1
    if below >= len(document.starts) or document.text(heading).lstrip(b" \t>").startswith((b"#", b"<")):
        return 0
    return below if document.text(below).strip(b" \t") and not document.text(below).strip(b" \t=-") else 0


# -- Spans ------------------------------------------------------------------------------------------------------------


def field_span(document: Document, found: Found, labelled: Collection[int]) -> FieldSpan:
    """The span of a field's value; `labelled` are the lines that begin with a label."""
    own = plain(document.raw[found.start : found.end])
    if found.slot == "html":
        return _span(found, found.start, found.end, readable(document.raw[found.start : found.end], is_html=True), found.line)
    if found.heading or (not own.strip() and not found.label.lead.strip(b" \t>")):
        below = _below(document, found, labelled)
        if below is not None:
            return below
    last = found.line if found.heading else _last_line(document, found, labelled.__contains__)
    value = [own] + [plain(document.text(i)).strip() for i in range(found.line + 1, last + 1)]
    text, whole = " ".join(part for part in value if part), last == found.line
    return _span(found, found.start, found.end, text, _item_end(document, found, last, labelled.__contains__), whole=whole)


def _span(found: Found, start: int, end: int, value: str, last: int, *, whole: bool = True, below: bool = False) -> FieldSpan:
    return FieldSpan(
        name=found.label.name,
        line=found.line,
        start=start,
        end=end,
        value=value,
        label=found.label,
        last_line=last,
        slot=found.slot,
        unit_g=found.label.unit_g,
        whole=whole,
        below=below,
    )


def _below(document: Document, found: Found, labelled: Collection[int]) -> FieldSpan | None:
    """The value of a label that stands alone on its line: the line below it, or for a heading the paragraph below.

    Where nothing is below a heading the value is to go there; None for a bare label, whose value goes on its own line.
    """
    first = found.line + 1
    if found.heading and _underline(document, found.line):
        first += 1
    skipped = first
    while found.heading and skipped < len(document.starts) and document.is_blank(skipped):
        skipped += 1
    paragraph = []
    for index in range(skipped, len(document.starts)):
        line = document.line(index)
        text = document.raw[line.start : line.shown]
        if not text.strip(b" \t\xc2\xa0") or index in labelled or _ITEM.match(text) or _NO_CONTINUATION.match(text):
            break
        paragraph.append(index)
    if paragraph and headings_in(document, range(paragraph[0], paragraph[-1] + 1)):
        paragraph = []
    if not paragraph:
        return _span(found, found.start, found.start, "", first - 1, below=True) if found.heading else None
    line = document.line(paragraph[0])
    text = document.raw[line.start : line.shown]
    start = line.start + len(text) - len(text.lstrip(b" \t>"))
    end = line.start + len(text) - _tail(text)
    value = " ".join(plain(document.text(i)).strip(" \t>") for i in paragraph)
    single = len(paragraph) == 1 and (end - start <= _MAX_BELOW or is_placeholder(value))
    return _span(found, start, max(end, start), value, paragraph[-1], whole=single, below=True)


def _item_end(document: Document, found: Found, last: int, labelled: Callable[[int], bool]) -> int:
    """The last line of a list's item, with the paragraphs that stand in it below blank lines."""
    lead = found.label.lead
    if not lead.strip(b" \t>"):
        return last
    inner = len(lead) - len(lead.lstrip(b" \t>")) + NESTED
    for following in range(last + 1, min(len(document.starts), last + _MAX_ITEM)):
        if document.is_blank(following):
            continue
        text = document.text(following)
        if not text.startswith(b" " * inner) or labelled(following):
            break
        last = following
    return last


def _last_line(document: Document, found: Found, labelled: Callable[[int], bool]) -> int:
    """The last line of a field's list item: its own, or where its continuation and nested items end."""
    lead = found.label.lead
    own = len(lead) - len(lead.lstrip(b" \t>"))
    last = found.line
    for following in range(found.line + 1, len(document.starts)):
        line = document.line(following)
        text = document.raw[line.start : line.end]
        if document.is_blank(following) or line.shown == line.start or _NO_CONTINUATION.match(text) or labelled(following):
            break
        item = _ITEM.match(text)
        if item is not None and len(item["indent"]) <= own:
            break
        if not lead.strip() and item is None:
            break  # a field that is no list item ends with its line
        last = following
    return last
