"""Watts of a logical CPU, idle and busy, from published wall power of servers (SPECpower_ssj2008).

A server without its accelerators is modelled as memory (`power.memory_power` x gigabytes) plus, for each logical CPU, idle
watts and further watts while busy. Those two hold all the rest of the server: chips, board, disks, fans, power supply.
`fitting` fits all three together, so that memory is not counted twice, and to the terms that stand here.

The model is linear in load, so that a run's CPU-seconds suffice. Bent to a curve and evaluated at each tick it would err less by
0.2 to 1 of a hundred at the median (`tests/benchmarks/cpu_model.py`). But a curve needs load that is steady within a tick: under
load that alternates between idle and full, the mean of the load puts a concave curve wrong by a third, and the line not at all.

Terms, by the year of the chip. Until 2013, idle power goes with the rated power (TDP) of the chip; since 2014 it is a constant a
chip and a constant a logical CPU, whatever the TDP. Power above idle goes with the TDP. Chips of desks and laptops stand in
machines that nobody submits to SPEC, and pass their rated power for as long as the board lets them: both terms are assumptions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from footprint.model import GRADES, Factor, Grade, Host
from footprint.reference import tables
from footprint.reference.cpu_names import Cpu, cpu_key, find_cpu, unnamed
from footprint.reference.triples import Triple, times

Priors = Callable[[str], Factor]
"""Finds a factor of the fit by its id; a cross-validation brings its own."""
Era = Literal["2008", "2012", "2014"]
"""The first year of the chips that one fit is for."""

_ERAS: Final[tuple[Era, ...]] = ("2014", "2012")
_AMD: Final = re.compile(r"amd|epyc|opteron|ryzen|athlon|phenom|hygon", re.IGNORECASE)
_INTEL: Final = re.compile(r"intel|xeon|pentium|celeron|\bcore\b|\batom\b", re.IGNORECASE)
# When server chips came out of which only CodeCarbon's table knows, without a year: by how their makers named them. And desks' of
# Sandy and Ivy Bridge, whose RAPL is a model.
_NAMED: Final[tuple[tuple[re.Pattern[str], Era], ...]] = (
    (re.compile(r"opteron [346]3\d\d|xeon e[357] \d{4}[a-z]* v2$|xeon e[35] \d{4}[a-z]*$|core i[357] [23]\d{3}[a-z]*$"), "2012"),
    (re.compile(r"opteron \d|xeon [elwx]?\d{4}$|xeon e7 \d{4}l?$"), "2008"),
)
_DESK: Final = re.compile(
    r"\b(?:core|ryzen|threadripper|athlon|phenom|pentium|celeron|atom|fx|sempron|turion|a(?:4|6|8|9|10|12)|n\d{2,3})\b"
)


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


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the factors of the fit are multiplied with for one logical CPU, by the factors' ids."""

    idle: dict[str, float]
    active: dict[str, float]


def era(cpu: Cpu | None) -> Era:
    """Which of the fits a chip belongs to: by its year, else by its name, else the newest."""
    if cpu is not None and cpu.year is not None:
        return next((first for first in _ERAS if cpu.year >= int(first)), "2008")
    named = cpu_key(cpu.name) if cpu else ""
    return next((first for names, first in _NAMED if names.match(named)), _ERAS[0])


def maker(name: str) -> Literal["amd", "intel", "other"]:
    """Who makes the processor of a name."""
    if _AMD.search(name):
        return "amd"
    return "intel" if _INTEL.search(name) else "other"


def terms(cpu: Cpu, chips_per_cpu: float) -> Terms:
    """The terms of one logical CPU of a chip.

    Args:
        cpu: the chip.
        chips_per_cpu: the share of a chip that a logical CPU is.
    """
    fit, tdp_w = era(cpu), cpu.tdp_w * chips_per_cpu
    if _of_a_desk(cpu):
        return Terms(idle={"cpu.idle.desk": chips_per_cpu}, active={"cpu.active.desk": tdp_w})
    if fit != "2014":
        return Terms(idle={f"cpu.idle.{fit}": tdp_w}, active={f"cpu.active.{fit}": tdp_w})
    idle = {"cpu.idle.chip.2014": chips_per_cpu, "cpu.idle.cpu.2014": 1.0}
    return Terms(idle=idle, active={f"cpu.active.{maker(cpu.name)}.2014": tdp_w})


