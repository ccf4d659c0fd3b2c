"""Triples (5th percentile, mean, 95th percentile) by rule, in a shape that `accounting.ranges` can draw from.

The law there is a shifted log-normal: it fits a triple whose two sides differ by no more than `MAX_SIDES_RATIO` times. Where
evidence is more lopsided than that, the shorter side is made longer: a range may be too wide, never too narrow. This module
stands apart from `accounting.ranges` so that look-ups do not load numpy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

Z_95: Final = 1.6448536269514722
"""The standard normal's 95th percentile."""
MAX_SIDES_RATIO: Final = 2.8
"""What a triple's sides may differ by; a test holds it against `accounting.ranges.MAX_SIDES_RATIO`."""

_LEAST_WIDTH: Final = 1e-12
"""Of the centre: what is narrower is the rounding of binary arithmetic, and no range."""

Triple = tuple[float, float, float]


def log_normal(mean: float, sigma: float) -> Triple:
    """The triple of a log-normal with this mean and this standard deviation of its logarithm."""
    median = mean * math.exp(-(sigma**2) / 2)
    return median * math.exp(-Z_95 * sigma), mean, median * math.exp(Z_95 * sigma)


def stretched(low: float, central: float, high: float) -> Triple:
    """The triple with its shorter side made long enough for a law to fit; a number without width stays exact."""
    if high - low <= _LEAST_WIDTH * abs(central):
        return central, central, central
    below = max(central - low, (high - central) / MAX_SIDES_RATIO)
    above = max(high - central, (central - low) / MAX_SIDES_RATIO)
    return central - below, central, central + above


def widened(triple: Triple, sigma: float) -> Triple:
    """The triple with a further independent error: `sigma` is the standard deviation of its logarithm. All above zero."""
    low, central, high = triple
    below = math.hypot(math.log(central / low), Z_95 * sigma)
    above = math.hypot(math.log(high / central), Z_95 * sigma)
    return stretched(central * math.exp(-below), central, central * math.exp(above))


def added(left: Triple, right: Triple) -> Triple:
    """The sum of two independent quantities: sides are added in quadrature, so the low bound stays above the sum of the lows."""
    central = left[1] + right[1]
    below = math.hypot(left[1] - left[0], right[1] - right[0])
    above = math.hypot(left[2] - left[1], right[2] - right[1])
    return stretched(central - below, central, central + above)


def times(left: Triple, right: Triple) -> Triple:
    """The product of two independent quantities, neither below zero: relative sides are added in quadrature."""
    central = left[1] * right[1]
    below = min(1.0, math.hypot(1 - left[0] / left[1], 1 - right[0] / right[1]))
    above = math.hypot(left[2] / left[1] - 1, right[2] / right[1] - 1)
    return not_negative(stretched(central * (1 - below), central, central * (1 + above)))


def not_negative(triple: Triple) -> Triple:
    """The triple of a quantity that cannot be below zero: no further above its mean than a law from zero on reaches."""
    low, central, high = triple
    return max(low, 0.0), central, min(high, central * (1 + MAX_SIDES_RATIO))


def percentile(values: Sequence[float], share: float) -> float:
    """The percentile of values by linear interpolation, `share` in 0..1."""
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def half_spread(differences: Sequence[float]) -> float:
    """The standard deviation of one of two readings, from their differences: each is given half of the variance."""
    return math.sqrt(sum(d * d for d in differences) / len(differences) / 2)
