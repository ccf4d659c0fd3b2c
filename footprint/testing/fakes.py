"""Fakes for tests of programs that use `footprint`, and of meters that others write.

None of them waits, reads the machine or starts a process::

    clock = FakeClock()
    sensor = SyntheticSensor(clock, high_w=300, low_w=50, period_s=2)
    before = sensor.read()
    clock.advance(10)
    after = sensor.read()
    sensor.true_energy_j(0, 10)     # 1750.0, and the counter has grown by it
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from footprint.model import Device, Grade, Sample
from footprint.testing.waves import Wave


class FakeClock:
    """A monotonic clock that stands still until it is told to go on; call it for the time in seconds."""

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s

    def __call__(self) -> float:
        """The time, in seconds."""
        return self._now_s

    def advance(self, by_s: float) -> None:
        """Let time pass.

        Raises:
            ValueError: if it would run backwards.
        """
        if not by_s >= 0:
            raise ValueError(f"a monotonic clock cannot go back: {by_s}")
        self._now_s += by_s


class ReplayMeter:
    """A meter that answers with given readings, one group a call, and then with nothing.

    Args:
        devices: the devices that it claims.
        readings: what each call of `read` answers, in order.
        name: the meter's name.
    """

    warnings: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def __init__(self, devices: Iterable[Device], readings: Iterable[Iterable[Sample]], name: str = "replay") -> None:
        self.name = name
        self.closed = False
        self._devices = tuple(devices)
        self._readings = iter([tuple(group) for group in readings])

    def devices(self) -> tuple[Device, ...]:
        """The devices that it was given."""
        return self._devices

    def read(self) -> tuple[Sample, ...]:
        """The next group of readings; nothing when they are used up or the meter is closed."""
        return () if self.closed else next(self._readings, ())

    def close(self) -> None:
        """Answer nothing from now on."""
        self.closed = True


class SyntheticSensor:
    """A meter of one device whose energy is known exactly: a square wave of power on a given clock.

    Args:
        clock: tells the time in seconds: a `FakeClock`, or `time.monotonic`.
        high_w: watts in the first half of each period.
        low_w: watts in the second half; `high_w` if None, which is constant power.
        period_s: length of a period in seconds.
        grade: `counter` for an energy counter, `power` for momentary power.
        wrap_j: the counter starts again from zero when it reaches this, as RAPL's do; never if None.
        device_id: the device's id.
    """

    name = "synthetic"
    warnings: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        high_w: float,
        low_w: float | None = None,
        period_s: float = 1.0,
        grade: Grade = "counter",
        wrap_j: float | None = None,
        device_id: str = "synthetic:0",
    ) -> None:
        if grade not in {"counter", "power"} or not period_s > 0:
            raise ValueError(f"a sensor is a counter or a power reading with a period above 0: {grade}, {period_s}")
        self._clock = clock
        self._wave = Wave(high_w, high_w if low_w is None else low_w, period_s)
        self._wrap_j = wrap_j
        self._device = Device(id=device_id, component="accelerators", name="Synthetic sensor", meter=self.name, grade=grade)

    def devices(self) -> tuple[Device, ...]:
        """The one device."""
        return (self._device,)

    def read(self) -> tuple[Sample, ...]:
        """The counter in joules, or the power in watts, at the clock's time."""
        t_s = self._clock()
        if self._device.grade == "power":
            return (Sample(device_id=self._device.id, t_s=t_s, power_w=self.true_power_w(t_s)),)
        energy_j = self._wave.energy_j(0, t_s)
        shown_j = energy_j if self._wrap_j is None else math.fmod(energy_j, self._wrap_j)
        return (Sample(device_id=self._device.id, t_s=t_s, energy_j=shown_j),)

    def close(self) -> None:
        """Nothing is held."""

    def true_power_w(self, t_s: float) -> float:
        """The power at a moment."""
        return self._wave.power_w(t_s)

    def true_energy_j(self, begin_s: float, end_s: float) -> float:
        """The energy between two moments, exactly."""
        return self._wave.energy_j(begin_s, end_s)
