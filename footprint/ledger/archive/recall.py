"""Runs out of archives: their facts, the newest of them, one by its id, and the ticks of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from footprint.ledger.archive.manifest import OTHERS, Archives, Batch
from footprint.ledger.archive.spill import GROUPS, Groups
from footprint.ledger.archive.store import connect, files, literal
from footprint.ledger.facts import Point
from footprint.ledger.once import rank
from footprint.ledger.tables import TABLES
from footprint.model import Run, Sample

if TYPE_CHECKING:
    import duckdb

_FETCHED: Final = 2_000
_Row = tuple[Any, ...]


class Found(NamedTuple):
    """A run in a batch."""

    started_us: int
    id: str
    name: str
    batch: Batch


class Recall:
    """The archives of a ledger, to be asked.

    Args:
        archives: the batches that count.

    Attributes:
        problems: what is wrong with them, a line each; a batch that turns out to be damaged adds its own.
    """

    def __init__(self, archives: Archives) -> None:
        self.problems = list(archives.problems)
        self._batches = archives.batches
        self._database: duckdb.DuckDBPyConnection | None = None

    def count(self) -> int:
        """How many runs the batches hold."""
        return sum(batch.manifest.rows.get("runs", 0) for batch in self._batches)

    def runs(self) -> Iterator[Run]:
        """The facts of all runs."""
        for batch in self._batches:
            for (facts,) in self._rows(batch, f"SELECT facts FROM {_runs(batch)}"):
                yield msgspec.json.decode(facts, type=Run)

    def newest(self, limit: int, since_us: int | None, fits: Callable[[str], bool] | None) -> tuple[list[Run], int]:
        """The newest runs, without reading the facts of all.

        Args:
            limit: how many.
            since_us: those that started then or later.
            fits: whether a run of that name is wanted.

        Returns:
            The runs, and how many there are that are wanted.
        """
        found: list[Found] = []
        total = 0
        where = "" if since_us is None else f" WHERE started_us >= {since_us:d}"
        for batch in self._batches:
            if fits is None:
                told = self._rows(batch, f"SELECT count(*) FROM {_runs(batch)}{where}")
                total += sum(count for (count,) in told)
                order = f" ORDER BY started_us DESC, id DESC LIMIT {limit:d}"
                rows = self._rows(batch, f"SELECT started_us, id, name FROM {_runs(batch)}{where}{order}")
                found += [Found(started_us, run_id, name, batch) for started_us, run_id, name in rows]
            else:
                all_of_it = self._rows(batch, f"SELECT started_us, id, name FROM {_runs(batch)}{where}")
                fitting = [Found(started_us, run_id, name, batch) for started_us, run_id, name in all_of_it if fits(name)]
                total += len(fitting)
                found += fitting
            found = sorted(found, key=lambda one: one[:2], reverse=True)[:limit]
        return self._facts(found), total

    def find(self, text: str) -> list[str]:
        """The ids that begin with a text."""
        query = f"SELECT id FROM {{}} WHERE starts_with(id, {literal(text)})"
        return [run_id for batch in self._batches for (run_id,) in self._rows(batch, query.format(_runs(batch)))]

    def run(self, run_id: str) -> list[Run]:
        """What is told of a run: more than once if it stands in several batches."""
        return [run for _, run in self._tellings(run_id)]

    def series(self, run_id: str) -> tuple[Point, ...] | None:
        """The ticks of a run on its own clock, counters of its energy where readings were thinned; None if it is not here."""
        tellings = self._tellings(run_id)
        if not tellings:
            return None
        batch, _ = max(tellings, key=lambda one: rank(one[1]))
        named = f"WHERE run_id = {literal(run_id)} ORDER BY file_row_number"
        ticks = self._rows(batch, f"SELECT t_s, tree_s, busy_s FROM {files([batch.path('ticks')], numbered=True)} {named}")
        source = files([batch.path("samples")], numbered=True)
        samples = self._rows(batch, f"SELECT device_id, energy_mj, t_s, energy_j, power_w FROM {source} {named}")
        if batch.manifest.thinned_s:
            return _points(list(ticks), _counters(samples))
        return _points(list(ticks), [_sample(row) for row in samples], self._counts(batch, run_id))

    def readings(self, run_id: str) -> tuple[Run, tuple[_Row, ...], tuple[_Row, ...], float] | None:
        """A run with its rows of `samples` and `ticks`, and the step to which they were thinned, s; None if it is not here."""
        tellings = self._tellings(run_id)
        if not tellings:
            return None
        batch, run = max(tellings, key=lambda one: rank(one[1]))
        named = f"WHERE run_id = {literal(run_id)} ORDER BY file_row_number"
        found = []
        for table in ("samples", "ticks"):
            columns = ", ".join(column.name for column in TABLES[table])
            found.append(tuple(self._rows(batch, f"SELECT {columns} FROM {files([batch.path(table)], numbered=True)} {named}")))
        return run, found[0], found[1], batch.manifest.thinned_s or 0.0

    def beside(self, where: str, limit: int) -> Iterator[Run]:
        """The facts of the newest runs of which a condition on the table `runs` holds, of each batch so many."""
        for batch in self._batches:
            asked = f"SELECT facts FROM {_runs(batch)} WHERE {where} ORDER BY started_us DESC LIMIT {limit:d}"
            for (facts,) in self._rows(batch, asked):
                yield msgspec.json.decode(facts, type=Run)

    def _counts(self, batch: Batch, run_id: str) -> list[int] | None:
        """How many samples each tick of a run has, where their times do not tell."""
        if not batch.manifest.rows.get(OTHERS):
            return None
        query = f"SELECT bytes FROM {files([batch.path(OTHERS)])} WHERE reason = '{GROUPS}'"
        told = (msgspec.json.decode(data, type=Groups) for (data,) in self._rows(batch, query))
        return next((one.samples for one in told if one.run == run_id), None)

    def _tellings(self, run_id: str) -> list[tuple[Batch, Run]]:
        return [
            (batch, msgspec.json.decode(facts, type=Run))
            for batch in self._batches
            for (facts,) in self._rows(batch, f"SELECT facts FROM {_runs(batch)} WHERE id = {literal(run_id)}")
        ]

    def _facts(self, wanted: Sequence[Found]) -> list[Run]:
        ids: dict[Path, list[str]] = {}
        for one in wanted:
            ids.setdefault(one.batch.folder, []).append(one.id)
        found = []
        for batch in self._batches:
            if some := ids.get(batch.folder):
                query = f"SELECT facts FROM {_runs(batch)} WHERE id IN ({', '.join(map(literal, some))})"
                found += [msgspec.json.decode(facts, type=Run) for (facts,) in self._rows(batch, query)]
        return found

    def _rows(self, batch: Batch, query: str) -> Iterator[_Row]:
        """The rows of a query on one batch; a batch that cannot be read is told of, and its rows are none."""
        import duckdb

        if self._database is None:
            self._database = connect()
        try:
            cursor = self._database.cursor().execute(query)
            while found := cursor.fetchmany(_FETCHED):
                yield from found
        except duckdb.Error as error:
            told = f"{batch.folder} is left out: it cannot be read: {str(error).splitlines()[0]}"
            if told not in self.problems:
                self.problems.append(told)


def _runs(batch: Batch) -> str:
    return files([batch.path("runs")])


def _sample(row: _Row) -> Sample:
    device_id, _, t_s, energy_j, power_w = row
    return Sample(device_id=device_id, t_s=t_s, energy_j=energy_j, power_w=power_w)


def _counters(rows: Iterable[_Row]) -> list[Sample]:
    """Thinned readings, in order of time: what each device has used since the run's start."""
    so_far_mj: dict[str, int] = {}
    found = []
    for device_id, energy_mj, t_s, _, _ in rows:
        so_far_mj[device_id] = so_far_mj.get(device_id, 0) + energy_mj
        found.append(Sample(device_id=device_id, t_s=t_s, energy_j=so_far_mj[device_id] / 1e3))
    return sorted(found, key=lambda one: one.t_s)


def _points(ticks: Sequence[_Row], samples: Sequence[Sample], counts: Sequence[int] | None = None) -> tuple[Point, ...]:
    """Ticks with the samples that were read at each: by their numbers where they are told, else those before the next tick."""
    told: list[list[Sample]] = [[] for _ in ticks]
    if counts is not None and (len(counts), sum(counts)) == (len(ticks), len(samples)):
        rest = iter(samples)
        told = [list(islice(rest, count)) for count in counts]
    elif ticks:
        place = 0
        for sample in samples:
            while place + 1 < len(ticks) and sample.t_s >= ticks[place + 1][0]:
                place += 1
            told[place].append(sample)
    return tuple(
        Point(t_s=t_s, samples=tuple(some), tree_s=tree_s, busy_s=busy_s)
        for (t_s, tree_s, busy_s), some in zip(ticks, told, strict=True)
    )
