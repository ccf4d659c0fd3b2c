"""Power usage effectiveness of a place: the facility's energy over that of its IT equipment."""

from __future__ import annotations

import msgspec

from footprint.model import Factor, Place
from footprint.reference import tables


def pue(place: Place | None, year: int) -> Factor:
    """The PUE of a place: stated, the region's own, its provider's, a cloud's, or that of a machine anywhere.

    Args:
        place: where the run ran; None if nobody knows.
        year: the year of the run; the tables hold one figure a site, and the note says when it is of another year.
    """
    if place is not None and place.pue_ratio is not None:
        return stated(place.pue_ratio, place.known_by)
    rows = tables.by_id("pue")
    row = rows["pue.unknown"]
    if place is not None and (place.provider or place.region):
        own = rows.get(f"pue:{place.provider}:{place.region}")
        row = own or rows.get(f"pue:{place.provider}") or (rows["pue.cloud"] if _is_cloud(place) else row)
    found = tables.factor(row)
    if found.year is not None and found.year != year:
        found = msgspec.structs.replace(found, note=f"{found.note}; figure of {found.year} for a run of {year}")
    return found


def _is_cloud(place: Place) -> bool:
    """Whether the place is in a cloud: its provider, or the region that several providers share, is in the table."""
    known = "provider" if place.provider else "region"
    return any(row[known] == (place.provider or place.region) for row in tables.table("regions"))


def stated(ratio: float, known_by: str) -> Factor:
    """A PUE that somebody stated: exact."""
    return Factor(
        id=f"pue.stated:{ratio:g}",
        low=ratio,
        central=ratio,
        high=ratio,
        unit="ratio",
        source=known_by,
        year=None,
        licence="",
        basis="stated",
        grade="declared",
        error_family="pue:stated",
    )
