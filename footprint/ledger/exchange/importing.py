"""Bringing runs in from elsewhere: each once, all or nothing, and never in the place of something better.

What comes in is written as one batch of the archive, with one rename: there samples and ticks stay. Nothing that is there is
changed. A run that is known already is left out; one that is known in part only (it still ran when it was copied, say) is written
again, and readers take the more complete of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.archive.lock import locked
from footprint.ledger.archive.manifest import Archives, is_changed, read_archives, steadily
from footprint.ledger.archive.spill import Spill
from footprint.ledger.archive.writing import Draft, commit, give_up, new_folder, spilled
from footprint.ledger.exchange.parcels import impossible_run
from footprint.ledger.exchange.registry import Incoming, read_source
from footprint.ledger.exchange.twice import Twice, is_measured
from footprint.ledger.home import home as default_home
from footprint.ledger.long_work import Progress, untold
from footprint.ledger.once import rank
from footprint.ledger.rows import Rows, no_rows, rows_of_run
from footprint.ledger.tables import RUNS, TABLES
from footprint.ledger.whole import each_telling
from footprint.model import Run
from footprint.text import clean, plural

_FACTS = [column.name for column in RUNS].index("facts")
_MONTH = [column.name for column in RUNS].index("month")
_FATES: Final = ("new", "known", "completed", "behind", "measured")
_SHOWN: Final = 5


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did: ids of runs that are new, known already, and known but less complete here or there.

    `measured` are those that were left out, for their jobs or accounts, `measured_accounts`, have the same work already.
    """

    sources: tuple[str, ...]
    formats: tuple[str, ...]
    new: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    measured_accounts: tuple[str, ...] = ()
    samples: int = 0
    notes: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {name: getattr(self, name) for name in self.__struct_fields__}

    def lines(self) -> list[str]:
        """As a person reads it."""
        total = len(self.new) + len(self.known) + len(self.completed) + len(self.behind) + len(self.measured)
        if not total:
            return ["no runs: nothing was imported"]
        if len(self.known) == total:
            return [f"{plural(total, 'run')}, all known already: nothing was changed"]
        told = [f"{plural(total, 'run')}: {len(self.new)} new, {len(self.known)} known already"]
        if self.measured:
            told[0] += f", {len(self.measured)} left out"
            accounts = ", ".join(clean(one, limit=60) for one in self.measured_accounts[:_SHOWN])
            accounts += ", …" * (len(self.measured_accounts) > _SHOWN)
            what = f"{plural(len(self.measured), 'run is', 'runs are')} of work that the ledger has already ({accounts})"
            told.append(f"{what}: not counted twice; --also-measured brings them in all the same")
        told += [f"run {clean(one)} was known in part: what was imported is more complete, and counts" for one in self.completed]
        told += [
            f"run {clean(one)} differs and is known at least as well here: it was left as it is "
            f"(to take the other instead: `footprint runs delete {clean(one)} --yes`, and import again)"
            for one in self.behind
        ]
        return told


def bring_in(
    sources: Sequence[str],
    *,
    form: str | None = None,
    stated: Mapping[str, str] | None = None,
    home: Path | None = None,
    settle: Callable[[Run], Run] | None = None,
    also_measured: bool = False,
    progress: Progress = untold,
) -> Outcome:
    """Import all runs of all sources, or nothing.

    Args:
        sources: paths (of some formats addresses).
        form: the format, where it is not to be recognised.
        stated: facts that a source does not tell.
        home: the ledger, by default the user's.
        settle: what finds the places, and checks the declarations, of another tool's runs: `derive.settling.settled`.
        also_measured: bring in runs, too, whose job or account has the same work from elsewhere.
        progress: is told how far it is; what it raises ends the import, with nothing imported.

    Raises:
        LedgerError: if a source cannot be read, or the ledger cannot be written.
        ConfigError: for a format or a stated fact that there is not.
    """
    root = home or default_home()
    read = []
    for place, source in enumerate(sources):
        progress("reading sources", place, len(sources))
        read.append(read_source(source, form=form, stated=stated))
    parcel = _Parcel()
    for source, (_, incoming) in zip(sources, read, strict=True):
        parcel.take(source, incoming if settle is None or not incoming.foreign else _settled(incoming, settle))
    progress("looking for what is known", 0, len(parcel.runs))
    archives = read_archives(root)
    fates = _fates(root, parcel, also_measured=also_measured)
    rows = no_rows()
    if not fates.wanted.isdisjoint(parcel.runs):
        with locked(root):  # a compaction clears away what is not finished
            if is_changed(root, archives):  # another import, say, was first
                fates = _fates(root, parcel, also_measured=also_measured)
            rows = parcel.rows(fates.wanted)
            if rows.runs:
                progress("writing runs", 0, len(rows.runs))
                _write(root, rows)
    left_out = [run_id for run_id, fate in fates.of.items() if fate == "measured"]
    return Outcome(
        sources=tuple(sources),
        formats=tuple(importer.name for importer, _ in read),
        samples=len(rows.samples),
        notes=tuple(dict.fromkeys([*(note for _, incoming in read for note in incoming.notes), *fates.notes])),
        measured_accounts=tuple(dict.fromkeys(parcel.runs[run_id].account for run_id in left_out)),
        **{fate: tuple(one for one in fates.of if fates.of[one] == fate) for fate in _FATES},
    )


