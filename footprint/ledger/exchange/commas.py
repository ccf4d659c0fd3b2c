"""A ledger as CSV: a folder with a file a table (RFC 4180, UTF-8) and a manifest.

Null is an empty cell. A text that a spreadsheet would take for a formula, that begins with an apostrophe, or that is empty gets
an apostrophe in front, which a spreadsheet does not show and which is taken off again when the file is read: `=1+1` is written
`'=1+1`, `'tis` as `''tis`, and no other text is changed. Nothing that somebody called a run is computed, and nothing lost.
Numbers are written so that they read back to the last bit.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from footprint.errors import LedgerError
from footprint.ledger import tables
from footprint.ledger.cells import long_cells
from footprint.ledger.exchange.files import is_plain_folder, new_folder, open_plain, shown
from footprint.ledger.exchange.parcels import check_cell, check_counts, checked, counts_of, read_manifest, write_manifest
from footprint.ledger.rows import Row, Rows, no_rows
from footprint.text import clean

CELL_LIMIT_BYTES: Final = 16 * 2**20
# Spreadsheets skip spaces and control characters before a formula's sign; the wide forms are signs to some of them, too.
_RISKY: Final = re.compile(r"[\s\x00-\x20\ufeff]*[=+\-@＝＋－＠]|[\s\x00-\x1f'\ufeff]|$")
_TRUTH: Final = {"true": True, "false": False}


def write_commas(rows: Rows, path: Path) -> None:
    """Write rows as a folder, whole or not at all.

    Raises:
        LedgerError: if it cannot be written, or if there is one.
    """
    with new_folder(path) as folder:
        for table, columns in tables.TABLES.items():
            with (folder / f"{table}.csv").open("x", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow([column.name for column in columns])
                writer.writerows(_written(columns, getattr(rows, table)))
        write_manifest(folder, counts_of(rows))


def is_commas(path: Path) -> bool:
    """Whether a folder looks like one that `write_commas` wrote."""
    return is_plain_folder(path) and (path / "runs.csv").exists() and (path / "manifest.json").exists()


def read_commas(path: Path) -> Rows:
    """The rows in a folder that `write_commas` wrote, looked through.

    Raises:
        LedgerError: with file and line where something is wrong.
    """
    said = read_manifest(path)
    found = no_rows()
    numbers: dict[str, array[int]] = {}
    for table in tables.TABLES:
        numbers[table] = _read(path / f"{table}.csv", tables.TABLES[table], getattr(found, table))
    rows = checked(found, lambda table, place: _place(path / f"{table}.csv", numbers[table], place))
    check_counts(counts_of(found), said, shown(path))
    return rows


def _place(path: Path, numbers: array[int], place: int) -> str:
    return f"{shown(path)}:{numbers[place] if place < len(numbers) else [1, *numbers[-1:]][-1]}"


def escaped(text: str) -> str:
    """A text that no spreadsheet computes."""
    return f"'{text}" if _RISKY.match(text) else text


def unescaped(text: str) -> str:
    """What `escaped` was given."""
    return text.removeprefix("'")


def _written(columns: tuple[tables.Column, ...], rows: Iterable[Row]) -> Iterator[list[str]]:
    writers = [_WRITERS[column.type] for column in columns]
    for row in rows:
        yield ["" if cell is None else write(cell) for write, cell in zip(writers, row, strict=True)]


def _read(path: Path, columns: tuple[tables.Column, ...], found: list[Row]) -> array[int]:
    """Read a table; the lines at which its rows end.

    Raises:
        LedgerError: with the line where something is wrong.
    """
    numbers = array("Q")
    names = [column.name for column in columns]
    with open_plain(path) as file, long_cells(CELL_LIMIT_BYTES), io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        try:
            _same(next(reader, None), names)
            for cells in reader:
                found.append(_cells(columns, cells))
                numbers.append(reader.line_num)
        except (ValueError, csv.Error) as error:
            at = reader.line_num + isinstance(error, UnicodeDecodeError)
            raise LedgerError(f"{shown(path)}:{at}: {clean(str(error), limit=200)}") from None
        except OSError as error:
            raise LedgerError(f"{shown(path)} cannot be read: {error.strerror}") from None
    return numbers


def _same(there: list[str] | None, names: list[str]) -> None:
    if there != names:
        raise ValueError(f"the columns are not those of version {tables.TABLES_VERSION} of the tables")


def _cells(columns: tuple[tables.Column, ...], cells: list[str]) -> Row:
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} cells, and there are {len(columns)} columns")
    row = []
    for column, cell in zip(columns, cells, strict=True):
        try:
            value = _READERS[column.type](cell) if cell else None
        except (ValueError, KeyError):
            raise ValueError(f"{column.name}={clean(cell, limit=60)!r} is no {column.type}") from None
        row.append(check_cell(column, value))
    return tuple(row)


def _integer(cell: str) -> int:
    """A plain decimal integer: nothing that `int` would take besides.

    Raises:
        ValueError: for anything else.
    """
    if not _INTEGER.fullmatch(cell):
        raise ValueError(cell)
    return int(cell)


_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_WRITERS: Final[dict[tables.Type, Callable[[Any], str]]] = {
    "text": escaped,
    "bigint": str,
    "double": repr,
    "boolean": lambda cell: "true" if cell else "false",
}
_READERS: Final[dict[tables.Type, Callable[[str], Any]]] = {
    "text": unescaped,
    "bigint": _integer,
    "double": float,
    "boolean": _TRUTH.__getitem__,
}
