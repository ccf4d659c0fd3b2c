"""Work done per joule: what a thousand samples, tokens or requests took.

A run that counted two units has its whole energy in both rows: rows of different units do not add up. Runs that are nested in
others are in the energy of these, and are left out as they are of all sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from footprint.accounting.ranges import tidy
from footprint.model import Footprint, Kind, Range, Run
from footprint.report.data import Amounts, Work

_OF: Final = 1000.0
_WH_PER_KWH: Final = 1000.0


def work(runs: Sequence[Run], prints: Mapping[str, Footprint], sum_of: Callable[[Sequence[Run]], Amounts]) -> tuple[Work, ...]:
    """The work of runs, a row for each kind and unit, most energy first.

    Args:
        runs: those that are counted: none is nested in another.
        prints: the footprint of each as it counts in their sum.
        sum_of: what some of them add up to, each joule once among all of them.
    """
    counted: dict[tuple[Kind, str], list[Run]] = {}
    of_kind: dict[Kind, int] = {}
    for run in runs:
        of_kind[run.kind] = of_kind.get(run.kind, 0) + 1
        if prints[run.id].energy_kwh is None:
            continue
        for unit, amount in run.whole_work.items():
            if math.isfinite(amount) and amount > 0:
                counted.setdefault((run.kind, unit), []).append(run)
    rows = []
    for (kind, unit), some in counted.items():
        sums = sum_of(some)
        rows.append(
            work_of(
                kind,
                unit,
                runs=len(some),
                uncounted=of_kind[kind] - len(some),
                amount=math.fsum(run.work[unit] for run in some),
                energy_kwh=sums.energy_kwh,
                # Of some of the runs only, it would be too small for the work of all.
                emissions_g=sums.emissions_g if sums.with_emissions == len(some) else None,
            )
        )
    return in_order(rows)


def work_of(
    kind: Kind, unit: str, *, runs: int, uncounted: int, amount: float, energy_kwh: Range | None, emissions_g: Range | None
) -> Work:
    """A row of work, from its sums.

    Args:
        kind: of the runs.
        unit: of what they counted.
        runs: how many counted it and have a known energy.
        uncounted: how many others of that kind there are.
        amount: what those runs counted, exact.
        energy_kwh: theirs.
        emissions_g: theirs; null unless it is known of each of them.
    """
    return Work(
        unit=unit,
        kind=kind,
        runs=runs,
        uncounted=uncounted,
        amount=amount,
        energy_kwh=energy_kwh,
        emissions_g=emissions_g,
        per_1000_wh=_scaled(energy_kwh, _WH_PER_KWH * _OF, amount),
        per_1000_g=_scaled(emissions_g, _OF, amount),
    )


def in_order(rows: Sequence[Work]) -> tuple[Work, ...]:
    """Rows of work, most energy first."""
    return tuple(sorted(rows, key=lambda one: (-(one.energy_kwh.central if one.energy_kwh else 0.0), one.kind, one.unit)))


def _scaled(value: Range | None, times: float, by: float) -> Range | None:
    if value is None or by <= 0:
        return None
    low, central, high = (tidy(one * times / by) for one in (value.low, value.central, value.high))
    return Range(low=low, central=central, high=high)
