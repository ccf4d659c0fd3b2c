from __future__ import annotations

import math

import pytest

from footprint.place.intensity.electricity_maps import KEY_VARIABLES
from footprint.place.intensity.electricity_maps import NAME as MAPS
from footprint.place.intensity.uk import NAME as UK
from footprint.reference import editions, evidence, hourly, tables
from footprint.reference.triples import Z_95, log_normal


def test_the_error_of_a_forecast_follows_its_rule() -> None:
    row = tables.by_id("intensity")["intensity.estimated"]
    assert (float(row["low"]), float(row["central"]), float(row["high"])) == pytest.approx(
        log_normal(1.0, hourly.FORECAST_SIGMA), rel=1e-3
    )
    # 18.4 % in the mean is what a normal law with this standard deviation errs by, and it was so measured.
    assert hourly.FORECAST_SIGMA * math.sqrt(2 / math.pi) == pytest.approx(0.184, abs=0.002)
    assert "318,561" in row["note"]


@pytest.mark.parametrize("edition", editions.EDITIONS)
def test_each_edition_knows_how_far_an_hour_errs(edition: str) -> None:
    with editions.using(edition):
        factor = hourly.estimate_error("GBR", "uk")
    assert (factor.varies, factor.error_family) == ("run", "intensity:uk:GBR:estimated")


def test_a_level_is_as_uncertain_as_a_years_figure_of_its_basis() -> None:
    for basis, sigma in (("life-cycle", evidence.NATIONAL_SIGMA), ("direct", evidence.direct_sigma())):
        low, central, high = hourly.level(basis, 200.0)  # type: ignore[arg-type]  # a loop's words
        assert central == 200
        assert math.log(high / low) / 2 / Z_95 == pytest.approx(sigma)
    assert hourly.level("stated", 200.0) == (200, 200, 200)
    assert hourly.level("direct", 0.0) == (0, 0, 0)


def test_providers_are_named_with_who_to_thank() -> None:
    rows = tables.by_id("intensity_providers")
    assert {row["name"] for row in rows.values()} == {UK, MAPS}
    assert rows["electricitymaps"]["key"] == KEY_VARIABLES[0]
    assert all(tables.sources()[row["source"]]["attribution"] for row in rows.values())
