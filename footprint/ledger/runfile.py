"""A finished run as one portable file: what `track(record=…)` leaves behind in a pod or a notebook."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import LedgerError
from footprint.model import SCHEMA_VERSION, Run

LIMIT_BYTES: Final = 16 * 2**20


def write_run_file(run: Run, path: Path) -> None:
    """Write a run as one JSON file, whole or not at all.

    Raises:
        LedgerError: if it cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode(run), indent=2) + b"\n"
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise LedgerError(f"the run cannot be written to {path}: {error.strerror}") from error


def read_run_file(path: Path) -> Run:
    """The run in a file that `write_run_file` wrote.

    Raises:
        LedgerError: if it cannot be read, is no run, or was written by a newer version.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise LedgerError(f"the run file {path} cannot be read: {error.strerror}") from error
    if len(data) > LIMIT_BYTES:
        raise LedgerError(f"{path} is no run file: it is larger than {LIMIT_BYTES} bytes")
    try:
        run = msgspec.json.decode(data, type=Run)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerError(f"{path} is no run file: {error}") from error
    if run.schema > SCHEMA_VERSION:
        raise LedgerError(f"{path} was written by a newer version of footprint (schema {run.schema}): upgrade to read it")
    if wrong := impossible(run):
        raise LedgerError(f"{path} is no run file: {wrong}")
    return _in_utc(run)


def _in_utc(run: Run) -> Run:
    """A run whose start is told in UTC, as all others are: days and months are those of its first letters."""
    started = datetime.fromisoformat(run.started_at)
    if not started.utcoffset():
        return run
    with suppress(OverflowError):  # the first or the last day of all: told as it is
        return msgspec.structs.replace(run, started_at=started.astimezone(UTC).isoformat())
    return run


def impossible(run: Run) -> str | None:
    """What no run can be, in a file that somebody may have edited; null if nothing is."""
    try:
        started = datetime.fromisoformat(run.started_at)
    except ValueError:
        return f"started_at={run.started_at[:40]!r} is not a time in ISO 8601"
    if started.tzinfo is None:
        return f"started_at={run.started_at!r} does not say its time zone: UTC ends in +00:00"
    numbers: dict[str, float | None] = {"duration_s": run.duration_s}
    for reading in run.devices:
        numbers |= {f"energy_j of {reading.device.id}": reading.energy_j, f"read_s of {reading.device.id}": reading.read_s}
    if run.cpu is not None:
        numbers |= {"tree_s": run.cpu.tree_s, "busy_s": run.cpu.busy_s, "cpu's read_s": run.cpu.read_s}
    wrong = [name for name, number in numbers.items() if number is not None and not 0 <= number < math.inf]
    return f"{wrong[0]}={numbers[wrong[0]]} is not possible" if wrong else None
