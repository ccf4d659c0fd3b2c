"""Bringing runs in from elsewhere: each once, all or nothing, and never in the place of something better.

What comes in is written as one batch of the archive, with one rename: there samples and ticks stay. Nothing that is there is
changed. A run that is known already is left out; one that is known in part only (it still ran when it was copied, say) is written
again, and readers take the more complete of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.archive.lock import locked
from footprint.ledger.archive.spill import Spill
from footprint.ledger.archive.writing import Draft, clear, commit, new_folder, spilled
from footprint.ledger.exchange.parcels import impossible_run
from footprint.ledger.exchange.registry import Incoming, read_source
from footprint.ledger.home import home as default_home
from footprint.ledger.once import rank
from footprint.ledger.rows import Row, Rows, no_rows, rows_of_run
from footprint.ledger.tables import RUNS, TABLES
from footprint.ledger.whole import read_runs
from footprint.model import Run
from footprint.text import clean, plural

_FACTS = [column.name for column in RUNS].index("facts")
_MONTH = [column.name for column in RUNS].index("month")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did: ids of runs that are new, known already, and known but less complete here or there."""

    sources: tuple[str, ...]
    formats: tuple[str, ...]
    new: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    samples: int = 0
    notes: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {name: getattr(self, name) for name in self.__struct_fields__}

    def lines(self) -> list[str]:
        """As a person reads it."""
        total = len(self.new) + len(self.known) + len(self.completed) + len(self.behind)
        if not total:
            return ["no runs: nothing was imported"]
        if len(self.known) == total:
            return [f"{plural(total, 'run')}, all known already: nothing was changed"]
        told = [f"{plural(total, 'run')}: {len(self.new)} new, {len(self.known)} known already"]
        told += [f"run {clean(one)} was known in part: what was imported is more complete, and counts" for one in self.completed]
        told += [f"run {clean(one)} differs and is known at least as well here: it was left as it is" for one in self.behind]
        return told


def bring_in(
    sources: Sequence[str],
    *,
    form: str | None = None,
    stated: Mapping[str, str] | None = None,
    home: Path | None = None,
    settle: Callable[[Run], Run] | None = None,
) -> Outcome:
    """Import all runs of all sources, or nothing.

    Args:
        sources: paths (of some formats addresses).
        form: the format, where it is not to be recognised.
        stated: facts that a source does not tell.
        home: the ledger, by default the user's.
        settle: what finds the places, and checks the declarations, of another tool's runs: `derive.settling.settled`.

    Raises:
        LedgerError: if a source cannot be read, or the ledger cannot be written.
        ConfigError: for a format or a stated fact that there is not.
    """
    root = home or default_home()
    read = [read_source(source, form=form, stated=stated) for source in sources]
    parcel = _Parcel()
    for source, (_, incoming) in zip(sources, read, strict=True):
        parcel.take(source, incoming if settle is None or not incoming.foreign else _settled(incoming, settle))
    ids = parcel.runs.keys()
    here = {run.id: run for run in read_runs(root).runs if run.id in ids} if ids else {}
    fates = {run_id: _fate(run, here.get(run_id)) for run_id, run in parcel.runs.items()}
    wanted = {run_id for run_id, fate in fates.items() if fate in {"new", "completed"}}
    rows = parcel.rows(wanted)
    if rows.runs:
        _write(root, rows)
    return Outcome(
        sources=tuple(sources),
        formats=tuple(importer.name for importer, _ in read),
        samples=len(rows.samples),
        notes=tuple(dict.fromkeys(note for _, incoming in read for note in incoming.notes)),
        **{fate: tuple(one for one in fates if fates[one] == fate) for fate in ("new", "known", "completed", "behind")},
    )


def _settled(incoming: Incoming, settle: Callable[[Run], Run]) -> Incoming:
    return msgspec.structs.replace(incoming, runs=tuple(map(settle, incoming.runs)))


class _Parcel:
    """All that comes in, a run once."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self._of: dict[str, int] = {}
        self._rows: list[Rows] = []

    def take(self, source: str, incoming: Incoming) -> None:
        """Take what a source holds.

        Raises:
            LedgerError: if there is a run that cannot be.
        """
        for run in incoming.runs:
            rows = rows_of_run(run)
            if wrong := impossible_run(run) or "; ".join(rows.problems):
                raise LedgerError(f"{clean(source, limit=200)}: run {clean(run.id)} cannot be imported: {wrong}")
            self._add(rows, [run])
        if incoming.rows is not None:
            self._add(incoming.rows, [msgspec.json.decode(row[_FACTS], type=Run) for row in incoming.rows.runs])

    def rows(self, wanted: set[str]) -> Rows:
        """The rows of some runs."""
        found = no_rows()
        for place, rows in enumerate(self._rows):
            ids = {run_id for run_id in wanted if self._of[run_id] == place}
            if ids:
                for table in TABLES:
                    getattr(found, table).extend(row for row in getattr(rows, table) if row[0] in ids)
        return found

    def _add(self, rows: Rows, runs: Iterable[Run]) -> None:
        self._rows.append(rows)
        for run in runs:
            other = self.runs.get(run.id)
            if other is None or rank(other) < rank(run):
                self.runs[run.id] = run
                self._of[run.id] = len(self._rows) - 1


class _Waiting(Spill):
    """Rows on their way into a batch."""

    def add(self, rows: Rows) -> None:
        """Take rows as they are."""
        for table in TABLES:
            found: list[Row] = getattr(rows, table)
            for row in found:
                self._add(table, row)


def _fate(run: Run, here: Run | None) -> str:
    if here is None:
        return "new"
    if here == run:
        return "known"
    return "completed" if rank(here) < rank(run) else "behind"


def _write(root: Path, rows: Rows) -> None:
    month = min(row[_MONTH] for row in rows.runs)
    with locked(root):  # a compaction clears away what is not finished
        folder = new_folder(root, month)
        try:
            with _Waiting(folder) as spill:
                spill.add(rows)
            commit(Draft(folder=folder, month=month, journals={}, replaces=[], tables=spilled(spill), sums=spill.sums))
        except BaseException:
            if folder.exists():
                clear(folder)
            raise
