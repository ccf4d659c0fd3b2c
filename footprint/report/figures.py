"""Figures: functions from a `Summary` to plotly figures, as the JSON that plotly.js draws.

They only describe (`{"data": [...], "layout": {...}}`); nothing is drawn and plotly need not be there. The colours are
Okabe and Ito's (Color Universal Design, 2008), which stay apart for colour-blind eyes on light and on dark ground. What is
known of only some runs is hatched. All energies of a page are drawn in one unit, that of its headline, and so are all masses.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from footprint import text
from footprint.model import ComponentName, Grade
from footprint.report import words
from footprint.report.bars import (
    HALF_BAR,
    ROW_PX,
    Bar,
    FigureData,
    Theme,
    around,
    axis_of,
    bar_rows,
    bar_trace,
    components,
    emissions,
    energies,
    errors,
    labels,
    layout_of,
    middles,
    names_above,
    rows_axis,
    said,
    title_of,
    words_at,
)
from footprint.report.data import Summary
from footprint.report.grouping import COMPONENTS

BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
GREY: Final = "#8A8F98"
GRADE_COLOURS: Final[dict[Grade, str]] = {
    "counter": BLUE,
    "power": SKY,
    "model": GREEN,
    "declared": ORANGE,
    "assumed": GREY,
}
COMPONENT_COLOURS: Final[dict[ComponentName, str]] = {"accelerators": BLUE, "cpu": ORANGE, "memory": GREEN, "rest": GREY}
# So many days or months have room for a word beside each other.
_SIDE_BY_SIDE: Final = 4


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the page: its place in it, its heading, what it shows in words, and how it is made."""

    id: str
    title: str
    caption: str
    draw: Callable[[Summary, Theme], FigureData]


def figures(summary: Summary) -> tuple[Figure, ...]:
    """The figures that have something to show, in the order of the page."""
    group, by = words.dimension(summary.options.group_by), summary.by[summary.options.group_by]
    energy, mass = summary.total.energy_kwh is not None, summary.total.emissions_g is not None
    found = []
    if energy:
        caption = _caption("Facility energy with its 90 % range.", energies(by))
        found.append(Figure(id="energy-by", title=f"Energy by {group}", caption=caption, draw=energy_by))
    if mass:
        caption = _caption("Operational CO₂ equivalent with its 90 % range.", emissions(by))
        found.append(Figure(id="emissions-by", title=f"Emissions by {group}", caption=caption, draw=emissions_by))
    if energy:
        bars = energies(summary.over_time) + (emissions(summary.over_time) if mass else [])
        caption = _caption(f"By the {summary.time_step} on which a run started (UTC).", bars)
        found.append(Figure(id="over-time", title="Over time", caption=caption, draw=over_time))
    if any(part.energy_kwh for part in summary.components):
        parts = components(summary).values()
        caption = _caption("Energy of the IT equipment, before the building's overhead (PUE).", parts)
        found.append(Figure(id="by-component", title="By component", caption=caption, draw=by_component))
    if any(share.energy_ratio for share in summary.shares):
        caption = "Share of each component's energy by the grade of its evidence."
        found.append(Figure(id="by-grade", title="How it is known", caption=caption, draw=by_grade))
    return tuple(found)


def _caption(what: str, bars: Iterable[Bar]) -> str:
    """What a figure shows, and what its marks mean if it has any."""
    return f"{what} Hatched: of some of the runs only." if any(bar.partial for bar in bars) else what


def energy_by(summary: Summary, theme: Theme) -> FigureData:
    """Energy of the groups that the report is about, with 90 % ranges."""
    groups = summary.by[summary.options.group_by]
    names = labels(groups, summary.options.group_by)
    return bar_rows(theme, names, energies(groups), unit=words.page_units(summary).energy, colour=BLUE)


def emissions_by(summary: Summary, theme: Theme) -> FigureData:
    """Emissions of the groups that the report is about, with 90 % ranges."""
    groups = summary.by[summary.options.group_by]
    names = labels(groups, summary.options.group_by)
    return bar_rows(theme, names, emissions(groups), unit=words.page_units(summary).mass, colour=VERMILION)


