"""The readings of one run, wherever it lies, as rows of the ledger's tables: the stretch that each closes, and its joules.

Other than the ticks of `whole.series`, the rows say what the run's energy is made of: a gap (the machine slept, a counter was
reset) is one, and what was thinned in an archive adds up as before.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.archive.manifest import Archives, steadily
from footprint.ledger.archive.recall import Recall
from footprint.ledger.engines import open_ledger
from footprint.ledger.home import home as default_home
from footprint.ledger.home import runs_dir
from footprint.ledger.once import once, rank
from footprint.ledger.questions import literal
from footprint.ledger.reading import JournalReading, mentions, read_journal
from footprint.ledger.rows import Row, rows_of, rows_of_run
from footprint.ledger.tables import SAMPLES, TICKS
from footprint.ledger.whole import live_paths
from footprint.model import Run

_SAMPLES: Final = ", ".join(column.name for column in SAMPLES)
_TICKS: Final = ", ".join(column.name for column in TICKS)
_Rank = tuple[bool, bool, float, float]


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of the tables `samples` and `ticks` of one run, in the order of time.

    `thinned_s` is the step to which an archive thinned them, 0 where it did not; `is_recorded` is false where they are the
    thinned courses that the run's facts hold, and not what a recorder wrote.
    """

    samples: tuple[Row, ...] = ()
    ticks: tuple[Row, ...] = ()
    thinned_s: float = 0.0
    is_recorded: bool = True


def courses_of(run: Run) -> Readings:
    """What a run's own facts tell of its readings: some dozens of stretches a device, and no ticks.

    A run whose start is no time has none.
    """
    return Readings(samples=tuple(rows_of_run(run).samples), is_recorded=False)


def readings(run: Run, ledger: str | None = None) -> Readings:
    """All readings of a run.

    Args:
        run: the run, as `anywhere.find_run` told of it.
        ledger: the ledger that it was found in; None is the user's own.

    Raises:
        ConfigError: if there is no such kind of ledger.
        LedgerError: if it cannot be read, or does not hold the run.
    """
    if ledger is None:
        found = steadily(default_home(), partial(_own, run.id, None))
    else:
        with open_ledger(ledger) as engine:
            where = f"WHERE run_id = {literal(run.id)}"
            samples = engine.query(f"SELECT {_SAMPLES} FROM samples {where} ORDER BY end_us, t_s").rows  # noqa: S608 - a literal
            ticks = engine.query(f"SELECT {_TICKS} FROM ticks {where} ORDER BY t_s").rows  # noqa: S608 - a literal
        found = Readings(samples=tuple(samples), ticks=tuple(ticks), is_recorded=bool(ticks))
    return found if found.ticks or found.samples else courses_of(run)


def _own(run_id: str, home: Path | None, archives: Archives) -> Readings:
    found: list[tuple[_Rank, JournalReading | Readings]] = []
    for path in live_paths(home, archives, []):
        if mentions(path, run_id):
            journal = read_journal(path, run_id, keep_ticks=True)
            known = once(journal.facts()).get(run_id)
            if known is not None:
                found.append((rank(known), journal))
    if archives.batches and (archived := Recall(archives).readings(run_id)) is not None:
        run, samples, ticks, thinned_s = archived
        told = Readings(samples=samples, ticks=ticks, thinned_s=thinned_s, is_recorded=bool(ticks))
        found.append((rank(run), told))
    if not found:
        raise LedgerError(f"no run {run_id!r} in the ledger at {runs_dir(home or default_home())}")
    best = max(found, key=lambda one: one[0])[1]
    return best if isinstance(best, Readings) else _of_journal(best, run_id)


def _of_journal(journal: JournalReading, run_id: str) -> Readings:
    rows = rows_of(journal)
    return Readings(
        samples=tuple(row for row in rows.samples if row[0] == run_id),
        ticks=tuple(row for row in rows.ticks if row[0] == run_id),
        is_recorded=run_id in journal.runs,
    )
