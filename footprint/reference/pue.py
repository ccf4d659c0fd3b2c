"""Power usage effectiveness of a place: the facility's energy over that of its IT equipment."""

from __future__ import annotations

import msgspec

from footprint.model import Factor, Place
from footprint.reference import tables
from footprint.reference.statements import stated


def pue(place: Place | None, year: int) -> Factor:
    """The PUE of a place: stated, the region's own, its provider's, a cloud's, or that of a machine anywhere.

    Args:
        place: where the run ran; None if nobody knows.
        year: the year of the run; the tables hold one figure a site, and the note says when it is of another year.
    """
    if place is not None and place.pue_ratio is not None:
        return stated("pue", place.pue_ratio, "ratio", place.known_by)
    rows = tables.by_id("pue")
    row = rows["pue.unknown"]
    if place is not None and (place.provider or place.region):
        own = rows.get(f"pue:{place.provider}:{place.region}")
        row = own or rows.get(f"pue:{place.provider}") or (rows["pue.cloud"] if is_cloud(place) else row)
    found = tables.factor(row)
    if found.year is not None and found.year != year:
        found = msgspec.structs.replace(found, note=f"{found.note}; figure of {found.year} for a run of {year}")
    return found


def is_cloud(place: Place) -> bool:
    """Whether the place is in a cloud: its provider, or the region that several providers share, is in the table."""
    known = "provider" if place.provider else "region"
    return any(row[known] == (place.provider or place.region) for row in tables.table("regions"))
