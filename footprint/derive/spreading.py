"""How a run's energy was spread over its time: the best known shape of each component.

A device that was read follows its readings. What CPUs did follows CPU-seconds: of the run's own processes by the policy `share`,
of the machine by `machine`. What draws the same all the time (idle power, modelled memory), and of what no course is known,
is spread evenly. Readings are thinned to some dozens of points a run: between two of them power is taken as constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from footprint import text
from footprint.accounting.energy import Points
from footprint.accounting.hourly import Numbers, Shape, even, shares
from footprint.derive.working import Term, Working
from footprint.model import ComponentName, Run

AS_READ: Final = "as read"
BY_CPU_TIME: Final = "by CPU time"
EVENLY: Final = "evenly"
_CHIPS: Final[tuple[ComponentName, ...]] = ("cpu", "memory")


class _Piece(NamedTuple):
    """A part of a component: how much, how it was spread, and that in a word."""

    energy_kwh: float
    shapes: tuple[Shape, ...]
    how: str


class Spread(NamedTuple):
    """A component's share in each interval, adding up to one, and how that is known, in words."""

    shares: Numbers
    how: str


class Spreading:
    """The shapes of one run.

    Args:
        run: its facts.
        work: the sheet that its energy was worked out on: its terms say what each component is made of.
        start_s: when the run began, s since 1970.
        slept_s: how long the machine had slept before, s, in each of the courses that are equally likely: readings are on a
            clock that stands still while it sleeps, and when it slept is not known.
    """

    def __init__(self, run: Run, work: Working, start_s: float, slept_s: Sequence[float] = (0.0,)) -> None:
        self._run, self._work = run, work
        self._begins_s = tuple(start_s + one for one in slept_s)

    def of(self, component: ComponentName, edges_s: Sequence[float]) -> Spread:
        """How a component's energy falls into the intervals between edges, s."""
        made_of = self._pieces(component)
        if not made_of:
            return Spread(self._shares(self._even(), edges_s), EVENLY)
        # A term below zero (idle power that others used) takes from where the others are: no interval gets less than nothing.
        whole = sum(one.energy_kwh for one in made_of)
        result = np.zeros(len(edges_s) - 1)
        for one in made_of:
            result += one.energy_kwh / whole * self._shares(one.shapes, edges_s)
        return Spread(result / result.sum(), " and ".join(dict.fromkeys(one.how for one in made_of)))

    def _shares(self, shapes: tuple[Shape, ...], edges_s: Sequence[float]) -> Numbers:
        result: Numbers = sum((shares(one, edges_s) for one in shapes), np.zeros(len(edges_s) - 1)) / len(shapes)
        return result

    def _pieces(self, component: ComponentName) -> list[_Piece]:
        """What a component is made of, as far as it is above zero."""
        found = []
        for term in self._work.terms:
            if term.component == component and term.energy_kwh > 0:
                found += self._of_term(term)
        return found

    def _of_term(self, term: Term) -> list[_Piece]:
        run, cpu = self._run, self._run.cpu
        if term.component == "accelerators":
            own = [one.course for one in run.devices if text.clean(one.device.id) == term.name]
            return [self._followed(term.energy_kwh, own[0] if own else (), AS_READ)]
        if term.name == "CPU active" or term.name.endswith(" by activity"):
            course: Points = ()
            if cpu is not None:
                course = cpu.tree_course if self._work.attribution == "share" else cpu.busy_course
            return [self._followed(term.energy_kwh, course, BY_CPU_TIME)]
        read = [one for one in run.devices if one.device.component == term.component and one.energy_j]
        is_whole = term.name in {"CPU", "memory"} and self._work.attribution == "machine"
        if read and (is_whole or term.component == "rest"):
            known_j = sum(one.energy_j or 0.0 for one in read)
            return [self._followed(term.energy_kwh * (one.energy_j or 0.0) / known_j, one.course, AS_READ) for one in read]
        if term.component == "rest":  # a share of what the chips drew, when they drew it
            chips = [piece for name in _CHIPS for piece in self._pieces(name)]
            known_kwh = sum(one.energy_kwh for one in chips)
            return [one._replace(energy_kwh=one.energy_kwh / known_kwh * term.energy_kwh) for one in chips]
        return [_Piece(term.energy_kwh, self._even(), EVENLY)]

    def _followed(self, energy_kwh: float, course: Points, how: str) -> _Piece:
        """A part that follows a course, on the run's clock; evenly where it tells nothing."""
        if len(course) < 2 or not course[-1][1] > course[0][1]:  # noqa: PLR2004 - two points make a course
            return _Piece(energy_kwh, self._even(), EVENLY)
        return _Piece(energy_kwh, tuple(Shape([(begin_s + t, j) for t, j in course]) for begin_s in self._begins_s), how)

    def _even(self) -> tuple[Shape, ...]:
        return tuple(even(begin_s, begin_s + self._run.duration_s) for begin_s in self._begins_s)
