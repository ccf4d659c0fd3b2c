"""Tables of a card, in Markdown and in HTML: each cell's span in bytes and its readable text, found in one pass.

What is in a code fence, in a comment or in the front matter is no table. A table in Markdown is what GitHub's flavour takes for
one (a row, below it a row of dashes), and also rows that begin and end with a bar where the row of dashes was forgotten. In HTML
closing tags may be missing, cells may span rows and columns, and a table inside a cell is part of that cell's text.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import msgspec

from footprint.card.parts.document import Document, plain

_MAX_COLUMNS: Final = 200  # of a row; what is further right is no table of a card
_MAX_TEXT: Final = 4000  # bytes of a cell that are read as its text
_MAX_COMMENTS: Final = 9  # at each end of a cell
_MAX_SPAN: Final = 50  # columns or rows that one cell may cover

_DASHES = re.compile(rb"\|[ \t]{0,99}:?-|-:?[ \t]{0,99}\|")
_BARRED = re.compile(rb"[ \t>]{0,40}\|")
_DELIMITER = re.compile(rb"[ \t>]*+\|?(?:[ \t]*+:?-++:?[ \t]*+\|)*+(?:[ \t]*+:?-++:?)?[ \t]*+\Z")
_LEAD = re.compile(rb"[ \t>]*+")
_BAR = re.compile(rb"\\.|\|", re.DOTALL)
_ROW = re.compile(rb"[ \t>]*+\|[^\r\n]*\|[ \t]*\Z")
_TOKEN = re.compile(rb"<!--|<(/?)(table|tr|td|th|caption|thead|tbody|tfoot)(\s[^<>]{0,2000})?/?>", re.IGNORECASE)
_TABLE = re.compile(rb"<table\b", re.IGNORECASE)
_SPAN = re.compile(rb"\b(col|row)span\s{0,9}=\s{0,9}[\"']?(\d{1,4})", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/li|/div)\b[^<>]{0,200}>", re.IGNORECASE)
_POWER = re.compile(r"(\d)[ ]{0,3}<sup>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,2000}>|<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,2000}(?:\([^()\s]{0,200}\)[^()\s]{0,2000})?(?:\s[^()]{0,200})?\)")
_WHOLE = re.compile(r"([*_`]{1,3})(.*\S)\1", re.DOTALL)


class Cell(NamedTuple):
    """A cell: the span in bytes of its content without white space around it, and the content as people read it.

    An empty cell has `start == end`, a place where a value can be put.
    """

    start: int
    end: int
    text: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table: the indices of its first and last line, and its rows, the header's first, without rows of dashes.

    Rows may differ in length. A cell that covers several columns or rows of an HTML table stands in each of them, the same
    cell with the same span: who adds up cells counts spans, not places. `headed` is false for rows between bars without the row
    of dashes, which a person takes for a table, and Markdown for text.
    """

    kind: Literal["markdown", "html"]
    first: int
    last: int
    rows: tuple[tuple[Cell, ...], ...]
    headed: bool = True


def find_tables(document: Document, lines: range | None = None) -> tuple[Table, ...]:
    """Find the tables of a card, in its order.

    Args:
        document: the card.
        lines: only tables in these lines (indices); all by default.
    """
    within = range(len(document.starts)) if lines is None else lines
    found = [*_markdown_tables(document, within), *_html_tables(document, within)]
    return tuple(sorted(found, key=lambda table: table.first))


def readable(content: bytes, *, is_html: bool = False) -> str:
    """A cell's content, or any few words, without markup: tags, links, emphasis and entities resolved, one line."""
    text = plain(content[:_MAX_TEXT])
    if "<" in text:
        text = _POWER.sub(r"\1^", text)  # `10<sup>-4</sup>` is no 10-4, and `539<sup>1</sup>` no 5391
        text = _TAG.sub("", _BREAK.sub(" ", text))
    if "&" in text:
        text = html.unescape(text)
    if not is_html:
        text = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", _unmarked(text))
    return " ".join(text.replace("\u00a0", " ").split())


def _unmarked(text: str) -> str:
    """Text without the marks of links, of strong words, and of an emphasis around the whole."""
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    text = text.strip()
    for _ in range(3):
        if not (whole := _WHOLE.fullmatch(text)) or whole[1] in whole[2]:
            break
        text = whole[2].strip()
    return text.replace("**", "").replace("__", "")


