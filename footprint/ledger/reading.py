"""The reading side of the ledger: journals to runs, whatever state a crash or a bad disk left them in."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.facts import RunRecords, Sink, without_loose_parents
from footprint.ledger.home import home as default_home
from footprint.ledger.home import runs_dir
from footprint.ledger.processes import is_alive
from footprint.ledger.records import (
    AnyRecord,
    Close,
    Held,
    Imported,
    Marked,
    NewerRecordError,
    Open,
    Progress,
    Tick,
    Work,
    is_intact,
    record_of,
    salvage,
)
from footprint.model import Run

HELD_BYTES: Final = 2**18
"""A journal of no more bytes is held in memory while it is read."""
_AMBIGUOUS_SHOWN: Final = 4
_ENDS: Final = (Open, Close, Imported)
_STREAMED: Final = re.compile(rb'\{"v":\d+,"journal":"([^"]*)","seq":(\d+),"type":"(?:tick|held|work|mark|progress)"')


class JournalReading:
    """What one journal holds: its runs by id, whole runs from elsewhere, and what could not be read."""

    def __init__(self, runs: dict[str, RunRecords], problems: list[str], imported: Sequence[Run] = ()) -> None:
        self.runs = runs
        self.problems = problems
        self.imported = imported

    def facts(self) -> list[Run]:
        """The facts of all its runs."""
        return [*without_loose_parents(list(self.runs.values())), *self.imported]


def read_journal(
    path: Path, only_run: str | None = None, *, keep_ticks: bool = False, sink: Sink | None = None
) -> JournalReading:
    """Read one journal, or of it only what bears on one run (quick in a long journal of many runs).

    The end of a run is known before its readings come, which are summed up and forgotten: a long journal is read twice, a short
    one is held.

    Args:
        path: the journal.
        only_run: the one run's id.
        keep_ticks: keep the ticks, for `RunRecords.points`.
        sink: takes the ticks in their stead, as they come.
    """
    try:
        descriptor, size = open_journal(path)
        if size <= HELD_BYTES:
            try:
                data = _bytes(descriptor, size + 1)  # of a line that is just being appended, more than was there
            finally:
                os.close(descriptor)
            return _gather(_Lines(path, io.BytesIO(data), size, only_run, is_held=True), keep_ticks=keep_ticks, sink=sink)
        with os.fdopen(descriptor, "rb") as file:
            return _gather(_Lines(path, file, size, only_run), keep_ticks=keep_ticks, sink=sink)
    except OSError as error:
        return JournalReading({}, [f"{path}: not read: {error.strerror}"])


def _gather(lines: _Lines, *, keep_ticks: bool, sink: Sink | None) -> JournalReading:
    ends = lines.ends()
    closes = {record.run: record for record in ends if isinstance(record, Close)}
    runs = {
        record.run: RunRecords(record, closes.get(record.run), keep_ticks=keep_ticks, sink=sink)
        for record in ends
        if isinstance(record, Open)
    }
    imported = {record.facts.id: record.facts for record in ends if isinstance(record, Imported)}
    orphans = closes.keys() - runs.keys()
    for record in lines.between():
        for run_id in record.runs if isinstance(record, Tick | Held) else (record.run,):
            if run_id in runs:
                runs[run_id].add(record)
            else:
                orphans.add(run_id)
    if orphans and lines.only_run is None:
        lines.tell(f"{lines.path}: the beginning of {len(orphans)} run(s) is lost: {', '.join(sorted(orphans))}")
    if lines.unfinished and not any(is_alive(records.opened.recorder) for records in runs.values()):
        lines.tell(lines.unfinished)  # while its recorder lives, a line without its newline is being written
    return JournalReading(runs, lines.problems, list(imported.values()))


def journal_paths(home: Path | None = None, problems: list[str] | None = None) -> list[Path]:
    """The journals of a ledger, oldest day first; of a journal that was copied, the copy that holds most.

    Args:
        home: the ledger; by default the user's.
        problems: takes a line for each folder in it that cannot be listed, say another user's.

    Raises:
        LedgerError: if the ledger's own folder cannot be listed.
    """
    root = runs_dir(home or default_home())
    found: dict[str, Path] = {}
    try:
        days = _folders(root)
    except OSError as error:
        raise LedgerError(f"the ledger cannot be read at {error.filename or root}: {error.strerror}") from error
    for folder in _each(days, _folders, problems):
        for path in _each([folder], _journals, problems):
            other = found.get(path.name)
            if other is None or other.lstat().st_size < path.lstat().st_size:
                found[path.name] = path
    return list(found.values())


def _each(folders: Iterable[Path], listed: Callable[[Path], list[Path]], problems: list[str] | None) -> Iterator[Path]:
    """What folders hold; one that cannot be listed is a problem, and the others are."""
    for folder in folders:
        try:
            found = listed(folder)
        except OSError as error:
            if problems is not None:
                problems.append(f"{folder}: not read: {error.strerror}")
        else:
            yield from found


def _folders(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            return sorted([Path(entry.path) for entry in entries if entry.is_dir()])
    except FileNotFoundError:
        return []


def _journals(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted([Path(entry.path) for entry in entries if entry.name.endswith(".jsonl")])


class _Lines:
    """The records of an open journal in the order in which they were written, and what is wrong with its bytes.

    Those that begin and end runs are few, and held; all others come one by one, or are held as well where they are few, too.

    Args:
        path: the journal.
        file: its bytes.
        end: how many of them count: what is appended meanwhile is for the next reading.
        only_run: the one run that is wanted.
        is_held: whether all records are to be held, so that each line is looked at once.
    """

    def __init__(self, path: Path, file: BinaryIO, end: int, only_run: str | None, *, is_held: bool = False) -> None:
        self.path = path
        self.only_run = only_run
        self.unfinished: str | None = None
        self._file = file
        self._damaged: dict[int, str] = {}
        self._newer: set[int] = set()
        self._told: list[str] = []
        self._in_order = True
        self._last: tuple[bytes, int] | None = None
        self._end = end
        self._held: list[AnyRecord] | None = [] if is_held else None

    @property
    def problems(self) -> list[str]:
        """What is wrong, a line each, in the order of the journal."""
        found = [self._damaged[number] for number in sorted(self._damaged)]
        if self._newer:
            told = f"{len(self._newer)} record(s) of a newer version of footprint were left out; upgrade to read them"
            found.append(f"{self.path}: {told}")
        return found + self._told

    def tell(self, problem: str) -> None:
        """Add a problem of the whole journal."""
        self._told.append(problem)

    def ends(self) -> list[Open | Close | Imported]:
        """The records that begin and end runs, and whole ones; to be asked for before the others."""
        found: dict[tuple[str, int], Open | Close | Imported] = {}
        held = self._held
        for number, line in self._lines():
            streamed = None if held is not None else _STREAMED.match(line)
            if streamed and line.count(b'"journal":') == 1:  # it stands alone in its line, by its looks
                self._follow(streamed[1], int(streamed[2]), line)
                continue
            for record in self._records(number, line):
                self._follow(record.journal.encode(), record.seq)
                if isinstance(record, _ENDS):
                    found.setdefault((record.journal, record.seq), record)  # a copied journal may hold a record twice
                elif held is not None:
                    held.append(record)
        return [found[place] for place in sorted(found)]

    def between(self) -> Iterator[Tick | Held | Work | Marked | Progress]:
        """All other records, each once. Those of a journal whose pieces stand twice or in disorder are held and sorted first."""
        others: Iterable[Any] = self._held if self._held is not None else self._streamed()
        if self._in_order:
            yield from others
        else:
            found = {(record.journal, record.seq): record for record in others}
            yield from (found[place] for place in sorted(found))

    def _streamed(self) -> Iterator[AnyRecord]:
        for number, line in self._lines():
            for record in self._records(number, line):
                if not isinstance(record, _ENDS):
                    yield record

    def _follow(self, journal: bytes, seq: int, line: bytes | None = None) -> None:
        """Take note of a record's place; of one that is not the next, and was not looked at, only if its line is intact."""
        last, place = self._last, (journal, seq)
        if last is not None and place != (last[0], last[1] + 1):
            if line is not None and not is_intact(line.removesuffix(b"\n")):
                return  # its number may be what is damaged
            self._in_order = self._in_order and journal == last[0] and seq > last[1]
        self._last = place

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        wanted = in_line(self.only_run or "")
        self._file.seek(0)
        left = self._end
        for number, line in enumerate(self._file, start=1):
            left -= len(line)
            if left < 0:
                return
            if line != b"\n" and wanted in line:
                yield number, line

    def _records(self, number: int, line: bytes) -> Iterator[AnyRecord]:
        """The record of a line, or what can be saved of it; what is wrong with the line is noted."""
        try:
            yield record_of(line.removesuffix(b"\n"))
        except NewerRecordError:
            self._newer.add(number)
        except ValueError as error:
            if line.endswith(b"\n"):
                self._damaged[number] = f"{self.path}:{number}: a damaged record was left out: {error}"
            else:
                self.unfinished = f"{self.path}:{number}: the last record was torn off"
            for piece in salvage(line):
                with suppress(ValueError):
                    yield record_of(piece)


def in_line(text: str) -> bytes:
    """A text as it stands in a line of a journal."""
    try:
        return msgspec.json.encode(text)[1:-1]
    except UnicodeEncodeError:  # bytes of a command line that are no text: no line holds them
        return text.encode("utf-8", "surrogatepass")


def mentions(path: Path, *texts: str) -> bool:
    """Whether a line of a journal holds one of some texts; false where it cannot be read."""
    wanted = [in_line(text) for text in texts]
    try:
        descriptor, _ = open_journal(path)
        with os.fdopen(descriptor, "rb") as file:
            return any(one in line for line in file for one in wanted)
    except OSError:
        return False


def open_journal(path: Path) -> tuple[int, int]:
    """A journal, to be read: its descriptor and its bytes now.

    In its place a link is refused, and a pipe or device, which would never end.

    Raises:
        OSError: if it cannot be opened, or is not a regular file.
    """
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    )
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor, found.st_size


def _bytes(descriptor: int, size: int) -> bytes:
    """The first bytes of a file; fewer if it has become shorter."""
    pieces = []
    while size > 0 and (piece := os.read(descriptor, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
