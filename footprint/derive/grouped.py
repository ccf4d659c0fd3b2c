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

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from footprint import text
from footprint.accounting.ranges import Group, Quantity, Weights, sum_groups, total
from footprint.derive.account import sum_of
from footprint.derive.apart import apart_runs, facts_of, left_of_nodes
from footprint.derive.measured import derive_run
from footprint.derive.portions import Portion
from footprint.derive.units import There, Unit, Units, there, units
from footprint.derive.working import Working, range_of
from footprint.errors import ConfigError
from footprint.ledger.engines import Answer, Engine, open_ledger
from footprint.ledger.factor_key import APART, DeviceClass
from footprint.ledger.questions import question
from footprint.model import Attribution, ComponentName, Footprint, Range, Run

_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "host": ("idle_s", "active_s"),
    "cpu": ("cpu_j", "cpu_w", "cpu_reserved_s", "cpu_dynamic_s"),
    "memory": ("memory_j", "memory_w", "memory_reserved_s", "memory_dynamic_s"),
    "accelerators": ("energy_j", "power_w", "read_s", "run_s", "used_s"),
}
"""What the numbered parts of a piece are, by its component; see `pieces.sql`."""
# What stands in a question where text goes that is no literal.
_UNKNOWN, _CPU_LIMIT, _MEMORY_LIMIT = "@unknown@", "@cpu_limit@", "@memory_limit@"
_LABEL: Final = "\x1e"


class Piece(NamedTuple):
    """The sums of one class of pieces: weights of each part by run and by owner, a run by name, and the owner where it is one."""

    component: str
    of: DeviceClass | None
    runs: tuple[Weights, ...]
    owners: tuple[Weights, ...]
    a_run: str
    an_owner: str | None

    @property
    def kind(self) -> DeviceClass | str:
        """What its owners are: machines of which this component was read, or accelerators of one class."""
        return self.component if self.of is None else self.of

    @property
    def err_alike(self) -> str:
        """What has one error for each of its owners, whatever class its readings are of."""
        return _LABEL.join((self.component,) if self.of is None else self.of[:4])

    def part(self, amount: str) -> int:
        """Which of its parts an amount is."""
        return _PARTS[self.component].index(amount)


class _Known(NamedTuple):
    """Whether the energy and the emissions of runs are known."""

    energy: bool
    emissions: bool


class _Factors(NamedTuple):
    """What one factor key's amounts are multiplied with."""

    key: str
    units: Units
    there: There

    @property
    def known(self) -> _Known:
        """What is known of its runs."""
        energy = self.units.whole.it is not None
        return _Known(energy, energy and self.there.emissions is not None)

    @property
    def unknown(self) -> list[str]:
        """What is not known of its runs, by name."""
        names = [*self.units.whole.unknown, *self.there.whole.unknown]
        if self.units.whole.it is None:  # where there is no energy, nothing is known of its water
            names = [name for name in names if not name.startswith("water")] + ["water"]
        return list(dict.fromkeys(names))


