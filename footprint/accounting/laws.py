"""The law of an uncertain factor, its draws, and the law of a sum of many of its kind.

**The law.** A factor's triple (5th percentile, mean, 95th percentile) is read as a shifted log-normal,
`X = central + k (exp(s Z) - exp(s^2 / 2))` with Z standard normal, mirrored where the lower side is the longer one; equal sides
give the normal law. The three numbers fix `s` and `k`, and X has exactly the mean and the percentiles of the triple. Scaling the
triple scales X. A triple whose sides differ by more than `MAX_SIDES_RATIO` fits no such law and is refused. Where the 5th
percentile is not negative nothing is: a tail that would reach below zero is put at zero, which moves neither percentile.

**The draws.** `N_DRAWS` values a factor, stratified (one in each of 4,000 equally likely slices, so that the marginal is exact)
and shuffled by a permutation that depends on the factor's key alone: the order of SplitMix64 outputs (Steele, Lea & Flood 2014)
seeded with BLAKE2b of the key. Equal keys give equal draws, on every machine and every numpy; different keys are independent. The
key says what shares an error: an error family, and the run or device where the error is drawn anew.

**Sums.** Cumulants of independent variables add, and the j-th scales with the j-th power (Stuart & Ord, Kendall's Advanced
Theory of Statistics I, ch. 3): `w_1 X_1 + w_2 X_2 + ...` has mean `c Σw`, variance `k2 Σw²`, third cumulant `k3 Σw³`. With
`v = exp(s²)` the law above has `k2 = k² v (v - 1)` and `k3 = k³ v^1.5 (v - 1)² (v + 2)`, so that its skewness is
`(v + 2) sqrt(v - 1)` (Johnson, Kotz & Balakrishnan, Continuous Univariate Distributions I, ch. 14). With `u = sqrt(v - 1)` that
is `u³ + 3u`, solved by `u = 2 sinh(asinh(skewness / 2) / 3)`: the law of any mean, variance and skewness, and of one variable
its own again. `averaged` says how far it is from the true law of the sum.

Latin hypercube sampling: McKay, Beckman & Conover 1979.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from footprint.model import Range

N_DRAWS: Final = 4000
Z_95: Final = NormalDist().inv_cdf(0.95)
# Beyond this skew the mean of a log-normal moves towards its own 95th percentile faster than the percentile moves away.
SIGMA_MAX: Final = 1.6
_BISECTIONS: Final = 60
_SYMMETRIC_RATIO: Final = 1 + 1e-6
_SYMMETRIC_SIGMA: Final = 1e-6

Draws = NDArray[np.float64]

# The third moment of the most skewed law has its weight near z = 3 SIGMA_MAX.
_GRID: Final = np.linspace(-16.0, 16.0, 8_001)


def _sides_ratio(sigma: float) -> float:
    """(95th percentile - mean) / (mean - 5th percentile) of exp(sigma Z)."""
    upper, mean, lower = math.exp(Z_95 * sigma), math.exp(sigma**2 / 2), math.exp(-Z_95 * sigma)
    return (upper - mean) / (mean - lower)


MAX_SIDES_RATIO: Final = _sides_ratio(SIGMA_MAX)


def check_triple(low: float, central: float, high: float) -> None:
    """Refuse a triple that no law fits.

    Raises:
        ValueError: with what is wrong: not finite, not in order, one-sided, or too skewed for `central` to be the mean.
    """
    Range(low=low, central=central, high=high)
    if low == high:
        return
    if central in {low, high}:
        raise ValueError(f"{low}, {central}, {high}: the mean lies on a bound, no law fits")
    ratio = (high - central) / (central - low)
    if not 1 / MAX_SIDES_RATIO <= ratio <= MAX_SIDES_RATIO:
        raise ValueError(
            f"{low}, {central}, {high}: sides differ {ratio:.3g} times, more than {MAX_SIDES_RATIO:.3g}: no law fits"
        )


class Uncertain(NamedTuple):
    """A factor as a variable: equal keys move together, the triple says how far."""

    key: str
    low: float
    central: float
    high: float


Term = tuple[Uncertain, ...]
"""A product of factors, in their order."""


# -- Draws -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _slices() -> Draws:
    """The standard normal's value in the middle of each of the equally likely slices, ascending."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / N_DRAWS) for i in range(N_DRAWS)])


