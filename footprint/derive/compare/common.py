"""What all comparisons share: the facts as a calculator's form asks for them, and the difference taken apart by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from footprint.derive.case import number
from footprint.derive.equipment import Equipment, known_equipment
from footprint.derive.working import Working
from footprint.errors import ConfigError
from footprint.model import Declaration, Factor, Footprint, Range
from footprint.reference import tables
from footprint.reference.grid import parent
from footprint.reference.peers import peer_figure
from footprint.units import W_PER_KW

_MOST: Final = {"memory_gb": 1e7, "cpu_cores": 1e7, "cpu_core_w": 1e3, "cpu_busy_ratio": 1.0, "busy_ratio": 1.0}


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that peers ask for and we do not: memory, CPU cores, rated watts of each, and how busy these and the devices are."""

    memory_gb: float | None = None
    cpu_cores: float | None = None
    cpu_core_w: float | None = None
    cpu_busy_ratio: float | None = None
    busy_ratio: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ConfigError: for a number that cannot be.
        """
        for name, most in _MOST.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and 0 <= value <= most):
                raise ConfigError(f"{name} is {value:g}; it must be at least 0 and at most {most:g}")


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One reason: what the two take for one thing, and what it multiplies the result by (theirs over ours).

    A null ratio could not be worked out, because one side does not know the thing; null values are not single numbers.
    """

    what: str
    theirs: float | None
    ours: float | None
    unit: str
    ratio: float | None
    why: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A peer's answer beside ours.

    `steps` are its arithmetic, line by line. The product of the differences' ratios is the whole ratio, theirs over ours, where
    both are known. `missing` names what the peer asks for and nobody states; `notes` are what a reader should know.
    """

    peer: str
    version: str
    energy_kwh: float | None
    emissions_g: float | None
    steps: tuple[str, ...]
    differences: tuple[Difference, ...]
    energy_ratio: float | None
    emissions_ratio: float | None
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    figures: tuple[Factor, ...]
    ours: Footprint


@dataclass(frozen=True, kw_only=True)
class Case:
    """The facts, what we make of them, and how they are entered elsewhere."""

    facts: Declaration
    found: Equipment
    sheet: Working
    ours: Footprint
    beside: Beside

    @classmethod
    def of(cls, facts: Declaration, sheet: Working, beside: Beside) -> Case:
        """The case of declared facts."""
        return cls(facts=facts, found=known_equipment(facts), sheet=sheet, ours=sheet.footprint(), beside=beside)

    @property
    def chips(self) -> tuple[str, ...]:
        """The ids of the accelerators that the hardware's name may mean."""
        return tuple(one.id for one in self.found.match.candidates) if self.found.match else ()

    @property
    def devices(self) -> float | None:
        """How many accelerators; of device-hours alone, one that works for all of them."""
        hours, device_hours = self.facts.hours, self.facts.device_hours
        if device_hours is None or (hours is not None and self.found.devices is not None):
            return self.found.devices
        return 1.0 if hours is None else device_hours / hours

    @property
    def hours(self) -> float | None:
        """Wall-clock hours as they would be entered; device-hours where only these are stated."""
        return self.facts.hours if self.facts.hours is not None else self.facts.device_hours

    @property
    def by_processors(self) -> bool:
        """Whether the declared work is that of processors, without accelerators."""
        return "cpu" in self.sheet.parts

    @property
    def region(self) -> str | None:
        """The cloud region, as `aws:us-east-1`; None outside clouds."""
        place = self.sheet.place
        return f"{place.provider}:{place.region}" if place is not None and place.provider and place.region else None

    @property
    def zones(self) -> tuple[str, ...]:
        """The place from the finest that others have tables of (a state, a province) to the nation."""
        place = self.sheet.place
        if place is None or place.zone is None:
            return ()
        state = tables.by_id("regions").get(self.region or "", {}).get("subdivision") or place.zone
        nation = parent(place.zone) or place.zone
        return tuple(dict.fromkeys((state, place.zone, nation)))


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """A peer's parts, in kWh: of the accelerators, of all equipment, of the facility; and its intensity, g/kWh."""

    accelerators_kwh: float | None
    equipment_kwh: float | None
    pue_ratio: float | None
    intensity_g_per_kwh: float | None
    why_power: str
    why_host: str
    why_pue: str
    why_intensity: str
    rounding_ratio: float | None = None


