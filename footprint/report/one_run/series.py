"""A run's readings over time, in as many points as a page can hold: what is thinned keeps its joules and its extremes.

A stretch between two readings has a mean power. More stretches than may be shown are put into buckets of equal length: what a
stretch used goes into the buckets that it crosses in proportion to time, so that the buckets' joules add up to those of the
readings, and a bucket's mean power times its time that was read is its joules. Beside the mean stand the least and the largest
power of any stretch in it. Where nothing was read there is no bucket: a gap stays one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
# Times of readings are kept in whole microseconds.
_SAME_S: Final = 2e-6


class Stretches(NamedTuple):
    """What a cumulative quantity grew by between its readings: begins and ends, s, ascending, and amounts."""

    begin_s: Numbers
    end_s: Numbers
    amount: Numbers


class Thinned(NamedTuple):
    """Stretches or buckets of them: the time read in each, the amount, and what that is a second; NaN where no time was read.

    `low` and `high` are the least and the largest of any stretch in it. `is_thinned` tells buckets from stretches.
    """

    begin_s: Numbers
    end_s: Numbers
    read_s: Numbers
    amount: Numbers
    mean: Numbers
    low: Numbers
    high: Numbers
    is_thinned: bool


class PowerSeries(msgspec.Struct, frozen=True, kw_only=True):
    """The power of one device over the run's own clock, as its meter read the whole device; columns of equal length.

    `energy_j` are the joules in each stretch, `read_s` how much of it was read; `mean_w` is the one by the other, `low_w` and
    `high_w` the extremes of what was put together (null where no time was read). A stretch that is not there was not read.
    `stretches` counts what there is unthinned.
    """

    device_id: str
    begin_s: tuple[float, ...]
    end_s: tuple[float, ...]
    read_s: tuple[float, ...]
    energy_j: tuple[float, ...]
    mean_w: tuple[float | None, ...]
    low_w: tuple[float | None, ...]
    high_w: tuple[float | None, ...]
    stretches: int
    is_thinned: bool


class CpuSeries(msgspec.Struct, frozen=True, kw_only=True):
    """CPU-seconds a second over the run's own clock: `of` its process tree, or of the machine; columns as in `PowerSeries`."""

    of: str
    begin_s: tuple[float, ...]
    end_s: tuple[float, ...]
    read_s: tuple[float, ...]
    cpu_s: tuple[float, ...]
    mean_cpus: tuple[float | None, ...]
    low_cpus: tuple[float | None, ...]
    high_cpus: tuple[float | None, ...]
    stretches: int
    is_thinned: bool


def thinned(given: Stretches, most: int) -> Thinned:
    """At most so many points of a series.

    Args:
        given: the stretches, which may have no length; none overlaps another.
        most: how many points; at least 1.
    """
    kept = (given.end_s > given.begin_s) | (given.amount != 0)
    begin_s, end_s, amount = given.begin_s[kept], given.end_s[kept], given.amount[kept]
    length_s = end_s - begin_s
    rate = np.divide(amount, length_s, out=np.full_like(amount, np.nan), where=length_s > 0)
    if len(begin_s) <= most:
        return Thinned(begin_s, end_s, length_s, amount, rate, rate, rate, is_thinned=False)
    edges = np.linspace(begin_s.min(), end_s.max(), most + 1)
    first = _bucket(edges, begin_s, "right")
    last = np.maximum(first, _bucket(edges, end_s, "left"))
    pieces = last - first + 1
    of = np.repeat(np.arange(len(begin_s)), pieces)
    bucket = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces) + first[of]
    inside_s = np.maximum(0.0, np.minimum(end_s[of], edges[bucket + 1]) - np.maximum(begin_s[of], edges[bucket]))
    part = np.divide(inside_s, length_s[of], out=np.ones_like(inside_s), where=length_s[of] > 0)
    read_s = np.bincount(bucket, inside_s, most)
    total = np.bincount(bucket, amount[of] * part, most)
    low, high = np.full(most, np.inf), np.full(most, -np.inf)
    seen = inside_s > 0
    np.minimum.at(low, bucket[seen], rate[of][seen])
    np.maximum.at(high, bucket[seen], rate[of][seen])
    there = (read_s > 0) | (total != 0)
    mean = np.divide(total, read_s, out=np.full(most, np.nan), where=read_s > 0)
    low, high = np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)
    begins_s, ends_s = edges[:-1], edges[1:]
    return Thinned(
        begins_s[there], ends_s[there], read_s[there], total[there], mean[there], low[there], high[there], is_thinned=True
    )


