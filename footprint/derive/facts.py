"""Declared facts as they were stated: whether they can be, whether they agree, and whether they suffice."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from numbers import Integral, Real
from typing import Any, Final, NamedTuple

from footprint.derive.agreement import cautions, check_agreement
from footprint.derive.equipment import Equipment, device_hours, equipment, known_equipment, match_of
from footprint.derive.operations import why_no_hours
from footprint.errors import ConfigError, unknown_choice
from footprint.model import KINDS, SCOPES, WORKLOADS, Declaration
from footprint.place.bounds import check_intensity, check_pue

__all__ = ["cautions", "check_declaration", "device_hours", "match_of", "normalised", "shortfall", "sufficient"]

FIRST_YEAR: Final = 2000
MAX_COUNT: Final = 10_000_000
# The wall clock of one job: longer than anybody has had computers, so that a published expected value (31 years) passes.
MAX_HOURS: Final = 24.0 * 365.25 * 100
_MOST_CURRENCY: Final = 8
_MOST: Final = sys.float_info.max


class _Bounds(NamedTuple):
    """What a number may be: above `low` (or from it on), up to `high`; what its unit is and what is not meant."""

    low: float
    high: float
    unit: str
    low_is_in: bool = False


_NUMBERS: Final = {
    "hours": _Bounds(0, MAX_HOURS, "h of wall clock; a sum over devices goes into device_hours"),
    "device_hours": _Bounds(0, MAX_HOURS * MAX_COUNT, "h"),
    "energy_kwh": _Bounds(0, 1e10, "kWh"),
    "power_w": _Bounds(0, 100_000, "W a device"),
    "flops": _Bounds(1e6, 1e30, "floating-point operations; 1 PFLOP is 1e15, 1 PFLOP/s-day 8.64e19"),
    "parameters": _Bounds(1e3, 1e16, "parameters; 7 billion are 7e9", low_is_in=True),
    "tokens": _Bounds(1, 1e20, "tokens; 2 trillion are 2e12", low_is_in=True),
    "mfu_ratio": _Bounds(0, 1, "a share of the peak; 40 % are 0.4"),
    "life_years": _Bounds(0.5, 20, "years that the hardware is used", low_is_in=True),
    "use_ratio": _Bounds(0, 1, "a share of its life"),
    "embodied_g_per_device": _Bounds(0, 1e9, "g of CO2e for making one device; 150 kg are 150000"),
    "price_per_kwh": _Bounds(0, 1e6, "a kWh", low_is_in=True),
}
_PLACE_NUMBERS: Final = ("pue", "intensity_g_per_kwh")
_WHOLE: Final = ("count", "year")
_CHOICES: Final = {"kind": KINDS, "scope": SCOPES, "workload": WORKLOADS}
_TEXTS: Final = ("kind", "hardware", "workload", "scope", "provider", "region", "zone", "currency")


def normalised(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts as a table or a form holds them: whole numbers in another type (8.0, a numpy integer) become integers."""
    found = dict(facts)
    for name in _WHOLE:
        value = found.get(name)
        if not isinstance(value, bool) and isinstance(value, Real) and float(value).is_integer():
            found[name] = int(float(value))
    return found


def check_declaration(facts: Declaration) -> list[str]:
    """Refuse facts that cannot be, and name what is missing for an energy.

    Returns:
        The names of missing facts; empty if the energy can be worked out.

    Raises:
        ConfigError: for a number that cannot be, an unknown kind or scope, or facts that contradict each other; `UnknownHardware`
            for a name that nobody knows, where the energy hangs on it.
    """
    _check_types(facts)
    for name, bounds in _NUMBERS.items():
        _check_number(name, getattr(facts, name), bounds)
    check_pue(facts.pue)
    check_intensity(facts.intensity_g_per_kwh)
    if facts.count is not None and not 1 <= facts.count <= MAX_COUNT:
        raise ConfigError(f"count is {facts.count}; it must be at least 1 and at most {MAX_COUNT:,}")
    this_year = datetime.now(UTC).year
    if facts.year is not None and not FIRST_YEAR <= facts.year <= this_year:
        raise ConfigError(f"year is {facts.year}; it must lie between {FIRST_YEAR} and {this_year}")
    for what, known in _CHOICES.items():
        value = getattr(facts, what)
        if value is not None and value not in known:
            raise unknown_choice(what, value, known)
    _check_price(facts)
    needs_hardware = facts.energy_kwh is None and facts.training
    found = equipment(facts) if needs_hardware else known_equipment(facts)
    if found.cpu is not None and facts.scope == "accelerators":
        raise ConfigError(f"{found.name} is a processor: there are no accelerators in it; leave the scope out")
    check_agreement(facts, found)
    return _missing(facts, found) if needs_hardware else []


