"""May the measurement be trusted? Each look has a name, a verdict and its numbers; nothing is left out of the result for it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median
from typing import Final

from footprint import text
from footprint.model import Run
from footprint.profile import Workload
from footprint.profiling.conditions import Conditions
from footprint.profiling.energies import DISTURBED_LIMIT, OTHERS_LIMIT, STOLEN_LIMIT, by_unit, disturbed_ratio, was_quiet
from footprint.profiling.results import Check, Idle, RepeatResult, Verdict
from footprint.profiling.statistics import Spread, trend

CHANCE_LIMIT: Final = 0.05
ALIKE_LIMIT: Final = 0.5
FREQUENCY_LIMIT: Final = 0.05
TICKS_LEAST: Final = 100
"""A repeat of fewer clock ticks of CPU accounting is read to no better than a per cent."""
DRIFT_LIMIT: Final = 0.01
WARMTH_LIMIT: Final = 10.0


def checks_of(
    *,
    workload: Workload,
    idle: Idle | None,
    repeats: Sequence[RepeatResult],
    runs: Sequence[Run],
    energy: Spread | None,
    ends: tuple[Conditions, Conditions],
) -> tuple[Check, ...]:
    """All looks, in the order in which they are told.

    Args:
        workload: what was run.
        idle: the machine before.
        repeats: what was measured.
        runs: their facts.
        energy: what the energies of a unit say together; of the times where no energy is known.
        ends: the machine before everything and after.
    """
    return (
        _quiet(idle),
        _load(repeats),
        _stolen(repeats),
        _throttled(*ends),
        *_gpus(*ends),
        _frequency(repeats),
        _warmth(repeats),
        _swap(*ends),
        _drift(repeats),
        _alike(energy),
        _resolution(repeats, runs),
        _amounts(workload, repeats),
        _interval(workload, repeats, energy),
    )


def _check(name: str, is_fine: bool | None, message: str, **numbers: float) -> Check:
    verdict: Verdict = "unknown" if is_fine is None else "ok" if is_fine else "doubtful"
    return Check(name=name, verdict=verdict, message=message, numbers=numbers)


def _quiet(idle: Idle | None) -> Check:
    name = "quiet before"
    if idle is None:
        return _check(name, None, "not looked at: idle_s is 0")
    if idle.others_ratio is None:
        return _check(name, None, "this system does not tell what other processes take")
    others, stolen, is_quiet = idle.others_ratio, idle.stolen_ratio or 0.0, was_quiet(idle)
    message = f"others took {text.percent(others)} of the CPUs in {text.duration(idle.duration_s)} before"
    if not is_quiet:
        message += ": its power then is none of an idle machine, and what the work takes above it is not told"
    return _check(name, is_quiet, message, others_ratio=others, stolen_ratio=stolen)


def _load(repeats: Sequence[RepeatResult]) -> Check:
    known = [one.others_ratio for one in repeats if one.others_ratio is not None]
    if not known:
        return _check("other load", None, "what other processes took is not known of any repeat")
    many = sum(one > OTHERS_LIMIT for one in known)
    message = f"others took {text.percent(fmean(known))} of the CPUs on average, {text.percent(max(known))} at most"
    more = f"; more than {text.percent(OTHERS_LIMIT)} in {many} of {len(repeats)} repeats" if many else ""
    return _check("other load", many == 0, message + more, mean_ratio=fmean(known), most_ratio=max(known), repeats=many)


def _stolen(repeats: Sequence[RepeatResult]) -> Check:
    known = [one.stolen_ratio for one in repeats if one.stolen_ratio is not None]
    if not known:
        return _check("stolen time", None, "this system does not tell what other guests of the hardware take")
    many = sum(one > STOLEN_LIMIT for one in known)
    message = f"other guests of the hardware took {text.percent(max(known))} of the CPU time at most"
    return _check("stolen time", many == 0, message, most_ratio=max(known), repeats=many)


def _throttled(before: Conditions, after: Conditions) -> Check:
    if before.throttles is None or after.throttles is None:
        return _check("throttling", None, "this system does not count how often CPUs are slowed for their warmth")
    times = after.throttles - before.throttles
    return _check("throttling", times <= 0, f"CPUs were slowed for their warmth {text.plural(times, 'time')}", times=times)


def _gpus(before: Conditions, after: Conditions) -> tuple[Check, ...]:
    """Whether GPUs were slowed; at the limit of their power they are as they are made to be, which is no doubt but is told."""
    if before.gpus is None or after.gpus is None:
        return ()
    warmth_s = max(0.0, after.gpus.warmth_s - before.gpus.warmth_s)
    power_s = max(0.0, after.gpus.power_s - before.gpus.power_s)
    message = f"GPUs were slowed for warmth for {text.duration(warmth_s)}, at the limit of power for {text.duration(power_s)}"
    return (_check("GPU throttling", warmth_s <= 0, message, warmth_s=warmth_s, power_s=power_s),)


def _frequency(repeats: Sequence[RepeatResult]) -> Check:
    known = [one.mhz for one in repeats if one.mhz]
    if not known or len(known) < len(repeats):
        return _check("frequency", None, "the CPUs' frequency cannot be read")
    low, high = min(known), max(known)
    apart = (high - low) / high
    message = f"{low:,.0f}–{high:,.0f} MHz, the mean of all CPUs at the end of each repeat"
    return _check("frequency", apart <= FREQUENCY_LIMIT, message, least_mhz=low, most_mhz=high)


def _warmth(repeats: Sequence[RepeatResult]) -> Check:
    known = [one.celsius for one in repeats if one.celsius is not None]
    if not known:
        return _check("temperature", None, "no temperature can be read")
    rise = max(known) - min(known)
    message = f"{min(known):.0f}–{max(known):.0f} °C at the end of each repeat"
    return _check("temperature", rise <= WARMTH_LIMIT, message, least_c=min(known), most_c=max(known))


def _swap(before: Conditions, after: Conditions) -> Check:
    if before.swapped is None or after.swapped is None:
        return _check("swap", None, "this system does not tell what it swaps")
    pages = after.swapped - before.swapped
    return _check("swap", pages <= 0, f"{text.plural(pages, 'page')} went to or came from swap", pages=pages)


def _drift(repeats: Sequence[RepeatResult]) -> Check:
    values = by_unit(repeats)
    found = trend(values)
    if found is None:
        return _check("drift", None, "too few repeats to tell a trend")
    tau, chance = found
    half = len(values) // 2
    early, late = median(values[:half]), median(values[-half:])
    moved = late / early - 1 if early else 0.0
    how = "rise" if tau > 0 else "fall"
    message = (
        f"repeats {how} with time, by {text.percent(abs(moved))} from the first half to the second"
        if chance < CHANCE_LIMIT
        else "no trend over the repeats"
    )
    is_fine = chance >= CHANCE_LIMIT or abs(moved) < DRIFT_LIMIT
    return _check("drift", is_fine, message, tau=tau, chance=chance, moved_ratio=moved)


def _alike(energy: Spread | None) -> Check:
    if energy is None or energy.autocorrelation is None:
        return _check("independence", None, "too few sessions to tell whether neighbours are alike")
    r = energy.autocorrelation
    message = f"autocorrelation {r:.2f}" + (
        f", the interval is widened by {energy.inflation**0.5:.2f}" if energy.inflation > 1 else ""
    )
    return _check("independence", r <= ALIKE_LIMIT, message, autocorrelation=r, inflation=energy.inflation)


def _resolution(repeats: Sequence[RepeatResult], runs: Sequence[Run]) -> Check:
    steps = [run.cpu.resolution_s for run in runs if run.cpu is not None and run.cpu.resolution_s > 0]
    shortest = min((one.duration_s for one in repeats), default=0.0)
    if not repeats or not steps:
        return _check("resolution", None, "the step of the kernel's CPU times is not known")
    ticks = shortest / max(steps)
    message = f"the shortest repeat takes {text.duration(shortest)}, {ticks:,.0f} steps of the kernel's CPU times"
    return _check("resolution", ticks >= TICKS_LEAST, message, shortest_s=shortest, steps=ticks)


def _amounts(workload: Workload, repeats: Sequence[RepeatResult]) -> Check:
    amounts = [one.amount for one in repeats]
    if not amounts:
        return _check("amounts", None, "nothing was measured")
    low, high = min(amounts), max(amounts)
    same = f"each repeat did {text.number(low)} {workload.unit}"
    apart = f"repeats did between {text.number(low)} and {text.number(high)} {workload.unit}"
    return _check("amounts", low == high, same if low == high else apart, least=low, most=high)


def _interval(workload: Workload, repeats: Sequence[RepeatResult], energy: Spread | None) -> Check:
    if energy is None or energy.half_ratio is None:
        return _check("interval", None, "too few sessions for an interval: three at least")
    half, wanted = energy.half_ratio, workload.interval_ratio
    message = f"±{text.percent(half)} of the mean, {text.percent(wanted)} wanted"
    is_quiet = disturbed_ratio(repeats) <= DISTURBED_LIMIT
    if not is_quiet:
        message += "; most repeats were disturbed: it holds for a machine that stays as busy, and not for a quiet one"
    return _check("interval", is_quiet and half <= wanted, message, half_ratio=half, wanted_ratio=wanted)