class GroupTotal:
    """The runs of one row of a table together.

    Attributes:
        keys: the values by which it is grouped.
        runs: how many runs there are.
        nested: of these, how many another run contains, in whose joules theirs are.
        with_energy: of how many the energy is known; nested ones with them.
        with_emissions: of how many the emissions are.
        apart: how many were derived one by one.
        unknown: of how many runs something is not known, by its name.
    """

    def __init__(self, keys: tuple[Any, ...], attribution: Attribution) -> None:
        self.keys = keys
        self.runs = self.nested = self.with_energy = self.with_emissions = self.apart = 0
        self.unknown: Counter[str] = Counter()
        self._attribution = attribution
        self._pieces: list[tuple[_Factors, list[Piece]]] = []
        self._workings: list[Working] = []
        self._alike: list[tuple[_Factors, int]] = []

    @cached_property
    def sheet(self) -> Working:
        """The sum as quantities, of which no range is drawn yet."""
        label = _LABEL.join(map(str, self.keys))
        several = {piece.err_alike for _, pieces in self._pieces for piece in pieces if piece.owners[0].n > 1}
        summed = {
            factors.key: _multiplied(
                label, factors, [piece._replace(an_owner=None) if piece.err_alike in several else piece for piece in pieces]
            )
            for factors, pieces in self._pieces
        }
        for factors, _ in self._alike:
            if factors.key not in summed:  # of these runs nothing was read that could be summed
                summed[factors.key] = _multiplied(label, factors, [])
        workings = [*summed.values(), *self._workings]
        result = sum_of(workings, self._attribution)
        lacking = self.runs - self.with_energy
        if lacking:
            result.warn(f"the energy of {lacking} of {text.plural(self.runs, 'run')} is not known, and in no sum")
        silent = self.with_energy - self.with_emissions
        if silent and self.with_emissions:
            result.warn(f"the emissions are those of {self.with_emissions} of {text.plural(self.runs, 'run')}")
        return result

    @cached_property
    def footprint(self) -> Footprint:
        """The footprint of all of them, of what is known."""
        return self.sheet.footprint()

    @cached_property
    def energy_kwh(self) -> Range | None:
        """The facility's energy alone, which is quicker than the whole footprint."""
        return range_of(self.sheet.facility)

    @cached_property
    def emissions_g(self) -> Range | None:
        """The emissions alone."""
        return range_of(self.sheet.emissions)

    def add_nested(self, runs: int, known: _Known) -> None:
        """Count runs that others contain, of which as much is known as of these."""
        self.runs += runs
        self.nested += runs
        self.with_energy += runs if known.energy else 0
        self.with_emissions += runs if known.emissions else 0

    def add(self, factors: _Factors, runs: int) -> None:
        """Count runs of a factor key."""
        self.runs += runs
        self._alike.append((factors, runs))
        self.unknown.update(dict.fromkeys(factors.unknown, runs))
        self.with_energy += runs if factors.known.energy else 0
        self.with_emissions += runs if factors.known.emissions else 0

    def add_pieces(self, factors: _Factors, pieces: list[Piece]) -> None:
        """Take sums of a factor key."""
        self._pieces.append((factors, pieces))

    def add_apart(self, working: Working, *, counted: bool) -> None:
        """Take a run that was derived by itself; `counted` where it is among the runs of a key already."""
        self.apart += 1
        self._workings.append(working)
        if not counted:
            self.runs += 1
            self.with_energy += working.facility is not None
            self.with_emissions += working.emissions is not None
            self.unknown.update(working.unknown)


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
    asked: dict[str, Any] = {"since_us": since_us, "until_us": until_us, "where": where, "attribution": attribution}
    return _Asking(ledger, tuple(by), attribution, asked).totals()


