"""Reading other tools' files: tables by their header, numbers that are numbers; each refusal names its line."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from footprint.errors import LedgerError
from footprint.ledger.cells import long_cells
from footprint.text import clean

LIMIT_BYTES: Final = 512 * 2**20
HEAD_BYTES: Final = 64 * 2**10
NAME_LIMIT: Final = 200
_ID_DIGITS: Final = 16
_SHOWN: Final = 40
_LONGEST_CELL: Final = 10**6
_YEARS: Final = (2000, 2999)
# Not what `float` takes: it knows `1_000`, `infinity` and digits of other scripts.
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def id_of(tool: str, *parts: object) -> str:
    """The id of a run of another tool's: the same each time it is imported."""
    text = "\0".join([tool, *map(str, parts)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_DIGITS]


def name_of(told: str | None) -> str | None:
    """A name from elsewhere, on one line and of a length that one can read; None if there is nothing in it."""
    found = clean(told, limit=NAME_LIMIT, empty="") if told else ""
    return found or None


def head_of(source: str) -> bytes:
    """The beginning of a file, for recognising it; empty where there is no such file."""
    try:
        with Path(source).open("rb") as file:
            return file.read(HEAD_BYTES)
    except (OSError, ValueError):
        return b""


def bytes_of(path: Path, limit_bytes: int = LIMIT_BYTES) -> bytes:
    """All of a file.

    Raises:
        LedgerError: if it cannot be read, is no regular file or is too large.
    """
    if path.exists() and not path.is_file():
        raise LedgerError(f"{shown(path)} is no regular file")
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no path"
        raise LedgerError(f"{shown(path)} cannot be read: {reason}") from error
    if len(data) > limit_bytes:
        raise LedgerError(f"{shown(path)} is larger than {limit_bytes // 2**20} MiB: cut it into several files")
    return data


def text_of(path: Path, limit_bytes: int = LIMIT_BYTES) -> str:
    """All of a text file in UTF-8, with or without a byte order mark.

    Raises:
        LedgerError: if it cannot be read, or is no UTF-8: then with the line.
    """
    data = bytes_of(path, limit_bytes)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LedgerError(f"{shown(path)}:{line}: no text in UTF-8: convert it (iconv -t utf-8)") from None


def shown(path: Path) -> str:
    """A path for a message: on one line."""
    return clean(str(path), limit=300)


class Line:
    """One line of a table: where it stands, and its cells by the names of the header."""

    def __init__(self, where: str, cells: Mapping[str, str]) -> None:
        self.where = where
        self.cells = cells

    def text(self, column: str) -> str | None:
        """A cell as a name; None where it is empty or there is no such column."""
        return name_of(self.cells.get(column))

    def number(self, column: str, *, least: float = 0.0, most: float = math.inf) -> float | None:
        """A cell as a number; None where it is empty or there is no such column.

        Raises:
            LedgerError: if it is none, or lies outside `least` to `most`.
        """
        told = (self.cells.get(column) or "").strip()
        return number(told, column, self.where, least=least, most=most) if told else None

    def wrong(self, message: str) -> LedgerError:
        """The error for what is wrong in this line."""
        return LedgerError(f"{self.where}: {message}")


def number(told: str, what: str, where: str, *, least: float = 0.0, most: float = math.inf) -> float:
    """A text that is a finite number.

    Raises:
        LedgerError: if it is none, or lies outside `least` to `most`.
    """
    value = float(told) if _NUMBER.fullmatch(told) else math.nan
    if not math.isfinite(value):
        raise LedgerError(f"{where}: {what} is {clean(told, limit=_SHOWN)!r}, which is no number")
    if not least <= value <= most:
        side = f"below {least:g}" if value < least else f"above {most:g}"
        raise LedgerError(f"{where}: {what} is {value:g}, which is {side}")
    return value


def moment(told: str, what: str, where: str) -> datetime:
    """A text that is a time in ISO 8601, of a year in which there were such tools.

    Raises:
        LedgerError: if it is none.
    """
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        raise LedgerError(f"{where}: {what} is {clean(told, limit=_SHOWN)!r}, which is no time in ISO 8601") from None
    if not _YEARS[0] <= found.year <= _YEARS[1]:
        raise LedgerError(f"{where}: {what} is in the year {found.year}, which is not possible")
    return found


def table_of(path: Path, *, needed: Sequence[str], delimiter: str = ",", strict: bool = True) -> Iterator[Line]:
    """The lines of a table with a header, each with as many cells as it.

    Args:
        path: the file.
        needed: the columns without which it is not what it should be.
        delimiter: what stands between two cells.
        strict: quotes must be closed, as in CSV; otherwise a quote is a character as any.

    Raises:
        LedgerError: if it cannot be read, lacks a column, or a line is torn.
    """
    text = text_of(path)
    quoting: int = csv.QUOTE_MINIMAL if strict else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict, quoting=quoting)  # type: ignore[arg-type]
    where, line = f"{shown(path)}:1", 0
    try:
        rows = _rows(reader)
        header = [one.strip() for one in next(rows, [])]
        check_header(header, needed, where)
        line = reader.line_num
        for cells in rows:
            where, line = f"{shown(path)}:{line + 1}", reader.line_num
            if not any(cells):
                continue
            if len(cells) != len(header):
                raise LedgerError(f"{where}: {len(cells)} of {len(header)} cells: the line is torn, or not of this table")
            yield Line(where, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise LedgerError(f"{shown(path)}:{line + 1}: {error}: the line is torn, or not of this table") from None


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows of a reader, whose cells may be long."""
    while True:
        with long_cells(_LONGEST_CELL):
            row = next(reader, None)
        if row is None:
            return
        yield row


def check_header(header: Sequence[str], needed: Sequence[str], where: str) -> None:
    """Refuse a table that lacks a column, or names one twice.

    Raises:
        LedgerError: in that case.
    """
    missing = [one for one in needed if one not in header]
    if missing:
        raise LedgerError(f"{where}: no column {', '.join(missing)}: the header is missing, or this is another file")
    twice = {one for one in header if one and header.count(one) > 1}
    if twice:
        raise LedgerError(f"{where}: the column {clean(min(twice))} is there twice")
