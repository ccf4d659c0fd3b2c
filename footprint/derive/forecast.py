"""What a run will have taken by its end, from the first part of it.

Time and energy of the rest of the work follow from those of the work done so far (`advance`), both by the course of
`run.progress(done, total)`; what the run has taken before its first word of progress (loading data and model) counts as spent,
and tells nothing of the rest. Energy so far is derived anew at the end of each block of work, by the rules of the run's
footprint. The grid's intensity, the PUE and the meters' errors are those of the energy spent: what is wrong in them is wrong in
the rest alike.

**Too early** is: less than a twentieth of the work done, in less than ten minutes (all of it may be a slow beginning, of which
the rest says nothing); fewer than five words of progress (at first, and after the program began anew), or a range of the rest
that would reach down to nothing. Then the forecast is unknown, and what was spent is told.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from footprint import text
from footprint.accounting.ranges import MAX_SIDES_RATIO, Quantity, draw
from footprint.derive.advance import BLOCKS_LEAST, blocks, rest
from footprint.derive.measured import derive_run
from footprint.derive.working import range_of
from footprint.model import Attribution, CpuTime, DeviceEnergy, Factor, Range, Run
from footprint.recorder.outlook import Forecast, Moments

METHOD: Final = (
    "a local level model of time and energy per unit of work over up to 20 blocks of the work done (Harvey 1989, 2.3), "
    "its noise and drift weighted by how well they explain the blocks"
)
EARLY_RATIO: Final = 0.05
EARLY_S: Final = 600.0
STALLED_GAPS: Final = 5.0
STALLED_S: Final = 30.0
_ROUNDING_S: Final = 0.001

_EARLY: Final = (
    "it is too early: a forecast takes five words of progress, 5 % of the work or ten minutes of it, and a steady course"
)
_BEYOND: Final = "at this pace it comes after the year 9999"
_SILENT: Final = "the program has said nothing of its progress: run.progress(done, total)"

Points = Sequence[tuple[float, float]]


class _Advance(NamedTuple):
    """A run's progress, cut into blocks: when, and how much was done, at each cut; and how much remains."""

    times_s: tuple[float, ...]
    done: tuple[float, ...]
    remaining: float
    longest_gap_s: float

    @property
    def work(self) -> list[float]:
        return _steps(self.done)


def forecast(run: Run, *, attribution: Attribution = "share") -> Forecast:
    """What a run will have taken by its end, if it goes on as it began.

    Args:
        run: its facts so far; of one that has ended, what they would have told at its last reading.
        attribution: see `run_footprint`.

    Returns:
        Ranges of 90 % for the whole run. Never less than what is spent already; null, and named in `unknown`, where it is too
        early.
    """
    work = derive_run(run, attribution)
    energy, emissions = range_of(work.facility), range_of(work.emissions)
    unknown = [f"{name}: {why}" for name, why, known in _spent_unknown(energy, emissions, work.unknown) if not known]
    # Of what was told after the last reading nothing was read yet.
    told = tuple(point for point in run.progress if point[0] <= run.duration_s + _ROUNDING_S)
    last = told[-1] if told else None
    base = Forecast(
        run=run.id,
        at_s=run.duration_s,
        done=last[1] if last else None,
        total=last[2] if last else None,
        spent_energy_kwh=energy,
        spent_emissions_g=emissions,
        method=METHOD,
    )
    advance = _advance(told)
    if advance is None or last is None:
        return msgspec.structs.replace(base, unknown=(f"end: {_EARLY if told else _SILENT}", *unknown))
    silent_s = max(0.0, run.duration_s - last[0])
    credit_s = min(silent_s, advance.longest_gap_s)  # of the time since the last word so much was work; the rest was a pause
    duration = _after(run.duration_s, rest(advance.work, _steps(advance.times_s), advance.remaining), credit_s)
    growth = _growth(run, advance, attribution, credit_s / silent_s if silent_s else 0.0)
    ends_at = _moments(run, duration)
    if ends_at is None:
        unknown.insert(0, f"end: {_EARLY if duration is None else _BEYOND}")
    if growth is None and energy is not None:
        unknown.append(f"energy: {_EARLY}")
    return msgspec.structs.replace(
        base,
        duration_s=duration,
        ends_at=ends_at,
        energy_kwh=_grown(work.facility, growth, energy),
        emissions_g=_grown(work.emissions, growth, emissions),
        unknown=tuple(unknown),
        warnings=_stalled(silent_s, advance),
    )


