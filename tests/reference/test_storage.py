"""Memory and drives of a given size: the calculators' constants lie within the ranges, and nothing is added twice."""

from __future__ import annotations

from typing import get_args

import pytest

from footprint.accounting.ranges import check_triple
from footprint.reference import memory_power, memory_power_declared, storage_power, tables, using_edition
from footprint.reference.storage import Drive

CALCULATORS_W_PER_GB = {
    "CCF": 0.392,
    "Green Algorithms": 0.3725,
    "CodeCarbon 2": 0.375,
    "CodeCarbon 3": 80 / 1000,
}


@pytest.mark.parametrize("calculator", CALCULATORS_W_PER_GB)
def test_the_range_of_memory_holds_what_each_calculator_takes(calculator: str) -> None:
    found = memory_power_declared()
    assert found is not None
    assert found.low <= CALCULATORS_W_PER_GB[calculator] <= found.high


def test_the_middle_of_memory_is_the_mean_of_its_four_origins() -> None:
    found = memory_power_declared()
    assert found is not None
    origins = (80 / 1000, memory_power().central, (0.392 + 0.3725 + 0.375) / 3, (0.19 + 1.10) / 2)
    assert found.central == pytest.approx(sum(origins) / 4, abs=0.01)
    assert (found.low, found.high) == pytest.approx((min(origins), max(origins)), abs=0.01)
    assert found.id != memory_power().id


@pytest.mark.parametrize(("drive", "wh_per_tb_h"), [("ssd", 1.2), ("hdd", 0.65)])
def test_drives_draw_what_is_published_within_a_factor_of_two(drive: Drive, wh_per_tb_h: float) -> None:
    found = storage_power(drive)
    assert found is not None
    check_triple(found.low, found.central, found.high)
    assert (found.low, found.central, found.high, found.unit) == (wh_per_tb_h / 2, wh_per_tb_h, 2 * wh_per_tb_h, "W/TB")


def test_an_edition_without_them_says_that_it_does_not_know() -> None:
    with using_edition("2026.11"):
        assert not tables.has("components")
        assert memory_power_declared() is None
        assert [storage_power(drive) for drive in get_args(Drive)] == [None, None]
