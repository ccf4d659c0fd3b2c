"""A card as bytes: front matter, lines, fences, comments and headings as spans, found by one linear scan.

Nothing is decoded, normalised or printed back: an edit elsewhere replaces a span of these bytes, and the rest is the
author's, bit for bit. Line ends may be LF, CRLF or CR, also mixed; a BOM and invalid UTF-8 are kept as they are.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import msgspec

from footprint.errors import CardError

BOM: Final = b"\xef\xbb\xbf"
MAX_LINES: Final = 250_000

# The Hub's own expression for front matter; its `\s` is JavaScript's, which takes the BOM for a space.
_FRONT_MATTER = re.compile(
    rb"\A((?:\xef\xbb\xbf)?\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|\Z))",
)
_OPENS = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*---(?:\r\n|\r|\n)[ \t]*(?:#|- |[\w.-]+[ \t]*:(?:[ \t\r\n]|\Z))")
_UNSEEN = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:---[ \t]+[\r\n]|(?:```|~~~)[^\r\n]*[\r\n]+---[ \t]*[\r\n])")
_EOL = re.compile(rb"\r\n|\n|\r")
_FENCE = re.compile(rb"[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(`{3,}|~{3,})([^\r\n]*)\Z")
_ATX = re.compile(rb" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*\Z")
_HTML_HEADING = re.compile(rb"[ \t]*<h([1-6])(?:\s[^>]*)?>(.*?)</h\1>[ \t]*\Z", re.IGNORECASE)
_SETEXT = re.compile(rb" {0,3}(=+|-+)[ \t]*\Z")
_NOT_A_PARAGRAPH = re.compile(rb"[ \t]*(?:[-*+>|#<]|\d{1,9}[.)][ \t])")


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


class FrontMatter(NamedTuple):
    """Spans of the front matter: the YAML between the markers, and where the body starts."""

    start: int
    end: int
    body: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A card's bytes with the spans of its parts. Line numbers that people see are index + 1.

    `covered` are the indices of lines that start inside a fence, a comment or the front matter.
    """

    raw: bytes
    lines: tuple[Line, ...]
    headings: tuple[Heading, ...]
    front_matter: FrontMatter | None
    unseen_front_matter: bool
    covered: frozenset[int]
    eol: bytes

    def text(self, index: int) -> bytes:
        """What a reader sees of a line, without its line end."""
        line = self.lines[index]
        return self.raw[line.start : line.shown]

    def line_number(self, offset: int) -> int:
        """The 1-based number of the line that holds a byte offset."""
        low, high = 0, len(self.lines) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.lines[middle].start <= offset else (low, middle - 1)
        return low + 1

    def is_blank(self, index: int) -> bool:
        """Whether a line holds nothing but white space."""
        line = self.lines[index]
        return not self.raw[line.start : line.end].replace(b"\xc2\xa0", b"").strip()


def scan(raw: bytes) -> Document:
    """Find a card's parts.

    Raises:
        CardError: if front matter opens on the first line and never closes, or if the lines are too many for a card.
    """
    if raw.count(b"\n") + raw.count(b"\r") > MAX_LINES * 2:
        raise CardError(f"the card has more than {MAX_LINES:,} lines")
    front_matter = _find_front_matter(raw)
    spans = _split(raw)
    if len(spans) > MAX_LINES:
        raise CardError(f"the card has more than {MAX_LINES:,} lines")
    scanner = _Scanner(raw, front_matter.body if front_matter else 0)
    lines, headings = scanner.run(spans)
    return Document(
        raw=raw,
        lines=lines,
        headings=headings,
        front_matter=front_matter,
        unseen_front_matter=front_matter is None and _UNSEEN.match(raw) is not None,
        covered=frozenset(scanner.covered),
        eol=dominant_eol(raw),
    )


def dominant_eol(raw: bytes) -> bytes:
    """The line end that a card uses most; LF where it has none."""
    crlf = raw.count(b"\r\n")
    counts = ((raw.count(b"\n") - crlf, b"\n"), (crlf, b"\r\n"), (raw.count(b"\r") - crlf, b"\r"))
    return max(counts, key=lambda pair: pair[0])[1]


def plain(data: bytes) -> str:
    """Bytes as text for people; what is not UTF-8 shows as the replacement character."""
    return data.decode("utf-8", "replace")


