"""The regions of clouds and the zones of grids, by every name that they go by."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import msgspec

from footprint.reference import tables
from footprint.reference.editions import remembered

_IN_NAMES: Final = {"USA": "USA"}
"""Nations that are printed by their code after the name of a part of them; the others by their name."""


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the map: its grid zone, its name as printed, and the cloud region where it is one."""

    zone: str
    name: str
    provider: str | None = None
    region: str | None = None

    @property
    def label(self) -> str:
        """What to write to mean this place and no other."""
        return f"{self.provider}:{self.region}" if self.provider else self.zone

    def __str__(self) -> str:
        """The label and the name, for an error message."""
        return f"{self.label} ({self.name})"


def plain(text: str) -> str:
    """A name for comparing: no case, accents, punctuation or `the`."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"^the ", "", re.sub(r"[\W_]+", " ", bare.casefold()).strip())


@remembered
def zones() -> dict[str, Spot]:
    """Grid zones by their code in lower case: `fra`, `us-va`, `egrid:srvc`."""
    return {row["zone"].lower(): _zone_spot(row) for row in tables.table("zones")}


@remembered
def nations_by_iso2() -> dict[str, Spot]:
    """Nations by ISO 3166-1 alpha-2, in lower case."""
    return {row["iso2"].lower(): _zone_spot(row) for row in tables.table("zones") if row["iso2"]}


@remembered
def zones_by_name() -> dict[str, tuple[Spot, ...]]:
    """Nations and their parts by plain name; a part also as `iowa usa` and `ia usa`. A name may mean several."""
    found: dict[str, list[Spot]] = {}
    nations = {row["zone"]: (row["iso2"], *_names(row)) for row in tables.table("zones") if row["kind"] == "country"}
    for row in tables.table("zones"):
        if row["kind"] not in {"country", "subdivision", "egrid"}:
            continue
        inside = (row["parent"], *nations[row["parent"]]) if row["parent"] else ()
        # The own name of a subregion (`WECC Southwest`) is no place's; a code stands for a part only beside its nation.
        code = (row["zone"].partition("-")[2],) if row["kind"] == "subdivision" else ()
        for name in (*_names(row)[row["kind"] == "egrid" :], *code):
            forms = [*([name] if name not in code else []), *(f"{name} {nation}" for nation in inside)]
            for form in {plain(form) for form in forms}:
                spots = found.setdefault(form, [])
                if all(spot.zone != row["zone"] for spot in spots):
                    spots.append(_zone_spot(row))
    return {name: tuple(spots) for name, spots in found.items()}


@remembered
def regions() -> dict[str, tuple[Spot, ...]]:
    """Cloud regions by their name in lower case; a name may belong to several providers."""
    found: dict[str, list[Spot]] = {}
    for row in tables.table("regions"):
        spot = Spot(zone=row["zone"], name=row["name"], provider=row["provider"], region=row["region"])
        found.setdefault(row["region"].lower(), []).append(spot)
    return {name: tuple(spots) for name, spots in found.items()}


@remembered
def regions_by_title() -> dict[str, tuple[Spot, ...]]:
    """Cloud regions by the name that their console shows, in lower case: `us east (n. virginia)`."""
    found: dict[str, list[Spot]] = {}
    for row in tables.table("regions"):
        for title in filter(None, row.get("aliases", "").split("; ")):
            spot = Spot(zone=row["zone"], name=row["name"], provider=row["provider"], region=row["region"])
            found.setdefault(title.lower(), []).append(spot)
    return {title: tuple(spots) for title, spots in found.items()}


def subdivision(spot: Spot) -> str | None:
    """The state or province that a cloud region stands in; None where the table does not tell, or for another place."""
    row = tables.by_id("regions").get(f"{spot.provider}:{spot.region}", {})
    return row.get("subdivision") or None


def regions_near(name: str, provider: str | None = None) -> tuple[Spot, ...]:
    """Cloud regions whose place's name holds this name: what may have been meant by a city."""
    wanted = plain(name)
    spots = (spot for known in regions().values() for spot in known)
    return tuple(
        spot for spot in spots if wanted and provider in {None, spot.provider} and f" {wanted} " in f" {plain(spot.name)} "
    )


def _names(row: tables.Row) -> tuple[str, ...]:
    return (row["name"], *(row["aliases"].split("; ") if row["aliases"] else ()))


def _zone_spot(row: tables.Row) -> Spot:
    name = row["name"]
    if row["kind"] in {"subdivision", "egrid"}:
        nation = row["parent"]
        name += ", " + (_IN_NAMES.get(nation) or zone_name(nation))
    return Spot(zone=row["zone"], name=f"{name} (eGRID subregion)" if row["kind"] == "egrid" else name)


@remembered
def zone_name(zone: str) -> str:
    """The name of a zone as its table prints it."""
    return next(row["name"] for row in tables.table("zones") if row["zone"] == zone)
