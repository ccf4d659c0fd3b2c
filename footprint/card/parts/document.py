"""A card as bytes: front matter, lines, fences, comments and headings as spans, found by one linear scan.

Nothing is decoded, normalised or printed back: an edit elsewhere replaces a span of these bytes, and the rest is the
author's, bit for bit. Line ends may be LF, CRLF or CR, also mixed; a BOM and invalid UTF-8 are kept as they are.

The scan looks at few lines: those that hold a fence's or a comment's mark, and those that begin as a heading may. The rest is
found by searching for bytes, which costs next to nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, compress, count, repeat
from operator import add, itemgetter
from typing import Final, NamedTuple

import msgspec

from footprint.card.parts import front
from footprint.card.parts.front import BOM, FrontMatter, Unseen
from footprint.card.parts.seek import seek
from footprint.errors import CardError

__all__ = ["BOM", "Document", "FrontMatter", "Heading", "Line", "Unseen", "dominant_eol", "plain", "scan"]

MAX_LINES: Final = 250_000

_FENCE = re.compile(rb"(?P<lead>[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?)(?P<marks>`{3,}|~{3,})(?P<info>[^\r\n]*)\Z")
_CLOSES = re.compile(rb"(?P<lead>[ \t>]*)(?P<marks>`{3,}|~{3,})[ \t]*\Z")
_ATX = re.compile(rb" {0,3}(#{1,6})(?=[ \t]|\Z)")
_HTML_HEADING = re.compile(rb"[ \t]*<h([1-6])(?:\s[^>]*)?>(.*?)</h\1>[ \t]*\Z", re.IGNORECASE)
_RAW_HTML = re.compile(rb" {0,3}<(script|pre|style|textarea|!(?=[a-z])|\?)(?:(?<=[!?])|(?=[ \t>\r\n]|\Z))")
_RAW_ENDS: Final = {b"!": (b">",), b"?": (b"?>",)}
_TAG_ENDS: Final = (b"</script>", b"</pre>", b"</style>", b"</textarea>")
_SETEXT = re.compile(rb" {0,3}(=+|-+)[ \t]*\Z")
_NOT_A_PARAGRAPH = re.compile(rb"[ \t]*(?:[-*+>|#<]|\d{1,9}[.)][ \t])")
# The first two bytes, but for white space, of a line that may be a heading or underline one.
_HEADS: Final = frozenset(
    [b"<h", b"<H", b"#", b"=", b"-"]
    + [b"#" + bytes([byte]) for byte in range(256)]
    + [mark + bytes([byte]) for mark in (b"=", b"-") for byte in b"=-\r\n\t"]
)
_BLANK: Final = ord(" ")
_CODE: Final = 4  # columns of indentation that make code of a line
_LONGEST_HEADING: Final = 2000  # bytes; a longer line is no heading to anyone


class Line(NamedTuple):
    """A line: its content is `start` to `end`, the next line starts at `next`, a reader sees it up to `shown`.

    What is in a code fence, a comment or the front matter is not shown as text: there `shown` equals `start`.
    """

    start: int
    end: int
    next: int
    shown: int


class Heading(NamedTuple):
    """A heading: level 1 to 6, its text, and the index of its (first) line."""

    level: int
    text: str
    line: int


class Document(msgspec.Struct, frozen=True, kw_only=True, dict=True, eq=False):
    """A card's bytes with the spans of its parts. Line numbers that people see are index + 1.

    `starts`, `ends` and `nexts` are the lines' offsets as in `Line`, `firsts` their first bytes; `covered` the indices of lines
    that start inside a fence, a comment or the front matter; `cut` where the shown part of a line ends that is not covered and
    not shown to its end.
    `unseen` says where front matter stands that the Hub does not see, and why it does not.
    """

    raw: bytes
    starts: Sequence[int]
    ends: Sequence[int]
    nexts: Sequence[int]
    firsts: bytes
    headings: tuple[Heading, ...]
    front_matter: FrontMatter | None
    unseen: Unseen | None
    covered: frozenset[int]
    cut: dict[int, int]
    eol: bytes

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """All lines; made when they are first asked for."""
        shown = list(self.ends)
        for index in self.covered:
            shown[index] = self.starts[index]
        for index, end in self.cut.items():
            shown[index] = end
        made = map(tuple.__new__, repeat(Line), zip(self.starts, self.ends, self.nexts, shown, strict=True))
        return tuple(made)

    def line(self, index: int) -> Line:
        """One line, without making all of them."""
        start, end = self.starts[index], self.ends[index]
        shown = start if index in self.covered else self.cut.get(index, end)
        return Line(start, end, self.nexts[index], shown)

    @cached_property
    def lowered(self) -> bytes:
        """The bytes with ASCII's letters in lower case: whether a word stands anywhere is quickly asked of them."""
        return self.raw.lower()

    @property
    def unseen_front_matter(self) -> bool:
        """Whether there is front matter that the Hub does not see."""
        return self.unseen is not None

    def text(self, index: int) -> bytes:
        """What a reader sees of a line, without its line end."""
        start = self.starts[index]
        return b"" if index in self.covered else self.raw[start : self.cut.get(index, self.ends[index])]

    @property
    def left_open(self) -> int | None:
        """The index of the line that opens a fence, a comment or a raw HTML block which holds all the rest of the card."""
        last = len(self.starts) - 1
        body = self.front_matter.body if self.front_matter else 0
        if last not in self.covered or self.starts[last] < body:
            return last if last in self.cut and self.raw.find(b"-->", self.cut[last]) < 0 else self._raw_html()
        first = last
        while first - 1 in self.covered and self.starts[first - 1] >= body:
            first -= 1
        # One that closes on the last line hides nothing after it.
        opened = first - 1 if first - 1 in self.cut else first
        fence = _opened(self.raw[self.starts[first] : self.ends[first]]) if opened == first else None
        ends = self.raw.rfind(b"-->") >= self.starts[last] if fence is None else last > first and self._closes(last, fence)
        return self._raw_html() if ends else opened

    def _raw_html(self) -> int | None:
        """The index of the first line that opens an HTML block which only a mark of its own would end, and none does."""
        for index in self.beginning_with(b"< "):
            found = _RAW_HTML.match(self.lowered, self.starts[index]) if index not in self.covered else None
            if found is not None and max(map(self.lowered.rfind, _RAW_ENDS.get(found[1], _TAG_ENDS))) < found.end():
                return index
        return None

    def _closes(self, index: int, fence: re.Match[bytes]) -> bool:
        found = _CLOSES.match(self.raw[self.starts[index] : self.ends[index]])
        return found is not None and found["marks"].startswith(fence["marks"]) and _closes_at(found["lead"], fence["lead"])

    def line_index(self, offset: int) -> int:
        """The index of the line that holds a byte offset."""
        return max(bisect_right(self.starts, offset) - 1, 0)

    def line_number(self, offset: int) -> int:
        """The 1-based number of the line that holds a byte offset."""
        return self.line_index(offset) + 1

    def beginning_with(self, any_of: bytes) -> Iterator[int]:
        """The indices of the lines whose first byte is one of these, shown or not; far quicker than a look at each line."""
        return compress(count(), self.firsts.translate(_marked(any_of)))

    def is_blank(self, index: int) -> bool:
        """Whether a line holds nothing but white space."""
        text = self.raw[self.starts[index] : self.ends[index]].strip()
        return not text or (text[:1] == b"\xc2" and not text.replace(b"\xc2\xa0", b"").strip())


