"""Watts, counts and times to energy, where energy itself was not read.

The host model is linear in CPU-seconds, so that the totals of a run suffice and no load curve has to be kept: a logical CPU draws
`idle_w` for as long as it is there, and `active_w` more for each second that it is busy. Real curves are concave: at half load
a server draws more than the middle of idle and full. The factor's range carries that error.
"""

from __future__ import annotations

from typing import NamedTuple

from footprint.accounting.ranges import Quantity
from footprint.model import Attribution, CpuTime
from footprint.units import S_PER_H, W_PER_KW, kwh_from_j


def device_energy_kwh(device_hours: float, power_w: Quantity) -> Quantity:
    """Energy of devices that draw `power_w` watts each for `device_hours` hours in sum, kWh."""
    return power_w * (device_hours / W_PER_KW)


def counted(cpu: CpuTime, attribution: Attribution) -> tuple[float, float | None]:
    """What a policy counts of the machine: its CPUs, and busy CPU-seconds (None where they are not known).

    Args:
        cpu: the run's CPU times.
        attribution: `share`: the CPUs reserved to the run, and its own tree's activity; `machine`: all of the machine.
    """
    if attribution == "share":
        return min(cpu.reserved_cpus, float(cpu.logical_cpus)), cpu.tree_s
    # A tree's time is known to the nanosecond, the machine's to a clock tick: never less than the part of it we saw.
    return float(cpu.logical_cpus), None if cpu.busy_s is None else max(cpu.busy_s, cpu.tree_s)


class CpuEnergy(NamedTuple):
    """The two terms of the linear model, kWh, and the part of the busy CPU-seconds that was counted."""

    idle: Quantity
    active: Quantity
    busy_ratio: float


def cpu_energy_kwh(
    cpu: CpuTime,
    idle_w: Quantity,
    active_w: Quantity,
    attribution: Attribution,
    *,
    reserved_ratio: float = 1.0,
    busy_ratio: float = 1.0,
) -> CpuEnergy | None:
    """Energy of a run's CPUs by the linear model, kWh.

    Args:
        cpu: the run's CPU times.
        idle_w: watts of one idle logical CPU.
        active_w: watts that one busy logical CPU draws above idle.
        attribution: whose idle power and activity, see `counted`.
        reserved_ratio: the part of the idle power that counts, in a sum of runs that overlapped.
        busy_ratio: the part of the activity that counts.

    Returns:
        None where the machine's busy time is asked for and was not readable.
    """
    cpus, busy_s = counted(cpu, attribution)
    if busy_s is None:
        return None
    idle = idle_w * kwh_from_j(cpus * cpu.read_s * reserved_ratio)
    return CpuEnergy(idle, active_w * kwh_from_j(busy_s * busy_ratio), busy_ratio)


def memory_energy_kwh(memory_gb: float, power_w_per_gb: Quantity, time_s: float, reserved_ratio: float) -> Quantity:
    """Energy of installed memory over a time, the share that goes with the run's reserved CPUs, kWh."""
    return power_w_per_gb * (memory_gb * reserved_ratio * time_s / S_PER_H / W_PER_KW)
