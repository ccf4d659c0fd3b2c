"""The energy of a run's parts as formulas that a pocket calculator can follow.

Each is written from the facts of the run and the factors of its footprint; the result beside it is what accounting makes of
the same two. Facts stand as they were read, in seconds and joules, so a result in another unit shows what it was divided by.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

import footprint.reference as ref
from footprint import text
from footprint.accounting.power import counted, cpu_energy_kwh, device_energy_kwh, memory_energy_kwh
from footprint.accounting.ranges import Quantity
from footprint.derive.measured import SENSOR_PERIOD_S
from footprint.model import Component, ComponentName, CpuTime, DeviceEnergy, Factor, Footprint, Run
from footprint.units import BYTES_PER_GB, h_from_s, j_from_kwh, kwh_from_j

DIGITS: Final = 6


class Term(NamedTuple):
    """A product, and what accounting makes of it, kWh."""

    name: str
    product: str
    energy_kwh: float


def of_part(part: Component, run: Run, footprint: Footprint, unit: text.Unit) -> list[str]:
    """How a component's energy comes from what was read, a line a term.

    Empty where it comes from nothing that is stated here: what would not add up to the component's energy is not shown.
    """
    terms = list(_terms(part.component, run, footprint))
    central = part.energy_kwh.central if part.energy_kwh else 0.0
    if not terms or not math.isclose(sum(term.energy_kwh for term in terms), central, rel_tol=1e-6):
        return []
    joules = j_from_kwh(unit[1])
    divided = "" if round(joules) == 1 else f" ÷ {number(joules)} J/{unit[0]}"
    return [f"{term.name}: {term.product}{divided} = {energy(term.energy_kwh, unit)}" for term in terms]


def _terms(component: ComponentName, run: Run, footprint: Footprint) -> Iterable[Term]:
    if component == "accelerators":
        devices = [one for one in run.devices if one.device.component == "accelerators"]
        return [term for one in devices for term in _accelerator(one, run, footprint)]
    if run.cpu is not None and component == "cpu":
        return _cpu(run, run.cpu, footprint)
    return _memory(run, run.cpu, footprint) if run.cpu is not None and component == "memory" else ()


def energy(value_kwh: float, unit: text.Unit) -> str:
    """An energy with all the digits that a calculation needs: `43.3125 J`."""
    return f"{number(value_kwh / unit[1])} {unit[0]}"


def number(value: float) -> str:
    """A number with all the digits that a calculation needs."""
    return text.number(value, DIGITS)


def _accelerator(one: DeviceEnergy, run: Run, footprint: Footprint) -> Iterable[Term]:
    """What a meter read times the middle of its error, or for a run too short for the meter, rated power x prior x time."""
    name = text.clean(one.device.id)
    if one.energy_j is not None and one.read_s >= SENSOR_PERIOD_S:
        if error := _used(footprint, ref.meter_error(one.device.meter)):
            yield Term(name, f"{number(one.energy_j)} J read × {number(error.central)}", kwh_from_j(one.energy_j * error.central))
        return
    rated = _used(footprint, ref.accelerator_power(ref.find_accelerator(one.device.name)))
    if rated is not None:
        used = None if rated.basis == "mean" else _used(footprint, ref.utilisation(run.kind))
        power_w = rated.central * (used.central if used else 1.0)
        share = f" × {number(used.central)}" if used else ""
        product = f"{number(rated.central)} W{share} × {number(run.duration_s)} s"
        yield Term(name, product, device_energy_kwh(h_from_s(run.duration_s), Quantity(power_w)).central)


def _cpu(run: Run, cpu: CpuTime, footprint: Footprint) -> Iterable[Term]:
    power, policy = ref.cpu_power(run.host), footprint.attribution or "share"
    idle, active = _used(footprint, power.idle_w_per_cpu), _used(footprint, power.active_w_per_cpu)
    if idle is None or active is None:
        return
    idle_part = cpu_energy_kwh(cpu, Quantity(idle.central), Quantity(0.0), policy)
    active_part = cpu_energy_kwh(cpu, Quantity(0.0), Quantity(active.central), policy)
    cpus, busy_s = counted(cpu, policy)
    if idle_part is None or active_part is None or busy_s is None:
        return
    idle_product = f"{number(idle.central)} W/CPU × {number(cpus)} CPUs × {number(cpu.read_s)} s"
    yield Term("CPU idle", idle_product, idle_part.central)
    yield Term("CPU active", f"{number(active.central)} W/CPU × {number(busy_s)} CPU-s", active_part.central)


def _memory(run: Run, cpu: CpuTime, footprint: Footprint) -> Iterable[Term]:
    factor = _used(footprint, ref.memory_power())
    if factor is None or run.host.memory_bytes is None:
        return
    cpus, _ = counted(cpu, footprint.attribution or "share")
    share = min(1.0, cpus / cpu.logical_cpus)
    gb = run.host.memory_bytes / BYTES_PER_GB
    product = f"{number(factor.central)} W/GB × {number(gb)} GB × {number(cpu.read_s)} s × {number(100 * share)} %"
    yield Term("memory", product, memory_energy_kwh(gb, Quantity(factor.central), cpu.read_s, share).central)


def _used(footprint: Footprint, factor: Factor | None) -> Factor | None:
    """A factor as the footprint was made with it; None if it was not."""
    return next((one for one in footprint.factors if factor is not None and one.id == factor.id), None)
