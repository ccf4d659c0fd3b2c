"""Printing that no terminal can make fail."""

from __future__ import annotations

import io
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Any, Final

SCHEMA: Final = 1
"""The version of the JSON that commands print; see docs/json.md."""

_LABEL: Final = re.compile(r"\S+(?: \S+)* {2,}")
_NARROW: Final = 60


def say(text: str) -> None:
    """Print to standard output, with one newline at the end; what its encoding cannot show becomes a question mark."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    print(text.removesuffix("\n"))


def say_lines(lines: Iterable[str]) -> None:
    """Print lines; at a terminal, what is too long for it goes on below, right of the label. A pipe gets each line whole."""
    width = max(_NARROW, shutil.get_terminal_size().columns) if sys.stdout is not None and sys.stdout.isatty() else None
    say("\n".join(line if width is None else wrapped(line, width) for line in lines))


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
    say(msgspec.json.format(msgspec.json.encode(versioned), indent=2).decode())
