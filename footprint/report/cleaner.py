"""A region of the same provider whose grid is surely cleaner: the ranges of the two figures do not meet.

Both figures are means of a year, location-based, of the grid that the region draws from. What a move really changes hangs on the
plants that answer to it, on latency, on moving data and on the sites themselves; none of it is counted here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from footprint import text
from footprint.model import Factor, Place
from footprint.reference import current_edition, intensity, tables
from footprint.report.data import Summary

# Regions that only some may use: governments', and China's, which are clouds of their own.
_APART: Final = ("gov", "dod", "china", ":cn-")


PUBLIC_ZONE: Final = "GBR"
"""Whose forecast `place.intensity` has without a key."""


class Cleaner(NamedTuple):
    """A region and what it is called, the one that it is cleaner than, and the figures of their grids, g/kWh."""

    region: str
    name: str
    than: str
    there: Factor
    here: Factor


def is_known(region: str) -> bool:
    """Whether a key is a region of a cloud: `gcp:europe-west1`."""
    return tables.has_id("regions", region)


def has_public_forecast(region: str) -> bool:
    """Whether anybody may read a forecast of a cloud region's grid, without a key."""
    known = tables.by_id("regions").get(region)
    return known is not None and known["zone"] == PUBLIC_ZONE


def region(key: str, summary: Summary) -> Cleaner | None:
    """The cleanest region of the same country, else the cleanest of all, whose figure lies below this one's range.

    Args:
        key: a region of a cloud.
        summary: the runs. Nothing is said unless the figure of that region's year is among their factors: where somebody stated
            an intensity, or hours were asked for, a year's mean is no measure.
    """
    used = {one.factor.id: one.factor for one in summary.factors}
    stated = (summary.ended_at or "")[:4]
    year = int(stated) if stated.isascii() and stated.isdigit() else 0
    for known in (year, year - 1):
        found = _cleanest(key, known, current_edition())
        if found is not None and found.here.id in used:
            return found
    return None


@lru_cache(maxsize=256)
def _cleanest(key: str, year: int, _edition: str) -> Cleaner | None:
    regions = tables.by_id("regions")
    own = regions.get(key)
    here = _figure(own, year) if own is not None else None
    if own is None or here is None:
        return None
    may = [row for row in regions.values() if row["provider"] == own["provider"] and row["mapping"] == "published"]
    if not _is_apart(key):
        may = [row for row in may if not _is_apart(row["id"])]
    else:
        may = [row for row in may if row["country"] == own["country"] and _is_apart(row["id"])]
    sure = [(row, there) for row in may if (there := _figure(row, year)) is not None and there.high < here.low]
    at_home = [one for one in sure if one[0]["country"] == own["country"]]
    row, there = min(at_home or sure, key=lambda one: (one[1].central, one[0]["id"]), default=(None, None))
    return None if row is None or there is None else Cleaner(row["id"], row["name"], key, there, here)


def _is_apart(region_id: str) -> bool:
    return any(mark in region_id for mark in _APART)


def _figure(row: tables.Row, year: int) -> Factor | None:
    """What the grid of a region emits in a year, with the range that the account gives it."""
    place = Place(provider=row["provider"], region=row["region"], zone=row["zone"], name=row["name"], known_by="table")
    found = intensity(place, year)
    return found.central if found is not None else None


def told(found: Cleaner) -> str:
    """Both regions with their figures, ranges and sources, in one phrase that is safe to print."""
    sources = dict.fromkeys(text.clean(one.source, limit=200) for one in (found.there, found.here))
    there, here = (f"{text.number(one.central)} g/kWh ({text.span(one.low, one.high)})" for one in (found.there, found.here))
    where = f"{text.clean(found.region)} ({text.clean(found.name)})"
    return f"{where} has {there}, {text.clean(found.than)} {here}, means of a year by {' and '.join(sources)}"
