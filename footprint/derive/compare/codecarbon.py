"""CodeCarbon, offline: what its tracker would say of a machine on which the declared work runs.

It measures GPUs (NVIDIA, AMD) and knows no way to estimate them, so our own middle stands for what it would read. A CPU that it
cannot read counts half of its rated power in constant mode, memory a few watts for each of the modules that it guesses. Energy is
that of the equipment: its PUE is 1 unless it is given one. Other accelerators it does not see at all.
"""

from __future__ import annotations

import math
import re
from typing import Final

from footprint.derive.compare import codecarbon_data as data
from footprint.derive.compare.common import Case, Comparison, Theirs, comparison, kwh, shown, wanting
from footprint.reference.grid import parent

_READ: Final = {"NVIDIA", "AMD"}
_TDP_RATIO: Final = 0.5
_MODULE_W: Final = 5.0
_TWO_LETTERS: Final = re.compile(r"[A-Za-z]{2}")
# Up to how many GB, how many modules; above, as few of the largest usual size as leave eight or more, at most 32.
_MODULES: Final = ((2.0, 1), (16.0, 2), (64.0, 4), (128.0, 8))
_LARGEST_MODULES_GB: Final = (128, 64, 32, 16, 8, 4)
_MOST_MODULES: Final = 32
# What a module counts: the first four whole, the next four nine tenths, the next eight four fifths, the others seven tenths.
_STEPS: Final = ((4, 1.0), (4, 0.9), (8, 0.8), (_MOST_MODULES, 0.7))


def say(case: Case) -> Comparison:
    """What it would say."""
    known = data.installed()
    steps: list[str] = []
    missing: list[str] = []
    notes: list[str] = []
    chips_kwh, why_power = _accelerators(case)
    if chips_kwh is None:
        missing.append("a reading of the GPUs, which it measures and does not estimate")
    elif chips_kwh:
        steps.append(f"{shown(chips_kwh)} kWh read of GPUs")
    host_kwh = _host(case, steps, missing)
    pue_ratio = case.facts.pue if case.facts.pue is not None else 1.0
    # It always counts a CPU and memory: where these are all that it counts and nobody states them, it says something that we
    # do not know, and not nothing.
    equipment_kwh = None if chips_kwh is None else (chips_kwh + host_kwh) or None
    energy = None if equipment_kwh is None else equipment_kwh * pue_ratio
    if energy is not None and (host_kwh or pue_ratio != 1.0):
        steps.append(f"({shown(chips_kwh or 0.0)} + {shown(host_kwh)}) kWh × {shown(pue_ratio)} PUE = {shown(energy)} kWh")
    taken = _grid(case, notes)
    if taken is None:
        missing.append("its table of places: CodeCarbon is not installed here (pip install codecarbon), or give --intensity")
    mass_g = None if energy is None or taken is None else energy * taken.g_per_kwh
    if energy is not None and taken is not None and mass_g is not None:
        steps.append(f"{shown(energy)} kWh × {shown(taken.g_per_kwh)} g/kWh = {shown(mass_g)} g")
    theirs = Theirs(
        accelerators_kwh=chips_kwh,
        equipment_kwh=equipment_kwh,
        pue_ratio=pue_ratio,
        intensity_g_per_kwh=taken.g_per_kwh if taken else None,
        why_power=why_power,
        why_host=_why_host(case),
        why_pue="as stated" if case.facts.pue is not None else "no PUE unless one is given",
        why_intensity=taken.why if taken else "its table of places could not be read",
    )
    return comparison(
        case,
        theirs,
        peer="codecarbon",
        version=known[1] if known else "not installed",
        energy_kwh=energy,
        emissions_g=mass_g,
        steps=steps,
        missing=missing,
        notes=notes,
    )


