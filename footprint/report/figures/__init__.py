"""Figures: functions from a `Summary` to plotly figures, as the JSON that plotly.js draws.

They only describe (`{"data": [...], "layout": {...}}`); nothing is drawn and plotly need not be there. What is known of only some
runs is hatched. All energies of a page are drawn in one unit, that of its headline, and so are all masses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from footprint.report import words
from footprint.report.data import Summary
from footprint.report.figures.bars import Bar, FigureData, Theme, components, emissions, energies
from footprint.report.figures.colours import GRADE_COLOURS
from footprint.report.figures.grouped import (
    LARGEST,
    bases,
    by_basis,
    by_component,
    emissions_by,
    energy_by,
    largest,
    of_dimension,
)
from footprint.report.figures.in_time import UPRIGHT, over_time
from footprint.report.figures.in_use import in_use
from footprint.report.figures.known_how import by_grade
from footprint.report.figures.side_by_side import compared

__all__ = [
    "GRADE_COLOURS",
    "Figure",
    "by_basis",
    "by_component",
    "by_dimension",
    "by_grade",
    "compared",
    "emissions_by",
    "energy_by",
    "figures",
    "in_use",
    "over_time",
]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the page: its place in it, its heading, what it shows in words, and how it is made."""

    id: str
    title: str
    caption: str
    draw: Callable[[Summary, Theme], FigureData]


def figures(summary: Summary) -> tuple[Figure, ...]:
    """The figures that have something to show: of the dimension that the report is about, over time, and of what is known how."""
    return (*_by(summary, summary.options.group_by), *_in_time(summary), *_known(summary))


def by_dimension(summary: Summary) -> dict[str, tuple[Figure, ...]]:
    """The figures of every dimension, by its name; they take each other's place, so that their ids end in it."""
    return {
        dimension: tuple(msgspec.structs.replace(one, id=f"{one.id}-{dimension}") for one in _by(summary, dimension))
        for dimension in summary.by
    }


def _by(summary: Summary, dimension: str) -> list[Figure]:
    """Energy and emissions by the groups of a dimension."""
    groups, name = summary.by[dimension], words.dimension(dimension)
    few = f" The {LARGEST} largest; the table has all {len(groups)}." if len(groups) > LARGEST else ""
    found = []
    if summary.total.energy_kwh is not None:
        caption = _caption(f"Facility energy with its 90 % range.{few}", energies(largest(groups)))
        draw = of_dimension(dimension, energy=True)
        found.append(Figure(id="energy-by", title=f"Energy by {name}", caption=caption, draw=draw))
    if summary.total.emissions_g is not None:
        caption = _caption(f"Operational CO₂ equivalent with its 90 % range.{few}", emissions(largest(groups)))
        draw = of_dimension(dimension, energy=False)
        found.append(Figure(id="emissions-by", title=f"Emissions by {name}", caption=caption, draw=draw))
    return found


def _in_time(summary: Summary) -> list[Figure]:
    """What happened when: what runs took by the day that they started, what meters read as time went by, two periods."""
    found = []
    if summary.total.energy_kwh is not None:
        groups = summary.over_time
        bars = energies(groups) + (emissions(groups) if summary.total.emissions_g is not None else [])
        caption = _caption(f"By the {summary.time_step} on which a run started (UTC), with 90 % ranges.", bars)
        if len(groups) > UPRIGHT and any(bar.value is None for bar in bars):
            caption += " Question mark: unknown."
        title = f"{'Energy and emissions' if summary.total.emissions_g else 'Energy'} by {summary.time_step}"
        found.append(Figure(id="over-time", title=title, caption=caption, draw=over_time))
    if summary.use:
        step = f" by the {summary.use_step}" if summary.use_step else ""
        caption = f"Mean power{step} (UTC), as meters read it; before attribution, without overhead. No bar: nothing was read."
        found.append(Figure(id="in-use", title="When joules were used", caption=caption, draw=in_use))
    if summary.compared and any(side.amounts.energy_kwh for side in (summary.compared.before, summary.compared.now)):
        group = words.dimension(summary.options.group_by)
        by = f", in all and by {group}. Hatched: of some of the runs only." if summary.compared.what == "periods" else "."
        caption = f"Facility energy of both with 90 % ranges{by}"
        found.append(Figure(id="compared", title="Side by side", caption=caption, draw=compared))
    return found


def _known(summary: Summary) -> list[Figure]:
    """By which basis the emissions are counted, what the energy went into, and how it is known."""
    found = []
    if len(ways := bases(summary.total)) > 1:
        caption = _caption("The same electricity, counted in different ways; never added up. 90 % ranges.", ways.values())
        found.append(Figure(id="by-basis", title="Emissions by basis", caption=caption, draw=by_basis))
    if any(part.energy_kwh for part in summary.components):
        caption = _caption("Energy of the IT equipment, before the building's overhead (PUE).", components(summary).values())
        found.append(Figure(id="by-component", title="By component", caption=caption, draw=by_component))
    if any(share.energy_ratio for share in summary.shares):
        caption = "Share of each component's energy by the grade of its evidence."
        found.append(Figure(id="by-grade", title="How it is known", caption=caption, draw=by_grade))
    return found


def _caption(what: str, bars: Iterable[Bar]) -> str:
    """What a figure shows, and what its marks mean if it has any."""
    return f"{what} Hatched: of some of the runs only." if any(bar.partial for bar in bars) else what
