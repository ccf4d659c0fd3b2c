"""What another tool said of a run, made into what footprints can be derived from: places by their names, declarations checked.

An importer hands on a place as its source words it (`Place.known_by` is `imported`). What means no place that is known stays
unknown, and a warning says so; a place that the user states beside the source is refused instead.
"""

from __future__ import annotations

from typing import Final

import msgspec

from footprint.derive.facts import check_declaration
from footprint.errors import ConfigError, UnknownHardware, UnknownPlace
from footprint.model import Declaration, Place, Run
from footprint.place import resolve
from footprint.text import clean

IMPORTED: Final = "imported"


def settled(run: Run) -> Run:
    """A run of another tool's with its place found and its declaration checked.

    Raises:
        UnknownPlace: if the place that the user states is none that is known.
        ConfigError: if what is declared cannot be.
    """
    warnings: list[str] = []
    place = _place(run.place, warnings) if run.place is not None else None
    declared = _declared(run.declared, place, warnings) if run.declared is not None else None
    return msgspec.structs.replace(run, place=place, declared=declared, warnings=(*run.warnings, *warnings))


def _place(place: Place, warnings: list[str]) -> Place | None:
    if place.known_by != IMPORTED:
        return resolve(
            region=place.region, zone=place.zone, pue=place.pue_ratio, provider=place.provider, known_by=place.known_by
        )
    if not any((place.provider, place.region, place.zone, place.name)):
        return place
    found = _found(place)
    if found is None:
        told = ", ".join(clean(one) for one in (place.provider, place.region, place.name, place.zone) if one)
        warnings.append(f"the source says that it ran in {told}, which is no place that is known: give it as --set region=…")
        # What is not known must not lend it another place's figures: only the words stay.
        return Place(name=told, known_by=IMPORTED)
    if place.name is not None and found.zone == place.zone and found.region is None:
        warnings.append(f"{clean(place.name)} is no grid zone that is known: that of {found.name} is used")
    warnings += found.remarks
    return msgspec.structs.replace(found, pue_ratio=place.pue_ratio)


def _found(place: Place) -> Place | None:
    """The narrowest place that is known of: the cloud's region, the part of a nation, the nation."""
    tries: list[tuple[str | None, str | None, str | None]] = []
    if place.provider and place.region:
        tries.append((place.provider, place.region, None))
    elif place.region:
        tries.append((None, place.region, None))
    if place.name and place.zone:
        tries.append((None, f"{place.name}, {place.zone}", None))
    if place.zone:
        tries.append((None, None, place.zone))
    for provider, region, zone in tries:
        try:
            found = resolve(region, zone, provider=provider, known_by=IMPORTED)
        except (UnknownPlace, ConfigError):
            continue
        if found is not None:
            return msgspec.structs.replace(found, remarks=())
    return None


def _declared(facts: Declaration, place: Place | None, warnings: list[str]) -> Declaration:
    """A declaration at its run's place; of hardware that nobody knows the name is kept, in a warning."""
    at = place if place is not None and place.zone is not None else None
    facts = msgspec.structs.replace(
        facts,
        provider=at.provider if at else None,
        region=at.region if at else None,
        zone=at.zone if at else None,
        pue=place.pue_ratio if place is not None else facts.pue,
    )
    try:
        check_declaration(facts)
    except UnknownHardware as error:
        warnings.append(f"{error}: its energy is unknown")
        facts = msgspec.structs.replace(facts, hardware=None)
        check_declaration(facts)
    return facts
