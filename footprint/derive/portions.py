"""Each joule once: what of each run counts in a sum of runs that overlapped on one machine.

Runs overlap in three ways. On an *accelerator* (or a CPU's counter, a server's power meter) each has read the same joules: a
moment counts once, divided among those that read it and held it; of a GPU that MIG cuts each takes its own share, together no
more than all. Of the *idle CPUs and memory* of a machine each program takes what was reserved to it, together never more than
there is. *CPU-seconds* are those of a run's own process tree: runs of one program, and a run and what it started, see the same
ones, and the outer tree's count; other trees are disjoint. A node's own record (`Run.is_background`) reads the whole machine, and
of each of these takes what the other runs leave.

Runs of one boot are laid side by side by the monotonic clock that all its programs share, others by the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import msgspec

import footprint.reference as ref
from footprint.accounting.energy import Points
from footprint.accounting.union import Span, clusters, divided
from footprint.model import Attribution, DeviceEnergy, Run

_ROUNDING: Final = 1e-9


@dataclass(frozen=True, kw_only=True)
class Portion:
    """What of a run's readings counts: of each device's energy, of the reserved idle CPUs and memory, of the CPU-seconds.

    `hours` is what counts of the time for which it used each accelerator.
    """

    devices: Mapping[str, float] = field(default_factory=dict)
    hours: Mapping[str, float] = field(default_factory=dict)
    reserved_ratio: float = 1.0
    tree_ratio: float = 1.0
    busy_ratio: float = 1.0

    def of(self, device_id: str) -> float:
        """The part of a device's energy that counts."""
        return self.devices.get(device_id, 1.0)

    def hours_of(self, device_id: str) -> float:
        """The part of the time with an accelerator that counts."""
        return self.hours.get(device_id, 1.0)

    @property
    def least_ratio(self) -> float:
        """The smallest of its parts."""
        return min(self.reserved_ratio, self.tree_ratio, self.busy_ratio, *self.devices.values(), *self.hours.values())


WHOLE: Final = Portion()


def portions(runs: Sequence[Run], known: Mapping[str, Run], attribution: Attribution) -> dict[str, Portion]:
    """What counts of each of some runs that are summed; runs that overlap none are left out: they count whole.

    Args:
        runs: the runs that are added up, none contained in another.
        known: all runs through which a chain of parents may pass, by id.
        attribution: whose idle power counts, see `run_footprint`.
    """
    runs = [whole_machine(run) for run in runs]
    devices: dict[str, dict[str, float]] = {}
    for run, key, ratio in _each(runs, known, partial(_devices_of, attribution)):
        devices.setdefault(run.id, {})[key] = ratio
    ratios: dict[str, dict[str, float]] = {}
    tree = ("tree_ratio", _tree_of, False) if attribution == "share" else ("busy_ratio", _busy_of, True)
    for name, readings, of_one in (("reserved_ratio", partial(_reserved_by, attribution), True), tree):
        for run, _, ratio in _each(runs, known, readings, of_one=of_one):
            ratios.setdefault(run.id, {})[name] = ratio
    found = {}
    for run in runs:
        if run.id in devices or run.id in ratios:
            own = ratios.get(run.id, {})
            found[run.id] = Portion(
                devices=devices.get(run.id, {}),
                reserved_ratio=own.get("reserved_ratio", 1.0),
                tree_ratio=own.get("tree_ratio", 1.0),
                busy_ratio=own.get("busy_ratio", 1.0),
            )
    return found


def shared_hours(runs: Sequence[Run], known: Mapping[str, Run], attribution: Attribution) -> dict[str, dict[str, float]]:
    """What counts of the time for which each run used each accelerator, so that each device-hour counts once; all is left out.

    Args:
        runs: the runs that are added up, none contained in another, also those whose energy is not known.
        known: all runs through which a chain of parents may pass, by id.
        attribution: whose devices count, see `run_footprint`.
    """
    runs = [whole_machine(run) for run in runs]
    found: dict[str, dict[str, float]] = {}
    for run, key, ratio in _each(runs, known, partial(_used_by, attribution)):
        found.setdefault(run.id, {})[key] = ratio
    return found


def whole_machine(run: Run) -> Run:
    """A node's own record as a run that held the whole machine, which it is a record of; any other as it is.

    Its own process tree is the recorder's, so that all that was busy stands in the tree's place, and all of the CPUs and devices
    in that of what was reserved and held. Where nobody could tell what was busy, nothing is known of its CPU times.
    """
    if not run.is_background or run.declared is not None:
        return run
    cpu = run.cpu
    if cpu is not None and cpu.busy_s is not None:
        own = {"tree_s": cpu.busy_s, "tree_course": cpu.busy_course, "reserved_cpus": float(cpu.logical_cpus)}
        cpu = msgspec.structs.replace(cpu, **own)
    else:
        cpu = None
    devices = tuple(msgspec.structs.replace(one, held_ratio=1.0, others=False) for one in run.devices)
    return msgspec.structs.replace(run, cpu=cpu, devices=devices)


