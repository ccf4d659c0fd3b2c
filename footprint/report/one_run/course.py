"""A run's energy over its own time, as it was attributed: by component, by phase, and up to each mark.

The energy itself is the footprint's; `derive.spreading` says when it was used: a device's by its readings, what a CPU did by its
CPU-seconds, the rest evenly. A phase's share is that of the middles; its range is the run's in the same proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from footprint.derive import Working
from footprint.derive.spreading import Spread, Spreading
from footprint.model import ComponentName, Footprint, Range, Run
from footprint.report.one_run.series import Numbers, Stretches
from footprint.units import j_from_kwh

EDGES: Final = 300
PHASES: Final = 500
"""So many phases and marks, the first of them, are listed one by one."""
_LEAST_OF_MEDIAN: Final = 0.2


class PartSeries(msgspec.Struct, frozen=True, kw_only=True):
    """A component's energy (of the IT equipment, attributed) in each interval, and its mean power; null where nothing was read.

    `how` says by what it was spread over time.
    """

    component: ComponentName
    how: str
    energy_kwh: tuple[float, ...]
    mean_w: tuple[float | None, ...]


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """The run's energy over its own time: intervals between `edges_s`, and what it came to at each edge.

    `so_far_kwh` is the facility's energy and `so_far_g` the emissions from the start to each edge, middles; null where that of
    the run is unknown.
    """

    edges_s: tuple[float, ...]
    parts: tuple[PartSeries, ...]
    so_far_kwh: tuple[float, ...] | None
    so_far_g: tuple[float, ...] | None


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch that the program named, s since the start; `energy_kwh` is the facility's."""

    name: str
    begin_s: float
    end_s: float
    energy_kwh: Range | None
    emissions_g: Range | None


class PhaseSum(msgspec.Struct, frozen=True, kw_only=True):
    """All phases of a name. `energy_ratio` is the share of the run's energy; phases may overlap, and need not add up to it."""

    name: str
    phases: int
    duration_s: float
    energy_kwh: Range | None
    emissions_g: Range | None
    energy_ratio: float | None


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A mark: when, s since the start, and the facility's energy up to then, middle."""

    name: str
    t_s: float
    energy_kwh: float | None


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """A run over its time: `course` is null where nothing is known of it; `all_phases` and `all_marks` count what there is."""

    course: Course | None
    phases: tuple[Phase, ...]
    by_phase: tuple[PhaseSum, ...]
    marks: tuple[Moment, ...]
    all_phases: int
    all_marks: int


def timing(run: Run, sheet: Working, footprint: Footprint, read: dict[str, Stretches], times_s: Sequence[float]) -> Timing:
    """A run over its time.

    Args:
        run: its facts, with courses as fine as they are known.
        sheet: where its footprint was worked out.
        footprint: what came out.
        read: of each device that was read, the stretches.
        times_s: where to cut, s since the start, ascending; of more than `EDGES` even intervals are made.
    """
    spread = None if run.declared is not None or not run.duration_s > 0 else Spreading(run, sheet, 0.0)
    there = {one.component: one.energy_kwh.central for one in footprint.breakdown if one.energy_kwh and one.energy_kwh.high}
    if spread is None or not there:
        return _untold(run)
    edges_s = _edges(times_s, run.duration_s)
    parts = tuple(
        _part(name, kwh, spread.of(name, edges_s.tolist()), edges_s, _own(name, run, read)) for name, kwh in there.items()
    )
    known = footprint.it_energy_kwh is not None and sum(there.values()) > 0
    course = Course(
        edges_s=tuple(edges_s.tolist()),
        parts=parts,
        so_far_kwh=_so_far(spread, there, edges_s, footprint.energy_kwh) if known else None,
        so_far_g=_so_far(spread, there, edges_s, footprint.emissions_g) if known else None,
    )
    return _told(run, footprint, course, _Upto(spread, there, run.duration_s) if known else None)


class _Upto:
    """The share of the run's energy up to any of its times."""

    def __init__(self, spread: Spreading, there: dict[ComponentName, float], duration_s: float) -> None:
        self._spread, self._there, self._duration_s = spread, there, duration_s

    def at(self, times_s: Sequence[float]) -> dict[float, float]:
        """The shares up to some times, s since the start."""
        wanted = np.unique(np.clip(np.array([0.0, *times_s, self._duration_s]), 0.0, self._duration_s))
        shares = _cumulated(self._spread, self._there, wanted)
        return dict(zip(wanted.tolist(), shares.tolist(), strict=True))


def _cumulated(spread: Spreading, there: dict[ComponentName, float], edges_s: Numbers) -> Numbers:
    """The share of the energy up to each edge: from 0 to 1."""
    whole = sum(there.values())
    inside = sum((spread.of(name, edges_s.tolist()).shares * (kwh / whole) for name, kwh in there.items()), np.zeros(1))
    return np.concatenate(([0.0], np.cumsum(inside)))


def _so_far(
    spread: Spreading, there: dict[ComponentName, float], edges_s: Numbers, whole: Range | None
) -> tuple[float, ...] | None:
    return None if whole is None else tuple((_cumulated(spread, there, edges_s) * whole.central).tolist())


