"""Energy and emissions of groups, of components and of bases, a bar each, with 90 % ranges."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from footprint.report import words
from footprint.report.data import Amounts, Group, Summary
from footprint.report.figures.bars import Bar, FigureData, Theme, bar_rows, components, emissions, energies, labels
from footprint.report.figures.colours import BLUE, COMPONENT_COLOURS, VERMILION

LARGEST: Final = 12
"""So many groups have a bar; a table has all of them."""


def energy_by(summary: Summary, theme: Theme, dimension: str = "") -> FigureData:
    """Energy of the largest groups of a dimension, by default the one that the report is about, with 90 % ranges."""
    dimension = dimension or summary.options.group_by
    groups = largest(summary.by[dimension])
    return bar_rows(theme, labels(groups, dimension), energies(groups), unit=words.page_units(summary).energy, colour=BLUE)


def emissions_by(summary: Summary, theme: Theme, dimension: str = "") -> FigureData:
    """Emissions of the largest groups of a dimension, by default the one that the report is about, with 90 % ranges."""
    dimension = dimension or summary.options.group_by
    groups = largest(summary.by[dimension])
    return bar_rows(theme, labels(groups, dimension), emissions(groups), unit=words.page_units(summary).mass, colour=VERMILION)


def of_dimension(dimension: str, energy: bool) -> partial[FigureData]:
    """The figure of a dimension as a function of a summary and a theme."""
    return partial(energy_by if energy else emissions_by, dimension=dimension)


def largest(groups: Sequence[Group]) -> Sequence[Group]:
    """As many groups as have a bar: they come largest first, those that were put together last."""
    return groups[:LARGEST]


def by_component(summary: Summary, theme: Theme) -> FigureData:
    """Energy of accelerators, CPU, memory and the rest, with 90 % ranges."""
    parts = components(summary)
    names = [words.COMPONENT_WORDS[name] for name in parts]
    colours = [COMPONENT_COLOURS[name] for name in parts]
    return bar_rows(theme, names, list(parts.values()), unit=words.page_units(summary).energy, colour=colours)


def by_basis(summary: Summary, theme: Theme) -> FigureData:
    """The emissions of the same electricity by each way of counting them, with 90 % ranges."""
    found = bases(summary.total)
    return bar_rows(theme, list(found), list(found.values()), unit=words.page_units(summary).mass, colour=VERMILION)


def bases(total: Amounts) -> dict[str, Bar]:
    """Location, direct and market figures as far as they are known, each of the runs that it is known for."""
    found = {
        "Location, life-cycle": (total.emissions_g, total.with_emissions),
        "Location, direct": (total.emissions_direct_g, total.with_direct),
        "Market": (total.emissions_market_g, total.with_market),
    }
    return {name: Bar(value=value, partial=0 < known < total.runs) for name, (value, known) in found.items() if value}
