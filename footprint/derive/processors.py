"""Work on processors alone, declared: the server at load, by the chip's name; see `reference.cpu_jobs`."""

from __future__ import annotations

from footprint.accounting.ranges import Quantity
from footprint.derive.working import Working
from footprint.model import Coverage
from footprint.reference import CpuMatch
from footprint.reference.cpu_jobs import server_power
from footprint.units import W_PER_KW


def processor_energy(work: Working, named: CpuMatch, chip_hours: Quantity) -> None:
    """The energy of a server for these hours of its chips: processors, memory, and all else that the plug sees."""
    found = server_power(named.cpu)
    if found is None:
        work.miss("power", f"these factors know no server of {named.cpu.name}: give power_w, watts a chip")
        return
    kilo_hours = chip_hours * (1 / W_PER_KW)
    work.warn(*found.warnings)
    work.warn(
        f"{named.cpu.name}: watts of a whole server at work, a chip, by a model of published servers; how busy it was, and how "
        "much memory it has, is assumed"
    )
    if found.idle is None or found.active is None or found.load is None or found.memory is None or found.memory_gb is None:
        assert found.per_tdp is not None
        power = work.use(found.per_tdp) * found.rated_w
        work.add_part("cpu", power * kilo_hours, "assumed")
        work.coverage.append(Coverage(component="cpu", grade="assumed", read_ratio=1.0))
    else:
        chip = (work.use(found.idle) + work.use(found.active) * work.use(found.load)) * found.threads
        memory = work.use(found.memory) * work.use(found.memory_gb) * found.threads
        work.add_part("cpu", chip * kilo_hours, "assumed")
        work.add_part("memory", memory * kilo_hours, "assumed")
        work.coverage += [
            Coverage(component="cpu", grade="assumed", read_ratio=1.0),
            Coverage(component="memory", grade="assumed", read_ratio=1.0),
        ]
        power = chip + memory
    work.power = power
    work.sum_parts()
