"""Energy and emissions over time."""

from __future__ import annotations

from typing import Final

from footprint.report import words
from footprint.report.data import Summary
from footprint.report.figures.bars import (
    FigureData,
    Theme,
    around,
    axis_of,
    bar_trace,
    emissions,
    energies,
    errors,
    layout_of,
    middles,
    said,
    title_of,
    words_at,
)
from footprint.report.figures.colours import BLUE, VERMILION

# So many days or months have room for a word beside each other.
_SIDE_BY_SIDE: Final = 4
UPRIGHT: Final = 10
"""So many have room for an upright one on a phone; beyond, what is unknown is a question mark."""


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
        upright = {"yanchor": "bottom", "textangle": -90 if _SIDE_BY_SIDE < len(bars) <= UPRIGHT else 0}
        at = [{"x": start, "y": 0, "yref": axis} | upright for start in starts]
        layout["annotations"] = layout.get("annotations", []) + words_at(
            bars, at, theme, words.UNKNOWN if len(bars) <= UPRIGHT else "?"
        )
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