def _edges(times_s: Sequence[float], duration_s: float) -> Numbers:
    """Where intervals meet: at the readings, where they are few; never much closer to each other than most of them are."""
    inside = np.unique(np.array([time_s for time_s in times_s if 0 < time_s < duration_s], dtype=np.float64))
    if not len(inside) or len(inside) > EDGES:
        return np.linspace(0.0, duration_s, (EDGES if len(inside) else 1) + 1)
    edges = np.concatenate(([0.0], inside, [duration_s]))
    least_s = _LEAST_OF_MEDIAN * float(np.median(np.diff(edges)))
    kept = [0.0]
    for edge_s in edges[1:-1].tolist():
        if edge_s - kept[-1] >= least_s and duration_s - edge_s >= least_s:
            kept.append(edge_s)
    return np.array([*kept, duration_s])


def _own(name: ComponentName, run: Run, read: dict[str, Stretches]) -> list[Stretches]:
    """What was read of the devices of a component."""
    return [read[one.device.id] for one in run.devices if one.device.component == name and one.device.id in read]


def _part(name: ComponentName, kwh: float, spread: Spread, edges_s: Numbers, own: Sequence[Stretches]) -> PartSeries:
    inside_kwh = spread.shares * kwh
    mean_w = [j_from_kwh(one) / length_s for one, length_s in zip(inside_kwh.tolist(), np.diff(edges_s).tolist(), strict=True)]
    seen = [_is_read(own, begin_s, end_s) for begin_s, end_s in zip(edges_s[:-1].tolist(), edges_s[1:].tolist(), strict=True)]
    return PartSeries(
        component=name,
        how=spread.how,
        energy_kwh=tuple(inside_kwh.tolist()),
        mean_w=tuple(watts if was_read or watts > 0 else None for watts, was_read in zip(mean_w, seen, strict=True)),
    )


def _is_read(own: Sequence[Stretches], begin_s: float, end_s: float) -> bool:
    """Whether any stretch of these devices lies in an interval; true of a component that no device reads."""
    return not own or any(bool(np.any((one.begin_s < end_s) & (one.end_s > begin_s))) for one in own)


def _untold(run: Run) -> Timing:
    return _told(run, None, None, None)


def _told(run: Run, footprint: Footprint | None, course: Course | None, upto: _Upto | None) -> Timing:
    """Phases and marks, with their energies where the run's course is known."""
    spans = [
        (one, min(one.t_s, run.duration_s), min(max(one.end_s, one.t_s), run.duration_s))
        for one in run.marks
        if one.end_s is not None
    ]
    points = [one for one in run.marks if one.end_s is None]
    times_s = [*(begin_s for _, begin_s, _ in spans), *(end_s for _, _, end_s in spans), *(one.t_s for one in points)]
    shares = upto.at(times_s) if upto else {}

    def upto_share(t_s: float) -> float | None:
        return shares.get(min(max(t_s, 0.0), run.duration_s)) if upto else None

    energy = footprint.energy_kwh if footprint else None
    emissions = footprint.emissions_g if footprint else None
    phases, ratios = [], []
    for mark, begin_s, end_s in spans:
        before, after = upto_share(begin_s), upto_share(end_s)
        ratio = after - before if before is not None and after is not None else None
        ratios.append(ratio)
        phases.append(
            Phase(
                name=mark.name,
                begin_s=begin_s,
                end_s=end_s,
                energy_kwh=_scaled(energy, ratio),
                emissions_g=_scaled(emissions, ratio),
            )
        )
    marks = []
    for one in points:
        share = upto_share(one.t_s)
        marks.append(
            Moment(name=one.name, t_s=one.t_s, energy_kwh=energy.central * share if energy and share is not None else None)
        )
    return Timing(
        course=course,
        phases=tuple(phases[:PHASES]),
        by_phase=_by_name(phases, ratios, energy, emissions),
        marks=tuple(marks[:PHASES]),
        all_phases=len(phases),
        all_marks=len(marks),
    )


def _by_name(
    phases: Sequence[Phase], ratios: Sequence[float | None], energy: Range | None, emissions: Range | None
) -> tuple[PhaseSum, ...]:
    names: dict[str, list[int]] = {}
    for place, one in enumerate(phases):
        names.setdefault(one.name, []).append(place)
    found = []
    for name, places in names.items():
        known = [ratio for place in places if (ratio := ratios[place]) is not None]
        ratio = sum(known) if len(known) == len(places) else None
        found.append(
            PhaseSum(
                name=name,
                phases=len(places),
                duration_s=sum(phases[place].end_s - phases[place].begin_s for place in places),
                energy_kwh=_scaled(energy, ratio),
                emissions_g=_scaled(emissions, ratio),
                energy_ratio=ratio if energy else None,
            )
        )
    return tuple(sorted(found, key=lambda one: -one.duration_s)[:PHASES])


def _scaled(value: Range | None, ratio: float | None) -> Range | None:
    """A range's part, its bounds in the same proportion."""
    if value is None or ratio is None:
        return None
    ratio = max(0.0, ratio)
    return Range(low=value.low * ratio, central=value.central * ratio, high=value.high * ratio)
