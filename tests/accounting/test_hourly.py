from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.accounting.hourly import Shape, Step, cleanest, even, mean, pieces, shares, windows

times = st.floats(0, 1e6, allow_nan=False)
amounts = st.floats(0, 1e9, allow_nan=False)


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[float, float]]:
    at = sorted(draw(st.lists(times, min_size=2, max_size=40)))
    grown = np.cumsum([0.0, *draw(st.lists(amounts, min_size=len(at) - 1, max_size=len(at) - 1))])
    if not grown[-1] > 0:
        grown[-1] = 1.0
    return list(zip(at, map(float, grown), strict=True))


@st.composite
def slots(draw: st.DrawFn) -> list[tuple[float, float]]:
    edges = sorted(set(draw(st.lists(times, max_size=60))))
    found = list(zip(edges[::2], edges[1::2], strict=False))
    touching = draw(st.booleans())
    return list(pairwise(edges)) if touching else found


@given(courses(), slots(), times, times)
def test_no_energy_is_lost_or_made(
    course: list[tuple[float, float]], between: list[tuple[float, float]], a: float, b: float
) -> None:
    """The energy in all pieces of the run is the run's energy, whatever the slots, the course, and what lies outside the run."""
    start_s, end_s = min(a, b), max(a, b)
    cut = pieces(start_s, end_s, between)
    found = shares(Shape(course), [cut[0].start_s, *(piece.end_s for piece in cut)])
    assert (found >= 0).all()
    assert math.isclose(math.fsum(found), 1.0, rel_tol=1e-12)
    energy_j = course[-1][1]
    assert math.isclose(math.fsum(energy_j * one for one in found), energy_j, rel_tol=1e-12)


@given(slots(), times, times)
def test_pieces_tile_the_run_and_know_their_slot(between: list[tuple[float, float]], a: float, b: float) -> None:
    start_s, end_s = min(a, b), max(a, b)
    cut = pieces(start_s, end_s, between)
    assert (cut[0].start_s, cut[-1].end_s) == (start_s, end_s)
    for earlier, later in pairwise(cut):
        assert earlier.end_s == later.start_s
    for piece in cut:
        middle_s = (piece.start_s + piece.end_s) / 2
        inside = [at for at, (begin, stop) in enumerate(between) if begin <= middle_s < stop]
        if piece.end_s - piece.start_s > 1e-6:
            assert inside == ([] if piece.slot is None else [piece.slot])


@given(courses(), slots(), st.lists(st.floats(0, 2000), min_size=60, max_size=60))
def test_emissions_lie_between_the_least_and_the_most_intensity(
    course: list[tuple[float, float]], between: list[tuple[float, float]], values: list[float]
) -> None:
    cut = pieces(course[0][0], course[-1][0], between)
    found = shares(Shape(course), [cut[0].start_s, *(piece.end_s for piece in cut)])
    used = [values[piece.slot if piece.slot is not None else -1] for piece in cut]
    average = mean(found, used)
    assert average is not None
    assert min(used) - 1e-9 <= average <= max(used) + 1e-9


@given(courses(), slots(), st.floats(0, 2000))
def test_a_constant_stays_itself_to_the_last_digit(
    course: list[tuple[float, float]], between: list[tuple[float, float]], value: float
) -> None:
    cut = pieces(course[0][0], course[-1][0], between)
    found = shares(Shape(course), [cut[0].start_s, *(piece.end_s for piece in cut)])
    assert mean(found, [value] * len(cut)) == value


def test_known_shares() -> None:
    # 100 J in the first 10 s, nothing for 10 s, 300 J in the last 10 s.
    course = Shape([(0, 0), (10, 100), (20, 100), (30, 400)])
    assert shares(course, [0, 10, 20, 30]).tolist() == [0.25, 0.0, 0.75]
    assert shares(course, [0, 5, 25, 30]).tolist() == [0.125, 0.5, 0.375]
    assert shares(course, [12, 15, 18]).tolist() == [0.25, 0.75]  # what lies outside counts at the ends
    assert shares(even(0, 30), [0, 10, 30]).tolist() == pytest.approx([1 / 3, 2 / 3])
    assert shares(even(5, 5), [0, 5, 10]).tolist() == [0.0, 1.0]  # all at once, in the slot that begins then
    assert shares(Shape([(0, 0), (4, 0), (4, 7), (9, 7)]), [0, 4, 5, 9]).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("points", [[], [(0, 0)], [(0, 0), (1, 0)], [(1, 0), (0, 1)], [(0, 1), (1, 0)], [(0, 0), (1, math.nan)]])
def test_a_shape_that_is_none_is_refused(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match=r"shape|added"):
        Shape(points)


