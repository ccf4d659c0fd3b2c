from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import plotly.graph_objects as go
import pytest

from footprint.model import Component, Range
from footprint.report.figures import (
    GRADE_COLOURS,
    by_basis,
    by_component,
    by_dimension,
    by_grade,
    compared,
    emissions_by,
    energy_by,
    figures,
    in_use,
    over_time,
)
from footprint.report.figures.bars import PALETTE, Theme
from footprint.report.figures.run import tick_step
from tests.report.everything import everything
from tests.report.examples import HOSTILE, run, runs, somewhere, summary


@pytest.mark.parametrize("theme", get_args(Theme))
@pytest.mark.parametrize("count", [1, 10, 40])
def test_every_figure_is_one_that_plotly_knows(count: int, theme: Theme) -> None:
    found = summary(runs(count))
    drawn = figures(found)
    assert [figure.id for figure in drawn] == ["energy-by", "emissions-by", "over-time", "by-basis", "by-component", "by-grade"]
    for figure in drawn:
        go.Figure(figure.draw(found, theme))  # it refuses what plotly does not know


@pytest.mark.parametrize("theme", get_args(Theme))
def test_so_are_those_of_every_dimension_of_use_and_of_two_periods(theme: Theme) -> None:
    found = everything()
    drawn = [*figures(found), *(one for some in by_dimension(found).values() for one in some)]
    assert {"in-use", "compared", "energy-by-region", "emissions-by-outcome"} <= {figure.id for figure in drawn}
    for figure in drawn:
        go.Figure(figure.draw(found, theme))


def test_only_the_colours_of_the_palette_change_with_the_theme() -> None:
    found = everything()
    for figure in figures(found):
        light, dark = (json.dumps(figure.draw(found, theme)) for theme in get_args(Theme))
        for old, new in PALETTE.items():
            light = light.replace(f'"{old}"', f'"{new}"')
        assert light == dark


def test_the_figure_of_a_dimension_shows_the_largest_groups_and_says_so() -> None:
    found = summary(runs(20), group_by="name")
    names = {figure.id: figure for figure in by_dimension(found)["name"]}
    figure = names["energy-by-name"]
    assert len(figure.draw(found, "light")["data"][0]["x"]) == 12
    assert "The 12 largest; the table has all 20." in figure.caption


def test_power_that_was_read_adds_up_to_the_mean_and_time_in_which_nothing_was_read_has_no_bar() -> None:
    found = everything()
    drawn = in_use(found, "light")
    assert [trace["name"] for trace in drawn["data"]] == ["Accelerators", "CPU", "Memory", "Not told apart"]
    unit = 1.0 if drawn["layout"]["yaxis"]["title"]["text"] == "Mean power (W)" else 1000.0
    for one in found.use:
        stacked = sum(y for t in drawn["data"] for x, y in zip(t["x"], t["y"], strict=True) if x == one.begin)
        assert stacked * unit == pytest.approx(one.power_w)
    assert {x for trace in drawn["data"] for x in trace["x"]} == {one.begin for one in found.use}


def test_two_periods_stand_side_by_side_by_group_and_in_all() -> None:
    found = everything()
    before, now = compared(found, "light")["data"]
    assert (before["name"], now["name"]) == ("2025-04", "2025-05")
    assert len(before["x"]) == len(now["x"]) == 1 + 3
    assert now["x"][0] == pytest.approx(found.total.energy_kwh.central if found.total.energy_kwh else None)


def test_two_runs_are_a_bar_each() -> None:
    found = everything()
    assert found.compared
    found = msgspec.structs.replace(found, compared=msgspec.structs.replace(found.compared, what="runs"))
    assert [len(trace["x"]) for trace in compared(found, "light")["data"]] == [1, 1]
    assert written(compared(found, "light")) == ["The run"]
    caption = next(figure.caption for figure in figures(found) if figure.id == "compared")
    assert caption == "Facility energy of both with 90 % ranges."


def test_a_side_that_is_unknown_is_no_empty_place() -> None:
    found = everything()
    assert found.compared
    unknown = msgspec.structs.replace(found.compared.before.amounts, energy_kwh=None, with_energy=0)
    before = msgspec.structs.replace(found.compared.before, amounts=unknown)
    found = msgspec.structs.replace(found, compared=msgspec.structs.replace(found.compared, before=before))
    notes = [note for note in compared(found, "light")["layout"]["annotations"] if note["text"] == "unknown"]
    assert [(note["x"], note["y"]) for note in notes] == [(0, 0.0)]


@pytest.mark.parametrize(("step", "told"), [("hour", "%H:%M"), ("day", "%-d"), ("month", "%b")])
def test_time_that_was_not_looked_at_has_no_place_in_the_figure(step: str, told: str) -> None:
    found = msgspec.structs.replace(everything(), use_step=step)
    axis = in_use(found, "light")["layout"]["xaxis"]
    assert axis["range"] == [found.use[0].begin, found.use[-1].end]
    assert axis["tickformat"].startswith(told)


def test_bases_are_drawn_apart_and_only_where_there_is_more_than_one() -> None:
    found = summary(runs(4))
    drawn = by_basis(found, "light")
    assert written(drawn) == ["Location, life-cycle", "Location, direct", "Market"]
    assert "by-basis" not in {figure.id for figure in figures(summary(runs(4, placed=0)))}


