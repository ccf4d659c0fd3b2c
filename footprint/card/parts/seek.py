"""Searching bytes for short marks.

A single byte is found by the C library, many bytes at a step; two or three in a row are compared one by one, which takes twenty
times as long. So a mark is looked for by the byte of it that texts have least.
"""

from __future__ import annotations

from typing import Final

_FEW: Final = 100  # places at which only the byte stood; where there are more, it is not rare in this text


def seek(raw: bytes, mark: bytes, rare: int, start: int = 0) -> int:
    """The first place of a mark from `start` on; -1 where there is none. `rare` is the index, in the mark, of its rare byte."""
    byte = mark[rare]
    place = raw.find(byte, start + rare)
    for _ in range(_FEW):
        if place < 0:
            return -1
        if raw.startswith(mark, place - rare):
            return place - rare
        place = raw.find(byte, place + 1)
    return raw.find(mark, place - rare) if place >= 0 else -1
