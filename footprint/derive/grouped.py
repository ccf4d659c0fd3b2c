"""Totals over a ledger of any size: SQL sums what footprints are linear in by factor key, accounting multiplies the groups.

What a unit of each amount comes to is worked out once for each factor key (`units`). Runs whose footprint is not linear in sums
(declared work, meters of whole machines, nodes' own records, parts of a GPU, counters that read less than a host's idle power may
be) are derived one by one, each with the part of it that counts, and added. Each joule counts once over all that is asked for, so
that the rows of a table add up.

Middles are those of `Account.total`; ranges are as exact as `accounting.groups` says. What varies from device to device moves
together over the factor keys of one kind of machine, and apart from that of runs derived one by one: a range may be a little too
wide where these are other devices, or too narrow where the same. How much of the time was read (`coverage`) is not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from footprint.derive.apart import Apart, apart_runs, facts_of, left_of_nodes
from footprint.derive.measured import derive_run
from footprint.derive.pieces import Factors, GroupTotal, Known, pieces_of
from footprint.derive.portions import Portion
from footprint.derive.units import There, Units, there, units
from footprint.errors import ConfigError
from footprint.ledger.engines import Answer, Engine, open_ledger
from footprint.ledger.factor_key import APART
from footprint.ledger.questions import literal, question
from footprint.model import Attribution, Run

# What stands in a question where text goes that is no literal.
_UNKNOWN, _CPU_LIMIT, _MEMORY_LIMIT = "@unknown@", "@cpu_limit@", "@memory_limit@"


class GroupTotals(NamedTuple):
    """The rows of a table.

    Attributes:
        by: what they are grouped by.
        rows: each its total, in the order of their keys; what is not known last.
        problems: what of the ledger could not be read.
    """

    by: tuple[str, ...]
    rows: tuple[GroupTotal, ...]
    problems: tuple[str, ...]


def group_totals(
    ledger: Engine | str | None = None,
    *,
    by: Sequence[str] = (),
    since_us: int | None = None,
    until_us: int | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    attribution: Attribution = "share",
) -> GroupTotals:
    """Footprints of the runs of a ledger, grouped.

    Args:
        ledger: the engine, or its address; None for the user's own.
        by: what to group by: names of `ledger.questions.KEYS` without `component`, or `label:KEY`.
        since_us: only runs that started then or later, microseconds since 1970 UTC.
        until_us: only runs that started before then.
        where: only runs whose key has one of these values.
        attribution: whose joules are counted, see `run_footprint`.

    Raises:
        ConfigError: if there is no such key.
        LedgerError: if the ledger cannot be read.
    """
    if "component" in by:
        raise ConfigError("a run's footprint is of all its components: its breakdown has them, not a row for each")
    if ledger is None or isinstance(ledger, str):
        with open_ledger(ledger) as engine:
            return group_totals(engine, by=by, since_us=since_us, until_us=until_us, where=where, attribution=attribution)
    return Asking(ledger, attribution, {"since_us": since_us, "until_us": until_us, "where": where}).totals(tuple(by))


class Asking:
    """One question put to a ledger.

    Args:
        engine: the ledger.
        attribution: whose joules are counted.
        asked: which runs are asked about, see `question`.
    """

    def __init__(self, engine: Engine, attribution: Attribution, asked: dict[str, Any]) -> None:
        self.engine, self.attribution, self.asked = engine, attribution, asked
        self.problems: tuple[str, ...] = ()
        self.factors: dict[str, Factors] = {}
        self.others: dict[str, Known] = {}

    def totals(self, by: tuple[str, ...]) -> GroupTotals:
        """The rows of a table."""
        rows: dict[tuple[Any, ...], GroupTotal] = {}

        def row_of(keys: tuple[Any, ...]) -> GroupTotal:
            return rows.setdefault(keys, GroupTotal(keys, self.attribution))

        self.look()
        for *keys, key, outer, runs in self.ask("factor_counts", by=by).rows:
            row = row_of(tuple(keys))
            if outer is not None:
                row.add_nested(runs, self.factors[outer].known if outer in self.factors else self.others[outer])
            elif key in self.factors:
                row.add(self.factors[key], runs)
        if self.factors:
            for at, pieces in pieces_of(self.ask("factor_groups", by=by), len(by)).items():
                row_of(at[:-1]).add_pieces(self.factors[at[-1]], pieces)
        for one in self.apart(by):
            row_of(one.keys).add_apart(one.working, counted=one.factor_key in self.factors)
        in_order = sorted(rows.values(), key=lambda row: tuple((key is None, key or "") for key in row.keys))
        return GroupTotals(by, tuple(in_order), self.problems)

    def look(self) -> dict[str, int]:
        """Find the factor keys that there are, and what runs of each are multiplied with; how many runs there are of each."""
        keys = self.ask("factor_keys")
        self._find({key: example for key, _, example in keys.rows})
        return {key: runs for key, runs, _ in keys.rows}

    def _find(self, examples: Mapping[str, str]) -> None:
        """Of each factor key whose footprints are linear what its amounts are multiplied with; of the others what is known."""
        facts = facts_of(self.engine, list(examples.values()))
        works: dict[str, Units] = {}
        places: dict[str, There] = {}
        for key, run_id in examples.items():
            run: Run = facts[run_id]
            if key.startswith(APART):
                alone = derive_run(run, self.attribution)
                self.others[key] = Known(alone.it is not None, alone.emissions is not None)
                continue
            _, work, place = key.split(".")
            if work not in works:
                works[work] = units(run, self.attribution)
            if place not in places:
                places[place] = there(run)
            self.factors[key] = Factors(key, works[work], places[place], run)

    def apart(self, by: tuple[str, ...]) -> Iterator[Apart]:
        """The runs that are derived one by one, each with what of it counts."""
        limited = any(limit is not None for one in self.factors.values() for limit in one.units.limit)
        if not limited and not self.others:
            return
        answer = self.ask("factor_apart", by=by)
        nodes: dict[str, Portion] = {}
        at = answer.columns.index("background")
        if any(row[at] for row in answer.rows):
            nodes = left_of_nodes(self.engine, self.ask("factor_beside"), self.unknown, self.attribution)
        yield from apart_runs(self.engine, answer, len(by), self.attribution, nodes)

    @property
    def unknown(self) -> list[str]:
        """The factor keys of the runs whose energy is not known, which take nothing from others."""
        every = self.others | {key: one.known for key, one in self.factors.items()}
        return [key for key, known in every.items() if not known.energy]

    def ask(self, name: str, **more: Any) -> Answer:
        """The answer to a question of `ledger.questions`."""
        return self.query(self.said(question(name, **self.given, **more)))

    @property
    def given(self) -> dict[str, Any]:
        """What questions are asked with."""
        limits = {"unknown": _UNKNOWN, "cpu_limit_w": _CPU_LIMIT, "memory_limit_w": _MEMORY_LIMIT}
        return {**self.asked, "attribution": self.attribution, "machine": self.attribution == "machine", **limits}

    def said(self, sql: str) -> str:
        """A question with what is known of factor keys in its places."""
        words = {
            _UNKNOWN: ", ".join(map(literal, [_UNKNOWN, *self.unknown])),
            _CPU_LIMIT: _cases({key: one.units.limit.cpu_w for key, one in self.factors.items()}),
            _MEMORY_LIMIT: _cases({key: one.units.limit.memory_w for key, one in self.factors.items()}),
        }
        for place, instead in words.items():
            sql = sql.replace(literal(place), instead)
        return sql

    def query(self, sql: str) -> Answer:
        """The answer to SQL; what of the ledger could not be read is noted."""
        answer = self.engine.query(sql)
        self.problems = tuple(dict.fromkeys((*self.problems, *answer.problems)))
        return answer


def _cases(limits: Mapping[str, float | None]) -> str:
    """An SQL expression: the limit of a run's factor key, null where there is none."""
    stated = [f"WHEN {literal(key)} THEN {literal(limit)}" for key, limit in limits.items() if limit is not None]
    return f"CASE r.factor_key {' '.join(stated)} END" if stated else "CAST(NULL AS DOUBLE)"
