"""Samples to the energy of each device: counters differenced, power integrated, gaps left open.

A counter says the energy between two of its readings however far they lie apart; it is trusted unless it runs backwards (a reset
or a wrap at an unknown value), and then that stretch counts as not read. Power is integrated by trapezoids between readings no
further apart than `MAX_POWER_GAP_S`; a longer silence is a gap and is not filled.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from footprint.model import Sample

MAX_POWER_GAP_S: Final = 10.0


def device_energy(samples: Sequence[Sample], start_s: float, end_s: float) -> tuple[float | None, float]:
    """The energy of one device between two times, and the time that readings cover.

    Args:
        samples: readings of one device, ascending in time; all counters or all powers.
        start_s: begin of the interval, on the samples' clock, s.
        end_s: end of the interval, s.

    Returns:
        Energy in J, or None if no two readings cover any of the interval; and the seconds that are covered. Where a
        reading lies outside the interval, its stretch is cut at the interval's end in proportion to time.
    """
    energy_j = read_s = 0.0
    covered = False
    for earlier, later in pairwise(samples):
        piece_j = _between(earlier, later)
        if piece_j is None or later.t_s < earlier.t_s:
            continue
        length_s = later.t_s - earlier.t_s
        inside_s = min(later.t_s, end_s) - max(earlier.t_s, start_s)
        if inside_s < 0 or (inside_s == 0 and length_s > 0):
            continue
        covered = True
        read_s += inside_s
        energy_j += piece_j * (inside_s / length_s) if length_s > 0 else piece_j
    return (energy_j, read_s) if covered else (None, 0.0)


def _between(earlier: Sample, later: Sample) -> float | None:
    """Joules between two readings of a device, or None where they do not tell."""
    if earlier.energy_j is not None and later.energy_j is not None:
        difference_j = later.energy_j - earlier.energy_j
        return difference_j if difference_j >= 0 else None
    if earlier.power_w is not None and later.power_w is not None:
        length_s = later.t_s - earlier.t_s
        return None if length_s > MAX_POWER_GAP_S else (earlier.power_w + later.power_w) / 2 * length_s
    return None
