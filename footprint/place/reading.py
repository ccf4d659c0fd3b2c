"""A place in loose text, as people write it on cards: what is left out of it is said, and what stays unclear is refused.

Nothing is left out that could change the place: a word such as `average`, a bracket, or a town in front of the part of the world
whose grid it is on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from footprint.errors import UnknownPlace
from footprint.place import atlas, exact
from footprint.place.atlas import Spot
from footprint.place.exact import SHOWN
from footprint.place.providers import find_provider
from footprint.reference.grid import figures, parent

Read = tuple[Spot, tuple[str, ...]]
"""A place, and remarks on how its name was read."""

_LONGEST: Final = 200
_DASHES: Final = re.compile(r"[\u2010-\u2015\u2212]")
_BRACKETED: Final = re.compile(r"([^()]+?) ?\(([^()]+)\)")
_MEAN: Final = re.compile(
    r"\b(?:(?:national |grid |country )?(?:average|avg\.?|mean)|(?:national |power |electricity )?grid(?: mix)?|"
    r"electricity(?: mix)?|energy mix|data ?cent(?:er|re)|country|region)\b",
    re.IGNORECASE,
)
_OUTPOST: Final = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)-(?:(?:wl\d-)?[a-z]{3}(?:-wlz)?-\d[a-z]?)")
_AI_ZONE: Final = re.compile(r"([a-z]+-[a-z]+\d)-ai\d[a-z]")
_SEVERAL: Final = {
    "africa", "asia", "asia pacific", "apac", "baltics", "benelux", "emea", "eu", "eu 27", "eu27", "europe", "european union",
    "eurozone", "global", "globe", "international", "latin america", "middle east", "nordics", "north america", "oceania",
    "scandinavia", "south america", "world", "worldwide",
}  # fmt: skip
_REMARKS: Final = {
    "korea": "'Korea' is read as South Korea",
    "new york": "'New York' is read as the state: the city's own grid is egrid:NYCW",
    "america": "'America' is read as the United States",
    "canada central": "'Canada Central' is read as azure:canadacentral: AWS's Canada (Central) is aws:ca-central-1, in Quebec",
}
_MOST_PARTS: Final = 6
_TYPO: Final = 0.75


def read(text: str, provider: str | None) -> Read:
    """The place that a text means, with remarks on what was left out of it.

    Args:
        text: a region, a zone's code or a place's name, alone or in loose text.
        provider: the cloud whose region it is, where that was said.

    Raises:
        UnknownPlace: if it means none or several, with what may have been meant.
    """
    if len(text) > _LONGEST:
        raise UnknownPlace(f"{text[:SHOWN]!r} is a text of {len(text):,} characters: give the name of a region or a zone")
    text = " ".join(_DASHES.sub("-", unicodedata.normalize("NFKC", text)).split())
    found = exact.find(text, provider)
    if found:
        remark = _REMARKS.get(atlas.plain(text)) if "(" not in text and provider is None else None
        return exact.one(text, found, provider), (remark,) if remark else ()
    _refuse_known(text)
    for way in (_of_cloud, _bracketed, _without_mean, _listed):
        loose = way(text, provider)
        if loose is not None:
            return loose
    return exact.one(text, (), provider), ()


def _refuse_known(text: str) -> None:
    """Refuse what is known to be no single grid."""
    if atlas.plain(text) in _SEVERAL:
        raise UnknownPlace(f"{text!r} is many grids: give a nation or a region, or the carbon intensity itself (g/kWh)")
    for pattern, cloud in ((_OUTPOST, "aws"), (_AI_ZONE, "gcp")):
        outpost = pattern.fullmatch(text.lower())
        if outpost and exact.find(outpost[1], cloud):
            where = f"a zone of {cloud}:{outpost[1]} that stands in another town, maybe on another grid"
            raise UnknownPlace(f"{text!r} is {where}: give that town's grid zone, such as US-CA")


def _of_cloud(text: str, provider: str | None) -> Read | None:
    """`AWS us-east-1`, `us-east-1 (AWS)`, `Google Cloud europe-west4`: a provider in words, and its region."""
    for cloud, rest in _clouds(text):
        exact.check_provider(text, cloud, provider)
        spots = tuple(spot for spot in exact.find(rest, cloud) if spot.provider == cloud)
        if spots:
            return exact.one(rest, spots, cloud), ()
        bracket = _bracketed(rest, cloud)
        if bracket is not None and bracket[0].provider == cloud:
            return bracket
    return None


def _clouds(text: str) -> Iterator[tuple[str, str]]:
    """Each way to take a provider's name off the text: (provider, rest)."""
    said = re.split(r"[ /]+", text)
    for length in range(1, min(4, len(said))):
        front, behind = " ".join(said[:length]).rstrip(",-"), " ".join(said[-length:]).strip("()")
        for name, rest in ((front, said[length:]), (behind, said[:-length])):
            cloud = find_provider(name)
            if cloud is not None:
                yield cloud, " ".join(rest).strip(" ,-")


