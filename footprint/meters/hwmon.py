"""Processors and whole machines through hwmon: the power and energy sensors that Linux shows of Arm, POWER and AMD boards.

Source: Documentation/hwmon/sysfs-interface.rst of Linux (power in microwatts, energy in microjoules, voltage in millivolts,
current in milliamperes), and for each chip the document or driver that the table names. Which sensor means what is known only by
its chip's name and its label, so only what stands in the table is read; other power sensors are named by `footprint doctor` and
not used. Sensors of graphics cards, disks and batteries are never read here: they are other components', or no load.

What is counted:

- The processor (component cpu): all sensors of one kind of chip that make up the processor packages, each kind complete, or none.
- The whole machine (component rest, `contains` the others): the ACPI power meter that measures the system bus, or is the only
  one and names no part; POWER's `System`; a Jetson module's `VDD_IN`.

Limits:

- Power is a sample, or a mean over the chip's own interval (`power1_average_interval`), joined by trapezoids: what happens
  between two readings is not seen. Energy counters see all.
- What a whole-machine reading covers, and whether before or behind the power supply, is the maker's choice and is not told.
- Grace's `CPU` and `SysIO` rails leave out its memory and the regulators' losses, as RAPL's packages do. `Grace Power` (a socket
  with its memory) and `Module Power` (with its GPU) contain those rails and are not read besides them.
- A reading of zero is how several firmwares say that they do not know, and counts as no answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final, Literal, NamedTuple

from footprint.errors import MeterError
from footprint.meters.common import Attribute, Trouble, said_once, sysfs, text_of
from footprint.model import ComponentName, Device, Sample

Kind = Literal["power", "energy", "rail"]


class _Chip(NamedTuple):
    """A kind of chip, and the labels of its sensors that are counted; where there are several, as many of one as of the other."""

    name: str
    component: ComponentName
    labels: tuple[str, ...]


# Drivers and documents: drivers/hwmon/xgene-hwmon.c (Ampere eMAG and Altra show their processor so, too); NVIDIA Grace
# Performance Tuning Guide, "Power Telemetry"; Documentation/hwmon/amd_energy.rst (EPYC, from Linux 5.8 until the driver was
# removed); Documentation/hwmon/ibmpowernv.rst, labels of OPAL (skiboot, hw/occ-sensor.c).
_PROCESSORS: Final = (
    _Chip("apm_xgene", "cpu", (r"CPU power", r"IO power")),
    _Chip("power_meter", "cpu", (r"CPU Power Socket \d+", r"SysIO Power Socket \d+")),
    _Chip("amd_energy", "cpu", (r"Esocket\d+",)),
    _Chip("ibmpowernv", "cpu", (r"Chip \d+",)),
)
# Documentation/hwmon/acpi_power_meter.rst; ibmpowernv as above; Documentation/hwmon/ina3221.rst with the labels of NVIDIA's
# device trees (Jetson Linux Developer Guide: VDD_IN is the module's total).
_MACHINES: Final = (
    _Chip("power_meter", "rest", ()),
    _Chip("ibmpowernv", "rest", (r"System",)),
    _Chip("ina3221", "rest", (r"VDD_IN",)),
)
_SAME_AS_RAPL: Final = "amd_energy"
_CHIPS: Final = frozenset(chip.name for chip in (*_PROCESSORS, *_MACHINES))
_OTHERS: Final = re.compile(r"amdgpu|radeon|nouveau|nvidia.*|i915|xe|nvme|BAT.*|AC|ADP.*|ucsi_.*|hidpp_.*|corsair.*")
_INPUT: Final = re.compile(r"(power|energy)(\d+)_(input|average)")
_SYSTEM_BUS: Final = "LNXSYBUS:*"
_MOST_UW: Final = 100_000 * 1_000_000
"""No machine draws more than 100 kW: such a reading is a register without a sensor."""


class Sensor(NamedTuple):
    """One sensor: of which chip (and which of several, by its place on the bus), what its label says, and the files to read."""

    chip: str
    bus: str
    label: str
    kind: Kind
    files: tuple[Path, ...]
    whole: bool = False
    """It may be an ACPI meter of the whole machine."""

    @property
    def title(self) -> str:
        """How a person finds it."""
        return f"{self.chip} {self.label or self.files[0].name}".strip()


class _Reader:
    """One sensor that is read."""

    def __init__(self, device: Device, sensor: Sensor, clock: Callable[[], float]) -> None:
        self.device = device
        self._kind = sensor.kind
        self._clock = clock
        self._attributes = [Attribute(file) for file in sensor.files]

    def sample(self) -> Sample | None:
        """A reading, stamped with the middle of it; None if the sensor does not answer."""
        before_s = self._clock()
        values = [attribute.value() for attribute in self._attributes]
        t_s = (before_s + self._clock()) / 2
        answered = [value for value in values if value is not None and value > 0]
        if len(answered) < len(values):
            return None
        if self._kind == "energy":
            return Sample(device_id=self.device.id, t_s=t_s, energy_j=answered[0] / 1e6)
        power_uw = answered[0] * (answered[1] if self._kind == "rail" else 1)  # mV x mA is µW
        return Sample(device_id=self.device.id, t_s=t_s, power_w=power_uw / 1e6) if power_uw <= _MOST_UW else None

    def close(self) -> None:
        for attribute in self._attributes:
            attribute.close()


class HwmonMeter:
    """Reads the sensors that are counted: all of a component's or none.

    Args:
        chosen: the sensors, as `choose` took them, component by component.
        warnings: what could not be chosen.
        clock: tells the time in seconds.
    """

    name = "hwmon"
    unread: tuple[str, ...] = ()

    def __init__(
        self,
        chosen: Sequence[tuple[Device, Sensor]],
        warnings: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.warnings: tuple[str, ...] = tuple(warnings)
        self._readers = [_Reader(device, sensor, clock) for device, sensor in chosen]

    def devices(self) -> tuple[Device, ...]:
        """Processors and the machine, grade `power`, or `counter` where the sensor counts energy."""
        return tuple(reader.device for reader in self._readers)

    def read(self) -> tuple[Sample, ...]:
        """The sensors of each component of which all answer."""
        found: list[Sample] = []
        for component, readers in groupby(self._readers, lambda reader: reader.device.component):
            samples = [reader.sample() for reader in readers]
            answered = [sample for sample in samples if sample is not None]
            if len(answered) == len(samples):
                found += answered
            else:
                what = "the processors" if component == "cpu" else "the machine"
                lost = f"a power sensor of {what} (hwmon) did not answer for a while: that time is not measured"
                self.warnings = said_once(self.warnings, lost)
        return tuple(found)

    def close(self) -> None:
        """Close the sensors; safe to call twice."""
        for reader in self._readers:
            reader.close()


# -- What there is -----------------------------------------------------------------------------------------------------


def survey(root: Path | None = None, *, known: bool = True) -> list[Sensor]:
    """The power and energy sensors that the kernel shows, by their chips' places on the bus.

    Args:
        root: stands for `/sys`; None is `footprint.meters.common.sysfs`.
        known: only of chips that the table knows.
    """
    found: list[Sensor] = []
    for folder in ((sysfs() if root is None else root) / "class/hwmon").glob("hwmon*"):
        chip = text_of(folder / "name") or text_of(folder / "device/name")
        if chip in _CHIPS or not (known or _OTHERS.fullmatch(chip)):
            found += _sensors(folder, chip)
    return sorted(found, key=lambda sensor: (sensor.chip, sensor.bus, _natural(sensor.label), sensor.files))


def _sensors(folder: Path, chip: str) -> Iterator[Sensor]:
    bus = (folder / "device").resolve().name if (folder / "device").exists() else folder.name
    if chip == "ina3221":
        yield from _rails(folder, chip, bus)
        return
    # On older kernels the ACPI meter's files lie in the folder of the device itself.
    base = next(
        (base for base in (folder, folder / "device") if any(base.glob("power*_*")) or any(base.glob("energy*_*"))), folder
    )
    energies: set[str] = set()
    # Energy first: a counter sees what samples of the same quantity miss. Of the two powers the mean is the better one.
    for file in sorted(base.iterdir() if base.is_dir() else (), key=lambda path: _natural(path.name)):
        if (match := _INPUT.fullmatch(file.name)) is None:
            continue
        quantity, number, form = match.groups()
        stem = f"{quantity}{number}"
        if form == "input" and (base / f"{stem}_average").exists():
            continue
        label = text_of(base / f"{stem}_label") or text_of(base / f"{stem}_oem_info")
        if quantity == "energy":
            energies.add(label)
        elif label and label in energies:
            continue
        if text_of(base / f"{stem}_is_battery") == "1":
            continue
        yield Sensor(chip, bus, label, "energy" if quantity == "energy" else "power", (file,), _is_whole(base, label))


def _rails(folder: Path, chip: str, bus: str) -> Iterator[Sensor]:
    """The supply rails of an INA3221: the voltage and the current of each channel that has a label."""
    for name in sorted(folder.glob("in[1-3]_label")):
        number = name.name.removeprefix("in").removesuffix("_label")
        files = (folder / f"in{number}_input", folder / f"curr{number}_input")
        if all(file.exists() for file in files):
            yield Sensor(chip, bus, text_of(name), "rail", files)


def _is_whole(base: Path, label: str) -> bool:
    """Whether an ACPI meter says that it measures the system bus, or neither label nor links say what it measures."""
    if "socket" in label.lower():
        return False
    measures = base / "measures" if (base / "measures").is_dir() else base / "device/measures"
    if any(measures.glob("*")):
        return any(measures.glob(_SYSTEM_BUS))
    return not label


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts `Chip 8` before `Chip 10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]


# -- What is counted ---------------------------------------------------------------------------------------------------


def choose(sensors: Sequence[Sensor], *, has_rapl: bool = False) -> tuple[list[tuple[Device, Sensor]], list[Trouble]]:
    """The sensors that are counted, as devices, and what stands in the way of others that the table knows.

    Where powercap shows the same counters, that they are denied here, too, is no news.
    """
    chosen: list[tuple[Device, Sensor]] = []
    found: list[Trouble] = []
    for chips in (_PROCESSORS, _MACHINES):
        for chip in chips:
            group = _complete(chip, sensors)
            denied = [sensor for sensor in group if not all(map(_opens, sensor.files))]
            if denied:
                found += [] if chip.name == _SAME_AS_RAPL and has_rapl else [_denied(denied)]
            elif group:
                chosen += _devices(chip, group)
                break
    return chosen, found


def _complete(chip: _Chip, sensors: Sequence[Sensor]) -> list[Sensor]:
    """The chip's sensors that are counted, if all that belong together are there."""
    own = [sensor for sensor in sensors if sensor.chip == chip.name]
    if not chip.labels:
        group = [sensor for sensor in own if sensor.whole]
        return group if len(group) == 1 else []
    kinds = [[sensor for sensor in own if re.fullmatch(label, sensor.label)] for label in chip.labels]
    if chip.component == "rest" and len(kinds[0]) > 1:
        return []  # which of them is the machine?
    return [sensor for kind in kinds for sensor in kind] if len({len(kind) for kind in kinds}) == 1 else []


