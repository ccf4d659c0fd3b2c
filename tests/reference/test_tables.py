"""The tables are clean at load, cited row by row, and of a shape that the ranges can draw from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.accounting.ranges import MAX_SIDES_RATIO, check_triple
from footprint.reference import accelerator, evidence, tables
from footprint.reference.sources import PATH, render
from footprint.reference.triples import MAX_SIDES_RATIO as OUR_SIDES_RATIO
from footprint.reference.triples import added, log_normal, not_negative, stretched, times, widened

FACTOR_ROWS = [(name, row) for name in tables.factor_tables() for row in tables.table(name)]


def test_ids_are_unique_over_all_tables_of_factors() -> None:
    ids = [row["id"] for _, row in FACTOR_ROWS]
    assert len(ids) == len(set(ids))


def test_every_accelerator_has_its_power_or_an_honest_gap() -> None:
    for row in tables.table("accelerators"):
        found = accelerator(row["id"])
        if found.tdp_w is None:
            assert (row["source"], row["note"]) == ("none", "power not published"), row["id"]
            continue
        check_triple(found.tdp_w.low, found.tdp_w.central, found.tdp_w.high)
        assert found.tdp_w.unit == "W"
        assert found.tdp_w.basis in {"rated", "mean"}
        assert 0 < found.tdp_w.low <= found.tdp_w.high < 30_000


def test_every_source_is_used_and_says_what_it_is() -> None:
    used = {row["source"] for name in tables.names() for row in tables.table(name) if row.get("source")}
    assert used == set(tables.sources())
    for row in tables.sources().values():
        assert row["title"]
        assert row["what"]


def test_sources_md_is_written_from_the_tables() -> None:
    assert PATH.read_text(encoding="utf-8") == render()


def test_mappings_name_where_they_were_read() -> None:
    for row in (*tables.table("regions"), *tables.table("instances")):
        assert row["mapping"] in {"published", "unverified"}
        assert row["mapping_source"]
        said = f"{row['mapping_source']} {row['note']}".lower()
        if "memory" in said:
            assert row["mapping"] == "unverified", row


def test_pseudo_zones_are_left_out() -> None:
    assert not {"EEE", "WOR"} & {row["zone"] for name in ("grid", "zones") for row in tables.table(name)}


def test_published_grid_ranges_follow_the_rule_of_their_kind() -> None:
    checked = 0
    for row in tables.table("grid"):
        if row["note"] and row["source"].startswith("ember"):
            continue  # these rows say in their note why their range is wider
        sigma = evidence.direct_sigma()
        if row["source"] == "codecarbon-3.3.2":
            sigma = evidence.bidding_zone_sigma()
        elif row["basis"] == "life-cycle":
            sigma = evidence.NATIONAL_SIGMA
        low, _, high = log_normal(float(row["central"]), sigma)
        assert float(row["low"]) == pytest.approx(low, rel=1e-3), row
        assert float(row["high"]) == pytest.approx(high, rel=1e-3), row
        checked += 1
    assert checked > 3000


def test_rows_that_are_wider_than_their_rule_say_why() -> None:
    wide = [row for row in tables.table("grid") if row["note"] and row["source"].startswith("ember")]
    assert wide
    for row in wide:
        low, _, high = log_normal(float(row["central"]), evidence.NATIONAL_SIGMA)
        assert float(row["low"]) <= low * 1.001
        assert float(row["high"]) >= high * 0.999


def test_evidence_is_what_the_tables_hold() -> None:
    assert len(evidence.provider_pairs()) >= 20
    assert len(evidence.boundary_pairs()) >= 15
    assert len(evidence.add_ons()) == 28
    assert 0.2 < evidence.direct_sigma() < 0.4
    low, central, high = evidence.add_on()
    assert low > 0  # direct is part of life-cycle
    assert 40 < central < 55
    assert high < 150


def test_the_shape_that_we_keep_is_one_that_the_law_fits() -> None:
    assert OUR_SIDES_RATIO <= MAX_SIDES_RATIO
    for triple in [(0, 1, 100), (0, 99, 100), (1, 1, 2), (1, 2, 2)]:
        check_triple(*stretched(*triple))
    assert stretched(3, 3, 3) == (3, 3, 3)


def test_triples_only_grow() -> None:
    base = log_normal(100, 0.1)
    wider = widened(base, 0.2)
    assert wider[0] < base[0] < base[1] == wider[1]
    assert wider[2] > base[2]
    assert widened(base, 0.0) == pytest.approx(base)
    low, central, high = added(base, (10.0, 10.0, 10.0))
    assert (low, central, high) == pytest.approx((base[0] + 10, 110, base[2] + 10))


@given(*2 * [st.tuples(st.floats(0, 1), st.floats(0.01, 100), st.floats(0, 2.8))])
def test_a_product_is_of_a_shape_that_a_law_fits_and_no_narrower(left: tuple[float, ...], right: tuple[float, ...]) -> None:
    first, second = (not_negative(stretched(m * (1 - down), m, m * (1 + up))) for down, m, up in (left, right))
    product = times(first, second)
    check_triple(*product)
    assert product[0] >= 0
    assert product[1] == pytest.approx(first[1] * second[1])
    for one in (first, second):
        assert product[0] / product[1] <= one[0] / one[1] + 1e-9
        assert product[2] / product[1] >= one[2] / one[1] - 1e-9


def test_a_product_with_an_exact_number_is_a_multiple() -> None:
    assert times((1.0, 2.0, 4.0), (3.0, 3.0, 3.0)) == pytest.approx((3, 6, 12))


def test_nothing_reaches_below_zero() -> None:
    assert not_negative((-1.0, 1.0, 9.0)) == (0.0, 1.0, 1 + OUR_SIDES_RATIO)
    assert not_negative((0.5, 1.0, 2.0)) == (0.5, 1.0, 2.0)


def test_a_published_figure_is_kept_with_all_its_digits() -> None:
    assert tables.by_id("grid")["grid:DEU:market:2025"]["central"] == "701.47"
    assert tables.by_id("grid")["grid:gcp:us-east1:direct:2024"]["central"] == "575.77"
