"""What a total compares with: so many kilometres of driving, so many hours of a home's electricity, by a cited figure each.

It is told of what is known. A partial sum compares with less than all runs would, and who shows it says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import footprint.reference.equivalences as ref
from footprint import text
from footprint.accounting.ranges import tidy
from footprint.model import Basis, Factor, Range
from footprint.report.data import Amounts, Equivalence

_DISTANCES: Final[text.Units] = (("million km", 1e6), ("km", 1.0), ("m", 1e-3), ("mm", 1e-6))
_H_PER_YEAR: Final = 8760.0
# In years: a home's electricity is stated of a year, and of a leap year by as little more as nobody would see.
_TIMES: Final[text.Units] = (
    ("million years", 1e6),
    ("years", 1.0),
    ("days", 1 / 365),
    ("hours", 1 / _H_PER_YEAR),
    ("minutes", 1 / (60 * _H_PER_YEAR)),
    ("seconds", 1 / (3600 * _H_PER_YEAR)),
)
_CAR_LACKS: Final = "of the car, CO2 from its tailpipe alone"
_HOME_LACKS: Final = "electricity alone, and no other fuel; homes elsewhere use other amounts"
_OURS: Final = {
    "life-cycle": "of the runs, life-cycle emissions, with those of making fuels and power plants",
    "life-cycle, estimated": "of the runs, life-cycle emissions, with those of making fuels and power plants",
    "direct": "of the runs, what power plants emitted",
    "market": "of the runs, emissions by contracts for electricity, not by its grid",
}
_MIXED: Final = "of the runs, emissions of several bases"


def equivalences(total: Amounts, bases: Iterable[Basis] = ()) -> tuple[Equivalence, ...]:
    """What the emissions and the energy of some runs compare with; nothing for what is unknown, or none.

    Args:
        total: what the runs add up to.
        bases: those of the runs' emissions, to say what is not alike.
    """
    found = []
    if total.emissions_g is not None and (car := ref.driving()) is not None and total.emissions_g.central > 0:
        amount, unit = _in_unit(quotient(total.emissions_g, car), _DISTANCES)
        note = f"{_CAR_LACKS}; {_ours(bases)}"
        found.append(Equivalence(code="car", of="driving a typical US car", amount=amount, unit=unit, factor=car, note=note))
    if total.energy_kwh is not None and (home := ref.household()) is not None and total.energy_kwh.central > 0:
        amount, unit = _in_unit(quotient(total.energy_kwh, home), _TIMES)
        found.append(
            Equivalence(
                code="household",
                of="the electricity of an average US home",
                amount=amount,
                unit=unit,
                factor=home,
                note=_HOME_LACKS,
            )
        )
    return tuple(found)


def _ours(bases: Iterable[Basis]) -> str:
    """What our emissions hold, by their basis."""
    told = {_OURS.get(basis, "of the runs, emissions by an intensity as stated") for basis in bases}
    return told.pop() if len(told) == 1 else _MIXED


def _in_unit(value: Range, units: text.Units) -> tuple[Range, str]:
    """An amount in the unit that fits its middle."""
    unit, size = text.unit_for(value.central, units)
    return Range(low=tidy(value.low / size), central=tidy(value.central / size), high=tidy(value.high / size)), unit


def quotient(value: Range, factor: Factor) -> Range:
    """A range by a factor that errs apart from it: middle by middle; the sides, as logarithms of their ratios, in quadrature.

    Args:
        value: above zero in the middle.
        factor: above zero throughout.
    """
    middle = value.central / factor.central
    below = math.hypot(_log_ratio(value.central, value.low), _log_ratio(factor.high, factor.central))
    above = math.hypot(_log_ratio(value.high, value.central), _log_ratio(factor.central, factor.low))
    return Range(low=middle * math.exp(-below), central=middle, high=middle * math.exp(above))


def _log_ratio(more: float, less: float) -> float:
    """The logarithm of a ratio; without end where what is less is nothing."""
    return math.log(more / less) if less > 0 else math.inf
