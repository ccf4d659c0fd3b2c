"""What would change in a card, as a unified diff that `patch` applies, or as text that a person can paste."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path

from footprint import text


def diff_of(file: Path, before: bytes, after: bytes) -> bytes:
    """A unified diff of two cards that `patch -p1` applies: their own bytes and line ends."""
    # Only a line feed ends a line for `patch`.
    old, new = ([line + b"\n" for line in data.split(b"\n")] for data in (before, after))
    for lines in (old, new):
        lines[-1:] = [lines[-1][:-1]] if lines[-1] != b"\n" else []
    name = os.fsencode(file.as_posix().lstrip("/"))
    found = difflib.diff_bytes(difflib.unified_diff, old, new, b"a/" + name, b"b/" + name)
    return b"".join(line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in found)


def print_diff(diff: bytes) -> None:
    """Print a diff: as it is to a file or a pipe; to a terminal without what could move its cursor."""
    if sys.stdout.isatty():
        shown = diff.decode("utf-8", "replace")
        print("".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in shown), end="")
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(diff)
    sys.stdout.buffer.flush()


def to_paste(file: Path, error: Exception, filled: bytes) -> bytes:
    """What a person could paste into a card that is not filled, in front of it why: text that `patch` passes over.

    Args:
        file: the card.
        error: why it was refused.
        filled: an empty card, filled.
    """
    from footprint.card import named, read_card

    front = read_card(filled).document.front_matter
    metadata = b"" if front is None else filled[front.start : front.end].strip()
    body = filled if front is None else filled[front.body :]
    why = text.clean(named(file, error), limit=1000).encode("utf-8", "replace")
    parts = [b"# not filled: " + why]
    if metadata:
        parts += [b"# to paste into its front matter, between the lines of ---:", _without_fences(metadata)]
    parts += [b"# to paste where its account belongs:", body.strip()]
    return b"\n".join([*parts, b"# end of what could be pasted", b""])


def _without_fences(metadata: bytes) -> bytes:
    return b"\n".join(line for line in metadata.splitlines() if line.strip() != b"---")
