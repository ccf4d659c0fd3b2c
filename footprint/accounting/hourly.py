"""Energy over time against an intensity over time: which share of a run's energy fell into which slot of a series.

A *shape* says how an energy was spread over time, as a cumulative share: 0 at its beginning, 1 at its end, straight between its
points. Its share of an interval is the difference of two such values, so that the shares of intervals that cover a run add up
to one, whatever the intervals: no energy is lost or made by matching (hourly matching: GHG Protocol scope 2 guidance, hourly
accounting; the sum over slots of energy in the slot times the slot's intensity).

Times are seconds on one clock (UTC since 1970), so that no change of a clock on the wall, and no new year, is a special case.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from footprint.accounting.energy import Points

Numbers = NDArray[np.float64]

_NOTHING: Final = 1e-12


class Step(NamedTuple):
    """A value from one time to another, s: of a piecewise constant series."""

    start_s: float
    end_s: float
    value: float


class Shape:
    """How an energy was spread over time: a cumulative share, straight between points, level outside them.

    Args:
        points: (time, s; amount so far), ascending in both; the amount may begin anywhere and be in any unit. Points of one
            time are a jump.

    Raises:
        ValueError: if times or amounts descend, or no amount was added at all.
    """

    def __init__(self, points: Points) -> None:
        times, amounts = (np.array([point[i] for point in points], dtype=np.float64) for i in (0, 1))
        if len(times) == 0 or np.any(np.diff(times) < 0) or np.any(np.diff(amounts) < 0):
            raise ValueError("a shape's times and amounts must not descend")
        grown = amounts[-1] - amounts[0]
        if not grown > 0:
            raise ValueError("nothing was added between the points of this shape")
        self._times: Numbers = times
        self._shares: Numbers = (amounts - amounts[0]) / grown

    def before(self, times_s: Sequence[float] | Numbers) -> Numbers:
        """The share of the energy before each time. At a jump, which is all at once, the share up to and without it."""
        times = np.asarray(times_s, dtype=np.float64)
        after = np.searchsorted(self._times, times, side="left")  # points before the time
        left, right = np.maximum(after - 1, 0), np.minimum(after, len(self._times) - 1)
        width = self._times[right] - self._times[left]
        part = np.divide(times - self._times[left], width, out=np.zeros_like(times), where=width > 0)
        inside = self._shares[left] + np.clip(part, 0.0, 1.0) * (self._shares[right] - self._shares[left])
        result: Numbers = np.where(after == 0, 0.0, np.where(after == len(self._times), 1.0, inside))
        return result


def even(start_s: float, end_s: float) -> Shape:
    """The shape of constant power; of a stretch without length, all at once."""
    return Shape([(start_s, 0.0), (end_s, 1.0)])


def shares(shape: Shape, edges_s: Sequence[float]) -> Numbers:
    """The share of a shape in each interval between neighbouring edges; what lies outside all edges counts in the first or last.

    Args:
        shape: how the energy was spread.
        edges_s: at least two times, ascending, s.

    Returns:
        One share an interval; none is negative, and they add up to one.
    """
    before = shape.before(edges_s)
    before[0], before[-1] = 0.0, 1.0
    result: Numbers = np.diff(before)
    return result


class Piece(NamedTuple):
    """A piece of a run's time, and the index of the slot that it lies in; None where no slot covers it."""

    start_s: float
    end_s: float
    slot: int | None


