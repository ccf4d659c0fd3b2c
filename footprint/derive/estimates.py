"""The estimates of a frame's rows: in halves that many rows share, or one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from footprint.accounting.ranges import Quantity, bounds_of, tidied, unit_bounds
from footprint.derive.columns import Columns, Mask
from footprint.derive.halves import Half, Names, Outcome, Rows, place_halves, quantity, work_halves, work_out
from footprint.derive.working import range_of
from footprint.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

OF: Final[Mapping[str, tuple[str, str | None]]] = {
    "accelerator_energy_kwh": ("accelerators", None),
    "it_energy_kwh": ("it", None),
    "energy_kwh": ("it", "facility"),
    "emissions_g": ("it", "emissions"),
    "emissions_market_g": ("it", "emissions_market"),
    "emissions_direct_g": ("it", "emissions_direct"),
    "embodied_g": ("embodied", None),
    "water_l": ("it", "water"),
    "cost": ("it", "cost"),
}
"""The quantities: which of the work's, times which of a kilowatt-hour's at its place."""
_AMOUNTS: Final = ("hours", "device_hours", "energy_kwh")
_COMPUTED: Final = ("flops", "parameters", "tokens", "mfu_ratio")
_MOST_KEPT: Final = 10_000


class Pair(NamedTuple):
    """A work half and a place half that rows have in common, these rows, and which halves they are."""

    work: Half
    place: Half
    rows: Rows
    halves: tuple[int, int]

    def unit(self, name: str) -> Quantity | None:
        """A quantity of the halves' smallest numbers."""
        of_work, of_place = OF[name]
        assert self.work.outcome.work is not None
        found = quantity(self.work.outcome.work, of_work)
        if of_place is None or found is None:
            return found
        assert self.place.outcome.work is not None
        each = quantity(self.place.outcome.work, of_place)
        return None if each is None else found * each


