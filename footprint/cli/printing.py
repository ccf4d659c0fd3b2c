"""Printing that no terminal can make fail."""

from __future__ import annotations

import io
import sys
from typing import Any, Final

SCHEMA: Final = 1
"""The version of the JSON that commands print; see docs/json.md."""


def say(text: str) -> None:
    """Print to standard output, with one newline at the end; what its encoding cannot show becomes a question mark."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    print(text.removesuffix("\n"))


def say_json(value: dict[str, Any]) -> None:
    """Print an object as indented JSON; `schema` is its last member, unless it brings its own."""
    import msgspec

    versioned = value if "schema" in value else {**value, "schema": SCHEMA}
    say(msgspec.json.format(msgspec.json.encode(versioned), indent=2).decode())
