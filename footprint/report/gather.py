"""From a ledger to the data of a report: which runs it is about, and how their sums are made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

import msgspec

from footprint.accounting.ranges import Quantity
from footprint.derive import Account
from footprint.derive.nesting import containers
from footprint.errors import ConfigError, LedgerError
from footprint.ledger.anywhere import find_run
from footprint.ledger.ask import in_microseconds
from footprint.ledger.engines import Answer, Engine, open_ledger
from footprint.ledger.engines.facts import read_these
from footprint.ledger.questions import like_of, literal, question
from footprint.model import Attribution, Run
from footprint.report import grouping
from footprint.report.at_scale import AtScale, period_of
from footprint.report.data import Options, Summary
from footprint.report.selection import choose
from footprint.report.summary import completed, summarise
from footprint.report.use import Used, used
from footprint.text import clean, plural

ROWS = 100
MOST_DERIVED: Final = 500
"""Of more runs than this sums are made where they lie."""
_ATTEMPTS: Final = 8


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
    choose((), where=asked.where)
    if asked.runs:
        return _of_named(asked)
    with open_ledger(asked.ledger) as engine:
        for _ in range(_ATTEMPTS):
            changes = getattr(engine, "changes", 0)
            try:
                found = _of_ledger(engine, asked)
            except LedgerError:
                if getattr(engine, "changes", 0) == changes:
                    raise
            else:
                if getattr(engine, "changes", 0) == changes:
                    return found
        raise LedgerError(f"the ledger at {engine.where} is being changed all the time: ask again when that has ended")


def _options(asked: Asked, problems: Sequence[str]) -> Options:
    now = asked.now or datetime.now(UTC)
    return Options(
        group_by=asked.group_by,
        attribution=asked.attribution,
        generated_at=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        selection=asked.said,
        rows=asked.rows,
        notes=tuple(problems),
    )


def _of_named(asked: Asked) -> Gathered:
    """The report of runs that were named, of which no samples are read."""
    found = tuple({one.id: one for one in (find_run(ref, asked.ledger) for ref in asked.runs)}.values())
    chosen = choose(found, since=asked.since, until=asked.until, name=asked.name, where=asked.where)
    if found and not chosen:
        raise _none(asked, f"of the {plural(len(found), 'run')} that --run names")
    return _of_runs(chosen, asked, (), Used())


def _of_ledger(engine: Engine, asked: Asked) -> Gathered:
    """The report of a ledger's runs: each derived by itself, or, if they are many, summed where they lie."""
    given = _given(engine, asked)
    answer = engine.query(question("period", **given))
    period = period_of(answer)
    if not period.runs:
        ((total,),) = engine.query("SELECT COUNT(*) AS runs FROM runs").rows
        if total:
            raise _none(asked, f"the ledger has {plural(int(total), 'run')}")
        return _of_runs((), asked, answer.problems, Used())
    if period.runs > MOST_DERIVED:
        summary, energy, emissions = AtScale(engine, given, period, _options(asked, answer.problems)).summary()
        return Gathered(summary, energy, emissions)
    ids = [run_id for run_id, _ in engine.query(question("newest", most=MOST_DERIVED, **given)).rows]
    reading = read_these(engine, ids)

    def ask(name: str, **more: Any) -> Answer:
        return engine.query(question(name, **given, attribution=asked.attribution, **more))

    problems = tuple(dict.fromkeys((*answer.problems, *reading.problems)))
    return _of_runs(reading.runs, asked, problems, used(ask, period.first_us, period.ended_us))


def _of_runs(runs: Sequence[Run], asked: Asked, problems: Sequence[str], told: Used) -> Gathered:
    account = Account(runs, asked.attribution)
    within = containers([run.id for run in runs], {run.id: run for run in runs})
    whole = account.sheet([run_id for run_id, outer in within.items() if outer is None])
    summary = summarise(runs, account, _options(asked, problems))
    if told != Used():
        idle = {"idle_ratio": told.idle_ratio, "idle_seen_ratio": told.idle_seen_ratio}
        summary = completed(msgspec.structs.replace(summary, use=told.use, use_step=told.step, **idle))
    return Gathered(summary, whole.facility, whole.emissions)


def _given(engine: Engine, asked: Asked) -> dict[str, Any]:
    """The choice as questions are asked with it. A pattern that SQL has no word for (`[a-z]`) becomes the names that fit it."""
    where = dict(asked.where)
    if asked.name is not None and "[" in asked.name:
        like = f"SELECT DISTINCT r.name FROM runs r WHERE r.name LIKE {literal(like_of(asked.name))} ESCAPE '^'"  # noqa: S608 - a literal
        fit = [name for (name,) in engine.query(like).rows if fnmatchcase(name, asked.name)]
        where["name"] = tuple(name for name in fit if name in where.get("name", (name,)))
    return {
        "since_us": in_microseconds(asked.since),
        "until_us": in_microseconds(asked.until),
        "where": where,
        "named": None if asked.name is None else like_of(asked.name),
    }


def _none(asked: Asked, where: str) -> ConfigError:
    return ConfigError(f"no run fits {' and '.join(map(clean, asked.said))} ({where})")