class Estimates:
    """The estimates of a frame: the rows that are worked out in halves, and those that are worked out one by one."""

    def __init__(self, frame: pd.DataFrame, quantities: Sequence[str]) -> None:
        self.columns = Columns(frame)
        self._apart = "water_l" in quantities
        self.n = len(frame)
        self.index = frame.index
        self.alone: dict[int, Outcome] = {}
        self.errors: dict[int, str] = {}
        self.work: list[Half] = []
        self.place: list[Half] = []
        self.work_of = np.full(self.n, -1)
        self.place_of = np.full(self.n, -1)
        self._at = {"work": np.zeros(self.n, dtype=np.intp), "place": np.zeros(self.n, dtype=np.intp)}
        self._kept: dict[tuple[tuple[str, Any], ...], Outcome] = {}
        fast = self._products()
        for row in np.flatnonzero(~fast):
            self._work_out(int(row))
        self._halve(np.flatnonzero(fast))
        self.pair_of = np.full(self.n, -1)
        self.pairs: list[Pair] = []
        for pair in self._pair():
            self.pair_of[pair.rows] = len(self.pairs)
            self.pairs.append(pair)

    # -- Rows --------------------------------------------------------------------------------------------------------------

    def _products(self) -> Mask:
        """The rows whose quantities are products of their numbers."""
        columns = self.columns
        amounts = sum((columns.stated(name).astype(int) for name in _AMOUNTS), np.zeros(self.n, dtype=int))
        twice = columns.stated("energy_kwh") & (columns.stated("power_w"))
        fast = ~columns.odd & (amounts == 1) & ~twice
        for name in _COMPUTED:
            fast &= ~columns.stated(name)
        for values in columns.numbers.values():
            fast &= ~np.isinf(values)
        if "training" in columns.codes:
            no = [code for code, value in enumerate(columns.distinct["training"]) if value is not True]
            fast &= ~np.isin(columns.codes["training"], no)
        return np.asarray(fast, dtype=bool)

    def _work_out(self, row: int) -> None:
        """A row by itself."""
        facts = self.columns.facts(row)
        try:
            key = tuple(facts.items())
            outcome = self._kept.get(key)
        except TypeError:  # a list, say: refused, and not kept
            outcome = work_out(facts)
        else:
            if outcome is None:
                outcome = work_out(facts)
                if len(self._kept) < _MOST_KEPT:
                    self._kept[key] = outcome
        self._note(row, outcome)

    def _note(self, row: int, outcome: Outcome) -> None:
        if outcome.error is not None:
            self.errors[row] = str(outcome.error)
        else:
            self.alone[row] = outcome

    def _halve(self, rows: Rows) -> None:
        for some, numbers in self._stating(rows, ("year", *_AMOUNTS, "count", "power_w")):
            self._keep("work", work_halves(self.columns, some, numbers))
        rows = rows[self.work_of[rows] >= 0]
        clouds = np.array([half.cloud or "" for half in self.work], dtype=object)
        by_cloud = clouds[self.work_of[rows]] if len(rows) else np.array([], dtype=object)
        for cloud in dict.fromkeys(half.cloud or "" for half in self.work):
            for some, numbers in self._stating(rows[by_cloud == cloud], ("pue", "intensity_g_per_kwh")):
                self._keep("place", place_halves(self.columns, some, numbers, cloud or None, apart=self._apart))

    def _stating(self, rows: Rows, names: Names) -> Iterator[tuple[Rows, Names]]:
        """Rows by which of some numbers they state."""
        bits = sum((self.columns.stated(name)[rows].astype(int) << at for at, name in enumerate(names)), np.zeros(len(rows), int))
        for one in np.unique(bits):
            yield rows[bits == one], tuple(name for at, name in enumerate(names) if one >> at & 1)

    def _keep(self, which: Literal["work", "place"], halves: Iterator[Half | Rows]) -> None:
        kept, of = (self.work, self.work_of) if which == "work" else (self.place, self.place_of)
        for half in halves:
            if isinstance(half, Half):
                of[half.rows] = len(kept)
                self._at[which][half.rows] = np.arange(len(half.rows))
                kept.append(half)
            else:
                for row in half:
                    self._work_out(int(row))

    def _pair(self) -> Iterator[Pair]:
        """The pairs of halves; rows of a half that is refused, or whose energy is not known, are settled here."""
        rows = np.flatnonzero((self.work_of >= 0) & (self.place_of >= 0))
        keys = self.work_of[rows] * max(len(self.place), 1) + self.place_of[rows]
        order = np.argsort(keys, kind="stable")
        rows, keys = rows[order], keys[order]
        for some in np.split(rows, np.flatnonzero(np.diff(keys)) + 1) if len(rows) else ():
            at = int(self.work_of[some[0]]), int(self.place_of[some[0]])
            pair = Pair(self.work[at[0]], self.place[at[1]], some, at)
            work, place = pair.work.outcome, pair.place.outcome
            if work.work is not None and place.work is not None and work.work.it is not None:
                yield pair
            elif (work.work is None) != (place.work is None):
                which = "work" if work.work is None else "place"
                half = pair.work if work.work is None else pair.place
                for row in some:
                    self.errors[int(row)] = half.sayings(int(self._at[which][row]))[0]
            else:
                for row in some:
                    self._work_out(int(row))

    def raise_first(self) -> None:
        """Refuse the frame for its first row that is refused."""
        if self.errors:
            row = min(self.errors)
            raise ConfigError(f"row {self.index[row]!r}: {self.errors[row]}")

    # -- Numbers -----------------------------------------------------------------------------------------------------------

    def numbers(self, name: str, *, ranges: bool) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Low, middle and high of a quantity, for each row."""
        low, central, high = (np.full(self.n, np.nan) for _ in range(3))
        for row, outcome in self.alone.items():
            assert outcome.work is not None
            found = range_of(quantity(outcome.work, attribute(name)))
            if found is not None:
                low[row], central[row], high[row] = found.low, found.central, found.high
        rows = np.flatnonzero(self.pair_of >= 0)
        pairs = self.pair_of[rows]
        sizes = self.sizes(name)[rows]
        central[rows] = tidied(self._centrals(name)[pairs] * sizes)
        if ranges:
            bounds = self._bounds(name)[pairs]
            low[rows] = np.minimum(np.maximum(tidied(bounds[:, 0] * sizes), 0.0), central[rows])
            high[rows] = np.maximum(tidied(bounds[:, 1] * sizes), central[rows])
        return low, central, high

    def _centrals(self, name: str) -> NDArray[np.float64]:
        """The middle of each pair's quantity: of a product the product of the middles."""
        of_work, of_place = OF[name]
        found: NDArray[np.float64] = np.array([_central(half, of_work) for half in self.work])
        work = found[[pair.halves[0] for pair in self.pairs]]
        if of_place is None:
            return work
        found = np.array([_central(half, of_place) for half in self.place])
        return work * found[[pair.halves[1] for pair in self.pairs]]

    def _bounds(self, name: str) -> NDArray[np.float64]:
        """The bounds of each pair's quantity; of quantities without a place once for each of the work halves."""
        if OF[name][1] is not None:
            return np.array([_bounds(pair.unit(name)) for pair in self.pairs]).reshape(-1, 2)
        firsts = {pair.halves[0]: pair for pair in self.pairs}
        each = {at: _bounds(pair.unit(name)) for at, pair in firsts.items()}
        return np.array([each[pair.halves[0]] for pair in self.pairs]).reshape(-1, 2)

    def sizes(self, name: str) -> NDArray[np.float64]:
        """By what the quantity of each row is larger than that of its halves."""
        of_work, of_place = OF[name]
        sizes = np.ones(self.n)
        for half in self.work:
            sizes[half.rows] = half.scales[of_work]
        if of_place is not None:
            for half in self.place:
                sizes[half.rows] *= half.scales[of_place]
        return sizes

    # -- Words -------------------------------------------------------------------------------------------------------------

    def words(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """What is unknown, the warnings, and why a row is refused, for each row."""
        unknown, warnings, errors = (np.empty(self.n, dtype=object) for _ in range(3))
        names: dict[frozenset[str], tuple[str, ...]] = {}
        for pair in self.pairs:
            lacking = pair.work.unknown | pair.place.unknown
            _put(unknown, pair.rows, names.setdefault(lacking, tuple(sorted(lacking))))
            if pair.work.has_slots or pair.place.has_slots:
                for row in pair.rows:
                    said = [
                        half.sayings(int(self._at[which][row])) for which, half in (("work", pair.work), ("place", pair.place))
                    ]
                    warnings[row] = tuple(dict.fromkeys(said[0] + said[1]))
            else:
                _put(warnings, pair.rows, tuple(dict.fromkeys(pair.work.said + pair.place.said)))
        for row, outcome in self.alone.items():
            assert outcome.work is not None
            unknown[row], warnings[row] = tuple(sorted(outcome.work.unknown)), tuple(outcome.work.warnings)
        for row, error in self.errors.items():
            unknown[row], warnings[row], errors[row] = (), (), error
        return unknown, warnings, errors


def attribute(name: str) -> str:
    """Where a sheet of its own has a quantity."""
    of_work, of_place = OF[name]
    return of_place or of_work


def _central(half: Half, name: str) -> float:
    found = quantity(half.outcome.work, name) if half.outcome.work is not None else None
    return found.central if found is not None else np.nan


def _bounds(unit: Quantity | None) -> tuple[float, float]:
    """The bounds of a quantity, as `Quantity.range` finds them; NaN if it is not known."""
    if unit is None:
        return np.nan, np.nan
    if len(unit.terms) == 1:
        ((term, amount),) = unit.terms.items()
        low, high = unit_bounds(term) if term else (1.0, 1.0)
        return amount * low, amount * high
    draws = unit.draws
    return (unit.central, unit.central) if draws is None else bounds_of(draws)


def _put(column: NDArray[Any], rows: Rows, value: object) -> None:
    """One object into many places: numpy would take a tuple apart."""
    for row in rows.tolist():
        column[row] = value
