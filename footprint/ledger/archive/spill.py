"""Journals to rows on disk: what goes into a batch waits in files of JSON lines, so that a batch needs no memory."""

from __future__ import annotations

import base64
import hashlib
import math
from array import array
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

import msgspec

from footprint.ledger.archive.manifest import OTHERS
from footprint.ledger.archive.store import COLUMNS
from footprint.ledger.facts import Point, Sink, Stretch
from footprint.ledger.reading import JournalReading, in_line, read_journal
from footprint.ledger.records import AnyRecord, Imported, NewerRecordError, Open, record_of
from footprint.ledger.rows import Readings, Row, Rows, rows_of_facts, rows_of_run
from footprint.ledger.tables import TABLES
from footprint.model import Run

WORD: Final = 2**64


class RefusedError(Exception):
    """A journal that is left as it is; `told` says whether somebody has to know."""

    def __init__(self, reason: str, *, told: bool = True) -> None:
        super().__init__(reason)
        self.told = told


class Sums(msgspec.Struct, kw_only=True):
    """What a batch must hold when it is read back: rows by table, mJ by table, and all runs' facts as one number."""

    rows: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    energy_mj: dict[str, int] = msgspec.field(default_factory=lambda: {"devices": 0, "samples": 0})
    facts: int = 0
    newest_us: int | None = None

    def saw(self, run_id: str, facts: str, ended_us: int) -> None:
        """Add a run: in whatever order, the same runs give the same number."""
        digest = hashlib.blake2b(f"{run_id}\0{facts}".encode(), digest_size=8).digest()
        self.facts = (self.facts + int.from_bytes(digest)) % WORD
        self.newest_us = ended_us if self.newest_us is None else max(self.newest_us, ended_us)

    def add(self, other: Sums) -> None:
        """Add what other runs amount to."""
        for mine, theirs in ((self.rows, other.rows), (self.energy_mj, other.energy_mj)):
            for table, amount in theirs.items():
                mine[table] += amount
        self.facts = (self.facts + other.facts) % WORD
        ends = [one.newest_us for one in (self, other) if one.newest_us is not None]
        self.newest_us = max(ends, default=None)

    def copy(self) -> Sums:
        """The same, of its own."""
        return Sums(rows=dict(self.rows), energy_mj=dict(self.energy_mj), facts=self.facts, newest_us=self.newest_us)


GROUPS: Final = "ticks"
"""The reason of a line of `others` that is none of a journal's: where times do not tell which samples are of which tick."""


class Groups(msgspec.Struct, frozen=True, kw_only=True):
    """How many samples each tick of a run has, in order."""

    run: str
    samples: list[int]


