"""A figure as an image, PNG or SVG, with its heading: plotly.js draws it in a Chromium that is on this machine (by kaleido).

Nothing is asked of the network: plotly.js is the file that the plotly package ships, formulas (MathJax) are off,
and the browser, which by itself would look for its search engine, is given a proxy that answers nothing.
"""

from __future__ import annotations

import asyncio
import html
import logging
import textwrap
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

from footprint.errors import ConfigError, unknown_choice
from footprint.report.data import Summary
from footprint.report.figures import figures
from footprint.report.figures.bars import FigureData, Theme
from footprint.report.figures.run import Drawn
from footprint.report.figures.run import figures as figures_of_run
from footprint.report.one_run.data import RunPage

Kind = Literal["png", "svg"]
KINDS: Final[tuple[Kind, ...]] = ("png", "svg")
WIDTH_PX: Final = 800
# A bitmap is shown on screens with more than one dot a pixel.
PNG_SCALE: Final = 2.0

_SIZES_PX: Final = (100, 4000)
_SCALES: Final = (0.25, 8.0)
_LIMIT_S: Final = 60.0
# The discard port of this machine: whatever the browser would ask the network for ends here.
_NOWHERE: Final = "http://127.0.0.1:9"
_GROUNDS: Final = {"light": "#ffffff", "dark": "#1b1f24"}
_INKS: Final = {"light": "#1b1f24", "dark": "#e8eaed"}
# The heading and the lines below it, and what one letter of those takes in the mean.
_TITLE_PX: Final = 34
_LINE_PX: Final = 20
_LETTER_PX: Final = 6.4
# What goes wrong for good is raised; what these log besides, such as half a message of a browser that ends, they ignore.
_TALKERS: Final = ("kaleido", "choreographer")
# Legends stand above the drawing, where a page has room beside the figure's words.
_LEGEND_PX: Final = 24


def render(
    shown: Summary | RunPage,
    figure_id: str,
    kind: str = "svg",
    *,
    theme: Theme = "light",
    width_px: int = WIDTH_PX,
    height_px: int | None = None,
    scale: float | None = None,
) -> bytes:
    """A figure of a report, or of a run's page, as the bytes of an image file.

    Args:
        shown: the data of the report or of the page.
        figure_id: which figure, see `figures.figures` and `figures.run.figures`.
        kind: `png` or `svg`.
        theme: `light` or `dark`.
        width_px: the width in CSS pixels.
        height_px: the height; by default what the figure needs.
        scale: dots a pixel, by default 2 for a PNG and 1 for an SVG.

    Raises:
        ConfigError: for a figure or kind that there is not, an impossible size, and if kaleido or a browser is missing or fails.
    """
    return image(drawing(shown, figure_id, theme, width_px), kind, width_px=width_px, height_px=height_px, scale=scale)


def image(
    described: FigureData,
    kind: str = "svg",
    *,
    width_px: int = WIDTH_PX,
    height_px: int | None = None,
    scale: float | None = None,
) -> bytes:
    """The same of any figure that is described as plotly.js reads it, as it stands.

    Raises:
        ConfigError: as above.
    """
    if kind not in KINDS:
        raise unknown_choice("kind of image", kind, KINDS)
    height = height_px or described["layout"]["height"]
    dots = scale or (PNG_SCALE if kind == "png" else 1.0)
    for what, value, (least, most) in (("width", width_px, _SIZES_PX), ("height", height, _SIZES_PX), ("scale", dots, _SCALES)):
        if not least <= value <= most:
            raise ConfigError(f"an image's {what} of {value:g} is not between {least:g} and {most:g}")
    try:
        import kaleido
    except ImportError:
        raise ConfigError("an image of a figure needs kaleido: pip install 'footprint[images]'") from None
    options = {"format": kind, "width": width_px, "height": height, "scale": dots}
    browser = {"mathjax": False, "timeout": _LIMIT_S, "proxy_server": _NOWHERE}
    from kaleido.errors import ChromeNotFoundError

    try:
        with _quietly():
            drawn: bytes = _waited_for(kaleido.calc_fig(described, opts=options, kopts=browser))
    except ChromeNotFoundError:
        raise ConfigError(
            "an image of a figure needs Chromium or Chrome: apt-get install chromium (BROWSER_PATH names one elsewhere)"
        ) from None
    except (OSError, RuntimeError, TimeoutError) as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"the browser that draws images failed: {why}") from None
    return drawn


@contextmanager
def _quietly() -> Iterator[None]:
    """Let nobody read what kaleido logs."""
    loggers = [logging.getLogger(name) for name in _TALKERS]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)


def drawing(shown: Summary | RunPage, figure_id: str, theme: Theme = "light", width_px: int = WIDTH_PX) -> FigureData:
    """A figure that stands by itself: with its heading and caption, on a ground of its own.

    Raises:
        ConfigError: if there is no such figure in what is shown, with those that there are.
    """
    drawn = {one.id: one for one in _drawn(shown, theme)}
    if not drawn:
        empty = isinstance(shown, Summary) and not shown.total.runs
        raise ConfigError(f"there is nothing to draw: {'no runs are recorded' if empty else 'no energy is known'}")
    if figure_id not in drawn:
        raise unknown_choice("figure", figure_id, tuple(drawn))
    found = drawn[figure_id]
    layout = _headed(found.drawing["layout"], found.title, found.caption, theme, width_px)
    return found.drawing | {"layout": layout}


def _drawn(shown: Summary | RunPage, theme: Theme) -> Sequence[Drawn]:
    if isinstance(shown, Summary):
        return [Drawn(one.id, one.title, one.caption, one.draw(shown, theme)) for one in figures(shown)]
    return figures_of_run(shown, theme)


def _headed(layout: FigureData, title: str, caption: str, theme: Theme, width_px: int) -> FigureData:
    """A layout with room above the drawing, and the figure's words in it. Plotly reads `<` as HTML."""
    margin = layout["margin"]
    letters = max(20, int((width_px - margin["l"] - margin["r"]) / _LETTER_PX))
    lines = [html.escape(line, quote=False) for line in textwrap.wrap(caption, letters)]
    above = _TITLE_PX + _LINE_PX * len(lines) + (_LEGEND_PX if layout.get("showlegend") else 0)
    quiet = f'<span style="font-size:12px;color:{layout["font"]["color"]}">'
    heading = {
        "text": "<br>".join([html.escape(title, quote=False), *(f"{quiet}{line}</span>" for line in lines)]),
        "font": {"size": 16, "color": _INKS[theme]},
        "x": 0,
        "xref": "container",
        "xanchor": "left",
        "pad": {"l": margin["l"], "t": 22},
        "y": 1,
        "yref": "container",
        "yanchor": "top",
    }
    ground = _GROUNDS[theme]
    return layout | {
        "title": heading,
        "margin": margin | {"t": margin["t"] + above},
        "height": layout["height"] + above,
        "paper_bgcolor": ground,
    }


def _waited_for(drawn: Coroutine[Any, Any, bytes]) -> bytes:
    """What a coroutine returns; in a notebook, whose own event loop is running, on a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(drawn)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, drawn).result()
