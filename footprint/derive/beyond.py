"""Beyond operational emissions, and never in them: making the hardware, water, and what the energy costs.

Embodied: the hours for which devices are used, as a part of the used hours of their life, times what making one emitted; with a
share of the server where the footprint's scope is the server. Water: the site's, by the IT equipment's energy, and that of its
electricity, by the facility's. Cost: that of the facility's energy, where a price is stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import footprint.reference as ref
from footprint import text
from footprint.accounting.impact import cost, embodied_g, water_l
from footprint.accounting.ranges import Quantity, total
from footprint.derive.accelerators import known_accelerator, of_the_run
from footprint.derive.case import Case, cited, number
from footprint.derive.working import Product, Working
from footprint.errors import UnknownHardware
from footprint.model import Declaration, Factor
from footprint.reference import HardwareMatch, embodied, water
from footprint.reference.editions import remembered
from footprint.units import G_PER_KG, H_PER_YEAR, S_PER_H, h_from_s

_NO_PLACE: Final = "the place is unknown"
_NO_ENERGY: Final = "the energy is unknown"
_OF_THE_MACHINE: Final = "what making a machine without accelerators emitted is not known"


def declare(work: Working, facts: Declaration, match: HardwareMatch | None, device_hours: float | None) -> None:
    """Work out what is beyond operational emissions from declared facts; after `Working.locate`.

    Args:
        work: the sheet.
        facts: what was declared.
        match: what the name of the hardware means; None if it is not known.
        device_hours: hours summed over the devices; None if they are not known.
    """
    if not facts.training:
        _unknown(work, "embodied", "no training took place; what making the model took otherwise is not known")
    elif device_hours is None:
        _unknown(work, "embodied", "no device-hours are known")
    elif (making := _stated(facts.embodied_g_per_device) or _making(work, match, facts.hardware)) is not None:
        used = _Used(text.clean(facts.hardware or "devices"), device_hours, f"{number(device_hours)} device-h")
        _embody(work, {making: used}, facts.life_years, facts.use_ratio)
    water_of(work)
    if facts.price_per_kwh is not None:
        _cost(work, facts.price_per_kwh, facts.currency)


def measure(case: Case) -> None:
    """Work out what is beyond operational emissions from a run's facts; after `Working.locate`.

    Devices are used for as long as the run lasts, also where a meter was silent; the devices are those whose joules count.
    """
    making_of(case)
    water_of(case.work)


# -- Making ------------------------------------------------------------------------------------------------------------

_Making = tuple[Factor, ...]
"""What was emitted in making one device, and its share of a server where that is counted."""


class _Used(NamedTuple):
    """Of which devices, for how many device-hours, and how that is told in a product."""

    name: str
    hours: float
    told: str


def _stated(g_per_device: float | None) -> _Making | None:
    return (ref.stated("embodied", g_per_device, "g CO2e"),) if g_per_device is not None else None


def _making(work: Working, match: HardwareMatch | None, name: str | None) -> _Making | None:
    """What making one device emitted; where that is not known, it is noted why."""
    if match is None:
        nothing = f"nothing is known of the hardware {name!r}" if name else "the hardware is unknown"
        _unknown(work, "embodied", _OF_THE_MACHINE if name and _is_processor(name) else nothing)
        return None
    found = embodied.making(match)
    if found is None:
        _unknown(work, "embodied", f"what making {match.name} emitted is not published: give --embodied-g-per-device")
        return None
    if found.covers == "with-host" and work.scope == "accelerators":
        work.warn(f"what making {match.name} emitted includes its share of the host")
    share = embodied.server_share() if found.covers == "chip" and work.scope == "server" else None
    return (found.factor, share) if share is not None else (found.factor,)


def making_of(case: Case) -> None:
    """What making the devices of a run emitted, for the time of their use."""
    work, run = case.work, case.run
    there = case.devices("accelerators")
    if run.host.unmetered_accelerators or not (there or run.host.os.startswith("Linux")):
        _unknown(work, "embodied", "the accelerators are not known")
        return
    names: dict[_Making, str] = {}
    times_s: dict[_Making, float] = {}
    for one in of_the_run(case, there, say=False):
        making = _making(work, known_accelerator(one.device.name), one.device.name)
        if making is None:
            return
        ours, whole = one.device.slices if one.device.slices is not None and case.attribution == "share" else (1, 1)
        part = case.portion.hours_of(one.device.id) * ours / whole
        names.setdefault(making, text.clean(one.device.name))
        times_s[making] = times_s.get(making, 0.0) + run.duration_s * part
    used = {
        making: _Used(names[making], h_from_s(time_s), f"{number(time_s)} device-s ÷ {number(S_PER_H)} s/h")
        for making, time_s in times_s.items()
    }
    if used:
        _embody(work, used)
    else:
        _unknown(work, "embodied", _OF_THE_MACHINE)


@remembered  # a name that nobody knows is held against all that are known, and runs by the hundred have it
def _is_processor(name: str) -> bool:
    try:
        return isinstance(ref.find_hardware(name), ref.CpuMatch)
    except UnknownHardware:
        return False


def _embody(
    work: Working, hours: Mapping[_Making, _Used], life_years: float | None = None, use_ratio: float | None = None
) -> None:
    """Spread what making devices emitted over the hours of their use."""
    life = ref.stated("hardware.life", 1 / life_years, "1/year") if life_years is not None else embodied.lives_per_year()
    use = ref.stated("hardware.use", 1 / use_ratio, "h/h") if use_ratio is not None else embodied.life_per_use()
    if life is None or use is None:
        _unknown(work, "embodied", "these factors know no life of hardware: give --life-years and --use-ratio")
        return
    spread = work.use(life), work.use(use)
    parts: list[Quantity] = []
    for making, used in hours.items():
        for factor in making:
            part = embodied_g(used.hours, work.use(factor) * _grams(factor), *spread)
            made = f"{cited(factor, factor.unit.removesuffix(' CO2e'))}{_in_grams(factor)}"
            product = f"{used.told} ÷ {number(H_PER_YEAR)} h/year × {made} × {cited(life, '1/year')} × {cited(use)}"
            what = "making of" if factor is making[0] else "making of the servers of"
            work.makings.append(Product(f"{what} {used.name}", product, part.central))
            parts.append(part)
    work.embodied = total(parts)


def _grams(factor: Factor) -> float:
    return G_PER_KG if factor.unit.startswith("kg") else 1.0


def _in_grams(factor: Factor) -> str:
    return f" × {number(G_PER_KG)} g/kg" if factor.unit.startswith("kg") else ""


# -- Water and cost ----------------------------------------------------------------------------------------------------


def water_of(work: Working) -> None:
    """Water on the site and for its electricity, and their sum where both are known."""
    if work.it is None or work.facility is None or work.year is None:
        _unknown(work, "water", _NO_ENERGY)
        return
    here = water.onsite(work.place, work.year)
    if here is not None:
        work.water_onsite = water_l(work.it, work.use(here))
    there = water.offsite(work.place, work.year)
    if there is not None:
        work.water_offsite = water_l(work.facility, work.use(there))
    if work.water_onsite is not None and work.water_offsite is not None:
        work.water = work.water_onsite + work.water_offsite
        return
    known = work.water_onsite is not None, work.water_offsite is not None
    no_site = _NO_PLACE if work.place is None else "what its cooling evaporates is not published for this site"
    no_grid = _NO_PLACE if work.place is None else "no figure of the water in its grid's electricity is known"
    _unknown(work, "water", no_grid if known[0] else no_site)
    if known[0]:
        _unknown(work, "water_offsite", no_grid)
    if known[1]:
        _unknown(work, "water_onsite", no_site)


def _cost(work: Working, price_per_kwh: float, currency: str | None) -> None:
    """What the facility's energy costs at a stated price: that is what a site is billed for."""
    if work.facility is None:
        _unknown(work, "cost", _NO_ENERGY)
        return
    unit = f"{currency or ''}/kWh"
    price = ref.stated("price", price_per_kwh, unit)
    work.cost, work.currency = cost(work.facility, work.use(price).central), currency


def _unknown(work: Working, name: str, why: str) -> None:
    """Name what is unknown, and why: without a warning, as nobody asked for it."""
    work.miss(name)
    work.reasons.setdefault(name, why)
