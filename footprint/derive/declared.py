"""Declared facts to a footprint: whatever suffices for an energy, with priors for what was not stated.

Energy as stated; else device-hours (stated, of count and hours, or of what was computed) times watts a device (stated, or rated
power times the share that such work draws) and the overhead of the host; of work on processors alone, watts of the whole server.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import footprint.reference as ref
from footprint import text
from footprint.accounting.power import device_energy_kwh
from footprint.accounting.ranges import Quantity
from footprint.derive import beyond
from footprint.derive.case import Power, cited, number
from footprint.derive.equipment import Equipment, known_equipment
from footprint.derive.facts import cautions, check_declaration, device_hours
from footprint.derive.operations import Hours, computed_hours, why_no_hours
from footprint.derive.processors import processor_energy
from footprint.derive.working import Working
from footprint.model import ComponentName, Coverage, Declaration, Factor, Grade, Scope
from footprint.place import resolve
from footprint.reference import HardwareMatch


def derive_declaration(facts: Declaration, *, missing: Sequence[str] | None = None) -> Working:
    """Work out declared facts; see `declared_footprint`.

    Args:
        facts: the facts.
        missing: what `check_declaration` says of them, where they have been checked.
    """
    if missing is None:
        missing = check_declaration(facts)
    found = known_equipment(facts)
    work = Working(scope=_scope(facts, found))
    for name in missing:
        work.miss(name)
    hours = _hours(work, facts, found)
    if not facts.training:
        work.miss("energy", "no training took place; what making the model took otherwise is not known")
    elif facts.energy_kwh is not None:
        _stated_energy(work, facts)
    elif not missing and hours is not None:
        _hardware_energy(work, facts, found, hours)
    else:
        work.warn(*_warnings(found))
        no_hours = why_no_hours(facts, found)
        if no_hours is not None:
            work.miss("hours", no_hours)
    work.warn(*found.remarks, *cautions(facts, found))
    _locate(work, facts, found)
    device_h = hours.device_hours if hours is not None else None
    beyond.declare(work, facts, found.match, device_h.central if device_h is not None else None)
    if work.embodied is not None and device_h is not None and device_h.central > 0:
        work.embodied *= device_h * (1 / device_h.central)  # hours that were worked out have a range of their own
    return work


def _scope(facts: Declaration, found: Equipment) -> Scope:
    """The stated scope; without one, watts a device are taken as given. A processor's watts are those of its server."""
    if facts.scope is not None:
        return facts.scope
    return "accelerators" if facts.power_w is not None and found.cpu is None else "server"


def _hours(work: Working, facts: Declaration, found: Equipment) -> Hours | None:
    """Device-hours: as stated, of count and hours, or of what was computed; None if they are not known."""
    hours = device_hours(facts)
    if hours is not None:
        counted = facts.device_hours is None and facts.hours is not None and found.devices is not None
        told = f"{number(found.devices or 0)} devices × {number(facts.hours or 0)} h" if counted else f"{number(hours)} device-h"
        return Hours(Quantity(hours), told)
    return computed_hours(work, facts, found) if facts.hours is None else None


def _locate(work: Working, facts: Declaration, found: Equipment) -> None:
    """Carry the energy to the facility and to emissions with the stated place and year."""
    place = resolve(
        provider=facts.provider or found.cloud,
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


def _stated_energy(work: Working, facts: Declaration) -> None:
    assert facts.energy_kwh is not None
    stated = ref.stated("energy", facts.energy_kwh, "kWh")
    energy = work.term("accelerators", "energy as stated", cited(stated, "kWh"), work.use(stated), "kWh")
    if work.scope == "accelerators":
        work.add_part("accelerators", energy, "declared")
        work.coverage.append(Coverage(component="accelerators", grade="declared", read_ratio=1.0))
    work.it = energy


def _hardware_energy(work: Working, facts: Declaration, found: Equipment, hours: Hours) -> None:
    work.warn(*_warnings(found))
    if found.per_unit != 1:
        work.warn(f"{found.name} is {found.per_unit:g} devices: {hours.device_hours.central:.6g} device-hours")
    if found.cpu is not None and facts.power_w is None:
        processor_energy(work, found.cpu, hours)
        return
    power, scope, grade = _power(work, facts, found.match)
    if power is None:
        work.miss("power", f"the power of {found.name} is not published: give power_w, watts a device")
        return
    work.power = power.watts
    product = f"{power.product} × {hours.product}"
    component: ComponentName = "cpu" if found.cpu is not None else "accelerators"
    name = text.clean(found.name or component)
    energy = work.term(component, name, product, device_energy_kwh(1.0, power.watts) * hours.device_hours, "Wh")
    if found.cpu is not None:
        work.add_part("cpu", energy, grade)
        work.coverage.append(Coverage(component="cpu", grade=grade, read_ratio=1.0))
        work.warn(f"{facts.power_w:g} W a chip as stated: what of its server they hold is not known, and nothing is added")
        work.it = energy
        return
    _spread(work, energy, scope, grade, found.match)


def _warnings(found: Equipment) -> tuple[str, ...]:
    named = found.match or found.cpu
    return named.warnings if named is not None else ()


def _power(work: Working, facts: Declaration, match: HardwareMatch | None) -> tuple[Power | None, str, Grade]:
    """Watts a device, what they contain (`chip`, `with-host`, `machine`), and how they are known."""
    if facts.power_w is not None:
        stated = ref.stated("power", facts.power_w, "W")
        # Of a machine that is one piece, watts at the wall are all that can be stated: no host stands beside it.
        whole = facts.scope == "server" and match is not None and match.power_scope == "machine"
        return Power(work.use(stated), cited(stated, "W")), "machine" if whole else "chip", "declared"
    assert match is not None
    rated = ref.accelerator_power(match)
    if rated is None:
        return None, "chip", "assumed"
    watts, product = work.use(rated), cited(rated, "W")
    if rated.basis != "mean":
        used = _utilisation(facts, match)
        watts, product = watts * work.use(used), f"{product} × {cited(used)}"
    return Power(watts, product), match.power_scope, rated.grade if rated.basis == "mean" else "assumed"


def _utilisation(facts: Declaration, match: HardwareMatch) -> Factor:
    """The share of rated power that such work draws; only what was stated of the work counts, not what its size suggests."""
    return ref.utilisation(facts.kind, facts.workload, match)


def _spread(work: Working, energy: Quantity, scope: str, grade: Grade, match: HardwareMatch | None) -> None:
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
        overhead = ref.host_overhead(match)
        server = energy * work.use(overhead)
        product = f"({cited(overhead)} − 1) × {number(energy.central)} kWh of accelerators"
        work.add_part("rest", work.term("rest", "host", product, _less(server, energy), "kWh"), "assumed")
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
