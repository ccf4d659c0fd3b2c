from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.ledger.importers.power import gap_warning, of_counter, of_power
from footprint.model import Device

GPU = Device(id="gpu:1", component="accelerators", name="GPU", meter="nvml", grade="power")


def test_power_is_integrated_by_trapezoids() -> None:
    found = of_power([(0, 100), (10, 200), (20, 200)], GPU, 20)
    assert (found.energy_j, found.read_s, found.gaps) == (3500, 20, 0)
    assert found.course == ((0, 0), (10, 1500), (20, 3500))


def test_a_gap_is_not_integrated() -> None:
    points = [(float(t), 100.0) for t in (*range(0, 60, 10), *range(300, 360, 10))]
    found = of_power(points, GPU, 350)
    assert (found.energy_j, found.read_s, found.gaps) == (10_000, 100, 1)
    told = gap_warning([found], 350)
    assert told is not None
    assert "250 of 350 s" in told


def test_intervals_of_fifteen_seconds_are_no_gaps() -> None:
    found = of_power([(15.0 * step, 50.0) for step in range(5)], GPU, 60)
    assert (found.energy_j, found.gaps) == (3000, 0)
    assert gap_warning([found], 60) is None


@pytest.mark.parametrize("readings", [[], [(5.0, 100.0)]])
def test_too_few_readings_tell_nothing(readings: list[tuple[float, float]]) -> None:
    found = of_power(readings, GPU, 10)
    assert (found.energy_j, found.read_s) == (None, 0)


def test_what_lies_outside_of_the_run_does_not_count() -> None:
    found = of_power([(-10, 100), (0, 100), (10, 100), (20, 100)], GPU, 15)
    assert (found.energy_j, found.read_s) == (1500, 15)


def test_a_counter_goes_on_where_nobody_asked() -> None:
    found = of_counter([(0, 1000), (10, 2000), (500, 51_000)], GPU, 500)
    assert (found.energy_j, found.gaps) == (50_000, 0)


def test_a_counter_that_fell_was_reset() -> None:
    found = of_counter([(0, 9000), (10, 9500), (20, 100), (30, 600)], GPU, 30)
    assert (found.energy_j, found.read_s, found.gaps) == (1000, 20, 1)


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 700)), max_size=50))
def test_energy_is_never_more_than_the_highest_power_over_the_time_read(readings: list[tuple[float, float]]) -> None:
    found = of_power(readings, GPU, 1e5)
    if found.energy_j is not None:
        most_w = max(power_w for _, power_w in readings)
        assert 0 <= found.energy_j <= most_w * found.read_s * (1 + 1e-9) + 1e-6
        assert found.read_s <= 1e5


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 700)), max_size=20, unique_by=lambda point: point[0]))
def test_the_order_of_readings_does_not_matter(readings: list[tuple[float, float]]) -> None:
    assert of_power(readings, GPU, 1000) == of_power(readings[::-1], GPU, 1000)
