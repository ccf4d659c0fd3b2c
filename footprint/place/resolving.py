"""From what a person or a machine calls a place to a `Place`, or a refusal that names what may have been meant."""

from __future__ import annotations

from footprint.errors import UnknownPlace
from footprint.model import Place
from footprint.place import atlas
from footprint.place.atlas import Spot
from footprint.place.bounds import check_intensity, check_pue
from footprint.place.exact import by_code
from footprint.place.providers import find_provider
from footprint.place.reading import read
from footprint.reference.grid import parent


def resolve(
    region: str | None = None,
    zone: str | None = None,
    pue: float | None = None,
    intensity_g_per_kwh: float | None = None,
    known_by: str = "stated",
    *,
    provider: str | None = None,
) -> Place | None:
    """The place that is meant; None if nothing at all was said.

    Args:
        region: a cloud region (`aws:us-east-1`, or bare where that is one place), a zone code, or a name (`Iowa, USA`),
            alone or in loose text (`US average (EPA 2018)`): what is left out of it stands in `Place.remarks`.
        zone: a grid zone's code: ISO 3166 (`FRA`, `FR`, `US-VA`) or `egrid:SRVC`. Decides the grid where both are given.
        pue: the facility's energy over its IT equipment's, 1 to 3.
        intensity_g_per_kwh: of the electricity, where the user knows better.
        known_by: who says so, as in `Place.known_by`.
        provider: the cloud, where the region does not say so.

    Raises:
        UnknownPlace: if a name means no place that is known, or several, or if region and zone contradict each other.
        ConfigError: if a number is out of bounds.
    """
    if region is None and zone is None and pue is None and intensity_g_per_kwh is None and provider is None:
        return None
    check_pue(pue)
    check_intensity(intensity_g_per_kwh)
    cloud = find_provider(provider) if provider is not None else None
    spot, remarks = read(region, cloud) if region is not None else (None, ())
    grid = by_code(" ".join(zone.split())) if zone is not None else None
    if spot is not None and grid is not None and _nation(spot.zone) != _nation(grid.zone):
        raise UnknownPlace(f"the region {region!r} is in {_nation(spot.zone)}, the zone {zone!r} is not: give one of them")
    if spot is not None and grid is not None:
        remarks = _other_grid(spot, grid)
    name = spot.name if spot else grid.name if grid else None
    return Place(
        provider=(spot.provider if spot else None) or cloud or provider,
        region=spot.region if spot else None,
        zone=grid.zone if grid else spot.zone if spot else None,
        name=name,
        pue_ratio=pue,
        intensity_g_per_kwh=intensity_g_per_kwh,
        known_by=known_by,
        remarks=remarks,
    )


def _other_grid(spot: Spot, grid: Spot) -> tuple[str, ...]:
    """A remark where the stated zone is another subregion than the one that is known of the place: who states it may know better.

    Raises:
        UnknownPlace: if it is another state or province.
    """
    own = {zone for zone in (spot.zone, atlas.subdivision(spot)) if zone is not None and parent(zone) is not None}
    alike = {zone for zone in own if zone.startswith("egrid:") == grid.zone.startswith("egrid:")}
    if parent(grid.zone) is None or not alike or grid.zone in alike:
        return ()
    if not grid.zone.startswith("egrid:"):
        raise UnknownPlace(f"{spot} is not in {grid.name}: give one of them")
    return (f"{spot} is known to be on the grid {' or '.join(sorted(alike))}: {grid.zone} is used, as stated",)


def _nation(zone: str | None) -> str | None:
    """The nation that a zone is in, or is."""
    return zone if zone is None else parent(zone) or zone
