"""Declared facts as they were stated: whether they can be, whether they agree, and whether they suffice."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

import footprint.reference as ref
from footprint.errors import ConfigError, UnknownHardware, unknown_choice
from footprint.model import KINDS, SCOPES, Declaration
from footprint.reference import HardwareMatch
from footprint.units import kwh_from_w_h

FIRST_YEAR: Final = 2000
MAX_HOURS: Final = 24.0 * 366 * 20
MAX_COUNT: Final = 10_000_000
MAX_POWER_W: Final = 100_000.0
MAX_ENERGY_KWH: Final = 1e10
MAX_INTENSITY_G_PER_KWH: Final = 2_000.0
# Facts that say the same thing twice may differ by rounding, not by more.
CONTRADICTION_RATIO: Final = 0.05


def check_declaration(facts: Declaration) -> list[str]:
    """Refuse facts that cannot be, and name what is missing for an energy.

    Returns:
        The names of missing facts; empty if the energy can be worked out.

    Raises:
        ConfigError: for a number that cannot be, an unknown kind or scope, or facts that contradict each other.
    """
    _number("hours", facts.hours, 0, MAX_HOURS, "h of wall clock; a sum over devices goes into device_hours")
    _number("device_hours", facts.device_hours, 0, MAX_HOURS * MAX_COUNT, "h")
    _number("energy_kwh", facts.energy_kwh, 0, MAX_ENERGY_KWH, "kWh")
    _number("power_w", facts.power_w, 0, MAX_POWER_W, "W a device")
    _number("intensity_g_per_kwh", facts.intensity_g_per_kwh, -1e-9, MAX_INTENSITY_G_PER_KWH, "g/kWh; kg and lb are not g")
    if facts.count is not None and not 1 <= facts.count <= MAX_COUNT:
        raise ConfigError(f"count is {facts.count}; it must be at least 1 and at most {MAX_COUNT:,}")
    this_year = datetime.now(UTC).year
    if facts.year is not None and not FIRST_YEAR <= facts.year <= this_year:
        raise ConfigError(f"year is {facts.year}; it must lie between {FIRST_YEAR} and {this_year}")
    for what, value, known in (("kind", facts.kind, KINDS), ("scope", facts.scope, SCOPES)):
        if value is not None and value not in known:
            raise unknown_choice(what, value, known)
    match = match_of(facts)
    if facts.hours and facts.count and facts.device_hours:
        per_unit = match.devices_per_unit if match else 1
        product = "hours x count" if per_unit == 1 else f"hours x count x {per_unit} devices in each {facts.hardware}"
        _agree("device_hours", facts.device_hours, product, facts.hours * facts.count * per_unit)
    hours = device_hours(facts)
    if facts.energy_kwh and facts.power_w and hours:
        _agree("energy_kwh", facts.energy_kwh, "power_w x device-hours", kwh_from_w_h(facts.power_w, hours))
    if facts.energy_kwh is not None or not facts.training:
        return []
    missing = [] if facts.hardware is not None or facts.power_w is not None else ["hardware"]
    if hours is None:
        missing += ["hours"] if facts.hours is None else ["count"]
    return missing


def _number(name: str, value: float | None, low: float, high: float, unit: str) -> None:
    if value is not None and not (math.isfinite(value) and low < value <= high):
        raise ConfigError(
            f"{name} is {value:g}; it must be {'above' if low == 0 else 'at least'} 0 and at most {high:g} ({unit})"
        )


def _agree(name: str, value: float, other_name: str, other: float) -> None:
    if abs(value - other) > CONTRADICTION_RATIO * max(value, other):
        raise ConfigError(f"{name} is {value:g} but {other_name} gives {other:g}: state one of them, or mend the other")


def match_of(facts: Declaration) -> HardwareMatch | None:
    """What the hardware's name means, if it is known: where energy is stated it need not be."""
    try:
        return ref.find_accelerator(facts.hardware) if facts.hardware is not None else None
    except UnknownHardware:
        return None


def device_hours(facts: Declaration) -> float | None:
    """Hours summed over devices; None if they are not known. A named slice or instance counts as its devices."""
    match = match_of(facts)
    per_unit = match.devices_per_unit if match else 1
    if facts.device_hours is not None:
        return facts.device_hours
    if facts.hours is not None and facts.count is not None:
        return facts.hours * facts.count * per_unit
    return None
