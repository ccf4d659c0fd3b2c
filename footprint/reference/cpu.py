"""Watts of a logical CPU, idle and busy, from published wall power of servers (SPECpower_ssj2008).

A server without its accelerators is modelled as memory (`power.memory_power` x gigabytes) plus, for each logical CPU, idle
watts and further watts while busy. Those two hold all the rest of the server: chips, board, disks, fans, power supply. They
are fitted on servers whose memory was taken off first, so that memory is not counted twice.
"""

from __future__ import annotations

import msgspec

from footprint.model import Factor, Grade, Host
from footprint.reference import tables
from footprint.reference.cpu_names import Cpu, cpu_key, find_cpu


class CpuPower(msgspec.Struct, frozen=True, kw_only=True):
    """Watts of one logical CPU of a host, with its share of the server except memory and accelerators.

    `active_w_per_cpu` comes on top of `idle_w_per_cpu` while the CPU is busy. `name` is the CPU that was matched and
    `tdp_w_per_cpu` its rated power a logical CPU; both null where the CPU is not identified.
    """

    idle_w_per_cpu: Factor
    active_w_per_cpu: Factor
    grade: Grade
    tdp_w_per_cpu: float | None
    name: str | None
    warnings: tuple[str, ...] = ()


def cpu_power(host: Host) -> CpuPower:
    """Watts of a logical CPU of this host, idle and busy.

    The rated power of the named CPU times the fit, where the chip's share of a logical CPU is known: from the table of
    measured CPUs, or from the sockets of a machine known to be no virtual one. Else the mean of all measured servers.
    """
    cpu = find_cpu(host.cpu_name) if host.cpu_name else None
    tdp_w_per_cpu = _tdp_w_per_cpu(cpu, host) if cpu else None
    if cpu is None or tdp_w_per_cpu is None:
        return _unidentified(host, cpu)
    warnings: tuple[str, ...] = ()
    if cpu.threads is None:
        warnings = (f"{cpu.name}: rated power from CodeCarbon's table, idle and busy shares of it from other servers",)
    return CpuPower(
        idle_w_per_cpu=_scaled(f"cpu.idle.{cpu.era}", tdp_w_per_cpu, cpu),
        active_w_per_cpu=_scaled(f"cpu.active.{cpu.era}", tdp_w_per_cpu, cpu),
        grade="model",
        tdp_w_per_cpu=tdp_w_per_cpu,
        name=cpu.name,
        warnings=warnings,
    )


def _tdp_w_per_cpu(cpu: Cpu, host: Host) -> float | None:
    """Rated watts a logical CPU. In a virtual machine the number of sockets is the hypervisor's invention."""
    if host.virtual is False and host.sockets and host.logical_cpus >= host.sockets:
        return cpu.tdp_w * host.sockets / host.logical_cpus
    return cpu.tdp_w / cpu.threads if cpu.threads else None


def _unidentified(host: Host, cpu: Cpu | None) -> CpuPower:
    named = f"CPU {host.cpu_name!r} is" if host.cpu_name else "the CPU has no name and is"
    why = " (how many logical CPUs share its chip is not known)" if cpu else ""
    return CpuPower(
        idle_w_per_cpu=tables.prior("cpu.idle.unknown"),
        active_w_per_cpu=tables.prior("cpu.active.unknown"),
        grade="assumed",
        tdp_w_per_cpu=None,
        name=None,
        warnings=(f"{named} not identified{why}: the mean of servers of 2014-2022 stands for it",),
    )


def _scaled(prior_id: str, tdp_w_per_cpu: float, cpu: Cpu) -> Factor:
    """The fit times the rated watts of a logical CPU."""
    fit = tables.prior(prior_id)
    return msgspec.structs.replace(
        fit,
        id=f"{prior_id}:{cpu_key(cpu.name).replace(' ', '-')} at {tdp_w_per_cpu:.4g} W",
        low=fit.low * tdp_w_per_cpu,
        central=fit.central * tdp_w_per_cpu,
        high=fit.high * tdp_w_per_cpu,
        unit="W",
        basis="per logical CPU",
        note=f"{fit.note}. Times {tdp_w_per_cpu:.4g} W rated a logical CPU of {cpu.name} ({cpu.source})",
    )
