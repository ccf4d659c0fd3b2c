"""The way in for Python: a report of the ledger, and its figures, for a notebook or a program of your own.

from footprint import report

summary = report.of(since="30d", group_by="label:team")
report.figure(summary, "energy-by")              # a plotly figure, which a notebook shows
report.image(summary, "energy-by", "png")        # the bytes of a file; needs footprint[images]
report.page(summary)                             # the whole dashboard, one page of HTML
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from footprint.model import Attribution
from footprint.report.data import Summary
from footprint.report.figures.bars import Theme
from footprint.report.gather import Asked, gather
from footprint.report.images import drawing, render
from footprint.report.one_run.data import RunPage
from footprint.report.one_run.page import read
from footprint.report.periods import period
from footprint.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plotly.graph_objects import Figure


def of(*, since: str | None = None, until: str | None = None, **asked: Any) -> Summary:
    """The data of a report.

    Args:
        since: runs that started then or later, as `footprint report --since` takes it: `2026-11-03`, `7d`, `last-month`.
        until: runs that started before then, likewise.
        **asked: the other fields of `Asked`: `ledger`, `runs`, `name`, `where`, `group_by`, `attribution`, `rows`, `now`. One run
            and one value of `where` may stand alone: `runs="5be2"`, `where={"team": "nlp"}`.

    Raises:
        ConfigError: for a period, dimension or key that there is not, or if there are runs and the choice leaves none.
        LedgerError: if the ledger cannot be read.
    """
    now = asked.pop("now", None) or datetime.now(UTC)
    begin, end = period(since, until, now)
    asked["runs"] = _several(asked.get("runs"))
    asked["where"] = {key: _several(values) for key, values in (asked.get("where") or {}).items()}
    stated = {"since": since, "until": until, "name": asked.get("name")}
    where = [f"where {clean(f'{key}={value}')}" for key, values in asked["where"].items() for value in values]
    said = (*(f"{key} {clean(value)}" for key, value in stated.items() if value), *where)
    return gather(Asked(since=begin, until=end, now=now, said=said, **asked))


def _several(values: str | Iterable[str] | None) -> tuple[str, ...]:
    """What may stand alone or be several: a text is one, and not its letters."""
    return (values,) if isinstance(values, str) else tuple(values or ())


def run(ref: str, *, ledger: str | None = None, attribution: Attribution = "share") -> RunPage:
    """The data of the page of one run, by its id, the beginning of its id, or its file.

    Raises:
        ConfigError: if there is no such run.
        LedgerError: if the ledger cannot be read.
    """
    return read(ref, ledger=ledger, attribution=attribution)


def figure(shown: Summary | RunPage, figure_id: str, *, theme: Theme = "light") -> Figure:
    """A figure of a report or a run as plotly's object; `figures.figures` and `figures.run.figures` are those that there are.

    Raises:
        ConfigError: if there is no such figure, with those that there are.
    """
    from plotly.graph_objects import Figure

    return Figure(drawing(shown, figure_id, theme))


def image(shown: Summary | RunPage, figure_id: str, kind: str = "png", **options: Any) -> bytes:
    """A figure of a report or a run as the bytes of an image file; `options` are those of `images.render`.

    Raises:
        ConfigError: see `images.render`.
    """
    return render(shown, figure_id, kind, **options)


def page(shown: Summary | RunPage) -> str:
    """The dashboard of a report, or the page of a run: one self-contained page of HTML."""
    from footprint.report import html

    return html.render(shown) if isinstance(shown, Summary) else html.render_run(shown)
