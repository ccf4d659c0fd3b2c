"""Litres a kilowatt-hour: a fleet's figure is no region's, a nation's is no state's, and what nobody published is unknown."""

from __future__ import annotations

import math

import pytest

from footprint.model import Place
from footprint.place import resolve
from footprint.reference import tables, using_edition, water
from footprint.reference.triples import log_normal

ROWS = tables.table("water")


def onsite(place: str, year: int) -> tuple[str, float]:
    found = water.onsite(resolve(place), year)
    assert found is not None
    return found.id, found.central


def test_every_range_follows_the_rule_of_its_kind() -> None:
    for row in ROWS:
        low, central, high = (float(row[name]) for name in ("low", "central", "high"))
        if row["kind"] == "onsite":
            assert (low, high) == pytest.approx((0.0, 3.8 * central), rel=1e-3), row
        else:
            assert (low, central, high) == pytest.approx(log_normal(central, water.NATIONAL_SIGMA), rel=1e-3), row
    assert sum(row["kind"] == "offsite" for row in ROWS) == 49


def test_the_year_picks_the_figure_of_a_fleet() -> None:
    assert onsite("aws:us-east-1", 2023) == ("wue:aws:2023", 0.18)
    assert onsite("aws:us-east-1", 2024) == ("wue:aws:2024", 0.15)
    assert onsite("azure:westeurope", 2021) == ("wue:azure:2021", 0.49)
    nearest = water.onsite(resolve("aws:us-east-1"), 2019)
    assert nearest is not None
    assert nearest.id == "wue:aws:2023"
    assert nearest.note.endswith("figure of 2023 for work of 2019")


def test_a_cloud_that_publishes_none_has_a_wide_assumption_and_other_sites_have_nothing() -> None:
    found = water.onsite(resolve("oracle:us-ashburn-1"), 2024)
    assert found is not None
    assert (found.id, found.grade) == ("wue.cloud", "assumed")
    for place in (resolve("FRA"), Place(zone="US-VA"), Place(name="a laboratory", zone="DEU"), None):
        assert water.onsite(place, 2024) is None


def test_means_of_the_united_states_by_others_lie_in_its_range() -> None:
    found = water.offsite(resolve("USA"), 2024)
    assert found is not None
    assert found.central == pytest.approx(3.13, abs=0.005)
    assert found.low < 3.13
    assert found.high > 4.52
    assert found.high == pytest.approx(7.2, abs=0.05)


def test_a_zone_below_the_nation_takes_its_figure_and_is_less_sure() -> None:
    nation, state = (water.offsite(resolve(place), 2024) for place in ("USA", "US-VA"))
    assert nation is not None
    assert state is not None
    assert state.central == nation.central
    assert 0 < state.low < nation.low
    assert state.high > nation.high
    assert state.error_family != nation.error_family
    sigma = math.hypot(water.NATIONAL_SIGMA, water.nations_sigma())
    assert (state.low, state.central, state.high) == pytest.approx(log_normal(nation.central, sigma))


@pytest.mark.parametrize(("place", "l_per_kwh"), [("FRA", 3.67), ("DEU", 1.95), ("gcp:europe-west1", 2.62)])
def test_a_nation_has_its_own_figure(place: str, l_per_kwh: float) -> None:
    found = water.offsite(resolve(place), 2024)
    assert found is not None
    assert found.central == pytest.approx(l_per_kwh, abs=0.005)


def test_a_nation_without_a_figure_is_unknown() -> None:
    assert water.offsite(resolve("KEN"), 2024) is None
    assert water.offsite(Place(provider="aws"), 2024) is None
    assert water.offsite(None, 2024) is None


def test_an_edition_without_the_table_knows_nothing() -> None:
    with using_edition("2026.11"):
        assert water.onsite(resolve("aws:us-east-1"), 2024) is None
        assert water.offsite(resolve("FRA"), 2024) is None
    assert water.offsite(resolve("FRA"), 2024) is not None