def test_known_pieces() -> None:
    hours = [(0.0, 10.0), (10.0, 20.0), (30.0, 40.0)]
    assert [tuple(p) for p in pieces(5, 35, hours)] == [(5, 10, 0), (10, 20, 1), (20, 30, None), (30, 35, 2)]
    assert [tuple(p) for p in pieces(2, 3, hours)] == [(2, 3, 0)]  # shorter than a slot
    assert [tuple(p) for p in pieces(21, 29, hours)] == [(21, 29, None)]
    assert [tuple(p) for p in pieces(50, 60, hours)] == [(50, 60, None)]
    assert [tuple(p) for p in pieces(-5, 0, hours)] == [(-5, 0, None)]
    assert [tuple(p) for p in pieces(10, 10, hours)] == [(10, 10, 1)]  # no length: the slot that begins then
    assert [tuple(p) for p in pieces(25, 25, hours)] == [(25, 25, None)]
    assert [tuple(p) for p in pieces(5, 35, [])] == [(5, 35, None)]


@pytest.mark.parametrize("bad", [[(0, 10), (5, 15)], [(10, 20), (0, 10)], [(5, 5)], [(5, 4)]])
def test_slots_that_overlap_or_descend_are_refused(bad: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="slots overlap"):
        pieces(0, 100, bad)


# -- Windows -----------------------------------------------------------------------------------------------------------


@st.composite
def forecasts(draw: st.DrawFn) -> list[Step]:
    lengths = draw(st.lists(st.sampled_from([900.0, 1800.0, 3600.0]), min_size=1, max_size=12))
    gaps = draw(st.lists(st.sampled_from([0.0, 0.0, 0.0, 1800.0]), min_size=len(lengths), max_size=len(lengths)))
    values = draw(st.lists(st.floats(0, 1000), min_size=len(lengths), max_size=len(lengths)))
    found, at_s = [], 0.0
    for length_s, gap_s, value in zip(lengths, gaps, values, strict=True):
        found.append(Step(at_s + gap_s, at_s + gap_s + length_s, value))
        at_s += gap_s + length_s
    return found


def plain_mean(steps: list[Step], start_s: float, end_s: float) -> float | None:
    """The mean by its definition; None where the steps do not cover the window."""
    parts = [(max(0.0, min(one.end_s, end_s) - max(one.start_s, start_s)), one.value) for one in steps]
    covered_s = math.fsum(length_s for length_s, _ in parts)
    return math.fsum(a * b for a, b in parts) / covered_s if covered_s >= (end_s - start_s) * (1 - 1e-9) else None


@given(forecasts(), *(st.integers(least, most).map(float) for least, most in ((60, 9000), (0, 4000), (1000, 60_000))))
def test_no_window_is_cleaner_than_the_one_that_is_found(
    steps: list[Step], length_s: float, earliest_s: float, latest_s: float
) -> None:
    """Against 120 starts all over the forecast: edges of slots suffice, whatever the window's length."""
    best = cleanest(steps, length_s, earliest_s, latest_s)
    last_s = min(latest_s, steps[-1].end_s) - length_s
    starts = np.linspace(earliest_s, last_s, 120) if last_s > earliest_s else np.array([])
    brute = [value for start in starts if (value := plain_mean(steps, float(start), float(start) + length_s)) is not None]
    if best is None:
        assert brute == []
        return
    assert earliest_s <= best.start_s <= latest_s - length_s + 1e-6
    truth = plain_mean(steps, best.start_s, best.end_s)
    assert truth is not None
    assert math.isclose(best.mean, truth, rel_tol=1e-9, abs_tol=1e-6)
    assert all(best.mean <= value + 1e-6 for value in brute)


def test_the_earliest_of_equal_windows() -> None:
    steps = [Step(3600.0 * at, 3600.0 * (at + 1), 0.1 + 0.2 if at % 2 else 0.3) for at in range(24)]
    best = cleanest(steps, 7200.0, 0.0, 1e9)
    assert best is not None
    assert best.start_s == 0.0


def test_a_window_off_the_edges_of_slots() -> None:
    steps = [Step(0, 3600, 100), Step(3600, 7200, 10), Step(7200, 10800, 50), Step(10800, 14400, 100)]
    best = cleanest(steps, 5400, 0, 14400)
    assert best is not None
    assert (best.start_s, best.end_s) == (3600, 9000)
    assert best.mean == pytest.approx((3600 * 10 + 1800 * 50) / 5400)
    late = cleanest(steps, 5400, 5000, 14400)
    assert late is not None
    assert late.start_s == 5000  # the beginning of what is allowed is no edge of a slot


def test_windows_never_reach_into_a_gap_or_beyond() -> None:
    steps = [Step(0, 3600, 1), Step(7200, 14400, 5)]
    best = cleanest(steps, 5400, 0, 14400)
    assert best is not None
    assert best.start_s >= 7200
    assert cleanest(steps, 8000, 0, 14400) is None
    assert cleanest([], 10, 0, 100) is None
    assert windows(steps, 3600, 0, 3600)[0].start_s == 0
    with pytest.raises(ValueError, match="overlap"):
        windows([Step(0, 10, 1), Step(5, 15, 1)], 1, 0, 20)
    with pytest.raises(ValueError, match="length"):
        windows(steps, 0, 0, 20)
