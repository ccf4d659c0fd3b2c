"""From a ledger to the data of a report: which runs it is about, and how their sums are made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from footprint.accounting.ranges import Quantity
from footprint.derive import Account
from footprint.derive.nesting import containers
from footprint.errors import ConfigError
from footprint.ledger.anywhere import find_run, read_runs
from footprint.model import Attribution, Run
from footprint.report import grouping
from footprint.report.data import Options, Summary
from footprint.report.selection import choose
from footprint.report.summary import summarise
from footprint.text import clean, plural

ROWS = 100


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is asked for.

    Attributes:
        ledger: where the runs are; None is the user's own ledger.
        runs: ids, beginnings of ids or files of runs; empty for all runs of the ledger that the rest leaves.
        since: those that started then or later.
        until: those that started before then.
        name: those whose name fits this glob.
        where: those whose key (of `ledger.questions.KEYS`, or `label:KEY`) has one of these values.
        said: the choice in the words of whoever made it, for the head of the report.
        group_by: what the report is about, see `summary.DIMENSIONS`.
        attribution: whose joules are counted.
        rows: how many of the newest runs are shown; 0 for all.
        now: the time of the report.
    """

    ledger: str | None = None
    runs: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    name: str | None = None
    where: dict[str, tuple[str, ...]] = {}
    said: tuple[str, ...] = ()
    group_by: str = "account"
    attribution: Attribution = "share"
    rows: int = ROWS
    now: datetime | None = None


class Gathered(NamedTuple):
    """A summary with its totals as quantities, so that a ratio of two reports keeps what their ranges share.

    Attributes:
        summary: the data of the report.
        energy: the facility's energy of all its runs together, kWh; None where it is known of none.
        emissions: their operational emissions, g; None where they are known of none.
    """

    summary: Summary
    energy: Quantity | None
    emissions: Quantity | None


def gather(asked: Asked) -> Summary:
    """The summary of what is asked for; of no runs at all where nothing was ever recorded.

    Raises:
        ConfigError: see `gather_with_sums`.
        LedgerError: if the ledger cannot be read.
    """
    return gather_with_sums(asked).summary


def gather_with_sums(asked: Asked) -> Gathered:
    """The summary of what is asked for, with the totals that it states.

    Raises:
        ConfigError: for a dimension or key that there is not, or if there are runs and the choice leaves none: a report of
            nothing would say that nothing was recorded.
        LedgerError: if the ledger cannot be read.
    """
    grouping.check(asked.group_by)
    runs, problems = _read(asked)
    now = asked.now or datetime.now(UTC)
    options = Options(
        group_by=asked.group_by,
        attribution=asked.attribution,
        generated_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        selection=asked.said,
        rows=asked.rows,
        notes=problems,
    )
    account = Account(runs, asked.attribution)
    within = containers([run.id for run in runs], {run.id: run for run in runs})
    whole = account.sheet([run_id for run_id, outer in within.items() if outer is None])
    return Gathered(summarise(runs, account, options), whole.facility, whole.emissions)


def _read(asked: Asked) -> tuple[tuple[Run, ...], tuple[str, ...]]:
    """The runs that were named, or those of the ledger, as far as the choice leaves them; and what could not be read of it."""
    problems: tuple[str, ...] = ()
    if asked.runs:
        found = tuple({one.id: one for one in (find_run(ref, asked.ledger) for ref in asked.runs)}.values())
        total = len(found)
    else:
        reading = read_runs(asked.ledger, since=asked.since, name=asked.name)
        found, total, problems = reading.runs, reading.total, reading.problems
    chosen = choose(found, since=asked.since, until=asked.until, name=asked.name, where=asked.where)
    if total and not chosen:
        where = f"of the {plural(total, 'run')} that --run names" if asked.runs else f"the ledger has {plural(total, 'run')}"
        raise ConfigError(f"no run fits {' and '.join(map(clean, asked.said))} ({where})")
    return chosen, problems
