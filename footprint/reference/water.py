"""Litres of water a kilowatt-hour: evaporated on the site, and consumed in making the electricity; None where nobody knows.

On the site: water usage effectiveness (WUE; The Green Grid 2011, ISO/IEC 30134-9), litres a kWh of IT equipment. For
electricity: water consumption of a nation's mix (Reig et al. 2020), litres a kWh that the facility takes. Editions before
2026.11.2 have no such table.
"""

from __future__ import annotations

import math
from statistics import pstdev
from typing import Final

import msgspec

from footprint.model import Factor, Place
from footprint.reference import tables
from footprint.reference.editions import remembered
from footprint.reference.grid import parent
from footprint.reference.pue import is_cloud
from footprint.reference.triples import log_normal

_WRI_USA: Final = 3.1321
_NREL_USA: Final = 7.57
NATIONAL_SIGMA: Final = math.log(_NREL_USA / _WRI_USA) / math.sqrt(2)
"""Of a nation's figure: two means of the United States, L/kWh (Reig et al. 2020; Torcellini et al. 2003: 2.0 US gallons); each
is given half of the variance."""


def onsite(place: Place | None, year: int) -> Factor | None:
    """Water that a site evaporates, L/kWh of IT equipment: its provider's fleet's, or a cloud's; None for any other site.

    Args:
        place: where the work ran; None if nobody knows.
        year: the year of the work; the nearest year known is taken, and the note says so.
    """
    if place is None or not is_cloud(place):
        return None
    return _nearest(_figures("onsite", place.provider) or _figures("onsite", "cloud"), year)


def offsite(place: Place | None, year: int) -> Factor | None:
    """Water that was consumed for a site's electricity, L/kWh of the facility: its nation's; None where that has no figure.

    Args:
        place: where the work ran; None if nobody knows.
        year: the year of the work, for the note.
    """
    zone = place.zone if place is not None else None
    if zone is None:
        return None
    nation = parent(zone) or zone
    found = _nearest(_figures("offsite", nation), year)
    if found is None or nation == zone:
        return found
    low, central, high = log_normal(found.central, math.hypot(NATIONAL_SIGMA, nations_sigma()))
    note = f"{found.note}; {zone}: figure of {nation}, widened by the spread among nations"
    return msgspec.structs.replace(
        found, id=f"{found.id}:{zone}", low=low, central=central, high=high, error_family=f"ewif:{zone}", note=note
    )


@remembered
def nations_sigma() -> float:
    """How far nations' figures differ: the standard deviation of their logarithms. A zone may be as unlike its nation."""
    return pstdev(math.log(float(row["central"])) for row in tables.table("water") if row["kind"] == "offsite")


@remembered
def _figures(kind: str, where: str | None) -> tuple[Factor, ...]:
    try:
        rows = tables.table("water")
    except KeyError:
        return ()
    return tuple(tables.factor(row) for row in rows if (row["kind"], row["place"]) == (kind, where))


def _nearest(figures: tuple[Factor, ...], year: int) -> Factor | None:
    """The factor of the year, or of the one nearest to it, the earlier of two."""
    if not figures:
        return None
    found = min(figures, key=lambda one: (abs((one.year or year) - year), one.year or 0))
    if found.year is None or found.year == year:
        return found
    return msgspec.structs.replace(found, note=f"{found.note}; figure of {found.year} for work of {year}")