def scan(raw: bytes) -> Document:
    """Find a card's parts.

    Raises:
        CardError: if the lines are too many for a card.
    """
    if len(raw) > MAX_LINES and raw.count(b"\n") + raw.count(b"\r") > MAX_LINES * 2:
        raise CardError(f"the card has more than {MAX_LINES:,} lines")
    kept = raw.splitlines(keepends=True)
    if len(kept) > MAX_LINES:
        raise CardError(f"the card has more than {MAX_LINES:,} lines")
    nexts = list(accumulate(map(len, kept))) or [0]
    starts = [0, *nexts[:-1]]
    if b"\r" in raw:
        ends = list(map(add, starts, map(len, raw.splitlines()))) or [0]
    else:
        ends = list(map((-1).__add__, nexts))
        ends[-1] = nexts[-1] - raw.endswith(b"\n")
    firsts = bytes(map(itemgetter(0), kept)) or b"\n"
    if raw.startswith(BOM):  # no part of the first line's text
        starts[0] = len(BOM)
        firsts = (raw[len(BOM) : len(BOM) + 1] or b"\n") + firsts[1:]
    front_matter = front.find(raw)
    first = bisect_left(starts, front_matter.body) if front_matter else 0
    covered, cut = _hidden(_Lines(raw, starts, ends), first)
    document = Document(
        raw=raw,
        starts=starts,
        ends=ends,
        nexts=nexts,
        firsts=firsts,
        headings=(),
        front_matter=front_matter,
        unseen=None if front_matter else front.unseen(raw),
        covered=frozenset(covered),
        cut=cut,
        eol=dominant_eol(raw),
    )
    return msgspec.structs.replace(document, headings=tuple(_headings(document)))


