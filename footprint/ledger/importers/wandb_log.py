"""The file of a Weights & Biases run (`run-….wandb`): its framing, and the few messages in it that bear on energy.

The framing is LevelDB's log: blocks of 32 KiB, in them pieces with CRC-32, length and kind (whole, first, middle, last). In them
are messages of Protocol Buffers, of which only the fields named here are read. A torn end costs what was not written whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from footprint.errors import LedgerError

MAGIC: Final = b":W&B"
_HEADER_BYTES: Final = 7
_BLOCK_BYTES: Final = 32 * 2**10
_PIECE: Final = struct.Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_VARINT, _BYTES = 0, 2
_FIXED: Final = {1: 8, 5: 4}
_LONGEST_VARINT: Final = 10

Message = dict[int, list[int | bytes]]
"""The fields of a message by number, each with its values in order."""


def records(data: bytes, where: str) -> Iterator[bytes]:
    """The records of a file, in order; one that is torn off at the end is left out.

    Raises:
        LedgerError: if it is no such file, or damaged before its end.
    """
    if data[: len(MAGIC)] != MAGIC or len(data) < _HEADER_BYTES:
        raise LedgerError(f"{where}: no file of a Weights & Biases run")
    parts: list[bytes] = []
    at, count = _HEADER_BYTES, 0
    while at < len(data):
        left = _BLOCK_BYTES - at % _BLOCK_BYTES
        if left < _PIECE.size:  # padding
            at += left
            continue
        if at + _PIECE.size > len(data):
            return
        checksum, length, kind = _PIECE.unpack_from(data, at)
        piece = data[at + _PIECE.size : at + _PIECE.size + length]
        if len(piece) < length:
            return
        if kind not in {_WHOLE, _FIRST, _MIDDLE, _LAST} or zlib.crc32(piece, zlib.crc32(bytes([kind]))) != checksum:
            raise LedgerError(f"{where}: damaged after {count} records (byte {at}): the checksum does not fit")
        at += _PIECE.size + length
        if kind in {_WHOLE, _FIRST}:
            parts = []
        parts.append(piece)
        if kind in {_WHOLE, _LAST}:
            count += 1
            yield b"".join(parts)


def message(data: bytes, where: str) -> Message:
    """The fields of a message.

    Raises:
        LedgerError: if it is none.
    """
    found: Message = {}
    at = 0
    try:
        while at < len(data):
            key, at = _varint(data, at)
            number, wire = key >> 3, key & 7
            if wire == _VARINT:
                value, at = _varint(data, at)
                found.setdefault(number, []).append(value)
                continue
            length, at = _varint(data, at) if wire == _BYTES else (_FIXED[wire], at)
            piece, at = data[at : at + length], at + length
            found.setdefault(number, []).append(piece)
            if at > len(data):
                break
        else:
            return found
    except (IndexError, KeyError):
        pass
    raise LedgerError(f"{where}: a message in it cannot be read")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(_LONGEST_VARINT):
        byte = data[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:  # noqa: PLR2004 - no further byte
            return value, at + count + 1
    raise IndexError


def texts(fields: Message, number: int) -> list[str]:
    """The values of a field as texts."""
    return [value.decode("utf-8", "replace") for value in fields.get(number, []) if isinstance(value, bytes)]


def text(fields: Message, number: int) -> str | None:
    """A field's value as a text."""
    return next(reversed(texts(fields, number)), None) or None


def inner(fields: Message, number: int, where: str) -> list[Message]:
    """The messages in a field."""
    return [message(value, where) for value in fields.get(number, []) if isinstance(value, bytes)]


def whole(fields: Message, number: int) -> int | None:
    """A field's value as a whole number."""
    return next((value for value in reversed(fields.get(number, [])) if isinstance(value, int)), None)


def moment_s(fields: Message, number: int, where: str) -> float | None:
    """A field's value as a moment, s since 1970."""
    found = next(iter(inner(fields, number, where)), None)
    return None if found is None else (whole(found, 1) or 0) + (whole(found, 2) or 0) / 1e9