class _Asking:
    """One question put to a ledger."""

    def __init__(self, engine: Engine, by: tuple[str, ...], attribution: Attribution, asked: dict[str, Any]) -> None:
        self._engine, self._by, self._attribution, self._asked = engine, by, attribution, asked
        self._problems: tuple[str, ...] = ()
        self._rows: dict[tuple[Any, ...], GroupTotal] = {}
        self._apart: dict[str, _Known] = {}

    def totals(self) -> GroupTotals:
        keys = self._query(question("factor_keys", **self._asked))
        factors = self._factors({key: example for key, _, example in keys.rows})
        self._count(factors)
        if factors:
            for at, pieces in _pieces(self._summed("factor_groups", factors), len(self._by)).items():
                self._row(at[:-1]).add_pieces(factors[at[-1]], pieces)
        limited = any(limit is not None for one in factors.values() for limit in one.units.limit)
        if limited or len(factors) < len(keys.rows):
            self._derive_apart(factors)
        rows = sorted(self._rows.values(), key=lambda row: tuple((key is None, key or "") for key in row.keys))
        return GroupTotals(self._by, tuple(rows), self._problems)

    def _factors(self, examples: Mapping[str, str]) -> dict[str, _Factors]:
        """Of each factor key whose footprints are linear what its amounts are multiplied with."""
        regular = {key: example for key, example in examples.items() if not key.startswith(APART)}
        facts = facts_of(self._engine, list(examples.values()))
        for key, one in examples.items():
            if key not in regular:
                alone = derive_run(facts[one], self._attribution)
                self._apart[key] = _Known(alone.it is not None, alone.emissions is not None)
        works: dict[str, Units] = {}
        places: dict[str, There] = {}
        found: dict[str, _Factors] = {}
        for key, run_id in regular.items():
            run: Run = facts[run_id]
            _, work, place = key.split(".")
            if work not in works:
                works[work] = units(run, self._attribution)
            if place not in places:
                places[place] = there(run)
            found[key] = _Factors(key, works[work], places[place])
        return found

    def _count(self, factors: Mapping[str, _Factors]) -> None:
        for *keys, key, outer, runs in self._query(question("factor_counts", by=self._by, **self._asked)).rows:
            row = self._row(tuple(keys))
            if outer is not None:
                row.add_nested(runs, factors[outer].known if outer in factors else self._apart[outer])
            elif key in factors:
                row.add(factors[key], runs)

    def _derive_apart(self, factors: Mapping[str, _Factors]) -> None:
        answer = self._summed("factor_apart", factors)
        nodes: dict[str, Portion] = {}
        at = answer.columns.index("background")
        if any(row[at] for row in answer.rows):
            beside = self._query(question("factor_beside", **self._asked))
            nodes = left_of_nodes(self._engine, beside, self._unknown(factors), self._attribution)
        for keys, key, working in apart_runs(self._engine, answer, len(self._by), self._attribution, nodes):
            self._row(keys).add_apart(working, counted=key in factors)

    def _summed(self, name: str, factors: Mapping[str, _Factors]) -> Answer:
        from footprint.ledger.questions import literal

        sql = question(
            name,
            by=self._by,
            machine=self._attribution == "machine",
            unknown=_UNKNOWN,
            cpu_limit_w=_CPU_LIMIT,
            memory_limit_w=_MEMORY_LIMIT,
            **self._asked,
        )
        given = {
            _UNKNOWN: ", ".join(map(literal, [_UNKNOWN, *self._unknown(factors)])),
            _CPU_LIMIT: _cases({key: one.units.limit.cpu_w for key, one in factors.items()}),
            _MEMORY_LIMIT: _cases({key: one.units.limit.memory_w for key, one in factors.items()}),
        }
        for place, words in given.items():
            sql = sql.replace(literal(place), words)
        return self._query(sql)

    def _unknown(self, factors: Mapping[str, _Factors]) -> list[str]:
        """The factor keys of the runs whose energy is not known, which take nothing from others."""
        every = self._apart | {key: one.known for key, one in factors.items()}
        return [key for key, known in every.items() if not known.energy]

    def _query(self, sql: str) -> Answer:
        answer = self._engine.query(sql)
        self._problems = tuple(dict.fromkeys((*self._problems, *answer.problems)))
        return answer

    def _row(self, keys: tuple[Any, ...]) -> GroupTotal:
        if keys not in self._rows:
            self._rows[keys] = GroupTotal(keys, self._attribution)
        return self._rows[keys]


def _cases(limits: Mapping[str, float | None]) -> str:
    """An SQL expression: the limit of a run's factor key, null where there is none."""
    from footprint.ledger.questions import literal

    stated = [f"WHEN {literal(key)} THEN {literal(limit)}" for key, limit in limits.items() if limit is not None]
    return f"CASE r.factor_key {' '.join(stated)} END" if stated else "CAST(NULL AS DOUBLE)"


