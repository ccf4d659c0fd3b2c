"""What can be measured on this machine, and what stands in the way: the facts that `footprint doctor` tells."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from footprint import __version__, text
from footprint.errors import FootprintError
from footprint.model import Device, Factor, Grade, Host, Place, Range

if TYPE_CHECKING:
    from footprint.meters import OpenMeters

_LOOK_S = 0.5
_SENSORS_NAMED = 12
_TOOLS = {"nvml": "nvidia-smi", "amd": "amd-smi"}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not known here, or not as well as it could be, and the way to mend it."""

    about: str
    message: str
    remedy: str | None = None


class DeviceNow(msgspec.Struct, frozen=True, kw_only=True):
    """A device that a meter claims, and what it draws now where the meter can say."""

    id: str
    component: str
    name: str
    meter: str
    grade: Grade
    power_w: float | None


class CpuFactors(msgspec.Struct, frozen=True, kw_only=True):
    """What the CPU model multiplies with on this machine."""

    matched: str | None
    grade: Grade
    idle_w_per_cpu: Range
    active_w_per_cpu: Range
    reserved_cpus: float


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Where runs are recorded, and whether they can be."""

    home: str | None
    writable: bool


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """All that `footprint doctor` says."""

    footprint: str
    host: Host
    devices: tuple[DeviceNow, ...]
    cpu: CpuFactors | None
    place: Place | None
    ledger: Ledger
    recorder: str
    findings: tuple[Finding, ...]
    schema: int = 1


def diagnose() -> Diagnosis:
    """Look at the machine, for about half a second where there is a counter to watch. Never raises for what it finds."""
    from footprint.meters import open_meters
    from footprint.meters.host import read_host
    from footprint.recorder.process import can_spawn

    findings: list[Finding] = []
    opened = open_meters(drivers_in="process")  # a driver that hangs is what doctor is asked about
    try:
        host = read_host(opened.meters)
        devices = _look(opened, findings)
    finally:
        opened.close()
    findings += _sensor_findings(host, opened)
    findings += _accelerator_findings(host, opened.devices)
    cpu = _cpu(host, findings)
    place = _place(findings)
    ledger = _ledger(findings)
    recorder = "process" if can_spawn() else "thread"
    if recorder == "thread":
        findings.append(
            Finding(
                about="recorder",
                message="no recorder process can be started here: a thread of the program records, and ends with it",
                remedy="on Linux, with a plain Python, and not as the first process of a container: docker run --init",
            )
        )
    return Diagnosis(
        footprint=__version__,
        host=host,
        devices=devices,
        cpu=cpu,
        place=place,
        ledger=ledger,
        recorder=recorder,
        findings=tuple(findings),
    )


# -- What there is -----------------------------------------------------------------------------------------------------


def _look(opened: OpenMeters, findings: list[Finding]) -> tuple[DeviceNow, ...]:
    """Every device with its watts now: a counter's growth over a moment, or a power reading."""
    before = {sample.device_id: sample for sample in opened.read()}
    if any(sample.energy_j is not None for sample in before.values()):
        time.sleep(_LOOK_S)
    after = {sample.device_id: sample for sample in opened.read()}
    devices = []
    for device in opened.devices:
        begin, end = before.get(device.id), after.get(device.id)
        power_w = end.power_w if end is not None else None
        if begin is not None and end is not None and begin.energy_j is not None and end.energy_j is not None:
            power_w = (end.energy_j - begin.energy_j) / (end.t_s - begin.t_s)
        devices.append(DeviceNow(**_fields(device), power_w=power_w))
        if device.grade in {"counter", "power"} and not power_w:
            findings.append(
                Finding(
                    about=device.id,
                    message=f"{device.name} is there, but its {'counter stands still' if power_w == 0 else 'reading is missing'}",
                    remedy=f"see whether `{_TOOLS[device.meter]}` shows its power" if device.meter in _TOOLS else None,
                )
            )
    return tuple(devices)


def _fields(device: Device) -> dict[str, Any]:
    return {field: getattr(device, field) for field in ("id", "component", "name", "meter", "grade")}


def _sensor_findings(host: Host, opened: OpenMeters) -> list[Finding]:
    """What the meters say of themselves, and why the processor is modelled where it is."""
    from footprint.meters import hwmon, rapl_zones

    found = [("cpu", trouble) for trouble in rapl_zones.troubles()] + [("sensors", trouble) for trouble in hwmon.troubles()]
    findings = [Finding(about=about, message=trouble.message, remedy=trouble.remedy) for about, trouble in found]
    findings += [
        Finding(about="meters", message=warning)
        for warning in opened.warnings
        if not any(str(trouble) in warning for _, trouble in found)
    ]
    is_read = any(device.component == "cpu" and device.grade in {"counter", "power"} for device in opened.devices)
    if not is_read and not found:
        findings.append(_no_counter(host))
    if unused := hwmon.unused():
        more = f" and {len(unused) - _SENSORS_NAMED} more" if len(unused) > _SENSORS_NAMED else ""
        names = ", ".join(text.clean(name) for name in unused[:_SENSORS_NAMED])
        findings.append(
            Finding(
                about="sensors",
                message="power sensors that are seen and not used, for what they measure is not known or is part of what is "
                f"read: {names}{more}",
            )
        )
    return findings


