"""`footprint report`: the ledger, or some of its runs, as a page, a table or data."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from footprint.cli import options
from footprint.cli.printing import say, say_lines
from footprint.errors import ConfigError
from footprint.text import clean

if TYPE_CHECKING:
    from footprint.report.data import Summary

FORMATS: Final = ("html", "md", "csv", "json", "table")
ENDINGS: Final = {
    ".html": "html",
    ".htm": "html",
    ".md": "md",
    ".markdown": "md",
    ".csv": "csv",
    ".json": "json",
    ".txt": "table",
}
PAGE: Final = "footprint.html"
STDOUT: Final = "-"


def report(
    *,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Where to write; - is standard output. Default: HTML into reports/.")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="html, md, csv, json or table. Default: by the output's ending, else html.")
    ] = None,
    since: options.Since = None,
    name: options.Name = None,
    group_by: Annotated[
        str, typer.Option(help="account, name, kind, hardware, region, day, month, outcome or label:KEY.")
    ] = "account",
    run: Annotated[
        list[str] | None, typer.Option(help="This run only: an id, its beginning, or a run.json; may be repeated.")
    ] = None,
    attribution: options.Policy = "share",
    ledger: options.Ledger = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON (a contract).")] = False,
) -> None:
    """Write a report: what was emitted, how sure that is, how much of it was measured, and what is unknown."""
    from footprint.report.gather import ROWS, Asked, gather
    from footprint.report.selection import parse_since
    from footprint.report.words import headline

    kind = _format(format_, output, json=json)
    now = datetime.now(UTC)
    summary = gather(
        Asked(
            ledger=ledger,
            runs=tuple(run or ()),
            since=parse_since(since, now) if since else None,
            name=name,
            said=tuple(f"--{flag} {clean(value)!r}" for flag, value in (("name", name), ("since", since)) if value is not None),
            group_by=group_by,
            attribution=options.attribution_of(attribution),
            rows=0 if kind in {"csv", "json"} else ROWS,
            now=now,
        )
    )
    text = _render(kind, summary)
    target = _target(kind, output)
    if target is None:
        if kind == "table":
            say_lines(text.splitlines())
        else:
            say(text)
        return
    _write(target, text)
    say(headline(summary) if summary.all_runs else "no runs to report; `footprint run -- COMMAND` records one")
    say(str(target))


def _format(stated: str | None, output: str | None, *, json: bool) -> str:
    """The format that was asked for, or that the output's ending says."""
    if json:
        if stated not in {None, "json"}:
            raise ConfigError(f"--json and --format {clean(stated or '')} contradict each other")
        return "json"
    if stated is not None:
        if stated not in FORMATS:
            raise ConfigError(f"--format {clean(stated)!r}: use one of {', '.join(FORMATS)}")
        return stated
    ending = Path(output or "").suffix.lower()
    if ending and ending not in ENDINGS:
        known = ", ".join(ENDINGS)
        raise ConfigError(
            f"-o {clean(output or '')}: no format ends in {clean(ending)}; the endings are {known}, or say --format"
        )
    return ENDINGS.get(ending, "html")


def _render(kind: str, summary: Summary) -> str:
    """The report as text in one of the formats."""
    if kind == "html":
        from footprint.report import html

        return html.render(summary)
    if kind == "table":
        from footprint.report import terminal

        return terminal.render(summary)
    from footprint.report import exports

    return {"json": exports.to_json, "csv": exports.to_csv, "md": exports.to_markdown}[kind](summary)


def _target(kind: str, output: str | None) -> Path | None:
    """Where the report goes; None is standard output.

    Raises:
        ConfigError: if nobody named the file and it is not a page of ours.
    """
    if output is not None:
        return None if output == STDOUT else Path(output)
    if kind != "html":
        return None
    from footprint.report.html import is_ours

    target = Path("reports", PAGE) if Path("reports").is_dir() else Path(PAGE)
    try:
        with target.open("rb") as file:
            ours = is_ours(file.read(4096))
    except FileNotFoundError:
        return target
    except OSError as error:
        raise ConfigError(f"cannot look at {target}: {error.strerror}; name another file with -o") from error
    if not ours:
        raise ConfigError(f"{target} is not a page of ours and stays as it is; name a file with -o")
    return target


def _write(target: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    if target.is_dir():
        raise ConfigError(f"{target} is a folder; name a file in it with -o")
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        # A link's own target is replaced, not the link.
        target = target.resolve()
        draft = target.with_name(draft.name)
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(target)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ConfigError(f"cannot write {target}: {error.strerror}; name another file with -o") from error
