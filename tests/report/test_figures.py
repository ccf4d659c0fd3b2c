from __future__ import annotations

from typing import Any, get_args

import plotly.graph_objects as go
import pytest

from footprint.model import Component, Range
from footprint.report.figures import GRADE_COLOURS, Theme, by_component, emissions_by, energy_by, figures, over_time
from tests.report.examples import HOSTILE, run, runs, summary


@pytest.mark.parametrize("theme", get_args(Theme))
@pytest.mark.parametrize("count", [1, 10, 40])
def test_every_figure_is_one_that_plotly_knows(count: int, theme: Theme) -> None:
    found = summary(runs(count))
    drawn = figures(found)
    assert [figure.id for figure in drawn] == ["energy-by", "emissions-by", "over-time", "by-component", "by-grade"]
    for figure in drawn:
        go.Figure(figure.draw(found, theme))  # it refuses what plotly does not know


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
    layout = energy_by(found, "light")["layout"]
    assert len(layout["yaxis"]["tickvals"]) == len(HOSTILE)
    assert not any("<" in label for label in layout["yaxis"]["ticktext"])


def test_a_component_that_is_not_there_has_no_bar() -> None:
    found = summary([run(devices=())])
    assert any(
        part == Component(component="accelerators", energy_kwh=Range(low=0, central=0, high=0), grade="counter")
        for part in found.components
    )
    assert by_component(found, "light")["data"][0]["y"] == ["Memory", "CPU"]


def test_grades_have_colours_that_stay_apart() -> None:
    assert len(set(GRADE_COLOURS.values())) == len(GRADE_COLOURS)