@lru_cache(maxsize=1024)
def permutation(key: str) -> NDArray[np.int16]:
    """The order in which `key` visits the slices."""
    seed = np.uint64(int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little"))
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64 is the generator
        z = seed + np.arange(1, N_DRAWS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return np.argsort(z, kind="stable").astype(np.int16)


@lru_cache(maxsize=512)
def _sigma(ratio: float) -> float:
    """The log-normal's sigma whose sides have this ratio (>= 1)."""
    low, high = 1e-9, SIGMA_MAX
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _sides_ratio(middle) < ratio else (low, middle)
    return (low + high) / 2


def _law(low: float, central: float, high: float, z: Draws) -> Draws:
    """The law of a triple at standard normal values."""
    check_triple(low, central, high)
    if low == high:
        return np.full_like(z, central)
    if high - central < central - low:
        return -_law(-high, -central, -low, -z)
    sigma, scale = _shape(low, central, high)
    if sigma == 0:
        return central + scale * z
    result: Draws = central + scale * (np.exp(sigma * z) - math.exp(sigma**2 / 2))
    return result


def _shape(low: float, central: float, high: float) -> tuple[float, float]:
    """`s` and `k` of a triple whose upper side is the longer one; 0 and the standard deviation of a normal law."""
    ratio = (high - central) / (central - low)
    if ratio < _SYMMETRIC_RATIO:  # the log-normal's limit, where its own formula cancels
        return 0.0, (high - low) / (2 * Z_95)
    sigma = _sigma(ratio)
    return sigma, (high - low) / (math.exp(Z_95 * sigma) - math.exp(-Z_95 * sigma))


@lru_cache(maxsize=1024)
def draws_of(variable: Uncertain) -> Draws:
    """The draws of a factor; not to be written to."""
    draws = _law(variable.low, variable.central, variable.high, _slices())
    if variable.low >= 0:
        draws = np.maximum(draws, 0.0)
    draws = draws[permutation(variable.key)]
    draws.flags.writeable = False  # shared by all who ask
    return draws


# -- Sums --------------------------------------------------------------------------------------------------------------


class Cumulants(NamedTuple):
    """Mean, variance and third central moment of a law."""

    mean: float
    k2: float
    k3: float


@lru_cache(maxsize=4096)
def cumulants(low: float, central: float, high: float) -> Cumulants:
    """The cumulants of a triple's law.

    Of a law whose tail below zero is put at zero, second and third are those of the law with that tail at zero; the mean is
    the triple's all the same, so that the middle of a sum is the sum of the middles.
    """
    check_triple(low, central, high)
    if low == high:
        return Cumulants(central, 0.0, 0.0)
    if low >= 0 and _law(low, central, high, _GRID[:1])[0] < 0:
        return _at_zero(low, central, high)
    if high - central < central - low:
        _, k2, k3 = _unbounded(-high, -central, -low)
        return Cumulants(central, k2, -k3)
    return _unbounded(low, central, high)


def _unbounded(low: float, central: float, high: float) -> Cumulants:
    """In closed form, of a triple whose upper side is the longer one."""
    sigma, scale = _shape(low, central, high)
    if sigma == 0:
        return Cumulants(central, scale**2, 0.0)
    v, less_one = math.exp(sigma**2), math.expm1(sigma**2)
    return Cumulants(central, scale**2 * v * less_one, scale**3 * v**1.5 * less_one**2 * (v + 2))


def _at_zero(low: float, central: float, high: float) -> Cumulants:
    """By quadrature, of a law whose tail below zero is put at zero."""
    off = np.maximum(_law(low, central, high, _GRID), 0.0)
    weights = _weights()
    off -= (weights * off).sum()
    return Cumulants(central, float((weights * off**2).sum()), float((weights * off**3).sum()))


@lru_cache(maxsize=1)
def _weights() -> Draws:
    """The standard normal density on the grid, of sum 1."""
    density = np.exp(-(_GRID**2) / 2)
    found: Draws = density / density.sum()
    return found


def product(laws: Iterable[Cumulants]) -> Cumulants:
    """The cumulants of a product of independent variables: raw moments multiply."""
    m1 = m2 = m3 = 1.0
    for mean, k2, k3 in laws:
        m1, m2, m3 = m1 * mean, m2 * (k2 + mean**2), m3 * (k3 + 3 * mean * k2 + mean**3)
    return Cumulants(m1, m2 - m1**2, m3 - 3 * m1 * m2 + 2 * m1**3)


def triple_of(law: Cumulants) -> tuple[float, float, float]:
    """5th percentile, mean and 95th percentile of the law of this family that has these cumulants."""
    mean, k2, k3 = law
    if k2 <= 0:
        return mean, mean, mean
    if k3 < 0:
        low, _, high = triple_of(Cumulants(-mean, k2, -k3))
        return -high, mean, -low
    u = 2 * math.sinh(math.asinh(k3 / k2**1.5 / 2) / 3)
    sigma = math.sqrt(math.log1p(u**2))
    if sigma < _SYMMETRIC_SIGMA:  # as in `_shape`
        side = Z_95 * math.sqrt(k2)
        return mean - side, mean, mean + side
    scale = math.sqrt(k2) / (u * math.sqrt(1 + u**2))
    middle = math.expm1(sigma**2 / 2)
    return mean + scale * (math.expm1(-Z_95 * sigma) - middle), mean, mean + scale * (math.expm1(Z_95 * sigma) - middle)


def averaged(law: Cumulants, w: float, w2: float, w3: float) -> tuple[float, float, float]:
    """The triple of the weighted mean of independent variables of one law, from the sums of the weights' powers.

    Mean, variance and skewness are those of the weighted mean; of one variable the triple is its own. The true law of a sum has
    other cumulants beyond the third, so that its percentiles differ: of two variables or more by less than 1 % of the width for
    sensors and hosts, 5 % for the share of rated power (whose tail is put at zero), 9 % for the modelled memory and 13 % for
    the most skewed law that a triple can have, where weights are most unlike; of a hundred alike by less than 5 % for any
    (`tests/accounting/test_groups.py` measures it against 10^6 draws).

    Args:
        law: of one variable.
        w: the sum of the weights, not zero.
        w2: the sum of their squares.
        w3: the sum of their cubes.
    """
    return triple_of(Cumulants(law.mean, law.k2 * w2 / w**2, law.k3 * w3 / w**3))
