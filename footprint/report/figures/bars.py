"""What figures are made of: bars that are known, known in part or unknown, their axes and their names.

Names stand above their bars, which so have the whole width on a phone too. Where something is unknown stands that word: an
empty place would be read as a zero.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from footprint import text
from footprint.model import ComponentName, Range
from footprint.report import words
from footprint.report.data import Group, Summary
from footprint.report.grouping import COMPONENTS, IN_TIME

Theme = Literal["light", "dark"]
FigureData = dict[str, Any]

FONT: Final = (
    "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
)
_INK: Final = {"light": ("#20242a", "#5b636e", "#e4e6ea"), "dark": ("#e8eaed", "#a2a9b4", "#33383f")}
PALETTE: Final = dict(zip(_INK["light"], _INK["dark"], strict=True))
"""The colours of a light figure, and what each of them is in a dark one; all others are the same in both."""
# As much of a name as stands on one line of a phone.
_LABEL_LENGTH: Final = 42
_LABEL_TAIL: Final = 20
# Of a row of one, the half of its bar; above it stands its name.
HALF_BAR: Final = 0.2
ROW_PX: Final = 46


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """What a bar shows: a range, of only some of the runs if `partial`; None is unknown."""

    value: Range | None
    partial: bool = False


def energies(groups: Sequence[Group]) -> list[Bar]:
    """The facility energy of groups."""
    some = [group.amounts for group in groups]
    return [Bar(value=one.energy_kwh, partial=0 < one.with_energy < one.runs) for one in some]


def emissions(groups: Sequence[Group]) -> list[Bar]:
    """The operational emissions of groups."""
    some = [group.amounts for group in groups]
    return [Bar(value=one.emissions_g, partial=0 < one.with_emissions < one.runs) for one in some]


def components(summary: Summary) -> dict[ComponentName, Bar]:
    """The components that are there: known, or missing in some runs or in all; not those that are known to be none."""
    known = {part.component: part.energy_kwh for part in summary.components if part.energy_kwh and part.energy_kwh.high}
    missing = {share.component for share in summary.shares if share.grade is None}
    there = [name for name in COMPONENTS if name in known or name in missing]
    return {name: Bar(value=known.get(name), partial=name in known and name in missing) for name in there}


def bar_rows(theme: Theme, names: Sequence[str], bars: Sequence[Bar], *, unit: text.Unit, colour: str | list[str]) -> FigureData:
    """Horizontal bars below their names, the first one on top."""
    rows = list(range(len(bars)))
    trace = bar_trace(colour, bars) | {
        "orientation": "h",
        "x": middles(bars, unit),
        # Positions, not names: two accounts whose names look alike stay two bars.
        "y": rows,
        "width": 2 * HALF_BAR,
        "error_x": errors(bars, unit, theme),
        "customdata": [said(bar, unit) for bar in bars],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    layout = layout_of(theme, 70 + ROW_PX * len(bars))
    end = max((bar.value.high for bar in bars if bar.value), default=0.0) / unit[1]
    layout["xaxis"] = axis_of(theme) | {"title": title_of(unit[0]), "range": [0, 1.04 * end or 1]}
    layout["yaxis"] = rows_axis(theme, len(names))
    layout["annotations"] = names_above(theme, names) + words_at(
        bars, [{"x": 0, "y": row, "xanchor": "left"} for row in rows], theme
    )
    return {"data": [trace], "layout": layout}


def words_at(
    bars: Sequence[Bar], at: Sequence[dict[str, Any]], theme: Theme, unknown: str = words.UNKNOWN
) -> list[dict[str, Any]]:
    """A word where there is no bar: `unknown`, or the zero that somebody knows."""
    font = {"color": _INK[theme][1], "size": 12}
    return [
        place | {"text": unknown if bar.value is None else "0", "showarrow": False, "font": font}
        for bar, place in zip(bars, at, strict=True)
        if bar.value is None or not bar.value.high
    ]


def said(bar: Bar, unit: text.Unit) -> str:
    """A bar in words, for a hover; plotly reads `<` as HTML."""
    if bar.value is None:
        return words.UNKNOWN
    shown = text.range_in_unit(bar.value.low, bar.value.central, bar.value.high, unit)
    return html.escape(shown + (" (covers some of the runs)" if bar.partial else ""), quote=False)


def labels(groups: Sequence[Group], dimension: str) -> list[str]:
    """Names as plotly text, which knows some HTML: escaped after they are cut."""
    if dimension in IN_TIME:
        return [html.escape(text.clean(group.key), quote=False) for group in groups]
    return [html.escape(_cut(words.key(group, dimension)), quote=False) for group in groups]


def _cut(name: str) -> str:
    """A name that fits on a line, without its middle: what tells the runs of a sweep apart stands at the end."""
    if len(name) <= _LABEL_LENGTH:
        return name
    return f"{name[: _LABEL_LENGTH - _LABEL_TAIL - 1].rstrip()}…{name[-_LABEL_TAIL:].lstrip()}"


def middles(bars: Sequence[Bar], unit: text.Unit) -> list[float | None]:
    """The lengths of the bars in a unit; nothing is drawn of what is unknown."""
    return [bar.value.central / unit[1] if bar.value else None for bar in bars]


def errors(bars: Sequence[Bar], unit: text.Unit, theme: Theme) -> dict[str, Any]:
    """The way from the middle to the bounds of the range."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [(bar.value.high - bar.value.central) / unit[1] if bar.value else 0.0 for bar in bars],
        "arrayminus": [(bar.value.central - bar.value.low) / unit[1] if bar.value else 0.0 for bar in bars],
        "color": _INK[theme][0],
        "thickness": 1.25,
        "width": 4,
    }


