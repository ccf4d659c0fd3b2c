from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.accounting.energy import MAX_POWER_GAP_S, Integral
from footprint.model import Sample


def device_energy(samples: list[Sample], start_s: float, end_s: float) -> tuple[float | None, float]:
    """The joules between two times, and the seconds that readings cover."""
    integral = Integral(start_s, end_s)
    for sample in samples:
        integral.add(sample)
    return integral.energy_j, integral.read_s


def counters(*readings: tuple[float, float]) -> list[Sample]:
    return [Sample(device_id="gpu", t_s=t, energy_j=e) for t, e in readings]


def powers(*readings: tuple[float, float]) -> list[Sample]:
    return [Sample(device_id="gpu", t_s=t, power_w=w) for t, w in readings]


def test_counter_differences() -> None:
    assert device_energy(counters((0, 1000), (1, 1300), (2, 1500)), 0, 2) == (500, 2)


def test_power_is_integrated_by_trapezoids() -> None:
    assert device_energy(powers((0, 100), (2, 300)), 0, 2) == (400, 2)


def test_a_reset_counter_is_a_gap_and_never_negative() -> None:
    energy_j, read_s = device_energy(counters((0, 900), (1, 1000), (2, 10), (3, 110)), 0, 3)
    assert (energy_j, read_s) == (200, 2)


def test_a_long_silence_of_a_power_meter_is_not_filled() -> None:
    silence_s = MAX_POWER_GAP_S + 1
    assert device_energy(powers((0, 100), (1, 100), (1 + silence_s, 100)), 0, 1 + silence_s) == (100, 1)


def test_readings_and_gaps_are_counted() -> None:
    integral = Integral(0, 10)
    for sample in counters((0, 900), (1, 1000), (2, 10), (3, 110)):
        integral.add(sample)
    integral.interrupt()
    integral.interrupt()
    for sample in counters((5, 200), (6, 300)):
        integral.add(sample)
    assert (integral.readings, integral.gaps) == (6, 2)  # the reset, and the sleep


def test_a_counter_bridges_a_long_silence() -> None:
    assert device_energy(counters((0, 0), (3600, 7200)), 0, 3600) == (7200, 3600)


@pytest.mark.parametrize("samples", [[], counters((1, 5)), powers((1, 5))])
def test_fewer_than_two_readings_tell_nothing(samples: list[Sample]) -> None:
    assert device_energy(samples, 0, 2) == (None, 0.0)


def test_two_readings_at_one_instant_do_not_divide_by_zero() -> None:
    assert device_energy(counters((1, 5), (1, 7)), 0, 2) == (2, 0)


def test_stretches_are_cut_at_the_interval() -> None:
    assert device_energy(counters((0, 0), (10, 100)), 4, 6) == (20, 2)
    assert device_energy(counters((0, 0), (10, 100)), 20, 30) == (None, 0.0)


steps = st.lists(st.tuples(st.floats(0.01, 5), st.floats(0, 1e4)), min_size=2, max_size=20)


@given(steps, st.floats(0, 1))
def test_joules_are_conserved_when_an_interval_is_split(pieces: list[tuple[float, float]], where: float) -> None:
    t_s = energy_j = 0.0
    samples = []
    for step_s, step_j in pieces:
        t_s, energy_j = t_s + step_s, energy_j + step_j
        samples.append(Sample(device_id="gpu", t_s=t_s, energy_j=energy_j))
    start_s, end_s = samples[0].t_s, samples[-1].t_s
    middle_s = start_s + where * (end_s - start_s)
    whole_j, whole_s = device_energy(samples, start_s, end_s)
    left_j, left_s = device_energy(samples, start_s, middle_s)
    right_j, right_s = device_energy(samples, middle_s, end_s)
    assert (left_j or 0) + (right_j or 0) == pytest.approx(whole_j, abs=1e-6)
    assert left_s + right_s == pytest.approx(whole_s)
