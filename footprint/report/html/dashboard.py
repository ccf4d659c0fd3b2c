"""The dashboard of a summary: one self-contained page, which asks the network for nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from footprint.model import GRADES
from footprint.report import words
from footprint.report.data import Summary
from footprint.report.figures import Figure, by_dimension, figures
from footprint.report.figures.side_by_side import pairs_of
from footprint.report.html.building import LIMIT_BYTES, WARNINGS, page, safe_json, shell, short
from footprint.report.html.facets import Facet, facets, of_row
from footprint.report.html.plotly_js import Assets

_SWITCHED: Final = ("energy-by", "emissions-by")
ROWS: Final = 1_000
"""More rows than these nobody reads, and a browser is slow to lay them out."""


def render(summary: Summary, assets: Assets = "inline", limit_bytes: int = LIMIT_BYTES) -> str:
    """The page of a summary, at most `limit_bytes` long and with at most `ROWS` runs.

    Where all runs do not fit, first their rows (and warnings beyond those shown) are left out of the embedded JSON, then the
    oldest are left out of the page. The totals and groups cover all runs in any case, and the page says what it leaves out.

    Args:
        summary: what the page shows.
        assets: where its plotly.js is: `inline`, packed in the page; `cdn`, at its publisher's, held against a hash of it;
            `folder`, beside the page in a file (see `plotly_js.folder_files`).
        limit_bytes: how long the page may be.
    """
    summary = msgspec.structs.replace(summary, rows=summary.rows[:ROWS])
    data, constant = summary, _constant(summary, assets)
    text = _page(summary, data, constant)
    while (size := len(text.encode())) > limit_bytes and summary.rows:
        if data.rows:
            data = msgspec.structs.replace(data, rows=(), warnings=data.warnings[:WARNINGS])
        else:
            bare = len(_page(msgspec.structs.replace(summary, rows=()), data, constant).encode())
            fits = int(len(summary.rows) * (limit_bytes - bare) / (size - bare))
            summary = msgspec.structs.replace(summary, rows=summary.rows[: max(0, min(fits, len(summary.rows) - 1))])
        text = _page(summary, data, constant)
    return text


def _constant(summary: Summary, assets: Assets) -> dict[str, Any]:
    """What a page shows whatever rows are left out of it: its figures, which are of totals and groups, its scripts and styles."""
    drawn = figures(summary) if summary.total.runs else ()
    switched = by_dimension(summary) if drawn else {}
    first = switched.get(summary.options.group_by, ())
    # Of what can be switched, the page has a place for each quantity, and a drawing for each dimension.
    kept = {one.id: one for one in drawn if one.id not in _SWITCHED}
    drawings = {
        one.id: one.draw(summary, "light") for one in (*kept.values(), *(one for some in switched.values() for one in some))
    }
    known = facets(summary)
    return {
        "shell": shell(drawings, styles=("dashboard.css",), scripts=("sorting.js", "filter.js", "switch.js"), assets=assets),
        "units": words.page_units(summary),
        "figures": kept,
        "first": first,
        "switched": switched,
        "facets": known,
        "facets_of": partial(of_row, summary=summary, known=known),
        "clickable": safe_json(_clickable(switched, known)),
        "pairs_of": pairs_of,
        "grades": [grade for grade in GRADES if any(share.grade == grade for share in summary.shares)],
    }


def _clickable(switched: Mapping[str, Sequence[Figure]], known: Mapping[str, Sequence[Facet | None]]) -> dict[str, Any]:
    """Of each figure of a dimension: its heading, its caption, and the facets of its bars in their order."""
    return {
        one.id: {"title": one.title, "caption": one.caption, "facets": [facet.id if facet else "" for facet in known[dimension]]}
        for dimension, some in switched.items()
        for one in some
    }


def _page(summary: Summary, data: Summary, constant: Mapping[str, Any]) -> str:
    """The page, however long, with `data` embedded in it."""
    embedded = safe_json(short(msgspec.to_builtins(data)))
    return page("dashboard.html.j2", summary=summary, has_rows=bool(data.rows), data=embedded, **constant)
