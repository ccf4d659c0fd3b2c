"""`footprint report`: the ledger, or some of its runs, as a page, a table, an image or data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from footprint.cli import options
from footprint.cli.choosing import period_of, where_of
from footprint.cli.printing import say
from footprint.cli.report import choosing, writing
from footprint.errors import ConfigError, unknown_choice

if TYPE_CHECKING:
    from footprint.model import Attribution
    from footprint.report.data import Summary
    from footprint.report.html.plotly_js import Assets
    from footprint.report.one_run.data import RunPage

ASSETS: Final = ("inline", "cdn", "folder")
THEMES: Final = ("light", "dark")
RUN_FIGURES: Final = ("power", "power-read", "energy-so-far", "cpu")
"""The figures of a run's own page; all others are of reports."""


class _Shown(NamedTuple):
    """How something is shown: the format, where a page has its script, and of an image which figure in which colours."""

    kind: str
    assets: Assets
    figure: str | None
    theme: str


def report(
    *,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Where to write; - is standard output. Default: footprint.html, or of one run footprint-run-ID.html, in "
            "reports/ if there is such a folder, else here; what is no page goes to standard output.",
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="html, md, csv, json, table, png or svg. Default: by the output's ending, else html."),
    ] = None,
    since: options.Since = None,
    until: options.Until = None,
    name: options.Name = None,
    where: options.Where = None,
    group_by: Annotated[
        str,
        typer.Option(
            help="account, name, project, team, user, model, kind, hardware, provider, region, zone, host, basis, day, month, "
            "outcome or label:KEY."
        ),
    ] = "account",
    run: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RUN", help="This run only: an id, its beginning, or a run.json; may be repeated. One alone has its own page."
        ),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Against the period before, of the same kind (needs --since), or the newer of two --run against the older.",
        ),
    ] = False,
    since_report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Say what became of the numbers of this earlier page or JSON. Default: the one that is replaced."
        ),
    ] = None,
    figure: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Which figure is drawn as png or svg (needs footprint[images]): energy-by, over-time … of runs; power, "
            "energy-so-far … of one --run.",
        ),
    ] = None,
    theme: Annotated[str, typer.Option(help="Of an image: light or dark.")] = "light",
    assets: Annotated[
        str, typer.Option(help="Of a page, where plotly.js is: inline (in it), cdn (the network) or folder (a file beside it).")
    ] = "inline",
    attribution: options.Policy = "share",
    ledger: options.Ledger = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON (a contract).")] = False,
) -> None:
    """Write a report: what was emitted, how sure that is, how much of it was measured, and what is unknown.

    A period that has a name ends where it ends: --since last-month is the whole month before this one, from its first day to
    its last, unless --until says otherwise. From a day, a month (2026-10) or a year on it goes to now. All times are UTC.

    With --compare it is held against the period before, the month before for a month, seven days before for 7d; or two runs
    against each other. Factors that both sides share cancel in the ratio, so that it is known better than either side.

    A recurring report: footprint report --since last-month --compare -o month.html
    """
    kind = writing.format_of(format_, output, json=json, figure=figure)
    policy = options.attribution_of(attribution)
    place = _assets_of(assets, kind, output)
    if theme not in THEMES:
        raise unknown_choice("--theme", theme, THEMES)
    if theme != THEMES[0] and kind not in writing.IMAGES:
        raise ConfigError(f"--theme {theme} is of an image, and this is {kind}; a page takes that of its reader")
    now = datetime.now(UTC)
    runs = tuple(dict.fromkeys(run or ()))
    period, chosen = period_of(since, until, now), where_of(where)
    said = choosing.in_words(period, since, until, name, chosen)
    is_one = len(runs) == 1 and not said and not compare
    if is_one and (kind == "html" or figure in RUN_FIGURES):
        _write_run(runs[0], ledger, policy, output, _Shown(kind, place, figure, theme))
        return
    if figure in RUN_FIGURES:
        raise ConfigError(f"--figure {figure} is of one run: name it with one --run and choose nothing else")
    from footprint.report.gather import ROWS, Asked

    if since_report is not None and not since_report.exists():
        raise ConfigError(f"--since-report {since_report}: there is no such file")
    target = writing.target_of(kind, output)
    asked = Asked(
        ledger=ledger,
        runs=runs,
        since=period.begin,
        until=period.end,
        name=name,
        where=chosen,
        said=said,
        group_by=group_by,
        attribution=policy,
        rows=0 if kind in {"csv", "json"} else ROWS,
        now=now,
    )
    earlier = since_report or (target if kind in {"html", "json"} else None)
    summary = choosing.gathered(asked, now, compare=compare, earlier=earlier, is_stated=since_report is not None)
    if kind == "csv" and len(summary.rows) < summary.all_runs:
        raise ConfigError(
            f"a CSV has a row a run, and {summary.all_runs:,} runs are too many for it: choose fewer with --since or --where, "
            "or take them all with `footprint runs export`"
        )
    content = _drawn(summary, figure, kind, theme) if figure is not None else _rendered(kind, summary, place)
    if target is None:
        writing.print_report(kind, content)
        return
    writing.write(target, content, _beside(place) if kind == "html" else None)
    from footprint.report.words import headline

    say(headline(summary) if summary.all_runs else "no runs to report; `footprint run -- COMMAND` records one")
    say(str(target))


def _assets_of(stated: str, kind: str, output: str | None) -> Assets:
    """Where plotly.js of a page is."""
    for place in ("inline", "cdn", "folder"):
        if stated == place:
            break
    else:
        raise unknown_choice("--assets", stated, ASSETS)
    if stated != "inline" and kind != "html":
        raise ConfigError(f"--assets {stated} is of a page, and this is {kind}")
    if stated == "folder" and output == writing.STDOUT:
        raise ConfigError("--assets folder needs a page that is a file: name it with -o")
    return place


def _write_run(ref: str, ledger: str | None, policy: Attribution, output: str | None, shown: _Shown) -> None:
    """The page of one run, or a figure of it."""
    from footprint.report import html
    from footprint.report.one_run.page import read

    page = read(ref, ledger, policy)
    target = writing.target_of(shown.kind, output, writing.page_of(page.run.id))
    if shown.figure is not None:
        content: str | bytes = _drawn(page, shown.figure, shown.kind, shown.theme)
    else:
        content = html.render_run(page, assets=shown.assets)
    if target is None:
        writing.print_report(shown.kind, content)
        return
    writing.write(target, content, _beside(shown.assets) if shown.figure is None else None)
    if shown.figure is None:
        from footprint.report.words import headline_of_run

        say(headline_of_run(page.run, page.footprint))
    say(str(target))


def _beside(assets: Assets) -> dict[str, bytes] | None:
    """The files that a page needs beside it."""
    if assets != "folder":
        return None
    from footprint.report.html import folder_files

    return folder_files()


def _drawn(of: Summary | RunPage, figure: str, kind: str, theme: str) -> str | bytes:
    """One figure as an image."""
    from footprint.report import images

    return images.render(of, figure, kind, theme="dark" if theme == "dark" else "light")


def _rendered(kind: str, summary: Summary, assets: Assets) -> str:
    """The report as text in one of the formats."""
    if kind == "html":
        from footprint.report import html

        return html.render(summary, assets=assets)
    if kind == "table":
        from footprint.report import terminal

        return terminal.render(summary)
    from footprint.report import exports

    return {"json": exports.to_json, "csv": exports.to_csv, "md": exports.to_markdown}[kind](summary)