def _no_counter(host: Host) -> Finding:
    is_x86 = host.os.endswith(("x86_64", "i686"))
    return Finding(
        about="cpu",
        message="this machine shows no energy counter of its CPU (RAPL), as virtual machines rarely do: the CPU is modelled",
        remedy="sudo modprobe intel_rapl_msr (Intel since 2011, AMD since Zen), or start a container with the host's /sys"
        if is_x86 and host.virtual is False
        else None,
    )


def _accelerator_findings(host: Host, devices: tuple[Device, ...]) -> list[Finding]:
    from footprint.meters.host import dormant

    findings = [
        Finding(
            about="accelerators",
            message=f"{name} can be used by programs here and cannot be read: its energy is unknown",
            remedy=_make_readable(name),
        )
        for name in host.unmetered_accelerators
    ]
    findings += [
        Finding(
            about="accelerators",
            message=f"{name} is on the bus, but no program here can use it: it has no driver, or this container was not given it",
            remedy="install its vendor's driver, or start the container with the device (docker run --gpus all)",
        )
        for name in dormant()
    ]
    if not findings and not any(device.component == "accelerators" for device in devices):
        hidden = " (CUDA_VISIBLE_DEVICES hides all GPUs)" if os.environ.get("CUDA_VISIBLE_DEVICES") in {"", "-1"} else ""
        findings.append(Finding(about="accelerators", message=f"none found{hidden}: a run here has no accelerator energy"))
    return findings


def _make_readable(accelerator: str) -> str:
    """What to do about an accelerator that no meter reads, by its vendor's name, with which it begins."""
    if accelerator.startswith("NVIDIA"):
        return "make `nvidia-smi` work here"
    if accelerator.startswith("AMD") and "Xilinx" not in accelerator:
        return "make `amd-smi` work here"
    return "it is of a kind that is not read; `footprint estimate` takes stated hours and watts"


def _cpu(host: Host, findings: list[Finding]) -> CpuFactors | None:
    from footprint.recorder.tree import reserved_cpus
    from footprint.reference import cpu_power

    try:
        power = cpu_power(host)
    except FootprintError as error:
        findings.append(Finding(about="cpu", message=str(error)))
        return None
    findings += [Finding(about="cpu", message=warning) for warning in power.warnings]
    return CpuFactors(
        matched=power.name,
        grade=power.grade,
        idle_w_per_cpu=_range(power.idle_w_per_cpu),
        active_w_per_cpu=_range(power.active_w_per_cpu),
        reserved_cpus=reserved_cpus(os.getpid()),
    )


def _range(factor: Factor) -> Range:
    return Range(low=factor.low, central=factor.central, high=factor.high)


def _place(findings: list[Finding]) -> Place | None:
    from footprint.place import default_place

    try:
        place = default_place()
    except FootprintError as error:
        findings.append(Finding(about="place", message=f"the default place cannot be used: {error}"))
        return None
    if place is None:
        findings.append(
            Finding(
                about="place",
                message="where this machine runs is not known: energy is stated, emissions are not",
                remedy="set FOOTPRINT_REGION (say aws:eu-west-1, or a grid zone such as FRA), or pass --region",
            )
        )
    return place


def _takes_files(folder: Path) -> bool:
    """Whether a file can be made in a folder: tried, with one that has no name; root is allowed more than works."""
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _room(folder: Path, findings: list[Finding]) -> None:
    """Whether the ledger has room, all of it added up."""
    from footprint.recorder import room

    try:
        told = room.warnings(folder, None)
    except (FootprintError, OSError) as error:
        findings.append(
            Finding(about="ledger", message=f"its room cannot be told: {error}", remedy="set FOOTPRINT_QUOTA, say 2GB")
        )
        return
    for warning in told:
        message, _, remedy = warning.partition("; ")
        findings.append(Finding(about="ledger", message=message, remedy=remedy))


def _ledger(findings: list[Finding]) -> Ledger:
    """Whether runs can be recorded, seen without leaving anything."""
    from footprint.ledger import home

    try:
        folder = home()
    except FootprintError as error:
        findings.append(Finding(about="ledger", message=str(error), remedy="set FOOTPRINT_HOME to a writable folder"))
        return Ledger(home=None, writable=False)
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    _room(folder, findings)
    writable = nearest.is_dir() and _takes_files(nearest)
    if not writable:
        findings.append(
            Finding(
                about="ledger",
                message=f"runs cannot be recorded in {text.clean(str(folder), limit=400)}: it cannot be written",
                remedy="set FOOTPRINT_HOME to a writable folder",
            )
        )
    return Ledger(home=str(folder), writable=writable)
