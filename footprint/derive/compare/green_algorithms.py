"""Green Algorithms (Lannelongue, Grealey & Inouye 2021, doi:10.1002/advs.202100707).

kWh = h x (cores x W a core x usage + GPUs x W x usage + GB x 0.3725 W) x PUE x pragmatic scaling factor / 1000; g = kWh x g/kWh.
The scaling factor is 1 here: it stands for repeated runs, which a declaration counts in its hours. Usage is 1 unless stated.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from footprint.derive.compare.common import Case, Comparison, Theirs, comparison, kwh, listed_power, shown, wanting
from footprint.model import Factor
from footprint.reference.peers import peer_figure
from footprint.units import W_PER_KW

_CLOUDS: Final = ("gcp", "aws", "azure")


class _Watts(NamedTuple):
    """What it multiplies the hours by, and how that is written; null where it asks for something that nobody states."""

    chips_w: float | None
    cores_w: float
    memory_w: float
    parts: tuple[str, ...]


def say(case: Case, version: str) -> Comparison:
    """What this version of it would say."""
    peer = f"green-algorithms-{version}"
    hours = case.hours
    usage = 1.0 if case.beside.busy_ratio is None else case.beside.busy_ratio
    missing: list[str] = []
    listed, memory = listed_power(case, peer), peer_figure(peer, "memory", "any")
    watts = _watts(case, listed, memory, usage, missing)
    pue, pue_ratio, why_pue = _pue(case, peer)
    grid, g_per_kwh, why_grid = _grid(case, peer)
    if hours is None:
        missing.append("hours")
    if pue_ratio is None:
        missing.append("its PUE: give --pue")
    if g_per_kwh is None:
        missing.append("its figure for the place: give --intensity")
    energy = mass_g = chips_kwh = equipment_kwh = None
    steps: list[str] = []
    if hours is not None and watts.chips_w is not None and watts.parts:
        chips_kwh = kwh(watts.chips_w, hours)
        equipment_kwh = kwh(watts.chips_w + watts.cores_w + watts.memory_w, hours)
    if hours is not None and equipment_kwh is not None and pue_ratio is not None:
        energy = equipment_kwh * pue_ratio
        told = f"{shown(hours)} h × ({' + '.join(watts.parts)}) × {shown(pue_ratio)} ÷ {shown(W_PER_KW)}"
        steps.append(f"{told} = {shown(energy)} kWh")
        if g_per_kwh is not None:
            mass_g = energy * g_per_kwh
            steps.append(f"{shown(energy)} kWh × {shown(g_per_kwh)} g/kWh = {shown(mass_g)} g")
    theirs = Theirs(
        accelerators_kwh=chips_kwh,
        equipment_kwh=equipment_kwh,
        pue_ratio=pue_ratio,
        intensity_g_per_kwh=g_per_kwh,
        why_power=_why_power(case, listed, usage),
        why_host=_why_host(watts),
        why_pue=why_pue,
        why_intensity=why_grid,
    )
    own = (listed if case.facts.power_w is None else None, memory if watts.memory_w else None, pue, grid)
    return comparison(
        case,
        theirs,
        peer="green-algorithms",
        version=version,
        energy_kwh=energy,
        emissions_g=mass_g,
        steps=steps,
        missing=missing,
        figures=own,
    )


def _watts(case: Case, listed: Factor | None, memory: Factor | None, usage: float, missing: list[str]) -> _Watts:
    """Accelerators, CPU cores and memory; of device-hours alone the hours of a host are not known, and it is left out."""
    beside, devices, wall = case.beside, case.devices, case.facts.hours is not None
    power_w = case.facts.power_w if case.facts.power_w is not None else listed.central if listed else None
    parts: list[str] = []
    chips_w = 0.0 if case.by_processors else None
    if devices is not None and power_w is not None:
        chips_w = devices * power_w * usage
        parts.append(f"{shown(devices)} × {shown(power_w)} W × {shown(usage)}")
    elif not case.by_processors:
        missing.append(f"what it has for {case.found.name or 'the hardware'}: give --power-w" if devices else "the count")
    cores_w = memory_w = 0.0
    if wall and beside.cpu_cores is not None and beside.cpu_core_w is not None:
        busy = 1.0 if beside.cpu_busy_ratio is None else beside.cpu_busy_ratio
        cores_w = beside.cpu_cores * beside.cpu_core_w * busy
        parts.append(f"{shown(beside.cpu_cores)} cores × {shown(beside.cpu_core_w)} W × {shown(busy)}")
    else:
        stated = {"--cpu-cores": beside.cpu_cores, "--cpu-core-w": beside.cpu_core_w, "--hours": case.facts.hours}
        missing.append(f"CPU cores and their watts, which are left out: give {wanting(stated)}")
    if wall and beside.memory_gb is not None and memory is not None:
        memory_w = beside.memory_gb * memory.central
        parts.append(f"{shown(beside.memory_gb)} GB × {shown(memory.central)} W")
    elif memory is None:
        missing.append("its watts of memory, which is left out: these factors do not hold them")
    else:
        missing.append(
            f"memory, which is left out: give {wanting({'--memory-gb': beside.memory_gb, '--hours': case.facts.hours})}"
        )
    return _Watts(chips_w, cores_w, memory_w, tuple(parts))


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
    if case.by_processors:
        return ""
    if case.facts.power_w is None and listed is None:
        return "its watts are not known to us"
    rated = "watts as stated" if case.facts.power_w is not None else f"its {shown(listed.central)} W" if listed else ""
    return f"{rated}, at a usage of {shown(usage)}" + ("" if case.beside.busy_ratio is not None else " unless stated")


def _why_host(watts: _Watts) -> str:
    counted = [name for name, w in (("CPU cores", watts.cores_w), ("memory by its size", watts.memory_w)) if w]
    return f"{' and '.join(counted)}; no rest of the server" if counted else "no CPU or memory is counted; no rest of the server"
