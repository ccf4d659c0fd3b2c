"""Watts of a logical CPU, idle and busy, from published wall power of servers (SPECpower_ssj2008).

A server without its accelerators is modelled as memory (`power.memory_power` x gigabytes) plus, for each logical CPU, idle
watts and further watts while busy. Those two hold all the rest of the server: chips, board, disks, fans, power supply. They
are fitted on servers whose memory was taken off first, so that memory is not counted twice.
"""

from __future__ import annotations

import csv
import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from footprint.model import Factor, Grade, Host
from footprint.reference import tables

_NOT_A_NAME: Final = re.compile(r"\((?:r|tm|c)\)|[®™©]|\(.*?\)|@.*$|,?\s*\d+(?:\.\d+)?\s*ghz|with radeon.*$", re.IGNORECASE)
_FILLER: Final = re.compile(r"\b(?:\d+-core|\w+-core|processor|cpu|intel|amd)\b")
_NEWEST_ERA: Final = "2014"
_PLAUSIBLE_W: Final = (1.0, 1500.0)


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


class Cpu(msgspec.Struct, frozen=True, kw_only=True):
    """A CPU model: rated watts a chip, and logical CPUs a chip where known. `era` names the fit that it belongs to."""

    name: str
    tdp_w: float
    source: str
    threads: int | None = None
    cores: int | None = None
    era: str = _NEWEST_ERA


def cpu_key(name: str) -> str:
    """A CPU's name in the form in which names are compared: no maker, marks, clock rate or core count."""
    plain = _FILLER.sub(" ", _NOT_A_NAME.sub(" ", name.lower()))
    plain = re.sub(r"[^a-z0-9]+", " ", plain).strip()
    return re.sub(r" 0$", "", plain)  # the first stepping: `E5-2660 0`


def find_cpu(name: str) -> Cpu | None:
    """The CPU of this name, exact after normalising: one that was measured in servers, else one of CodeCarbon's table."""
    wanted = cpu_key(name)
    row = _measured().get(wanted) if wanted else None
    if row:
        return Cpu(
            name=row["name"],
            tdp_w=float(row["central"]),
            source=tables.sources()[row["source"]]["title"],
            threads=int(row["threads"]),
            cores=int(row["cores"]),
            era=row["era"],
        )
    tdp_w = _codecarbon_tdps().get(wanted)
    return Cpu(name=name.strip(), tdp_w=tdp_w, source="CodeCarbon's table of CPUs (MIT)") if tdp_w else None


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


@lru_cache(maxsize=1)
def _measured() -> dict[str, tables.Row]:
    return {cpu_key(row["name"]): row for row in tables.table("cpus")}


@lru_cache(maxsize=1)
def _codecarbon_tdps() -> dict[str, float]:
    """CodeCarbon's TDPs by key, read from its file without importing it. Malformed and contradicting rows are left out."""
    spec = importlib.util.find_spec("codecarbon")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found: dict[str, set[float]] = {}
    for place in places[:1]:
        try:
            with (Path(place) / "data" / "hardware" / "cpu_power.csv").open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file))[1:]
        except OSError:
            return {}
        for row in rows:
            tdp_w = _watts(row[1]) if len(row) == len(("Name", "TDP")) else None
            if tdp_w is not None:
                found.setdefault(cpu_key(row[0]), set()).add(tdp_w)
    return {name: next(iter(values)) for name, values in found.items() if name and len(values) == 1}


def _watts(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if _PLAUSIBLE_W[0] <= value <= _PLAUSIBLE_W[1] else None


def cpus_near(name: str) -> tuple[str, ...]:
    """Names of CPUs that are spelled like this one, for an error message."""
    import difflib

    known = {cpu_key(row["name"]): row["name"] for row in tables.table("cpus")}
    return tuple(known[form] for form in difflib.get_close_matches(cpu_key(name), known, n=4, cutoff=0.6))
