"""The regions and zones that a name means as it stands: exact, of one place, or a refusal that names what may have been meant."""

from __future__ import annotations

import re
from typing import Final

from footprint.errors import UnknownPlace
from footprint.place import atlas
from footprint.place.atlas import Spot
from footprint.place.providers import PROVIDERS, find_provider, provider_name

SHOWN: Final = 60
_ISO2_LENGTH: Final = 2
_NEAR: Final = 4
_REGIONAL: Final = re.compile(
    r"\((?:us|europe|asia pacific|canada|africa|middle east|south america|mexico|china)\) ", re.IGNORECASE
)
_ALSO: Final = {"washington": ("US-DC",)}
"""Names of one zone in the tables that people use for another, too."""


def find(text: str, provider: str | None) -> tuple[Spot, ...]:
    """All places that a name means: a region, else a zone's code, else a name. None where it means nothing.

    Raises:
        UnknownPlace: for a prefix that is no provider, or another than the one that was said.
    """
    if ":" in text and not text.lower().startswith("egrid:"):
        cloud, _, rest = text.partition(":")
        named = find_provider(cloud)
        if named is None:
            raise UnknownPlace(f"no provider {cloud[:SHOWN]!r} is known", sorted(PROVIDERS))
        check_provider(text, named, provider)
        return tuple(spot for spot in _regions(rest.strip()) if spot.provider == named)
    spots = tuple(spot for spot in _regions(text) if provider in {None, spot.provider})
    return spots or _codes(text) or _names(text)


def by_code(text: str) -> Spot:
    """The zone of a code.

    Raises:
        UnknownPlace: if it is the code of none, or of several.
    """
    return one(text, _codes(text), None)


def check_provider(text: str, named: str, provider: str | None) -> None:
    """Refuse a text that names another provider than the one that was said."""
    if provider not in {None, named}:
        other = provider_name(provider or "")
        raise UnknownPlace(f"{text[:SHOWN]!r} is {provider_name(named)}'s, but the provider, or the hardware, is {other}'s")


def one(text: str, spots: tuple[Spot, ...], provider: str | None) -> Spot:
    """The one place that is meant: of one provider, or at least one place.

    Raises:
        UnknownPlace: if it is none or several, with what may have been meant.
    """
    shown = text[:SHOWN]
    if len(spots) == 1:
        _refuse_beginning(text, spots[0], provider)
        return spots[0]
    if not spots:
        if ":" in text and not text.lower().startswith("egrid:"):
            cloud, _, rest = text.partition(":")
            named = find_provider(cloud)
            message = f"{provider_name(named or cloud)} has no region {rest.strip()[:SHOWN]!r} that is known"
            raise UnknownPlace(message, near(rest.strip(), named))
        raise UnknownPlace(f"no region or zone {shown!r} is known", near(text, provider))
    if spots[0].provider is None:
        meant = " or ".join(f"{spot.name} ({spot.zone})" for spot in spots)
        raise UnknownPlace(f"{shown!r} may be {meant}: say which", [spot.zone for spot in spots])
    if len({spot.zone for spot in spots}) > 1:
        meant = ", ".join(map(str, spots))
        raise UnknownPlace(f"several providers have a region {shown!r}, in different places: {meant}", [s.label for s in spots])
    return Spot(zone=spots[0].zone, name=spots[0].name, region=spots[0].region)


def _refuse_beginning(text: str, spot: Spot, provider: str | None) -> None:
    """Refuse a bare name of one provider's region that may be the unfinished name of others': `us-east` is IBM's."""
    if spot.region is None or provider is not None or text.lower() != spot.region.lower() or text[-1].isdecimal():
        return
    longer = re.compile(re.escape(spot.region.lower()) + r"-?\d+")
    others = [one for name, known in atlas.regions().items() if longer.fullmatch(name) for one in known]
    if {other.provider for other in others} - {spot.provider}:
        labels = [spot.label, *(other.label for other in others)]
        raise UnknownPlace(
            f"{text[:SHOWN]!r} may be {spot} or the beginning of another region's name: say which", labels[: _NEAR + 2]
        )


def near(text: str, provider: str | None) -> tuple[str, ...]:
    """What may have been meant: regions in a place of this name, a part's full code, a nation in it, names spelled like it."""
    import difflib

    by_place = [spot.label for spot in atlas.regions_near(text, provider) or atlas.regions_near(text.partition(",")[0], provider)]
    last = text.rpartition(",")[2].strip().lower()  # `Cambridge, MA`
    parts = [spot.zone for code, spot in atlas.zones().items() if re.split("[-:]", code, maxsplit=1)[-1] == last]
    nation = [spot.zone for spot in _codes(text.partition("-")[0])] if re.fullmatch(r"[A-Za-z]{2}-[A-Za-z0-9]{1,3}", text) else []
    said = atlas.plain(text[:SHOWN]).split()
    within = [spot.zone for length in range(len(said) - 1, 0, -1) for spot in _names(" ".join(said[:length]))]
    # Several providers have a region of one name: of a named one, its own.
    spots = [spot for known in atlas.regions().values() for spot in known if provider in {None, spot.provider}]
    names = {spot.label.lower(): spot.label for spot in spots} | {(spot.region or "").lower(): spot.label for spot in spots}
    if provider is None:
        names |= {atlas.plain(name): spots[0].name for name, spots in atlas.zones_by_name().items()}
        names |= {code: spot.zone for code, spot in atlas.zones().items()}
    else:
        parts, nation, within = [], [], []
    close = [names[form] for form in difflib.get_close_matches(text.lower()[:SHOWN], names, n=_NEAR, cutoff=0.6)]
    return tuple(dict.fromkeys([*parts, *nation[:1], *by_place, *within[:1], *close]))[:_NEAR]


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


def _names(text: str) -> tuple[Spot, ...]:
    name = atlas.plain(text)
    also = tuple(atlas.zones()[zone.lower()] for zone in _ALSO.get(name, ()))
    return (*atlas.zones_by_name().get(name, ()), *also)


def _regions(text: str) -> tuple[Spot, ...]:
    """The cloud regions of a name, of a zone in one (`europe-west4-a`, `us-east-1a`), or of the name that a console shows."""
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
    shown = atlas.regions_by_title().get(wanted)
    if shown:
        return shown
    run_together = _REGIONAL.sub("", wanted, count=1).replace(" ", "")
    return tuple(spot for spot in known.get(run_together, ()) if spot.provider == "azure")
