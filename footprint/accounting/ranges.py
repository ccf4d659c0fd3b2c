"""Ranges by draws: how uncertain factors become a 90 % range of a product or a sum.

The law of a factor and its draws are those of `laws`; sums over more runs than can be drawn one by one go by `groups`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from footprint.accounting.groups import Weights, draw_key, group_terms, lumped
from footprint.accounting.laws import MAX_SIDES_RATIO, N_DRAWS, Draws, Term, Uncertain, check_triple, draws_of
from footprint.model import Factor, Range

__all__ = [
    "MAX_SIDES_RATIO",
    "N_DRAWS",
    "Group",
    "Quantity",
    "Term",
    "Uncertain",
    "Weights",
    "bounds_of",
    "check_triple",
    "draw",
    "draw_key",
    "sum_groups",
    "tidied",
    "tidy",
    "total",
    "unit_bounds",
]

_DIGITS: Final = 12
_POWERS: Final = np.array([float(f"1e{n}") for n in range(23)])
# The draws lie in the middles of their slices: Hazen's plotting position gives a lone factor its own bounds back. The bounds are
# then the middles between these draws, in ascending order.
_BELOW: Final = N_DRAWS // 20 - 1
_ABOVE: Final = N_DRAWS - N_DRAWS // 20 - 1


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
        if not isinstance(other, Quantity):
            return Quantity(terms={term: amount * other for term, amount in self._terms.items()})
        terms: dict[Term, float] = {}
        for left, some in self._terms.items():
            for right, more in other._terms.items():
                product = tuple(sorted(left + right))
                terms[product] = terms.get(product, 0.0) + some * more
        return Quantity(terms=terms)

    __radd__ = __add__
    __rmul__ = __mul__

    @property
    def terms(self) -> Mapping[Term, float]:
        """The polynomial: an amount for each product of factors; not to be written to."""
        return self._terms

    @property
    def central(self) -> float:
        """The plain sum and product of the factors' centrals."""
        return math.fsum(amount * math.prod(factor.central for factor in term) for term, amount in self._terms.items())

    @property
    def draws(self) -> Draws | None:
        """`N_DRAWS` values; None for an exact number. Of more than `groups.MOST_APART` runs the lighter ones are averaged."""
        if not any(self._terms):
            return None
        result = np.zeros(N_DRAWS)
        for term, amount in lumped(self._terms).items():
            result += amount * _product(term)
        return result

    def range(self) -> Range:
        """The 90 % range: 5th percentile of the draws, central, 95th percentile.

        A heavy tail can carry a mean past its own percentile; the bound is then moved to the mean.
        """
        central = tidy(self.central)
        if len(self._terms) == 1:  # a product: its range is that of the factors, scaled
            ((term, amount),) = self._terms.items()
            if not term:
                return Range(low=central, central=central, high=central)
            low, high = (amount * bound for bound in unit_bounds(term))
        else:
            draws = self.draws
            if draws is None:
                return Range(low=central, central=central, high=central)
            low, high = bounds_of(draws)
        low, high = sorted((tidy(low), tidy(high)))
        return Range(low=min(low, central), central=central, high=max(high, central))

    def __repr__(self) -> str:
        return f"Quantity({self.central!r}{', uncertain' if any(self._terms) else ''})"


def _product(term: Term) -> Draws:
    """The draws of a product of factors."""
    return math.prod((draws_of(factor) for factor in term), start=np.ones(N_DRAWS))


@lru_cache(maxsize=16_384)
def unit_bounds(term: Term) -> tuple[float, float]:
    """5th and 95th percentile of a product of factors."""
    return bounds_of(_product(term))


def bounds_of(draws: Draws) -> tuple[float, float]:
    """5th and 95th percentile of some draws."""
    some = np.partition(draws, (_BELOW, _BELOW + 1, _ABOVE, _ABOVE + 1))
    low, high = (some[at] + some[at + 1] for at in (_BELOW, _ABOVE))
    return float(low) / 2, float(high) / 2


def tidy(value: float) -> float:
    """Without the last digits of binary arithmetic: 240 x 1.11 is 266.4, not 266.40000000000003."""
    return float(f"{value:.{_DIGITS}g}")


def tidied(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Many values as `tidy` has each, but for a value within rounding of half a digit: of these the last may be another."""
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = _DIGITS - 1 - np.floor(np.log10(np.abs(values)))
    # Up to 10^22 powers of ten are exact, and so a whole number by one of them is rounded once: to the nearest of its decimals.
    plain = np.abs(shift) < len(_POWERS)
    power = _POWERS[np.where(plain, np.abs(shift), 0).astype(np.intp)]
    up = shift >= 0
    whole = np.rint(np.where(up, values * power, values / power))
    result = np.where(plain, np.where(up, whole / power, whole * power), values)
    for at in np.flatnonzero(~plain & np.isfinite(values) & (values != 0)):
        result[at] = tidy(float(values[at]))
    return result


def total(quantities: Iterable[Quantity]) -> Quantity:
    """The sum; of nothing, an exact zero."""
    terms: dict[Term, float] = {}
    for quantity in quantities:
        for term, amount in quantity.terms.items():
            terms[term] = terms.get(term, 0.0) + amount
    return Quantity(terms=terms or None)


class Group(NamedTuple):
    """The sum over runs that share all factors, from sums that somebody made of their weights.

    Attributes:
        key: which runs they are; sums of one key (energy and emissions of the same runs) move together.
        each: what a weight of one is multiplied with, drawn for no run or device in particular.
        runs: the sums of the runs' weights (for example kWh).
        devices: the same weights summed by device first, where a factor varies from device to device.
        device_key: which devices they are, where groups have them in common (of two years, say): what varies from device to
            device then moves together in these groups. By default every group has devices of its own.
    """

    key: str
    each: Quantity
    runs: Weights
    devices: Weights | None = None
    device_key: str = ""


def sum_groups(groups: Iterable[Group]) -> Quantity:
    """The sum over very many runs from sums by groups of equal factors; of nothing, an exact zero.

    What groups share (a grid series, a site's PUE) moves together over all of them; what varies from run to run or from device
    to device is averaged in each group, see `groups`.

    Raises:
        ValueError: for sums that no weights have, or a factor that varies from device to device in a group whose weights by
            device are not given.
    """
    return total(Quantity(terms=group_terms(one.key, one.each.terms, *one[2:])) for one in groups)


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
