"""Printing that no terminal can make fail."""

from __future__ import annotations

import io
import sys


def say(text: str) -> None:
    """Print to standard output, with one newline at the end; what its encoding cannot show becomes a question mark."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    print(text.removesuffix("\n"))
