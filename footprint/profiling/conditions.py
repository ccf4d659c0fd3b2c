"""What else the machine did: read before and after each repeat, from the kernel's own counters. What cannot be read is null."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from footprint.profiling import gpus
from footprint.profiling.gpus import Slowed

_PROC: Final = Path("/proc")
_CPUS: Final = Path("/sys/devices/system/cpu")
_STAT_FIELDS: Final = 8
_KHZ_PER_MHZ: Final = 1000.0
_MILLI: Final = 1000.0
STEP_S: Final = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.0
"""In such steps the kernel counts CPU time."""


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """The machine at one moment. Times are CPU-seconds since it started, of all CPUs.

    `stolen_s` is what other guests of the same hardware took (`steal` in /proc/stat); `throttles` counts how often a CPU was
    slowed for its warmth, `swapped` pages that went to or came from swap.
    """

    t_s: float
    cpus: int
    busy_s: float | None = None
    stolen_s: float | None = None
    load: float | None = None
    throttles: int | None = None
    swapped: int | None = None
    mhz: float | None = None
    celsius: float | None = None
    gpus: Slowed | None = None


def read() -> Conditions:
    """How the machine is now."""
    busy_s, stolen_s = _cpu_time_s()
    return Conditions(
        t_s=time.monotonic(),
        cpus=os.cpu_count() or 1,
        busy_s=busy_s,
        stolen_s=stolen_s,
        load=_load(),
        throttles=_throttles(),
        swapped=_swapped(),
        mhz=_mhz(),
        celsius=_celsius(),
    )


def read_all() -> Conditions:
    """The same with its GPUs, which takes longer and loads their library."""
    return msgspec.structs.replace(read(), gpus=gpus.read())


def governor() -> str | None:
    """How the kernel chooses the CPU's frequency: `performance`, `powersave` …; null where it does not."""
    try:
        return (_CPUS / "cpu0/cpufreq/scaling_governor").read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None


def _cpu_time_s() -> tuple[float | None, float | None]:
    try:
        with (_PROC / "stat").open(encoding="ascii") as file:
            ticks = [int(word) for word in file.readline().split()[1 : _STAT_FIELDS + 1]]
        user, nice, system, _, _, irq, softirq, steal = ticks
    except (OSError, ValueError):
        return None, None
    return (user + nice + system + irq + softirq) * STEP_S, steal * STEP_S


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None


def _throttles() -> int | None:
    counts = _numbers(_CPUS, "cpu[0-9]*/thermal_throttle/*_throttle_count")
    return int(sum(counts)) if counts else None


def _swapped() -> int | None:
    try:
        words = dict(line.split() for line in (_PROC / "vmstat").read_text(encoding="ascii").splitlines())
        return int(words["pswpin"]) + int(words["pswpout"])
    except (OSError, ValueError, KeyError):
        return None


def _mhz() -> float | None:
    """The mean of the CPUs' present frequencies; the highest of one machine differ, so that of the busy ones is not told."""
    if found := _numbers(_CPUS, "cpu[0-9]*/cpufreq/scaling_cur_freq"):
        return sum(found) / len(found) / _KHZ_PER_MHZ
    try:
        lines = (_PROC / "cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        found = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    except (OSError, ValueError):
        return None
    return sum(found) / len(found) if found else None


def _celsius() -> float | None:
    found = _numbers(Path("/sys/class/thermal"), "thermal_zone*/temp")
    return max(found) / _MILLI if found else None


def _numbers(folder: Path, pattern: str) -> list[float]:
    found = []
    with suppress(OSError):
        for path in folder.glob(pattern):
            with suppress(OSError, ValueError):
                found.append(float(path.read_text(encoding="ascii")))
    return found
