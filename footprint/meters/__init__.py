"""Sources of joules and watts, one file each.

`open_meters` tries them in order, strongest first, and never raises: what cannot be read becomes a warning that says
what it is and how to mend it.

Who claims what, so that every joule is counted once: a device (by its id) belongs to the first meter that has it; CPU and memory
each belong as a whole to the first meter that has any of them, so that a model stands in only where no sensor reads the
component; of several readings of the whole machine the one that contains most is kept; and a reading of all GPUs together counts
where no meter reads one by itself. What a whole-machine reading contains is claimed by component all the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from footprint.accounting.energy import MAX_POWER_GAP_S
from footprint.errors import MeterError
from footprint.meters.common import ALL_GPUS, SYSFS_VARIABLE, KnowsHolders, Meter, sysfs, text_of
from footprint.model import Device, Sample

_WHOLE = ("cpu", "memory")
"""Components that one meter claims as a whole."""

Opener = Callable[[Mapping[str, str]], Meter | None]
"""Opens one meter, given the environment of the program that is measured; None where there is nothing to read."""


class OpenMeters:
    """The meters of this machine, and what each of them claims.

    Attributes:
        meters: every meter that opened, also one that claims no device here.
        devices: the claimed devices, in the order of the meters.
        max_interval_s: the longest time between readings that loses nothing, the smallest that any meter in use asks for; None
            where none does.
    """

    def __init__(self, meters: Sequence[Meter], warnings: Sequence[str] = ()) -> None:
        self.meters = tuple(meters)
        self._failures = tuple(warnings)
        self._owners: dict[str, Meter] = {}
        devices: list[Device] = []
        for device, meter in _claims(self.meters):
            if device.id not in self._owners:
                self._owners[device.id] = meter
                devices.append(device)
        self.devices = tuple(devices)
        self._in_use = tuple(meter for meter in self.meters if any(owner is meter for owner in self._owners.values()))
        asked = [getattr(meter, "max_interval_s", None) for meter in self._in_use]
        if any(device.grade == "power" for device in devices):
            asked.append(MAX_POWER_GAP_S / 2)  # readings of power further apart are not joined
        self.max_interval_s: float | None = min((interval_s for interval_s in asked if interval_s is not None), default=None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What could not be opened, and what the meters say of themselves by now."""
        return self._failures + tuple(text for meter in self.meters for text in meter.warnings)

    def read(self) -> tuple[Sample, ...]:
        """One reading of each device that answers; a device that was lost is left out."""
        return tuple(sample for meter in self._in_use for sample in meter.read() if self._owners.get(sample.device_id) is meter)

    def holders(self) -> dict[str, frozenset[int]]:
        """Which processes hold each device, as their drivers count pids; devices of which nobody tells are left out."""
        return {
            device_id: pids
            for meter in self.meters
            if isinstance(meter, KnowsHolders)
            for device_id, pids in meter.holders().items()
            if self._owners.get(device_id) is meter
        }

    def close(self) -> None:
        """Release all meters; safe to call twice."""
        for meter in self.meters:
            meter.close()


# A recorder starts while its host waits: a meter's module is loaded only where there is a trace of its sensors.


def _open_nvml(environ: Mapping[str, str]) -> Meter | None:
    from footprint.meters import nvml

    return nvml.open_meter(environ)


def _has_nvml() -> bool:
    from footprint.meters import nvml

    return nvml.is_there()


def _open_amd(environ: Mapping[str, str]) -> Meter | None:
    if not _has_amd():
        return None
    from footprint.meters import amd

    return amd.open_meter(environ)


def _has_amd() -> bool:
    if not (sysfs() / "class/kfd").exists():
        return False
    from footprint.meters import amd

    return amd.is_there()


def _open_rapl(_environ: Mapping[str, str]) -> Meter | None:
    if not (sysfs() / "class/powercap").exists():
        return None
    from footprint.meters import rapl

    return rapl.open_meter()


def _open_hwmon(_environ: Mapping[str, str]) -> Meter | None:
    if not (sysfs() / "class/hwmon").exists():
        return None
    from footprint.meters import hwmon

    return hwmon.open_meter()


def _open_tpu(environ: Mapping[str, str]) -> Meter | None:
    named = any("TPU" in name or name == "ACCELERATOR_TYPE" for name in environ)
    if not named and "Google" not in text_of(sysfs() / "class/dmi/id/product_name"):
        return None
    from footprint.meters import tpu_model

    return tpu_model.open_meter(environ)


def _open_codecarbon(environ: Mapping[str, str]) -> Meter | None:
    if "codecarbon" not in environ.get(METERS_VARIABLE, "") and sys.platform == "linux":
        return None
    from footprint.meters import codecarbon

    return codecarbon.open_meter()