def until(run: Run, t_s: float) -> Run:
    """A run as it stood when it was so old: the facts of its first part, as far as their courses tell.

    Args:
        run: the run, of which courses were kept.
        t_s: s since its start; no later than its last reading.
    """
    share = min(1.0, t_s / run.duration_s) if run.duration_s > 0 else 1.0
    if share >= 1.0:
        return run
    return msgspec.structs.replace(
        run,
        duration_s=t_s,
        outcome="running",
        devices=tuple(_device_until(one, t_s, share) for one in run.devices),
        cpu=None if run.cpu is None else _cpu_until(run.cpu, t_s, share),
        progress=tuple(point for point in run.progress if point[0] <= t_s),
        marks=tuple(mark for mark in run.marks if mark.t_s <= t_s),
    )


def _spent_unknown(
    energy: Range | None, emissions: Range | None, unknown: Sequence[str]
) -> tuple[tuple[str, str, bool], tuple[str, str, bool]]:
    of_energy = [name for name in unknown if name in {"accelerators", "cpu", "memory", "rest"}]
    why = f"that of a part is not known ({', '.join(of_energy)})" if of_energy else "that of a part is not known"
    return (
        ("energy", why, energy is not None),
        ("emissions", "the energy is not known" if energy is None else "the place is not known", emissions is not None),
    )


def _advance(told: Sequence[tuple[float, float, float]]) -> _Advance | None:
    """The blocks of a run's progress; null where there are too few."""
    points = list(told[:1])
    for point in told[1:]:
        if point[1] > points[-1][1]:  # words that tell of nothing new only say that the program still runs
            points.append(point)
    if len(points) <= BLOCKS_LEAST:
        return None
    cuts = blocks([done for _, done, _ in points])
    (first_s, before, _), (last_s, by_now, whole) = told[0], told[-1]
    is_early = by_now - before < EARLY_RATIO * (whole - before) and last_s - first_s < EARLY_S
    if len(cuts) <= BLOCKS_LEAST or is_early:
        return None
    times_s = [t_s for t_s, _, _ in points]
    return _Advance(
        times_s=tuple(times_s[cut] for cut in cuts),
        done=tuple(points[cut][1] for cut in cuts),
        remaining=max(0.0, whole - by_now),
        longest_gap_s=max(_steps(times_s)),
    )


def _after(now: float, more: Range | None, credit: float) -> Range | None:
    """What there is with the rest of the work, of which some is in what there is already; never less than that."""
    if more is None:
        return None
    low, central, high = (now + max(0.0, value - credit) for value in (more.low, more.central, more.high))
    return Range(low=low, central=central, high=high)


