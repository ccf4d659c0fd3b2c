"""PUE by site and year: each figure by its rule, each year its own, and a wider range where the year has none."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.accounting.ranges import check_triple
from footprint.model import Factor, Place
from footprint.reference import evidence, pue, tables, using_edition
from footprint.reference.pue import widened_overhead
from footprint.reference.triples import percentile, stretched

ROWS = tables.table("pue")
DIGITS = 6e-4
"""Half of the last of four digits printed, and the next."""


def bounds(factor: Factor) -> tuple[float, float, float]:
    return factor.low, factor.central, factor.high


def numbers(row: tables.Row) -> tuple[float, float, float]:
    return float(row["low"]), float(row["central"]), float(row["high"])


def rows_of(site: str) -> dict[int, tables.Row]:
    return {int(row["year"]): row for row in ROWS if row["site"] == site}


# -- Which figure ------------------------------------------------------------------------------------------------------


def test_pue_goes_from_stated_to_region_to_provider_to_unknown() -> None:
    assert bounds(pue(Place(provider="aws", region="us-east-1", pue_ratio=1.3), 2024)) == (1.3, 1.3, 1.3)
    assert pue(Place(provider="aws", region="us-east-1"), 2024).central == 1.15
    fleet = pue(Place(provider="aws", region="eu-west-3"), 2024)
    assert fleet.low < 1.15 < fleet.central < fleet.high
    assert fleet.id == "pue:aws:2024"
    assert pue(Place(provider="lambda", region="us-east-1"), 2024).id == "pue.cloud:2024"
    assert pue(Place(region="us-east-1", zone="egrid:SRVC"), 2024).id == "pue.cloud:2024"
    assert pue(Place(provider="my cellar"), 2024).id == "pue.unknown:2024"
    assert bounds(pue(None, 2023)) == (1.0, 1.29, 1.58)
    assert pue(None, 2024).grade == "assumed"


@pytest.mark.parametrize("name", ["meta", "Meta", "Facebook"])
def test_an_owner_of_data_centres_that_sells_no_cloud_has_its_fleets(name: str) -> None:
    assert pue(Place(provider=name), 2024).id == "pue:meta:2024"


@pytest.mark.parametrize(
    ("year", "low", "high"),
    [(2007, 1.0, 2.5), (2012, 1.0, 1.98), (2016, 1.0, 1.7), (2018, 1.0, 1.58), (2019, 1.0, 1.67), (2021, 1.0, 1.57)],
)
def test_a_machine_anywhere_has_the_average_of_its_year(year: int, low: float, high: float) -> None:
    found = pue(None, year)
    assert (found.low, found.high, found.year) == (low, high, year)


def test_a_published_case_of_2019_lies_within_the_range_of_its_year() -> None:
    """Strubell et al. 2019 reckon with 1.58, Patterson et al. 2021 with 1.10 for Google's."""
    assert pue(None, 2019).low < 1.58 < pue(None, 2019).high
    assert pue(Place(provider="gcp"), 2020).low < 1.10 < pue(Place(provider="gcp"), 2020).high


def test_a_fleet_that_got_better_is_better_in_its_later_years() -> None:
    for provider in ("aws", "azure", "gcp"):
        years = rows_of(provider)
        assert numbers(years[max(years)])[1] < numbers(years[min(years)])[1]


# -- Other years -------------------------------------------------------------------------------------------------------


def test_pue_of_another_year_says_so_and_is_wider() -> None:
    place = Place(provider="aws", region="us-east-1")
    known, away = pue(place, 2024), pue(place, 2020)
    assert "for a run of" not in known.note
    assert "figure of 2024 for a run of 2020" in away.note
    assert away.central == known.central
    assert away.low < known.low
    assert away.high > known.high
    assert (away.id, away.error_family) == ("pue:aws:us-east-1 for 2020", known.error_family)


@given(st.sampled_from(ROWS), st.integers(0, 40))
def test_a_range_only_grows_with_the_years_and_stays_a_pue(row: tables.Row, years: int) -> None:
    triple, drift = numbers(row), float(row["drift"])
    nearer, further = widened_overhead(triple, years, drift), widened_overhead(triple, years + 1, drift)
    check_triple(*further)
    assert 1 <= further[0] <= nearer[0] + 1e-12
    assert nearer[0] <= triple[0] + 1e-12
    assert triple[2] - 1e-12 <= nearer[2] <= further[2] + 1e-12
    assert further[1] == pytest.approx(triple[1])


