"""Facts of runs and of a declaration that contradict each other, and what makes the two less alike than they seem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

import msgspec

import footprint.reference as ref
from footprint import text
from footprint.accounting.ranges import Quantity
from footprint.derive.agreement import CONTRADICTION_RATIO
from footprint.derive.equipment import Equipment
from footprint.derive.working import Working
from footprint.errors import UnknownHardware
from footprint.model import Attribution, Declaration, DeviceEnergy, Grade, Place, Run
from footprint.reference.grid import parent
from footprint.units import h_from_s

Severity = Literal["error", "warning", "info"]
_METERED: Final[frozenset[Grade]] = frozenset({"counter", "power"})


class Discrepancy(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a reader must know: facts that contradict each other are errors."""

    code: str
    severity: Severity
    message: str


class Side(NamedTuple):
    """Runs, or a declaration: quantities as far as they are known, kWh and g, the devices and their hours.

    `by_machine` says that there are no accelerators: the hours are then those of a machine.
    """

    accelerators: Quantity | None
    it: Quantity | None
    facility: Quantity | None
    emissions: Quantity | None
    devices: float | None
    device_hours: float | None
    by_machine: bool


def held_by(run: Run, attribution: Attribution) -> list[DeviceEnergy]:
    """The accelerators of a run that count."""
    there = [one for one in run.devices if one.device.component == "accelerators"]
    return there if attribution == "machine" else [one for one in there if one.held_ratio != 0]


def contradictions(
    runs: Sequence[Run], facts: Declaration, place: Place | None, found: Equipment, here: Side, *, other_energy: bool
) -> Iterator[Discrepancy]:
    """Facts of the two sides that cannot both be true; `other_energy` says that their energies are such facts."""
    yield from _other_hardware(runs, found)
    if here.devices is not None and found.match is not None and found.devices is not None and here.devices != found.devices:
        yield _error("count", f"the run held {_devices(here.devices)}, the declaration counts {found.devices:g}")
    hours = h_from_s(sum(run.duration_s for run in runs)) if len(runs) == 1 else None
    if facts.hours is not None and hours is not None and is_apart(hours, facts.hours):
        yield _error("hours", f"the run took {text.number(hours)} h, the declaration says {facts.hours:g} h")
    if (
        facts.hours is None
        and facts.device_hours is not None
        and here.device_hours
        and is_apart(here.device_hours, facts.device_hours)
    ):
        told = f"{text.number(here.device_hours)} device-hours"
        yield _error("hours", f"the runs took {told}, the declaration says {facts.device_hours:g}")
    for zone in dict.fromkeys(run.place.zone for run in runs if run.place is not None and run.place.zone is not None):
        if place is not None and place.zone is not None and not _same_place(zone, place.zone):
            yield _error("place", f"the run was in {text.clean(zone)}, the declaration says {place.zone}")
    if facts.energy_kwh is not None and here.it is not None and other_energy:
        kwh = text.energy(here.it.central)
        yield _error("energy", f"{kwh} were measured, the declaration states {text.energy(facts.energy_kwh)}")


def _other_hardware(runs: Sequence[Run], found: Equipment) -> Iterator[Discrepancy]:
    names = list(dict.fromkeys(one.device.name for run in runs for one in held_by(run, "share")))
    shown = text.clean(", ".join(names), limit=200)
    if found.match is not None:
        declared = {one.id for one in found.match.candidates}
        others = [name for name in names if not declared & _meant(name)]
        if not names and not any(run.host.unmetered_accelerators for run in runs):
            yield _error("hardware", f"the run held no accelerator, the declaration says {found.name}")
        elif others:
            yield _error("hardware", f"the run held {shown}, the declaration says {found.name}")
    elif found.cpu is not None and names:
        yield _error("hardware", f"the run held {shown}, the declaration is of processors alone")
    elif found.cpu is not None:
        for name in dict.fromkeys(run.host.cpu_name for run in runs if run.host.cpu_name):
            cpu = ref.find_cpu(name)
            if cpu is not None and cpu.name != found.cpu.cpu.name:
                yield _error("hardware", f"the run was on {text.clean(name)}, the declaration says {found.name}")


def _meant(name: str) -> set[str]:
    try:
        return {one.id for one in ref.find_accelerator(name).candidates}
    except UnknownHardware:
        return set()


def cautions(runs: Sequence[Run], facts: Declaration, sheet: Working, *, alone: bool) -> Iterator[Discrepancy]:
    """What makes the two less alike than they seem."""
    if alone:
        yield _info("scope", "the declaration counts accelerators alone, and so does what is measured here")
    years = {datetime.fromisoformat(run.started_at).year for run in runs}
    if facts.year is not None and years != {facts.year}:
        yield _warning("year", f"the run was in {', '.join(map(str, sorted(years)))}, the declaration says {facts.year}")
    kinds = {run.kind for run in runs}
    if facts.kind is not None and kinds != {facts.kind}:
        yield _warning("kind", f"the run is {', '.join(sorted(kinds))}, the declaration says {facts.kind}")
    ended = {run.outcome for run in runs} - {"completed"}
    if ended:
        yield _warning("outcome", f"not all of the work was done: {', '.join(sorted(ended))}")
    for component, grade in sheet.grades.items():
        part = sheet.parts.get(component)
        if part is not None and part.central > 0 and grade not in _METERED:
            yield _warning("modelled", f"what stands as measured of {component} is {grade}, not metered")
    for name in sheet.unknown:
        if name in {"accelerators", "cpu", "memory", "place"}:
            yield _warning("unknown", f"not known of the run: {name}")


def _same_place(one: str, other: str) -> bool:
    """Whether two zones are the same, or one a part of the other."""
    return one == other or parent(one) == other or parent(other) == one


def is_apart(measured: float, declared: float) -> bool:
    """Whether two figures of one thing differ by more than rounding explains."""
    return bool(abs(measured - declared) > CONTRADICTION_RATIO * max(measured, declared))


def _devices(count: float) -> str:
    return text.plural(round(count), "accelerator")


def _error(code: str, message: str) -> Discrepancy:
    return Discrepancy(code=code, severity="error", message=message)


def _warning(code: str, message: str) -> Discrepancy:
    return Discrepancy(code=code, severity="warning", message=message)


def _info(code: str, message: str) -> Discrepancy:
    return Discrepancy(code=code, severity="info", message=message)