def _opens(path: Path) -> bool:
    try:
        Attribute(path).close()
    except OSError:
        return False
    return True


def _denied(sensors: Sequence[Sensor]) -> Trouble:
    files = " ".join(str(file) for sensor in sensors for file in sensor.files)
    names = ", ".join(sensor.title for sensor in sensors)
    return Trouble(f"the sensors {names} (hwmon) cannot be read", f"`sudo chmod a+r {files}` lets everybody, until the next boot")


def _devices(chip: _Chip, sensors: Sequence[Sensor]) -> Iterator[tuple[Device, Sensor]]:
    contains: tuple[ComponentName, ...] = ("accelerators", "cpu", "memory") if chip.component == "rest" else ()
    prefix = "machine" if chip.component == "rest" else "cpu"
    taken: dict[str, int] = {}
    for sensor in sensors:
        label = re.sub(r"[^a-z0-9]+", "-", f"{sensor.label or sensor.chip}".lower()).strip("-")
        taken[label] = number = taken.get(label, -1) + 1
        several = sum(other.label == sensor.label for other in sensors) > 1
        device = Device(
            id=f"{prefix}:{label}-{number}" if several else f"{prefix}:{label}",
            component=chip.component,
            name=sensor.title,
            meter="hwmon",
            grade="counter" if sensor.kind == "energy" else "power",
            contains=contains,
        )
        yield device, sensor


def _has_rapl(root: Path | None) -> bool:
    return any(((sysfs() if root is None else root) / "class/powercap").glob("intel-rapl*:*"))


def unused(root: Path | None = None) -> list[str]:
    """The power and energy sensors that are seen and not counted, as a person finds them: unknown, or parts of one that is."""
    sensors = survey(root, known=False)
    counted = {sensor.files for _, sensor in choose(sensors)[0]}
    return list(dict.fromkeys(sensor.title for sensor in sensors if sensor.files not in counted))


def troubles(root: Path | None = None) -> list[Trouble]:
    """What keeps sensors that are known from being read."""
    return choose(survey(root), has_rapl=_has_rapl(root))[1]


def open_meter(root: Path | None = None) -> HwmonMeter | None:
    """The sensors of processors and machine; None where the kernel shows none that is known.

    Args:
        root: stands for `/sys`; None is `footprint.meters.common.sysfs`.

    Raises:
        MeterError: where some are there and none can be read.
    """
    chosen, found = choose(survey(root), has_rapl=_has_rapl(root))
    if not chosen and found:
        raise MeterError("; ".join(map(str, found)))
    return HwmonMeter(chosen, map(str, found)) if chosen else None
