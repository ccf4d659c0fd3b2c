"""What facts and factors give."""

from __future__ import annotations

import msgspec

from footprint.model.machines import Place
from footprint.model.numbers import Factor, Range
from footprint.model.words import Attribution, Basis, ComponentName, Grade, Scope


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a footprint's energy (IT equipment, before PUE): null where it is unknown."""

    component: ComponentName
    energy_kwh: Range | None
    grade: Grade | None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How well one expected component was read: its grade, and the share of the time for which it was read.

    A null grade is a component that is expected of the machine and of which nothing is known.
    """

    component: ComponentName
    grade: Grade | None
    read_ratio: float


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """What facts and factors give. Each quantity is a 90 % range, or null where something that it needs is unknown.

    `it_energy_kwh` is the energy of accelerators and host at the plug; `energy_kwh` is the facility's (PUE applied);
    `emissions_g` is operational, location-based CO2-equivalent of `energy_kwh`. `embodied_g` is the hardware's making, by the
    share of its life. `water_l` is what cooling evaporates on the site (`water_onsite_l`) and what making the electricity takes
    (`water_offsite_l`); null where one of them is unknown. `cost` is that of `energy_kwh`, in `currency`. `unknown` names what
    is not known, and `factors` are those used, in the order of use; `chain` says step by step how the grid's figure was found.
    """

    scope: Scope
    basis: Basis | None
    accelerator_energy_kwh: Range | None
    it_energy_kwh: Range | None
    energy_kwh: Range | None
    emissions_g: Range | None
    emissions_market_g: Range | None = None
    emissions_direct_g: Range | None = None
    embodied_g: Range | None = None
    water_l: Range | None = None
    water_onsite_l: Range | None = None
    water_offsite_l: Range | None = None
    cost: Range | None = None
    currency: str | None = None
    power_w: Range | None = None
    pue: Range | None = None
    intensity_g_per_kwh: Range | None = None
    unknown: tuple[str, ...] = ()
    breakdown: tuple[Component, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    factors: tuple[Factor, ...] = ()
    warnings: tuple[str, ...] = ()
    attribution: Attribution | None = None
    factors_version: str = ""
    place: Place | None = None
    chain: tuple[str, ...] = ()
