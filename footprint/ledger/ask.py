"""Questions to a ledger of any size, wherever it lies: one engine's answer, in the units of the rest of the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from footprint.errors import ConfigError, unknown_choice
from footprint.ledger.engines import Answer, Engine, open_ledger
from footprint.ledger.questions import BUCKETS, LABEL, question
from footprint.model import Attribution
from footprint.text import clean, plural

QUESTIONS: Final = ("totals", "over-time", "shares", "devices", "lineage")
IDLE_RATIO: Final = 1.2
"""An accelerator is idle while it draws no more than so many times the lowest mean power that was ever read of it."""
_MOST_SUMMED: Final = 20_000
"""Of a lineage of more runs than this no sum is made: their names are literals in the question."""


def ask(
    name: str,
    *,
    ledger: Engine | str | None = None,
    by: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    attribution: Attribution = "share",
    bucket: str = "day",
    of: str = "",
    idle_ratio: float = IDLE_RATIO,
) -> Answer:
    """The answer to a question; the columns that it is grouped by have the names of the keys.

    Args:
        name: one of `QUESTIONS`.
        ledger: the engine, or its address (see `open_ledger`); None for the user's own ledger.
        by: what to group by: names of `questions.KEYS`, or `label:KEY`.
        since: only runs that started then or later.
        until: only runs that started before then.
        where: only runs whose key has one of these values.
        attribution: `share`: a device that a run never held is none of its; `machine`: all that it read counts.
        bucket: of time: hour, day or month, in UTC.
        of: the run, account or model whose lineage is asked for.
        idle_ratio: see `IDLE_RATIO`.

    Raises:
        ConfigError: if there is no such question, key or bucket.
        LedgerError: if the ledger cannot be read.
    """
    if name not in QUESTIONS:
        raise unknown_choice("question", name, QUESTIONS)
    if bucket not in BUCKETS:
        raise unknown_choice("bucket", bucket, BUCKETS)
    if len(set(by)) < len(by):
        raise ConfigError("--by names a key twice")
    if since is not None and until is not None and until <= since:
        raise ConfigError("--until is not after --since: no run can be in between")
    if ledger is None or isinstance(ledger, str):
        asked: dict[str, Any] = {"by": by, "since": since, "until": until, "where": where, "attribution": attribution}
        # Keys are looked at before anything is opened.
        question("totals", by=by, where=where)
        with open_ledger(ledger) as engine:
            return ask(name, ledger=engine, bucket=bucket, of=of, idle_ratio=idle_ratio, **asked)
    if name == "lineage":
        return _lineage(ledger, of)
    chosen: dict[str, Any] = {"by": by, "since_us": in_microseconds(since), "until_us": in_microseconds(until), "where": where}
    file = name.replace("-", "_")
    answer = ledger.query(question(file, attribution=attribution, bucket=bucket, idle_ratio=float(idle_ratio), **chosen))
    named = {f"key_{place}": key for place, key in enumerate(by, 1)}
    return answer._replace(columns=tuple(named.get(column, column) for column in answer.columns))


class Chosen(NamedTuple):
    """How many runs are chosen, of how many no meter read any joules, and of how many nobody knows how they ended."""

    runs: int
    unread: int
    untold: int


def how_many(engine: Engine, chosen: Mapping[str, Any]) -> Chosen:
    """How many runs `since`, `until` and `where` choose.

    Raises:
        ConfigError: if there is no such key.
        LedgerError: if the ledger cannot be read.
    """
    since_us, until_us = in_microseconds(chosen["since"]), in_microseconds(chosen["until"])
    (row,) = engine.query(question("unread", since_us=since_us, until_us=until_us, where=chosen["where"])).rows
    return Chosen(*map(int, row))


def time_of(at_us: int) -> datetime:
    """Microseconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)


def is_label(key: str) -> bool:
    """Whether a key is a label's."""
    return key.startswith(LABEL)


def in_microseconds(time: datetime | None) -> int | None:
    """A time as microseconds since 1970."""
    return None if time is None else round(time.timestamp() * 1_000_000)


def _lineage(engine: Engine, of: str) -> Answer:
    """What a run, account or model came from and led to, a row a run; `relation` is before, asked or after."""
    if not of:
        raise ConfigError("lineage needs the id of a run, an account or a model")
    up = engine.query(question("lineage", of=of, up=True))
    down = engine.query(question("lineage", of=of, up=False))
    asked = up.columns.index("is_asked")
    columns = ("relation", *(name for name in up.columns if name != "is_asked"))
    rows: dict[str, tuple[Any, ...]] = {}
    for answer, relation in ((up, "before"), (down, "after")):
        for row in answer.rows:
            rows.setdefault(row[0], ("asked" if row[asked] else relation, *row[:asked], *row[asked + 1 :]))
    problems = tuple(dict.fromkeys((*up.problems, *down.problems)))
    if not any(row[0] == "asked" for row in rows.values()):
        known = f"; {plural(len(rows), 'run')} name it" if rows else ""
        raise ConfigError(
            f"{clean(of)!r} is no run's id, account or model in {engine.where}{known}; `footprint runs list` shows ids"
        )
    started = columns.index("started_us")
    return Answer(columns, sorted(rows.values(), key=lambda row: (row[started], row[1])), problems)


def sums_of_lineage(engine: Engine, answer: Answer) -> dict[str, dict[str, Any]]:
    """The totals of each relation of a lineage and of all together, each joule once; none where there are too many runs."""
    found: dict[str, dict[str, Any]] = {}
    for relation in ("before", "asked", "after", "all"):
        ids = [row[1] for row in answer.rows if relation in {row[0], "all"}]
        if 0 < len(ids) <= _MOST_SUMMED:
            found[relation] = ask("totals", ledger=engine, where={"id": ids}).dicts()[0]
    return found
