"""`footprint runs`: what was recorded, run by run."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.hours import by_hours, hour_lines
from footprint.cli.printing import say, say_json, say_lines
from footprint.model import ATTRIBUTIONS, GHG_SCOPES, Footprint, Run

_AMOUNTS: Final = ("it_energy_kwh", "energy_kwh", "emissions_g")
app = typer.Typer(help="What was recorded, run by run.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(
    *,
    limit: Annotated[int, typer.Option(min=0, help="How many of the newest runs; 0 is all.")] = 100,
    name: options.Name = None,
    since: options.Since = None,
    json: options.Json = False,
) -> None:
    """List the recorded runs, the newest first."""
    from datetime import UTC, datetime

    from footprint.derive import Account
    from footprint.ledger import home, read_runs
    from footprint.report.selection import choose, parse_since

    start = parse_since(since, datetime.now(UTC)) if since else None
    reading = read_runs()
    for problem in reading.problems:
        print(f"note: {text.clean(problem, limit=400)}", file=sys.stderr)
    runs = choose(reading.runs, since=start, name=name)
    shown = runs[:limit] if limit else runs
    account = Account(shown)
    if json:
        say_json({"runs": [listed(run, account.footprint(run.id)) for run in shown]})
    elif not reading.runs:
        say(f"no runs are recorded in {home()}: `footprint run -- COMMAND` records one")
    else:
        from footprint.report import terminal

        say(terminal.render_runs([(run, account.footprint(run.id)) for run in shown]))
        if len(shown) < len(runs):
            say(f"the newest {len(shown)} of {len(runs)} runs; --limit 0 lists all")


@app.command("show", short_help="Show one run, and how its footprint comes about.")
def show(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="A run's id, its beginning, or the path of a run.json.")],
    *,
    explain: Annotated[bool, typer.Option("--explain", help="Show each step from the readings to the result.")] = False,
    attribution: options.Policy = "share",
    intensity_from: options.IntensityFrom = None,
    intensity_basis: options.IntensityBasis = None,
    json: options.Json = False,
) -> None:
    """Show one run: its facts, its footprint by either policy, and with --explain how the one becomes the other.

    Of one that still runs, and tells of its progress, also when it will end and with what.

    With --intensity-from its emissions are those of its hours instead of the year's mean; that may ask a provider.
    """
    from footprint.derive import run_footprint
    from footprint.derive.forecast import forecast
    from footprint.ledger import find_run
    from footprint.report import ahead as outlook
    from footprint.report import explain as explaining

    policy = options.attribution_of(attribution)
    run = find_run(run_id)
    policies = {name: run_footprint(run, attribution=name) for name in ATTRIBUTIONS}
    matched = by_hours(run, intensity_from, intensity_basis)
    if matched is not None:
        policies = {name: one.footprint for name, one in matched.items()}
    footprint = policies[policy]
    ahead = forecast(run, attribution=policy) if run.outcome == "running" else None
    if json:
        steps: dict[str, Any] = {"intensity": matched[policy].match} if matched is not None else {}
        if explain:
            steps |= {"steps": explaining.steps(run, footprint), "explanation": explaining.explanation(run, footprint)}
        amounts = {name: {field: getattr(one, field) for field in _AMOUNTS} for name, one in policies.items()}
        say_json({"run": run, "footprint": footprint, "policies": amounts, "forecast": ahead, "ghg_scopes": GHG_SCOPES, **steps})
        return
    lines = explaining.facts(run, footprint, whole=policies["machine"]) + outlook.lines(run, footprint, ahead)
    if matched is not None:
        lines += hour_lines(matched[policy])
    if explain:
        lines += ["", *explaining.steps(run, footprint, _beside(run))]
    say_lines(lines)


def _beside(run: Run) -> list[Run]:
    """The other recorded runs of a run's account; none where the run is not of this ledger."""
    from footprint.ledger import read_runs

    known = {one.id: one for one in read_runs().runs}
    return [one for one in known.values() if one.account == run.account and one.id != run.id] if run.id in known else []


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
