"""`footprint runs show`: one run, and how its footprint comes about."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from footprint.cli import options
from footprint.cli.hours import by_hours, hour_lines
from footprint.cli.printing import say_json, say_lines
from footprint.model import ATTRIBUTIONS, GHG_SCOPES, Run

_AMOUNTS: Final = ("it_energy_kwh", "energy_kwh", "emissions_g")


def show(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="A run's id, its beginning, or the path of a run.json.")],
    *,
    explain: Annotated[bool, typer.Option("--explain", help="Show each step from the readings to the result.")] = False,
    attribution: options.Policy = "share",
    intensity_from: options.IntensityFrom = None,
    intensity_basis: options.IntensityBasis = None,
    ledger: options.Ledger = None,
    json: options.Json = False,
) -> None:
    """Show one run: its facts, its footprint by either policy, and with --explain how the one becomes the other.

    Of one that still runs, and tells of its progress, also when it will end and with what.

    With --intensity-from its emissions are those of its hours instead of the year's mean; that may ask a provider.
    """
    from footprint.derive import run_footprint
    from footprint.derive.forecast import forecast
    from footprint.ledger.anywhere import find_run
    from footprint.report import ahead as outlook
    from footprint.report import explain as explaining

    policy = options.attribution_of(attribution)
    run = find_run(run_id, ledger)
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
        lines += ["", *explaining.steps(run, footprint, _beside(run, ledger))]
    say_lines(lines)


def _beside(run: Run, ledger: str | None) -> list[Run]:
    """The other recorded runs of a run's account; none where the run is not of this ledger."""
    from footprint.ledger.anywhere import read_runs

    known = {one.id: one for one in read_runs(ledger, account=run.account).runs}
    return [one for one in known.values() if one.account == run.account and one.id != run.id] if run.id in known else []
