"""What repeated measurements say of the next ones: means, intervals, trends. Pure functions.

A profile is repeated on two levels: the command's process is started anew (`sessions`), and within it the work is repeated. What
two starts differ by (memory layout, caches, what the machine does meanwhile) is not seen by repeating within one of them, so the
unit of the statistics is the session's mean (Georges, Buytaert, Eeckhout 2007, "Statistically rigorous Java performance
evaluation", OOPSLA; Kalibera, Jones 2013, "Rigorous benchmarking in reasonable time", ISMM).

**The interval** is one for the mean of *another* such profile, not for this one's own. Both means have the variance v = s²/n, s²
that of the n session means, so their difference has 2 v, and the other mean lies with probability p within

    mean ± t(p, n - 1) · s · √(f / n) · √2

(a prediction interval: Hahn, Meeker 1991, "Statistical intervals", for the mean of m future observations, here m = n). Successive
sessions may resemble each other (a neighbour on the machine, warmth): f = (1 + r) / (1 - r) with their autocorrelation r at lag
1, never below 1 (Bayley, Hammersley 1946, "The effective number of independent observations in an autocorrelated time series").
s² is never below what the spread within sessions alone gives, divided by their repeats; half of the interval is never below 1 %
of the mean. The interval is of chance; what the meters and models are wrong by is the same in each repeat and stands apart (the
90 % range of the derived energy).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist, fmean, median, stdev, variance
from typing import Final

import msgspec

from footprint.profile import INTERVAL_LEAST

PROBABILITY: Final = 0.9
"""Of the two-sided intervals."""
LEAST: Final = 3
"""With fewer values no interval is stated: that of two is wider than what it is about."""
_MOST_ALIKE: Final = 0.8
_TINY: Final = 1e-300
_TREND_LEAST: Final = 6


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """What some values say: of them, and of the mean of as many others.

    `mean` is that of the session means; `sd` the standard deviation of single repeats; `sd_between` that of session means. `low`
    and `high` bound the interval that the mean of another such profile lies in with 90 % probability, null where that cannot be
    told; `half_ratio` is half its width by the mean. `error` is the standard error of this mean, of `freedom` degrees of freedom.
    """

    n: int
    sessions: int
    mean: float
    median: float
    least: float
    most: float
    sd: float | None
    sd_between: float | None
    error: float | None
    freedom: int | None
    low: float | None
    high: float | None
    half_ratio: float | None
    autocorrelation: float | None
    inflation: float


def spread(sessions: Sequence[Sequence[float]]) -> Spread | None:
    """What repeats say, grouped by session; null where there are none.

    Args:
        sessions: the values of each session, in the order of time; those without a value count nothing.
    """
    groups = [list(group) for group in sessions if group]
    values = [value for group in groups for value in group]
    if not values:
        return None
    means = [fmean(group) for group in groups]
    mean, n = fmean(means), len(means)
    known = n >= LEAST
    r = autocorrelation(means)
    inflation = _inflation(means)
    error = math.sqrt(max(variance(means), _from_within(groups)) * inflation / n) if known else None
    half = None if error is None else max(student(PROBABILITY, n - 1) * error * math.sqrt(2), INTERVAL_LEAST * abs(mean))
    return Spread(
        n=len(values),
        sessions=n,
        mean=mean,
        median=median(values),
        least=min(values),
        most=max(values),
        sd=stdev(values) if len(values) > 1 else None,
        sd_between=stdev(means) if n > 1 else None,
        error=error,
        freedom=n - 1 if known else None,
        low=None if half is None else mean - half,
        high=None if half is None else mean + half,
        half_ratio=None if half is None or mean == 0 else half / abs(mean),
        autocorrelation=r,
        inflation=inflation,
    )


def _from_within(groups: Sequence[Sequence[float]]) -> float:
    """The variance that session means have from the spread within sessions alone, which a few means may hide by chance.

    The variance within, pooled over sessions, has more degrees of freedom than there are sessions; the expected variance of their
    means is that of the starts plus this (the model of Kalibera, Jones 2013: variances of levels add up), so it is the least.
    """
    freedom = sum(len(group) - 1 for group in groups)
    if not freedom:
        return 0.0
    squares = sum((value - fmean(group)) ** 2 for group in groups for value in group)
    return squares / freedom * fmean(1 / len(group) for group in groups)


def own_half_ratio(values: Sequence[float]) -> float | None:
    """Half the width of the 90 % interval of one session's own mean, by that mean; null where that cannot be told."""
    if len(values) < LEAST or not (mean := fmean(values)):
        return None
    return student(PROBABILITY, len(values) - 1) * stdev(values) / math.sqrt(len(values)) / abs(mean)


