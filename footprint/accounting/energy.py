"""Readings of a device to its energy: counter differences, trapezoids under power readings, gaps that stay gaps.

A counter that fell was reset (a driver reload, a new boot): the stretch tells nothing and is a gap. A meter whose counter wraps
undoes the wraps itself, since it alone knows the width. Power readings further apart than `MAX_POWER_GAP_S` are not joined:
nobody saw what came between.

Everything here takes readings one by one and keeps a bounded number of them, so that a run of months costs no more memory than
one of an hour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from footprint.model import Sample

MAX_POWER_GAP_S: Final = 10.0
COURSE_POINTS: Final = 64
FLOOR_S: Final = 1.0
"""Mean power over less than this says more about the counter's steps than about the device."""

Points = Sequence[tuple[float, float]]
"""A cumulative quantity over time: (s, amount so far), ascending in both."""


class Course:
    """A cumulative quantity over time, thinned while it grows: at most two times `COURSE_POINTS` points, the ends always kept."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float]] = []
        self._apart_s = 0.0

    def add(self, t_s: float, amount: float) -> None:
        """Add a point, not before the last and not below it."""
        points = self._points
        if len(points) > 1 and t_s - points[-2][0] < self._apart_s:
            points[-1] = (t_s, amount)  # the last point moves on until it is far enough from the one before it
            return
        points.append((t_s, amount))
        if len(points) > 2 * COURSE_POINTS:
            self._apart_s = (points[-1][0] - points[0][0]) / COURSE_POINTS
            self._points = [*points[:-1:2], points[-1]]

    def points(self, origin_s: float = 0.0) -> tuple[tuple[float, float], ...]:
        """The points on a clock that starts at `origin_s`, to the millisecond and the thousandth of the unit."""
        return tuple([(round(t_s - origin_s, 3), round(amount, 3)) for t_s, amount in self._points])


class Integral:
    """The energy of one device over an interval.

    Args:
        start_s: begin of the interval, on the samples' clock, s.
        end_s: its end, s; infinite where it is not known yet. A stretch between two readings that reaches over an end of the
            interval is cut there in proportion to time.

    Attributes:
        energy_j: J, None as long as no two readings cover any of the interval.
        read_s: the seconds that readings cover.
        floor_w: the lowest mean power over any second or more, W; None if nothing was read for so long.
        course: the energy over time.
        readings: how many readings it was given.
        gaps: the stretches between two of them that tell nothing.
    """

    def __init__(self, start_s: float, end_s: float = math.inf) -> None:
        self._start_s, self._end_s = start_s, end_s
        self._last: Sample | None = None
        self._floor_from: tuple[float, float] | None = None
        self.energy_j: float | None = None
        self.read_s = 0.0
        self.floor_w: float | None = None
        self.course = Course()
        self.readings = 0
        self.gaps = 0

    def interrupt(self) -> None:
        """Do not join the next reading to the last: the machine slept between them."""
        self.gaps += self._last is not None
        self._last = None

    def add(self, sample: Sample) -> tuple[float, float] | None:
        """Take the next reading.

        Returns:
            The stretch (begin and end, s) by which `energy_j` grew: from the reading before to this one, cut at the ends of the
            interval. None where the two tell nothing, or nothing of the interval.
        """
        earlier, self._last = self._last, sample
        self.readings += 1
        piece_j = None if earlier is None else _between(earlier, sample)
        if earlier is None or piece_j is None or sample.t_s < earlier.t_s:
            self.gaps += earlier is not None
            self._floor_from = None
            return None
        length_s = sample.t_s - earlier.t_s
        begin_s, end_s = max(earlier.t_s, self._start_s), min(sample.t_s, self._end_s)
        inside_s = end_s - begin_s
        if inside_s < 0 or (inside_s == 0 and length_s > 0):
            return None
        if self.energy_j is None:
            self.energy_j = 0.0
        if self._floor_from is None:
            self._floor_from = (begin_s, self.energy_j)
            self.course.add(begin_s, self.energy_j)
        self.energy_j += piece_j * (inside_s / length_s) if length_s > 0 else piece_j
        self.read_s += inside_s
        self.course.add(end_s, self.energy_j)
        self._lower_floor(end_s, self.energy_j)
        return begin_s, end_s

    def _lower_floor(self, t_s: float, energy_j: float) -> None:
        assert self._floor_from is not None, "a stretch has begun"
        from_s, from_j = self._floor_from
        if t_s - from_s >= FLOOR_S:
            mean_w = (energy_j - from_j) / (t_s - from_s)
            self.floor_w = mean_w if self.floor_w is None else min(self.floor_w, mean_w)
            self._floor_from = (t_s, energy_j)


class Growth:
    """How much a counter of the kernel's (CPU-seconds) grew from its first reading to the end of an interval.

    Args:
        end_s: the interval's end, s; between the readings around it the counter is interpolated.

    Attributes:
        amount: the growth; None as long as nothing was read.
        course: the growth over time.
    """

    def __init__(self, end_s: float = math.inf) -> None:
        self._end_s = end_s
        self._first: float | None = None
        self._last = (0.0, 0.0)
        self.amount: float | None = None
        self.course = Course()

    def add(self, t_s: float, value: float) -> None:
        """Take the next reading."""
        if self._first is None:
            self._first, self._last, self.amount = value, (t_s, value), 0.0
            self.course.add(t_s, 0.0)
            return
        last_s, last = self._last
        if last_s >= self._end_s:
            return
        if t_s > self._end_s:
            t_s, value = self._end_s, last + (value - last) * (self._end_s - last_s) / (t_s - last_s)
        self._last = (t_s, value)
        self.amount = max(self.amount or 0.0, value - self._first)
        self.course.add(t_s, self.amount)


def _between(earlier: Sample, later: Sample) -> float | None:
    """Joules between two readings of a device, or None where they do not tell."""
    if earlier.energy_j is not None and later.energy_j is not None:
        difference_j = later.energy_j - earlier.energy_j
        return difference_j if difference_j >= 0 else None
    if earlier.power_w is not None and later.power_w is not None:
        length_s = later.t_s - earlier.t_s
        return None if length_s > MAX_POWER_GAP_S else (earlier.power_w + later.power_w) / 2 * length_s
    return None
