"""Two periods or two runs beside each other, by group."""

from __future__ import annotations

from typing import Final

from footprint import text
from footprint.model import Range
from footprint.report import words
from footprint.report.data import Compared, Group, Side, Summary
from footprint.report.figures.bars import (
    Bar,
    FigureData,
    Theme,
    axis_of,
    bar_trace,
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
from footprint.report.figures.colours import BLUE, ORANGE

_LARGEST: Final = 10
_ROW_PX: Final = 62
_BAR: Final = 0.24
_TOTAL: Final = "All runs"
_RUN: Final = "The run"


def compared(summary: Summary, theme: Theme) -> FigureData:
    """The energy of both sides, in all and by the groups of the dimension that the report is about."""
    found = summary.compared
    assert found is not None
    dimension = summary.options.group_by
    # A run by itself is the whole of its group: rows of those would say the same once more.
    pairs = pairs_of(found, dimension)[:_LARGEST] if found.what == "periods" else []
    before = [_all_of(found.before), *(_bar(one) for one, _ in pairs)]
    now = [_all_of(found.now), *(_bar(one) for _, one in pairs)]
    names = [
        _TOTAL if found.what == "periods" else _RUN,
        *(labels([one], dimension)[0] for pair in pairs for one in [pair[1] or pair[0]] if one),
    ]
    unit = text.shared_unit((bar.value.high for bar in before + now if bar and bar.value), text.ENERGY)
    layout = layout_of(theme, 96 + _ROW_PX * len(names)) | {"showlegend": True}
    layout["legend"] = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    layout["xaxis"] = axis_of(theme) | {"title": title_of(unit[0]), "rangemode": "tozero"}
    layout["yaxis"] = rows_axis(theme, len(names)) | {"range": [len(names) - 0.4, -0.75]}
    layout["annotations"] = names_above(theme, names)
    data = []
    for side, bars, colour, shift in ((found.before, before, ORANGE, 0.0), (found.now, now, BLUE, 0.27)):
        rows = [(row, bar) for row, bar in enumerate(bars) if bar is not None]
        shown = [bar for _, bar in rows]
        layout["annotations"] += words_at(shown, [{"x": 0, "y": row + shift, "xanchor": "left"} for row, _ in rows], theme)
        data.append(
            bar_trace(colour, shown)
            | {
                "orientation": "h",
                "name": labels([_named(side)], "side")[0],
                "x": middles(shown, unit),
                "y": [row + shift for row, _ in rows],
                "width": _BAR,
                "error_x": errors(shown, unit, theme),
                "customdata": [said(bar, unit) for bar in shown],
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )
    return {"data": data, "layout": layout}


def pairs_of(found: Compared, dimension: str) -> list[tuple[Group | None, Group | None]]:
    """The groups of both sides by their key, those that use most first; None where a side has no such group."""
    before = {one.key: one for one in found.before.by.get(dimension, ()) if not one.merged}
    now = {one.key: one for one in found.now.by.get(dimension, ()) if not one.merged}
    pairs = [(before.get(key), now.get(key)) for key in dict.fromkeys((*now, *before))]
    return sorted(pairs, key=lambda pair: -max(_central(one) for one in pair))


def _central(one: Group | None) -> float:
    return one.amounts.energy_kwh.central if one and one.amounts.energy_kwh else 0.0


def _bar(one: Group | None) -> Bar | None:
    """The bar of a group; None where that side has no such runs, which is no unknown."""
    return energies([one])[0] if one else None


def _all_of(side: Side) -> Bar:
    value: Range | None = side.amounts.energy_kwh
    return Bar(value=value, partial=0 < side.amounts.with_energy < side.amounts.runs)


def _named(side: Side) -> Group:
    """A side under its name, as a legend has it."""
    return Group(key=side.label, label=side.label or words.UNKNOWN, amounts=side.amounts, energy_ratio=None)
