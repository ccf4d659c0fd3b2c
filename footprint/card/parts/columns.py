"""YAML of nothing but words and numbers in block style, known for valid without a parser.

Most of the metadata in cards is such: lists of tags, and a `model-index` of keys, dashes, words and numbers. Whether such lines
nest as YAML wants it is a matter of their columns alone, and takes a fraction of a parser's time.
"""

from __future__ import annotations

import re
from typing import Final

_MAX_DEPTH: Final = 40

# What no reader takes for anything but a word or a number; what may be a date, a time or an octal number is left out.
_SCALAR: Final = rb"(?:[A-Za-z][\w./+-]*(?: [A-Za-z0-9][\w./+-]*)*|-?(?:0|[1-9]\d{0,15})(?:\.\d{1,20})?)"
_LINE = re.compile(rb"( *)((?:- +)*)(?:[A-Za-z_][\w./-]{0,99}:( +" + _SCALAR + rb")?|(" + _SCALAR + rb")) *")


def is_plain(text: bytes) -> bool:
    """Whether a text is a block mapping of words and numbers; False where a parser has to say.

    A line is dashes and then a key with or without a value, or dashes and a value. What a line begins with closes what stands
    deeper, goes on with what stands as deep, and may stand deeper than all only where the key before it has no value.
    """
    opened: list[tuple[int, bool]] = []  # the column of each mapping and list that is open, and whether it is a list
    waits = True  # whether the last key has no value yet
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            if line.strip(b" "):
                return False
            continue
        dashes, value = found[2], found[3] or found[4]
        column = found.end(1)
        if not dashes and found[4]:
            return False  # a value on a line of its own goes on with the one before
        if not _place(opened, column, waits, is_list=bool(dashes)):
            return False
        place = dashes.find(b"-", 1)
        while place > 0:
            opened.append((column + place, True))
            place = dashes.find(b"-", place + 1)
        if dashes and not found[4]:
            opened.append((found.end(2), False))
        if len(opened) > _MAX_DEPTH:
            return False
        waits = value is None
    return bool(opened) and not opened[0][1]


def _place(opened: list[tuple[int, bool]], column: int, waits: bool, *, is_list: bool) -> bool:
    """Close what a line closes, and open what it opens by its first key or dash; whether it may stand where it does."""
    while opened and opened[-1][0] > column:
        opened.pop()
        waits = False
    if opened and opened[-1] == (column, True) and not is_list:
        opened.pop()  # a list as deep as its key ends with the next key
        return bool(opened) and opened[-1] == (column, False)
    if opened and opened[-1] == (column, is_list):
        return True
    opened.append((column, is_list))
    return waits
