"""What a run's records tell of its progress."""

from __future__ import annotations

from typing import Final

from footprint import text
from footprint.ledger.records import Progress

POINTS: Final = 64
"""Up to twice as many points are kept."""


class Advance:
    """The course of a run's progress, thinned by time while it grows; the first and the last point are always kept.

    Where the program says that it has done less than before it began anew: only what comes then tells of the rest.
    """

    def __init__(self) -> None:
        self._points: list[tuple[float, float, float]] = []
        self._apart_s = 0.0
        self._restarts = 0
        self._totals = 0

    def add(self, progress: Progress) -> None:
        """Take the next word; one that overtook an earlier one on its way is left out."""
        points, point = self._points, (progress.t_s, progress.done, progress.total)
        if points:
            last_s, done, total = points[-1]
            if progress.t_s < last_s:
                return
            self._totals += progress.total != total
            if progress.done < done:
                self._restarts += 1
                points.clear()
                self._apart_s = 0.0
        if len(points) > 1 and progress.t_s - points[-2][0] < self._apart_s:
            points[-1] = point
            return
        points.append(point)
        if len(points) > 2 * POINTS:
            self._apart_s = (points[-1][0] - points[0][0]) / POINTS
            self._points = [*points[:-1:2], points[-1]]

    def points(self, origin_s: float) -> tuple[tuple[float, float, float], ...]:
        """The points on a clock that starts at `origin_s`, to the millisecond."""
        return tuple((round(max(0.0, t_s - origin_s), 3), done, total) for t_s, done, total in self._points)

    def warnings(self) -> tuple[str, ...]:
        """A sentence for what is odd about it."""
        told = []
        if self._restarts:
            told.append(f"the progress went back {text.plural(self._restarts, 'time')}: a forecast goes by what came after that")
        if self._totals:
            told.append(f"the total of the progress changed {text.plural(self._totals, 'time')}: a forecast goes by the last one")
        return tuple(told)
