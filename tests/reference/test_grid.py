"""The basis rule: finest zone first, life-cycle by default, direct beside it, every step told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.accounting.ranges import check_triple
from footprint.model import Place
from footprint.place import resolve
from footprint.reference import Intensity, evidence, intensity, tables
from tests.each import each


def of(name: str, year: int) -> Intensity:
    place = resolve(name)
    assert place is not None
    found = intensity(place, year)
    assert found is not None
    return found


@each(tables.table("regions"), lambda row: row["id"])
def test_every_region_resolves_and_has_an_intensity(row: tables.Row) -> None:
    found = of(row["id"], 2024)
    check_triple(found.central.low, found.central.central, found.central.high)
    assert found.central.low > 0
    assert found.zone == row["zone"]
    assert found.chain
    if found.direct:
        check_triple(found.direct.low, found.direct.central, found.direct.high)
    assert any("not confirmed" in warning for warning in found.warnings) == (row["mapping"] == "unverified")


def test_quebec_is_not_canada() -> None:
    quebec, canada = of("gcp:northamerica-northeast1", 2024), of("CAN", 2024)
    assert quebec.basis == "life-cycle, estimated"
    assert quebec.direct is not None
    assert quebec.direct.central == 2.6
    assert quebec.central.central == pytest.approx(2.6 + evidence.add_on()[1])
    assert quebec.central.high < canada.central.low
    assert canada.basis == "life-cycle"
    assert any("28 nations" in step for step in quebec.chain)


def test_sweden_has_both_bases_and_market() -> None:
    found = of("SE", 2024)
    assert (found.basis, found.central.central) == ("life-cycle", 35.8)
    assert found.direct is not None
    assert found.direct.central == 6.0
    assert found.market is not None
    assert found.market.central == pytest.approx(208.6, abs=0.1)
    assert of("SE", 2020).market is None


def test_a_subregion_adds_its_nations_own_difference() -> None:
    found = of("aws:us-east-1", 2023)
    assert found.basis == "life-cycle, estimated"
    assert found.zone == "egrid:SRVC"
    assert found.central.central == pytest.approx(270.5 + 392.8 - 349.7)
    assert found.central.grade == "assumed"
    assert found.direct is not None
    assert found.central.high - found.central.low > found.direct.high - found.direct.low
    assert len(found.chain) == 2


def test_the_year_of_the_run_picks_the_figure() -> None:
    assert of("FI", 2022).central.central != of("FI", 2024).central.central
    assert of("FI", 2022).warnings == ()


def test_outside_the_years_known_the_nearest_with_a_warning_and_a_wider_range() -> None:
    known, later, earlier = of("FR", 2025), of("FR", 2027), of("FR", 2005)
    assert later.central.central == known.central.central
    assert later.central.high > known.central.high
    assert later.central.low < known.central.low
    assert "2027" in later.warnings[0]
    assert earlier.central.year == 2010
    assert later.central.error_family == known.central.error_family


def test_belgiums_contradicting_copies_are_both_in_its_range() -> None:
    central = of("BE", 2025).central
    assert central.low < 109.3
    assert central.high > 149.8


def test_a_direct_figure_above_the_life_cycle_one_is_within_its_range() -> None:
    found = of("BE", 2024)
    assert found.direct is not None
    assert found.direct.central <= found.central.high


def test_what_google_says_of_its_region_is_within_the_range() -> None:
    google, amazon = of("gcp:us-west1", 2023), of("aws:us-west-2", 2023)
    assert google.zone == amazon.zone
    assert google.direct is not None
    assert google.direct.low <= 94
    assert amazon.direct is not None
    assert amazon.direct.low > 94
    assert any("94 g/kWh" in warning for warning in google.warnings)


def test_stated_goes_before_all() -> None:
    found = intensity(Place(zone="FRA", intensity_g_per_kwh=293.85), 2024)
    assert found is not None
    assert found.basis == "stated"
    assert (found.central.low, found.central.central, found.central.high) == (293.85,) * 3


@pytest.mark.parametrize("place", [Place(), Place(zone="XXX"), Place(zone="WOR"), Place(provider="aws"), Place(pue_ratio=1.2)])
def test_no_zone_no_intensity(place: Place) -> None:
    assert intensity(place, 2024) is None


@given(st.sampled_from([row["zone"] for row in tables.table("zones")]), st.integers(min_value=1990, max_value=2100))
def test_every_zone_in_every_year_is_a_legal_factor(zone: str, year: int) -> None:
    found = intensity(Place(zone=zone), year)
    assert found is not None
    for factor in filter(None, (found.central, found.direct, found.market)):
        check_triple(factor.low, factor.central, factor.high)
        assert factor.low > 0
        assert factor.unit == "g/kWh"
    assert found.central.basis == found.basis


def test_factors_of_different_values_have_different_ids() -> None:
    seen: dict[str, tuple[float, float, float]] = {}
    for row in tables.table("regions"):
        for year in (2020, 2023, 2026):
            found = of(row["id"], year)
            for factor in filter(None, (found.central, found.direct, found.market)):
                triple = (factor.low, factor.central, factor.high)
                assert seen.setdefault(factor.id, triple) == triple, factor.id


def test_a_direct_figure_above_the_life_cycle_one_is_pointed_out() -> None:
    assert any("sources disagree" in warning for warning in of("BEL", 2026).warnings)
    assert not any("sources disagree" in warning for warning in of("SWE", 2024).warnings)


def test_a_direct_figure_of_another_year_is_said_to_be_one() -> None:
    found = intensity(Place(zone="FRA"), 2015)
    assert found is not None
    assert found.direct is not None
    assert any("direct figure of 2024" in step for step in found.chain)


@pytest.mark.parametrize(("value", "doubted"), [(0.4, True), (0.0, False), (2.6, False), (400.0, False)])
def test_a_stated_intensity_in_another_unit_is_doubted(value: float, doubted: bool) -> None:
    found = intensity(Place(intensity_g_per_kwh=value), 2024)
    assert found is not None
    assert any("in kg" in w for w in found.warnings) is doubted
