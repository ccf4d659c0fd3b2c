"""Very many estimates at once: a frame of declared facts to a frame of footprints, and to sums of them.

What rows have in common is worked out once (`halves`); the rest is a product for each row. A row that has nothing in common with
others, or whose facts are more than a product, is worked out by itself, by the same way. So each row is what `estimate` says.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from footprint.accounting.groups import MOST_APART, owned
from footprint.accounting.ranges import Group, Quantity, Weights, sum_groups, total
from footprint.derive.columns import KNOWN, plain
from footprint.derive.estimates import OF, Estimates, attribute
from footprint.derive.halves import Rows, quantity
from footprint.derive.working import range_of
from footprint.errors import ConfigError, unknown_choice

if TYPE_CHECKING:
    import pandas as pd

Errors = Literal["raise", "column"]
QUANTITIES: Final = tuple(OF)
USUAL: Final = ("it_energy_kwh", "energy_kwh", "emissions_g")


def estimate_many(
    frame: pd.DataFrame, *, ranges: bool = True, errors: Errors = "raise", quantities: Sequence[str] = USUAL
) -> pd.DataFrame:
    """The footprints of work that nobody measured, one a row: each as `estimate` gives it.

    Args:
        frame: the facts; columns named like the fields of `Declaration`, NaN or None where nothing is stated.
        ranges: whether the bounds of the 90 % ranges are wanted, which take most of the time.
        errors: `raise` refuses the frame for its first row that `estimate` refuses; `column` says in the column `error` why
            a row is refused (nothing where it is not), and leaves its numbers empty.
        quantities: which of `QUANTITIES`.

    Returns:
        With the frame's index: of each quantity three columns (`_low`, the middle by its plain name, `_high`; the middle alone
        without `ranges`), NaN where it is not known; `unknown`, the names of what is not known in alphabetical order;
        `warnings`, first those of the work, then those of its place; and `error`, if asked for.

    Raises:
        ConfigError: for a column that is no fact, an unknown option, or a refused row.
    """
    import pandas as pd

    _check_options(errors, quantities)
    with _uncollected():
        found = Estimates(frame, quantities)
        if errors == "raise":
            found.raise_first()
        columns: dict[str, Any] = {}
        for name in quantities:
            low, central, high = found.numbers(name, ranges=ranges)
            columns |= {f"{name}_low": low, name: central, f"{name}_high": high} if ranges else {name: central}
        columns["unknown"], columns["warnings"], said = found.words()
    if errors == "column":
        columns["error"] = pd.Series(said, index=frame.index, dtype=object)  # else None becomes NaN
    return pd.DataFrame(columns, index=frame.index)


def sum_many(
    frame: pd.DataFrame, by: Sequence[str] = (), *, errors: Errors = "raise", quantities: Sequence[str] = USUAL
) -> pd.DataFrame:
    """Sums over declared work, with true ranges.

    What rows share (a grid, a site's PUE) moves together in a sum; what varies from job to job is drawn anew for each row.

    Args:
        frame: the facts, as for `estimate_many`; columns named in `by` may be others.
        by: the columns whose values make the groups; none for one sum of all.
        errors: `raise` refuses the frame for a row that `estimate` refuses; `column` leaves such rows out and counts them.
        quantities: which of `QUANTITIES`.

    Returns:
        A row for each group, with its values as the index: `rows`, `with_energy` and `with_emissions`, how many of them are in
        the sums; `refused`, if asked for; and the quantities with their bounds, NaN where none is known.

    Raises:
        ConfigError: for a column that is no fact, an unknown option, or a refused row.
    """
    import pandas as pd

    _check_options(errors, quantities)
    for name in by:
        if name not in frame.columns:
            raise ConfigError(f"there is no column {name!r} to group by (there are {', '.join(map(str, frame.columns))})")
    found = Estimates(frame.drop(columns=[name for name in dict.fromkeys(by) if name not in KNOWN]), quantities)
    if errors == "raise":
        found.raise_first()
    groups = [np.arange(found.n)]
    labels = pd.DataFrame(index=pd.Index(["all"]))
    if by:
        values = frame[list(by)].reset_index(drop=True)
        number = values.groupby(list(by), dropna=False, sort=True).ngroup().to_numpy()
        groups = [np.flatnonzero(number == one) for one in range(int(number.max(initial=-1)) + 1)]
        labels = values.iloc[[rows[0] for rows in groups]].set_index(list(by))
    sums = _Sums(found, quantities)
    records = [
        sums.of(repr(label), rows, refused=errors == "column") for label, rows in zip(labels.index.tolist(), groups, strict=True)
    ]
    return pd.DataFrame(records, index=labels.index)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for garbage in cycles, of which estimates make none: else each look goes through all that they keep."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _check_options(errors: str, quantities: Sequence[str]) -> None:
    if errors not in get_args(Errors):
        raise unknown_choice("errors", errors, get_args(Errors))
    for name in quantities:
        if name not in OF:
            raise unknown_choice("quantity", name, QUANTITIES)


class _Sums:
    """Sums over rows of estimates."""

    def __init__(self, estimates: Estimates, names: Sequence[str]) -> None:
        self._estimates = estimates
        self._names = names
        every = dict.fromkeys(("it_energy_kwh", "emissions_g", *names))
        self._sizes = {name: estimates.sizes(name) for name in every}
        self._units = {name: [pair.unit(name) for pair in estimates.pairs] for name in every}

    def of(self, label: str, rows: Rows, *, refused: bool) -> dict[str, Any]:
        """The sums over some rows."""
        sums = {name: self._sum(label, rows, name) for name in self._sizes}
        record: dict[str, Any] = {
            "rows": len(rows), "with_energy": sums["it_energy_kwh"][1], "with_emissions": sums["emissions_g"][1],
        }  # fmt: skip
        if refused:
            record["refused"] = sum(row in self._estimates.errors for row in rows.tolist())
        for name in self._names:
            summed, n = sums[name]
            found = range_of(summed) if n else None
            low, central, high = (found.low, found.central, found.high) if found is not None else (np.nan, np.nan, np.nan)
            record |= {f"{name}_low": low, name: central, f"{name}_high": high}
        return record

    def _sum(self, label: str, rows: Rows, name: str) -> tuple[Quantity, int]:
        """The sum of a quantity, and of how many rows it is known."""
        estimates, sizes, units = self._estimates, self._sizes[name], self._units[name]
        parts: list[Quantity] = []
        groups: list[Group] = []
        known = 0
        pair_of = estimates.pair_of[rows]
        order = np.argsort(pair_of, kind="stable")
        for some in np.split(rows[order], np.flatnonzero(np.diff(pair_of[order])) + 1) if len(rows) else ():
            at = estimates.pair_of[some[0]]
            unit = units[at] if at >= 0 else None
            if unit is not None:
                known += len(some)
                if len(rows) <= MOST_APART:
                    parts += [_of_row(unit, self._id(int(row))) * float(sizes[row]) for row in some]
                else:
                    pair = estimates.pairs[at]
                    weights = Weights.of(sizes[some])
                    groups.append(Group(f"{label}\n{pair.work.key}\n{pair.place.key}", unit, weights, weights))
            elif at < 0:
                alone = ((row, self._alone(row, name)) for row in some.tolist())
                parts += (apart := [_of_row(found, self._id(row)) for row, found in alone if found is not None])
                known += len(apart)
        return total([*parts, sum_groups(groups)]), known

    def _alone(self, row: int, name: str) -> Quantity | None:
        """A quantity of a row that was worked out by itself; None if it is not known, or the row was refused."""
        outcome = self._estimates.alone.get(row)
        return quantity(outcome.work, attribute(name)) if outcome is not None and outcome.work is not None else None

    def _id(self, row: int) -> str:
        """What names a row: its label, where each has its own."""
        index = self._estimates.index
        return repr(plain(index[row])) if index.is_unique else f"row {row}"


def _of_row(unit: Quantity, row: str) -> Quantity:
    """A quantity with draws of its own for what varies from job to job."""
    return Quantity(terms={tuple(sorted(owned(v, row) for v in term)): amount for term, amount in unit.terms.items()})
