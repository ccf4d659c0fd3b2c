"""The energy of a run's host: CPU, memory, and the rest of the server, as far as somebody reads or models it.

Three depths of knowledge, strongest first:

- *Counters of CPU packages and memory (RAPL), power of sockets (hwmon).* They see the chips alone, so the rest of the server
  (board, fans, disks, supply) is added: what a meter of the whole machine reads beyond its parts, else by a factor.
- *A meter of the whole machine* without counters of the CPU: what it reads beyond accelerators and memory is the CPU's and
  the rest's.
- *A model* from CPU-seconds, which holds all of a server but its memory and accelerators.

Whose joules: the policy `machine` counts all. `share` counts, of what is read, idle power by the CPUs that are reserved to the
run, and what exceeds it by the run's part of the machine's CPU-seconds; what is nobody's stays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

import footprint.reference as ref
from footprint.accounting.power import counted, cpu_energy_kwh, memory_energy_kwh
from footprint.accounting.ranges import Quantity, draw, total
from footprint.derive.accelerators import host_within, known_accelerator
from footprint.derive.case import GAP_RATIO, OTHERS_PERIOD_S, Case, Power, cited, number, times
from footprint.derive.working import weakest
from footprint.model import ComponentName, Coverage, CpuTime, DeviceEnergy, Factor, Grade
from footprint.reference.triples import MAX_SIDES_RATIO
from footprint.units import BYTES_PER_GB, j_from_kwh, kwh_from_j

_WHO: Final[dict[ComponentName, str]] = {"cpu": "CPU", "memory": "memory"}


class Whole(NamedTuple):
    """What was read of a component of the whole machine, kWh: with its product, grade, floor (W) and devices."""

    energy: Quantity
    product: str
    grade: Grade
    floor_w: float | None
    devices: Sequence[DeviceEnergy]


def host(case: Case) -> None:
    """Work out the parts of CPU, memory and rest."""
    work, cpu = case.work, case.run.cpu
    if (within := host_within(case)) is not None:
        work.warn(f"{within.why}: {'CPU and memory are' if within.memory else 'the CPU is'} not added again")
        if cpu is not None and not within.memory:
            _modelled_memory(case, cpu)
        return
    chips, dram = _read(case, "cpu"), _read(case, "memory")
    if cpu is None:
        _without_times(case, {"cpu": chips, "memory": dram})
        return
    left = _whole_machine(case, chips, dram)
    if chips is not None:
        _split(case, cpu, "cpu", chips, idle=ref.package_idle(case.run.host), units=cpu.logical_cpus)
    elif left is not None:
        _split(case, cpu, "cpu", left, idle=ref.cpu_power(case.run.host).idle_w_per_cpu, units=cpu.logical_cpus)
    else:
        _modelled_cpu(case, cpu)
    if dram is not None:
        gb = (case.run.host.memory_bytes or 0) / BYTES_PER_GB
        _split(case, cpu, "memory", dram, idle=ref.memory_power(case.run.host), units=gb)
    else:
        _modelled_memory(case, cpu)
    if chips is not None:
        _rest(case, cpu, left)
    sees_all = left is not None and "accelerators" in left.devices[0].device.contains
    if not sees_all and any(one.component == "accelerators" for one in work.coverage):
        work.warn("power supplies, fans and switches are not read: what they draw for the accelerators is not counted")
        if chips is None and left is None:
            work.coverage.append(Coverage(component="rest", grade=None, read_ratio=0.0))


def _add(case: Case, component: ComponentName, energy: Quantity | None, grade: Grade, ratio: float) -> None:
    case.work.add_part(component, energy, grade)
    case.work.coverage.append(
        Coverage(
            component=component, grade=grade if energy is not None else None, read_ratio=ratio if energy is not None else 0.0
        )
    )


# -- What is read ------------------------------------------------------------------------------------------------------


def _read(case: Case, component: ComponentName) -> Whole | None:
    """A component as its own meters read it: all of its devices or none of it."""
    devices = [one for one in case.devices(component) if one.device.grade != "model" or one.energy_j is not None]
    whole = _sum(case, devices)
    if devices and whole is None:
        case.work.warn(f"the meters of the {_WHO[component]} told nothing in this run: it is modelled")
    return whole


def _sum(case: Case, devices: Sequence[DeviceEnergy]) -> Whole | None:
    metered = [case.metered(one) for one in devices]
    if not metered or any(one is None for one in metered):
        return None
    known = [one for one in metered if one is not None]
    floors_w = [one.floor_w for one in devices]
    return Whole(
        total(one.energy for one in known),
        known[0].product if len(known) == 1 else f"({' + '.join(one.product for one in known)})",
        weakest([one.device.grade for one in devices]),
        sum(floor_w for floor_w in floors_w if floor_w is not None) if None not in floors_w else None,
        devices,
    )


def _whole_machine(case: Case, chips: Whole | None, dram: Whole | None) -> Whole | None:
    """What a meter of the whole machine reads beyond its accelerators, its memory, and its CPU where that is read by itself."""
    for one in case.devices("rest"):
        server = _sum(case, [one])
        if server is None or "cpu" not in one.device.contains:
            continue
        inside = _inside(case, one, chips, dram)
        known = total(part for part in inside if part is not None)
        left = server.energy + known * -1.0
        if None not in inside and left.central > 0:
            known_j = j_from_kwh(known.central)
            product = f"({server.product} − {number(known_j)} J known by itself)" if inside else server.product
            return server._replace(energy=left, product=product)
        case.work.warn(f"{one.device.name} ({one.device.id}) cannot be told apart from the devices inside it, and is left out")
    return None


def _inside(case: Case, machine: DeviceEnergy, chips: Whole | None, dram: Whole | None) -> list[Quantity | None]:
    """What of a machine's reading is known by itself; None stands for what is in it and not known for the same time."""
    contains, read_s, host = machine.device.contains, machine.read_s, case.run.host

    def at_that_time(energy: Quantity | None, devices: Sequence[DeviceEnergy]) -> Quantity | None:
        apart_s = max(abs(one.read_s - read_s) for one in devices)
        return energy if apart_s <= GAP_RATIO * read_s + OTHERS_PERIOD_S else None

    inside = [at_that_time(chips.energy, chips.devices)] if chips is not None else []
    if "memory" in contains:
        inside.append(at_that_time(dram.energy, dram.devices) if dram is not None else _memory_energy(case, read_s, 1.0))
    if "accelerators" in contains:
        there = case.devices("accelerators")
        inside += [at_that_time(read.energy if (read := case.metered(each)) else None, [each]) for each in there]
        if host.unmetered_accelerators or (host.accelerators or 0) > len(there):
            inside.append(None)
    return inside


