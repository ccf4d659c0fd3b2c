"""The figures of one run: its power, its energy and its CPUs over its own clock.

Phases are bands behind the curves, marks are lines. Where nothing was read there is no curve.
"""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from footprint import text
from footprint.report import words
from footprint.report.figures.bars import FigureData, Theme, axis_of, layout_of, title_of
from footprint.report.figures.colours import BLUE, COMPONENT_COLOURS, GREEN, GREY, ORANGE, SKY, VERMILION
from footprint.report.one_run.course import Course
from footprint.report.one_run.data import RunPage
from footprint.report.one_run.series import CpuSeries, PowerSeries

_CLOCKS: Final = (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0))
_CLOCK_LEAST: Final = 3.0
_BANDS: Final = 40
_LINES: Final = 24
# A mark above a shorter part of the run would lie over its neighbours.
_GAP_SHOWN: Final = 0.01
_NAME: Final = 24
_DEVICE_COLOURS: Final = (BLUE, ORANGE, GREEN, VERMILION, SKY, GREY)
_DASHES: Final = ("solid", "dash", "dot", "dashdot")
# Labels of phases and marks stand in rows above the curves, so that neighbours do not cover each other.
_LABEL_ROWS: Final = 3
_PERCENT: Final = (0, 25, 50, 75, 100)
_LETTER_PX: Final = 6.5
_TICKS: Final = 6
# Of a figure on a small tablet; on a phone some names touch.
_WIDTH_PX: Final = 480.0


class Drawn(NamedTuple):
    """A figure of the page: its place, its heading, what it shows in words, and what plotly draws."""

    id: str
    title: str
    caption: str
    drawing: FigureData


def figures(page: RunPage, theme: Theme = "light") -> tuple[Drawn, ...]:
    """The figures that have something to show, in the order of the page."""
    found = []
    course = page.timing.course
    if course is not None:
        hows = "; ".join(f"{words.COMPONENT_WORDS[one.component]} {one.how}" for one in course.parts)
        caption = f"The run's part of the equipment's power, before the building's overhead (PUE). Over time: {hows}."
        unread = " Question mark: there a component was not read, and is not in the stack." if _gaps(course) else ""
        found.append(Drawn("power", "Power over time", caption + unread + _legend(page), power(page, theme)))
    if page.power:
        found.append(Drawn("power-read", "As the meters read it", _read_caption(page), power_read(page, theme)))
    if course is not None and course.so_far_kwh is not None:
        caption = "Energy of the facility from the start, middle of its range" + (
            ", and the program's progress." if page.run.progress else "."
        )
        found.append(Drawn("energy-so-far", "Energy so far", caption, energy_so_far(page, theme)))
    if page.cpu:
        caption = f"CPU-seconds a second: how many of the {page.run.cpu.logical_cpus if page.run.cpu else 0} CPUs were busy."
        found.append(Drawn("cpu", "CPUs in use", caption, cpu(page, theme)))
    return tuple(found)


def power(page: RunPage, theme: Theme) -> FigureData:
    """The attributed power of each component, one on the other; phases and marks behind it."""
    course = page.timing.course
    if course is None:
        return {"data": [], "layout": layout_of(theme, 160)}
    clock = _clock(page.run.duration_s)
    totals = [sum(one.mean_w[place] or 0.0 for one in course.parts) for place in range(len(course.edges_s) - 1)]
    unit = text.shared_unit(totals, text.POWER)
    begins = [edge_s / clock[1] for edge_s in course.edges_s[:-1]]
    widths = [(end_s - begin_s) / clock[1] for begin_s, end_s in zip(course.edges_s, course.edges_s[1:], strict=False)]
    data = [
        {
            "type": "bar",
            "name": words.COMPONENT_WORDS[one.component],
            "x": begins,
            "y": [None if watts is None else watts / unit[1] for watts in one.mean_w],
            "width": widths,
            "offset": 0,
            "marker": {"color": COMPONENT_COLOURS[one.component], "line": {"width": 0}},
            "meta": words.COMPONENT_WORDS[one.component],
            "hovertemplate": f"%{{meta}}: %{{y:.4~g}} {unit[0]}<br>from %{{x:.4~g}} {clock[0]}<extra></extra>",
        }
        for one in course.parts
    ]
    layout = _layout(page, theme, f"Power ({unit[0]})", clock, height=360) | {"barmode": "stack", "bargap": 0}
    layout = _with_phases(layout, page, clock, theme)
    font = {"color": axis_of(theme)["tickfont"]["color"], "size": 13}
    mark = {"text": "?", "showarrow": False, "yanchor": "bottom", "font": font}
    end_s = course.edges_s[-1]
    layout["annotations"] = [
        *layout.get("annotations", ()),
        *(
            mark | {"x": (begin_s + until_s) / 2 / clock[1], "y": max(totals[first:last]) / unit[1]}
            for first, last in _gaps(course)
            for begin_s, until_s in [(course.edges_s[first], course.edges_s[last])]
            if until_s - begin_s > _GAP_SHOWN * end_s
        ),
    ]
    return {"data": data, "layout": layout}


