"""What is being recorded right now: the runs of a ledger that have not ended, followed as their journals grow.

Each look reads only what is new of each journal, and holds only the runs that are open. Which journals there are is looked up
less often than they are read; one that nobody wrote to for `SILENT_S` has no recorder any more, and is not opened.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from footprint.ledger.facts import SILENT_INTERVALS, RunRecords
from footprint.ledger.home import home as default_home
from footprint.ledger.processes import Process
from footprint.ledger.reading import journal_paths, open_journal
from footprint.ledger.records import AnyRecord, Close, Imported, Open, Tick, record_of, salvage
from footprint.model import Run

SILENT_S: Final = SILENT_INTERVALS * 3_600.0
"""The longest interval of a recorder is an hour."""
LISTED_S: Final = 2.0
BACK_S: Final = 10.0
_LIST_RATIO: Final = 0.01
_TAIL_BYTES: Final = 2**16


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is being recorded: its facts so far, whom it records, and what they were a while ago.

    `before` is null but for the first look at a journal that was there already: it lets the power of that moment be told.
    """

    run: Run
    tracked: Process
    before: Run | None = None


class Running:
    """Follows the runs of a ledger that have not ended.

    Args:
        home: the ledger; by default the user's.
        only: this journal alone.
    """

    def __init__(self, home: Path | None = None, only: Path | None = None) -> None:
        self._home = home or default_home()
        self._is_one = only is not None
        self._journals: dict[Path, _Journal] = {} if only is None else {only: _Journal(only)}
        self._listed_s = -float("inf")
        self._gap_s = LISTED_S
        self.problems: tuple[str, ...] = ()

    def look(self) -> list[Now]:
        """The runs that are open now, the oldest first; what could not be read is in `problems`.

        Raises:
            LedgerError: if the ledger's folder cannot be listed.
        """
        if not self._is_one:
            self._list()
        found: dict[str, Now] = {}
        problems = []
        for path, journal in self._journals.items():
            try:
                found |= {one.run.id: one for one in journal.look()}
            except FileNotFoundError:  # archived, or deleted, between two looks
                journal.forget()
            except OSError as error:
                problems.append(f"{path}: not read: {error.strerror}")
        self.problems = (*self._unlisted, *problems) if not self._is_one else tuple(problems)
        return sorted(found.values(), key=lambda one: (one.run.started_at, one.run.id))

    _unlisted: tuple[str, ...] = ()

    def _list(self) -> None:
        """Look which journals there are, where that is due."""
        now_s = time.monotonic()
        if now_s - self._listed_s < self._gap_s:
            return
        unlisted: list[str] = []
        since = time.time() - SILENT_S
        known: dict[Path, _Journal] = {}
        for path in journal_paths(self._home, unlisted):
            journal = self._journals.get(path)
            with suppress(OSError):
                if path.lstat().st_mtime >= since or (journal is not None and journal.is_open):
                    known[path] = journal or _Journal(path)
        self._journals, self._unlisted = known, tuple(unlisted)
        self._listed_s = time.monotonic()
        self._gap_s = max(LISTED_S, (self._listed_s - now_s) / _LIST_RATIO)


class _Journal:
    """One journal, as far as it was read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._offset = 0
        self._open: dict[str, RunRecords] = {}
        self._inode = 0

    @property
    def is_open(self) -> bool:
        """Whether a run of it has not ended, as far as it was read."""
        return bool(self._open)

    def look(self) -> Iterator[Now]:
        """Read what is new; the runs that are open.

        Raises:
            OSError: if it cannot be read.
        """
        before = self._read()
        for run_id, records in self._open.items():
            run = records.run()
            if run.outcome == "running":
                yield Now(run=run, tracked=records.opened.tracked, before=before.get(run_id))

    def _read(self) -> dict[str, Run]:
        descriptor, size = open_journal(self._path)
        with os.fdopen(descriptor, "rb") as file:
            inode = os.fstat(descriptor).st_ino
            if inode != self._inode or size < self._offset:  # another file in its place
                self.forget()
                self._inode = inode
            if size == self._offset:
                return {}
            since_s = _last_tick_s(file, size) - BACK_S if self._offset == 0 else None
            before: dict[str, Run] = {}
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # it is being written
                self._offset += len(line)
                for record in _records(line):
                    if since_s is not None and isinstance(record, Tick) and record.t_s > since_s:
                        before = {run_id: records.run() for run_id, records in self._open.items()}
                        since_s = None
                    self._take(record)
            return before

    def _take(self, record: AnyRecord) -> None:
        match record:
            case Open():
                self._open[record.run] = RunRecords(record)
            case Close():
                self._open.pop(record.run, None)
            case Imported():
                pass
            case _:
                for run_id in _runs_of(record):
                    if (records := self._open.get(run_id)) is not None:
                        records.add(record)


def _runs_of(record: AnyRecord) -> Sequence[str]:
    runs: Sequence[str] = getattr(record, "runs", None) or (getattr(record, "run", ""),)
    return runs


def _records(line: bytes) -> Iterator[AnyRecord]:
    """The record of a line, or what can be saved of it."""
    try:
        yield record_of(line.removesuffix(b"\n"))
    except ValueError:
        for piece in salvage(line):
            with suppress(ValueError):
                yield record_of(piece)


def _last_tick_s(file: BinaryIO, size: int) -> float:
    """The time of the last reading in a journal; infinity where its end tells of none."""
    file.seek(max(0, size - _TAIL_BYTES))
    for line in reversed(file.read(_TAIL_BYTES).splitlines()):
        with suppress(ValueError):
            record = record_of(line)
            if isinstance(record, Tick):
                return record.t_s
    return float("inf")
