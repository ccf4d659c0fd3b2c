"""ML CO2 Impact (Lacoste et al. 2019, arXiv 1910.09700), as its page works.

kWh = rated watts x hours / 1000; kg = kWh x kg/kWh; each rounded to two decimals, a region's kg/kWh too. Its form asks for one
kind of hardware, for hours, and for a cloud's region or the kg/kWh of private infrastructure (0.432 unless changed, which is not
rounded: cards print 0.432 x 150 kWh as 64.8 kg). It has no count, no host, no PUE, no year.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from footprint.derive.compare.common import Case, Comparison, Theirs, comparison, kwh, listed_power, shown
from footprint.model import Factor
from footprint.reference.peers import peer_figure
from footprint.units import G_PER_KG

_NAME: Final = "mlco2"
_VERSION: Final = "page and tables of 2022"
_CENT: Final = Decimal("0.01")


def say(case: Case) -> Comparison:
    """What its page would say."""
    steps: list[str] = []
    missing: list[str] = []
    notes: list[str] = []
    listed = listed_power(case, _NAME)
    power_w = listed.central if listed else case.facts.power_w
    hours = case.hours
    if power_w is None:
        missing.append(f"what its list has for {case.found.name or 'the hardware'}: give --power-w")
    if hours is None:
        missing.append("hours")
    energy = unrounded = None
    if power_w is not None and hours is not None:
        unrounded = kwh(power_w, hours)
        energy = rounded(unrounded)
        steps.append(f"{shown(power_w)} W × {shown(hours)} h ÷ 1,000 = {shown(energy)} kWh")
    grid, g_per_kwh, why_grid = _grid(case)
    kg_per_kwh = None if g_per_kwh is None else g_per_kwh / G_PER_KG
    if kg_per_kwh is None:
        missing.append(f"its figure for {case.region}: give --intensity")
    elif grid is not None and not grid.id.endswith(":private"):
        kg_per_kwh = rounded(kg_per_kwh)
    mass = None
    if energy is not None and kg_per_kwh is not None:
        mass = rounded(energy * kg_per_kwh)
        steps.append(f"{shown(energy)} kWh × {shown(kg_per_kwh)} kg/kWh = {shown(mass)} kg")
    notes += _notes(case, listed, power_w, kg_per_kwh)
    theirs = Theirs(
        accelerators_kwh=unrounded,
        equipment_kwh=unrounded,
        pue_ratio=1.0,
        intensity_g_per_kwh=g_per_kwh,
        why_power=_why_power(case, listed),
        why_host="no CPU, memory or rest of the server",
        why_pue="no PUE",
        why_intensity=why_grid,
        rounding_ratio=_rounding(energy, unrounded, mass, g_per_kwh),
    )
    return comparison(
        case,
        theirs,
        peer=_NAME,
        version=_VERSION,
        energy_kwh=energy,
        emissions_g=None if mass is None else mass * G_PER_KG,
        steps=steps,
        missing=missing,
        notes=notes,
        figures=(listed, grid),
    )


def rounded(value: float) -> float:
    """Two decimals, a tie of the binary number upwards: as a browser prints it."""
    return float(Decimal(value).quantize(_CENT, ROUND_HALF_UP))


def _grid(case: Case) -> tuple[Factor | None, float | None, str]:
    """Its g/kWh, and how it came to it."""
    if case.facts.intensity_g_per_kwh is not None:
        return None, case.facts.intensity_g_per_kwh, "as stated, entered as private infrastructure"
    if case.region is not None:
        found = peer_figure(_NAME, "intensity", case.region)
        why = f"its figure of about {found.year}, whatever the year of the work" if found else "its figure is not known to us"
        return found, found.central if found else None, why
    private = peer_figure(_NAME, "intensity", "private")
    why = "no region of a cloud: its 0.432 kg/kWh for private infrastructure anywhere"
    return private, private.central if private else None, why


def _why_power(case: Case, listed: Factor | None) -> str:
    if listed is None and case.facts.power_w is None:
        return "what its list has is not known to us"
    count = case.devices or 1
    counted = f", and one device: it has no count, and ours has {shown(count)}" if count != 1 else ""
    note = f" ({listed.note})" if listed and listed.note else ""
    rated = "the rated watts of its list" if listed else "watts as stated, as if its list had them"
    return f"{rated} for all of the time{note}{counted}"


def _rounding(energy: float | None, unrounded: float | None, mass: float | None, g_per_kwh: float | None) -> float | None:
    if energy is None or not unrounded or mass is None or not g_per_kwh:
        return None
    return mass / (unrounded * g_per_kwh / G_PER_KG)


def _notes(case: Case, listed: Factor | None, power_w: float | None, kg_per_kwh: float | None) -> list[str]:
    notes = []
    count, hours = case.devices or 1, case.hours
    if count != 1 and power_w is not None and hours is not None:
        energy = rounded(kwh(power_w, hours * count))
        mass = f" and {shown(rounded(energy * kg_per_kwh))} kg" if kg_per_kwh is not None else ""
        notes.append(f"with {shown(hours * count)} device-hours entered as its hours it says {shown(energy)} kWh{mass}")
    if listed and case.facts.power_w is not None and listed.central != case.facts.power_w:
        notes.append(f"it does not ask for watts: the stated {shown(case.facts.power_w)} W are not used")
    if case.facts.pue is not None:
        notes.append("it does not ask for a PUE: the stated one is not used")
    return notes
