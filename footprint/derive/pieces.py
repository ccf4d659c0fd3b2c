"""Sums of pieces of runs, and what they come to when accounting multiplies them: the footprint of a group of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

from footprint import text
from footprint.accounting.ranges import Group, Quantity, Weights, sum_groups, total
from footprint.derive.account import sum_of
from footprint.derive.units import There, Unit, Units
from footprint.derive.working import Working, range_of
from footprint.ledger.engines import Answer
from footprint.ledger.factor_key import DeviceClass
from footprint.model import Attribution, ComponentName, Footprint, Range, Run

PARTS: Final[dict[str, tuple[str, ...]]] = {
    "host": ("idle_s", "active_s"),
    "cpu": ("cpu_j", "cpu_w", "cpu_reserved_s", "cpu_dynamic_s"),
    "memory": ("memory_j", "memory_w", "memory_reserved_s", "memory_dynamic_s"),
    "accelerators": ("energy_j", "power_w", "read_s", "run_s", "used_s"),
}
"""What the numbered parts of a piece are, by its component; see `pieces.sql`."""
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
        return PARTS[self.component].index(amount)


class Known(NamedTuple):
    """Whether the energy and the emissions of runs are known."""

    energy: bool
    emissions: bool


class Factors(NamedTuple):
    """What one factor key's amounts are multiplied with."""

    key: str
    units: Units
    there: There
    example: Run

    @property
    def known(self) -> Known:
        """What is known of its runs."""
        energy = self.units.whole.it is not None
        return Known(energy, energy and self.there.emissions is not None)

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
        self._pieces: list[tuple[Factors, list[Piece]]] = []
        self._workings: list[Working] = []
        self._alike: list[tuple[Factors, int]] = []

    @cached_property
    def workings(self) -> list[Working]:
        """The sheets that the sum is made of: one of the runs of each factor key, and one of each run derived by itself."""
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
        return [*summed.values(), *self._workings]

    @cached_property
    def sheet(self) -> Working:
        """The sum as quantities, of which no range is drawn yet."""
        result = sum_of(self.workings, self._attribution)
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

    def add_nested(self, runs: int, known: Known) -> None:
        """Count runs that others contain, of which as much is known as of these."""
        self.runs += runs
        self.nested += runs
        self.with_energy += runs if known.energy else 0
        self.with_emissions += runs if known.emissions else 0

    def add(self, factors: Factors, runs: int) -> None:
        """Count runs of a factor key."""
        self.runs += runs
        self._alike.append((factors, runs))
        self.unknown.update(dict.fromkeys(factors.unknown, runs))
        self.with_energy += runs if factors.known.energy else 0
        self.with_emissions += runs if factors.known.emissions else 0

    def add_pieces(self, factors: Factors, pieces: list[Piece]) -> None:
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


def pieces_of(answer: Answer, n_keys: int) -> dict[tuple[Any, ...], list[Piece]]:
    """The rows of `factor_groups` by their keys and factor key, weights by run and by owner put together."""
    index = {name: at for at, name in enumerate(answer.columns)}
    first, n_parts = index["sum_1"], max(map(len, PARTS.values()))
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


def _multiplied(label: str, factors: Factors, pieces: Sequence[Piece]) -> Working:
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


def _energy(label: str, factors: Factors, pieces: Sequence[Piece], work: Working) -> None:
    known, place = factors.units, factors.there
    parts: dict[ComponentName, list[Group]] = {name: [] for name in known.whole.parts}
    by_kind = {piece.kind: piece for piece in pieces}
    for unit in known.energy:
        piece = by_kind.get(unit.of if unit.of is not None else component_of(unit))
        if piece is not None:
            parts[unit.component].append(_group(label, factors.key, piece, unit.energy, unit.amount, own=unit.own))
    for name, groups in parts.items():
        work.add_part(name, sum_groups(groups), known.whole.grades[name])
    work.it = total(energy for energy in work.parts.values() if energy is not None)
    work.facility = work.it * place.facility
    for quantity in ("emissions", "emissions_market", "emissions_direct", "water", "water_onsite", "water_offsite"):
        each: Quantity | None = getattr(place, quantity)
        setattr(work, quantity, None if each is None else work.it * each)


def component_of(unit: Unit) -> str:
    """Of which component's pieces a unit's amount is."""
    return next(component for component, amounts in PARTS.items() if unit.amount in amounts)


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