def _without_times(case: Case, read: dict[ComponentName, Whole | None]) -> None:
    """Where the system tells no CPU times: what was read is the machine's, and nobody knows how much of it is the run's."""
    if case.run.tells_accelerators_alone and case.work.parts.get("accelerators") is not None:
        _by_overhead(case)
        return
    for name, whole in read.items():
        if whole is not None:
            _machines(case, name, whole)
        else:
            case.work.miss(name, f"CPU time could not be read on {case.run.host.os}" if name == "cpu" else None)
            _add(case, name, None, "assumed", 0.0)


def _by_overhead(case: Case) -> None:
    """The host of a run of which another tool read the accelerators alone: as beside declared ones, by an overhead factor."""
    work, energy = case.work, case.work.parts["accelerators"]
    assert energy is not None, "the caller has seen to it"
    overhead = ref.host_overhead(known_accelerator(case.devices("accelerators")[0].device.name))
    server = energy * work.use(overhead)
    product = f"({cited(overhead)} − 1) × {number(energy.central)} kWh of accelerators"
    mine = work.term("rest", "host", product, server + energy * -1.0, "kWh")
    _add(case, "rest", mine, "assumed", 1.0)
    work.warn(
        f"CPU and memory were not read: host and rest of the server are included by an overhead factor of {overhead.low:g} to "
        f"{overhead.high:g} times the accelerators' energy"
    )