def cpu_power(host: Host, *, priors: Priors = tables.prior) -> CpuPower:
    """Watts of a logical CPU of this host, idle and busy.

    The terms of the named CPU times the fit, where the chip's share of a logical CPU is known: from the sockets of a machine
    known to be no virtual one, else from the table of CPUs. Else the mean of all measured servers.
    """
    cpu = find_cpu(host.cpu_name) if host.cpu_name else None
    chips_per_cpu = _chips_per_cpu(cpu, host) if cpu else None
    if cpu is None or chips_per_cpu is None:
        return _unidentified(host, cpu, priors)
    found = terms(cpu, chips_per_cpu)
    warnings: tuple[str, ...] = ()
    if _of_a_desk(cpu):
        warnings = (f"{cpu.name}: what a desktop or laptop draws is assumed, in a wide range: the model is fitted on servers",)
    elif cpu.threads is None:
        warnings = (f"{cpu.name}: rated power from CodeCarbon's table, what it does to idle and busy power from other servers",)
    idle, active = _summed(found.idle, priors, cpu), _summed(found.active, priors, cpu)
    return CpuPower(
        idle_w_per_cpu=idle,
        active_w_per_cpu=active,
        grade="assumed" if cpu.grade == "assumed" else max((idle.grade, active.grade), key=GRADES.index),
        tdp_w_per_cpu=cpu.tdp_w * chips_per_cpu,
        name=cpu.name,
        warnings=warnings,
    )


def memory_power(host: Host | None = None, *, priors: Priors = tables.prior) -> Factor:
    """Watts of a gigabyte (10^9 bytes) of installed memory, of the years of the host's CPU; the newest where not known."""
    cpu = find_cpu(host.cpu_name) if host is not None and host.cpu_name else None
    return priors("memory.power.2014" if era(cpu) == "2014" else "memory.power.2008")


def package_idle(host: Host) -> Factor:
    """Watts of one logical CPU's part of an idle processor package: the chip alone, as RAPL reads it, not the server.

    Of what an idle server draws without its memory, some part that nobody publishes is the packages': by rule a half, from a
    tenth to nine tenths.
    """
    server, share = cpu_power(host).idle_w_per_cpu, tables.prior("cpu.package_idle")
    product = times((server.low, server.central, server.high), (share.low, share.central, share.high))
    note = f"{share.note}. Times {server.central:.4g} W idle a logical CPU of the server ({server.id})"
    return _per_cpu(share, f"{share.id} of {server.id}", product, note)


def _of_a_desk(cpu: Cpu) -> bool:
    return _DESK.search(cpu_key(cpu.name)) is not None


def _chips_per_cpu(cpu: Cpu, host: Host) -> float | None:
    """The share of a chip that a logical CPU is. In a virtual machine the number of sockets is the hypervisor's invention."""
    if host.virtual is False and host.sockets and host.logical_cpus >= host.sockets:
        return host.sockets / host.logical_cpus
    return 1 / cpu.threads if cpu.threads else None


def _unidentified(host: Host, cpu: Cpu | None, priors: Priors) -> CpuPower:
    named = f"CPU {host.cpu_name!r} is" if host.cpu_name else "the CPU has no name and is"
    hidden = unnamed(host.cpu_name) if host.cpu_name else None
    why = f" ({hidden})" if hidden else " (how many logical CPUs share its chip is not known)" if cpu else ""
    return CpuPower(
        idle_w_per_cpu=priors("cpu.idle.unknown"),
        active_w_per_cpu=priors("cpu.active.unknown"),
        grade="assumed",
        tdp_w_per_cpu=None,
        name=None,
        warnings=(f"{named} not identified{why}: the mean of servers of 2014-2022 stands for it",),
    )


_OF: Final = {"W/W": "W rated", "W/chip": "chips", "W/CPU": "logical CPU"}


def _summed(found: dict[str, float], priors: Priors, cpu: Cpu) -> Factor:
    """The sum of a CPU's terms, whose errors are one error; where they go with its rated power, times the range of that."""
    fits = [(priors(name), amount) for name, amount in found.items()]
    first = fits[0][0]
    exact: Triple = (1.0, 1.0, 1.0)
    stated: Triple = (cpu.low_w / cpu.tdp_w, 1.0, cpu.high_w / cpu.tdp_w)
    product = times(
        (
            sum(fit.low * amount for fit, amount in fits),
            sum(fit.central * amount for fit, amount in fits),
            sum(fit.high * amount for fit, amount in fits),
        ),
        stated if first.unit == "W/W" else exact,
    )
    key = cpu_key(cpu.name).replace(" ", "-")
    made = " + ".join(f"{fit.central:.4g} x {amount:.4g} {_OF.get(fit.unit, '')}".rstrip() for fit, amount in fits)
    note = f"{'; '.join(fit.note for fit, _ in fits)}. {made}: a logical CPU of {cpu.name} ({cpu.source})"
    return _per_cpu(first, f"{'+'.join(found)}:{key} at {product[1]:.4g} W", product, note)


def _per_cpu(of: Factor, name: str, watts: Triple, note: str) -> Factor:
    """A factor that goes on in watts of one logical CPU: its source and its error stay."""
    low, central, high = watts
    return msgspec.structs.replace(of, id=name, low=low, central=central, high=high, unit="W", basis="per logical CPU", note=note)
