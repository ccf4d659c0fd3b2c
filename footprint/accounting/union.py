"""Unions of intervals: what of each of several overlapping readings counts, so that each joule counts once.

Runs that overlap on one device have each read the same joules. Laid side by side on one clock, their begins and ends cut time
into segments in which the set of runs stays the same; in each segment what was read is divided among those that read it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from footprint.accounting.energy import Points

_Segments = NDArray[np.float64]
"""A value for each of some segments of time."""


class Span(NamedTuple):
    """One run's reading of something: begin and end, s; how it grew, on the same clock; the share of it that is taken.

    Spans of one `program` read, and take, the same; without a program each is one of its own. One with `rest` takes what the
    others leave of what it read.
    """

    begin_s: float
    end_s: float
    course: Points = ()
    taken_ratio: float = 1.0
    program: str | None = None
    rest: bool = False


def divided(spans: Sequence[Span], inside: Sequence[Collection[int]] = (), *, of_one: bool = True) -> list[float]:
    """The part of each span's reading that counts in the sum of all.

    In each segment a program takes the largest share of its spans, and its spans divide it among them. Where programs together
    would take more than all of one thing, each is given proportionally less. One that read nothing in a segment (its meter was
    lost) takes nothing from those that did.

    What takes the rest is divided in the same way among its own kind, and then less by what the others took of it while it read.
    That is a difference of two amounts, not of two times: its course may be far coarser than that of a short run inside it.

    Args:
        spans: the overlapping readings.
        inside: for each span the indices of those which contain it: while one of them lasts, it adds nothing. Empty: none does.
        of_one: all read one thing, of which together no more than all can be taken; else what programs read is added up.

    Returns:
        A ratio for each span; 1 where nothing was read.
    """
    grid = _Grid(spans, inside)
    rates = _rates(grid, [i for i, span in enumerate(spans) if not span.rest], of_one=of_one)
    rest = _rates(grid, [i for i, span in enumerate(spans) if span.rest], of_one=True)
    ratios = [1.0] * len(spans)
    for i, rate in rates.items():
        whole = float(grid.grown(i).sum())
        if whole > 0:
            ratios[i] = float((grid.grown(i, counted=True) * rate).sum()) / whole
    if rest:
        left_ratio = _left(grid, rates, rest)
        for i, rate in rest.items():
            whole = float(grid.grown(i).sum())
            if whole > 0:
                ratios[i] = max(0.0, float((grid.grown(i, counted=True) * rate * left_ratio[grid.of(i)]).sum()) / whole)
    return ratios


def _rates(grid: _Grid, chosen: Sequence[int], *, of_one: bool) -> dict[int, _Segments]:
    """For each of some spans, which share the thing among them, the part of its reading that counts in each of its segments."""
    programs: dict[str | int, list[int]] = {}
    for i in chosen:
        program = grid.spans[i].program
        programs.setdefault(i if program is None else program, []).append(i)
    scale = grid.ones()
    if of_one:
        taken = grid.zeros()
        for members in programs.values():
            taken += grid.taken(members)[0]
        np.divide(1.0, taken, out=scale, where=taken > 1.0)
    found: dict[int, _Segments] = {}
    for members in programs.values():
        largest, together = grid.taken(members) if len(members) > 1 else (scale, scale)
        rate = scale * np.divide(largest, together, out=grid.ones(), where=together > 0)
        found |= {i: rate[grid.of(i)] for i in members}
    return found


def _left(grid: _Grid, rates: dict[int, _Segments], rest: dict[int, _Segments]) -> _Segments:
    """What is left in each segment of what those that take the rest read there, as a ratio; below 0 where others read more."""
    taken, there = grid.zeros(), grid.zeros()
    for found, into in ((rates, taken), (rest, there)):
        for i, rate in found.items():
            into[grid.of(i)] += grid.grown(i, counted=True) * rate * grid.spans[i].taken_ratio
    left: _Segments = 1.0 - np.divide(taken, there, out=grid.zeros(), where=there > 0)
    return left


def clusters(spans: Sequence[Span]) -> Iterator[list[int]]:
    """The spans that overlap each other, directly or through others, by index; those that overlap none are left out."""
    together: list[int] = []
    until_s = -math.inf
    for i in sorted(range(len(spans)), key=lambda i: (spans[i].begin_s, spans[i].end_s)):
        if together and spans[i].begin_s >= until_s:
            if len(together) > 1:
                yield together
            together = []
        together.append(i)
        until_s = max(until_s, spans[i].end_s) if len(together) > 1 else spans[i].end_s
    if len(together) > 1:
        yield together


class _Grid:
    """The segments into which the begins and ends of spans cut time.

    What a span did in them is worked out anew each time: thousands of spans over thousands of segments do not fit into memory.
    """

    def __init__(self, spans: Sequence[Span], inside: Sequence[Collection[int]]) -> None:
        self.spans, self._inside = spans, inside
        self._edges_s = np.unique([edge_s for span in spans for edge_s in (span.begin_s, span.end_s)])
        begins = np.searchsorted(self._edges_s, [span.begin_s for span in spans])
        ends = np.searchsorted(self._edges_s, [span.end_s for span in spans])
        self._slices = [slice(begin, max(begin, end)) for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]

    def zeros(self) -> _Segments:
        """Nothing in any segment."""
        return np.zeros(max(0, len(self._edges_s) - 1))

    def ones(self) -> _Segments:
        """One in each segment."""
        return self.zeros() + 1.0

    def of(self, i: int) -> slice:
        """The segments that a span lies in."""
        return self._slices[i]

    def grown(self, i: int, *, counted: bool = False) -> _Segments:
        """How much a span's reading grew in each of its segments; with `counted` nothing where another one contains it."""
        there = self._slices[i]
        if there.start == there.stop or not self.spans[i].course:
            return np.zeros(there.stop - there.start)
        times_s, amounts = np.array(self.spans[i].course, dtype=float).T
        grown: Any = np.maximum(0.0, np.diff(np.interp(self._edges_s[there.start : there.stop + 1], times_s, amounts)))
        if counted and self._inside:
            for outer in self._inside[i]:
                begin, end = self._slices[outer].start - there.start, self._slices[outer].stop - there.start
                grown[max(0, begin) : max(0, end)] = 0.0
        return grown  # type: ignore[no-any-return]

    def taken(self, members: Sequence[int]) -> tuple[_Segments, _Segments]:
        """The largest share that any of some spans takes in each segment, and all their shares together."""
        largest, together = self.zeros(), self.zeros()
        for i in members:
            there = self._slices[i]
            share = self.spans[i].taken_ratio * (self.grown(i, counted=True) > 0)
            largest[there] = np.maximum(largest[there], share)
            together[there] += share
        return largest, together