# -- Markdown ---------------------------------------------------------------------------------------------------------


def _markdown_tables(document: Document, within: range) -> list[Table]:
    raw = document.raw
    if not within:
        return []
    first, last = document.starts[within[0]], document.ends[within[-1]]
    if raw.find(b"|", first, last) < 0:
        return []
    tables: list[Table] = []
    for index in _candidates(document, first, last):
        if index not in within or (tables and index <= tables[-1].last):
            continue
        table = _markdown_table(document, index, within.stop)
        if table is not None:
            tables.append(table)
    return tables


def _candidates(document: Document, first: int, last: int) -> list[int]:
    """Indices of lines at which a table may begin: the one above a row of dashes, or a row between bars."""
    raw, starts, ends, nexts = document.raw, document.starts, document.ends, document.nexts
    found: set[int] = set()
    bar = raw.find(b"|", first, last)
    while bar >= 0:
        index = bisect_right(starts, bar) - 1
        if index and _DASHES.search(raw, starts[index], ends[index]):
            found.add(index - 1)
        if _BARRED.match(raw, starts[index]):
            found.add(index)
        bar = raw.find(b"|", nexts[index], last)
    return sorted(found)


def _markdown_table(document: Document, index: int, end: int) -> Table | None:
    """The table whose first row is a line, up to a line `end`, or None."""
    if index + 1 >= end:
        return None
    delimiter = _is_dashes(document, index + 1)
    if not delimiter and not (_is_barred(document, index) and _is_barred(document, index + 1)):
        return None
    head = _cells(document, index)
    if not head or _is_dashes(document, index):
        return None
    if delimiter:
        below = document.text(index + 1).strip(b" \t>").strip(b"|")
        if below.count(b"|") + 1 != len(head):
            return None  # GitHub takes such lines for text
    rows = [head]
    last = index
    for following in range(index + 1, end):
        cells = _cells(document, following)
        if not cells or not (delimiter or (_is_barred(document, following) and len(cells) == len(head))):
            break
        last = following
        if not _is_dashes(document, following):
            rows.append(cells)
    if not delimiter and (len(rows) < 2 or len(head) < 2):  # noqa: PLR2004 - a row and a column are no table
        return None
    return Table(kind="markdown", first=index, last=last, rows=tuple(rows), headed=delimiter)


def _is_dashes(document: Document, index: int) -> bool:
    """Whether a line is the row of dashes below a table's header."""
    text = document.text(index)
    return b"-" in text and b"|" in text and _DELIMITER.match(text) is not None


def _is_barred(document: Document, index: int) -> bool:
    return _ROW.match(document.text(index)) is not None


def _cells(document: Document, index: int) -> tuple[Cell, ...]:
    """The cells of a line; none where no bar stands in it. A bar after a backslash is part of a cell."""
    line = document.line(index)
    raw = document.raw
    if raw.find(b"|", line.start, line.shown) < 0:
        return ()
    lead = _LEAD.match(raw, line.start, line.shown)
    start = lead.end() if lead else line.start
    bars = [bar.start() for bar in _BAR.finditer(raw, start, line.shown) if bar[0] == b"|"]
    if not bars or len(bars) > _MAX_COLUMNS:
        return ()
    edges = [start - 1, *bars] if bars[0] != start else bars
    if raw[bars[-1] + 1 : line.shown].strip(b" \t"):
        edges = [*edges, line.shown]
    return tuple(_cell(raw, one + 1, after) for one, after in pairwise(edges))


def _cell(raw: bytes, start: int, end: int, *, is_html: bool = False) -> Cell:
    """The cell between two places, without the white space and the comments around its content."""
    first, last = _uncommented(raw, start, end) if is_html else (start, end)
    content = raw[first:last]
    said = content.strip()
    if not said:
        # An empty cell: after its first blank, if there is one.
        place = start + (1 if raw[start : start + 1] == b" " and start < end and not is_html else 0)
        return Cell(place, place, "")
    first += len(content) - len(content.lstrip())
    return Cell(first, first + len(said), readable(said, is_html=is_html))