def power_read(page: RunPage, theme: Theme) -> FigureData:
    """The power of each device as its meter read it; where stretches were put together, between the least and the largest."""
    clock = _clock(page.run.duration_s)
    known = [watts for one in page.power for watts in one.high_w if watts is not None]
    unit = text.shared_unit(known, text.POWER)
    names = {one.id: one.name for one in page.devices}
    data: list[dict[str, Any]] = []
    for place, one in enumerate(page.power):
        colour = _DEVICE_COLOURS[place % len(_DEVICE_COLOURS)]
        if one.is_thinned:
            data.append(_envelope(one, clock, unit, colour))
        stated = f"{_shown(names.get(one.device_id, one.device_id))} ({_shown(one.device_id)})"
        columns = _steps(one, one.mean_w, clock[1], unit[1])
        dash = _DASHES[place // len(_DEVICE_COLOURS) % len(_DASHES)]
        data.append(_line(columns, stated, colour, f"%{{y:.4~g}} {unit[0]}", clock[0], dash=dash))
    layout = _layout(page, theme, f"Power ({unit[0]})", clock, height=300)
    layout["showlegend"] = len(page.power) <= len(_DEVICE_COLOURS)
    return {"data": data, "layout": _with_phases(layout, page, clock, theme)}


def energy_so_far(page: RunPage, theme: Theme) -> FigureData:
    """The facility's energy from the start; the program's progress, where it told of any, on an axis of its own."""
    course = page.timing.course
    if course is None or course.so_far_kwh is None:
        return {"data": [], "layout": layout_of(theme, 160)}
    clock, unit = _clock(page.run.duration_s), text.shared_unit(course.so_far_kwh, text.ENERGY)
    times, amounts = [edge_s / clock[1] for edge_s in course.edges_s], [kwh / unit[1] for kwh in course.so_far_kwh]
    line = _line((times, amounts), "Energy", BLUE, f"%{{y:.4~g}} {unit[0]}", clock[0])
    line |= {"fill": "tozeroy", "fillcolor": _pale(BLUE), "line": {"color": BLUE, "width": 2, "shape": "linear"}}
    layout = _layout(page, theme, f"Energy ({unit[0]})", clock, height=260)
    data = [line]
    progress = [(t_s, done / total) for t_s, done, total in page.run.progress if total > 0]
    if progress:
        points = [t_s / clock[1] for t_s, _ in progress], [100 * ratio for _, ratio in progress]
        one = _line(points, "Progress", ORANGE, "%{y:.3~g} %", clock[0], dash="dash")
        data.append(one | {"yaxis": "y2", "mode": "lines+markers", "marker": {"color": ORANGE, "size": 4}})
        layout["yaxis2"] = axis_of(theme) | {
            "overlaying": "y",
            "side": "right",
            "tickvals": list(_PERCENT),
            "ticktext": [f"{one} %" for one in _PERCENT],
            "range": [0, 105],
            "showgrid": False,
        }
        layout["margin"] = layout["margin"] | {"r": 48}
    layout["showlegend"] = bool(progress)
    return {"data": data, "layout": _with_phases(layout, page, clock, theme)}


def cpu(page: RunPage, theme: Theme) -> FigureData:
    """How many CPUs the run's processes kept busy, and the whole machine."""
    clock = _clock(page.run.duration_s)
    data = []
    for one in sorted(page.cpu, key=lambda one: one.of == "tree"):
        name, colour = ("The run's processes", BLUE) if one.of == "tree" else ("The machine", GREY)
        line = _line(_steps(one, one.mean_cpus, clock[1], 1.0), name, colour, "%{y:.4~g} CPUs", clock[0])
        data.append(line | ({"fill": "tozeroy", "fillcolor": _pale(BLUE)} if one.of == "tree" else {}))
    layout = _layout(page, theme, "CPUs busy", clock, height=240) | {"showlegend": True}
    return {"data": data, "layout": layout}


# -- What they are made of ---------------------------------------------------------------------------------------------


def _gaps(course: Course) -> list[tuple[int, int]]:
    """From which stretch to before which one a component is missing that was read at other times."""
    sometimes = [one.mean_w for one in course.parts if any(watts is not None for watts in one.mean_w)]
    missing = [any(watts[place] is None for watts in sometimes) for place in range(len(course.edges_s) - 1)]
    found, place = [], 0
    for is_missing, run in itertools.groupby(missing):
        length = len(list(run))
        if is_missing:
            found.append((place, place + length))
        place += length
    return found


def _read_caption(page: RunPage) -> str:
    many = sum(one.stretches for one in page.power)
    caption = f"Mean power of the whole device between readings: {text.plural(many, 'stretch', 'stretches')}"
    if any(one.is_thinned for one in page.power):
        shown = max(len(one.begin_s) for one in page.power)
        caption += f", put together into up to {text.count(shown)} a device; the band goes from the least to the largest in each"
    return f"{caption}. Where nothing was read there is no line."


def _legend(page: RunPage) -> str:
    """What the bands and lines are, and how many of them are not drawn."""
    timing = page.timing
    found = []
    for many, most, what in ((timing.all_phases, _BANDS, "phase"), (timing.all_marks, _LINES, "mark")):
        if many:
            mark = "Bands are phases" if what == "phase" else "Upright lines are marks"
            found.append(f" {mark}{f', the first {most} of {text.count(many)}' if many > most else ''}.")
    return "".join(found)


def _clock(duration_s: float) -> tuple[str, float]:
    """The unit of a run's own time, and its length in seconds."""
    return next((one for one in _CLOCKS if duration_s >= _CLOCK_LEAST * one[1]), _CLOCKS[-1])


def tick_step(end: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that is made at most six times up to an end."""
    least = end / _TICKS
    power: float = 10.0 ** math.floor(math.log10(least))
    return text.significant(next(times * power for times in (1, 2, 5, 10) if times * power >= least), 1)


def _layout(page: RunPage, theme: Theme, title: str, clock: tuple[str, float], *, height: int) -> dict[str, Any]:
    layout = layout_of(theme, height) | {"showlegend": True}
    layout["legend"] = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    layout["yaxis"] = axis_of(theme) | {"title": title_of(title), "rangemode": "tozero"}
    end = page.run.duration_s / clock[1] or 1.0
    layout["xaxis"] = axis_of(theme) | {
        "title": title_of(f"Time since the start ({clock[0]})"),
        "showgrid": False,
        "range": [0, end],
        # Left alone, plotly counts the ticks of steps from where the first of them ends.
        "tick0": 0,
        "dtick": tick_step(end),
    }
    layout["margin"] = layout["margin"] | {"b": 52}
    return layout


def _with_phases(layout: dict[str, Any], page: RunPage, clock: tuple[str, float], theme: Theme) -> dict[str, Any]:
    """Phases as bands and marks as lines, each with its name in a row above the curves."""
    timing = page.timing
    quiet = axis_of(theme)["tickfont"]["color"]
    shapes, labels = [], []
    for place, one in enumerate(timing.phases[:_BANDS]):
        band = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": one.begin_s / clock[1], "x1": one.end_s / clock[1]}
        shapes.append(band | {"fillcolor": quiet, "opacity": 0.14 if place % 2 else 0.08, "line": {"width": 0}, "layer": "below"})
        labels.append((one.begin_s / clock[1], _shown(one.name)))
    for mark in timing.marks[:_LINES]:
        at = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": mark.t_s / clock[1], "x1": mark.t_s / clock[1]}
        shapes.append(at | {"line": {"color": quiet, "width": 1, "dash": "dot"}})
        labels.append((mark.t_s / clock[1], _shown(mark.name)))
    if not shapes:
        return layout
    place_of = {"yref": "paper", "yanchor": "bottom", "xanchor": "left", "showarrow": False, "font": {"color": quiet, "size": 11}}
    placed = _placed(sorted(labels), page.run.duration_s / clock[1])
    rows = 1 + max((row for _, _, row in placed), default=0)
    layout["annotations"] = [place_of | {"x": x, "y": 1, "yshift": 15 * row, "text": name} for x, name, row in placed]
    layout["shapes"] = shapes
    # The legend goes below the axis: above the curves stand the names.
    layout["legend"] = layout["legend"] | {"y": -0.28, "yanchor": "top"}
    layout["margin"] = layout["margin"] | {"t": 8 + 16 * rows, "b": 92}
    layout["height"] += 16 * rows + 40
    return layout


def _placed(labels: Sequence[tuple[float, str]], end: float) -> list[tuple[float, str, int]]:
    """The names that find room in a row above the curves, none over another; those that find none stand in the table alone."""
    free_from = [0.0] * _LABEL_ROWS
    found = []
    for x, name in labels:
        begin_px = x / end * _WIDTH_PX if end else 0.0
        row = next((row for row, free_px in enumerate(free_from) if free_px <= begin_px), None)
        if row is not None:
            found.append((x, name, row))
            free_from[row] = begin_px + _LETTER_PX * (len(html.unescape(name)) + 2)
    return found


Columns = tuple[list[float], list[float | None]] | tuple[list[float], list[float]]


def _steps(one: PowerSeries | CpuSeries, values: Sequence[float | None], clock_s: float, unit: float) -> Columns:
    """A step line: each value from its begin to its end, with a hole where nothing was read."""
    x: list[float] = []
    y: list[float | None] = []
    for place, value in enumerate(values):
        if value is None:
            continue
        begin_s, end_s = one.begin_s[place], one.end_s[place]
        if x and begin_s / clock_s > x[-1] + 1e-9:
            x.append(x[-1])
            y.append(None)
        x += [begin_s / clock_s, end_s / clock_s]
        y += [value / unit, value / unit]
    return x, y


def _envelope(one: PowerSeries, clock: tuple[str, float], unit: text.Unit, colour: str) -> dict[str, Any]:
    """The band between the least and the largest power: of each stretch without a gap a shape of its own."""
    x: list[float | None] = []
    y: list[float | None] = []
    low, high = (_steps(one, values, clock[1], unit[1]) for values in (one.low_w, one.high_w))
    begin = 0
    for end in [*(at for at, value in enumerate(low[1]) if value is None), len(low[0])]:
        if x:
            x.append(None)
            y.append(None)
        x += [*low[0][begin:end], *reversed(high[0][begin:end])]
        y += [*low[1][begin:end], *reversed(high[1][begin:end])]
        begin = end + 1
    return {
        "type": "scatter",
        "mode": "lines",
        "line": {"width": 0, "color": colour},
        "hoverinfo": "skip",
        "showlegend": False,
        "fill": "toself",
        "fillcolor": _pale(colour),
        "x": x,
        "y": y,
    }


def _line(columns: Columns, name: str, colour: str, said: str, clock: str, *, dash: str = "solid") -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": columns[0],
        "y": columns[1],
        "connectgaps": False,
        "meta": name,
        "line": {"color": colour, "width": 1.5, "dash": dash},
        "hovertemplate": f"%{{meta}}<br>{said} at %{{x:.4~g}} {clock}<extra></extra>",
    }


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def _shown(name: str) -> str:
    """A name as plotly text, which knows some HTML: escaped after it is cut."""
    return html.escape(text.clean(name, limit=_NAME), quote=False)
