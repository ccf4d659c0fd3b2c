"""A ledger as JSON Lines: a header that names the version, an object a row, and a last line that says how many there are.

    {"format":"footprint-ledger","version":1,"tables":1}
    {"table":"runs","id":"…","name":"…", … ,"facts":{…}}
    {"table":"samples","run_id":"…", … }
    {"end":{"runs":12,"devices":36,"samples":43200,"ticks":14400,"energy_mj":90312345}}

A file without its last line is torn. `facts` is the whole run as an object, byte for byte as the ledger holds it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger import tables
from footprint.ledger.exchange.files import new_file, open_plain, shown
from footprint.ledger.exchange.parcels import HEADER, Counts, Header, check_cell, check_counts, check_header, checked, counts_of
from footprint.ledger.rows import Row, Rows, no_rows
from footprint.text import clean

LINE_LIMIT_BYTES: Final = 16 * 2**20
_NAMES: Final = {table: tuple(column.name for column in columns) for table, columns in tables.TABLES.items()}


class _End(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    end: Counts


def write_lines(rows: Rows, path: Path) -> None:
    """Write rows as one file, whole or not at all.

    Raises:
        LedgerError: if it cannot be written.
    """
    with new_file(path) as file:
        for line in _lines(rows):
            file.write(line)


def is_lines(path: Path) -> bool:
    """Whether a file begins as one that `write_lines` wrote, whatever its version."""
    try:
        with open_plain(path) as file:
            return b'"footprint-ledger"' in file.read(200).partition(b"\n")[0]
    except (LedgerError, OSError):
        return False


def read_lines(path: Path) -> Rows:
    """The rows in a file that `write_lines` wrote, looked through.

    Raises:
        LedgerError: with the line where something is wrong.
    """
    with open_plain(path) as file:
        return _read(file, shown(path))


def _lines(rows: Rows) -> Iterator[bytes]:
    encode = msgspec.json.encode
    yield encode(HEADER) + b"\n"
    for table, names in _NAMES.items():
        for row in getattr(rows, table):
            told: dict[str, Any] = {"table": table, **dict(zip(names, row, strict=True))}
            if table == "runs":
                told["facts"] = msgspec.Raw(told["facts"].encode())
            yield encode(told) + b"\n"
    yield encode({"end": counts_of(rows)}) + b"\n"


def _read(file: BinaryIO, name: str) -> Rows:
    found = no_rows()
    numbers = {table: array("Q") for table in tables.TABLES}
    end: _End | None = None
    number = 0
    while line := file.readline(LINE_LIMIT_BYTES + 1):
        number += 1
        try:
            _whole(line, ended=end is not None)
            if number == 1:
                check_header(msgspec.json.decode(line, type=Header), f"{name}:1")
            elif line.startswith(b'{"end"'):
                end = msgspec.json.decode(line, type=_End)
            else:
                table, row = _row(line)
                getattr(found, table).append(row)
                numbers[table].append(number)
        except (ValueError, msgspec.DecodeError) as error:
            raise LedgerError(f"{name}:{number}: {error}") from None
    if end is None:
        raise LedgerError(f"{name}:{number}: the export is torn: its last line is missing")
    check_counts(counts_of(found), end.end, f"{name}:{number}")
    return checked(found, lambda table, place: f"{name}:{numbers[table][place] if place < len(numbers[table]) else number}")


def _whole(line: bytes, *, ended: bool) -> None:
    if not line.endswith(b"\n"):
        raise ValueError("the line is torn off" if len(line) <= LINE_LIMIT_BYTES else "the line is too long")
    if ended:
        raise ValueError("there is more after the end")


def _row(line: bytes) -> tuple[str, Row]:
    """The table and the cells of a line.

    Raises:
        ValueError: if it is no row of a table.
    """
    # The facts of a run stay as they were written.
    told = {name: _cell(name, raw) for name, raw in _raw.decode(line).items()} if line.startswith(_A_RUN) else _plain.decode(line)
    table = told.pop("table", None)
    if not isinstance(table, str) or table not in _NAMES:
        raise ValueError("this is no row of a table")
    if told.keys() != set(_NAMES[table]):
        wrong = sorted(told.keys() ^ set(_NAMES[table]))
        raise ValueError(f"the columns of {table} are others: {', '.join(clean(one) for one in wrong[:4])}")
    return table, tuple([check_cell(column, told[column.name]) for column in tables.TABLES[table]])


def _cell(name: str, raw: msgspec.Raw) -> Any:
    return bytes(raw).decode() if name == "facts" else msgspec.json.decode(raw)


_A_RUN: Final = b'{"table":"runs",'
_raw: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_plain: Final = msgspec.json.Decoder(dict[str, Any])