def _find_front_matter(raw: bytes) -> FrontMatter | None:
    """The front matter as the Hub sees it, or None."""
    found = _FRONT_MATTER.match(raw)
    if found is not None and raw[found.end(1) - 1 : found.start(3) + 1] == b"\r\n":
        return None  # `---` twice in a CRLF card: nothing is between them but the halves of one line end
    if found is not None:
        return FrontMatter(found.start(2), found.end(2), found.end(3))
    if _OPENS.match(raw):
        line = len(_EOL.findall(raw[: raw.index(b"---")])) + 1
        raise CardError("front matter opens here and never closes; end it with a line of three dashes", line)
    return None


def _split(raw: bytes) -> list[tuple[int, int, int]]:
    """All lines as (start, end, start of the next); an empty rest after the last line end is no line."""
    spans = []
    start = 0
    if b"\r" not in raw:
        for line in raw.split(b"\n"):
            end = start + len(line)
            spans.append((start, end, end + 1))
            start = end + 1
        # What follows the last line end is a line only if it says something, or if it is all there is.
        last = spans.pop()
        return [*spans, (last[0], last[1], last[1])] if last[0] < last[1] or not spans else spans
    for eol in _EOL.finditer(raw):
        spans.append((start, eol.start(), eol.end()))
        start = eol.end()
    if start < len(raw) or not spans:
        spans.append((start, len(raw), len(raw)))
    return spans


class _Scanner:
    """The state of the one pass over a card's lines."""

    def __init__(self, raw: bytes, body: int) -> None:
        self.raw = raw
        self.body = body
        self.fence: bytes | None = None
        self.hidden_until = 0
        self.covered: list[int] = []
        self.headings: list[Heading] = []
        self.paragraph = b""  # the line before, where it could be the text of an underlined heading
        self.last_close = raw.rfind(b"-->")
        self.has_fences = b"```" in raw or b"~~~" in raw

    def run(self, spans: list[tuple[int, int, int]]) -> tuple[tuple[Line, ...], tuple[Heading, ...]]:
        """Scan all lines."""
        lines = tuple(Line(start, end, after, self._shown(index, start, end)) for index, (start, end, after) in enumerate(spans))
        return lines, tuple(self.headings)

    def _shown(self, index: int, start: int, end: int) -> int:
        """Where the visible text of a line ends; notes headings, and what opens or closes on the way."""
        if start < self.body or start < self.hidden_until or (self.has_fences and self._in_fence(start, end)):
            self.paragraph = b""
            self.covered.append(index)
            return start
        shown = self._comment(start, end)
        self._heading(index, self.raw[start:shown])
        return shown

    def _in_fence(self, start: int, end: int) -> bool:
        """Whether a line belongs to a code fence, its opening and closing lines included."""
        if self.fence is None and self.raw.find(b"```", start, end) < 0 and self.raw.find(b"~~~", start, end) < 0:
            return False
        found = _FENCE.match(self.raw[start:end])
        if self.fence is None:
            if found is None or (found[1][:1] == b"`" and b"`" in found[2]):
                return False
            self.fence = found[1]
        elif found and found[1].startswith(self.fence) and not found[2].strip():
            self.fence = None
        return True

    def _comment(self, start: int, end: int) -> int:
        """Where a comment opens on this line, else the line's end; remembers where it closes."""
        opens = self.raw.find(b"<!--", start, end)
        if opens < 0:
            return end
        closes = self.raw.find(b"-->", opens + 4) if opens + 4 <= self.last_close else -1
        if closes >= 0:
            self.hidden_until = closes + 3
            return opens
        if self.raw[start:opens].strip():
            return end  # a stray opening inside a line hides nothing
        self.hidden_until = len(self.raw)  # an HTML block that never closes swallows the rest
        return start

    def _heading(self, index: int, text: bytes) -> None:
        before, self.paragraph = self.paragraph, b""
        if not text:
            return
        stripped = text.strip(b" \t")
        if stripped.startswith((b"#", b"<h", b"<H")):
            if found := _ATX.match(text):
                self.headings.append(Heading(len(found[1]), plain(found[2] or b"").strip(), index))
            elif found := _HTML_HEADING.match(text):
                words = re.sub(rb"<[^>]*>", b"", found[2])
                self.headings.append(Heading(int(found[1]), plain(words).strip(), index))
        elif before and (underline := _SETEXT.match(text)):
            self.headings.append(Heading(1 if underline[1][:1] == b"=" else 2, plain(before).strip(), index - 1))
        elif stripped and not _NOT_A_PARAGRAPH.match(text):
            self.paragraph = stripped
