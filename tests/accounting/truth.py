"""The law of a factor written a second time, by other means than the package's, and a million draws of it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from footprint.model import Factor

N = 1_000_000
Z = norm.ppf(0.95)


@lru_cache(maxsize=256)
def shape(low: float, central: float, high: float) -> tuple[float, float]:
    """`s` and `k` of `central + k (exp(s Z) - exp(s^2 / 2))`, of its percentiles; 0 and the standard deviation if normal."""
    below, above = central - low, high - central
    if abs(above / below - 1) < 1e-6:
        return 0.0, (high - low) / 2 / Z

    def off(s: float) -> float:
        mean = np.exp(s * s / 2)
        return float((np.exp(s * Z) - mean) * below - (mean - np.exp(-s * Z)) * above)

    s = brentq(off, 1e-7, 1.61)
    return s, below / (np.exp(s * s / 2) - np.exp(-s * Z))


def law(triple: tuple[float, float, float], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """The law at standard normal values, with its tail below zero at zero where the 5th percentile is not below."""
    low, central, high = triple
    if low == high:
        return np.full_like(z, central)
    if high - central < central - low:
        s, k = shape(-high, -central, -low)
        found = central - k * (np.expm1(-s * z) - np.expm1(s * s / 2)) if s else central + k * z
    else:
        s, k = shape(low, central, high)
        found = central + k * (np.expm1(s * z) - np.expm1(s * s / 2)) if s else central + k * z
    return np.maximum(found, 0.0) if low >= 0 else found


def draws(factor: Factor, rng: np.random.Generator, n: int = N) -> NDArray[np.float64]:
    """Independent draws of a factor."""
    return law((factor.low, factor.central, factor.high), rng.standard_normal(n))


def bounds(values: NDArray[np.float64]) -> tuple[float, float]:
    """5th and 95th percentile."""
    low, high = np.percentile(values, (5.0, 95.0))
    return float(low), float(high)
