"""From what a person or a machine calls a place to a `Place`, or a refusal that names what may have been meant."""

from __future__ import annotations

import re
from typing import Final

from footprint.errors import UnknownPlace
from footprint.model import Place
from footprint.place import atlas
from footprint.place.atlas import Spot
from footprint.place.bounds import check_intensity, check_pue
from footprint.place.providers import PROVIDERS, find_provider, provider_name
from footprint.reference.grid import parent

_ISO2_LENGTH: Final = 2
_SHOWN: Final = 60


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
        region: a cloud region (`aws:us-east-1`, or bare where that is one place), a zone code, or a name (`Iowa, USA`).
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
    spot = _by_any_name(region, cloud) if region is not None else None
    grid = _by_code(zone) if zone is not None else None
    if spot is not None and grid is not None and _nation(spot.zone) != _nation(grid.zone):
        raise UnknownPlace(f"the region {region!r} is in {_nation(spot.zone)}, the zone {zone!r} is not: give one of them")
    name = spot.name if spot else grid.name if grid else None
    return Place(
        provider=(spot.provider if spot else None) or cloud or provider,
        region=spot.region if spot else None,
        zone=grid.zone if grid else spot.zone if spot else None,
        name=name,
        pue_ratio=pue,
        intensity_g_per_kwh=intensity_g_per_kwh,
        known_by=known_by,
    )


def _nation(zone: str | None) -> str | None:
    """The nation that a zone is in, or is."""
    return zone if zone is None else parent(zone) or zone


def _by_any_name(text: str, provider: str | None) -> Spot:
    """A region, a zone code or a name; in this order, and only if exactly one place is meant."""
    text = " ".join(text.split())
    if ":" in text and not text.lower().startswith("egrid:"):
        cloud, _, rest = text.partition(":")
        named = find_provider(cloud)
        if named is None:
            raise UnknownPlace(f"no provider {cloud[:_SHOWN]!r} is known", sorted(PROVIDERS))
        if provider not in {None, named}:
            raise UnknownPlace(f"{text[:_SHOWN]!r} is {provider_name(named)}'s, but the provider is {provider_name(provider)}")
        return _in_cloud(rest.strip(), named)
    if provider is not None:
        spots = [spot for spot in _regions(text) if spot.provider == provider]
        if spots:
            return spots[0]
    else:
        spots = list(_regions(text))
        if spots:
            return _one_region(text, spots)
    found = _codes(text) or atlas.zones_by_name().get(atlas.plain(text), ())
    return _only(text, tuple(found), provider)


def _in_cloud(region: str, provider: str) -> Spot:
    for spot in _regions(region):
        if spot.provider == provider:
            return spot
    raise UnknownPlace(f"{provider_name(provider)} has no region {region[:_SHOWN]!r} that is known", _near(region, provider))


def _by_code(code: str) -> Spot:
    code = " ".join(code.split())
    return _only(code, _codes(code), None)


def _codes(text: str) -> tuple[Spot, ...]:
    """The zones that a code means. Two letters may be a nation or a state of the US: then both."""
    wanted = text.lower()
    if wanted in atlas.zones():
        return (atlas.zones()[wanted],)
    if len(wanted) != _ISO2_LENGTH:
        return ()
    nation = atlas.nations_by_iso2().get(wanted)
    state = atlas.zones().get(f"us-{wanted}")
    return tuple(spot for spot in (nation, state) if spot) if nation else ()


def _only(text: str, spots: tuple[Spot, ...], provider: str | None) -> Spot:
    if len(spots) == 1:
        return spots[0]
    shown = text[:_SHOWN]
    if spots:
        meant = " or ".join(f"{spot.name} ({spot.zone})" for spot in spots)
        raise UnknownPlace(f"{shown!r} may be {meant}: say which", [spot.zone for spot in spots])
    raise UnknownPlace(f"no region or zone {shown!r} is known", _near(text, provider))


def _one_region(text: str, spots: list[Spot]) -> Spot:
    """A bare region name: of one provider, or at least of one place."""
    if len(spots) == 1:
        return spots[0]
    if len({spot.zone for spot in spots}) > 1:
        meant = ", ".join(map(str, spots))
        raise UnknownPlace(f"several providers have a region {text!r}, in different places: {meant}", [s.label for s in spots])
    return Spot(zone=spots[0].zone, name=spots[0].name, region=spots[0].region)


def _regions(text: str) -> tuple[Spot, ...]:
    """The cloud regions of a name, of a zone in one (`europe-west4-a`, `us-east-1a`), or of Azure's name (`East US`)."""
    known = atlas.regions()
    wanted = text.lower()
    if wanted in known:
        return known[wanted]
    in_region = re.fullmatch(r"(.+\d)(-?)[a-f]", wanted)
    if in_region:
        lettered = {"gcp"} if in_region[2] else {"aws", "alibaba"}
        spots = tuple(spot for spot in known.get(in_region[1], ()) if spot.provider in lettered)
        if spots:
            return spots
    return tuple(spot for spot in known.get(wanted.replace(" ", ""), ()) if spot.provider == "azure")


def _near(text: str, provider: str | None) -> tuple[str, ...]:
    """What may have been meant: regions in a place of this name, a state's full code, names spelled like it."""
    import difflib

    by_place = [spot.label for spot in atlas.regions_near(text, provider)]
    state = atlas.zones().get(f"us-{text.lower()}")
    names = {spot.label.lower(): spot.label for known in atlas.regions().values() for spot in known}
    names |= {(spot.region or "").lower(): spot.label for known in atlas.regions().values() for spot in known}
    if provider is None:
        names |= {atlas.plain(name): spots[0].name for name, spots in atlas.zones_by_name().items()}
        names |= {code: spot.zone for code, spot in atlas.zones().items()}
    else:
        names = {form: label for form, label in names.items() if label.startswith(f"{provider}:")}
    close = [names[form] for form in difflib.get_close_matches(text.lower()[:_SHOWN], names, n=4, cutoff=0.6)]
    return tuple(dict.fromkeys([*([state.zone] if state else []), *by_place, *close]))[:4]
