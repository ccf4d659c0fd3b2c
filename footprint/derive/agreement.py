"""Whether declared facts agree: what is said twice, and what no machine can do. A contradiction is refused, never averaged."""

from __future__ import annotations

from typing import Final

import footprint.reference as ref
from footprint import text
from footprint.derive.equipment import Equipment, device_hours
from footprint.derive.operations import implied_utilisation, operations, why_no_hours
from footprint.errors import ConfigError
from footprint.model import Declaration
from footprint.reference import peaks
from footprint.units import W_PER_KW, kwh_from_w_h

# Facts that say the same thing twice may differ by rounding, not by more.
CONTRADICTION_RATIO: Final = 0.05
# 6 x parameters x tokens leaves attention out, and published counts are made in several ways: Gopher's is 1.25 times it.
_OPERATIONS_RATIO: Final = 1.5
_LEAST_UTILISATION: Final = 0.001
# No device draws less than this part of its rated power, or with its host more than these: what says so is in another unit.
_LEAST_SHARE: Final = 0.01
_MOST_SHARE: Final = 3.0
_MOST_HOST_W: Final = 1500.0
_JOB_W: Final = 100.0
_NOTABLE_SHARE: Final = 1.5
_LONG_HOURS: Final = 24.0 * 365.25 * 20
_MOST_OVERHEAD: Final = 3.0


def check_agreement(facts: Declaration, found: Equipment) -> None:
    """Refuse facts that contradict each other.

    Raises:
        ConfigError: with both readings.
    """
    hours = device_hours(facts)
    if facts.hours and facts.device_hours and found.units:
        product = "hours x count" if found.per_unit == 1 else f"hours x count x {found.per_unit:g} devices in each {found.name}"
        _agree("device_hours", facts.device_hours, product, facts.hours * found.units * found.per_unit)
    elif facts.hours and facts.device_hours and facts.device_hours < facts.hours * (1 - CONTRADICTION_RATIO):
        raise ConfigError(f"device_hours is {facts.device_hours:g}, less than the {facts.hours:g} hours of wall clock")
    if hours is not None and facts.energy_kwh and facts.power_w:
        _check_energy_of_power(facts, facts.energy_kwh, kwh_from_w_h(facts.power_w, hours))
    if facts.flops and facts.parameters and facts.tokens:
        each = peaks.operations_per_token(facts.kind)
        counted = each * facts.parameters * facts.tokens
        if not 1 / _OPERATIONS_RATIO <= facts.flops / counted <= _OPERATIONS_RATIO:
            raise ConfigError(
                f"flops is {facts.flops:.3g} but {each} x parameters x tokens gives {counted:.3g}: state one of them "
                "(of a mixture of experts, the parameters that are active)"
            )
    if hours is not None:
        _check_utilisation(facts, found, hours)
        _check_watts(facts, found, hours)


def cautions(facts: Declaration, found: Equipment) -> list[str]:
    """What of the facts may be a slip, though it can be: said, not refused."""
    said = []
    if facts.hours is not None and facts.hours > _LONG_HOURS:
        said.append(f"{facts.hours:g} hours of wall clock are more than 20 years: a sum over devices goes into device_hours")
    rated = _rated(found)
    if facts.power_w is not None and rated is not None and facts.power_w > _NOTABLE_SHARE * rated[1]:
        said.append(
            f"{facts.power_w:g} W a device is {facts.power_w / rated[1]:.2g} times the rated power of {found.name}: "
            "is it the power of a whole job or server?"
        )
    if facts.intensity_g_per_kwh == 0:
        said.append("an intensity of 0 g/kWh is that of contracts, not of a grid")
    hours = device_hours(facts)
    shares = implied_utilisation(facts, found, hours) if hours is not None else None
    done = operations(facts)
    if shares is not None and done is not None:
        said.append(f"{done.how}: {_percent(shares)} of the peak in the stated time")
    elif facts.mfu_ratio is not None and done is None:
        said.append("mfu_ratio says nothing without flops, or parameters and tokens")
    elif done is None and (hours or facts.energy_kwh) and (why := why_no_hours(facts, found)) is not None:
        said.append(why)
    launched = [one.year for one in found.match.candidates if one.year] if found.match else []
    if facts.year is not None and launched and facts.year < min(launched):
        said.append(f"{found.name} came out in {min(launched)}, after the year {facts.year} that was stated")
    return said


