"""Devices that unrelated runs held at the same time: what a sum of these runs counts in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from footprint.model import Attribution, Run

_ROUNDING: Final = 1e-6
# Runs one after the other may seem to overlap by as much: begins are of the wall clock, durations are not.
_CLOCK_S: Final = 0.1


def overlaps(runs: Sequence[Run], attribution: Attribution) -> list[str]:
    """A warning for each device that unrelated runs held at the same time: its energy is counted in each of them.

    An accelerator is held whole; a host's idle CPUs and memory are counted twice where more of them were reserved than there are.
    """
    held: dict[tuple[str | None, str], list[_Span]] = {}
    for run in runs:
        start_s = datetime.fromisoformat(run.started_at).timestamp()
        times_s = start_s, start_s + run.duration_s
        for reading in run.devices:
            if reading.device.component == "accelerators" and reading.energy_j is not None:
                held.setdefault((None, reading.device.id), []).append((*times_s, run.id, 1.0))
        if run.cpu is not None:
            taken = run.cpu.reserved_cpus / run.cpu.logical_cpus if attribution == "share" else 1.0
            held.setdefault((run.host.boot_id, f"the CPUs and memory of {run.host.name}"), []).append((*times_s, run.id, taken))
    warnings = []
    for (_, device), spans in held.items():
        overlapping = _crowded(spans)
        if overlapping:
            two = f"runs {overlapping[0]} and {overlapping[1]}"
            others = f" (and {len(overlapping) - 2} more)" if len(overlapping) > 2 else ""  # noqa: PLR2004 - beyond the two named
            warnings.append(f"{two}{others} overlapped on {device}: energy of that time is counted in each of them")
    return warnings


_Span = tuple[float, float, str, float]
"""Begin and end, s; the run; and the share of the device that it takes."""


def _crowded(spans: list[_Span]) -> list[str]:
    """The runs that were on a device while more than the whole of it was taken."""
    found: dict[str, None] = {}
    there: list[_Span] = []
    for span in sorted(spans):
        there = [other for other in there if other[1] > span[0] + _CLOCK_S]
        there.append(span)
        if len(there) > 1 and sum(taken for *_, taken in there) > 1 + _ROUNDING:
            found |= dict.fromkeys(run for _, _, run, _ in there)
    return list(found)