def test_bars_are_the_numbers_and_errors_the_ranges() -> None:
    found = summary(runs(9))
    trace: dict[str, Any] = energy_by(found, "light")["data"][0]
    assert energy_by(found, "light")["layout"]["xaxis"]["title"]["text"] == "kWh"
    for index, group in enumerate(found.by["account"]):
        value = group.amounts.energy_kwh
        assert value is not None
        assert trace["x"][index] == pytest.approx(value.central)
        assert trace["x"][index] + trace["error_x"]["array"][index] == pytest.approx(value.high)
        assert trace["x"][index] - trace["error_x"]["arrayminus"][index] == pytest.approx(value.low)


def test_what_is_unknown_has_no_bar_and_what_is_partial_is_hatched() -> None:
    mixed = runs(4, placed=2)
    trace = emissions_by(summary(mixed, group_by="name"), "dark")["data"][0]
    assert sorted(bar is None for bar in trace["x"]) == [False, False, True, True]
    whole = summary([*mixed, run("more", name=mixed[0].name)], group_by="name")
    assert emissions_by(whole, "dark")["data"][0]["marker"]["pattern"]["shape"].count("/") == 1


def test_without_emissions_no_figure_of_them() -> None:
    found = summary(runs(4, placed=0))
    assert "emissions-by" not in {figure.id for figure in figures(found)}
    assert len(over_time(found, "light")["data"]) == 1
    assert figures(summary([])) == ()


def test_names_are_text_for_plotly_and_look_alikes_stay_apart() -> None:
    found = summary(runs(len(HOSTILE), names=HOSTILE))
    shown = written(energy_by(found, "light"))
    assert len(shown) == len(HOSTILE)
    assert not any("<" in label for label in shown)


def test_a_component_that_is_not_there_has_no_bar() -> None:
    found = summary([run(devices=())])
    assert any(
        part == Component(component="accelerators", energy_kwh=Range(low=0, central=0, high=0), grade="counter")
        for part in found.components
    )
    assert written(by_component(found, "light")) == ["CPU", "Memory"]


def written(figure: dict[str, Any]) -> list[str]:
    """The words that stand in a figure."""
    return [note["text"] for note in figure["layout"]["annotations"]]


def test_where_something_is_unknown_stands_that_word() -> None:
    unread = run("unread", account="unread", cpu=None, devices=(), place=somewhere(), started_at="2025-05-02T00:00:00Z")
    found = summary([run("whole", account="whole", place=somewhere()), run("nowhere", account="nowhere"), unread])
    assert written(energy_by(found, "light")).count("unknown") == 1
    assert written(emissions_by(found, "light")).count("unknown") == 2
    assert [note["y"] for note in emissions_by(found, "light")["layout"]["annotations"] if note["text"] == "unknown"] == [0, 2]
    days = over_time(found, "light")["layout"]["annotations"]
    assert [(note["text"], note["x"], note["yref"]) for note in days] == [
        ("unknown", "2025-05-02", "y"),
        ("unknown", "2025-05-02", "y2"),
    ]
    assert over_time(found, "light")["data"][1]["marker"]["pattern"]["shape"] == ["/", ""]
    # Nothing reads the rest of a server; the CPU is read in two of the three runs.
    assert written(by_component(found, "light")) == ["Accelerators", "CPU", "Memory", "Rest of the server", "unknown"]
    assert by_component(found, "light")["data"][0]["marker"]["pattern"]["shape"] == ["", "/", "/", ""]
    assert written(by_grade(found, "light")).count("unknown") == 1
    captions = {figure.id: figure.caption for figure in figures(found)}
    assert ["Hatched" in captions[name] for name in ("energy-by", "over-time", "by-component")] == [False, True, True]


def test_a_zero_that_is_known_is_written_as_one() -> None:
    found = summary([run(duration_s=0.0, devices=(), place=somewhere())])
    assert written(energy_by(found, "light")) == ["lab", "0"]


def test_a_page_has_one_unit_of_energy() -> None:
    found = summary([run(duration_s=12.0, place=somewhere()), run("b", account="big", duration_s=36_000.0, place=somewhere())])
    units = {figure.draw(found, "light")["layout"]["xaxis"].get("title", {}).get("text") for figure in figures(found)}
    assert units == {"kWh", "g", None}
    assert over_time(found, "light")["layout"]["yaxis"]["title"]["text"] == "Energy (kWh)"


def test_long_names_keep_the_end_that_tells_them_apart() -> None:
    names = [f"a-sweep-of-some-network-on-some-data-with-lr-0.001-seed-{seed}" for seed in range(3)]
    shown = written(energy_by(summary([run(name, account=name) for name in names]), "light"))
    assert len(set(shown)) == 3
    assert all(len(name) <= 42 for name in shown)


def test_grades_have_colours_that_stay_apart() -> None:
    assert len(set(GRADE_COLOURS.values())) == len(GRADE_COLOURS)


@pytest.mark.parametrize(("end", "step"), [(1.36, 0.5), (0.004, 0.001), (6.0, 1.0), (59.0, 10.0), (1e-9, 2e-10), (3e5, 5e4)])
def test_a_runs_clock_has_ticks_at_round_times_from_its_start(end: float, step: float) -> None:
    assert tick_step(end) == pytest.approx(step, rel=1e-12)
    assert end / step <= 6