def span(run: Run) -> tuple[str, float, float]:
    """The clock that a run's time is told by, and its begin and end on it, s."""
    if run.monotonic_s is not None and run.host.boot_id is not None:
        return run.host.boot_id, run.monotonic_s, run.monotonic_s + run.duration_s
    start_s = datetime.fromisoformat(run.started_at).timestamp()
    return f"wall:{run.host.boot_id or run.host.name}", start_s, start_s + run.duration_s


class _Reading(NamedTuple):
    """What a run read: of what, how it grew since the run's start (empty: steadily), and the share of it that the run takes.

    `outer` says whether a run that contains this one takes what it takes, for as long as it lasts.
    """

    key: str
    course: Points = ()
    taken_ratio: float = 1.0
    outer: bool = True


def _devices_of(attribution: Attribution, run: Run) -> list[_Reading]:
    """The devices of which a run takes joules: what it did not read, or never held, it takes from nobody."""
    if attribution == "machine":
        return [_Reading(one.device.id, one.course, outer=False) for one in run.devices if _tells(one)]
    there = [one for one in run.devices if _tells(one) and one.held_ratio != 0]
    shares = [ref.mig_share(*one.device.slices).central if one.device.slices else 1.0 for one in there]
    return [_Reading(one.device.id, one.course, share, outer=False) for one, share in zip(there, shares, strict=True)]


def _used_by(attribution: Attribution, run: Run) -> list[_Reading]:
    """The accelerators that a run uses, for as long as it lasts."""
    there = [one.device for one in run.devices if one.device.component == "accelerators"]
    if attribution == "machine":
        return [_Reading(device.id, outer=False) for device in there]
    unheld = {one.device.id for one in run.devices if one.held_ratio == 0}
    return [
        _Reading(device.id, (), device.slices[0] / device.slices[1] if device.slices else 1.0, outer=False)
        for device in there
        if device.id not in unheld
    ]


def _tells(one: DeviceEnergy) -> bool:
    return bool(one.energy_j) or one.device.grade == "model"


def _reserved_by(attribution: Attribution, run: Run) -> list[_Reading]:
    if run.cpu is None:
        return []
    reserved_ratio = min(1.0, run.cpu.reserved_cpus / run.cpu.logical_cpus)
    return [_Reading("cpus", (), reserved_ratio if attribution == "share" else 1.0)]


def _tree_of(run: Run) -> list[_Reading]:
    return [] if run.cpu is None else [_Reading("cpus", run.cpu.tree_course)]


def _busy_of(run: Run) -> list[_Reading]:
    return [] if run.cpu is None or run.cpu.busy_s is None else [_Reading("cpus", run.cpu.busy_course, outer=False)]


def _ancestors(run: Run, known: Mapping[str, Run]) -> set[str]:
    """The runs of the same machine that a run was started in, one in the other."""
    found: set[str] = set()
    while run.parent is not None and run.parent not in found and run.parent in known:
        parent = known[run.parent]
        if parent.host.boot_id != run.host.boot_id:
            break
        found.add(parent.id)
        run = parent
    # Runs that contain each other contain nothing: somebody wrote that by hand.
    return found if run.parent not in found else set()


def _each(
    runs: Sequence[Run], known: Mapping[str, Run], readings: Callable[[Run], list[_Reading]], *, of_one: bool = True
) -> Iterator[tuple[Run, str, float]]:
    """Each run's readings that overlapped another's of the same thing, and what of them counts, if not all."""
    held: dict[tuple[str, str], list[tuple[Run, _Reading, Span]]] = {}
    for run in runs:
        clock, begin_s, end_s = span(run)
        for one in readings(run):
            # Of what grew unseen (a model's device) each moment counts the same.
            points = [(begin_s + t_s, amount) for t_s, amount in one.course] or [(begin_s, 0.0), (end_s, end_s - begin_s)]
            # From its first reading to its last: of a moment that it read in part only, it would seem to take a part.
            own = Span(points[0][0], points[-1][0], points, one.taken_ratio, run.journal_id or None, run.is_background)
            held.setdefault((clock, one.key), []).append((run, one, own))
    for (_, key), ones in held.items():
        for together in clusters([own for _, _, own in ones]):
            place = {ones[i][0].id: at for at, i in enumerate(together)}
            inside = [
                [place[outer] for outer in _ancestors(ones[i][0], known) if outer in place] if ones[i][1].outer else []
                for i in together
            ]
            ratios = divided([ones[i][2] for i in together], inside, of_one=of_one)
            for i, ratio in zip(together, ratios, strict=True):
                if abs(ratio - 1.0) > _ROUNDING:
                    yield ones[i][0], key, ratio
