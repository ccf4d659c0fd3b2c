"""A measured run to its footprint."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import footprint.reference as ref
from footprint.accounting.power import counted, cpu_energy_kwh, device_energy_kwh, memory_energy_kwh
from footprint.accounting.ranges import Quantity, total
from footprint.derive.working import Working, weakest
from footprint.errors import UnknownHardware
from footprint.model import Attribution, Coverage, DeviceEnergy, Run
from footprint.units import BYTES_PER_GB, h_from_s, kwh_from_j

# NVML refreshes its counters about every 20 to 100 ms (arXiv 2312.02741): over less than that, a reading of zero is no zero.
SENSOR_PERIOD_S: Final = 0.1
# From here on the sensor's period no longer shows beside its error of 5 %.
LONG_S: Final = 10.0
# A reading is worth a word when more than this share of the run's time is missing from it.
GAP_RATIO: Final = 0.02


def derive_run(run: Run, attribution: Attribution = "share") -> Working:
    """Work out a run's footprint; see `run_footprint`."""
    work = Working(attribution=attribution)
    work.warn(*run.warnings)
    _accelerators(work, run)
    _cpu(work, run, attribution)
    _memory(work, run, attribution)
    _rest(work, run)
    work.sum_parts()
    work.locate(run.place, datetime.fromisoformat(run.started_at).year, run=run.id)
    return work


def _own(run: Run, device_id: str) -> str:
    """A device's name among all machines, so that its error is one error in all its runs."""
    return f"{run.host.name}/{device_id}"


def _covered(read_s: float, run: Run) -> float:
    """The share of the run's time that was read; a run of no length is wholly read."""
    return min(1.0, read_s / run.duration_s) if run.duration_s > 0 else 1.0


def _accelerators(work: Working, run: Run) -> None:
    devices = [d for d in run.devices if d.device.component == "accelerators"]
    if run.host.unmetered_accelerators:
        seen = ", ".join(run.host.unmetered_accelerators)
        work.miss("accelerators", f"accelerators that no meter can read: {seen}; `footprint doctor` says what to do")
        work.add_part("accelerators", None, "assumed")
        work.coverage.append(Coverage(component="accelerators", grade=None, read_ratio=0.0))
        return
    if not devices:
        # The bus was listed and no accelerator is on it: a zero that somebody knows. Elsewhere nobody looked.
        if run.host.os.startswith("Linux"):
            work.add_part("accelerators", Quantity(0.0), "counter")
        else:
            work.miss("accelerators", f"accelerators cannot be listed on {run.host.os}")
            work.add_part("accelerators", None, "assumed")
            work.coverage.append(Coverage(component="accelerators", grade=None, read_ratio=0.0))
        return
    energies = [_accelerator(work, run, d) for d in devices]
    known = [e for e in energies if e is not None]
    complete = len(known) == len(energies)
    grade = weakest([d.device.grade if d.read_s >= SENSOR_PERIOD_S else "assumed" for d in devices])
    work.add_part("accelerators", total(known) if complete else None, grade)
    ratio = min(_covered(d.read_s, run) for d in devices)
    work.coverage.append(Coverage(component="accelerators", grade=grade if complete else None, read_ratio=ratio))
    if complete and ratio < 1 - GAP_RATIO and run.duration_s > SENSOR_PERIOD_S:
        work.warn(f"accelerators were read for {ratio:.0%} of the time; the energy of the rest is not counted")


def _accelerator(work: Working, run: Run, reading: DeviceEnergy) -> Quantity | None:
    """One accelerator's energy, kWh: its meter's, or for a run too short for the meter, rated power x prior x time."""
    device = reading.device
    own = _own(run, device.id)
    if reading.energy_j is not None and reading.read_s >= SENSOR_PERIOD_S:
        energy = work.use(ref.meter_error(device.meter), device=own) * kwh_from_j(reading.energy_j)
        if reading.read_s < LONG_S:
            energy += work.use(ref.meter_lag(device.meter), run=run.id) * kwh_from_j(reading.energy_j / reading.read_s)
        return energy
    if run.duration_s < SENSOR_PERIOD_S:
        power = _rated_power(work, run, device.name, own)
        if power is not None:
            work.warn(f"the run is shorter than the sensor's period of {SENSOR_PERIOD_S:g} s: its GPU energy is an estimate")
            return device_energy_kwh(h_from_s(run.duration_s), power)
    work.miss("accelerators", f"no reading of {device.name} ({device.id}) covers the run")
    return None


def _rated_power(work: Working, run: Run, name: str, own: str) -> Quantity | None:
    try:
        rated = ref.accelerator_power(ref.find_accelerator(name))
    except UnknownHardware:
        return None
    if rated is None:
        return None
    watts = work.use(rated, run=run.id, device=own)
    return watts if rated.basis == "mean" else watts * work.use(ref.utilisation(run.kind), run=run.id)


def _cpu(work: Working, run: Run, attribution: Attribution) -> None:
    if run.cpu is None:
        work.miss("cpu", f"CPU time could not be read on {run.host.os}")
        work.add_part("cpu", None, "assumed")
        work.coverage.append(Coverage(component="cpu", grade=None, read_ratio=0.0))
        return
    power = ref.cpu_power(run.host)
    work.warn(*power.warnings)
    own = _own(run, "cpu")
    idle_w, active_w = work.use(power.idle_w_per_cpu, device=own), work.use(power.active_w_per_cpu, device=own)
    energy = cpu_energy_kwh(run.cpu, idle_w, active_w, attribution)
    if energy is None:
        work.miss("cpu", "the machine's busy time could not be read; the run's own share can be shown (--attribution share)")
    work.add_part("cpu", energy, power.grade)
    ratio = _covered(run.cpu.read_s, run)
    work.coverage.append(Coverage(component="cpu", grade=power.grade if energy else None, read_ratio=ratio))
    if ratio < 1 - GAP_RATIO:
        work.warn(f"the CPU was read for {ratio:.0%} of the time; the energy of the rest is not counted")


def _memory(work: Working, run: Run, attribution: Attribution) -> None:
    if run.host.memory_bytes is None or run.cpu is None:
        work.miss("memory", f"the installed memory could not be read on {run.host.os}" if run.cpu else None)
        work.add_part("memory", None, "assumed")
        work.coverage.append(Coverage(component="memory", grade=None, read_ratio=0.0))
        return
    cpus, _ = counted(run.cpu, attribution)
    reserved_ratio = min(1.0, cpus / run.cpu.logical_cpus)
    power_w_per_gb = work.use(ref.memory_power(), device=_own(run, "memory"))
    gb = run.host.memory_bytes / BYTES_PER_GB
    work.add_part("memory", memory_energy_kwh(gb, power_w_per_gb, run.cpu.read_s, reserved_ratio), "model")
    work.coverage.append(Coverage(component="memory", grade="model", read_ratio=_covered(run.cpu.read_s, run)))


def _rest(work: Working, run: Run) -> None:
    """What nobody reads: the CPU's model holds a server's supplies and fans as far as they serve it, not its accelerators."""
    if any(d.device.component == "accelerators" for d in run.devices):
        work.coverage.append(Coverage(component="rest", grade=None, read_ratio=0.0))
        work.warn("power supplies, fans and switches are not read: what they draw for the accelerators is not counted")