def ratio_range(now: Spread, before: Spread) -> tuple[float, float, float] | None:
    """The ratio of two means with its 90 % interval; null where one of them has no error.

    The relative errors add in squares, with Welch's degrees of freedom (Welch 1947, Biometrika 34).
    """
    if now.error is None or before.error is None or now.mean <= 0 or before.mean <= 0:
        return None
    parts = [((one.error or 0.0) / one.mean) ** 2 for one in (now, before)]
    whole, ratio = sum(parts), now.mean / before.mean
    if whole == 0:
        return ratio, ratio, ratio
    below = sum(part**2 / (one.freedom or 1) for part, one in zip(parts, (now, before), strict=True))
    half = student(PROBABILITY, max(1.0, whole**2 / below)) * math.sqrt(whole)
    return ratio * math.exp(-half), ratio, ratio * math.exp(half)


def autocorrelation(values: Sequence[float]) -> float | None:
    """The correlation of each value with the next one; null of fewer than three, or where they are all the same."""
    if len(values) < LEAST:
        return None
    mean = fmean(values)
    off = [value - mean for value in values]
    square = sum(one * one for one in off)
    if square <= (mean * 1e-12) ** 2:
        return None
    return sum(a * b for a, b in pairwise(off)) / square


def _inflation(values: Sequence[float]) -> float:
    """By how much likeness of neighbours widens the variance of a mean. 1/n is added to r: of independent values it is -1/n."""
    r = autocorrelation(values)
    if r is None:
        return 1.0
    likely = min(_MOST_ALIKE, r + 1 / len(values))
    return max(1.0, (1 + likely) / (1 - likely))


def trend(values: Sequence[float]) -> tuple[float, float] | None:
    """Whether values rise or fall with time: Kendall's tau, and how often chance alone gives one as far from 0.

    The test is that of Mann (1945) and Kendall, by the normal approximation with its correction for continuity and ties; null of
    fewer than six values, of which it says nothing.
    """
    n = len(values)
    if n < _TREND_LEAST:
        return None
    score = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])
    ties = [values.count(value) for value in set(values)]
    square = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    if square <= 0:
        return 0.0, 1.0
    z = max(0.0, abs(score) - 1) / math.sqrt(square)
    return score / (n * (n - 1) / 2), 2 * (1 - NormalDist().cdf(z))


@lru_cache(maxsize=4096)
def student(probability: float, freedom: float) -> float:
    """The t within whose two sides Student's distribution holds a probability.

    Args:
        probability: between 0 and 1, both excluded.
        freedom: degrees of freedom, at least 1.
    """
    low, high = 0.0, 1.0
    while _within(high, freedom) < probability:
        low, high = high, high * 2
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def _within(t: float, freedom: float) -> float:
    """The probability of -t..t (Abramowitz, Stegun 1964, 26.7.1 by 26.5.27: an incomplete beta function)."""
    return 1 - _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function (Abramowitz, Stegun 1964, 26.5.8, by Lentz's way of continued fractions)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1))
    whole = d
    for m in range(1, 200):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _off_zero(1 + term * d)
            c = _off_zero(1 + term / c)
            whole *= c * d
        if abs(c * d - 1) < 1e-15:  # noqa: PLR2004 - as exact as the numbers are
            break
    return front * whole


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
