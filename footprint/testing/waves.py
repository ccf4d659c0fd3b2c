"""Powers whose energy between any two moments is known exactly."""

from __future__ import annotations

import math
from typing import NamedTuple


class Wave(NamedTuple):
    """Power over time: `high_w` in the first `high_ratio` of each period, `low_w` in the rest of it.

    A period begins wherever the clock is a multiple of `period_s`, so that everybody who reads the same clock (processes
    on one machine, `time.monotonic`) sees the same wave.
    """

    high_w: float
    low_w: float
    period_s: float = 1.0
    high_ratio: float = 0.5

    def is_possible(self) -> bool:
        """Whether something can draw this: no counter counts downwards, and a period has a length."""
        powers_w = (self.high_w, self.low_w)
        return all(0 <= power_w < math.inf for power_w in powers_w) and 0 < self.period_s < math.inf and 0 <= self.high_ratio <= 1

    def power_w(self, t_s: float) -> float:
        """The power at a moment, in watts."""
        return self.high_w if math.fmod(t_s, self.period_s) < self.period_s * self.high_ratio else self.low_w

    def energy_j(self, begin_s: float, end_s: float) -> float:
        """The energy between two moments, in joules: the integral of the power."""
        return self._since_zero_j(end_s) - self._since_zero_j(begin_s)

    def _since_zero_j(self, t_s: float) -> float:
        high_each_s = self.period_s * self.high_ratio
        periods, rest_s = divmod(t_s, self.period_s)
        high_s = periods * high_each_s + min(rest_s, high_each_s)
        return high_s * self.high_w + (t_s - high_s) * self.low_w


def steady(power_w: float) -> Wave:
    """The same power all the time."""
    return Wave(power_w, power_w)


def square(high_w: float, low_w: float, period_s: float) -> Wave:
    """Half of each period high, half of it low."""
    return Wave(high_w, low_w, period_s)


def spikes(low_w: float, spike_w: float, *, every_s: float, length_s: float) -> Wave:
    """Low, with short stretches of another power at regular times."""
    return Wave(spike_w, low_w, every_s, length_s / every_s)
