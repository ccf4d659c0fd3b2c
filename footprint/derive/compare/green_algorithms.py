"""Green Algorithms (Lannelongue, Grealey & Inouye 2021, doi:10.1002/advs.202100707).

kWh = h x (cores x W a core x usage + GPUs x W x usage + GB x 0.3725 W) x PUE x pragmatic scaling factor / 1000; g = kWh x g/kWh.
The scaling factor is 1 here: it stands for repeated runs, which a declaration counts in its hours. Usage is 1 unless stated.
"""

from __future__ import annotations

from typing import Final

from footprint.derive.compare.common import Case, Comparison, Theirs, differences, kwh, ratio, shown
from footprint.model import Factor
from footprint.reference.peers import peer_figure
from footprint.units import W_PER_KW

_CLOUDS: Final = ("gcp", "aws", "azure")


def say(case: Case, version: str) -> Comparison:
    """What this version of it would say."""
    peer = f"green-algorithms-{version}"
    beside, hours = case.beside, case.hours
    usage = 1.0 if beside.busy_ratio is None else beside.busy_ratio
    missing: list[str] = []
    parts: list[str] = []
    listed = _power(case, peer)
    power_w = case.facts.power_w if case.facts.power_w is not None else listed.central if listed else None
    devices = case.devices
    chips_w = None
    if power_w is None or devices is None:
        missing.append(f"what it has for {case.found.name or 'the hardware'}: give --power-w" if devices else "the count")
    else:
        chips_w = devices * power_w * usage
        parts.append(f"{shown(devices)} × {shown(power_w)} W × {shown(usage)}")
    cores_w = 0.0
    if beside.cpu_cores is not None and beside.cpu_core_w is not None:
        busy = 1.0 if beside.cpu_busy_ratio is None else beside.cpu_busy_ratio
        cores_w = beside.cpu_cores * beside.cpu_core_w * busy
        parts.append(f"{shown(beside.cpu_cores)} cores × {shown(beside.cpu_core_w)} W × {shown(busy)}")
    else:
        missing.append("CPU cores and their watts, which are left out: give --cpu-cores and --cpu-core-w")
    memory = peer_figure(peer, "memory", "any")
    memory_w = 0.0
    if beside.memory_gb is not None and memory is not None:
        memory_w = beside.memory_gb * memory.central
        parts.append(f"{shown(beside.memory_gb)} GB × {shown(memory.central)} W")
    else:
        missing.append("memory, which is left out: give --memory-gb")
    pue, pue_ratio, why_pue = _pue(case, peer)
    grid, g_per_kwh, why_grid = _grid(case, peer)
    energy = mass_g = None
    steps: list[str] = []
    if hours is None:
        missing.append("hours")
    if pue_ratio is None:
        missing.append("its PUE: give --pue")
    if hours is not None and chips_w is not None and pue_ratio is not None:
        energy = kwh(chips_w + cores_w + memory_w, hours) * pue_ratio
        steps.append(f"{shown(hours)} h × ({' + '.join(parts)}) × {shown(pue_ratio)} ÷ {shown(W_PER_KW)} = {shown(energy)} kWh")
    if g_per_kwh is None:
        missing.append("its figure for the place: give --intensity")
    elif energy is not None:
        mass_g = energy * g_per_kwh
        steps.append(f"{shown(energy)} kWh × {shown(g_per_kwh)} g/kWh = {shown(mass_g)} g")
    known = chips_w is not None and hours is not None
    theirs = Theirs(
        accelerators_kwh=kwh(chips_w or 0.0, hours or 0.0) if known else None,
        equipment_kwh=kwh((chips_w or 0.0) + cores_w + memory_w, hours or 0.0) if known else None,
        pue_ratio=pue_ratio,
        intensity_g_per_kwh=g_per_kwh,
        why_power=_why_power(case, listed, usage),
        why_host=_why_host(cores_w, memory_w),
        why_pue=why_pue,
        why_intensity=why_grid,
    )
    return Comparison(
        peer="green-algorithms",
        version=version,
        energy_kwh=energy,
        emissions_g=mass_g,
        steps=tuple(steps),
        differences=differences(case, theirs),
        energy_ratio=ratio(energy, case.ours.energy_kwh),
        emissions_ratio=ratio(mass_g, case.ours.emissions_g),
        missing=tuple(missing),
        notes=(),
        figures=tuple(one for one in (listed if case.facts.power_w is None else None, memory, pue, grid) if one is not None),
        ours=case.ours,
    )


def _power(case: Case, peer: str) -> Factor | None:
    """Its watts; where the name may mean several chips, only if it has one figure for all of them."""
    found = [peer_figure(peer, "power", chip) for chip in case.chips]
    listed = [one for one in found if one is not None]
    return listed[0] if listed and len({one.central for one in listed}) == 1 and len(listed) == len(found) else None


def _pue(case: Case, peer: str) -> tuple[Factor | None, float | None, str]:
    if case.facts.pue is not None:
        return None, case.facts.pue, "as stated"
    provider = case.sheet.place.provider if case.sheet.place else None
    found = peer_figure(peer, "pue", provider) if provider in _CLOUDS else None
    if found is not None:
        return found, found.central, f"its one figure for all of {provider}"
    unknown = peer_figure(peer, "pue", "unknown")
    return unknown, unknown.central if unknown else None, "its figure for a site of which nothing is known"


def _grid(case: Case, peer: str) -> tuple[Factor | None, float | None, str]:
    if case.facts.intensity_g_per_kwh is not None:
        return None, case.facts.intensity_g_per_kwh, "as stated"
    if not case.zones:
        world = peer_figure(peer, "intensity", "world")
        return world, world.central if world else None, "no place: its figure for the world"
    for zone in case.zones:
        found = peer_figure(peer, "intensity", zone)
        if found is not None:
            return found, found.central, f"its figure for {zone}, of about {found.year}, whatever the year of the work"
    return None, None, "its figure is not known to us"


def _why_power(case: Case, listed: Factor | None, usage: float) -> str:
    rated = "watts as stated" if case.facts.power_w is not None else f"its {shown(listed.central)} W" if listed else "unknown"
    return f"{rated}, at a usage of {shown(usage)}" + ("" if case.beside.busy_ratio is not None else " unless stated")


def _why_host(cores_w: float, memory_w: float) -> str:
    counted = [name for name, watts in (("CPU cores", cores_w), ("memory by its size", memory_w)) if watts]
    return f"{' and '.join(counted)}; no rest of the server" if counted else "no CPU or memory was stated; no rest of the server"
