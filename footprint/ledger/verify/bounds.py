"""What a device can draw at most, and counters that say more, or fall.

The bounds are our own, and far above anything that is built, so that what exceeds them is no reading: of an accelerator twice its
rated power over a second, of one that is not known 3 kW; of a processor's socket 1 kW; of memory 2 W/GB and 50 W; of a whole
machine 30 kW.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from footprint import text
from footprint.errors import FootprintError
from footprint.ledger.records import Open, Tick
from footprint.ledger.verify.findings import Finding, found
from footprint.model import Device, Host, Sample

WINDOW_S: Final = 1.0
"""Power is judged over this long at least: counters count in steps."""
_RATED_TIMES: Final = 2.0
_ACCELERATOR_W: Final = 3_000.0
_SOCKET_W: Final = 1_000.0
_SOCKETS: Final = 8
_MEMORY_W, _MEMORY_W_PER_GB = 50.0, 2.0
_MACHINE_W: Final = 30_000.0


class Bound(NamedTuple):
    """The most that a device can draw, W, and in words why."""

    power_w: float
    why: str


def bound(device: Device, host: Host) -> Bound:
    """The most that a device can draw."""
    if device.contains or device.component == "rest":
        return Bound(_MACHINE_W, "no machine with air or water around it draws so much")
    if device.component == "accelerators":
        return _accelerator(device.name)
    if device.component == "cpu":
        sockets = host.sockets or _SOCKETS
        return Bound(sockets * _SOCKET_W, f"1 kW for each of {text.plural(sockets, 'socket')}")
    memory_gb = (host.memory_bytes or 2**44) / 1e9
    return Bound(_MEMORY_W + _MEMORY_W_PER_GB * memory_gb, f"2 W/GB of {text.number(memory_gb)} GB, and 50 W")


@functools.lru_cache(256)
def _accelerator(name: str) -> Bound:
    from footprint.reference import find_accelerator

    with suppress(FootprintError):
        match = find_accelerator(name)
        rated = [one.tdp_w.high for one in match.candidates if one.tdp_w is not None]
        if rated and len(rated) == len(match.candidates):
            return Bound(_RATED_TIMES * max(rated), f"twice the {text.number(max(rated))} W that it is rated at")
    return Bound(_ACCELERATOR_W, "more than any accelerator draws")


class _Most(NamedTuple):
    power_w: float
    length_s: float
    t_s: float


class Watch:
    """Follows the readings of each device through a journal: where a counter fell, and the most that it drew over a second."""

    def __init__(self) -> None:
        self._from: dict[str, tuple[Sample, float | None]] = {}
        self._last: dict[str, Sample] = {}
        self._fell: dict[str, list[float]] = {}
        self._most: dict[str, _Most] = {}

    def tick(self, tick: Tick) -> None:
        """Take the next tick."""
        for sample in tick.samples:
            self._sample(sample, tick.boot_s)

    def _sample(self, sample: Sample, boot_s: float | None) -> None:
        name, last = sample.device_id, self._last.get(sample.device_id)
        if last is not None and sample.t_s <= last.t_s:
            return  # records in disorder
        self._last[name] = sample
        if sample.power_w is not None:
            self._see(name, _Most(sample.power_w, 0.0, sample.t_s))
        if sample.energy_j is None:
            return
        if last is not None and last.energy_j is not None and sample.energy_j < last.energy_j:
            self._fell.setdefault(name, []).append(sample.t_s)
            self._from[name] = (sample, boot_s)
            return
        earlier, since_s = self._from.setdefault(name, (sample, boot_s))
        passed_s = sample.t_s - earlier.t_s
        if boot_s is not None and since_s is not None:  # a counter counts on while the machine sleeps
            passed_s = max(passed_s, boot_s - since_s)
        if passed_s >= WINDOW_S and earlier.energy_j is not None:
            self._see(name, _Most((sample.energy_j - earlier.energy_j) / passed_s, passed_s, sample.t_s))
            self._from[name] = (sample, boot_s)

    def _see(self, name: str, most: _Most) -> None:
        if name not in self._most or self._most[name].power_w < most.power_w:
            self._most[name] = most

    def findings(self, path: Path, opened: Sequence[Open]) -> list[Finding]:
        """What is odd about the readings of a journal's runs."""
        told = []
        for device, one in _devices(opened):
            limit, most = bound(device, one.host), self._most.get(device.id)
            name = f"{text.clean(device.id)} ({text.clean(device.name)})"
            if most is not None and not most.power_w <= limit.power_w:  # not: also what is no number
                over = f" over {text.duration(most.length_s)}" if most.length_s else ""
                message = (
                    f"{name} says {text.number(most.power_w)} W{over} at t_s={most.t_s:.3f}; it cannot draw more than "
                    f"{text.number(limit.power_w)} W ({limit.why})"
                )
                told.append(found("impossible-power", path, message))
            if fell := self._fell.get(device.id):
                first = f"first at t_s={fell[0]:.3f}"
                told.append(found("counter-fell", path, f"the counter of {name} fell {text.plural(len(fell), 'time')}, {first}"))
        return told


def _devices(opened: Iterable[Open]) -> list[tuple[Device, Open]]:
    """Each device once, with the first run that read it."""
    found_: dict[str, tuple[Device, Open]] = {}
    for one in opened:
        for device in one.devices:
            found_.setdefault(device.id, (device, one))
    return list(found_.values())