class _Reader:
    """The readings of a run as rows.

    Attributes:
        summed_mj: what they add up to, by device.
        counts: how many samples each tick has.
        is_plain: whether times tell that: each sample lies at its tick, or after it and before the next.
    """

    def __init__(self, opened: Open) -> None:
        self.run_id = opened.run
        self.summed_mj: dict[str, int] = {}
        self.counts: array[int] = array("I")
        self.is_plain = True
        self._last_s = -math.inf
        self._readings = Readings(opened.run, opened.started_at)

    def take(self, point: Point, stretches: Sequence[Stretch]) -> Iterator[tuple[str, Row]]:
        """The rows of a tick, each with its table."""
        times = [sample.t_s for sample in point.samples]
        self.is_plain = self.is_plain and self._last_s < point.t_s and all(t_s >= point.t_s for t_s in times)
        self._last_s = max([point.t_s, *times])
        self.counts.append(len(times))
        yield "ticks", self._readings.tick(point)
        for row in self._readings.samples(stretches):
            self.summed_mj[row[1]] = self.summed_mj.get(row[1], 0) + row[4]
            yield "samples", row


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The runs that were taken of a journal, and what could not be read of it, a line each."""

    runs: tuple[Run, ...]
    problems: tuple[str, ...]


class Spill:
    """Rows of the tables on their way into a batch; `sums` is what they amount to, `widest_bytes` the longest line of a table.

    Args:
        folder: where the files go.
    """

    def __init__(self, folder: Path) -> None:
        self.sums = Sums()
        self.widest_bytes = dict.fromkeys(COLUMNS, 0)
        self._folder = folder
        self._stack = ExitStack()
        self._files: dict[str, BinaryIO] = {}
        self._columns = {table: (*columns, "n") for table, columns in COLUMNS.items()}

    def __enter__(self) -> Self:
        self._files = {table: self._stack.enter_context(self.path(table).open("wb")) for table in COLUMNS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def path(self, table: str) -> Path:
        """The file of a table."""
        return self._folder / f"{table}.json"

    @property
    def bytes(self) -> int:
        """How much lies in the files."""
        return sum(file.tell() for file in self._files.values())

    def take(self, path: Path, check: Callable[[JournalReading], None], *, without: frozenset[str] = frozenset()) -> Taken:
        """Take all of a journal, or nothing of it.

        Args:
            path: the journal.
            check: looks at what was read before it is taken, and may refuse it.
            without: runs that are not taken.

        Raises:
            RefusedError: if it must not be archived.
        """
        places, sums = {table: file.tell() for table, file in self._files.items()}, self.sums.copy()
        try:
            return self._taken(path, check, without)
        except BaseException:
            self.sums = sums
            for table, file in self._files.items():
                file.seek(places[table])
                file.truncate()
            raise

    def _taken(self, path: Path, check: Callable[[JournalReading], None], without: frozenset[str]) -> Taken:
        readings: dict[str, _Reader] = {}

        def sink(opened: Open, point: Point, stretches: Sequence[Stretch]) -> None:
            if opened.run not in without:
                if opened.run not in readings:
                    readings[opened.run] = _Reader(opened)
                for table, row in readings[opened.run].take(point, stretches):
                    self._add(table, row)

        journal = _read(path, sink)
        check(journal)
        runs = [run for run in journal.facts() if run.id not in without]
        for run in runs:
            rows = rows_of_facts(run) if run.id in journal.runs else rows_of_run(run)
            if rows.problems:
                raise RefusedError(f"{path}: not archived: {rows.problems[0]}")
            self.add(rows)
            if run.id in readings:
                self._close(path, rows, readings[run.id])
        if journal.problems:
            self._keep_lines(path, journal, without)
        problems = [told for told in journal.problems if not any(run_id in told for run_id in without)]
        return Taken(runs=tuple(runs), problems=tuple(problems))

    def add(self, rows: Rows) -> None:
        """Take rows as they are."""
        for table in TABLES:
            for row in getattr(rows, table):
                self._add(table, row)

    def _close(self, path: Path, rows: Rows, reader: _Reader) -> None:
        """Hold a run's readings to its energies, and keep what they do not tell of their ticks."""
        for row in rows.devices:
            if reader.summed_mj.get(row[1], 0) != (row[_ENERGY] or 0):
                raise RefusedError(f"{path}: not archived: the readings of {row[1]} in run {row[0]} do not add up")
        if not reader.is_plain:
            told = msgspec.json.encode(Groups(run=reader.run_id, samples=list(reader.counts)))
            self._add(OTHERS, (path.stem, 0, GROUPS, base64.b64encode(told).decode()))

    def _keep_lines(self, path: Path, journal: JournalReading, without: frozenset[str]) -> None:
        """Keep each line that told nothing: what is lost with its run's beginning, newer, or damaged."""
        known = journal.runs.keys()
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                reason = _useless(line, known)
                if reason and not any(in_line(run_id) in line for run_id in without):
                    self._add(OTHERS, (path.stem, number, reason, base64.b64encode(line).decode()))

    def _add(self, table: str, row: Row) -> None:
        count = self.sums.rows[table]
        line = msgspec.json.encode(dict(zip(self._columns[table], (*row, count), strict=True)))
        self._files[table].write(line + b"\n")
        self.widest_bytes[table] = max(self.widest_bytes[table], len(line))
        self.sums.rows[table] = count + 1
        if table == "samples":
            self.sums.energy_mj["samples"] += row[4]
        elif table == "devices":
            self.sums.energy_mj["devices"] += row[_ENERGY] or 0
        elif table == "runs":
            self.sums.saw(row[0], row[-1], row[_ENDED])


_ENERGY: Final = list(COLUMNS["devices"]).index("energy_mj")
_ENDED: Final = list(COLUMNS["runs"]).index("ended_us")


def _read(path: Path, sink: Sink) -> JournalReading:
    try:
        journal = read_journal(path, sink=sink)
    except (ValueError, OverflowError) as error:
        raise RefusedError(f"{path}: not archived: {error}") from error
    if not journal.runs and not journal.imported:
        raise RefusedError(f"{path}: not archived: it holds no run", told=False)
    return journal


def _useless(line: bytes, known: Container[str]) -> str | None:
    if line == b"\n":
        return None
    try:
        record = record_of(line.removesuffix(b"\n"))
    except NewerRecordError:
        return "newer"
    except ValueError:
        return "damaged"
    return None if all(run in known for run in _runs_of(record)) else "orphan"


def _runs_of(record: AnyRecord) -> Sequence[str]:
    facts: Mapping[str, Any] = {name: getattr(record, name) for name in record.__struct_fields__ if name in {"run", "runs"}}
    if isinstance(record, Imported):
        return ()
    return facts["runs"] if "runs" in facts else (facts["run"],)
