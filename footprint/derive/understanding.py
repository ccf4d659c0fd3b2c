"""What was understood of declared facts, in words, so that a slip of the keyboard shows."""

from __future__ import annotations

from footprint import text
from footprint.derive.equipment import Equipment, device_hours, known_equipment
from footprint.derive.operations import operations
from footprint.model import Declaration
from footprint.place import provider_name


def understood(facts: Declaration) -> tuple[str, ...]:
    """The declared work in a few words each: what on, for how long, how much, where and when."""
    found = known_equipment(facts)
    said = []
    if facts.hardware is not None:
        said.append(_hardware(facts.hardware, found))
    elif facts.count is not None:
        said.append(f"{facts.count} devices")
    if facts.hours is not None:
        said.append(f"{facts.hours:g} h")
    hours = device_hours(facts)
    if hours is not None and hours != facts.hours:
        said.append(f"{hours:g} {'chip' if found.cpu else 'device'}-hours")
    done = operations(facts)
    if done is not None:
        said.append(done.how)
    if facts.energy_kwh is not None:
        said.append(f"{text.energy(facts.energy_kwh)} as stated")
    if found.cloud is not None and facts.provider is None and facts.region is None:
        said.append(f"at {provider_name(found.cloud)}, which alone has it")
    named = (facts.provider, facts.region, facts.zone, facts.year, facts.kind, facts.workload)
    return (*said, *(str(one) for one in named if one is not None))


def _hardware(named: str, found: Equipment) -> str:
    """The hardware as it was named, and what that means where the text does not say it itself."""
    if found.name is None:
        return named
    counted = f"{found.units} x {found.name}" if found.units is not None else found.name
    chips = (found.cpu,) if found.cpu is not None else found.match.candidates if found.match is not None else ()
    means = chips[0].name if len(chips) == 1 else "devices"
    if found.per_unit != 1:
        return f"{counted} ({found.per_unit:g} {means} each)"
    return counted if len(chips) > 1 or means.casefold() in counted.casefold() else f"{counted} ({means})"
