"""Work on processors alone, declared: the server at load, by the chip's name; see `reference.cpu_jobs`."""

from __future__ import annotations

from footprint.derive.case import cited, number
from footprint.derive.operations import Hours
from footprint.derive.working import Working
from footprint.model import Coverage
from footprint.reference import CpuMatch
from footprint.reference.cpu_jobs import server_power
from footprint.units import W_PER_KW


def processor_energy(work: Working, named: CpuMatch, chip_hours: Hours) -> None:
    """The energy of a server for these hours of its chips: processors, memory, and all else that the plug sees."""
    found = server_power(named.cpu)
    if found is None:
        work.miss("power", f"these factors know no server of {named.cpu.name}: give power_w, watts a chip")
        return
    kilo_hours, times = chip_hours.device_hours * (1 / W_PER_KW), f" × {chip_hours.product}"
    work.warn(*found.warnings)
    work.warn(
        f"{named.cpu.name}: watts of a whole server at work, a chip, by a model of published servers; how busy it was, and how "
        "much memory it has, is assumed"
    )
    if found.idle is None or found.active is None or found.load is None or found.memory is None or found.memory_gb is None:
        assert found.per_tdp is not None
        power = work.use(found.per_tdp) * found.rated_w
        product = f"{number(found.rated_w)} W rated × {cited(found.per_tdp)}{times}"
        work.add_part("cpu", work.term("cpu", "server", product, power * kilo_hours, "Wh"), "assumed")
        work.coverage.append(Coverage(component="cpu", grade="assumed", read_ratio=1.0))
    else:
        chip = (work.use(found.idle) + work.use(found.active) * work.use(found.load)) * found.threads
        memory = work.use(found.memory) * work.use(found.memory_gb) * found.threads
        each = f"{number(found.threads)} CPUs"
        idle, active = cited(found.idle, "W"), f"{cited(found.active, 'W')} × {cited(found.load)}"
        chips = work.term("cpu", "processors", f"({idle} + {active}) × {each}{times}", chip * kilo_hours, "Wh")
        gb = f"{cited(found.memory, 'W/GB')} × {cited(found.memory_gb, 'GB')} × {each}{times}"
        work.add_part("cpu", chips, "assumed")
        work.add_part("memory", work.term("memory", "their memory", gb, memory * kilo_hours, "Wh"), "assumed")
        work.coverage += [
            Coverage(component="cpu", grade="assumed", read_ratio=1.0),
            Coverage(component="memory", grade="assumed", read_ratio=1.0),
        ]
        power = chip + memory
    work.power = power
    work.sum_parts()
