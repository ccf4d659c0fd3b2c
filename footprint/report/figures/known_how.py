"""How energy is known, by the grade of its evidence."""

from __future__ import annotations

import html

from footprint import text
from footprint.report import words
from footprint.report.data import Summary
from footprint.report.figures.bars import (
    HALF_BAR,
    ROW_PX,
    Bar,
    FigureData,
    Theme,
    axis_of,
    layout_of,
    names_above,
    rows_axis,
    words_at,
)
from footprint.report.figures.colours import GRADE_COLOURS
from footprint.report.grouping import COMPONENTS


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
