"""What the declared hardware is: accelerators or processors, how many of them, and for how many hours."""

from __future__ import annotations

from typing import NamedTuple

import footprint.reference as ref
from footprint.errors import ConfigError, UnknownHardware
from footprint.model import Declaration
from footprint.reference import CpuMatch, HardwareMatch


class Equipment(NamedTuple):
    """Declared hardware as it was understood.

    `units` are the things that the name names (boards, instances, slices, processor chips), null where nobody says how many;
    each is `per_unit` devices. `remarks` say what was read into the name.
    """

    match: HardwareMatch | None = None
    cpu: CpuMatch | None = None
    units: int | None = None
    per_unit: int | float = 1
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """The name as a message repeats it; None where no hardware was named."""
        found = self.match or self.cpu
        return found.name_in_text if found else None

    @property
    def cloud(self) -> str | None:
        """Whose cloud it is, of an instance or of a chip that one provider alone has: its regions, and its sites' PUE."""
        return self.match.provider if self.match is not None else None

    @property
    def devices(self) -> float | None:
        """How many accelerators or chips there are; None where nobody says."""
        return None if self.units is None else self.units * self.per_unit


def equipment(facts: Declaration) -> Equipment:
    """What the declared hardware is.

    Raises:
        UnknownHardware: for a name that means nothing that is known.
        ConfigError: if the name counts other than the stated count.
    """
    if facts.hardware is None:
        return Equipment(units=facts.count)
    found = ref.find_hardware(facts.hardware)
    counted = found.count_in_text
    if counted is not None and facts.count is not None and counted != facts.count:
        raise ConfigError(
            f"hardware {facts.hardware[:80]!r} counts {counted} but count is {facts.count}: "
            f"give the name alone ({found.name_in_text!r}), or the same count"
        )
    units = facts.count
    remarks: tuple[str, ...] = ()
    if units is None and counted is not None:
        units, remarks = counted, (f"the hardware's name counts {counted}",)
    match = found if isinstance(found, HardwareMatch) else None
    # Where no hours were stated, what was computed gives device-hours, and nobody counts instances.
    wall_clock = facts.hours is not None and facts.device_hours is None
    if units is None and match is not None and match.instance is not None and wall_clock:
        units, remarks = 1, (f"no count was stated: one {match.instance} is taken",)
    return Equipment(
        match=match,
        cpu=found if isinstance(found, CpuMatch) else None,
        units=units,
        per_unit=match.devices_per_unit if match else 1,
        remarks=remarks,
    )


def known_equipment(facts: Declaration) -> Equipment:
    """The same where energy is stated and the hardware need not be known: a name that means nothing is left alone."""
    try:
        return equipment(facts)
    except UnknownHardware:
        return Equipment(units=facts.count)


def match_of(facts: Declaration) -> HardwareMatch | None:
    """Which accelerators the hardware's name means, if it is known and means any."""
    return known_equipment(facts).match


def device_hours(facts: Declaration) -> float | None:
    """Hours summed over devices; None if they are not known. A named slice or instance counts as its devices."""
    if facts.device_hours is not None:
        return facts.device_hours
    devices = known_equipment(facts).devices
    return None if facts.hours is None or devices is None else facts.hours * devices
