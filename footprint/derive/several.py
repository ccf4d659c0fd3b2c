"""Totals of one ledger by several dimensions: what all of them need is found once, kept by the engine, and grouped by each.

An engine that keeps nothing is asked anew for each; the sums are the same. See `derive.grouped` for how exact they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from footprint.accounting.ranges import Weights
from footprint.derive.account import device_time_s
from footprint.derive.apart import Apart
from footprint.derive.grouped import Asking
from footprint.derive.pieces import PARTS, Factors, GroupTotal, Piece, component_of
from footprint.derive.units import Unit
from footprint.ledger.engines import Answer, Engine
from footprint.ledger.engines.engine import Keeping
from footprint.ledger.factor_key import DeviceClass
from footprint.ledger.questions import DAY, Words, literal, steps
from footprint.model import Attribution, ComponentName

BASIS: Final = "basis"
TIMES: Final = ("day", "month")
REST: Final = -1
_MOST: Final = 1_000_000
_N_PARTS: Final = max(map(len, PARTS.values()))
_SELF: Final = (
    "within", "kin", "children", "elders", "overs", "nodes", "guests", "free", "grown", "divided", "adjusted", "reserved",
    "clock_numbers", "overlapping", "shared_out", "shared", "host_read", "apart", "counting", "pieces", "rates", "aparts",
    "numbered", "booked", "ranks", "ranked",
)  # fmt: skip
"""What is kept as rows, because it is asked for more than once; the other steps are kept as questions."""
_SPENT: Final = {"classes": ("counting", "host_read"), "heaviest": ("pieces",)}
"""What nobody asks for after a question."""


class Class(NamedTuple):
    """A class of pieces: of which factor key and component, and what the devices are, if they are accelerators."""

    key: str
    component: str
    of: DeviceClass | None


class Tally:
    """One group: its total, and what is counted beside it.

    Attributes:
        key: the value by which its runs were grouped; empty for all runs, and for what is put together.
        merged: how many groups were put together in it; 0 for one by itself.
        total: the footprint.
        duration_s: the time of its runs.
        device_s: the time for which they used accelerators, each device once at a time.
        started_us: when the first of them began.
        direct: of how many of them direct emissions are known.
        market: of how many market-based ones are.
        runs_of: how many there are of each factor key.
    """

    def __init__(self, dimension: str, key: str, merged: int, attribution: Attribution, of: str = "") -> None:
        self.key, self.merged = key, merged
        # What varies from run to run is drawn apart for runs that were asked for apart, of another period, say.
        self.total = GroupTotal((dimension, key, merged, of), attribution)
        self.duration_s = self.device_s = 0.0
        self.started_us: int | None = None
        self.direct = self.market = 0
        self.runs_of: Counter[str] = Counter()

    @property
    def weight_kwh(self) -> float | None:
        """The middle of its energy; None where it is known of none."""
        facility = self.total.sheet.facility
        return None if facility is None or not self.total.with_energy else facility.central

    def count(self, key: str, factors: Factors | None, runs: int, duration_us: int, started_us: int) -> None:
        """Count runs of a factor key; `factors` is None for those that are derived one by one."""
        self.duration_s += duration_us / 1e6
        self.started_us = started_us if self.started_us is None else min(started_us, self.started_us)
        self.runs_of[key] += runs
        if factors is not None:
            self.total.add(factors, runs)
            if factors.known.energy:
                self.direct += runs * (factors.there.emissions_direct is not None)
                self.market += runs * (factors.there.emissions_market is not None)

    def add(self, one: Apart, *, counted: bool, attribution: Attribution) -> None:
        """Take a run that was derived by itself."""
        self.total.add_apart(one.working, counted=counted)
        self.device_s += device_time_s(one.run, one.portion.hours, attribution)
        if not counted:
            self.direct += one.working.emissions_direct is not None
            self.market += one.working.emissions_market is not None


class Several(Asking):
    """A ledger that is asked by several dimensions.

    Args:
        engine: the ledger.
        attribution: whose joules are counted.
        asked: which runs are asked about, see `question`.
        dimensions: names of `ledger.questions.KEYS`, `label:KEY`, `day` or `basis`, with the number of groups that each is to
            have at most; 0 for all.

    Attributes:
        runs_of: how many runs there are of each factor key, nested ones with them.
        whole: the total.
        by: the groups of each dimension, largest energy first, or in time; what is put together last.
        aparts: the runs that were derived one by one.
        pieces: the sums of pieces of all runs, by class.
    """

    def __init__(self, engine: Engine, attribution: Attribution, asked: dict[str, Any], dimensions: Mapping[str, int]) -> None:
        super().__init__(engine, attribution, asked)
        self._kept: set[str] = set()
        self._limits = {name: limit for name, limit in dimensions.items() if name != BASIS}
        self._is_by_basis = BASIS in dimensions
        self.runs_of: dict[str, int] = {}
        self.aparts: tuple[Apart, ...] = ()
        self._of = repr(sorted(asked.items(), key=str))
        self.whole = Tally("", "", 0, attribution, self._of)
        self.by: dict[str, tuple[Tally, ...]] = {}
        self.pieces: list[tuple[Class, Piece]] = []
        self.cpu_read_s: dict[str, tuple[float, float]] = {}

    def ask(self, name: str, **more: Any) -> Answer:
        """The answer to a question; its steps are kept as soon as it is known what they count."""
        if not isinstance(self.engine, Keeping) or not (self.factors or self.others):
            return super().ask(name, **more)
        parts, last = steps(name, **self.given, **more)
        for part, sql in parts.items():
            if part not in self._kept:
                self.engine.keep(part, self.said(sql), is_view=part not in _SELF)
                self._kept.add(part)
        answer = self.query(self.said(last))
        for part in _SPENT.get(name, ()):
            if part in self._kept:
                self.engine.forget(part)
        return answer

    def sums(self) -> None:
        """Find the totals."""
        self.runs_of = self.look()
        if not self.runs_of:
            return
        found = [tuple(row) for row in self.ask("classes").rows] if self.factors else []
        classes = [Class(row[0], row[1], _device_class(row)) for row in found]
        self.aparts = tuple(self.apart(("id",)))
        by = tuple(DAY if name == "day" else name for name in self._limits)
        words: dict[str, Any] = {"by": by, "rates": self._rates(found, classes), "aparts": self._apart_energies()}
        tallies: dict[tuple[int, int], Tally] = {}
        ranks: list[str] = []
        for at, (name, limit) in enumerate(self._limits.items(), 1):
            keys = self._heaviest(at, limit, words)
            kept = keys if not limit or keys[0][2] <= limit else keys[: limit - 1]
            for place, (key, _, _) in enumerate(kept):
                ranks.append(f"({at}, {literal(key)}, {place})")
                tallies[at, place] = Tally(name, _date(key) if name == "day" else key, 0, self.attribution, self._of)
            if limit and keys[0][2] > limit:
                tallies[at, REST] = Tally(name, "", keys[0][2] - len(kept), self.attribution, self._of)
        words |= self._places(ranks)
        self._count(tallies, words)
        self._weigh(tallies, classes, words)
        self._add_aparts(tallies, words)
        for at, name in enumerate(self._limits, 1):
            groups = [(place, tally) for (of, place), tally in tallies.items() if of == at]
            groups.sort(key=lambda one: (one[0] == REST, one[1].key if name in TIMES else one[0]))
            self.by[name] = tuple(tally for _, tally in groups)
        if self._is_by_basis:
            self.by[BASIS] = self._by_basis()

    # -- Asking --------------------------------------------------------------------------------------------------------

    def _heaviest(self, at: int, limit: int, words: Mapping[str, Any]) -> list[tuple[str, float, int]]:
        answer = self.ask("heaviest", key=Words(f"key_{at}"), most=limit or _MOST, **words)
        return [(str(key), float(kwh or 0.0), int(keys)) for key, kwh, _, keys in answer.rows]

    def _rates(self, found: Sequence[tuple[Any, ...]], classes: Sequence[Class]) -> Words:
        rows = [
            f"({number}, {', '.join(map(literal, row))}, {', '.join(map(repr, self._kwh(one)))})"
            for number, (row, one) in enumerate(zip(found, classes, strict=True))
        ]
        columns = ("class", "factor_key", "component", "name", "meter", "grade", "held", "known", "edges")
        return _values(
            (*columns, *(f"kwh_{part}" for part in range(1, _N_PARTS + 1))),
            rows,
            "0, '', '', '', '', '', 0, 0, 0, 0e0, 0e0, 0e0, 0e0, 0e0",
        )

    def _kwh(self, one: Class) -> list[float]:
        """What a unit of each part of a class comes to at the facility, in the middle."""
        factors = self.factors[one.key]
        if not factors.known.energy:
            return [0.0] * _N_PARTS
        return [sum(each.values()) * factors.there.facility.central for each in self.rates_of(one)]

    def rates_of(self, one: Class) -> list[dict[ComponentName, float]]:
        """What a unit of each part of a class comes to in each component, in the middle: kWh of IT equipment."""
        found: list[dict[ComponentName, float]] = [{} for _ in range(_N_PARTS)]
        factors = self.factors[one.key]
        for unit in factors.units.energy:
            if _is_of(unit, one):
                part = found[PARTS[one.component].index(unit.amount)]
                part[unit.component] = part.get(unit.component, 0.0) + unit.energy.central
        return found

    def _apart_energies(self) -> Words:
        rows = [
            f"({literal(one.run.id)}, {0.0 if one.working.facility is None else one.working.facility.central!r})"
            for one in self.aparts
        ]
        return _values(("id", "kwh"), rows, "'', 0e0")

    def _places(self, ranks: Sequence[str]) -> dict[str, Words]:
        """What ranks the runs in each dimension, and groups them by these ranks."""
        several = range(1, len(self._limits) + 1)
        names = "".join(f"rank_{at}, " for at in several)
        joined = " ".join(
            f"LEFT JOIN ranks t{at} ON t{at}.dimension = {at} AND t{at}.name = COALESCE(b.key_{at}, '')" for at in several
        )
        return {
            "ranks": _values(("dimension", "name", "place"), ranks, "0, '', 0"),
            "places": Words("".join(f"COALESCE(t{at}.place, {REST}) AS rank_{at}, " for at in several)),
            "joined": Words(joined),
            "names": Words(names),
        }

    def _sets(self, *columns: str) -> Words:
        own = ", ".join(columns)
        return Words(", ".join((f"({own})", *(f"(rank_{at}, {own})" for at in range(1, len(self._limits) + 1)))))

    # -- Adding up -----------------------------------------------------------------------------------------------------

    def _count(self, tallies: Mapping[tuple[int, int], Tally], words: Mapping[str, Any]) -> None:
        n_ranks = len(self._limits)
        for row in self.ask("ranked_counts", sets=self._sets("factor_key"), **words).rows:
            key, runs, duration_us, cpu_read_s, started_us = row[n_ranks:]
            at = _place_of(row[:n_ranks])
            tally = self.whole if at is None else tallies[at]
            tally.count(key, self.factors.get(key), int(runs), int(duration_us), int(started_us))
            if at is None:
                self.cpu_read_s[key] = (float(cpu_read_s or 0.0), int(duration_us) / 1e6)

    def _weigh(self, tallies: Mapping[tuple[int, int], Tally], classes: Sequence[Class], words: Mapping[str, Any]) -> None:
        if not classes:
            return
        n_ranks = len(self._limits)
        sets, owner_sets = self._sets("class"), self._sets("owner", "class")
        owners = {
            row[: n_ranks + 1]: row[n_ranks + 1 :] for row in self.ask("ranked_owners", owner_sets=owner_sets, **words).rows
        }
        found: dict[tuple[int, int] | None, dict[str, list[Piece]]] = {}
        for row in self.ask("ranked_runs", sets=sets, **words).rows:
            at, one, mine = _place_of(row[:n_ranks]), classes[row[n_ranks]], row[n_ranks + 1 :]
            theirs = owners[row[: n_ranks + 1]]
            piece = Piece(one.component, one.of, _weights(mine), _weights(theirs), mine[1], theirs[1])
            found.setdefault(at, {}).setdefault(one.key, []).append(piece)
            if at is None:
                self.pieces.append((one, piece))
        for at, by_key in found.items():
            tally = self.whole if at is None else tallies[at]
            for key, pieces in by_key.items():
                tally.total.add_pieces(self.factors[key], pieces)
                tally.device_s += self._device_s(pieces)

    def _device_s(self, pieces: Sequence[Piece]) -> float:
        used = [one for one in pieces if one.of is not None and (one.of.held != 0 or self.attribution == "machine")]
        return sum(one.runs[one.part("used_s")].w for one in used)

    def _add_aparts(self, tallies: Mapping[tuple[int, int], Tally], words: Mapping[str, Any]) -> None:
        if not self.aparts:
            return
        by_id = {one.run.id: one for one in self.aparts}
        for *ranks, run_id in self.ask("ranked_apart", **words).rows:
            one = by_id[run_id]
            places = [tallies[at, rank] for at, rank in enumerate(ranks, 1)]
            for tally in (self.whole, *places):
                tally.add(one, counted=one.factor_key in self.factors, attribution=self.attribution)

    def _by_basis(self) -> tuple[Tally, ...]:
        """The groups by basis, which a run's place decides and no column states: factor keys and runs apart put together."""
        found: dict[str, Tally] = {}

        def of(basis: str | None) -> Tally:
            return found.setdefault(basis or "", Tally(BASIS, basis or "", 0, self.attribution, self._of))

        for key, runs in self.whole.runs_of.items():
            if key in self.factors:
                factors = self.factors[key]
                tally = of(factors.there.whole.basis)
                duration_us = round(self.cpu_read_s[key][1] * 1e6)
                tally.count(key, factors, runs, duration_us, self.whole.started_us or 0)
                own = [piece for one, piece in self.pieces if one.key == key]
                tally.total.add_pieces(factors, own)
                tally.device_s += self._device_s(own)
        for one in self.aparts:
            tally = of(one.working.basis)
            counted = one.factor_key in self.factors
            tally.add(one, counted=counted, attribution=self.attribution)
            tally.duration_s += 0.0 if counted else one.run.duration_s
        return tuple(sorted(found.values(), key=lambda tally: (-(tally.weight_kwh or 0.0), tally.key)))


