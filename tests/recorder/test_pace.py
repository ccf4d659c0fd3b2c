from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.recorder.pace import YOUNG_S, look_gap_s, reading_gap_s


def readings(duration_s: float, interval_s: float) -> list[float]:
    """When a run of that length is read, from its start to its end."""
    times = [0.0]
    while (next_s := times[-1] + reading_gap_s(times[-1], interval_s)) < duration_s:
        times.append(next_s)
    return [*times, duration_s]


@given(st.floats(0, 1e6), st.floats(0.05, 3600))
def test_gaps_are_never_longer_than_asked_for_nor_than_a_fifth_of_the_run(age_s: float, interval_s: float) -> None:
    gap_s = reading_gap_s(age_s, interval_s)
    assert 0 < gap_s <= interval_s
    assert gap_s <= max(0.1, age_s / 5) * (1 + 1e-9)
    assert gap_s >= min(0.1, interval_s)


def test_short_runs_are_read_several_times_and_long_ones_as_asked_for() -> None:
    assert len(readings(0.2, 1.0)) == 3
    assert 10 <= len(readings(2.0, 1.0)) <= 16
    times = readings(100.0, 1.0)
    assert len(times) < 100 + 20
    assert times[-2] - times[-3] == pytest.approx(1.0)
    assert readings(1.0, 0.05) == pytest.approx([number / 20 for number in range(21)])


def test_holders_are_asked_for_often_while_a_run_is_young() -> None:
    assert look_gap_s(0.0) == pytest.approx(0.1)
    assert look_gap_s(30.0) == 1.0
    assert look_gap_s(YOUNG_S) == 10.0
