"""What is said of repeats: laws, known values, and how often the interval keeps what it promises."""

from __future__ import annotations

import math
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.profile import INTERVAL_LEAST
from footprint.profiling.statistics import autocorrelation, own_half_ratio, ratio_range, spread, student, trend

values = st.floats(min_value=1e-6, max_value=1e9)
sessions = st.lists(st.lists(values, min_size=1, max_size=6), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 6.313752), (2, 2.919986), (4, 2.131847), (9, 1.833113), (30, 1.697261), (120, 1.657651)]
)
def test_student_as_printed_in_tables(freedom: float, t: float) -> None:
    assert student(0.9, freedom) == pytest.approx(t, abs=2e-6)
    assert student(0.95, 10) == pytest.approx(2.228139, abs=2e-6)


@given(sessions)
def test_a_spread_holds_what_it_sums_up(groups: list[list[float]]) -> None:
    found = spread(groups)
    assert found is not None
    assert found.n == sum(map(len, groups))
    assert found.least <= found.median <= found.most
    assert found.least * (1 - 1e-9) <= found.mean <= found.most * (1 + 1e-9)
    assert (found.low is None) == (len(groups) < 3)
    if found.low is not None and found.high is not None and found.half_ratio is not None:
        assert found.low <= found.mean <= found.high
        assert found.half_ratio >= INTERVAL_LEAST * (1 - 1e-9)
        assert found.high - found.mean == pytest.approx(found.mean - found.low, rel=1e-6)


@given(sessions, st.floats(min_value=1e-3, max_value=1e3))
def test_another_unit_changes_no_ratio(groups: list[list[float]], by: float) -> None:
    one, other = spread(groups), spread([[value * by for value in group] for group in groups])
    assert one is not None
    assert other is not None
    assert other.mean == pytest.approx(one.mean * by, rel=1e-9)
    if one.half_ratio is not None:
        assert other.half_ratio == pytest.approx(one.half_ratio, rel=1e-3)


def test_nothing_is_said_of_nothing() -> None:
    assert spread([]) is None
    assert spread([[]]) is None
    assert own_half_ratio([1.0, 2.0]) is None
    assert autocorrelation([1.0, 1.0, 1.0, 1.0]) is None
    assert trend([1.0, 2.0, 3.0]) is None


def test_each_session_counts_the_same() -> None:
    found = spread([[1.0] * 9, [3.0], [5.0]])
    assert found is not None
    assert (found.mean, found.sessions, found.n) == (3.0, 3, 11)


def test_session_means_that_are_alike_by_chance_do_not_narrow() -> None:
    found = spread([[0.8, 1.2], [1.2, 0.8], [0.8, 1.2], [1.2, 0.8]])
    assert found is not None
    assert found.sd_between == pytest.approx(0.0, abs=1e-12)
    # Pooled variance within 0.08, halved by two repeats, over four sessions.
    assert found.error == pytest.approx(math.sqrt(0.08 / 2 / 4))


def test_likeness_of_neighbours_widens() -> None:
    up = spread([[value] for value in (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)])
    mixed = spread([[value] for value in (1.3, 1.0, 1.5, 1.1, 1.4, 1.2)])
    assert up is not None
    assert mixed is not None
    assert up.inflation > 1
    assert mixed.inflation == 1
    assert (up.half_ratio or 0) > (mixed.half_ratio or 0)


@pytest.mark.parametrize(
    ("values", "tau", "is_chance"),
    [([1, 2, 3, 4, 5, 6, 7], 1.0, False), ([7, 6, 5, 4, 3, 2, 1], -1.0, False), ([1, 1, 1, 1, 1, 1], 0.0, True)],
)
def test_trends(values: list[float], tau: float, is_chance: bool) -> None:
    found = trend(values)
    assert found is not None
    assert found[0] == pytest.approx(tau)
    assert (found[1] > 0.05) == is_chance


@given(sessions, sessions)
def test_a_ratio_and_its_inverse(a: list[list[float]], b: list[list[float]]) -> None:
    one, other = spread(a), spread(b)
    assert one is not None
    assert other is not None
    there, back = ratio_range(one, other), ratio_range(other, one)
    assert (there is None) == (back is None) == (len(a) < 3 or len(b) < 3)
    if there is not None and back is not None and math.isfinite(there[2]) and there[0] > 0:
        assert there[1] * back[1] == pytest.approx(1)
        assert there[0] * back[2] == pytest.approx(1, rel=1e-6)


def _profile(random: Random, noise: float, wanted: float = 0.02) -> list[list[float]]:
    """A profile as the engine makes it: sessions until the interval is narrow, four to eight."""
    found: list[list[float]] = []
    while len(found) < 8:
        start = random.gauss(0, noise)
        found.append([1 + start + random.gauss(0, 0.01) for _ in range(4)])
        known = spread(found) if len(found) >= 4 else None
        if known is not None and known.half_ratio is not None and known.half_ratio <= wanted:
            break
    return found


@pytest.mark.parametrize("noise", [0.005, 0.01, 0.02])
def test_the_next_profile_lies_in_the_interval_nine_times_in_ten(noise: float) -> None:
    random, hits, n = Random(7), 0, 600
    for _ in range(n):
        first, second = spread(_profile(random, noise)), spread(_profile(random, noise))
        assert first is not None
        assert second is not None
        assert first.low is not None
        assert first.high is not None
        hits += first.low <= second.mean <= first.high
    # Chance alone moves the share by 0.024 (two standard errors) of 600; where little noise is the least width counts.
    assert 0.876 <= hits / n <= 0.99


def test_a_confidence_interval_of_repeats_in_one_session_would_not_do() -> None:
    """Why sessions are what is counted: within one of them the next one's mean is not foretold."""
    random, hits, n = Random(7), 0, 300
    for _ in range(n):
        start, other = (1 + random.gauss(0, 0.02) for _ in range(2))
        ours = [start + random.gauss(0, 0.01) for _ in range(10)]
        half = (own_half_ratio(ours) or 0) * fmean(ours)
        hits += abs(fmean(ours) - other) <= half
    assert hits / n < 0.5