def _is_of(unit: Unit, one: Class) -> bool:
    return unit.of == one.of if unit.of is not None else one.of is None and component_of(unit) == one.component


def _device_class(row: tuple[Any, ...]) -> DeviceClass | None:
    _, component, name, meter, grade, held, known, edges = row
    return DeviceClass(component, name, meter, grade, held, bool(known), edges) if component == "accelerators" else None


def _place_of(ranks: Sequence[int | None]) -> tuple[int, int] | None:
    """Of which dimension a row is, and of which group of it; None for a row of all runs."""
    return next(((at, rank) for at, rank in enumerate(ranks, 1) if rank is not None), None)


def _weights(row: Sequence[Any]) -> tuple[Weights, ...]:
    """The sums of each part of a row: how many, one of them, and then three sums a part."""
    return tuple(
        Weights(int(row[0]), *(float(one or 0.0) for one in row[2 + 3 * part : 5 + 3 * part])) for part in range(_N_PARTS)
    )


def _values(columns: Sequence[str], rows: Sequence[str], nothing: str) -> Words:
    """Rows as a SELECT; of none, one that has their types."""
    if not rows:
        named = ", ".join(f"{value} AS {name}" for name, value in zip(columns, nothing.split(", "), strict=True))
        return Words(f"SELECT {named} WHERE FALSE")
    return Words(f"SELECT * FROM (VALUES {', '.join(rows)}) AS t({', '.join(columns)})")  # noqa: S608 - literals


def _date(day: str) -> str:
    """A day that is counted from 1970, as its date."""
    from datetime import date

    return date.fromordinal(date(1970, 1, 1).toordinal() + int(day)).isoformat()


def each_key(found: Several) -> Iterator[tuple[str, Factors, int]]:
    """The factor keys of runs that count, with what they are multiplied, and how many runs were not derived one by one."""
    alone = Counter(one.factor_key for one in found.aparts)
    for key, runs in found.whole.runs_of.items():
        if key in found.factors and runs > alone[key]:
            yield key, found.factors[key], runs - alone[key]
