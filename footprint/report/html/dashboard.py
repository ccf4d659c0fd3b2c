"""The dashboard of a summary: one self-contained page, which asks the network for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from markupsafe import Markup

from footprint.model import GRADES
from footprint.report import words
from footprint.report.data import Summary
from footprint.report.figures import figures
from footprint.report.html.building import LIMIT_BYTES, MARKER, WARNINGS, asset, environment, plotly, policy, safe_json, short


def render(summary: Summary) -> str:
    """The page of a summary, at most `LIMIT_BYTES` long.

    Where all runs do not fit, first their rows (and warnings beyond those shown) are left out of the embedded JSON, then the
    oldest are left out of the page. The totals and groups cover all runs in any case, and the page says what it leaves out.
    """
    data, constant = summary, _constant(summary)
    page = _page(summary, data, constant)
    while (size := len(page.encode())) > LIMIT_BYTES and summary.rows:
        if data.rows:
            data = msgspec.structs.replace(data, rows=(), warnings=data.warnings[:WARNINGS])
        else:
            bare = len(_page(msgspec.structs.replace(summary, rows=()), data, constant).encode())
            fits = int(len(summary.rows) * (LIMIT_BYTES - bare) / (size - bare))
            summary = msgspec.structs.replace(summary, rows=summary.rows[: max(0, min(fits, len(summary.rows) - 1))])
        page = _page(summary, data, constant)
    return page


def _constant(summary: Summary) -> dict[str, Any]:
    """What a page shows whatever rows are left out of it: its figures, which are of totals and groups, its scripts and styles."""
    drawn = figures(summary)
    script = asset("dashboard.js")
    return {
        "units": words.page_units(summary),
        "figures": {figure.id: figure for figure in drawn},
        "drawings": safe_json({one.id: {theme: one.draw(summary, theme) for theme in ("light", "dark")} for one in drawn}),
        "style": Markup(asset("dashboard.css")),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
        "plotly": Markup(plotly()),  # noqa: S704 - plotly's own file, which holds no `</script`
        "policy": policy(plotly(), script),
        "grades": [grade for grade in GRADES if any(share.grade == grade for share in summary.shares)],
        "marker": Markup(MARKER),  # noqa: S704 - our own
    }


def _page(summary: Summary, data: Summary, constant: Mapping[str, Any]) -> str:
    """The page, however long, with `data` embedded in it."""
    return (
        environment()
        .get_template("dashboard.html.j2")
        .render(summary=summary, has_rows=bool(data.rows), data=safe_json(short(msgspec.to_builtins(data))), **constant)
    )