class _Fates(NamedTuple):
    """What is to become of each run, and what somebody should know of."""

    of: dict[str, str]
    notes: tuple[str, ...]

    @property
    def wanted(self) -> set[str]:
        """The runs that are written."""
        return {run_id for run_id, fate in self.of.items() if fate in {"new", "completed"}}


def _fates(root: Path, parcel: _Parcel, *, also_measured: bool) -> _Fates:
    here, twice = steadily(root, partial(_known, root, parcel)) if parcel.runs else ({}, Twice(()))
    fates = {run_id: _fate(run, here.get(run_id)) for run_id, run in parcel.runs.items()}
    new = [parcel.runs[run_id] for run_id, fate in fates.items() if fate == "new"]
    if not new:
        return _Fates(fates, ())
    notes = []
    for run in new:
        if is_measured(run):
            twice.add(run)
    same = [run for run in new if twice.same(run)]
    if not also_measured:
        fates |= {run.id: "measured" for run in same if not is_measured(run)}
    if known := [run for run in same if is_measured(run)]:
        what = (
            f"{plural(len(known), 'measured run is', 'measured runs are')} of work that the ledger has from another source, too"
        )
        notes.append(f"{what} (run {known[0].id}, {known[0].account}): it counts twice until you delete that of the other source")
    if may_be := [run for run in new if fates[run.id] == "new" and twice.may_be_same(run)]:
        what = f"{plural(len(may_be), 'run')} of a machine that the source does not name ran while others were measured here"
        notes.append(
            f"{what} (run {may_be[0].id}): if it is the same work, it counts twice; `footprint runs delete` takes it out"
        )
    return _Fates(fates, tuple(notes))


def _settled(incoming: Incoming, settle: Callable[[Run], Run]) -> Incoming:
    return msgspec.structs.replace(incoming, runs=tuple(map(settle, incoming.runs)))


def _known(root: Path, parcel: _Parcel, archives: Archives) -> tuple[dict[str, Run], Twice]:
    """What the ledger has of the runs of a parcel, and of their work; of all its other runs nothing is held."""
    twice = Twice(parcel.runs.values())
    here: dict[str, Run] = {}
    for run in each_telling(root, archives, []):
        twice.add(run)
        if run.id in parcel.runs and (run.id not in here or rank(here[run.id]) < rank(run)):
            here[run.id] = run
    return here, twice


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


def _fate(run: Run, here: Run | None) -> str:
    if here is None:
        return "new"
    if here == run:
        return "known"
    return "completed" if rank(here) < rank(run) else "behind"


def _write(root: Path, rows: Rows) -> None:
    month = min(row[_MONTH] for row in rows.runs)
    folder = new_folder(root, month)
    try:
        with Spill(folder) as spill:
            spill.add(rows)
        commit(Draft(folder=folder, month=month, journals={}, replaces=[], tables=spilled(spill), sums=spill.sums))
    except OSError as error:
        give_up(folder)
        raise LedgerError(f"the archive cannot be written at {folder.parent}: {error.strerror}; nothing was imported") from error
    except BaseException:
        give_up(folder)
        raise
