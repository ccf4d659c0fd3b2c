"""Figures: functions from a `Summary` to plotly figures, as the JSON that plotly.js draws.

They only describe (`{"data": [...], "layout": {...}}`); nothing is drawn and plotly need not be there. The colours are
Okabe and Ito's (Color Universal Design, 2008), which stay apart for colour-blind eyes on light and on dark ground. What is
known of only some runs is hatched, and what is unknown has no bar.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec

from footprint import text
from footprint.model import ComponentName, Grade, Range
from footprint.report import words
from footprint.report.data import Group, Summary
from footprint.report.grouping import COMPONENTS, IN_TIME

Theme = Literal["light", "dark"]
FigureData = dict[str, Any]

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#8A8F98"
GRADE_COLOURS: Final[dict[Grade, str]] = {
    "counter": BLUE,
    "power": SKY,
    "model": GREEN,
    "declared": ORANGE,
    "assumed": GREY,
}
COMPONENT_COLOURS: Final[dict[ComponentName, str]] = {"accelerators": BLUE, "cpu": ORANGE, "memory": GREEN, "rest": GREY}
FONT: Final = (
    "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
)
_INK: Final = {"light": ("#20242a", "#5b636e", "#e4e6ea"), "dark": ("#e8eaed", "#a2a9b4", "#33383f")}
_LABEL_LENGTH: Final = 28


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the page: its place in it, its heading, what it shows in words, and how it is made."""

    id: str
    title: str
    caption: str
    draw: Callable[[Summary, Theme], FigureData]


def figures(summary: Summary) -> tuple[Figure, ...]:
    """The figures that have something to show, in the order of the page."""
    group = words.dimension(summary.options.group_by)
    found = []
    if summary.total.energy_kwh:
        found.append(
            Figure(id="energy-by", title=f"Energy by {group}", caption="Facility energy with its 90 % range.", draw=energy_by)
        )
    if summary.total.emissions_g:
        found.append(
            Figure(
                id="emissions-by",
                title=f"Emissions by {group}",
                caption="Operational CO₂ equivalent with its 90 % range.",
                draw=emissions_by,
            )
        )
    if summary.total.energy_kwh:
        found.append(
            Figure(
                id="over-time",
                title="Over time",
                caption=f"By the {summary.time_step} on which a run started (UTC).",
                draw=over_time,
            )
        )
    if any(part.energy_kwh for part in summary.components):
        found.append(
            Figure(
                id="by-component",
                title="By component",
                caption="Energy of the IT equipment, before the building's overhead (PUE).",
                draw=by_component,
            )
        )
    if any(share.energy_ratio for share in summary.shares):
        found.append(
            Figure(
                id="by-grade",
                title="How it is known",
                caption="Share of each component's energy by the grade of its evidence.",
                draw=by_grade,
            )
        )
    return tuple(found)


def energy_by(summary: Summary, theme: Theme) -> FigureData:
    """Energy of the groups that the report is about, with 90 % ranges."""
    amounts = [group.amounts for group in summary.by[summary.options.group_by]]
    bars = [(one.energy_kwh, 0 < one.with_energy < one.runs) for one in amounts]
    return _bars(summary, theme, bars, units=text.ENERGY, colour=BLUE)


def emissions_by(summary: Summary, theme: Theme) -> FigureData:
    """Emissions of the groups that the report is about, with 90 % ranges."""
    amounts = [group.amounts for group in summary.by[summary.options.group_by]]
    bars = [(one.emissions_g, 0 < one.with_emissions < one.runs) for one in amounts]
    return _bars(summary, theme, bars, units=text.MASS, colour=VERMILION)


