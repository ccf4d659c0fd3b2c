from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.place import resolve
from footprint.report import exports, terminal
from tests.report.examples import HOSTILE, run, runs, somewhere, summary

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def test_json_is_the_summary() -> None:
    data = json.loads(exports.to_json(summary(runs(3))))
    assert data["schema"] == 1
    assert set(data["total"]["energy_kwh"]) == {"low", "central", "high"}
    assert json.loads(exports.to_json(summary(runs(3, placed=0))))["total"]["emissions_g"] is None


def test_csv_has_one_row_a_run_and_an_empty_cell_for_what_is_unknown() -> None:
    rows = list(csv.DictReader(io.StringIO(exports.to_csv(summary(runs(4, placed=2))))))
    assert len(rows) == 4
    assert tuple(rows[0]) == exports.CSV_COLUMNS
    assert {row["emissions_g"] == "" for row in rows} == {True, False}
    assert all(float(row["energy_low_kwh"]) <= float(row["energy_kwh"]) <= float(row["energy_high_kwh"]) for row in rows)
    assert all(("place" in row["unknown"]) == (row["emissions_g"] == "") for row in rows)


def test_csv_tells_what_stands_beside_the_emissions_and_what_was_done() -> None:
    found = summary([run("a", place=somewhere(), work={"samples": 1000.0, "=x": 1.0}), run("b")])
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(exports.to_csv(found)))}
    assert rows["a"]["work"] == "1000.0 samples; 1.0 =x"
    for column in ("emissions_direct_g", "emissions_market_g", "water_l"):
        assert float(rows["a"][column]) > 0
        assert rows["b"][column] == ""
    assert float(rows["b"]["embodied_g"]) > 0


@given(st.text(), st.sampled_from(FORMULA))
def test_no_name_is_a_formula(name: str, start: str) -> None:
    for evil in (start + name, " " + start + name, name):
        rows = list(csv.reader(io.StringIO(exports.to_csv(summary([run(name=evil, account=evil)])))))
        assert len(rows) == 2
        assert not any(cell.startswith(FORMULA) for cell in rows[1][:6])


@given(st.text())
def test_no_name_breaks_a_markdown_table(name: str) -> None:
    text = exports.to_markdown(summary([run(account=name, place=somewhere())]))
    row = next(line for line in text.splitlines() if line.startswith("| ") and "---" not in line and "Runs" not in line)
    assert row.replace("\\\\", "").replace("\\|", "").count("|") == 7


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_inert_in_text(name: str) -> None:
    found = summary([run(name=name, account=name, labels={name: name})])
    markdown, table = exports.to_markdown(found), terminal.render(found)
    for shown in (markdown, table):
        assert not set("\x1b\x07\u202e\u2028\ud800") & set(shown)
    # A bracket that is not escaped is one of ours.
    assert set(re.findall(r"(?<!\\)<[^>]*", markdown)) <= {"<details", "<summary", "</summary", "</details"}
    assert not re.search(r"(?<!\\)\](?<!\\)\(", markdown)


def test_markdown_and_terminal_name_what_is_unknown_and_partial() -> None:
    found = summary(runs(10, placed=4))
    for shown in (exports.to_markdown(found), terminal.render(found)):
        assert "3 of 10 runs emitted" in shown
        assert "the other 7 are unknown" in shown
        assert "--region" in shown
        assert "covers 1 of 4 runs" in shown


def test_markup_of_rich_is_not_read() -> None:
    shown = terminal.render(summary([run(account="[red]lab[/red] :smile:")]))
    assert "[red]lab[/red] :smile:" in shown


@pytest.mark.parametrize("render", [exports.to_json, exports.to_csv, exports.to_markdown, terminal.render])
def test_nothing_is_shown_as_nothing(render: object) -> None:
    assert callable(render)
    assert render(summary([]))
    assert render(summary([run(duration_s=0.0, devices=(), cpu=None)]))


def test_markdown_tells_how_it_went_and_what_is_to_be_known() -> None:
    found = summary([run("a", warnings=("odd <b>",)), run("b", started_at="2025-05-03T00:00:00Z")], notes=("a line was torn",))
    shown = exports.to_markdown(found)
    assert "```text\nenergy by day, 2025-05-01 to 2025-05-03" in shown
    assert shown.index("a line was torn") < shown.index("odd \\<b\\>")
    many = summary([run("a")], notes=tuple(f"note {index}" for index in range(30)))
    assert re.search(r"- 1\d more: the page and the JSON have them all", exports.to_markdown(many))


def test_markdown_of_any_size_is_a_comment_that_github_takes() -> None:
    zones = [f"US-{state}" for state in ("AL", "AZ", "CA", "CO", "FL", "GA", "IA", "IL", "NY", "TX", "VA", "WA")]
    some = [
        run(
            f"r{index}",
            name="*" * 10_000 + str(index),
            account="|" * 10_000 + str(index),
            started_at=f"20{14 + index % 10}-05-01T00:00:00Z",
            place=resolve(zone=zones[index % len(zones)]),
            work={"`" * 10_000 + str(index): 1.0},
            warnings=(f"{index} " + "[" * 10_000,),
        )
        for index in range(60)
    ]
    found = summary(some)
    assert len(found.factors) > 60
    shown = exports.to_markdown(found)
    assert len(shown) < 65_536
    assert re.search(r"\d+ more factors, of fewer runs", shown)
