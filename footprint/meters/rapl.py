"""Intel and AMD CPUs through RAPL: the energy counters of processor packages and memory that Linux shows as powercap zones.

Sources: Documentation/power/powercap/powercap.rst, Documentation/ABI/testing/sysfs-class-powercap and drivers/powercap/
intel_rapl_common.c of Linux; K. Khan et al., "RAPL in Action" (ACM TOMPECS 3(2), 2018, doi:10.1145/3177754).

Zones lie in one another, and each says in its file `name` what it is:

- `package-N` is a processor with all that is in it. `core` and `uncore` are parts of it and are not read.
- `dram` is the memory of a package, not part of the package's reading. Most desktops have none.
- `psys` is the whole platform, packages included; what else it covers (memory, screen, the loss of the power supply) is the
  maker's choice, so it says `contains=("cpu",)` and no more. One that shows less than the packages is left out.
- `intel-rapl-mmio:N` shows the package of `intel-rapl:N` by another way: one of the two is read. The dies of one AMD or Hygon
  package (`package-0-die-1`), which older kernels show, all repeat the counter of the whole package: one of them is read. The
  dies of an Intel package count apart.

A counter starts again at zero when it passes its `max_energy_range_uj` (65 to 262 kJ: minutes). Between two readings it may have
done so k times, and then it counted difference + k x range. The smallest k that gives no negative energy is believed if that
energy is one which a package can draw in the time, and the next k would be one which it can not: else nobody knows, and the
counter that is returned falls, which the accounting takes for the gap that it is. So a reset (to zero, after a suspend) and a
long silence are gaps; `max_interval_s` says how often to read so that wraps are none.

Limits, beside those of the counters (within a few per cent of a reference since Haswell, which counts; see
`footprint.reference.meter_error`):

- A reset to where a wrap could have led in the time is taken for that wrap: at one reading a second that is a reset from the
  last hundredth of the range.
- The kernel's range is one step short of the counter's: each wrap loses up to 61 microjoules.
- In a virtual machine the counters are what the hypervisor makes of them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from footprint.errors import MeterError
from footprint.meters.common import Attribute, said_once, text_of
from footprint.meters.rapl_zones import Zone, cpuinfo, devices_of, survey, troubles_of
from footprint.model import Device, Sample

_UJ_PER_J: Final = 1_000_000
_MOST_W: Final = {"cpu": 2_000, "memory": 2_000, "rest": 20_000}
"""More than any zone draws."""
_LIKELY_W: Final = {"cpu": 1_000, "memory": 1_000, "rest": 2_000}
"""What a zone draws at most if it says nothing of its limits (AMD's do not)."""
_LEAST_W: Final = 100
"""A limit below this is not taken at its word: a laptop's processor passes it for a minute."""
_OVER_LIMIT: Final = 3.0
"""How far a zone may pass what it says of its limits: a desktop board lets 125 W processors draw 350 W."""
_STEP_J: Final = 2.0
_UPDATE_S: Final = 0.01
"""Counters move in steps: every millisecond or so, and `psys` of servers by whole joules."""
_STILL_S: Final = 2.0
"""A zone that is alive counts within milliseconds; a counter that stands for this long is no counter."""
_PSYS_SHARE: Final = 0.98
"""Of what the packages draw, this much must be in the platform's reading."""

_NAMES: Final = {"cpu": "the processors", "memory": "the memory", "rest": "the platform"}
_VIRTUAL: Final = "this is a virtual machine: what its CPU's energy counters (RAPL) show is the hypervisor's choice"
_UNSOUND: Final = "the platform's energy counter (RAPL psys) shows less than the processors in it: it is not used from there on"


class Counter:
    """A counter that wraps, as one that does not.

    Args:
        range_uj: where it starts again at zero; None if that is not known, and then a fall is a reset.
        likely_w: what its zone draws at most.
        most_w: what no such zone can draw.
    """

    def __init__(self, range_uj: int | None, likely_w: float, most_w: float) -> None:
        self._range_uj = range_uj
        self._likely_w, self._most_w = likely_w, most_w
        self._raw_uj = self._total_uj = 0
        self._since_s: float | None = None

    @property
    def max_interval_s(self) -> float | None:
        """Readings no further apart than this miss no wrap: half of the time in which the zone could count its range."""
        return None if self._range_uj is None else self._range_uj / _UJ_PER_J / self._likely_w / 2

    def take(self, before_s: float, after_s: float, raw_uj: int) -> float:
        """The energy in J so far, given a reading that was taken between two times; less than the last after a gap."""
        if self._since_s is None:
            self._total_uj = raw_uj
        else:
            self._total_uj += self._grown_uj(raw_uj, after_s - self._since_s)
        self._raw_uj, self._since_s = raw_uj, before_s
        return self._total_uj / _UJ_PER_J

    def _grown_uj(self, raw_uj: int, passed_s: float) -> int:
        likely_uj, most_uj = (
            _UJ_PER_J * (_STEP_J + limit_w * (passed_s + _UPDATE_S)) for limit_w in (self._likely_w, self._most_w)
        )
        grown_uj = raw_uj - self._raw_uj
        believed = 0 <= grown_uj <= most_uj
        if self._range_uj is not None:
            if grown_uj < 0:
                grown_uj += self._range_uj
                believed = 0 <= grown_uj <= likely_uj
            believed = believed and grown_uj + self._range_uj > likely_uj
        return grown_uj if believed else -_UJ_PER_J


def _number(path: Path) -> int | None:
    text = text_of(path)
    return int(text) if text.isdecimal() else None


def _likely_w(folder: Path, component: str) -> float:
    """What a zone draws at most, by what it says of its limits; a limit that nothing could reach is none."""
    most_w = _MOST_W[component]
    files = (file for kind in ("max_power_uw", "power_limit_uw") for file in folder.glob(f"constraint_*_{kind}"))
    stated_w = [limit_uw / _UJ_PER_J for file in files if (limit_uw := _number(file))]
    within_w = [limit_w for limit_w in stated_w if limit_w <= most_w]
    return min(max(_OVER_LIMIT * max(within_w), _LEAST_W), most_w) if within_w else _LIKELY_W[component]


class _Reader:
    """One zone that is read."""

    def __init__(self, device: Device, folder: Path, clock: Callable[[], float]) -> None:
        self.device = device
        self._clock = clock
        self._energy = Attribute(folder / "energy_uj")
        range_uj, most_w = _number(folder / "max_energy_range_uj"), _MOST_W[device.component]
        self.counter = Counter(range_uj or None, _likely_w(folder, device.component), most_w)
        self._last_uj: int | None = None
        self._moved_s = 0.0

    def sample(self) -> Sample | None:
        """A reading, stamped with the middle of it; None if the zone does not answer or stands still."""
        before_s = self._clock()
        raw_uj = self._energy.value()
        after_s = self._clock()
        if raw_uj is None or raw_uj < 0:
            return None
        if raw_uj != self._last_uj:
            self._last_uj, self._moved_s = raw_uj, before_s
        elif before_s - self._moved_s > _STILL_S:
            return None
        energy_j = self.counter.take(before_s, after_s, raw_uj)
        return Sample(device_id=self.device.id, t_s=(before_s + after_s) / 2, energy_j=energy_j)

    def close(self) -> None:
        self._energy.close()


class RaplMeter:
    """Reads the zones that are counted: all of a component's or none, since half of a machine looks like a whole one.

    Args:
        zones: what there is to read, as `survey` found it.
        virtual: whether this is a virtual machine.
        clock: tells the time in seconds.
    """

    name = "rapl"
    unread: tuple[str, ...] = ()

    def __init__(self, zones: Sequence[Zone], *, virtual: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.warnings: tuple[str, ...] = tuple(str(trouble) for trouble in troubles_of(zones)) + (_VIRTUAL,) * virtual
        self._readers = [_Reader(device, zone.folder, clock) for device, zone in devices_of(zones)]
        self._platform = _Platform()

    @property
    def max_interval_s(self) -> float | None:
        """The longest time between readings in which no zone can wrap unseen."""
        asked = [reader.counter.max_interval_s for reader in self._readers]
        return min((interval_s for interval_s in asked if interval_s is not None), default=None)

    def devices(self) -> tuple[Device, ...]:
        """The packages (component cpu), their memory, and the platform, grade `counter`."""
        return tuple(reader.device for reader in self._readers)

    def read(self) -> tuple[Sample, ...]:
        """The counters of each component of which all zones answer."""
        found: dict[str, list[Sample]] = {}
        for component, readers in groupby(self._readers, lambda reader: reader.device.component):
            samples = [reader.sample() for reader in readers]
            answered = [sample for sample in samples if sample is not None]
            if len(answered) == len(samples):
                found[component] = answered
            else:
                lost = f"an energy counter of {_NAMES[component]} (RAPL) was gone or stood still: that time is not measured"
                self.warnings = said_once(self.warnings, lost)
        if "rest" in found and not self._platform.contains(found["rest"][0], found.get("cpu", [])):
            del found["rest"]
            self.warnings = said_once(self.warnings, _UNSOUND)
        return tuple(sample for samples in found.values() for sample in samples)

    def close(self) -> None:
        """Close the counters; safe to call twice."""
        for reader in self._readers:
            reader.close()


class _Platform:
    """Whether a platform's counter has grown by what the packages in it have: one that has not is broken, and stays so."""

    def __init__(self) -> None:
        self._broken = False
        self._first: tuple[float, ...] = ()
        self._last: tuple[float, ...] = ()

    def contains(self, platform: Sample, packages: Iterable[Sample]) -> bool:
        """Take the next readings; False from the first time on that the platform's falls behind."""
        readings = tuple(sample.energy_j or 0.0 for sample in (platform, *packages))
        if len(readings) == 1:
            return not self._broken  # the packages did not answer this time
        if not self._first or any(now < before for now, before in zip(readings, self._last, strict=True)):
            self._first = readings
        self._last = readings
        whole_j, *parts_j = (now - first for now, first in zip(readings, self._first, strict=True))
        self._broken = self._broken or whole_j < _PSYS_SHARE * sum(parts_j) - _STEP_J
        return not self._broken


def open_meter(root: Path | None = None, proc: Path = Path("/proc")) -> RaplMeter | None:
    """RAPL of this machine; None where the kernel shows none.

    Args:
        root: stands for `/sys`; None is `footprint.meters.common.sysfs`.
        proc: stands for `/proc`.

    Raises:
        MeterError: where it is there and nothing of it can be used.
    """
    zones = survey(root, proc)
    if not zones:
        return None
    if not devices_of(zones):
        raise MeterError("; ".join(str(trouble) for trouble in troubles_of(zones)))
    virtual = re.search(r"^flags\b.*\bhypervisor\b", cpuinfo(proc), re.MULTILINE) is not None
    return RaplMeter(zones, virtual=virtual)
