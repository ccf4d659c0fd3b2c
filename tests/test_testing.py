"""The fakes that ship are themselves true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.meters import OpenMeters
from footprint.meters.common import Meter
from footprint.model import Device, Sample
from footprint.testing import FakeClock, ReplayMeter, SyntheticSensor

GPU = Device(id="gpu:x", component="accelerators", name="X", meter="replay", grade="counter")


def test_the_docstring_tells_the_truth() -> None:
    clock = FakeClock()
    sensor = SyntheticSensor(clock, high_w=300, low_w=50, period_s=2)
    (before,) = sensor.read()
    clock.advance(10)
    (after,) = sensor.read()
    assert before.energy_j is not None
    assert after.energy_j is not None
    assert sensor.true_energy_j(0, 10) == after.energy_j - before.energy_j == 1750.0


@given(st.floats(0, 1e4), st.floats(0.01, 100), st.floats(0, 1000), st.floats(0, 1000))
def test_energy_is_the_integral_of_power(t_s: float, period_s: float, high_w: float, low_w: float) -> None:
    sensor = SyntheticSensor(FakeClock(), high_w=high_w, low_w=low_w, period_s=period_s)
    assert sensor.true_energy_j(t_s, t_s + 7 * period_s) == pytest.approx(7 * period_s * (high_w + low_w) / 2, rel=1e-6, abs=1e-3)
    assert sensor.true_energy_j(0, t_s) <= t_s * max(high_w, low_w) + 1e-6


def test_power_and_wraps() -> None:
    clock = FakeClock()
    power = SyntheticSensor(clock, high_w=10, low_w=4, period_s=2, grade="power")
    wrapping = SyntheticSensor(clock, high_w=10, wrap_j=25)
    seen = []
    for _ in range(4):
        seen.append((power.read()[0].power_w, wrapping.read()[0].energy_j))
        clock.advance(1)
    assert seen == [(10, 0), (4, 10), (10, 20), (4, 5)]
    with pytest.raises(ValueError, match="counter or a power"):
        SyntheticSensor(clock, high_w=1, grade="model")


def test_a_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        FakeClock().advance(-1)


def test_a_replay_ends_in_silence() -> None:
    sample = Sample(device_id="gpu:x", t_s=1.0, energy_j=2.0)
    meter: Meter = ReplayMeter([GPU], [[sample], []])
    opened = OpenMeters([meter])
    assert opened.devices == (GPU,)
    assert [opened.read() for _ in range(3)] == [(sample,), (), ()]
    opened.close()
    assert opened.read() == ()