def sufficient(facts: dict[str, Any]) -> Declaration:
    """The facts of `estimate` as a declaration that suffices for an energy.

    Raises:
        ConfigError: for an unknown or impossible fact, for facts that contradict each other, or do not suffice for an energy.
    """
    known = Declaration.__struct_fields__
    for name in facts:
        if name not in known:
            raise ConfigError(f"estimate() knows no fact {name!r}; it takes {', '.join(known)}")
    declaration = Declaration(**normalised(facts))
    missing = check_declaration(declaration)
    if missing:
        why = shortfall(declaration)
        raise ConfigError(
            f"the facts do not suffice for an energy: {' and '.join(missing)} missing; "
            + (why or "give hardware, count and hours (or device-hours, or what was computed), or the energy in kWh")
        )
    return declaration


def shortfall(facts: Declaration) -> str | None:
    """Why what was stated of the amount of work gives no hours; None where it does, or nothing was stated."""
    return why_no_hours(facts, known_equipment(facts))


def _missing(facts: Declaration, found: Equipment) -> list[str]:
    if device_hours(facts) is not None:
        return [] if facts.hardware is not None or facts.power_w is not None else ["hardware"]
    if (facts.flops or (facts.parameters and facts.tokens)) and facts.hours is None:
        if facts.hardware is None:
            return ["hardware"]
        return [] if why_no_hours(facts, found) is None else ["hours"]
    missing = [] if facts.hardware is not None or facts.power_w is not None else ["hardware"]
    return missing + (["hours"] if facts.hours is None else ["count"])


def _check_types(facts: Declaration) -> None:
    """Refuse what a typed language would: a number as text, with its unit perhaps, and a text as a number."""
    for name in (*_NUMBERS, *_PLACE_NUMBERS, *_WHOLE):
        value = getattr(facts, name)
        if value is None or (type(value) is float and name not in _WHOLE):  # as nearly all are
            continue
        unit = f", in {_NUMBERS[name].unit}" if name in _NUMBERS else ""
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ConfigError(f"{name} is {str(value)[:40]!r}; it must be a number{unit}")
        if isinstance(value, int) and abs(value) > _MOST:  # of hundreds of digits, which no other number can hold
            raise ConfigError(f"{name} is {'above' if value > 0 else 'below'} all that it can be{unit}")
        if name in _WHOLE and not isinstance(value, Integral):
            raise ConfigError(f"{name} is {value}; it must be a whole number")
    for name in _TEXTS:
        value = getattr(facts, name)
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"{name} is {str(value)[:40]!r}; it must be a text")


def _check_number(name: str, value: float | None, bounds: _Bounds) -> None:
    if value is None:
        return
    low, high, unit, low_is_in = bounds
    if not (math.isfinite(value) and value <= high and (value >= low if low_is_in else value > low)):
        raise ConfigError(
            f"{name} is {value:g}; it must be {'at least' if low_is_in else 'above'} {low:g} and at most {high:g} ({unit})"
        )


def _check_price(facts: Declaration) -> None:
    if (facts.price_per_kwh is None) != (facts.currency is None):
        given, other = ("price_per_kwh", "currency") if facts.currency is None else ("currency", "price_per_kwh")
        raise ConfigError(f"{given} says nothing without {other}")
    if facts.currency is not None and not 0 < len(facts.currency.strip()) <= _MOST_CURRENCY:
        raise ConfigError(f"currency is {facts.currency[:40]!r}; it must be a short text, such as EUR")
