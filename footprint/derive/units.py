"""What one unit of each amount comes to: the polynomials by which sums over runs of one factor key are multiplied.

The footprint of a regular run (`ledger.factor_key`) is linear in what is summed over runs. What a unit of each amount gives is
found by the derivation of runs itself, of a run that has one unit of this amount and nothing of the others, so that there is one
place where formulas stand. Energy and place come apart: what a kilowatt-hour of IT equipment comes to is the same for all work at
one place in one year.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

import footprint.reference as ref
from footprint.accounting.ranges import Quantity, Term, total
from footprint.derive import beyond
from footprint.derive.accelerators import accelerators
from footprint.derive.case import Case
from footprint.derive.host import host
from footprint.derive.working import Working
from footprint.ledger.factor_key import DeviceClass, device_class
from footprint.model import Attribution, ComponentName, CpuTime, DeviceEnergy, Run
from footprint.units import BYTES_PER_GB

# So large that no floor and no mean power limits what the factor says of idle power.
_HUGE_J: Final = 1e15
_UNIT_J: Final = 1e6
HOST_AMOUNTS: Final = (
    "idle_s", "active_s", "cpu_j", "cpu_w", "cpu_reserved_s", "cpu_dynamic_s", "memory_j", "memory_w", "memory_reserved_s",
    "memory_dynamic_s",
)  # fmt: skip
"""The amounts of a run's host, as `factor_groups.sql` sums them."""


class Unit(NamedTuple):
    """What one unit of an amount comes to in one component: kWh of IT equipment.

    `amount` is the name of the sum, of a device's class where `of` is one; `own` the component whose device errs in it.
    """

    amount: str
    of: DeviceClass | None
    component: ComponentName
    own: str
    energy: Quantity


class Limit(NamedTuple):
    """The most idle power that the factor allows for, W: a run that read less than this is derived by itself."""

    cpu_w: float | None
    memory_w: float | None


class Units(NamedTuple):
    """The units of one factor key's work. `whole` is the example's own sheet up to its place: what is unknown of it is of all.

    `making` is what a second of each class of accelerators comes to, g; None where it is not known.
    """

    whole: Working
    energy: tuple[Unit, ...]
    making: Mapping[DeviceClass, Quantity] | None
    limit: Limit


class There(NamedTuple):
    """What a kWh of IT equipment comes to at a place in a year; None where it is not known."""

    whole: Working
    facility: Quantity
    emissions: Quantity | None
    emissions_market: Quantity | None
    emissions_direct: Quantity | None
    water: Quantity | None
    water_onsite: Quantity | None
    water_offsite: Quantity | None


def there(run: Run) -> There:
    """What a kWh comes to where and when a run ran."""
    work = Working()
    work.it = Quantity(1.0)
    work.locate(run.place, datetime.fromisoformat(run.started_at).year, run=run.id)
    beyond.water_of(work)
    assert work.facility is not None, "the energy is known"
    return There(
        work, work.facility, work.emissions, work.emissions_market, work.emissions_direct,
        work.water, work.water_onsite, work.water_offsite,
    )  # fmt: skip


def units(example: Run, attribution: Attribution) -> Units:
    """The units of the runs that are derived as this one is."""
    whole = Working(attribution=attribution)
    case = Case(work=whole, run=example, attribution=attribution)
    accelerators(case)
    host(case)
    whole.sum_parts()
    beyond.making_of(case)
    classes: dict[DeviceClass, DeviceEnergy] = {}
    for one in example.devices:
        if one.device.component == "accelerators":
            classes.setdefault(device_class(one), one)
    found: list[Unit] = []
    # A known part of a run whose sum is not known is in no sum, and still known.
    if any(part is not None for name, part in whole.parts.items() if name != "accelerators"):
        found += _of_host(example, attribution)
    if whole.parts.get("accelerators") is not None:
        for kind, one in classes.items():
            found += _of_accelerator(example, kind, one, attribution)
    making = None
    if whole.embodied is not None:
        making = {kind: _making(example, one, attribution) for kind, one in classes.items()}
    return Units(whole, tuple(found), making, _limit(example, attribution))


# -- The host ----------------------------------------------------------------------------------------------------------


def _of_host(example: Run, attribution: Attribution) -> list[Unit]:
    cpu = example.cpu
    found: list[Unit] = []
    if cpu is not None:
        all_of_it = float(cpu.logical_cpus)
        found += _parts("idle_s", _host_of(example, attribution, _times(cpu, 0.0, 1.0, all_of_it)))
        found += _parts("active_s", _host_of(example, attribution, _times(cpu, 1.0, 0.0, all_of_it)))
    for name in ("cpu", "memory"):
        read = _read(example, attribution, name)
        if not read:
            continue
        busy = None if cpu is None else _times(cpu, 1.0, 0.0, float(cpu.logical_cpus))
        joules = _host_of(example, attribution, busy, {read[0].device.id: _UNIT_J})
        steady, lagging = _lag_apart(joules, read[0])
        found += _parts(f"{name}_j", steady, 1 / _UNIT_J)
        found += _parts(f"{name}_w", lagging, read[0].read_s / _UNIT_J)
        if cpu is not None and cpu.busy_s is not None and attribution == "share":
            idle = _times(cpu, 0.0, 0.0, float(cpu.logical_cpus))
            read_s = min(one.read_s for one in read)
            seconds = _host_of(example, attribution, idle, {read[0].device.id: _HUGE_J})
            found += _parts(f"{name}_reserved_s", seconds, 1 / read_s)
            found += _parts(f"{name}_dynamic_s", seconds, -1 / read_s)
    return found


