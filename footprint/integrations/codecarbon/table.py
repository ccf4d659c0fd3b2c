"""CodeCarbon's `emissions.csv`, written as it writes it, but so that no row is lost: under a lock, whole rows at once.

A file with other columns is set aside (`emissions.csv.bak`) as CodeCarbon does; one with the same columns in another order keeps
its own. A text that a spreadsheet would take for a formula gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from footprint.errors import LedgerError

_RISKY: Final = re.compile(r"\s*[=+\-@]")
_LOCK_LIMIT_S: Final = 5.0
_LOCK_AGAIN_S: Final = 0.01
_MODE: Final = 0o644


def add_row(path: Path, row: Mapping[str, Any], *, is_updated: bool = False) -> None:
    """Append a row, or put it in the place of the one with its `run_id`; whole or not at all.

    Raises:
        LedgerError: if it cannot be written.
    """
    try:
        with _alone(path) as descriptor:
            text = _all_of(descriptor)
            header = next(csv.reader(io.StringIO(text)), None)
            if header is not None and sorted(header) != sorted(row):
                path.rename(_free(path))
                _replace(path, _line(list(row)) + _line(list(row.values())))
            elif header is None:
                _write(descriptor, _line(list(row)) + _line(list(row.values())))
            elif is_updated:
                _replace(path, _updated(text, header, row))
            else:
                _write(descriptor, "\n" * (not text.endswith("\n")) + _line([row[name] for name in header]))
    except OSError as error:
        raise LedgerError(f"{path} was not written: {error.strerror or error}") from error


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table anew.

    Raises:
        LedgerError: if it cannot be written.
    """
    try:
        _replace(path, _line(list(rows[0])) + "".join(_line(list(row.values())) for row in rows))
    except OSError as error:
        raise LedgerError(f"{path} was not written: {error.strerror or error}") from error


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """The file, made if there is none, for us alone: also where another program has put a new one in its place meanwhile."""
    deadline_s = time.monotonic() + _LOCK_LIMIT_S
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), _MODE)
        try:
            _lock(descriptor, deadline_s)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    yield descriptor
                    return
        finally:
            os.close(descriptor)  # and the lock with it


def _lock(descriptor: int, deadline_s: float) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: whole rows at once are what there is
        return
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"another program has held it for {_LOCK_LIMIT_S:g} s") from None
            time.sleep(_LOCK_AGAIN_S)
        except OSError:  # a file system without locks
            return
        else:
            return


def _all_of(descriptor: int) -> str:
    with os.fdopen(os.dup(descriptor), encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.seek(0)
        return file.read()


def _write(descriptor: int, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    size = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError:  # the disk is full: no half a row
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _updated(text: str, header: list[str], row: Mapping[str, Any]) -> str:
    _, *rows = csv.reader(io.StringIO(text))
    at = header.index("run_id")
    kept = [one for one in rows if len(one) <= at or one[at] != row["run_id"]]
    return _raw(header) + "".join(map(_raw, kept)) + _line([row[name] for name in header])


def _free(path: Path) -> Path:
    """A name that nothing has, as CodeCarbon's own copies are called."""
    found, count = path.with_name(f"{path.name}.bak"), 0
    while found.exists():
        found, count = path.with_name(f"{path.name}_{count}.bak"), count + 1
    return found


def _line(cells: Sequence[Any]) -> str:
    return _raw([_cell(cell) for cell in cells])


def _raw(cells: Sequence[str]) -> str:
    told = io.StringIO()
    csv.writer(told, lineterminator="\n").writerow(cells)
    return told.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    told = " ".join(value.split()) if isinstance(value, str) else repr(value)
    return f"'{told}" if isinstance(value, str) and _RISKY.match(told) else told
