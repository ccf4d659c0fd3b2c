"""Series of power or of energy counters, as monitoring keeps them, to what a run used of a device; gaps stay gaps.

Power readings are joined by trapezoids. Those further apart than a few of the series' own intervals are not: nobody saw what came
between. A counter that fell was reset; what it counted between the two readings is not known.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from typing import Final

from footprint.accounting.energy import Integral
from footprint.model import Device, DeviceEnergy, Sample

GAP_INTERVALS: Final = 3.0
"""So many intervals without a reading are a gap."""
LEAST_INTERVAL_S: Final = 1.0
# The ends of a run lie between two readings.
_UNREAD_RATIO: Final = 0.02

Series = Sequence[tuple[float, float]]
"""Readings: (s, watts or joules), in any order."""


def of_power(readings: Series, device: Device, duration_s: float, *, held_ratio: float | None = None) -> DeviceEnergy:
    """A device's energy by readings of its power.

    Args:
        readings: seconds since the run's start, and watts.
        device: what was read.
        duration_s: the run's length; what was read outside of it does not count.
        held_ratio: 1 where what was read is the run's alone.
    """
    ordered = sorted(dict(readings).items())
    apart_s = interval_s(ordered)
    total_j = 0.0
    integral = Integral(0.0, duration_s)
    for earlier, (t_s, power_w) in zip([None, *ordered], ordered, strict=False):
        if earlier is not None:
            length_s = t_s - earlier[0]
            if length_s > GAP_INTERVALS * apart_s:
                integral.interrupt()
            else:
                total_j += (earlier[1] + power_w) / 2 * length_s
        integral.add(Sample(device_id=device.id, t_s=t_s, energy_j=total_j))
    return _energy(integral, device, held_ratio)


def of_counter(readings: Series, device: Device, duration_s: float, *, held_ratio: float | None = None) -> DeviceEnergy:
    """A device's energy by readings of a counter of joules: also over a time without readings the counter went on."""
    integral = Integral(0.0, duration_s)
    for t_s, energy_j in sorted(dict(readings).items()):
        integral.add(Sample(device_id=device.id, t_s=t_s, energy_j=energy_j))
    return _energy(integral, device, held_ratio)


def interval_s(ordered: Series) -> float:
    """The series' own interval: the median of the times between two readings, s."""
    apart = [later[0] - earlier[0] for earlier, later in itertools.pairwise(ordered)]
    return max(LEAST_INTERVAL_S, statistics.median(apart)) if apart else LEAST_INTERVAL_S


def gap_warning(devices: Sequence[DeviceEnergy], duration_s: float) -> str | None:
    """A sentence for what was not read; None where all was, or nothing ever is."""
    read = [one for one in devices if one.energy_j is not None]
    gaps = sum(one.gaps or 0 for one in read)
    missing_s = max((duration_s - one.read_s for one in read), default=0.0)
    if gaps == 0 and missing_s <= _UNREAD_RATIO * duration_s:
        return None
    return f"readings are missing for {missing_s:.0f} of {duration_s:.0f} s ({gaps} gaps in all): that time is not counted"


def _energy(integral: Integral, device: Device, held_ratio: float | None) -> DeviceEnergy:
    return DeviceEnergy(
        device=device,
        energy_j=integral.energy_j,
        read_s=integral.read_s,
        floor_w=integral.floor_w,
        held_ratio=held_ratio,
        course=integral.course.points(),
        readings=integral.readings,
        gaps=integral.gaps,
    )