def dominant_eol(raw: bytes) -> bytes:
    """The line end that a card uses most; LF where it has none."""
    if b"\r" not in raw:
        return b"\n"
    crlf = raw.count(b"\r\n")
    counts = ((raw.count(b"\n") - crlf, b"\n"), (crlf, b"\r\n"), (raw.count(b"\r") - crlf, b"\r"))
    return max(counts, key=lambda pair: pair[0])[1]


def plain(data: bytes) -> str:
    """Bytes as text for people; what is not UTF-8 shows as the replacement character."""
    return data.decode("utf-8", "replace")


class _Lines(NamedTuple):
    """A card's lines before it is known what they are."""

    raw: bytes
    starts: list[int]
    ends: list[int]

    def at(self, offset: int) -> int:
        """The index of the line that holds an offset."""
        return bisect_right(self.starts, offset) - 1

    def text(self, index: int) -> bytes:
        """A line without its line end."""
        return self.raw[self.starts[index] : self.ends[index]]


def _hidden(lines: _Lines, first: int) -> tuple[list[int], dict[int, int]]:
    """The indices of lines that are not shown, and where the shown part of a line ends at a comment.

    From mark to mark: a fence hides what looks like a comment in it, and a comment what looks like a fence.
    """
    raw, starts, ends = lines
    covered = list(range(first))
    cut: dict[int, int] = {}
    # Where the next mark of each kind stands: each is searched for once, from where the last one was passed.
    place, none = starts[first] if first < len(starts) else len(raw), len(raw)
    ticks = waves = comment = -1
    last_close = -2
    while True:
        if ticks < place:
            ticks = found if (found := seek(raw, b"```", 0, place)) >= 0 else none
        if waves < place:
            waves = found if (found := seek(raw, b"~~~", 0, place)) >= 0 else none
        if comment < place:
            comment = found if (found := seek(raw, b"<!--", 1, place)) >= 0 else none
        mark = min(ticks, waves, comment)
        if mark >= none:
            return covered, cut
        index = bisect_right(starts, mark) - 1
        end = ends[index]
        fence = _opened(raw[starts[index] : end]) if ticks < end or waves < end else None
        if fence is not None:
            last = _closing_line(lines, index, fence)
            covered += range(index, last + 1)
        else:
            if last_close < -1:
                last_close = raw.rfind(b"-->")
            last = _comments(lines, index, last_close, cut) if comment < end else index
            covered += range(index + 1, last + 1)
        if last + 1 >= len(starts):
            return covered, cut
        place = starts[last + 1]


def _opened(line: bytes) -> re.Match[bytes] | None:
    """The fence that a line opens."""
    if b"```" not in line and b"~~~" not in line:
        return None
    found = _FENCE.match(line)
    return None if found is None or (found["marks"][:1] == b"`" and b"`" in found["info"]) else found


