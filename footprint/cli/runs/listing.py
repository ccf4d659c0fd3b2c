"""`footprint runs list`: what was recorded, run by run."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.choosing import period_of
from footprint.cli.printing import say, say_json
from footprint.model import Footprint, Run


def list_(
    *,
    limit: Annotated[int, typer.Option(min=0, help="How many of the newest runs; 0 is all.")] = 100,
    name: options.Name = None,
    since: options.Since = None,
    until: options.Until = None,
    ledger: options.Ledger = None,
    json: options.Json = False,
) -> None:
    """List the recorded runs, the newest first."""
    from footprint.derive import Account
    from footprint.ledger import home
    from footprint.ledger.anywhere import read_runs
    from footprint.report.selection import choose

    begin, end = period_of(since, until)
    # The newest of all are not the newest of a period that ended before them.
    reading = read_runs(ledger, newest=limit or None if end is None else None, since=begin, name=name)
    for problem in reading.problems:
        print(f"note: {text.clean(problem, limit=400)}", file=sys.stderr)
    runs = choose(reading.runs, since=begin, until=end, name=name)
    shown = runs[:limit] if limit else runs
    account = Account(shown)
    if json:
        say_json({"runs": [listed(run, account.footprint(run.id)) for run in shown]})
    elif not reading.runs and ledger is not None:
        say("no runs fit" if reading.total else "the ledger holds no runs")
    elif not reading.runs and name is None and since is None and until is None:
        say(f"no runs are recorded in {home()}: `footprint run -- COMMAND` records one")
    else:
        from footprint.report import terminal

        say(terminal.render_runs([(run, account.footprint(run.id)) for run in shown]))
        total = len(runs) + reading.total - len(reading.runs)
        if len(shown) < total:
            say(f"the newest {len(shown)} of {total} runs; --limit 0 lists all")


def listed(run: Run, footprint: Footprint) -> dict[str, Any]:
    """One run as `runs list --json` prints it: the contract's fields, in its order."""
    return {
        "id": run.id,
        "name": run.name,
        "kind": run.kind,
        "outcome": run.outcome,
        "started_at": run.started_at,
        "duration_s": run.duration_s,
        "energy_kwh": footprint.energy_kwh,
        "emissions_g": footprint.emissions_g,
        "coverage": footprint.coverage,
        "labels": run.labels,
        "account": run.account,
    }
