"""When joules were used, as meters read them: the mean power of each stretch of time, by component."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from footprint import text
from footprint.report.data import Summary, Use
from footprint.report.figures.bars import FigureData, Theme, axis_of, layout_of, title_of
from footprint.report.figures.colours import COMPONENT_COLOURS, SKY

_MS: Final = 1000.0
# What stands below the line is said where it changes.
_DATES: Final = {"hour": "%H:%M\n%-d %b %Y", "day": "%-d %b\n%Y", "month": "%b\n%Y"}
Part = Callable[[Use], float | None]
_PARTS: Final[tuple[tuple[str, str, Part], ...]] = (
    ("Accelerators", COMPONENT_COLOURS["accelerators"], lambda one: one.accelerators_kwh),
    ("CPU", COMPONENT_COLOURS["cpu"], lambda one: one.cpu_kwh),
    ("Memory", COMPONENT_COLOURS["memory"], lambda one: one.memory_kwh),
    # Power of a whole machine that no meter takes apart.
    ("Not told apart", SKY, lambda one: max(0.0, one.energy_kwh - apart_kwh(one)) or None),
)


def in_use(summary: Summary, theme: Theme) -> FigureData:
    """The mean power that was read, stretch by stretch; where nothing was read there is no bar."""
    stretches = summary.use
    unit = text.shared_unit((one.power_w for one in stretches), text.POWER)
    layout = layout_of(theme, 300) | {"barmode": "stack", "showlegend": True}
    layout["legend"] = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    layout["yaxis"] = axis_of(theme) | {"title": title_of(f"Mean power ({unit[0]})"), "rangemode": "tozero"}
    # Labels that lie down make the figure lower, by which others fit, which are upright: on a phone that had no end.
    layout["xaxis"] = axis_of(theme) | {"type": "date", "showgrid": False, "tickangle": 0, "nticks": 6}
    layout["xaxis"] |= {"tickformat": _DATES.get(summary.use_step, _DATES["day"])}
    if stretches:
        # Without it plotly leaves room before the first bar, as if nothing had been read there.
        layout["xaxis"] |= {"range": [stretches[0].begin, stretches[-1].end]}
    data = []
    for name, colour, part in _PARTS:
        known = [(one, kwh) for one in stretches if (kwh := part(one)) is not None and kwh > _noise_kwh(one)]
        if known:
            data.append(_trace(name, colour, known, unit))
    return {"data": data, "layout": layout}


def apart_kwh(one: Use) -> float:
    """What is known by component of a stretch's energy."""
    return sum(kwh or 0.0 for kwh in (one.accelerators_kwh, one.cpu_kwh, one.memory_kwh))


def _noise_kwh(one: Use) -> float:
    """What a sum of shares may miss of the whole by the computer's arithmetic."""
    return 1e-9 * one.energy_kwh


def _trace(name: str, colour: str, known: Sequence[tuple[Use, float]], unit: text.Unit) -> FigureData:
    """The bars of a component, each as wide as its stretch of time."""
    long_s = [(datetime.fromisoformat(one.end) - datetime.fromisoformat(one.begin)).total_seconds() for one, _ in known]
    # The stretch's own mean power, shared out as its energy is: what counts as its time is decided where it was read.
    watts = [one.power_w * kwh / one.energy_kwh if one.energy_kwh else 0.0 for one, kwh in known]
    return {
        "type": "bar",
        "name": name,
        "x": [one.begin for one, _ in known],
        "y": [value / unit[1] for value in watts],
        "width": [_MS * seconds for seconds in long_s],
        "offset": 0,
        "marker": {"color": colour, "line": {"width": 0}},
        "customdata": [
            html.escape(f"{text.power(value)}, {text.energy(kwh)} read", quote=False)
            for value, (_, kwh) in zip(watts, known, strict=True)
        ],
        "hovertemplate": f"%{{x|%Y-%m-%d %H:%M}}<br>{name}: %{{customdata}}<extra></extra>",
    }