def _pieces(answer: Answer, n_keys: int) -> dict[tuple[Any, ...], list[Piece]]:
    """The rows of `factor_groups` by their keys and factor key, weights by run and by owner put together."""
    index = {name: at for at, name in enumerate(answer.columns)}
    first, n_parts = index["sum_1"], max(map(len, _PARTS.values()))
    halves: dict[tuple[Any, ...], dict[str, tuple[Any, ...]]] = {}
    for row in answer.rows:
        halves.setdefault(row[: index["weighed"]], {})[row[index["weighed"]]] = row
    found: dict[tuple[Any, ...], list[Piece]] = {}
    for at, both in halves.items():
        component, name, meter, grade, held, known, edges = at[n_keys + 1 :]
        of = DeviceClass(component, name, meter, grade, held, bool(known), edges) if component == "accelerators" else None
        weights = {
            who: tuple(
                Weights(int(row[index["members"]]), *(float(one or 0.0) for one in row[first + 3 * i : first + 3 * i + 3]))
                for i in range(n_parts)
            )
            for who, row in both.items()
        }
        members = {who: row[index["member"]] for who, row in both.items()}
        piece = Piece(component, of, weights["run"], weights["owner"], members["run"], members["owner"])
        found.setdefault(at[: n_keys + 1], []).append(piece)
    return found


# -- Multiplying -------------------------------------------------------------------------------------------------------


def _multiplied(label: str, factors: _Factors, pieces: Sequence[Piece]) -> Working:
    """The sheet of one factor key's runs together."""
    known, place = factors.units, factors.there
    work = Working(attribution=known.whole.attribution, place=place.whole.place, basis=place.whole.basis)
    work.factors = known.whole.factors | place.whole.factors
    work.unknown = factors.unknown
    if known.whole.it is not None:
        _energy(label, factors, pieces, work)
    elif known.whole.parts:
        for name, grade in known.whole.grades.items():
            work.add_part(name, None, grade)
    if known.making is not None:
        used = [piece for piece in pieces if piece.of is not None and piece.of in known.making]
        work.embodied = sum_groups(
            _group(label, factors.key, piece, known.making[piece.of], "used_s") for piece in used if piece.of is not None
        )
    return work


def _energy(label: str, factors: _Factors, pieces: Sequence[Piece], work: Working) -> None:
    known, place = factors.units, factors.there
    parts: dict[ComponentName, list[Group]] = {name: [] for name in known.whole.parts}
    by_kind = {piece.kind: piece for piece in pieces}
    for unit in known.energy:
        piece = by_kind.get(unit.of if unit.of is not None else _component(unit))
        if piece is not None:
            parts[unit.component].append(_group(label, factors.key, piece, unit.energy, unit.amount, own=unit.own))
    for name, groups in parts.items():
        work.add_part(name, sum_groups(groups), known.whole.grades[name])
    work.it = total(energy for energy in work.parts.values() if energy is not None)
    work.facility = work.it * place.facility
    for quantity in ("emissions", "emissions_market", "emissions_direct", "water", "water_onsite", "water_offsite"):
        each: Quantity | None = getattr(place, quantity)
        setattr(work, quantity, None if each is None else work.it * each)


def _component(unit: Unit) -> str:
    return next(component for component, amounts in _PARTS.items() if unit.amount in amounts)


def _group(label: str, key: str, piece: Piece, each: Quantity, amount: str, *, own: str = "") -> Group:
    """One amount of one class of pieces. A single run's or device's draws are its own, as when it is derived by itself."""
    at = piece.part(amount)
    runs, owners = piece.runs[at], piece.owners[at]
    whose = own if piece.of is None else ""
    run_key = piece.a_run if runs.n == 1 else f"{label}{_LABEL}{key}"
    if piece.an_owner is not None:
        device_key = f"{piece.an_owner}/{whose}" if whose else piece.an_owner
    else:
        device_key = _LABEL.join((label, piece.err_alike, whose))
    return Group(run_key, each, runs, owners, device_key)
