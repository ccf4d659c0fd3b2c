"""Declared facts to a footprint: hardware x count x hours, or stated energy, with priors for what was not stated."""

from __future__ import annotations

from datetime import UTC, datetime

import footprint.reference as ref
from footprint.accounting.power import device_energy_kwh
from footprint.accounting.ranges import Quantity
from footprint.derive import beyond
from footprint.derive.facts import check_declaration, device_hours, match_of
from footprint.derive.working import Working
from footprint.model import Coverage, Declaration, Grade, Scope
from footprint.place import resolve
from footprint.reference import HardwareMatch


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
    beyond.declare(work, facts, match_of(facts), device_hours(facts))
    return work


def _instance_provider(facts: Declaration) -> str | None:
    """Whose cloud it is where an instance of one was named: it tells regions and PUEs of the same name apart."""
    match = match_of(facts)
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
