"""Ranges by draws: how uncertain factors become a 90 % range of a product or a sum.

**The law.** A factor's triple (5th percentile, mean, 95th percentile) is read as a shifted log-normal,
`X = central + k (exp(s Z) - exp(s^2 / 2))` with Z standard normal, mirrored where the lower side is the longer one; equal sides
give the normal law. The three numbers fix `s` and `k`, and X has exactly the mean and the percentiles of the triple. Scaling the
triple scales X. A triple whose sides differ by more than `MAX_SIDES_RATIO` fits no such law and is refused. Where the 5th
percentile is not negative nothing is: a tail that would reach below zero is put at zero, which moves neither percentile.

**The draws.** `N_DRAWS` values a factor, stratified (one in each of 4,000 equally likely slices, so that the marginal is exact)
and shuffled by a permutation that depends on the factor's key alone: the order of SplitMix64 outputs (Steele, Lea & Flood 2014)
seeded with BLAKE2b of the key. Equal keys give equal draws, on every machine and every numpy; different keys are independent. The
key says what shares an error: an error family, and the run or device where the error is drawn anew.

Latin hypercube sampling: McKay, Beckman & Conover 1979.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from footprint.model import Factor, Range

N_DRAWS: Final = 4000
Z_95: Final = NormalDist().inv_cdf(0.95)
# Beyond this skew the mean of a log-normal moves towards its own 95th percentile faster than the percentile moves away.
SIGMA_MAX: Final = 1.6
_BISECTIONS: Final = 60
_DIGITS: Final = 12

Draws = NDArray[np.float64]


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


@lru_cache(maxsize=1)
def _slices() -> Draws:
    """The standard normal's value in the middle of each of the equally likely slices, ascending."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / N_DRAWS) for i in range(N_DRAWS)])


@lru_cache(maxsize=1024)
def _permutation(key: str) -> NDArray[np.int16]:
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
    ratio = (high - central) / (central - low)
    if ratio < 1 + 1e-6:  # the log-normal's limit, where its own formula cancels
        return central + (high - low) / (2 * Z_95) * z
    sigma = _sigma(ratio)
    scale = (high - low) / (math.exp(Z_95 * sigma) - math.exp(-Z_95 * sigma))
    result: Draws = central + scale * (np.exp(sigma * z) - math.exp(sigma**2 / 2))
    return result


class Uncertain(NamedTuple):
    """A factor as a variable: equal keys move together, the triple says how far."""

    key: str
    low: float
    central: float
    high: float


@lru_cache(maxsize=1024)
def _draws(variable: Uncertain) -> Draws:
    """The draws of a factor."""
    draws = _law(variable.low, variable.central, variable.high, _slices())
    if variable.low >= 0:
        draws = np.maximum(draws, 0.0)
    draws = draws[_permutation(variable.key)]
    draws.flags.writeable = False  # shared by all who ask
    return draws


Term = tuple[Uncertain, ...]


class Quantity:
    """A number made of uncertain factors by sums and products, kept as the polynomial that it is: coefficient by product.

    So a sum over many runs is as small as the factors that they share, and draws are made only where a range is asked for. An
    exact number has the empty product alone.
    """

    __slots__ = ("_terms",)

    def __init__(self, value: float = 0.0, terms: Mapping[Term, float] | None = None) -> None:
        self._terms: Mapping[Term, float] = {(): value} if terms is None else terms

    def __add__(self, other: Quantity | float) -> Quantity:
        return total((self, other if isinstance(other, Quantity) else Quantity(other)))

    def __mul__(self, other: Quantity | float) -> Quantity:
        other = other if isinstance(other, Quantity) else Quantity(other)
        terms: dict[Term, float] = {}
        for left, some in self._terms.items():
            for right, more in other._terms.items():
                product = tuple(sorted(left + right))
                terms[product] = terms.get(product, 0.0) + some * more
        return Quantity(terms=terms)

    __radd__ = __add__
    __rmul__ = __mul__

    @property
    def central(self) -> float:
        """The plain sum and product of the factors' centrals."""
        return math.fsum(amount * math.prod(factor.central for factor in term) for term, amount in self._terms.items())

    @property
    def draws(self) -> Draws | None:
        """`N_DRAWS` values; None for an exact number."""
        if not any(self._terms):
            return None
        result = np.zeros(N_DRAWS)
        for term, amount in self._terms.items():
            result += amount * math.prod((_draws(factor) for factor in term), start=np.ones(1))
        return result

    def range(self) -> Range:
        """The 90 % range: 5th percentile of the draws, central, 95th percentile.

        A heavy tail can carry a mean past its own percentile; the bound is then moved to the mean.
        """
        central, draws = _tidy(self.central), self.draws
        if draws is None:
            return Range(low=central, central=central, high=central)
        # The draws lie in the middles of their slices: Hazen's plotting position gives a lone factor its own bounds back.
        low, high = np.percentile(draws, (5.0, 95.0), method="hazen")
        return Range(low=min(_tidy(low), central), central=central, high=max(_tidy(high), central))

    def __repr__(self) -> str:
        return f"Quantity({self.central!r}{', uncertain' if any(self._terms) else ''})"


def _tidy(value: float) -> float:
    """Without the last digits of binary arithmetic: 240 x 1.11 is 266.4, not 266.40000000000003."""
    return float(f"{value:.{_DIGITS}g}")


def total(quantities: Iterable[Quantity]) -> Quantity:
    """The sum; of nothing, an exact zero."""
    terms: dict[Term, float] = {}
    for quantity in quantities:
        for term, amount in quantity._terms.items():  # noqa: SLF001 - a quantity's own sum, of as many as there are
            terms[term] = terms.get(term, 0.0) + amount
    return Quantity(terms=terms or None)


def draw_key(factor: Factor, *, run: str = "", device: str = "") -> str:
    """What decides a factor's draws: its error family, and the run or device where its error is drawn anew."""
    own = {"shared": "", "run": run, "device": device}[factor.varies]
    return f"{factor.error_family}\x1f{factor.varies}\x1f{own}"


def draw(factor: Factor, *, run: str = "", device: str = "") -> Quantity:
    """A factor as a quantity, with the draws of its key.

    Args:
        factor: the factor; a factor without width is exact.
        run: the run's id, for what varies from run to run.
        device: the device's id, unique over hosts, for what varies from device to device.

    Raises:
        ValueError: for a triple that no law fits.
    """
    check_triple(factor.low, factor.central, factor.high)
    if factor.low == factor.high:
        return Quantity(factor.central)
    key = draw_key(factor, run=run, device=device)
    return Quantity(terms={(Uncertain(key, factor.low, factor.central, factor.high),): 1.0})
