from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.accounting.energy import COURSE_POINTS, Course, Growth, Integral, Points
from footprint.accounting.union import Span, clusters, divided
from footprint.model import Sample


def steady(begin_s: float, end_s: float, power_w: float = 100.0, taken_ratio: float = 1.0) -> Span:
    return Span(begin_s, end_s, [(begin_s, 0.0), (end_s, power_w * (end_s - begin_s))], taken_ratio)


def between(course: Points, begin_s: float, end_s: float) -> float:
    """How much a cumulative quantity grew between two times."""

    def at(t_s: float) -> float:
        after = bisect_right(course, t_s, key=lambda point: point[0])
        if after in {0, len(course)}:
            return course[min(after, len(course) - 1)][1]
        (before_s, before), (after_s, amount) = course[after - 1], course[after]
        return before + (amount - before) * (t_s - before_s) / (after_s - before_s)

    return at(end_s) - at(begin_s)


def test_what_two_read_at_one_time_is_divided() -> None:
    assert divided([steady(0, 10), steady(5, 15)]) == pytest.approx([0.75, 0.75])


def test_one_inside_another_adds_nothing_to_it() -> None:
    outer, inner = steady(0, 10), steady(2, 4)
    ratios = divided([outer, inner])
    assert ratios == pytest.approx([0.9, 0.5])


def test_a_reader_whose_meter_was_lost_takes_nothing_from_the_others() -> None:
    lost = Span(0, 10, [(0, 0.0), (10, 0.0)])
    assert divided([steady(0, 10), lost]) == [1.0, 1.0]


def test_of_a_machine_no_more_is_given_than_there_is() -> None:
    assert divided([steady(0, 10, taken_ratio=0.75), steady(0, 10, taken_ratio=0.75)]) == pytest.approx([2 / 3, 2 / 3])
    assert divided([steady(0, 10, taken_ratio=0.25), steady(0, 10, taken_ratio=0.5)]) == [1.0, 1.0]
    assert divided([steady(3, 3), steady(0, 10)]) == [1.0, 1.0]
    assert divided([steady(0, 10, taken_ratio=0.0), steady(0, 10)]) == [1.0, 1.0]


def test_spans_of_one_program_take_the_same() -> None:
    ours = [steady(0, 10, taken_ratio=0.25)._replace(program="p")] * 2
    assert divided(ours) == pytest.approx([0.5, 0.5])
    assert divided([*ours, steady(0, 10, taken_ratio=0.75)]) == pytest.approx([0.5, 0.5, 1.0])
    assert divided([*ours, steady(0, 10)]) == pytest.approx([0.4, 0.4, 0.8])
    assert divided([*ours, steady(0, 10)], of_one=False) == pytest.approx([0.5, 0.5, 1.0])


def test_what_another_one_contains_adds_nothing_while_that_lasts() -> None:
    outer, inner = steady(0, 10), steady(8, 18)
    assert divided([outer, inner], [(), (0,)], of_one=False) == pytest.approx([1.0, 0.8])


def test_thousands_that_overlap_are_summed_in_seconds() -> None:
    spans = [steady(i, 5_000 + i) for i in range(3_000)]
    joules = sum(ratio * 100.0 * 5_000 for ratio in divided(spans))
    assert joules == pytest.approx(100.0 * 7_999)


def test_only_what_overlaps_is_looked_at() -> None:
    spans = [steady(0, 10), steady(20, 30), steady(25, 26), steady(10, 12), steady(29, 40)]
    assert list(clusters(spans)) == [[1, 2, 4]]


curves = st.lists(st.tuples(st.floats(0.1, 20), st.floats(0, 500)), min_size=1, max_size=12)
intervals = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 80)), min_size=1, max_size=8)


@given(curves, intervals)
def test_the_sum_of_the_parts_is_the_union(curve: list[tuple[float, float]], cuts: list[tuple[float, float]]) -> None:
    """Whatever a device draws and however its readers overlap: each joule that somebody read counts once."""
    t_s = energy_j = 0.0
    points = [(0.0, 0.0)]
    for length_s, power_w in curve:
        t_s, energy_j = t_s + length_s, energy_j + length_s * power_w
        points.append((t_s, energy_j))

    def read(begin_s: float, end_s: float) -> Span:
        inside = [begin_s, *(at_s for at_s, _ in points if begin_s < at_s < end_s), end_s]
        return Span(begin_s, end_s, [(at_s, between(points, begin_s, at_s)) for at_s in inside])

    spans = [read(begin_s, begin_s + length_s) for begin_s, length_s in cuts]
    whole_j = [between(points, span.begin_s, span.end_s) for span in spans]
    union_j = 0.0
    edges = sorted({edge for span in spans for edge in (span.begin_s, span.end_s)})
    for begin_s, end_s in pairwise(edges):
        if any(span.begin_s <= begin_s and end_s <= span.end_s for span in spans):
            union_j += between(points, begin_s, end_s)
    assert sum(ratio * own_j for ratio, own_j in zip(divided(spans), whole_j, strict=True)) == pytest.approx(union_j, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0.01, 5), st.floats(0, 1000)), min_size=1, max_size=1000))
def test_a_course_is_small_and_keeps_its_ends(steps: list[tuple[float, float]]) -> None:
    course, t_s, amount = Course(), 0.0, 0.0
    course.add(0.0, 0.0)
    for step_s, more in steps:
        t_s, amount = t_s + step_s, amount + more
        course.add(t_s, amount)
    points = course.points()
    assert len(points) <= 2 * COURSE_POINTS + 1
    assert points[0] == (0, 0)
    assert points[-1] == pytest.approx((t_s, amount), abs=1e-3)
    assert list(points) == sorted(points)


def test_a_day_of_ticks_is_a_few_dozen_points() -> None:
    integral = Integral(0.0, 86_400.0)
    for second in range(86_401):
        integral.add(Sample(device_id="gpu", t_s=float(second), energy_j=250.0 * second))
    assert integral.energy_j == pytest.approx(250.0 * 86_400)
    assert integral.floor_w == pytest.approx(250.0)
    assert len(integral.course.points()) <= 2 * COURSE_POINTS + 1
    assert between(integral.course.points(), 3600.0, 7200.0) == pytest.approx(250.0 * 3600)


def test_a_sleep_between_two_readings_is_a_gap() -> None:
    integral = Integral(0.0)
    for t_s, energy_j in ((0.0, 0.0), (1.0, 100.0)):
        integral.add(Sample(device_id="gpu", t_s=t_s, energy_j=energy_j))
    integral.interrupt()
    for t_s, energy_j in ((2.0, 5000.0), (3.0, 5100.0)):
        integral.add(Sample(device_id="gpu", t_s=t_s, energy_j=energy_j))
    assert (integral.energy_j, integral.read_s) == (200.0, 2.0)


def test_the_floor_is_the_quietest_second() -> None:
    integral, energy_j = Integral(0.0), 0.0
    for tenth in range(51):
        integral.add(Sample(device_id="gpu", t_s=tenth / 10, energy_j=energy_j))
        energy_j += 4.0 if 20 <= tenth < 30 else 30.0
    assert integral.floor_w == pytest.approx(40.0)


def test_growth_is_cut_at_the_end_and_never_falls() -> None:
    growth = Growth(2.5)
    for t_s, value in ((0.0, 10.0), (1.0, 12.0), (2.0, 11.0), (3.0, 13.0), (9.0, 99.0)):
        growth.add(t_s, value)
    assert growth.amount == pytest.approx(2.0)
