"""Energy and emissions of groups and of components, a bar each, with 90 % ranges."""

from __future__ import annotations

from footprint.report import words
from footprint.report.data import Summary
from footprint.report.figures.bars import FigureData, Theme, bar_rows, components, emissions, energies, labels
from footprint.report.figures.colours import BLUE, COMPONENT_COLOURS, VERMILION


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


def by_component(summary: Summary, theme: Theme) -> FigureData:
    """Energy of accelerators, CPU, memory and the rest, with 90 % ranges."""
    parts = components(summary)
    names = [words.COMPONENT_WORDS[name] for name in parts]
    colours = [COMPONENT_COLOURS[name] for name in parts]
    return bar_rows(theme, names, list(parts.values()), unit=words.page_units(summary).energy, colour=colours)
