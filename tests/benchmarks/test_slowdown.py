"""The statistics of the slowdown's benchmark; what it measures is not asserted, for it depends on the machine."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from tests.benchmarks.slowdown import PAIRS_AT_LEAST, mean_interval, measure, median_interval


def test_order_statistics_of_the_median_are_those_of_the_tables() -> None:
    # 1-based ranks of the 95 % interval of a median, as in any table of the sign test.
    for count, rank in ((6, 1), (8, 1), (9, 2), (10, 2), (20, 6), (30, 10), (50, 18)):
        found = median_interval([number / 1000 for number in range(1, count + 1)])
        assert math.log(found.low_ratio) * 1000 == pytest.approx(rank)
        assert math.log(found.high_ratio) * 1000 == pytest.approx(count + 1 - rank)


def test_students_interval_of_the_mean_by_hand() -> None:
    found = mean_interval([-0.01, 0.0, 0.01, 0.02])
    # Mean 0.005, deviation 0.01291, of four; Student's 97.5 % point with three degrees of freedom is 3.1824.
    assert math.log(found.middle_ratio) == pytest.approx(0.005)
    assert math.log(found.high_ratio) - 0.005 == pytest.approx(3.1824 * 0.0129099 / 2, rel=1e-4)


def test_intervals_hold_what_they_are_said_to_hold() -> None:
    draw = random.Random(7)
    held = {"median": 0, "mean": 0}
    for _ in range(2000):
        logs = [draw.gauss(0.004, 0.05) for _ in range(25)]
        for name, found in (("median", median_interval(logs)), ("mean", mean_interval(logs))):
            held[name] += found.low_ratio <= math.exp(0.004) <= found.high_ratio
    assert 0.95 * 2000 - 40 <= held["mean"] <= 0.95 * 2000 + 40
    assert held["median"] >= 0.95 * 2000 - 40


@pytest.mark.slow
def test_it_measures_steps_beside_a_recorder_that_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path))
    found = measure(limit_s=1.5, step_s=0.005, one_cpu=True)
    assert found.pairs > PAIRS_AT_LEAST
    assert found.readings > 3
    assert found.median.low_ratio <= found.median.middle_ratio <= found.median.high_ratio