def pieces(start_s: float, end_s: float, slots: Sequence[tuple[float, float]]) -> list[Piece]:
    """The time from start to end cut at the edges of slots, gaps included, in order.

    Args:
        start_s: the begin, s.
        end_s: the end, s, not before it. Without length: one piece of no length.
        slots: (start, end), s, ascending and not overlapping.

    Raises:
        ValueError: if slots overlap, descend or have no length.
    """
    found: list[Piece] = []
    at_s, before_s = start_s, -math.inf
    for index, (slot_start_s, slot_end_s) in enumerate(slots):
        if slot_start_s < before_s or slot_end_s <= slot_start_s:
            raise ValueError("slots overlap, are out of order or have no length")
        before_s = slot_end_s
        if slot_end_s <= at_s:
            continue
        if slot_start_s > end_s or (slot_start_s == end_s and end_s > start_s):
            continue  # checked all the same
        if slot_start_s > at_s:
            found.append(Piece(at_s, slot_start_s, None))
        upto_s = min(slot_end_s, end_s)
        found.append(Piece(max(at_s, slot_start_s), upto_s, index))
        at_s = upto_s
        if start_s == end_s:
            break
    if at_s < end_s or not found:
        found.append(Piece(at_s, end_s, None))
    return found


def mean(weights: Sequence[float] | Numbers, values: Sequence[float] | Numbers) -> float | None:
    """The mean by weight, of a constant exactly that constant; None where the weights add up to nothing.

    Args:
        weights: none negative, in any unit.
        values: one for each.
    """
    total = math.fsum(weights)
    if total <= _NOTHING:
        return None
    # Around one of the values: what all share has no rounding.
    base = float(values[0])
    return base + math.fsum(float(w) * (float(v) - base) for w, v in zip(weights, values, strict=True)) / total


class Window(NamedTuple):
    """A stretch of time, s, and the mean of a series in it."""

    start_s: float
    end_s: float
    mean: float


def windows(steps: Sequence[Step], length_s: float, earliest_s: float, latest_s: float) -> list[Window]:
    """All windows worth a look, by start: among them is one whose mean is the least (and one whose mean is the most) of any.

    The mean over a window of fixed length is, in the window's start, straight between the places where its begin or end crosses
    an edge of a step: the least value is at one of those, or at an end of what is allowed.

    Args:
        steps: the series, ascending and not overlapping; where it has a gap, no window lies.
        length_s: the window's length, s, above zero.
        earliest_s: no window begins before this time.
        latest_s: no window ends after this time.
    """
    if not length_s > 0:
        raise ValueError("a window has a length")
    found: list[Window] = []
    for run in _joined(steps):
        low_s, high_s = max(earliest_s, run[0].start_s), min(latest_s, run[-1].end_s) - length_s
        if high_s < low_s:
            continue
        edges = [run[0].start_s, *(one.end_s for one in run)]
        starts = {low_s, high_s, *edges, *(edge - length_s for edge in edges)}
        allowed = np.array(sorted(start for start in starts if low_s <= start <= high_s))
        # The integral from a start on, on a clock of its own: seconds since 1970 times grams would lose digits.
        origin_s, times = edges[0], np.array(edges) - edges[0]
        integral = np.concatenate(([0.0], np.cumsum([(one.end_s - one.start_s) * one.value for one in run])))
        upto, since = (np.interp(allowed - origin_s + extra, times, integral) for extra in (length_s, 0.0))
        means = (upto - since) / length_s
        found += [Window(float(a), float(a) + length_s, float(m)) for a, m in zip(allowed, means, strict=True)]
    return found


def cleanest(steps: Sequence[Step], length_s: float, earliest_s: float, latest_s: float) -> Window | None:
    """The window with the least mean, the earliest of equals; None where the series covers none. See `windows`."""
    found = windows(steps, length_s, earliest_s, latest_s)
    if not found:
        return None
    least = min(window.mean for window in found)
    # Sums of floats that should be equal differ in their last digits: the earlier one is as good.
    return next(window for window in found if window.mean <= least + 1e-9 * max(1.0, abs(least)))


def _joined(steps: Sequence[Step]) -> list[list[Step]]:
    """Steps in stretches without a gap.

    Raises:
        ValueError: if steps overlap or descend.
    """
    found: list[list[Step]] = []
    for one in steps:
        if found and one.start_s < found[-1][-1].end_s:
            raise ValueError("steps overlap or are out of order")
        if found and one.start_s == found[-1][-1].end_s:
            found[-1].append(one)
        else:
            found.append([one])
    return found
