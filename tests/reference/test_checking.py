"""A table is refused where it should be: each slip that a hand makes in one, made in a copy of a real one."""

from __future__ import annotations

import csv
import re

import pytest

from footprint.reference import EDITIONS, checking, sources, tables, using_edition
from footprint.reference.checking import faults
from footprint.reference.editions import text_of
from footprint.reference.tables import Row

FACTORS = ("accelerators", "cpu_fit", "cpus", "grid", "priors", "pue")


def copy(name: str) -> list[Row]:
    return [dict(row) for row in tables.table(name)]


def found(name: str, rows: list[Row]) -> list[str]:
    return faults(name, rows, tables.sources())


@pytest.mark.parametrize("edition", EDITIONS)
def test_nothing_is_wrong_with_the_tables_of_any_edition(edition: str) -> None:
    with using_edition(edition):
        assert set(FACTORS) <= set(tables.factor_tables())
        assert checking.all_faults() == []


@pytest.mark.parametrize("name", FACTORS)
def test_a_copy_is_as_good_as_its_table(name: str) -> None:
    assert found(name, copy(name)) == []


@pytest.mark.parametrize("name", FACTORS)
@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("low", "", "no low, central and high"),
        ("high", "", "no low, central and high"),
        ("central", "", "no low, central and high"),
        ("low", "about 3", "'about 3' is no number"),
        ("high", "1,000", "is no number"),
        ("central", "nan", "is no number"),
        ("high", "inf", "is no number"),
        ("central", " 1", "is no number"),
        ("central", "1_0", "is no number"),
        ("low", "1e9", "low <= central <= high"),
        ("high", "1e-9", "low <= central <= high"),
        ("high", "1e12", "no law fits"),
        ("year", "latest", "is no year"),
        ("year", "NGA 2026 edition", "is no year"),
        ("year", "2023-24", "is no year"),
        ("year", "22", "is no year"),
        ("source", "", "no source"),
        ("source", "hearsay", "no such source"),
        ("unit", "", "no unit"),
        ("basis", "", "no basis"),
        ("error_family", "", "no error_family"),
        ("grade", "sure", "no such grade"),
        ("grade", "", "no such grade"),
        ("varies", "", "varies from"),
        ("varies", "monthly", "varies from"),
        ("id", "", "no id"),
    ],
)
def test_a_broken_cell_is_refused(name: str, column: str, cell: str, said: str) -> None:
    rows = copy(name)
    broken = next(row for row in rows if row["central"] and (float(row["high"]) > float(row["low"]) > 0 or name == "cpus"))
    broken[column] = cell
    told = found(name, rows)
    assert any(said in one for one in told), told
    assert all(one.startswith(f"{name}: ") for one in told)


@pytest.mark.parametrize(
    ("low", "central", "high", "said"),
    [
        ("100", "100", "200", "the mean lies on a bound"),
        ("100", "200", "200", "the mean lies on a bound"),
        ("199", "200", "300", "sides differ"),
        ("-5", "200", "300", "below 0"),
    ],
)
def test_a_triple_that_no_law_fits_is_refused(low: str, central: str, high: str, said: str) -> None:
    rows = copy("grid")
    rows[7] |= {"low": low, "central": central, "high": high}
    (told,) = found("grid", rows)
    assert said in told
    assert rows[7]["id"] in told


def test_an_assumption_has_a_range_and_its_rule() -> None:
    rows = copy("priors")
    assumed = next(row for row in rows if row["grade"] == "assumed")
    assumed["note"] = ""
    assert "whose rule is not in its note" in found("priors", rows)[0]
    assumed |= {"low": "1", "central": "1", "high": "1", "note": "as everybody knows"}
    assert "an exact number of grade assumed" in found("priors", rows)[0]


@pytest.mark.parametrize("change", [{"note": ""}, {"source": "epoch-2026"}])
def test_a_gap_is_honest_or_refused(change: Row) -> None:
    rows = copy("accelerators")
    gap = next(row for row in rows if not row["central"])
    gap |= change
    assert "no number, and " in found("accelerators", rows)[0]


def test_a_column_left_out_two_rows_of_one_id_and_no_rows_are_refused() -> None:
    without = [{column: cell for column, cell in row.items() if column != "high"} for row in copy("pue")]
    assert "no high" in found("pue", without)[0]
    twice = [*copy("pue"), copy("pue")[0]]
    assert "2 rows of one id" in found("pue", twice)[0]
    assert found("pue", []) == ["pue: no rows"]


@pytest.mark.parametrize(
    ("name", "column", "cell"),
    [("server_power", "w_50", "n/a"), ("server_power", "tdp_w", "95 W"), ("cpus", "cores", "eight"), ("instances", "count", "?"),
     ("accelerators", "memory_gb", "40 GB"), ("accelerators", "launch_year", "2020-05"), ("pue", "drift", "some")],
)  # fmt: skip
def test_text_in_a_column_of_numbers_or_years_is_refused_in_every_table(name: str, column: str, cell: str) -> None:
    rows = copy(name)
    rows[-1][column] = cell
    (told,) = found(name, rows)
    assert repr(cell) in told


def test_a_source_without_a_licence_is_refused() -> None:
    known = {key: dict(row) for key, row in tables.sources().items()}
    known["ember-2025"]["licence"] = ""
    assert any("no licence" in one for one in faults("grid", copy("grid"), known))


# -- Text --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", EDITIONS)
def test_rows_are_what_the_csv_module_reads(edition: str) -> None:
    with using_edition(edition):
        for name in tables.names():
            assert list(tables.table(name)) == list(csv.DictReader(text_of(name).splitlines())), name


@pytest.mark.parametrize(
    "line", ["a,b", "a,b,c,d", '"a,b,c', 'a,"b,c', 'a,"b"c,d', ",,,", "", '"a","b'], ids=lambda line: line or "empty"
)
def test_a_row_that_is_not_one_is_refused_where_the_table_loads(line: str) -> None:
    whole = 'x,y,z\n1,"2, 3",4\n'
    assert tables.parse(whole) == ({"x": "1", "y": "2, 3", "z": "4"},)
    with pytest.raises((ValueError, csv.Error)):
        tables.parse(f"{whole}{line}\n5,6,7\n")


# -- Rules and attributions --------------------------------------------------------------------------------------------


def test_each_table_of_factors_has_its_rule_in_sources_md() -> None:
    rules = sources.PATH.read_text(encoding="utf-8").partition("## Rules")[2].partition("## Tables")[0]
    named = set(re.findall(r"`(\w+)\.csv`", rules))
    assert set(tables.factor_tables()) <= named


def test_sources_md_carries_every_attribution_that_a_licence_asks_for() -> None:
    text = sources.PATH.read_text(encoding="utf-8")
    used = {row["source"] for name in tables.names() for row in tables.table(name) if row.get("source")}
    asked = [row for row in tables.sources().values() if row["id"] in used and row["licence"].startswith(("CC", "Apache", "MIT"))]
    assert {"ember-2025", "ember-2026", "epoch-2026"} <= {row["id"] for row in asked}
    for row in asked:
        assert row["attribution"], row["id"]
        assert f"| {row['licence']} | {row['attribution']} |" in text, row["id"]
    for name in ("Ember (CC BY 4.0)", "Epoch AI (CC BY 4.0)"):
        assert name in text