def _read(example: Run, attribution: Attribution, component: ComponentName) -> list[DeviceEnergy]:
    """The devices of a component of the host, if all of them were read for long enough to tell something."""
    case = Case(work=Working(), run=example, attribution=attribution)
    there = [one for one in case.devices(component) if one.device.grade != "model" or one.energy_j is not None]
    return there if all(case.metered(one) is not None for one in there) else []


def _times(cpu: CpuTime, active_s: float, read_s: float, reserved: float) -> CpuTime:
    """CPU times of which one thing is known; what could not be read stays so."""
    return msgspec.structs.replace(
        cpu,
        tree_s=active_s,
        busy_s=None if cpu.busy_s is None else active_s,
        reserved_cpus=reserved,
        read_s=read_s,
        tree_course=(),
        busy_course=(),
    )


def _host_of(
    example: Run, attribution: Attribution, cpu: CpuTime | None, energies_j: Mapping[str, float] | None = None
) -> dict[ComponentName, Quantity]:
    """The components of the host, where it had these times, and its devices these joules and no others."""
    given = energies_j or {}
    devices = tuple(
        one
        if one.energy_j is None
        else msgspec.structs.replace(one, energy_j=given.get(one.device.id, 0.0), floor_w=None, course=())
        for one in example.devices
    )
    run = msgspec.structs.replace(example, cpu=cpu, devices=devices)
    return _worked(run, attribution, host)


def _worked(run: Run, attribution: Attribution, part: Callable[[Case], None]) -> dict[ComponentName, Quantity]:
    case = Case(work=Working(attribution=attribution), run=run, attribution=attribution)
    part(case)
    return {name: _without_zeros(energy) for name, energy in case.work.parts.items() if energy is not None}


def _without_zeros(quantity: Quantity) -> Quantity:
    return Quantity(terms={term: amount for term, amount in quantity.terms.items() if amount})


def _parts(amount: str, energies: Mapping[ComponentName, Quantity], scale: float = 1.0) -> list[Unit]:
    own = "memory" if amount.startswith("memory") else "cpu"
    return [
        # What a modelled host draws while idle is of its CPU and of its memory, which err apart.
        Unit(amount, None, name, "memory" if amount == "idle_s" and name == "memory" else own, energy * scale)
        for name, energy in energies.items()
        if energy.terms and any(energy.terms.values())
    ]


def _lag_apart(
    energies: Mapping[ComponentName, Quantity], one: DeviceEnergy
) -> tuple[dict[ComponentName, Quantity], dict[ComponentName, Quantity]]:
    """What a reading comes to without its sensor's lag, and what that lag adds: this grows with power, not with energy."""
    try:
        family = ref.meter_lag(one.device.meter, grade=one.device.grade).error_family
    except KeyError:
        return dict(energies), {}
    steady: dict[ComponentName, Quantity] = {}
    lagging: dict[ComponentName, Quantity] = {}
    for name, energy in energies.items():
        with_lag = {term for term in energy.terms if _has(term, family)}
        steady[name] = Quantity(terms={term: amount for term, amount in energy.terms.items() if term not in with_lag})
        lagging[name] = Quantity(terms={term: amount for term, amount in energy.terms.items() if term in with_lag})
    return steady, lagging


def _has(term: Term, family: str) -> bool:
    return any(variable.key.split("\x1f")[0] == family for variable in term)


def _limit(example: Run, attribution: Attribution) -> Limit:
    cpu = example.cpu
    if attribution == "machine" or cpu is None or cpu.busy_s is None:
        return Limit(None, None)
    gb = (example.host.memory_bytes or 0) / BYTES_PER_GB
    return Limit(
        ref.package_idle(example.host).high * cpu.logical_cpus if _read(example, attribution, "cpu") else None,
        ref.memory_power(example.host).high * gb if _read(example, attribution, "memory") else None,
    )


# -- Accelerators ------------------------------------------------------------------------------------------------------


def _of_accelerator(example: Run, kind: DeviceClass, one: DeviceEnergy, attribution: Attribution) -> list[Unit]:
    alone = msgspec.structs.replace(one, energy_j=None if one.energy_j is None else _UNIT_J, floor_w=None, course=())
    run = msgspec.structs.replace(example, devices=(alone,))
    energies = _worked(run, attribution, accelerators)
    case = Case(work=Working(attribution=attribution), run=run, attribution=attribution)
    if case.metered(alone) is not None:
        steady, lagging = _lag_apart(energies, alone)
        ways: Sequence[tuple[str, dict[ComponentName, Quantity], float]] = (
            ("energy_j", steady, 1 / _UNIT_J),
            ("power_w", lagging, one.read_s / _UNIT_J),
        )
    elif one.device.grade == "model":
        ways = (("read_s", energies, 1 / one.read_s if one.read_s else 0.0),)
    else:
        ways = (("run_s", energies, 1 / run.duration_s if run.duration_s else 0.0),)
    return [
        Unit(amount, kind, "accelerators", one.device.id, energies["accelerators"] * scale)
        for amount, energies, scale in ways
        if energies.get("accelerators") is not None and any(energies["accelerators"].terms.values())
    ]


def _making(example: Run, one: DeviceEnergy, attribution: Attribution) -> Quantity:
    """What a second with one such accelerator comes to, g; nothing of one that the run never held."""
    hour_s = 3600.0
    run = msgspec.structs.replace(example, devices=(one,), duration_s=hour_s)
    work = Working(attribution=attribution)
    beyond.making_of(Case(work=work, run=run, attribution=attribution))
    return total(()) if work.embodied is None else work.embodied * (1 / hour_s)