def _uncommented(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """A stretch without the comments that it begins and ends with."""
    for _ in range(_MAX_COMMENTS):
        text = raw[start:end].lstrip()
        closes = text.find(b"-->", 4)
        if not text.startswith(b"<!--") or closes < 0:
            break
        start = end - len(text) + closes + 3
    for _ in range(_MAX_COMMENTS):
        text = raw[start:end].rstrip()
        opens = text.rfind(b"<!--")
        if not text.endswith(b"-->") or opens < 0:
            break
        end = start + opens
    return start, end


# -- HTML -------------------------------------------------------------------------------------------------------------


class _Open:
    """A table of HTML that is being read: its finished rows, the row and the cell that are open, and cells from rows above."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.rows: list[tuple[Cell, ...]] = []
        self.row: list[Cell] | None = None
        self.cell: tuple[int, int, int] | None = None  # where it begins, the columns and the rows that it covers
        self.below: dict[int, tuple[Cell, int]] = {}  # by column: a cell from a row above, and the rows it still covers

    def open_row(self) -> None:
        self.row = []

    def close_cell(self, raw: bytes, end: int) -> None:
        if self.cell is None or self.row is None:
            return
        start, columns, rows = self.cell
        self.cell = None
        cell = _cell(raw, start, end, is_html=True)
        self._take_from_above()
        for _ in range(min(columns, _MAX_COLUMNS - len(self.row))):
            if rows > 1:
                self.below[len(self.row)] = (cell, rows)
            self.row.append(cell)

    def close_row(self, raw: bytes, end: int) -> None:
        self.close_cell(raw, end)
        if self.row is None:
            return
        self._take_from_above()
        if self.row:
            self.rows.append(tuple(self.row))
        self.row = None
        self.below = {column: (cell, left - 1) for column, (cell, left) in self.below.items() if left > 1}

    def _take_from_above(self) -> None:
        """Put cells of rows above, which cover this one too, into their columns."""
        assert self.row is not None
        while len(self.row) in self.below:
            self.row.append(self.below[len(self.row)][0])


def _html_tables(document: Document, within: range) -> list[Table]:
    raw = document.raw
    tables: list[Table] = []
    table: _Open | None = None
    depth = 0
    for index, token in _tokens(document, within):
        closing, name = bool(token[1]), token[2].lower()
        if table is None:
            if name == b"table" and not closing:
                table, depth = _Open(index), 1
        elif name != b"table":
            if depth == 1:
                _take(table, raw, token, name, closing=closing)
        else:
            depth += -1 if closing else 1
            if depth == 0:
                table.close_row(raw, token.start())
                if table.rows:
                    tables.append(Table(kind="html", first=table.line, last=index, rows=tuple(table.rows)))
                table = None
    return tables


def _tokens(document: Document, within: range) -> Iterator[tuple[int, re.Match[bytes]]]:
    """The tags of tables that are text of the card, on some lines, each with the index of its line."""
    raw = document.raw
    if not within:
        return
    start, end = document.starts[within[0]], document.ends[within[-1]]
    if _TABLE.search(raw, start, end) is None:
        return
    hidden, closing = 0, True
    for token in _TOKEN.finditer(raw, start, end):
        index = bisect_right(document.starts, token.start()) - 1
        if token.start() < hidden or index in document.covered:
            continue
        if token[0] != b"<!--":
            yield index, token
        elif closing:
            found = raw.find(b"-->", token.end(), end)
            hidden, closing = found + 3, found >= 0


def _take(table: _Open, raw: bytes, token: re.Match[bytes], name: bytes, *, closing: bool) -> None:
    """Open or close a row or a cell; what closes a group of rows, or opens the next one, closes what is open inside."""
    place = token.start()
    if name in {b"td", b"th"}:
        table.close_cell(raw, place)
        if not closing:
            if table.row is None:
                table.open_row()
            spans = {kind.lower(): min(max(int(count), 1), _MAX_SPAN) for kind, count in _SPAN.findall(token[3] or b"")}
            table.cell = (token.end(), spans.get(b"col", 1), spans.get(b"row", 1))
        return
    table.close_row(raw, place)
    if name == b"tr" and not closing:
        table.open_row()