def _host(case: Case, steps: list[str], missing: list[str]) -> float:
    """What it would count of CPU and memory, kWh; 0 of what nobody states."""
    beside, hours = case.beside, case.facts.hours
    host_kwh = 0.0
    if beside.cpu_cores is not None and beside.cpu_core_w is not None and hours is not None:
        rated_w = beside.cpu_cores * beside.cpu_core_w
        cpu_kwh = kwh(rated_w * _TDP_RATIO, hours)
        host_kwh += cpu_kwh
        steps.append(f"{shown(rated_w)} W rated × {_TDP_RATIO} × {shown(hours)} h ÷ 1,000 = {shown(cpu_kwh)} kWh of CPU")
    else:
        stated = {"--cpu-cores": beside.cpu_cores, "--cpu-core-w": beside.cpu_core_w, "--hours": hours}
        missing.append(f"the CPU, which it reads or models and which is left out: give {wanting(stated)}")
    if beside.memory_gb is not None and hours is not None:
        watts = memory_w(beside.memory_gb)
        memory_kwh = kwh(watts, hours)
        host_kwh += memory_kwh
        told = f"{shown(watts)} W × {shown(hours)} h ÷ 1,000 = {shown(memory_kwh)} kWh"
        steps.append(f"{told} of {modules(beside.memory_gb)} modules of memory")
    else:
        more = wanting({"--memory-gb": beside.memory_gb, "--hours": hours})
        missing.append(f"memory, which it guesses the modules of and which is left out: give {more}")
    return host_kwh


def _why_host(case: Case) -> str:
    counted = case.facts.hours is not None
    cpu = counted and case.beside.cpu_cores is not None and case.beside.cpu_core_w is not None
    parts = ["half of the CPU's rated power"] if cpu else []
    parts += ["some watts a memory module"] if counted and case.beside.memory_gb is not None else []
    return f"{' and '.join(parts)}; no rest of the server" if parts else "CPU and memory are left out"


def _accelerators(case: Case) -> tuple[float | None, str]:
    """What it would read of accelerators, kWh."""
    vendors = {one.vendor for one in case.found.match.candidates} if case.found.match else set()
    if vendors and not vendors & _READ:
        return 0.0, f"it reads no {' or '.join(sorted(vendors))} accelerators: they count as nothing"
    if case.by_processors:
        return 0.0, ""
    part = case.sheet.parts.get("accelerators")
    if part is not None:
        return part.central, "it measures: our middle stands for its reading"
    if case.sheet.it is not None:
        return case.sheet.it.central, "it measures: the energy as we have it stands for its readings"
    return None, "it measures, and nothing stands for its reading"


def _grid(case: Case, notes: list[str]) -> data.Taken | None:
    if case.facts.intensity_g_per_kwh is not None:
        return data.Taken(case.facts.intensity_g_per_kwh, "as stated")
    if data.installed() is None:
        return None
    place = case.sheet.place
    if place is None or place.zone is None:
        average = data.world()
        return data.Taken(average.g_per_kwh, f"no place: {average.why}")
    nation = parent(place.zone) or place.zone
    if place.provider and place.region:
        taken = data.of_cloud(place.provider, place.region)
        notes.append(
            f"given the country {nation} instead of the cloud it would take {shown(data.of_country(nation).g_per_kwh)} g/kWh"
        )
        return taken
    typed = (case.facts.zone or case.facts.region or "").strip()
    if _TWO_LETTERS.fullmatch(typed):
        taken = data.of_country(typed)
        notes.append(f"given {nation} instead of {typed} it would take {shown(data.of_country(nation).g_per_kwh)} g/kWh")
        return taken
    return data.of_zone(place.zone)


def modules(memory_gb: float) -> int:
    """How many memory modules it guesses for so many GB."""
    for most_gb, count in _MODULES:
        if memory_gb <= most_gb:
            return count
    largest = next(size for size in _LARGEST_MODULES_GB if size <= memory_gb / 8)
    return min(math.ceil(memory_gb / largest), _MOST_MODULES)


def memory_w(memory_gb: float) -> float:
    """Watts that it takes for so many GB of memory on x86; never less than for two modules."""
    left, watts = modules(memory_gb), 0.0
    for count, share in _STEPS:
        watts += _MODULE_W * share * min(left, count)
        left = max(0, left - count)
    return max(2 * _MODULE_W, watts)
