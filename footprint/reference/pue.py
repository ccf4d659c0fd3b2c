"""Power usage effectiveness of a place: the facility's energy over that of its IT equipment, by site and year.

The figure of the run's year, or of the nearest year known, of two as near the later: then the overhead above 1 may have moved,
and its range is widened by the drift that the table states a year, times the square root of the years between, at most ten. An
edition whose table states no drift has one figure a site, for all years.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from footprint.model import Factor, Place
from footprint.reference import tables
from footprint.reference.editions import remembered
from footprint.reference.statements import stated
from footprint.reference.triples import Z_95, Triple, not_negative, stretched

_MOST_YEARS: Final = 10
"""Beyond these a range says nothing more by growing."""
_ALSO: Final = {"facebook": "meta", "meta platforms": "meta", "meta ai": "meta"}
"""Names of owners of data centres that sell no cloud."""


def pue(place: Place | None, year: int) -> Factor:
    """The PUE of a place: stated, the region's own, its provider's, a cloud's, or that of a machine anywhere.

    Args:
        place: where the run ran; None if nobody knows.
        year: the year of the run. The note says when the figure is of another one.
    """
    if place is not None and place.pue_ratio is not None:
        return stated("pue", place.pue_ratio, "ratio", place.known_by)
    years = _figures()[_site(place)]
    known = min(years, key=lambda one: (abs(one - year), -one))
    row = years[known]
    found = tables.factor(row)
    if known == year:
        return found
    drift = row.get("drift")
    return _at(found, year, float(drift)) if drift else _noted(found, f"figure of {known} for a run of {year}")


def widened_overhead(triple: Triple, years: int, drift: float) -> Triple:
    """A PUE's triple, some years away: its overhead above 1 with a further error of `drift` a year, as a logarithm's deviation.

    A low bound of 1, of a machine outside a data centre, stays: it has no overhead that could move.
    """
    sigma = drift * math.sqrt(min(years, _MOST_YEARS))
    low, central, high = (bound - 1 for bound in triple)
    below = central * math.exp(-math.hypot(math.log(central / low), Z_95 * sigma)) if low > 0 else 0.0
    above = central * math.exp(math.hypot(math.log(high / central), Z_95 * sigma))
    low, central, high = not_negative(stretched(below, central, above))
    return 1 + low, 1 + central, 1 + high


def _at(found: Factor, year: int, drift: float) -> Factor:
    assert found.year is not None
    away = abs(found.year - year)
    low, central, high = widened_overhead((found.low, found.central, found.high), away, drift)
    note = f"figure of {found.year} for a run of {year}: range widened for {min(away, _MOST_YEARS)} years of drift"
    return msgspec.structs.replace(_noted(found, note), id=f"{found.id} for {year}", low=low, central=central, high=high)


def _noted(found: Factor, note: str) -> Factor:
    return msgspec.structs.replace(found, note=f"{found.note}; {note}")


@remembered
def _figures() -> dict[str, dict[int, tables.Row]]:
    """The rows of the table: site (`aws:us-east-1`, `aws`, `cloud`, `unknown`) -> year -> row."""
    found: dict[str, dict[int, tables.Row]] = {}
    for row in tables.table("pue"):
        site = row.get("site") or row["id"][len("pue:") :]  # an edition of one figure a site names it in the id
        found.setdefault(site, {})[int(row["year"])] = row
    return found


def _site(place: Place | None) -> str:
    """The closest site with a figure."""
    if place is None or not (place.provider or place.region):
        return "unknown"
    name = (place.provider or "").casefold()
    sites = f"{place.provider}:{place.region}", f"{place.provider}", _ALSO.get(name, name)
    return next((site for site in sites if site in _figures()), "cloud" if is_cloud(place) else "unknown")


def is_cloud(place: Place) -> bool:
    """Whether the place is in a cloud: its provider, or the region that several providers share, is in the table."""
    known = "provider" if place.provider else "region"
    return (place.provider or place.region) in _cloud_names(known)


@remembered
def _cloud_names(column: str) -> frozenset[str]:
    return frozenset(row[column] for row in tables.table("regions"))
