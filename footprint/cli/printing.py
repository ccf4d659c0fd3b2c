"""Printing that no terminal can make fail."""

from __future__ import annotations

import io
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final

from footprint import text

SCHEMA: Final = 1
"""The version of the JSON that commands print; see docs/json.md."""

_LABEL: Final = re.compile(r"\S+(?: \S+)* {2,}")
# Within JSON these stand in strings alone; those below a blank are escaped already.
_MOVING: Final = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_NARROW: Final = 60
_WIDE: Final = 250
_GAP: Final = 3  # blanks between two columns of a table
_LONG_WORD: Final = 24  # longer ones, ids of devices say, may be broken


def say(told: str) -> None:
    """Print to standard output, with one newline at the end; what its encoding cannot show becomes a question mark."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors != "replace":
        sys.stdout.reconfigure(errors="replace")
    print(told.removesuffix("\n"))


def say_lines(lines: Iterable[str]) -> None:
    """Print lines; at a terminal, what is too long for it goes on below, right of the label. A pipe gets each line whole."""
    width = _terminal_width()
    say("\n".join(line if width is None else wrapped(line, width) for line in lines))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> list[str]:
    """The lines of a table as wide as the terminal; a pipe gets one line a row. Cells are cleaned, and never read as markup.

    At a terminal too narrow for the longest words of all columns side by side, each row is a list of its cells.

    Args:
        head: the names of the columns.
        rows: their cells.
        right: columns that are aligned on the right.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = _terminal_width()
    names = [text.clean(name) for name in head]
    cells = [[text.clean(cell, limit=400, empty="") for cell in row] for row in rows]
    least = _widest_words([names, *cells])
    if width is not None and sum(least) + _GAP * (len(least) - 1) > width:
        return _listed(names, cells)
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, clean_name, widest in zip(head, names, least, strict=True):
        shown.add_column(Text(clean_name), overflow="fold", justify="right" if name in right else "left", min_width=widest)
    for row in cells:
        shown.add_row(*map(Text, row))
    console = Console(file=io.StringIO(), force_terminal=False, width=width or _WIDE)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def _widest_words(rows: Sequence[Sequence[str]]) -> list[int]:
    """How wide each column must be for no word of it to be broken."""
    words = (max((len(word) for cell in column for word in cell.split()), default=0) for column in zip(*rows, strict=True))
    return [min(word, _LONG_WORD) for word in words]


def _listed(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lists of their cells, each beside the name of its column."""
    label = max(map(len, names), default=0)
    return [line for row in rows for line in ("", *(f"{name:<{label}}  {cell}" for name, cell in zip(names, row, strict=True)))]


def _terminal_width() -> int | None:
    """How many characters a line of the terminal has; None where nobody looks."""
    is_seen = sys.stdout is not None and sys.stdout.isatty()
    return max(_NARROW, shutil.get_terminal_size().columns) if is_seen else None


def wrapped(line: str, width: int) -> str:
    """A line in as many as it takes; each after the first begins below what follows the label, or four characters further in."""
    if len(line) <= width:
        return line
    label = _LABEL.match(line)
    indent = label.end() if label else len(line) - len(line.lstrip()) + 4
    return textwrap.fill(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def say_json(value: dict[str, Any]) -> None:
    """Print an object as indented JSON; `schema` is its last member, unless it brings its own."""
    import msgspec

    versioned = value if "schema" in value else {**value, "schema": SCHEMA}
    say(as_printable(msgspec.json.format(msgspec.json.encode(versioned), indent=2).decode()))


def as_printable(json: str) -> str:
    """JSON that standard output can hold whole.

    Escaped, as JSON may be anywhere, is what its encoding has no character for, what moves a terminal's cursor, and what turns
    text around or ends a line where nobody sees it.
    """
    json = _MOVING.sub(lambda char: f"\\u{ord(char[0]):04x}", json)
    try:
        json.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        from json import dumps

        return "".join(c if c.isascii() else dumps(c)[1:-1] for c in json)
    return json