def over_time(summary: Summary, theme: Theme) -> FigureData:
    """Energy, and where known emissions, by day or month."""
    groups = summary.over_time
    starts = [group.key if summary.time_step == "day" else f"{group.key}-15" for group in groups]
    energy = [group.amounts.energy_kwh for group in groups]
    mass = [group.amounts.emissions_g for group in groups]
    both = any(mass)
    layout = _layout(theme, 380 if both else 260)
    # A single day would be drawn as a bar as wide as the page.
    width_ms = 86_400_000 * (0.7 if summary.time_step == "day" else 21)
    data = []
    panels = [(energy, text.ENERGY, BLUE, "Energy", "y"), *([(mass, text.MASS, VERMILION, "CO₂e", "y2")] if both else [])]
    for values, units, colour, name, axis in panels:
        unit, scale = _unit(values, units)
        trace = _bar(colour) | {"x": starts, "y": _middles(values, scale), "yaxis": axis, "width": width_ms}
        trace |= {"error_y": _errors(values, scale, theme), "customdata": [words_of(v, units) for v in values], "name": name}
        trace["hovertemplate"] = (
            "%{x|%Y-%m-%d}<br>%{customdata}<extra></extra>"
            if summary.time_step == "day"
            else ("%{x|%Y-%m}<br>%{customdata}<extra></extra>")
        )
        data.append(trace)
        layout["yaxis" + axis[1:]] = _axis(theme) | {"title": _title(f"{name} ({unit})"), "rangemode": "tozero"}
    days = [start[:10] for start in starts]
    layout["xaxis"] = _axis(theme) | {"type": "date", "showgrid": False, "tickformat": "%-d %b\n%Y"}
    if len(days) == 1:
        layout["xaxis"] |= {"tickmode": "array", "tickvals": days, "range": _around(days[0], summary.time_step)}
    if both:
        layout["yaxis"]["domain"], layout["yaxis2"]["domain"] = [0.56, 1], [0, 0.44]
        layout["yaxis2"]["anchor"] = "x"
        layout["xaxis"]["anchor"] = "y2"
    return {"data": data, "layout": layout}


def by_component(summary: Summary, theme: Theme) -> FigureData:
    """Energy of accelerators, CPU, memory and the rest, with 90 % ranges."""
    parts = [part for part in reversed(summary.components) if part.energy_kwh and part.energy_kwh.high]
    values = [part.energy_kwh for part in parts]
    unit, scale = _unit(values, text.ENERGY)
    trace = _bar([COMPONENT_COLOURS[part.component] for part in parts]) | {
        "orientation": "h",
        "x": _middles(values, scale),
        "y": [words.COMPONENT_WORDS[part.component] for part in parts],
        "error_x": _errors(values, scale, theme),
        "customdata": [words_of(value, text.ENERGY) for value in values],
        "hovertemplate": "%{y}<br>%{customdata}<extra></extra>",
    }
    layout = _layout(theme, 120 + 42 * len(parts))
    layout["xaxis"] = _axis(theme) | {"title": _title(unit), "rangemode": "tozero"}
    layout["yaxis"] = _names(theme)
    return {"data": [trace], "layout": layout}


def by_grade(summary: Summary, theme: Theme) -> FigureData:
    """For each component, how its energy is known, in per cent of it."""
    whole = {name: sum(share.energy_kwh or 0.0 for share in summary.shares if share.component == name) for name in COMPONENTS}
    names = [name for name in reversed(COMPONENTS) if whole[name]]
    data = []
    for grade, colour in GRADE_COLOURS.items():
        known = {share.component: share for share in summary.shares if share.grade == grade and share.energy_kwh}
        if not known:
            continue
        ratios = [(known[name].energy_kwh or 0.0) / whole[name] if name in known else 0.0 for name in names]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": words.GRADE_WORDS[grade],
                "x": [100 * ratio for ratio in ratios],
                "y": [words.COMPONENT_WORDS[name] for name in names],
                "customdata": [text.percent(ratio) for ratio in ratios],
                "marker": {"color": colour},
                "hovertemplate": "%{y}: %{customdata} " + words.GRADE_WORDS[grade] + "<extra></extra>",
            }
        )
    layout = _layout(theme, 150 + 42 * len(names)) | {"barmode": "stack", "showlegend": True}
    layout["legend"] = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    layout["xaxis"] = _axis(theme) | {"ticksuffix": " %", "range": [0, 100]}
    layout["yaxis"] = _names(theme)
    return {"data": data, "layout": layout}


# -- Parts ------------------------------------------------------------------------------------------------------------


def words_of(value: Range | None, units: text.Units) -> str:
    """A range as the page writes it, for a hover."""
    return text.quantity_range(value.low, value.central, value.high, units) if value else words.UNKNOWN


