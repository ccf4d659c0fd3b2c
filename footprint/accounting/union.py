"""Unions of intervals: what of each of several overlapping readings counts, so that each joule counts once.

Runs that overlap on one device have each read the same joules. Laid side by side on one clock, their begins and ends cut time
into segments in which the set of runs stays the same; in each segment what the device drew is divided among those that read it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from footprint.accounting.energy import Points, between

Divide = Callable[[Mapping[int, float]], Mapping[int, float]]
"""From what each span grew in a segment, by index, to what counts of it."""


class Span(NamedTuple):
    """One run's reading of something: begin and end, s; how it grew, on the same clock; the share of it that is taken."""

    begin_s: float
    end_s: float
    course: Points = ()
    taken_ratio: float = 1.0


def divided(spans: Sequence[Span]) -> list[float]:
    """The part of each run's reading of ONE device that counts: where n of them read it, 1/n in each.

    Returns:
        A ratio for each span; 1 where nothing was read.
    """

    def divide(grown: Mapping[int, float]) -> Mapping[int, float]:
        # One that read nothing here (its meter was lost) takes nothing from those that did.
        readers = sum(amount > 0 for amount in grown.values())
        return {i: amount / max(1, readers) for i, amount in grown.items()}

    return parts(spans, divide)


def rationed(spans: Sequence[Span]) -> list[float]:
    """The part of each run's time that counts of something of which each takes a share, where together they take more than all.

    Returns:
        A ratio for each span; 1 for a span of no length.
    """
    counted_s = [0.0] * len(spans)
    for begin_s, end_s, there in _segments(spans):
        scale = min(1.0, 1.0 / math.fsum(spans[i].taken_ratio for i in there))
        for i in there:
            counted_s[i] += (end_s - begin_s) * scale
    lengths_s = [span.end_s - span.begin_s for span in spans]
    return [part / length_s if length_s > 0 else 1.0 for part, length_s in zip(counted_s, lengths_s, strict=True)]


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


def parts(spans: Sequence[Span], divide: Divide) -> list[float]:
    """The part of each run's reading that counts, when each segment is divided by a rule.

    Args:
        spans: the overlapping readings.
        divide: told how much each span (by its index) grew in a segment, it says how much of that counts.

    Returns:
        A ratio for each span; 1 where nothing was read.
    """
    counted = [0.0] * len(spans)
    wholes = [0.0] * len(spans)
    for begin_s, end_s, there in _segments(spans):
        grown = {i: between(spans[i].course, begin_s, end_s) for i in there}
        for i, amount in grown.items():
            wholes[i] += amount
        for i, amount in divide(grown).items():
            counted[i] += amount
    return [part / whole if whole > 0 else 1.0 for part, whole in zip(counted, wholes, strict=True)]


def _segments(spans: Sequence[Span]) -> Iterator[tuple[float, float, list[int]]]:
    """The stretches of time in which the same spans lie, where at least one does."""
    lasting = [(i, span) for i, span in enumerate(spans) if span.end_s > span.begin_s]
    edges = sorted([(span.begin_s, 1, i) for i, span in lasting] + [(span.end_s, 0, i) for i, span in lasting])
    there: dict[int, None] = {}
    last_s = -math.inf
    for at_s, begins, i in edges:
        if there and at_s > last_s:
            yield last_s, at_s, list(there)
        last_s = at_s
        if begins:
            there[i] = None
        else:
            there.pop(i, None)