def _growth(run: Run, advance: _Advance, attribution: Attribution, credit_ratio: float) -> Quantity | None:
    """How many times the energy so far the whole run takes; null where that is not known, or too early to tell.

    Args:
        run: the run.
        advance: its progress.
        attribution: whose joules are counted.
        credit_ratio: the share of the time since the last word of progress in which work was done.
    """
    cut = [derive_run(until(run, t_s), attribution).it for t_s in (*advance.times_s, run.duration_s)]
    known = [energy.central for energy in cut if energy is not None]
    if len(known) < len(cut) or known[-1] <= 0:
        return None
    *ends, now = known
    credit = max(0.0, now - ends[-1]) * credit_ratio
    more = rest(advance.work, [max(0.0, step) for step in _steps(ends)], advance.remaining)
    whole = _after(now, more, credit)
    if whole is None:
        return None
    low, central, high = whole.low / now, whole.central / now, whole.high / now
    if not low < central < high:
        return Quantity(central)
    # The law of a range takes sides that are not too different; the shorter one gives way, and not below what is spent.
    low = max(1.0, min(low, central - (high - central) / (0.99 * MAX_SIDES_RATIO)))
    high = max(high, central + (central - low) / (0.99 * MAX_SIDES_RATIO))
    if high - central > 0.999 * MAX_SIDES_RATIO * (central - low):
        return None
    return draw(
        Factor(
            id="forecast.growth",
            low=low,
            central=central,
            high=high,
            unit="1",
            source=METHOD,
            year=None,
            licence="",
            basis="",
            grade="model",
            error_family=f"forecast/{run.id}",
            varies="run",
        ),
        run=run.id,
    )


def _grown(spent: Quantity | None, growth: Quantity | None, least: Range | None) -> Range | None:
    """The range of the whole, which is at no point below that of what is spent."""
    whole = range_of(spent * growth) if spent is not None and growth is not None else None
    if whole is None or least is None:
        return None
    return Range(
        low=max(whole.low, least.low), central=max(whole.central, least.central), high=max(whole.high, least.high, whole.central)
    )


def _moments(run: Run, duration_s: Range | None) -> Moments | None:
    """When a run ends; null where that is beyond the calendar: a total of 2^63 stands for one that has no end."""
    if duration_s is None:
        return None
    started = datetime.fromisoformat(run.started_at) + timedelta(seconds=run.suspended_s)
    try:
        low, central, high = (
            (started + timedelta(seconds=value)).astimezone(UTC).isoformat(timespec="seconds")
            for value in (duration_s.low, duration_s.central, duration_s.high)
        )
    except OverflowError:
        return None
    return Moments(low=low, central=central, high=high)


def _stalled(silent_s: float, advance: _Advance) -> tuple[str, ...]:
    if silent_s < max(STALLED_S, STALLED_GAPS * advance.longest_gap_s) or advance.remaining <= 0:
        return ()
    told = (
        f"no progress was told for {text.duration(silent_s)}, longer than ever before: the program may hang, or do something else"
    )
    return (f"{told}; the forecast takes it to go on now as before",)


def _device_until(one: DeviceEnergy, t_s: float, share: float) -> DeviceEnergy:
    energy_j = _at(one.course, t_s) if one.course else None if one.energy_j is None else one.energy_j * share
    read_s = one.read_s * share
    return msgspec.structs.replace(one, energy_j=energy_j, read_s=read_s, course=_course_until(one.course, t_s))


def _cpu_until(cpu: CpuTime, t_s: float, share: float) -> CpuTime:
    busy_s = None if cpu.busy_s is None else _at(cpu.busy_course, t_s) if cpu.busy_course else cpu.busy_s * share
    return msgspec.structs.replace(
        cpu,
        tree_s=_at(cpu.tree_course, t_s) if cpu.tree_course else cpu.tree_s * share,
        busy_s=busy_s,
        read_s=cpu.read_s * share,
        tree_course=_course_until(cpu.tree_course, t_s),
        busy_course=_course_until(cpu.busy_course, t_s),
    )


def _course_until(course: Points, t_s: float) -> tuple[tuple[float, float], ...]:
    """The beginning of a course, up to a point at that very moment."""
    before = tuple(point for point in course if point[0] <= t_s)
    return before if len(before) in {0, len(course)} else (*before, (t_s, _at(course, t_s)))


def _at(course: Points, t_s: float) -> float:
    """A course between its points."""
    before = course[0]
    for point in course:
        if point[0] >= t_s:
            length_s = point[0] - before[0]
            return before[1] + (point[1] - before[1]) * ((t_s - before[0]) / length_s if length_s > 0 else 1.0)
        before = point
    return before[1]


def _steps(values: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(values)]