def _closing_line(lines: _Lines, index: int, fence: re.Match[bytes]) -> int:
    """The index of the last line of a fence: the one that closes it, or the last of the quote or the list item that it opens in.

    Where nothing ends it, it reaches to the last line of all.
    """
    lead, marks = fence["lead"], fence["marks"]
    inside, reached = lead.strip() != b"", index + 1
    place = lines.raw.find(marks, lines.ends[index])
    while True:
        at = lines.at(place) if place >= 0 else len(lines.starts)
        if inside:
            end = _container_end(lines, range(reached, min(at + 1, len(lines.starts))), lead)
            if end is not None:
                return end - 1
            reached = at + 1
        if place < 0:
            return at - 1
        found = _CLOSES.match(lines.text(at))
        if found and found["marks"].startswith(marks) and _closes_at(found["lead"], lead):
            return at
        place = lines.raw.find(marks, lines.ends[at])


def _closes_at(lead: bytes, opened: bytes) -> bool:
    """Whether a fence's closing stands where it closes one: in the same quote, and not indented by four more."""
    return (b">" in opened or b">" not in lead) and len(lead.expandtabs(4)) - len(opened.expandtabs(4)) < _CODE


def _container_end(lines: _Lines, within: range, lead: bytes) -> int | None:
    """The index of the line that ends the quote or the list item in which a fence opened; None if none of these does."""
    quoted, width = b">" in lead, len(lead)
    for index in within:
        text = lines.text(index)
        bare = text.lstrip(b" \t")
        if not bare.startswith(b">") if quoted else (bare and len(text) - len(bare) < width):
            return index
    return None


def _comments(lines: _Lines, index: int, last_close: int, cut: dict[int, int]) -> int:
    """The index of the last line that the comments which open on a line reach; notes where what is shown of it ends."""
    raw, last, place = lines.raw, index, lines.starts[index]
    while (opens := raw.find(b"<!--", place, lines.ends[last])) >= 0:
        if opens + 4 > last_close:
            if last == index and raw[lines.starts[index] : opens].strip():
                return last  # a stray opening inside a line hides nothing
            cut.setdefault(index, opens)
            return len(lines.starts) - 1  # an HTML block that never closes swallows the rest
        cut.setdefault(index, opens)
        place = raw.index(b"-->", opens + 4) + 3
        last = lines.at(place - 1)
    return last


@lru_cache(maxsize=64)
def _marked(any_of: bytes) -> bytes:
    """A table that tells these bytes from all others."""
    return bytes(byte in any_of for byte in range(256))


def _headings(document: Document) -> Iterator[Heading]:
    """All headings: marked with `#`, in HTML, or underlined."""
    underline = -1  # the line that underlined the last heading
    covered, cut, starts, ends, raw = document.covered, document.cut, document.starts, document.ends, document.raw
    firsts, heads = document.firsts, _HEADS
    for index in document.beginning_with(b"#<=- \t"):
        start = starts[index]
        head = raw[start : start + 2] if firsts[index] > _BLANK else raw[start : ends[index]].lstrip(b" \t")[:2]
        if head not in heads or index in covered:
            continue
        end = cut.get(index, ends[index])
        if end - start > _LONGEST_HEADING:
            continue
        text = raw[start:end]
        if head.startswith((b"#", b"<")):
            found = _heading(text)
            if found is not None:
                yield Heading(found[0], found[1], index)
        elif index > 0 and underline != index - 1 and (under := _SETEXT.match(text)):
            title = _paragraph(document, index - 1)
            if title:
                yield Heading(1 if under[1][:1] == b"=" else 2, plain(title).strip(), index - 1)
                underline = index


def _paragraph(document: Document, index: int) -> bytes:
    """The text of a line that could be an underlined heading's, else nothing."""
    if document.ends[index] - document.starts[index] > _LONGEST_HEADING:
        return b""
    text = document.text(index)
    return b"" if _NOT_A_PARAGRAPH.match(text) else text.strip(b" \t")


@lru_cache(maxsize=2048)  # cards share most of their headings
def _heading(line: bytes) -> tuple[int, str] | None:
    """The level and text of a line that is a heading."""
    if found := _ATX.match(line):
        text = line[found.end() :].strip(b" \t")
        bare = text.rstrip(b"#")
        text = bare.rstrip(b" \t") if not bare or bare[-1:] in {b" ", b"\t"} else text
        return len(found[1]), plain(text).strip()
    if found := _HTML_HEADING.match(line):
        return int(found[1]), plain(re.sub(rb"<[^<>]*>", b"", found[2])).strip()
    return None