def comparison(
    case: Case,
    theirs: Theirs,
    *,
    peer: str,
    version: str,
    energy_kwh: float | None,
    emissions_g: float | None,
    steps: Sequence[str],
    missing: Sequence[str],
    notes: Sequence[str] = (),
    figures: Iterable[Factor | None] = (),
) -> Comparison:
    """A peer's answer beside ours, and the difference by name."""
    return Comparison(
        peer=peer,
        version=version,
        energy_kwh=energy_kwh,
        emissions_g=emissions_g,
        steps=tuple(steps),
        differences=differences(case, theirs),
        energy_ratio=_over(energy_kwh, case.ours.energy_kwh),
        emissions_ratio=_over(emissions_g, case.ours.emissions_g),
        missing=tuple(missing),
        notes=tuple(notes),
        figures=tuple(one for one in figures if one is not None),
        ours=case.ours,
    )


def differences(case: Case, theirs: Theirs) -> tuple[Difference, ...]:
    """The whole difference as a product of named ones: accelerators, host, PUE, the grid, and rounding."""
    ours, sheet = case.ours, case.sheet
    accelerators = sheet.parts.get("accelerators") or (None if case.by_processors else sheet.it)
    own_kwh = accelerators.central if accelerators is not None else None
    it_kwh = sheet.it.central if sheet.it is not None else None
    host = None if it_kwh is None or not own_kwh else it_kwh / own_kwh
    their_host = None
    if theirs.equipment_kwh is not None and theirs.accelerators_kwh:
        their_host = theirs.equipment_kwh / theirs.accelerators_kwh
    pue = ours.pue.central if ours.pue else None
    intensity = ours.intensity_g_per_kwh.central if ours.intensity_g_per_kwh else None
    if case.by_processors or theirs.accelerators_kwh == 0:
        # Of nothing no host is a multiple: the equipment as a whole.
        why = "; ".join(part for part in (theirs.why_power, theirs.why_host) if part)
        equipment = [_one("equipment", theirs.equipment_kwh, it_kwh, "kWh", why)]
    else:
        equipment = [
            _one("accelerators", theirs.accelerators_kwh, own_kwh, "kWh", theirs.why_power),
            _one("host", their_host, host, "equipment / accelerators", theirs.why_host),
        ]
    found = [
        *equipment,
        _one("PUE", theirs.pue_ratio, pue, "ratio", theirs.why_pue),
        _one("grid", theirs.intensity_g_per_kwh, intensity, "g/kWh", theirs.why_intensity),
    ]
    if theirs.rounding_ratio is not None:
        found.append(
            Difference(what="rounding", theirs=None, ours=None, unit="", ratio=theirs.rounding_ratio, why="rounded at every step")
        )
    return tuple(found)


def _one(what: str, theirs: float | None, ours: float | None, unit: str, why: str) -> Difference:
    ratio = theirs / ours if theirs is not None and ours else None
    return Difference(what=what, theirs=theirs, ours=ours, unit=unit, ratio=ratio, why=why)


def listed_power(case: Case, peer: str) -> Factor | None:
    """A peer's watts of the hardware; where its name may mean several chips, only if the peer has one figure for all of them."""
    found = [peer_figure(peer, "power", chip) for chip in case.chips]
    listed = [one for one in found if one is not None]
    return listed[0] if listed and len({one.central for one in listed}) == 1 and len(listed) == len(found) else None


def _over(theirs: float | None, ours: Range | None) -> float | None:
    """Theirs over our middle; None where one of them is not known."""
    return theirs / ours.central if theirs is not None and ours is not None and ours.central else None


def kwh(power_w: float, device_hours: float) -> float:
    """Energy of watts over hours, kWh."""
    return power_w * device_hours / W_PER_KW


def shown(value: float) -> str:
    """A number with all the digits that a calculation needs."""
    return number(value)


def wanting(stated: dict[str, float | None]) -> str:
    """Which options are still to be given, as a list for a person."""
    return " and ".join(name for name, value in stated.items() if value is None)
