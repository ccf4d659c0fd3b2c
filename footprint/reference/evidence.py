"""How far the published figures of one grid disagree: where the ranges of `data/grid.csv` come from.

Nothing here is a judgement: each number is computed from pairs of figures in the tables themselves. The bounds written in
`grid.csv` follow from these by `triples.log_normal`; a test recomputes them.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

from footprint.reference import tables
from footprint.reference.editions import remembered
from footprint.reference.triples import Z_95, Triple, half_spread, percentile, stretched

NATIONAL_SIGMA: Final = 0.104
"""Of a nation's life-cycle figure: CodeCarbon 3.3.2's country table against Ember's of the same year, 211 countries, has a
standard deviation of 0.1475 in the logarithm of the ratio (188 within 20 %); each reading is given half of the variance."""

Series = dict[int, tables.Row]


@remembered
def series() -> dict[tuple[str, str], Series]:
    """The grid's figures: (zone, basis) -> year -> row."""
    found: dict[tuple[str, str], Series] = {}
    for row in tables.table("grid"):
        found.setdefault((row["zone"], row["basis"]), {})[int(row["year"])] = row
    return found


def central(zone: str, basis: str, year: int) -> float | None:
    """The g/kWh of a zone in exactly this year, or None."""
    row = series().get((zone, basis), {}).get(year)
    return float(row["central"]) if row else None


def provider_pairs() -> tuple[tuple[str, float, float], ...]:
    """(zone, its direct figure, Google's direct figure of its region there), at most a year apart, each pair once."""
    pairs = {}
    for region in tables.table("regions"):
        theirs = series().get((f"{region['provider']}:{region['region']}", "direct"), {})
        ours = series().get((region["zone"], "direct"), {})
        near = sorted((abs(a - b), -a, a, b) for a in ours for b in theirs if abs(a - b) <= 1)
        if near:
            _, _, a, b = near[0]
            pair = float(ours[a]["central"]), float(theirs[b]["central"])
            pairs[region["zone"], *pair] = (region["zone"], *pair)
    return tuple(pairs.values())


def boundary_pairs() -> tuple[tuple[str, float, float], ...]:
    """(subregion, its direct figure, the state's) of eGRID, wherever a cloud region stands in both."""
    both = {(row["zone"], row["subdivision"]) for row in tables.table("regions") if row["zone"].startswith("egrid:")}
    found = []
    for zone, state in sorted(both):
        for year in series().get((zone, "direct"), {}):
            ours, theirs = central(zone, "direct", year), central(state, "direct", year)
            if ours and theirs:
                found.append((f"{zone}/{state}", ours, theirs))
    return tuple(found)


@remembered
def direct_sigma() -> float:
    """Of a direct figure: two readings of one site's grid (the provider's, or the state's) against ours."""
    return half_spread([math.log(ours / theirs) for _, ours, theirs in (*provider_pairs(), *boundary_pairs())])


@remembered
def bidding_zone_sigma() -> float:
    """Of a bidding zone's production mix: against its nation's life-cycle figure of the same year."""
    differences = []
    for zone in tables.table("zones"):
        if zone["kind"] == "bidding zone":
            for year, row in series()[zone["zone"], "life-cycle"].items():
                nation = central(zone["parent"], "life-cycle", year)
                if nation:
                    differences.append(math.log(float(row["central"]) / nation))
    return half_spread(differences)


@remembered
def yearly_drift_sigma() -> float:
    """How far a nation's figure moves in one year, as a standard deviation of its logarithm, all nations and years.

    Nine moves of ten stay within 1.645 of it; the few island grids that halve or double in a year do not set it.
    """
    moves = [
        abs(math.log(float(years[year + 1]["central"]) / float(years[year]["central"])))
        for (zone, basis), years in series().items()
        if basis == "life-cycle" and len(zone) == len("FRA")
        for year in years
        if year + 1 in years
    ]
    return percentile(moves, 0.9) / Z_95


@remembered
def add_ons() -> dict[tuple[str, int], float]:
    """What life-cycle has over direct, g/kWh, for each nation and year with both figures.

    A life-cycle figure contains the direct one and more, so a difference below zero is two sources that disagree: it counts
    as the smallest difference above zero.
    """
    found = {}
    for (zone, basis), years in series().items():
        if basis == "direct" and len(zone) == len("FRA"):
            for year, row in years.items():
                life_cycle = central(zone, "life-cycle", year)
                if life_cycle is not None:
                    found[zone, year] = life_cycle - float(row["central"])
    smallest = min(value for value in found.values() if value > 0)
    return {where: max(smallest, value) for where, value in found.items()}


@remembered
def add_on() -> Triple:
    """5th percentile, mean and 95th percentile of the add-ons, g/kWh."""
    values = list(add_ons().values())
    return stretched(percentile(values, 0.05), sum(values) / len(values), percentile(values, 0.95))


@remembered
def pue_drift_sigma() -> float:
    """How far a PUE's overhead above 1 moves in one year, as a standard deviation of its logarithm.

    Of the published averages of each site (a fleet's, the Uptime survey's) in two years, the move over the square root of the
    years between them; nine of ten stay within 1.645 of it. Read from `published` in `pue.csv`.
    """
    averages: dict[str, dict[int, float]] = {}
    for row in tables.table("pue"):
        if row["published"] and row["site"] != "cloud":  # the same averages again
            averages.setdefault(row["site"], {})[int(row["year"])] = float(row["published"]) - 1
    moves = [
        abs(math.log(years[later] / years[known])) / math.sqrt(later - known)
        for years in averages.values()
        for known, later in pairwise(sorted(years))
    ]
    return percentile(moves, 0.9) / Z_95