def bar_trace(colour: str | list[str], bars: Sequence[Bar]) -> dict[str, Any]:
    """A trace of bars, hatched where they show only some of the runs."""
    hatch = {"shape": ["/" if bar.partial else "" for bar in bars], "fgopacity": 0.85, "size": 6}
    return {"type": "bar", "marker": {"color": colour, "pattern": hatch, "line": {"color": colour, "width": 1}}}


def around(day: str, step: str) -> list[str]:
    """A stretch of time around a single bar, so that it keeps a bar's width."""
    from datetime import date, timedelta

    middle, reach = date.fromisoformat(day), timedelta(days=4 if step == "day" else 120)
    return [str(middle - reach), str(middle + reach)]


def layout_of(theme: Theme, height: int) -> dict[str, Any]:
    """What all figures have in common; `height` in px."""
    ink, quiet, _ = _INK[theme]
    return {
        "height": height,
        "autosize": True,
        "margin": {"l": 14, "r": 28, "t": 12, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": quiet},
        "hoverlabel": {"align": "left", "font": {"family": FONT, "size": 13}},
        "showlegend": False,
        "bargap": 0.35,
        "title": {"font": {"color": ink}},
        "dragmode": False,
    }


def axis_of(theme: Theme) -> dict[str, Any]:
    """An axis in the colours of a theme."""
    _, quiet, line = _INK[theme]
    return {
        "gridcolor": line,
        "zerolinecolor": line,
        "linecolor": line,
        "tickfont": {"color": quiet},
        "automargin": True,
        "fixedrange": True,
    }


def title_of(name: str) -> dict[str, Any]:
    """The title of an axis."""
    return {"text": name, "font": {"size": 13}, "standoff": 12}


def rows_axis(theme: Theme, rows: int) -> dict[str, Any]:
    """An axis of so many rows, the first on top; what they are called is written by `names_above`."""
    return axis_of(theme) | {"showgrid": False, "zeroline": False, "showticklabels": False, "range": [rows - 0.65, -0.7]}


def names_above(theme: Theme, names: Sequence[str]) -> list[dict[str, Any]]:
    """The names of rows, each above its bar. Tick labels would stand beside the bars, or hide the scale below them."""
    font = {"color": _INK[theme][0], "size": 13}
    place = {"x": 0, "xanchor": "left", "yanchor": "bottom", "showarrow": False, "font": font}
    return [place | {"y": row - HALF_BAR, "text": name} for row, name in enumerate(names)]