def _open_cpu(_environ: Mapping[str, str]) -> Meter | None:
    from footprint.meters import cpu_model

    return cpu_model.open_meter()


def _open_memory(_environ: Mapping[str, str]) -> Meter | None:
    from footprint.meters import memory_model

    return memory_model.open_meter()


ORDER: tuple[tuple[str, Opener], ...] = (
    ("nvml", _open_nvml),
    ("amd", _open_amd),
    ("rapl", _open_rapl),
    ("hwmon", _open_hwmon),
    ("tpu-model", _open_tpu),
    ("cpu-model", _open_cpu),
    ("memory-model", _open_memory),
    ("codecarbon", _open_codecarbon),
)
"""Counters before models: the first to claim a device wins. CodeCarbon comes last, and on Linux only where it is named."""

METERS_VARIABLE = "FOOTPRINT_METERS"
"""Names of meters, with commas between: these only, in this order (`FOOTPRINT_METERS=rapl,memory-model`)."""

_DRIVERS: dict[str, Callable[[], bool]] = {"nvml": _has_nvml, "amd": _has_amd}
"""The meters that call a vendor's driver, and whether there is one to call."""


def _claims(meters: Sequence[Meter]) -> list[tuple[Device, Meter]]:
    """The devices that are counted, each with its meter: see the module's first lines."""
    offered = [(device, meter) for meter in meters for device in meter.devices()]
    first: dict[str, Meter] = {}
    for device, meter in offered:
        if device.component in _WHOLE:
            first.setdefault(device.component, meter)
    machines = [device for device, _ in offered if device.component == "rest"]
    single = any(device.component == "accelerators" and device.id != ALL_GPUS for device, _ in offered)
    widest = max(machines, key=lambda device: len(device.contains), default=None)  # the first of those that contain as much
    return [
        (device, meter)
        for device, meter in offered
        if first.get(device.component, meter) is meter
        and (device.component != "rest" or device is widest)
        and (device.id != ALL_GPUS or not single)
    ]


def open_meters(
    environ: Mapping[str, str] | None = None,
    order: Sequence[tuple[str, Opener]] = ORDER,
    drivers_in: Literal["process", "thread"] | None = None,
) -> OpenMeters:
    """Open every meter that this machine has.

    Args:
        environ: the environment of the program that is measured (`CUDA_VISIBLE_DEVICES`); this process's own if None.
        order: names and openers, strongest first; of these, the ones that FOOTPRINT_METERS names, in its order.
        drivers_in: where vendors' drivers are called, so that one that hangs or crashes costs its own readings only: a process
            or a thread of their own (`footprint.meters.apart`). None: right here.

    Returns:
        What opened. Never raises: a meter that fails becomes a warning.
    """
    seen = os.environ if environ is None else environ
    meters: list[Meter] = []
    order, warnings = _selected(order, seen.get(METERS_VARIABLE, ""))
    if SYSFS_VARIABLE in os.environ and not sysfs().is_dir():
        warnings.append(f"{SYSFS_VARIABLE}={str(sysfs())!r} is not a folder, and so no sensor of the CPU is found")
    for name, opener in order:
        try:
            meter = _open(name, opener, seen, drivers_in)
        except MeterError as error:
            warnings.append(f"{name}: {error}")
        except Exception as error:  # noqa: BLE001 - a broken driver or library must not stop the program that is measured
            warnings.append(f"{name}: failed to open ({type(error).__name__}: {error}); its devices are not measured")
        else:
            if meter is not None:
                meters.append(meter)
    return OpenMeters(meters, warnings)


def _selected(order: Sequence[tuple[str, Opener]], stated: str) -> tuple[Sequence[tuple[str, Opener]], list[str]]:
    """The meters that are named, in that order, and a warning of names that no meter has; all where none is named."""
    known = dict(order)
    names = list(dict.fromkeys(name.strip().lower() for name in stated.split(",") if name.strip()))
    strange = [repr(name[:40]) for name in names if name not in known]
    chosen = [(name, known[name]) for name in names if name in known]
    without = "" if chosen else ", so all are used"
    told = f"{METERS_VARIABLE} names {', '.join(strange)}, and there is no such meter{without}; there are {', '.join(known)}"
    return chosen or order, [told] if strange else []


def _open(name: str, opener: Opener, environ: Mapping[str, str], drivers_in: Literal["process", "thread"] | None) -> Meter | None:
    if drivers_in is None or name not in _DRIVERS:
        return opener(environ)
    if not _DRIVERS[name]():
        return None
    from footprint.meters import apart

    return apart.open_meter(name, opener, environ, drivers_in)
