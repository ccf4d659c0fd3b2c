"""Edits of bytes: a span and what stands there instead."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from footprint.errors import CardError


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """Replace the bytes from `start` up to `end` by `new`; an insertion has `start == end`."""

    start: int
    end: int
    new: bytes


def arrange(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Sort edits by place, join insertions at one place in the order given, and leave out what changes nothing.

    Raises:
        CardError: if two edits overlap: one of them would undo the other.
    """
    joined: dict[int, bytes] = {}
    replacing: list[Edit] = []
    for edit in edits:
        if edit.start == edit.end:
            joined[edit.start] = joined.get(edit.start, b"") + edit.new
        else:
            replacing.append(edit)
    inserting = [Edit(start=place, end=place, new=new) for place, new in joined.items() if new]
    # An insertion goes before a replacement that starts at its place, and after one that ends there.
    arranged = sorted(replacing + inserting, key=lambda edit: (edit.start, edit.end))
    for before, after in pairwise(arranged):
        if after.start < before.end:
            raise CardError("two changes of this card overlap; nothing was written")
    return tuple(arranged)


def apply(raw: bytes, edits: Sequence[Edit]) -> bytes:
    """Apply arranged edits."""
    parts: list[bytes] = []
    place = 0
    for edit in edits:
        parts += [raw[place : edit.start], edit.new]
        place = edit.end
    return b"".join([*parts, raw[place:]])


def outside_is_equal(before: bytes, after: bytes, edits: Sequence[Edit]) -> bool:
    """Whether two texts are equal but for the edits: checked from the texts, not from how they were made."""
    old = new = 0
    for edit in edits:
        kept = edit.start - old
        if kept < 0 or before[old : edit.start] != after[new : new + kept]:
            return False
        new += kept
        if after[new : new + len(edit.new)] != edit.new:
            return False
        old, new = edit.end, new + len(edit.new)
    return before[old:] == after[new:]
