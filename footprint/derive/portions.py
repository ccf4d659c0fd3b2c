"""Each joule once: what of each run counts in a sum of runs that overlapped on one machine.

Runs overlap in three ways. On an *accelerator* (or a CPU's counter, a server's power meter) each has read the same joules: a
moment counts once, divided among those that read it. Of the *idle CPUs and memory* of a machine each takes what was reserved to
it, together never more than there is. *CPU-seconds* are those of a run's own process tree: runs of one program, and a run
and what it started, see the same ones, and the outer tree's count; other trees are disjoint.

Runs of one boot are laid side by side by the monotonic clock that all its programs share, others by the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from footprint.accounting.energy import Points
from footprint.accounting.union import Span, clusters, divided, parts, rationed
from footprint.model import Attribution, Run

_ROUNDING: Final = 1e-9


@dataclass(frozen=True, kw_only=True)
class Portion:
    """What of a run's readings counts: of each device's energy, of the reserved idle CPUs and memory, of the CPU-seconds."""

    devices: Mapping[str, float] = field(default_factory=dict)
    reserved_ratio: float = 1.0
    tree_ratio: float = 1.0
    busy_ratio: float = 1.0

    def of(self, device_id: str) -> float:
        """The part of a device's energy that counts."""
        return self.devices.get(device_id, 1.0)

    @property
    def least_ratio(self) -> float:
        """The smallest of its parts."""
        return min(self.reserved_ratio, self.tree_ratio, self.busy_ratio, *self.devices.values())


WHOLE: Final = Portion()


def portions(runs: Sequence[Run], known: Mapping[str, Run], attribution: Attribution) -> dict[str, Portion]:
    """What counts of each of some runs that are summed; runs that overlap none are left out: they count whole.

    Args:
        runs: the runs that are added up, none contained in another.
        known: all runs through which a chain of parents may pass, by id.
        attribution: whose idle power counts, see `run_footprint`.
    """
    devices: dict[str, dict[str, float]] = {}
    for run, key, ratio in _each(runs, _devices_of, lambda spans, _: divided(spans)):
        devices.setdefault(run.id, {})[key] = ratio
    ratios: dict[str, dict[str, float]] = {}
    for name, readings, share in (
        ("reserved_ratio", partial(_reserved_by, attribution), lambda spans, _: rationed(spans)),
        ("tree_ratio", _tree_of, partial(_outermost, known))
        if attribution == "share"
        else ("busy_ratio", _busy_of, lambda spans, _: divided(spans)),
    ):
        for run, _, ratio in _each(runs, readings, share):
            ratios.setdefault(run.id, {})[name] = ratio
    return {
        run.id: Portion(devices=devices.get(run.id, {}), **ratios.get(run.id, {}))
        for run in runs
        if run.id in devices or run.id in ratios
    }


def span(run: Run) -> tuple[str, float, float]:
    """The clock that a run's time is told by, and its begin and end on it, s."""
    if run.monotonic_s is not None and run.host.boot_id is not None:
        return run.host.boot_id, run.monotonic_s, run.monotonic_s + run.duration_s
    start_s = datetime.fromisoformat(run.started_at).timestamp()
    return f"wall:{run.host.boot_id or run.host.name}", start_s, start_s + run.duration_s


_Reading = tuple[str, Points, float]
"""Of what, how it grew since the run's start, and the share of it that the run takes."""
_Readings = Callable[[Run], list[_Reading]]
_Share = Callable[[Sequence[Span], Sequence[Run]], list[float]]


def _devices_of(run: Run) -> list[_Reading]:
    return [(one.device.id, one.course, 1.0) for one in run.devices]


def _reserved_by(attribution: Attribution, run: Run) -> list[_Reading]:
    if run.cpu is None:
        return []
    return [("cpus", (), run.cpu.reserved_cpus / run.cpu.logical_cpus if attribution == "share" else 1.0)]


def _tree_of(run: Run) -> list[_Reading]:
    return [] if run.cpu is None else [("cpus", run.cpu.tree_course, 1.0)]


def _busy_of(run: Run) -> list[_Reading]:
    return [] if run.cpu is None else [("cpus", run.cpu.busy_course, 1.0)]


def _outermost(known: Mapping[str, Run], spans: Sequence[Span], runs: Sequence[Run]) -> list[float]:
    """Of runs whose trees contain each other the outer one's CPU-seconds count, of those of one program the first's."""
    above = [_ancestors(run, known) for run in runs]

    def choose(grown: Mapping[int, float]) -> Mapping[int, float]:
        there = {runs[i].id for i in grown}
        counted: dict[str, int] = {}
        for i in grown:
            if not above[i] & there:
                counted.setdefault(runs[i].journal_id or runs[i].id, i)
        return {i: grown[i] for i in counted.values()}

    return parts(spans, choose)


def _ancestors(run: Run, known: Mapping[str, Run]) -> set[str]:
    """The runs of the same machine that a run was started in, one in the other."""
    found: set[str] = set()
    while run.parent is not None and run.parent not in found and run.parent in known:
        parent = known[run.parent]
        if parent.host.boot_id != run.host.boot_id:
            break
        found.add(parent.id)
        run = parent
    return found


def _each(runs: Sequence[Run], readings: _Readings, share: _Share) -> Iterator[tuple[Run, str, float]]:
    """Each run's readings that overlapped another's of the same thing, and what of them counts, if not all."""
    held: dict[tuple[str, str], list[tuple[Run, Span]]] = {}
    for run in runs:
        clock, begin_s, end_s = span(run)
        for key, course, taken_ratio in readings(run):
            # Of what grew unseen (a model's device) each moment counts the same.
            points = [(begin_s + t_s, amount) for t_s, amount in course] or [(begin_s, 0.0), (end_s, end_s - begin_s)]
            held.setdefault((clock, key), []).append((run, Span(begin_s, end_s, points, taken_ratio)))
    for (_, key), ones in held.items():
        for together in clusters([one for _, one in ones]):
            ratios = share([ones[i][1] for i in together], [ones[i][0] for i in together])
            for i, ratio in zip(together, ratios, strict=True):
                if abs(ratio - 1.0) > _ROUNDING:
                    yield ones[i][0], key, ratio