def _bucket(edges: Numbers, times_s: Numbers, side: str) -> NDArray[np.int64]:
    """The buckets in which times lie: of a time on an edge the later one for `right`, the earlier one for `left`."""
    found = np.searchsorted(edges, times_s, side="right" if side == "right" else "left") - 1
    return np.clip(found, 0, len(edges) - 2)


def joined(given: Stretches, least_s: float) -> Stretches:
    """The same with stretches that are shorter than so many seconds put together with those after them, but over no gap.

    Over less than its meter's own refreshing a stretch's power says more of the counter's steps than of the device.
    """
    if not np.any(given.end_s - given.begin_s < least_s):
        return given
    rows: list[list[float]] = []
    for begin_s, end_s, amount in zip(*(one.tolist() for one in given), strict=True):
        last = rows[-1] if rows else None
        if last is not None and abs(begin_s - last[1]) <= _SAME_S and min(last[1] - last[0], end_s - begin_s) < least_s:
            last[1], last[2] = end_s, last[2] + amount
        else:
            rows.append([begin_s, end_s, amount])
    columns = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Stretches(columns[0], columns[1], columns[2])


def power_series(device_id: str, given: Stretches, most: int) -> PowerSeries:
    """The power of a device in at most so many points."""
    one = thinned(given, most)
    return PowerSeries(
        device_id=device_id,
        begin_s=_plain(one.begin_s),
        end_s=_plain(one.end_s),
        read_s=_plain(one.read_s),
        energy_j=_plain(one.amount),
        mean_w=_known(one.mean),
        low_w=_known(one.low),
        high_w=_known(one.high),
        stretches=len(given.begin_s),
        is_thinned=one.is_thinned,
    )


def cpu_series(of: str, given: Stretches, most: int) -> CpuSeries:
    """CPU-seconds a second in at most so many points."""
    one = thinned(given, most)
    return CpuSeries(
        of=of,
        begin_s=_plain(one.begin_s),
        end_s=_plain(one.end_s),
        read_s=_plain(one.read_s),
        cpu_s=_plain(one.amount),
        mean_cpus=_known(one.mean),
        low_cpus=_known(one.low),
        high_cpus=_known(one.high),
        stretches=len(given.begin_s),
        is_thinned=one.is_thinned,
    )


def growth(times_s: Numbers, values: Numbers, end_s: float) -> Stretches:
    """The stretches between readings of a counter of the kernel's, up to the end of the run; one that fell stands still.

    Between the readings around the end it is interpolated, as in `accounting.energy.Growth`.
    """
    if len(times_s) < 2:  # noqa: PLR2004 - a stretch has two ends
        empty = np.zeros(0)
        return Stretches(empty, empty, empty)
    values = np.maximum.accumulate(values)
    if times_s[-1] > end_s > times_s[0]:
        at_end = float(np.interp(end_s, times_s, values))
        before = times_s < end_s
        times_s, values = np.append(times_s[before], end_s), np.append(values[before], at_end)
    return Stretches(times_s[:-1], times_s[1:], np.diff(values))


def course(given: Stretches) -> tuple[tuple[float, float], ...]:
    """Stretches as a cumulative course, flat where nothing was read."""
    points: list[tuple[float, float]] = []
    so_far = 0.0
    for begin_s, end_s, amount in zip(given.begin_s.tolist(), given.end_s.tolist(), given.amount.tolist(), strict=True):
        if not points or begin_s > points[-1][0]:
            points.append((begin_s, so_far))
        so_far += amount
        points.append((end_s, so_far))
    return tuple(points)


def _plain(values: Numbers) -> tuple[float, ...]:
    return tuple(values.tolist())


def _known(values: Numbers) -> tuple[float | None, ...]:
    return tuple(None if one != one else one for one in values.tolist())  # noqa: PLR0124 - only NaN is not itself
