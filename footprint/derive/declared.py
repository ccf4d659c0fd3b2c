"""Declared facts to a footprint: hardware x count x hours, or stated energy, with priors for what was not stated."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

import footprint.reference as ref
from footprint.accounting.power import device_energy_kwh
from footprint.accounting.ranges import Quantity
from footprint.derive.working import Working
from footprint.errors import ConfigError, UnknownHardware, unknown_choice
from footprint.model import KINDS, SCOPES, Coverage, Declaration, Grade, Scope
from footprint.place import resolve
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
    match = _match(facts)
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


def _match(facts: Declaration) -> HardwareMatch | None:
    """What the hardware's name means, if it is known: where energy is stated it need not be."""
    try:
        return ref.find_accelerator(facts.hardware) if facts.hardware is not None else None
    except UnknownHardware:
        return None


def device_hours(facts: Declaration) -> float | None:
    """Hours summed over devices; None if they are not known. A named slice or instance counts as its devices."""
    match = _match(facts)
    per_unit = match.devices_per_unit if match else 1
    if facts.device_hours is not None:
        return facts.device_hours
    if facts.hours is not None and facts.count is not None:
        return facts.hours * facts.count * per_unit
    return None


def derive_declaration(facts: Declaration) -> Working:
    """Work out declared facts; see `declared_footprint`."""
    missing = check_declaration(facts)
    work = Working(scope=facts.scope or ("accelerators" if facts.power_w is not None else "server"))
    for name in missing:
        work.miss(name)
    if not facts.training:
        work.miss("energy", "no training took place; what making the model took otherwise is not known")
    elif facts.energy_kwh is not None:
        _stated_energy(work, facts)
    elif not missing:
        _hardware_energy(work, facts)
    elif facts.hardware is not None:  # not enough for an energy, but a name that nobody knows is refused all the same
        work.warn(*ref.find_accelerator(facts.hardware).warnings)
    place = resolve(
        provider=facts.provider or _instance_provider(facts),
        region=facts.region,
        zone=facts.zone,
        pue=facts.pue,
        intensity_g_per_kwh=facts.intensity_g_per_kwh,
    )
    year = facts.year
    if year is None:
        year = datetime.now(UTC).year
        if place is not None and place.zone is not None and facts.intensity_g_per_kwh is None and work.it is not None:
            work.warn("no year was stated: the newest known grid figure is used")
    work.locate(place, year)
    return work


def _instance_provider(facts: Declaration) -> str | None:
    """Whose cloud it is where an instance of one was named: it tells regions and PUEs of the same name apart."""
    match = _match(facts)
    return match.provider if match is not None and match.instance is not None else None


def _stated_energy(work: Working, facts: Declaration) -> None:
    assert facts.energy_kwh is not None
    energy = work.use(ref.stated("energy", facts.energy_kwh, "kWh"))
    if work.scope == "accelerators":
        work.add_part("accelerators", energy, "declared")
        work.coverage.append(Coverage(component="accelerators", grade="declared", read_ratio=1.0))
    work.it = energy


def _hardware_energy(work: Working, facts: Declaration) -> None:
    match = ref.find_accelerator(facts.hardware) if facts.hardware is not None else None
    if match is not None:
        work.warn(*match.warnings)
    hours = device_hours(facts)
    assert hours is not None
    per_unit = match.devices_per_unit if match else 1
    if per_unit > 1:
        work.warn(f"{facts.hardware} is {per_unit} devices: {hours:g} device-hours")
    power, scope, grade = _power(work, facts, match)
    if power is None:
        work.miss("power", f"the power of {facts.hardware} is not published: give --power-w, watts a device")
        return
    work.power = power
    _spread(work, device_energy_kwh(hours, power), scope, grade)


def _power(work: Working, facts: Declaration, match: HardwareMatch | None) -> tuple[Quantity | None, str, Grade]:
    """Watts a device, what they contain (`chip`, `with-host`, `machine`), and how they are known."""
    if facts.power_w is not None:
        return work.use(ref.stated("power", facts.power_w, "W")), "chip", "declared"
    assert match is not None
    rated = ref.accelerator_power(match)
    if rated is None:
        return None, "chip", "assumed"
    watts = work.use(rated)
    if rated.basis != "mean":
        watts *= work.use(ref.utilisation(facts.kind))
    return watts, match.power_scope, rated.grade if rated.basis == "mean" else "assumed"


def _spread(work: Working, energy: Quantity, scope: str, grade: Grade) -> None:
    """Devices' energy to the IT energy of the asked scope."""
    asked: Scope = work.scope
    covered = [Coverage(component="accelerators", grade=grade, read_ratio=1.0)]
    if scope != "chip":
        what = "its host" if scope == "with-host" else "the whole machine"
        work.warn(f"the power figure includes {what}: no host overhead is added")
        if asked == "accelerators":
            work.warn("the accelerators' own share of it is not known: the energy is that of both")
        work.it = energy
        work.coverage += covered
        return
    work.add_part("accelerators", energy, grade)
    if asked == "server":
        overhead = ref.host_overhead()
        server = energy * work.use(overhead)
        work.add_part("rest", _less(server, energy), "assumed")
        work.warn(
            f"host and rest of the server are included by an overhead factor of {overhead.low:g} to {overhead.high:g} "
            "times the accelerators' energy (--scope accelerators leaves them out)"
        )
        covered.append(Coverage(component="rest", grade="assumed", read_ratio=1.0))
        work.it = server
    else:
        work.it = energy
    work.coverage += covered


def _less(whole: Quantity, part: Quantity) -> Quantity:
    """What a whole has beyond its part, draw by draw."""
    return whole + part * -1.0