def over_time(summary: Summary, theme: Theme) -> FigureData:
    """Energy, and where known emissions, by day or month."""
    groups = summary.over_time
    starts = [group.key if summary.time_step == "day" else f"{group.key}-15" for group in groups]
    energy, mass = energies(groups), emissions(groups)
    both, units = any(bar.value for bar in mass), words.page_units(summary)
    layout = layout_of(theme, 380 if both else 260)
    # A single day would be drawn as a bar as wide as the page.
    width_ms = 86_400_000 * (0.7 if summary.time_step == "day" else 21)
    data = []
    panels = [(energy, units.energy, BLUE, "Energy", "y"), *([(mass, units.mass, VERMILION, "CO₂e", "y2")] if both else [])]
    for bars, unit, colour, name, axis in panels:
        trace = bar_trace(colour, bars) | {"x": starts, "y": middles(bars, unit), "yaxis": axis, "width": width_ms}
        trace |= {"error_y": errors(bars, unit, theme), "customdata": [said(bar, unit) for bar in bars], "name": name}
        upright = {"yanchor": "bottom", "textangle": 0 if len(bars) <= _SIDE_BY_SIDE else -90}
        at = [{"x": start, "y": 0, "yref": axis} | upright for start in starts]
        layout["annotations"] = layout.get("annotations", []) + words_at(bars, at, theme)
        trace["hovertemplate"] = (
            "%{x|%Y-%m-%d}<br>%{customdata}<extra></extra>"
            if summary.time_step == "day"
            else ("%{x|%Y-%m}<br>%{customdata}<extra></extra>")
        )
        data.append(trace)
        layout["yaxis" + axis[1:]] = axis_of(theme) | {"title": title_of(f"{name} ({unit[0]})"), "rangemode": "tozero"}
    days = [start[:10] for start in starts]
    layout["xaxis"] = axis_of(theme) | {"type": "date", "showgrid": False, "tickformat": "%-d %b\n%Y"}
    if len(days) == 1:
        layout["xaxis"] |= {"tickmode": "array", "tickvals": days, "range": around(days[0], summary.time_step)}
    if both:
        layout["yaxis"]["domain"], layout["yaxis2"]["domain"] = [0.56, 1], [0, 0.44]
        layout["yaxis2"]["anchor"] = "x"
        layout["xaxis"]["anchor"] = "y2"
    return {"data": data, "layout": layout}


def by_component(summary: Summary, theme: Theme) -> FigureData:
    """Energy of accelerators, CPU, memory and the rest, with 90 % ranges."""
    parts = components(summary)
    names = [words.COMPONENT_WORDS[name] for name in parts]
    colours = [COMPONENT_COLOURS[name] for name in parts]
    return bar_rows(theme, names, list(parts.values()), unit=words.page_units(summary).energy, colour=colours)


def by_grade(summary: Summary, theme: Theme) -> FigureData:
    """For each component, how its energy is known, in per cent of it."""
    whole = {name: sum(share.energy_kwh or 0.0 for share in summary.shares if share.component == name) for name in COMPONENTS}
    names = [name for name in COMPONENTS if whole[name] or any(one.component == name for one in summary.shares if not one.grade)]
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
                "y": list(range(len(names))),
                "width": 2 * HALF_BAR,
                "customdata": [
                    f"{words.COMPONENT_WORDS[name]}: {html.escape(text.percent(ratio))}"
                    for name, ratio in zip(names, ratios, strict=True)
                ],
                "marker": {"color": colour},
                "hovertemplate": "%{customdata} " + words.GRADE_WORDS[grade] + "<extra></extra>",
            }
        )
    layout = layout_of(theme, 104 + ROW_PX * len(names)) | {"barmode": "stack", "showlegend": True}
    layout["legend"] = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    layout["xaxis"] = axis_of(theme) | {"ticksuffix": " %", "range": [0, 100]}
    layout["yaxis"] = rows_axis(theme, len(names))
    unknown = [row for row, name in enumerate(names) if not whole[name]]
    layout["annotations"] = names_above(theme, [words.COMPONENT_WORDS[name] for name in names]) + words_at(
        [Bar(value=None)] * len(unknown), [{"x": 0, "y": row, "xanchor": "left"} for row in unknown], theme
    )
    return {"data": data, "layout": layout}