def _bracketed(text: str, provider: str | None) -> Read | None:
    """`us-central1 (Iowa)`, `US (EPA 2018)`: two names of one place, or a name and a remark, which is left out."""
    found = _BRACKETED.fullmatch(text)
    if not found:
        return None
    outer, inner = (_only(part, provider) for part in found.groups())
    if outer and inner:
        return _finer(text, outer, inner)
    if outer:
        spot, remarks = outer
        if spot.provider and provider is None and " " in found[1]:  # `Germany Central (Frankfurt)` is Oracle's, not Azure's
            return None
        return spot, (*remarks, f"'({found[2]})' is left out of the name")
    return _listed(f"{found[1]}, {found[2]}", provider)


def _without_mean(text: str, provider: str | None) -> Read | None:
    """`US average`, `Paris, France, national grid`: a place without the words that say it is a mean."""
    bare = _bare(text)
    if bare is None:
        return None
    found = _spot(bare, provider) or _listed(bare, provider)
    return (found[0], (*found[1], _read_as(text, bare))) if found else None


def _listed(text: str, provider: str | None) -> Read | None:
    """`Paris, France`, `USA, Iowa`: a town is left out, unless it may be a slip of the name of a part of what follows."""
    parts = [part.strip() for part in re.split(r",| - |/", text) if part.strip()]
    if not 1 < len(parts) <= _MOST_PARTS or provider is not None:  # a provider's regions are known by name
        return None
    turned = _spot(", ".join(reversed(parts)), None)  # `USA, Georgia`
    if turned is not None:
        return turned
    for start in range(1, len(parts)):
        rest = _part(", ".join(parts[start:]))
        if rest is None:
            continue
        front = ", ".join(parts[:start])
        known = exact.find(front, None)
        if known:
            return _inside(text, known, rest)
        slip = [zone for part in parts[:start] for zone in _slip(part, rest[0].zone)]
        if slip:
            raise UnknownPlace(f"no region or zone {text[:SHOWN]!r} is known", slip)
        return rest[0], (*rest[1], f"{front!r} is left out: the grid is that of {rest[0].name}{_as_a_whole(rest[0])}")
    return None


def _as_a_whole(place: Spot) -> str:
    """What to say of a nation that stands for a town, where its parts have grids of their own: Montreal's is not Canada's."""
    part = next((spot.name for spot in atlas.zones().values() if parent(spot.zone) == place.zone and figures(spot.zone)), None)
    return f" as a whole, and those of its parts differ: name the part too, such as {part!r}" if part and not place.region else ""


def _inside(text: str, known: tuple[Spot, ...], rest: Read) -> Read:
    """Of all that a name in front may mean, the one in the place behind it, or of which that is a part (`USA, Iowa`).

    Raises:
        UnknownPlace: if there is none.
    """
    place = rest[0]
    inside = tuple(spot for spot in known if place.zone in {spot.zone, parent(spot.zone)})
    if inside:
        return exact.one(text, inside, None), rest[1]
    if any(spot.zone == parent(place.zone) for spot in known):
        return rest
    raise UnknownPlace(f"{text[:SHOWN]!r}: {known[0]} is not in {place.name}: give one of them")


def _slip(name: str, nation: str) -> tuple[str, ...]:
    """The parts of a nation whose names are spelled nearly like this one."""
    import difflib

    inside = {
        plain: spots for plain, spots in atlas.zones_by_name().items() if any(parent(spot.zone) == nation for spot in spots)
    }
    close = difflib.get_close_matches(atlas.plain(name), inside, n=2, cutoff=_TYPO)
    return tuple(dict.fromkeys(spot.zone for plain in close for spot in inside[plain] if parent(spot.zone) == nation))


def _only(text: str, provider: str | None) -> Read | None:
    """The place of what stands in or before a bracket, if it is exactly one."""
    return _part(text, provider) or _listed(text, provider)


def _part(text: str, provider: str | None = None) -> Read | None:
    """The place of a part of a text, with or without words that say it is a mean, if it is exactly one."""
    found = _spot(text, provider)
    bare = _bare(text) if found is None else None
    if bare is None:
        return found
    found = _spot(bare, provider)
    return (found[0], (*found[1], _read_as(text, bare))) if found else None


def _spot(text: str, provider: str | None) -> Read | None:
    spots = exact.find(text, provider)
    if len(spots) == 1 or (spots and spots[0].provider and len({spot.zone for spot in spots}) == 1):
        remark = _REMARKS.get(atlas.plain(text))
        return exact.one(text, spots, provider), (remark,) if remark else ()
    return None


def _bare(text: str) -> str | None:
    """A text without the words that say it is a mean; None where there are none, or nothing else."""
    bare = " ".join(_MEAN.sub(" ", text).split()).strip(" ,-")
    bare = re.sub(r"^(?:of|in|for) ", "", bare, flags=re.IGNORECASE)
    return bare if bare and bare != text else None


def _read_as(text: str, bare: str) -> str:
    return f"{text!r} is read as {bare!r}"


def _finer(text: str, one: Read, other: Read) -> Read:
    """The finer of two names of one place.

    Raises:
        UnknownPlace: if they are not of one place.
    """
    spots = sorted((one[0], other[0]), key=lambda spot: (spot.region is not None, parent(spot.zone) is not None), reverse=True)
    fine, coarse = spots
    whole = {fine.zone, parent(fine.zone), atlas.subdivision(fine)}
    if coarse.zone not in whole:
        raise UnknownPlace(f"{text[:SHOWN]!r}: {fine} is not in {coarse.name}: give one of them", [fine.label, coarse.label])
    return fine, (*one[1], *other[1])
