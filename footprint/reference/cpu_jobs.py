"""What a server draws while its processors work, where only their model is declared: no accelerator, no measurement.

The model of `cpu` at load: memory, idle watts and a share of the watts above idle, for each chip with all of its logical CPUs.
SPECpower watts are the whole server's at the plug, so nothing of the host is added to them.
"""

from __future__ import annotations

import msgspec

from footprint.model import Factor, Host
from footprint.reference import tables
from footprint.reference.cpu import cpu_power, memory_power, terms
from footprint.reference.cpu_names import Cpu


class ServerPower(msgspec.Struct, frozen=True, kw_only=True):
    """Watts of a server, a chip: `threads` x (idle + load x active + memory_gb x memory), or `rated_w` x `per_tdp` alone.

    All factors but `load`, `memory_gb` and `per_tdp` are watts of one logical CPU, or of a gigabyte.
    """

    threads: int
    rated_w: float
    idle: Factor | None = None
    active: Factor | None = None
    load: Factor | None = None
    memory: Factor | None = None
    memory_gb: Factor | None = None
    per_tdp: Factor | None = None
    warnings: tuple[str, ...] = ()


def server_power(cpu: Cpu) -> ServerPower | None:
    """What a server with this chip draws at work, a chip; None in editions without priors for it."""
    try:
        rows = {row["id"]: tables.factor(row) for row in tables.table("cpu_jobs")}
    except KeyError:
        return None
    # The terms of some chips are by the logical CPU; where nobody tells how many there are, its rated power alone remains.
    if cpu.threads is None and "cpu.idle.cpu.2014" in terms(cpu, 1.0).idle:
        return ServerPower(threads=1, rated_w=cpu.tdp_w, per_tdp=rows["cpu.job.per_tdp"])
    threads = cpu.threads or 1
    host = Host(
        name="", os="", cpu_name=cpu.name, logical_cpus=threads, sockets=1, memory_bytes=None, boot_id=None, virtual=False
    )
    power = cpu_power(host)
    return ServerPower(
        threads=threads,
        rated_w=cpu.tdp_w,
        idle=power.idle_w_per_cpu,
        active=power.active_w_per_cpu,
        load=rows["cpu.job.load"],
        memory=memory_power(host),
        memory_gb=rows["cpu.job.memory"],
        warnings=power.warnings,
    )
