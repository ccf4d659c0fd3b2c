"""Figures: functions from a `Summary` to plotly figures, as the JSON that plotly.js draws.

They only describe (`{"data": [...], "layout": {...}}`); nothing is drawn and plotly need not be there. What is known of only some
runs is hatched. All energies of a page are drawn in one unit, that of its headline, and so are all masses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from footprint import text
from footprint.errors import ConfigError
from footprint.report import words
from footprint.report.data import Summary
from footprint.report.figures.bars import Bar, FigureData, Theme, components, emissions, energies
from footprint.report.figures.colours import GRADE_COLOURS
from footprint.report.figures.grouped import by_component, emissions_by, energy_by
from footprint.report.figures.in_time import over_time
from footprint.report.figures.known_how import by_grade

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as PlotlyFigure

__all__ = ["GRADE_COLOURS", "Figure", "by_component", "by_grade", "emissions_by", "energy_by", "figures", "over_time", "plot"]


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


def plot(summary: Summary, id: str, theme: Theme = "light") -> PlotlyFigure:  # noqa: A002 - as in `Figure.id`
    """A figure of a summary as plotly's own object, for a notebook or an image.

    Args:
        summary: what it shows.
        id: one of those of `figures(summary)`, such as `over-time`.
        theme: the ground that it will stand on.

    Raises:
        ConfigError: if the summary has no such figure, which names those that it has.
    """
    from plotly.graph_objects import Figure as PlotlyFigure

    drawn = {one.id: one for one in figures(summary)}
    if id not in drawn:
        raise ConfigError(f"this summary has no figure {text.clean(id)!r}: it has {', '.join(drawn) or 'none'}")
    return PlotlyFigure(drawn[id].draw(summary, theme))


def _caption(what: str, bars: Iterable[Bar]) -> str:
    """What a figure shows, and what its marks mean if it has any."""
    return f"{what} Hatched: of some of the runs only." if any(bar.partial for bar in bars) else what
