"""Runs with readings, for the tests of a run's page: what a recorder would have written, at any size."""

from __future__ import annotations

import math
from typing import Any, Final

from footprint.ledger.readings import Readings
from footprint.ledger.rows import microseconds
from footprint.model import CpuTime, Device, DeviceEnergy, Mark, Run
from tests.report.examples import HOSTILE, run, somewhere

GPUS: Final = ("gpu:GPU-0", "gpu:GPU-1")


def watts_at(t_s: float, device: int) -> float:
    """What a device draws: a wave, and nothing much in the last tenth of an hour."""
    return 60.0 if t_s > 3240 else 240.0 + 60.0 * math.sin(t_s / 90.0 + device)


def recorded(
    interval_s: float = 1.0, *, gap: tuple[float, float] | None = (1500.0, 1800.0), **facts: Any
) -> tuple[Run, Readings]:
    """An hour on two GPUs with counters, a gap in which nothing was read, phases, marks, work and progress."""
    duration_s = float(facts.pop("duration_s", 3600.0))
    facts.setdefault("started_at", "2025-05-01T08:00:00+00:00")
    start_us = microseconds(facts["started_at"])
    count = int(duration_s / interval_s)
    times_s = [place * interval_s for place in range(count + 1)]
    kept_s = [t_s for t_s in times_s if gap is None or not gap[0] < t_s < gap[1]]
    samples, courses, sums_mj, read_s = [], {}, {}, {}
    for place, device in enumerate(GPUS):
        so_far_mj, counter_j, before_s, course = 0, 5000.0, None, []
        read_s[device] = 0.0
        for t_s in kept_s:
            grown_mj = 0 if before_s is None else round(1e3 * watts_at(t_s, place) * (t_s - before_s))
            broken = before_s is None or (gap is not None and before_s <= gap[0] and t_s >= gap[1])
            if broken:
                grown_mj = 0
            counter_j = 5000.0 if broken and before_s is not None else counter_j + grown_mj / 1e3
            begin_s = t_s if broken or before_s is None else before_s
            read_s[device] += t_s - begin_s
            at_us = [start_us + round(1e6 * one) for one in (begin_s, t_s)]
            samples.append(("r1", device, at_us[0], at_us[1], grown_mj, t_s, counter_j, None))
            so_far_mj, before_s = so_far_mj + grown_mj, t_s
            course.append((t_s, so_far_mj / 1e3))
        sums_mj[device], courses[device] = so_far_mj, (*course[:: max(1, len(course) // 60)], course[-1])
    ticks = [("r1", t_s, 0.8 * t_s, 1.5 * t_s) for t_s in kept_s]
    devices = tuple(
        DeviceEnergy(
            device=Device(id=device, component="accelerators", name="NVIDIA A100-SXM4-80GB", meter="nvml", grade="counter"),
            energy_j=sums_mj[device] / 1e3,
            read_s=read_s[device],
            held_ratio=1.0,
            course=courses[device],
            readings=len(kept_s),
            gaps=int(gap is not None),
        )
        for device in GPUS
    )
    known: dict[str, Any] = {
        "name": "finetune-7b",
        "duration_s": duration_s,
        "devices": devices,
        "cpu": CpuTime(
            tree_s=0.8 * duration_s,
            busy_s=1.5 * duration_s,
            logical_cpus=64,
            reserved_cpus=16.0,
            read_s=duration_s,
            resolution_s=0.01,
        ),
        "place": somewhere(),
        "marks": (
            Mark(name="load", t_s=0.0, end_s=0.08 * duration_s),
            Mark(name="train", t_s=0.08 * duration_s, end_s=0.9 * duration_s),
            Mark(name="eval", t_s=0.9 * duration_s, end_s=duration_s),
            Mark(name="checkpoint", t_s=0.5 * duration_s),
        ),
        "work": {"samples": 20_000.0, "tokens": 5_120_000.0},
        "progress": tuple((0.1 * part * duration_s, float(part), 10.0) for part in range(1, 11)),
        "labels": {"project": "vision", "team": "lab"},
        **facts,
    }
    return run("r1", **known), Readings(samples=tuple(samples), ticks=tuple(ticks))


def hostile() -> tuple[Run, Readings]:
    """The same with names that attack whatever shows them."""
    names = [name for name in HOSTILE if name.strip()]
    marks = [Mark(name=name, t_s=100.0 * at, end_s=100.0 * at + 90.0) for at, name in enumerate(names)]
    marks += [Mark(name=name, t_s=100.0 * at + 50.0) for at, name in enumerate(names)]
    return recorded(
        10.0,
        name=names[0],
        account=names[1],
        marks=tuple(marks),
        labels={name: name for name in names},
        work=dict.fromkeys(names, 10.0),
        versions={name: name for name in names},
        warnings=tuple(names),
        parent=names[2],
    )