def _agree(name: str, value: float, other_name: str, other: float) -> None:
    if abs(value - other) > CONTRADICTION_RATIO * max(value, other):
        raise ConfigError(f"{name} is {value:g} but {other_name} gives {other:g}: state one of them, or mend the other")


def _check_energy_of_power(facts: Declaration, energy_kwh: float, product_kwh: float) -> None:
    """Stated energy and power x device-hours say the same, unless the energy is said to hold the host, too."""
    if facts.scope != "server":
        _agree("energy_kwh", energy_kwh, "power_w x device-hours", product_kwh)
    elif not (1 - CONTRADICTION_RATIO) * product_kwh <= energy_kwh <= _MOST_OVERHEAD * product_kwh:
        raise ConfigError(
            f"energy_kwh is {energy_kwh:g} but power_w x device-hours gives {product_kwh:g} for the accelerators alone: "
            "no server's energy is that; state one of them, or mend the other"
        )


def _check_utilisation(facts: Declaration, found: Equipment, hours: float) -> None:
    shares = implied_utilisation(facts, found, hours)
    if shares is None:
        return
    low, high = shares
    serves = facts.kind in {"inference", "evaluation"}  # which may wait for requests for as long as it likes
    if low > 1 or (high < _LEAST_UTILISATION and not serves):
        raise ConfigError(
            f"the stated work in {hours:g} device-hours means {_percent(shares)} of the peak of {found.name}: "
            "hours, hardware, or the amount of work is wrong"
        )
    if facts.mfu_ratio is not None and not low * 0.95 <= facts.mfu_ratio <= high / 0.95:
        raise ConfigError(
            f"mfu_ratio is {facts.mfu_ratio:g} but the stated work and time give {_percent(shares)} of the peak: "
            "state one of them, or mend the other"
        )


def _check_watts(facts: Declaration, found: Equipment, hours: float) -> None:
    """Stated power or energy against the rated power of the hardware: what is far off was stated in another unit."""
    rated = _rated(found)
    if rated is None:
        return
    lowest, highest = rated
    if facts.power_w is not None:
        many = found.devices or 0
        if facts.power_w < _LEAST_SHARE * lowest:
            raise ConfigError(f"power_w is {facts.power_w:g} W a device, and {found.name} is rated {highest:g} W: is it in kW?")
        if many > 1 and facts.power_w > _MOST_SHARE * highest + _JOB_W:
            raise ConfigError(
                f"power_w is {facts.power_w:g} W a device, and {found.name} is rated {highest:g} W: if it is the power of all "
                f"{many:g}, give {facts.power_w / many:.6g}"
            )
    elif facts.energy_kwh is not None:
        watts = facts.energy_kwh * W_PER_KW / hours
        most = _NOTABLE_SHARE * highest if facts.scope == "accelerators" else _MOST_SHARE * highest + _MOST_HOST_W
        if not _LEAST_SHARE * lowest <= watts <= most:
            raise ConfigError(
                f"energy_kwh is {facts.energy_kwh:g}, or {text.number(watts)} W a device over {hours:g} device-hours, "
                f"and {found.name} is rated {highest:g} W: energy or hours are wrong, or in another unit"
            )


def _rated(found: Equipment) -> tuple[float, float] | None:
    """The lowest and highest rated watts of a device; None where nothing is published."""
    if found.cpu is not None:
        return found.cpu.cpu.low_w, found.cpu.cpu.high_w
    power = ref.accelerator_power(found.match) if found.match is not None else None
    return (power.low, power.high) if power is not None else None


def _percent(shares: tuple[float, float]) -> str:
    low, high = map(text.percent, shares)
    return low if low == high else f"{low.removesuffix(' %')} to {high}"