def _bars(
    summary: Summary, theme: Theme, bars: Sequence[tuple[Range | None, bool]], *, units: text.Units, colour: str
) -> FigureData:
    """Horizontal bars of the groups, the first one on top; a bar is its value and whether it covers only some runs."""
    dimension = summary.options.group_by
    groups = summary.by[dimension]
    values = [value for value, _ in bars]
    unit, scale = _unit(values, units)
    labels = _labels(groups, dimension)
    notes = [words_of(value, units) + (" (covers some of the runs)" if partial else "") for value, partial in bars]
    trace = _bar(colour) | {
        "orientation": "h",
        "x": _middles(values, scale),
        "y": list(range(len(groups))),
        "error_x": _errors(values, scale, theme),
        "customdata": [f"{label}<br>{note}" for label, note in zip(labels, notes, strict=True)],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    trace["marker"]["pattern"] = {"shape": ["/" if partial else "" for _, partial in bars], "fgopacity": 0.6, "size": 6}
    layout = _layout(theme, 110 + 34 * max(2, len(groups)))
    layout["xaxis"] = _axis(theme) | {"title": _title(unit), "rangemode": "tozero"}
    # Positions, not names: two accounts whose names look alike stay two bars.
    ticks = {"tickmode": "array", "tickvals": trace["y"], "ticktext": labels}
    layout["yaxis"] = _names(theme) | ticks | {"range": [len(groups) - 0.5, -0.5]}
    return {"data": [trace], "layout": layout}


def _labels(groups: Sequence[Group], dimension: str) -> list[str]:
    """Names as plotly text, which knows some HTML: escaped after they are cut."""
    if dimension in IN_TIME:
        return [html.escape(text.clean(group.key), quote=False) for group in groups]
    return [html.escape(text.clean(words.key(group, dimension), limit=_LABEL_LENGTH), quote=False) for group in groups]


def _unit(values: Sequence[Range | None], units: text.Units) -> tuple[str, float]:
    """One unit for all bars: that of the largest."""
    return text.unit_for(max((value.central for value in values if value), default=0.0), units)


def _middles(values: Sequence[Range | None], scale: float) -> list[float | None]:
    return [value.central / scale if value else None for value in values]


def _errors(values: Sequence[Range | None], scale: float, theme: Theme) -> dict[str, Any]:
    """The way from the middle to the bounds of the range."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [(value.high - value.central) / scale if value else 0.0 for value in values],
        "arrayminus": [(value.central - value.low) / scale if value else 0.0 for value in values],
        "color": _INK[theme][0],
        "thickness": 1.25,
        "width": 4,
    }


def _bar(colour: str | list[str]) -> dict[str, Any]:
    return {"type": "bar", "marker": {"color": colour}}


def _around(day: str, step: str) -> list[str]:
    """A stretch of time around a single bar, so that it keeps a bar's width."""
    from datetime import date, timedelta

    middle, reach = date.fromisoformat(day), timedelta(days=4 if step == "day" else 120)
    return [str(middle - reach), str(middle + reach)]


def _layout(theme: Theme, height: int) -> dict[str, Any]:
    ink, quiet, _ = _INK[theme]
    return {
        "height": height,
        "autosize": True,
        "margin": {"l": 8, "r": 28, "t": 12, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": quiet},
        "hoverlabel": {"align": "left", "font": {"family": FONT, "size": 13}},
        "showlegend": False,
        "bargap": 0.35,
        "title": {"font": {"color": ink}},
        "dragmode": False,
    }


def _axis(theme: Theme) -> dict[str, Any]:
    _, quiet, line = _INK[theme]
    return {
        "gridcolor": line,
        "zerolinecolor": line,
        "linecolor": line,
        "tickfont": {"color": quiet},
        "automargin": True,
        "fixedrange": True,
    }


def _title(name: str) -> dict[str, Any]:
    return {"text": name, "font": {"size": 13}, "standoff": 12}


def _names(theme: Theme) -> dict[str, Any]:
    return _axis(theme) | {
        "showgrid": False,
        "zeroline": False,
        "tickfont": {"color": _INK[theme][0]},
        "ticks": "",
        "ticklabelstandoff": 8,
    }
