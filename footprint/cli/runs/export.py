"""`footprint runs export`: runs as files that any program reads, and that `runs import` takes back without loss."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from footprint.cli import options
from footprint.cli.choosing import period_of
from footprint.cli.long_work import long_work
from footprint.cli.printing import say_json, say_lines
from footprint.text import clean, count, plural

_ENDINGS: Final = {".jsonl": "jsonl", ".ndjson": "jsonl"}


def export(
    *,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="The folder, or for jsonl the file. Default: footprint-export…")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="parquet, csv or jsonl. Default: by the output's ending, else parquet.")
    ] = None,
    run: Annotated[list[str] | None, typer.Option(help="This run only: an id, or its beginning; may be repeated.")] = None,
    name: options.Name = None,
    since: options.Since = None,
    until: options.Until = None,
    json: options.Json = False,
) -> None:
    """Export runs, with every sample that there is; nothing is rounded, and `runs import` takes it back without loss."""
    from footprint.ledger.ask import in_microseconds
    from footprint.ledger.exchange.exporting import export as write

    begin, end = period_of(since, until)
    chosen = form or _ENDINGS.get(Path(output or "").suffix.lower(), "parquet")
    path = Path(output or ("footprint-export.jsonl" if chosen == "jsonl" else "footprint-export"))
    done = long_work(
        lambda told: write(
            path,
            chosen,
            run_ids=tuple(run or ()),
            name=name,
            since_us=in_microseconds(begin),
            until_us=in_microseconds(end),
            progress=told,
        ),
        to_go_on="an export is there as a whole or not at all: run it again",
    )
    if json:
        say_json({"path": done.path, "format": done.format, "counts": done.counts, "problems": done.problems})
        return
    for problem in done.problems:
        print(f"note: {clean(problem, limit=400)}", file=sys.stderr)
    read = f"{count(done.counts.energy_mj)} mJ" if done.counts.energy_mj else "no joules that a meter read"
    told = f"{plural(done.counts.runs, 'run')} with {plural(done.counts.samples, 'sample')}, {read}"
    say_lines([f"{clean(done.path, limit=400)}: {told}, as {done.format}"])
