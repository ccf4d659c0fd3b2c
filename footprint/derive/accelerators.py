"""The energy of a run's accelerators: what their meters read of those that the run held, or what a chip's rated power gives."""

from __future__ import annotations

from typing import NamedTuple

import footprint.reference as ref
from footprint import text
from footprint.accounting.power import device_energy_kwh
from footprint.accounting.ranges import Quantity, total
from footprint.derive.case import GAP_RATIO, OTHERS_PERIOD_S, Case, Power, cited, lowered, number, period_s, times
from footprint.derive.working import weakest
from footprint.errors import UnknownHardware
from footprint.model import Coverage, DeviceEnergy, Grade
from footprint.reference import HardwareMatch
from footprint.units import h_from_s


def accelerators(case: Case) -> None:
    """Work out the accelerators' part."""
    work, run = case.work, case.run
    if run.host.unmetered_accelerators:
        seen = ", ".join(run.host.unmetered_accelerators)
        _unknown(case, f"accelerators that no meter can read: {seen}; `footprint doctor` says what to do")
        return
    there = case.devices("accelerators")
    if not there and not run.host.os.startswith("Linux"):
        _unknown(case, f"accelerators cannot be listed on {run.host.os}")
        return
    devices = of_the_run(case, there)
    if not devices:
        # The bus was listed and holds none, or the run held none: a zero that somebody knows.
        work.add_part("accelerators", Quantity(0.0), "counter")
        return
    energies = [_accelerator(case, one) for one in devices]
    known = [energy for energy in energies if energy is not None]
    complete = len(known) == len(energies)
    grade = weakest([_grade(case, one) for one in devices])
    work.add_part("accelerators", total(known) if complete else None, grade)
    ratio = min(case.covered(one.read_s) for one in devices)
    work.coverage.append(Coverage(component="accelerators", grade=grade if complete else None, read_ratio=ratio))
    if complete and ratio < 1 - GAP_RATIO and run.duration_s > OTHERS_PERIOD_S:
        work.warn(f"accelerators were read for {ratio:.0%} of the time; the energy of the rest is not counted")


class HostWithin(NamedTuple):
    """Why the host is in the accelerators' energy already, and whether its memory is, too."""

    why: str
    memory: bool


def host_within(case: Case) -> HostWithin | None:
    """Whether the host is in the accelerators' energy already; null where it is not.

    Published power of some TPUs includes the host's, and the sensor of a chip that has processors on it (AMD's MI300A, an APU)
    reads them, too.
    """
    devices = of_the_run(case, case.devices("accelerators"), say=False)
    if any("memory" in one.device.contains for one in devices):
        return HostWithin("the accelerators' sensors read the processors and memory on their chips", memory=True)
    if any("cpu" in one.device.contains for one in devices):
        return HostWithin("the accelerator's sensor reads the processor on its chip", memory=False)
    matches = [known_accelerator(one.device.name) for one in devices if one.device.grade == "model"]
    if any(match is not None and match.power_scope != "chip" for match in matches):
        return HostWithin("the published power of the accelerators includes their host", memory=True)
    return None


def _unknown(case: Case, warning: str) -> None:
    case.work.miss("accelerators", warning)
    case.work.add_part("accelerators", None, "assumed")
    case.work.coverage.append(Coverage(component="accelerators", grade=None, read_ratio=0.0))


def of_the_run(case: Case, devices: list[DeviceEnergy], *, say: bool = True) -> list[DeviceEnergy]:
    """The devices that count: all of the machine's, or those that the run held as far as that is known."""
    if case.attribution == "machine":
        return devices
    held = [one for one in devices if one.held_ratio != 0]
    left = [one.device.id for one in devices if one.held_ratio == 0]
    if say and left:
        what = text.plural(len(left), "visible accelerator was", "visible accelerators were")
        case.work.warn(f"{what} never held by the run and not counted: {', '.join(left)} (--attribution machine counts them)")
    shared = [one.device.id for one in held if one.others]
    if say and shared:
        case.work.warn(
            f"other programs held {', '.join(shared)} during the run, too: the whole of it is counted here, and once in a sum"
        )
    return held


def _grade(case: Case, one: DeviceEnergy) -> Grade:
    """How a device's part is known: as it was read, one grade less where nobody could tell who held it."""
    grade = one.device.grade
    if grade in {"counter", "power"} and one.read_s < period_s(one.device):
        return "assumed"
    if case.attribution == "share" and one.device.slices is not None:
        return "assumed"
    if case.attribution == "share" and one.held_ratio is None and grade in {"counter", "power"}:
        return lowered(grade)
    return grade


def _accelerator(case: Case, one: DeviceEnergy) -> Quantity | None:
    """One accelerator's energy, kWh: its meter's; for a chip without one, or too short a run, rated power x prior x time."""
    device, work, run = one.device, case.work, case.run
    part = case.portion.of(device.id)
    if device.slices is not None and case.attribution == "share":
        ours, whole = device.slices
        work.warn(
            f"the run had {ours} of the {whole} slices of {device.id}, which have no reading of their own: "
            "its share of the whole is an estimate"
        )
        factor = ref.mig_share(ours, whole)
        share, shares = work.use(factor, run=run.id) * part, f" × {cited(factor)}{times(part)}"
    else:
        share, shares = Quantity(part), times(part)
    name = text.clean(device.id)
    if (read := case.metered(one)) is not None:
        return work.term("accelerators", name, f"{read.product}{shares}", read.energy * share)
    if device.grade == "model" or run.duration_s < period_s(device):
        power = _rated_power(case, device.name, case.own(device.id))
        if power is not None:
            if device.grade != "model":
                sensor = f"the sensor's period of {period_s(device):g} s"
                work.warn(f"the run is shorter than {sensor}: its GPU energy is an estimate")
            time_s = one.read_s if device.grade == "model" else run.duration_s
            product = f"{power.product} × {number(time_s)} s{shares}"
            return work.term("accelerators", name, product, device_energy_kwh(h_from_s(time_s), power.watts) * share)
        work.miss("accelerators", f"the power of {device.name} ({device.id}) is not published: its energy is unknown")
        return None
    work.miss("accelerators", f"no reading of {device.name} ({device.id}) covers the run")
    return None


def known_accelerator(name: str) -> HardwareMatch | None:
    """What a driver's name of an accelerator means; None where it is not known."""
    try:
        return ref.find_accelerator(name)
    except UnknownHardware:
        return None


def _rated_power(case: Case, name: str, own: str) -> Power | None:
    """A chip's power while it works, W, as it is published."""
    match = known_accelerator(name)
    rated = ref.accelerator_power(match) if match else None
    if rated is None:
        return None
    watts = case.work.use(rated, run=case.run.id, device=own)
    if rated.basis == "mean":
        return Power(watts, cited(rated, "W"))
    used = ref.utilisation(case.run.kind)
    return Power(watts * case.work.use(used, run=case.run.id), f"{cited(rated, 'W')} × {cited(used)}")
