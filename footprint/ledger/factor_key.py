"""The factor key: runs of one key are derived by the same formula with the same factors.

The key is made of facts alone. It looks nothing up, so that it holds for every edition of the factors: better factors restate old
runs without touching a row. What a footprint is linear in (joules, seconds, CPU-seconds) is left out, for that is what is summed;
what chooses a formula or a factor is in it: the machine, its devices with who read them and for how long at least, what kind of
work it was where that matters, the place and the year.

A key is three words with dots between: `r` (regular) or `x` (the formula is not linear in sums, so that each run is derived by
itself) with the version of this rule, a digest of the work, and a digest of place and year.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from footprint.model import DeviceEnergy, Run

VERSION: Final = 1
EDGES_S: Final = (0.01, 0.1, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Where times that a device was read are cut into classes, s: the periods of sensors, below which a reading tells nothing, and
octaves up to where a sensor's lag no longer shows beside its error."""
REGULAR: Final = "r"
APART: Final = "x"
_ANY: Final = -1


class DeviceClass(NamedTuple):
    """What devices have in common whose joules may be added up before they are multiplied; seen from the ledger's tables.

    `held`: 0 never held by the run, 1 held, 2 where nobody can tell. `time` counts the edges up to the time read; -1 where it
    does not matter.
    """

    component: str
    name: str
    meter: str
    grade: str
    held: int
    known: bool
    time: int


def factor_key(run: Run) -> str:
    """The factor key of a run's facts."""
    flag = REGULAR if _is_regular(run) else APART
    return f"{flag}{VERSION}.{_digest(_work(run))}.{_digest(_where(run))}"


def device_class(one: DeviceEnergy) -> DeviceClass:
    """The class of a device as a run read it."""
    device = one.device
    held = 2 if one.held_ratio is None else int(one.held_ratio != 0)
    known = one.energy_j is not None
    modelled = device.grade == "model" and not known
    name = device.name if device.component == "accelerators" else ""
    time = _ANY if modelled else bisect_right(EDGES_S, one.read_s)
    return DeviceClass(device.component, name, device.meter, device.grade, held, known, time)


def _is_regular(run: Run) -> bool:
    """Whether its footprint is linear in what is summed."""
    if run.declared is not None or run.is_background or run.tells_accelerators_alone:  # whose host is a multiple of these
        return False
    # Of a meter of the whole machine what is known by itself is taken off, and less than nothing is left out. Parts of a GPU that
    # MIG cuts are shared by another rule than whole devices.
    if any(one.device.component == "rest" or one.device.slices is not None for one in run.devices):
        return False
    # Another tool's reading of a process alone is the run's by either policy; the tables cannot tell it from the machine's.
    if run.cpu is None and any(one.held_ratio is not None and one.device.component in {"cpu", "memory"} for one in run.devices):
        return False
    if run.cpu is not None and (run.cpu.logical_cpus < 1 or run.cpu.logical_cpus != run.host.logical_cpus):
        return False
    hidden: dict[DeviceClass, Any] = {}
    by_component: dict[str, set[DeviceClass]] = {}
    for one in run.devices:
        kind, unseen = device_class(one), (one.device.slices, one.device.contains)
        if hidden.setdefault(kind, unseen) != unseen:
            return False  # the tables cannot tell the one from the other
        if one.device.component != "accelerators" and (one.device.grade != "model" or kind.known):
            by_component.setdefault(one.device.component, set()).add(kind)
    return all(len(kinds) == 1 for kinds in by_component.values())


def _work(run: Run) -> list[Any]:
    """What decides how the energy comes about."""
    host, cpu = run.host, run.cpu
    metered = [one for one in run.devices if one.device.component == "accelerators" and one.device.grade != "model"]
    # Where nothing was read rated power may stand for it: of the kind of work, and of a run shorter than a sensor's period.
    rated = any(one.energy_j is None or one.read_s < 1.0 for one in metered) or any(
        one.device.component == "accelerators" and one.device.grade == "model" for one in run.devices
    )
    classes = {(*device_class(one), one.device.slices, tuple(sorted(one.device.contains))) for one in run.devices}
    return [
        host.os.startswith("Linux"),
        host.cpu_name,
        host.logical_cpus,
        host.sockets,
        host.memory_bytes,
        host.virtual,
        bool(host.unmetered_accelerators),
        None if cpu is None else cpu.busy_s is not None,
        sorted(classes, key=repr),
        [run.kind, bisect_right(EDGES_S, run.duration_s)] if rated else None,
    ]


def _where(run: Run) -> list[Any]:
    return [run.place, datetime.fromisoformat(run.started_at).year]


def _digest(facts: list[Any]) -> str:
    return blake2b(msgspec.json.encode(facts), digest_size=8).hexdigest()