def _machines(case: Case, component: ComponentName, whole: Whole) -> None:
    """All of what was read, where that is asked for, or where it was the run's alone (another tool's reading of its process)."""
    who, ratio = _WHO[component], min(case.covered(one.read_s) for one in whole.devices)
    alone = all(one.held_ratio == 1 and not one.others for one in whole.devices)
    if case.attribution == "machine" or alone:
        part = _portion(case, whole.devices)
        mine = case.work.term(component, who, f"{whole.product}{times(part)}", whole.energy * part)
        _add(case, component, mine, whole.grade, ratio)
        return
    told = f"the machine's busy time could not be read; all of the {who} can be shown (--attribution machine)"
    case.work.miss(component, told)
    _add(case, component, None, whole.grade, ratio)


def _split(case: Case, cpu: CpuTime, component: ComponentName, whole: Whole, *, idle: Factor, units: float) -> None:
    """The run's part of what was read of the machine: by the policy, idle and dynamic energy apart."""
    work, who = case.work, _WHO[component]
    ratio = min(case.covered(one.read_s) for one in whole.devices)
    if ratio < 1 - GAP_RATIO:
        work.warn(f"the {who} was read for {ratio:.0%} of the time; the energy of the rest is not counted")
    if case.attribution == "machine" or cpu.busy_s is None:
        _machines(case, component, whole)
        return
    read_s = min(one.read_s for one in whole.devices)
    idle_w = _idle(case, component, idle, units, whole)
    reserved_ratio = min(1.0, cpu.reserved_cpus / cpu.logical_cpus) * case.portion.reserved_ratio
    busy_s = max(cpu.busy_s, cpu.tree_s)
    tree_s = cpu.tree_s * case.portion.tree_ratio
    dynamic_ratio = tree_s / busy_s if tree_s > 0 else 0.0
    # idle x reserved + (read - idle) x activity, with the two terms of idle power put together
    apart_ratio = reserved_ratio - dynamic_ratio
    active = work.term(
        component,
        f"{who} by activity",
        f"{whole.product} × {number(tree_s)} CPU-s ÷ {number(busy_s or 1.0)} busy CPU-s",
        whole.energy * dynamic_ratio,
    )
    apart = work.term(
        component,
        f"{who} idle, reserved {number(reserved_ratio)} less active {number(dynamic_ratio)}{idle_w.note}",
        f"{idle_w.product} × {number(read_s)} s × {number(apart_ratio)}",
        idle_w.watts * kwh_from_j(read_s * apart_ratio),
    )
    _add(case, component, active + apart, whole.grade, ratio)


def _portion(case: Case, devices: Sequence[DeviceEnergy]) -> float:
    """What of some devices' energy counts in a sum, all together."""
    energies_j = [one.energy_j or 0.0 for one in devices]
    if not sum(energies_j):
        return 1.0
    return sum(case.portion.of(one.device.id) * energy_j for one, energy_j in zip(devices, energies_j, strict=True)) / sum(
        energies_j
    )


def _idle(case: Case, component: ComponentName, factor: Factor, units: float, whole: Whole) -> Power:
    """Idle watts of the whole machine's component: the factor times its units, within what was read.

    What a component drew over some second of the run, or over all of it, it cannot have exceeded while idle.
    """
    own = case.own(component)
    any_w = case.work.use(factor, device=own) * units
    mean_w = j_from_kwh(whole.energy.central) / min(one.read_s for one in whole.devices)
    most_w = mean_w if whole.floor_w is None else min(mean_w, whole.floor_w)
    low, central, high = factor.low * units, factor.central * units, factor.high * units
    if high <= most_w:
        return Power(any_w, f"{cited(factor, 'W')} × {number(units)} {'CPUs' if component == 'cpu' else 'GB'}")
    low, high = (low if low < most_w else 0.0), most_w
    central = min(max(central, low + (high - low) / (MAX_SIDES_RATIO + 1)), (low + high) / 2)
    within = msgspec.structs.replace(factor, low=low, central=central, high=high)
    return Power(draw(within, device=own), f"{number(central)} W", f" (no more than the {number(most_w)} W that were read)")


# -- What is modelled --------------------------------------------------------------------------------------------------