@given(st.sampled_from(sorted({row["site"] for row in ROWS})), st.integers(2000, 2026))
def test_every_site_and_year_has_a_figure_of_the_nearest_year(site: str, year: int) -> None:
    provider, _, region = site.partition(":")
    named = None if site == "unknown" else Place(provider="lambda" if site == "cloud" else provider, region=region or None)
    found = pue(named, year)
    years = rows_of(site)
    assert found.year == min(years, key=lambda one: (abs(one - year), -one))
    check_triple(*bounds(found))
    assert found.low >= 1


# -- The rules ---------------------------------------------------------------------------------------------------------


def test_the_drift_is_that_of_the_published_averages() -> None:
    assert {row["drift"] for row in ROWS} == {f"{evidence.pue_drift_sigma():.3f}"}
    assert 0.05 < evidence.pue_drift_sigma() < 0.15


def test_an_unknown_site_lies_between_none_and_the_years_average_and_a_cloud_above_the_best_fleet() -> None:
    for site in ("unknown", "cloud"):
        for year, row in rows_of(site).items():
            low, central, high = numbers(row)
            assert central == pytest.approx((low + high) / 2, abs=DIGITS)
            told = [float(text) for text in re.findall(r"\d\.\d\d\b", row["note"])]
            assert low in told
            assert high in told
            if row["published"]:
                assert float(row["published"]) <= high
            else:  # no survey of the year: nothing lower than both of its neighbours'
                published = {one: float(other["published"]) for one, other in rows_of(site).items() if other["published"]}
                assert high >= max(
                    published[max(one for one in published if one < year)], published[min(one for one in published if one > year)]
                )


def test_a_cloud_is_no_better_than_the_best_fleet_of_the_nearest_year() -> None:
    fleets = {year: float(row["published"]) for year, row in rows_of("gcp").items()}
    for year, row in rows_of("cloud").items():
        assert float(row["low"]) == fleets[min(fleets, key=lambda one: (abs(one - year), -one))]


@pytest.mark.parametrize(("provider", "base"), [("aws", 2024), ("azure", 2022), ("gcp", 2024)])
def test_a_region_without_a_figure_is_one_like_those_with_one(provider: str, base: int) -> None:
    """5th percentile, mean and 95th percentile of the regions' figures, overheads in proportion to the fleet's of the year."""
    regions = [float(row["central"]) for row in ROWS if row["site"].startswith(f"{provider}:") and "design" not in row["note"]]
    own = stretched(percentile(regions, 0.05), sum(regions) / len(regions), percentile(regions, 0.95))
    years = rows_of(provider)
    assert numbers(years[base]) == pytest.approx(own, abs=DIGITS)
    fleet = float(years[base]["published"]) - 1
    for year, row in years.items():
        scale = (float(row["published"]) - 1) / fleet
        scaled = [1 + (bound - 1) * scale for bound in numbers(years[base])]
        low, central, high = numbers(row)
        if "holds both" in row["note"] or "told for the same year" in row["note"]:  # sources disagree
            assert low <= scaled[0] + DIGITS, year
            assert high >= scaled[2] - DIGITS, year
            assert low < scaled[1] <= central + DIGITS
        else:
            assert (low, central, high) == pytest.approx(scaled, abs=2 * DIGITS), year


def test_other_figures_have_their_overhead_within_a_quarter_or_a_half() -> None:
    checked: dict[float, int] = defaultdict(int)
    for row in ROWS:
        part = 0.25 if "within a quarter" in row["note"] else 0.5 if "half" in row["note"].partition("rule:")[2] else None
        if part is not None:
            low, central, high = numbers(row)
            assert central == float(row["published"])
            assert low == pytest.approx(1 + (central - 1) * (1 - part), abs=DIGITS), row
            assert high == pytest.approx(1 + (central - 1) * (1 + part), abs=DIGITS), row
            checked[part] += 1
    assert checked[0.25] > 40
    assert checked[0.5] > 10


def test_an_earlier_edition_has_one_figure_a_site_and_no_drift() -> None:
    with using_edition("2026.11"):
        assert bounds(pue(None, 2012)) == bounds(pue(None, 2024)) == (1.0, 1.29, 1.58)
        assert pue(Place(provider="aws", region="eu-west-3"), 2020).id == "pue:aws"
        assert pue(Place(provider="Meta"), 2024).id == "pue.unknown"
        old = pue(Place(provider="aws", region="us-east-1"), 2020)
        assert (*bounds(old), old.id) == (1.112, 1.15, 1.188, "pue:aws:us-east-1")
        assert old.note.endswith("figure of 2024 for a run of 2020")
