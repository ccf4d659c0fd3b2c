"""What the calculators that cards use give: the marks by which a stated number is known to be theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from footprint import text
from footprint.card.check.recompute import Bound, full, place_of
from footprint.card.check.works import Work
from footprint.derive import declared_footprint
from footprint.derive.compare import compare
from footprint.errors import ConfigError
from footprint.model import Declaration, Range
from footprint.reference import HardwareMatch

_MOST_HOURS: Final = 876_000.0
_OF_NO_PLACE: Final = (
    (432.0, "the ML CO2 calculator's figure for private infrastructure anywhere"),
    (475.0, "the world's average"),
)
"""g/kWh that are of no place, and are taken where a place is stated."""


def as_calculated(work: Work, hours: float) -> tuple[Bound, ...]:
    """The emissions, g, that hours of one device give: by the ML CO2 calculator, and by the card's own watts and intensity.

    Args:
        work: for its hardware, place, watts and intensity.
        hours: as entered, h.
    """
    return tuple(_of(work, hours)) if 0 < hours <= _MOST_HOURS else ()


def _of(work: Work, hours: float) -> Iterator[Bound]:
    if work.power is not None and work.intensity is not None:
        watts, grid = work.power.amount.middle, work.intensity.amount.middle
        value = hours * watts * grid / 1000
        yield Bound(value=value, told=f"{full(hours)} h × {text.power(watts)} × {text.number(grid)} g/kWh = {text.mass(value)}")
        return
    match = work.devices.match if work.devices is not None else None
    if match is None:
        return
    place = place_of(work)
    # Who names a cloud's region entered it; the calculator's own figure for private infrastructure is for the others.
    region = f"{place.provider}:{place.region}" if place is not None and place.provider and place.region else None
    for candidate in match.candidates:
        try:
            said = compare(Declaration(hardware=candidate.name, device_hours=hours, region=region), "mlco2")
        except ConfigError:
            continue
        if said.emissions_g is not None and said.steps:
            told = f"the ML CO2 calculator has {' and '.join(said.steps)} for one"
            yield Bound(value=said.emissions_g, told=told)


def of_no_place(work: Work, hours: float) -> tuple[Bound, ...]:
    """The emissions, g, that device-hours give at g/kWh that are of no place, by rated watts: as if the place were unknown.

    Args:
        work: for its hardware.
        hours: summed over devices, h.
    """
    match = work.devices.match if work.devices is not None else None
    return tuple(_at_no_place(match, hours)) if match is not None and 0 < hours <= _MOST_HOURS else ()


def _at_no_place(match: HardwareMatch, hours: float) -> Iterator[Bound]:
    for candidate in match.candidates:
        for grid, whose in _OF_NO_PLACE:
            facts = Declaration(hardware=candidate.name, device_hours=hours, intensity_g_per_kwh=grid)
            try:
                said = compare(facts, "mlco2")
            except ConfigError:
                continue
            if said.emissions_g is not None and said.steps:
                yield Bound(value=said.emissions_g, told=f"{' and '.join(said.steps)}: {text.number(grid)} g/kWh is {whose}")


def usual(work: Work, device_h: float) -> Range | None:
    """The 90 % range of the emission, g, of so many device-hours of the work's hardware at its place; None if it is not known."""
    match = work.devices.match if work.devices is not None else None
    place = place_of(work)
    if match is None or place is None or place.zone is None or not device_h > 0:
        return None
    try:
        found = declared_footprint(Declaration(hardware=match.candidates[0].name, device_hours=device_h, zone=place.zone))
    except ConfigError:
        return None
    return found.emissions_g