def _modelled_cpu(case: Case, cpu: CpuTime) -> None:
    work, portion = case.work, case.portion
    power = ref.cpu_power(case.run.host)
    work.warn(*power.warnings)
    own = case.own("cpu")
    idle_w, active_w = work.use(power.idle_w_per_cpu, device=own), work.use(power.active_w_per_cpu, device=own)
    parts = cpu_energy_kwh(
        cpu,
        idle_w,
        active_w,
        case.attribution,
        reserved_ratio=portion.reserved_ratio,
        busy_ratio=portion.tree_ratio if case.attribution == "share" else portion.busy_ratio,
    )
    ratio = case.covered(cpu.read_s)
    if parts is None:
        work.miss("cpu", "the machine's busy time could not be read; the run's own share can be shown (--attribution share)")
        _add(case, "cpu", None, power.grade, ratio)
        return
    cpus, busy_s = counted(cpu, case.attribution)
    assert busy_s is not None, "there would be no parts"
    idle, active = cited(power.idle_w_per_cpu, "W/CPU"), cited(power.active_w_per_cpu, "W/CPU")
    idle_product = f"{idle} × {number(cpus)} CPUs × {number(cpu.read_s)} s{times(portion.reserved_ratio)}"
    work.term("cpu", "CPU idle", idle_product, parts.idle)
    work.term("cpu", "CPU active", f"{active} × {number(busy_s)} CPU-s{times(parts.busy_ratio)}", parts.active)
    _add(case, "cpu", parts.idle + parts.active, power.grade, ratio)
    if ratio < 1 - GAP_RATIO:
        work.warn(f"the CPU was read for {ratio:.0%} of the time; the energy of the rest is not counted")


def _modelled_memory(case: Case, cpu: CpuTime) -> None:
    work, memory_bytes = case.work, case.run.host.memory_bytes
    if memory_bytes is None:
        work.miss("memory", f"the installed memory could not be read on {case.run.host.os}")
        _add(case, "memory", None, "assumed", 0.0)
        return
    cpus, _ = counted(cpu, case.attribution)
    reserved_ratio = min(1.0, cpus / cpu.logical_cpus) * case.portion.reserved_ratio
    energy = _memory_energy(case, cpu.read_s, reserved_ratio)
    assert energy is not None, "the memory's size is known"
    watts, gb = ref.memory_power(case.run.host), memory_bytes / BYTES_PER_GB
    product = f"{cited(watts, 'W/GB')} × {number(gb)} GB × {number(cpu.read_s)} s × {number(100 * reserved_ratio)} %"
    _add(case, "memory", work.term("memory", "memory", product, energy), "model", case.covered(cpu.read_s))


def _memory_energy(case: Case, time_s: float, reserved_ratio: float) -> Quantity | None:
    """The modelled memory's energy, kWh; None where its size is not known."""
    if case.run.host.memory_bytes is None:
        return None
    power_w_per_gb = case.work.use(ref.memory_power(case.run.host), device=case.own("memory"))
    return memory_energy_kwh(case.run.host.memory_bytes / BYTES_PER_GB, power_w_per_gb, time_s, reserved_ratio)


def _rest(case: Case, cpu: CpuTime, left: Whole | None) -> None:
    """Board, fans, disks and supply, which counters of chips do not see: by the machine's own meter, else by a factor."""
    work = case.work
    if left is not None:
        reserved_ratio = min(1.0, cpu.reserved_cpus / cpu.logical_cpus) * case.portion.reserved_ratio
        part = reserved_ratio if case.attribution == "share" else _portion(case, left.devices)
        mine = work.term("rest", "rest", f"{left.product}{times(part)}", left.energy * part)
        _add(case, "rest", mine, left.grade, min(case.covered(one.read_s) for one in left.devices))
        return
    factor = ref.host_rest()
    inside = total(energy for name in _WHO if (energy := work.parts.get(name)) is not None)
    product = f"{cited(factor)} × {number(j_from_kwh(inside.central))} J of CPU and memory"
    _add(case, "rest", work.term("rest", "rest", product, inside * work.use(factor, run=case.run.id)), "assumed", 1.0)
