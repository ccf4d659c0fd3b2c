"""Live journals as rows on disk, for an engine to read: a file of JSON lines for each table, each run once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from footprint.ledger.archive import Archives
from footprint.ledger.facts import Point, Stretch
from footprint.ledger.once import rank
from footprint.ledger.reading import read_journal
from footprint.ledger.records import Open
from footprint.ledger.rows import Readings, Row, rows_of_facts, rows_of_run
from footprint.ledger.tables import TABLES
from footprint.ledger.whole import live_paths

_NAMES: Final = {name: tuple(column.name for column in columns) for name, columns in TABLES.items()}
_AT_ONCE: Final = 1_000
_encoder = msgspec.json.Encoder()
_Rank = tuple[bool, bool, float, float]


def spill(home: Path, archives: Archives, folder: Path) -> tuple[str, ...]:
    """Write the rows of the journals that no batch stands for into `folder/TABLE.json`; what could not be read, a line each.

    Raises:
        LedgerError: if the ledger's folder cannot be listed.
    """
    problems: list[str] = []
    paths = list(live_paths(home, archives, problems))
    found = _written(paths, folder, {})
    best: dict[str, tuple[_Rank, int]] = {}
    without: dict[int, set[str]] = {}
    for place, (runs, _) in enumerate(found):
        for run_id, own in runs.items():
            other = best.get(run_id)
            if other is None or other[0] < own:
                best[run_id] = (own, place)
            if other is not None:  # a copy, or a second import: the one that knows less is left out
                without.setdefault(place if best[run_id] == other else other[1], set()).add(run_id)
    if without:
        found = _written(paths, folder, without)
    return tuple(dict.fromkeys([*problems, *(told for _, problems_of in found for told in problems_of)]))


def _written(paths: Sequence[Path], folder: Path, without: dict[int, set[str]]) -> list[tuple[dict[str, _Rank], list[str]]]:
    with ExitStack() as stack:
        files = {table: stack.enter_context((folder / f"{table}.json").open("wb")) for table in TABLES}
        return [_journal(path, files, without.get(place, ())) for place, path in enumerate(paths)]


def _journal(path: Path, files: Mapping[str, BinaryIO], without: Collection[str]) -> tuple[dict[str, _Rank], list[str]]:
    """Write one journal's rows; the runs that it tells of, and what could not be read of it."""
    problems: list[str] = []
    streamed = _Streamed(files, without)
    try:
        journal = read_journal(path, sink=streamed.take)
        runs = journal.facts()
    except (ValueError, OverflowError) as error:
        streamed.write()
        return {}, [f"{path}: not read: {error}"]
    streamed.write()
    found: dict[str, _Rank] = {}
    for run in runs:
        if run.id in without or run.id in found:
            found.setdefault(run.id, rank(run))
            continue
        found[run.id] = rank(run)
        rows = rows_of_facts(run) if run.id in journal.runs else rows_of_run(run)
        problems += rows.problems
        for table in TABLES:
            _write(files[table], table, getattr(rows, table))
    return found, journal.problems + problems


class _Streamed:
    """Ticks and their samples on their way into the files, a thousand ticks at once; not those of the runs in `without`."""

    def __init__(self, files: Mapping[str, BinaryIO], without: Collection[str]) -> None:
        self._files, self._without = files, without
        self._readings: dict[str, Readings] = {}
        self._ticks: list[Row] = []
        self._samples: list[Row] = []

    def take(self, opened: Open, point: Point, stretches: Sequence[Stretch]) -> None:
        """Take a run's next tick."""
        if opened.run in self._without:
            return
        try:
            readings = self._readings.get(opened.run)
            if readings is None:
                readings = self._readings[opened.run] = Readings(opened.run, opened.started_at)
            samples = list(readings.samples(stretches))
        except (ValueError, OverflowError):  # `rows_of_facts` says so once
            return
        self._ticks.append(readings.tick(point))
        self._samples += samples
        if len(self._ticks) >= _AT_ONCE:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        _write(self._files["ticks"], "ticks", self._ticks)
        _write(self._files["samples"], "samples", self._samples)
        self._ticks, self._samples = [], []


def _write(file: BinaryIO, table: str, rows: Iterable[Row]) -> None:
    names = _NAMES[table]
    file.write(_encoder.encode_lines([dict(zip(names, row, strict=True)) for row in rows]))
