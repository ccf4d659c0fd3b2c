"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from footprint import __version__
from footprint.cli import (
    attach,
    card,
    doctor,
    estimate,
    ledger,
    metrics,
    node,
    reconcile,
    reference,
    report,
    restate,
    run,
    runs,
    slurm,
    top,
    when,
)
from footprint.cli.profile import command as profile

app = typer.Typer(
    name="footprint",
    help="The carbon and compute account of machine-learning work.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"footprint {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The carbon and compute account of machine-learning work: measure runs, derive footprints, fill model cards."""


# The list of commands has room for some sixty characters each.
app.command("run", context_settings=run.CONTEXT_SETTINGS, short_help="Measure a command, and leave it as it is.")(run.run)
app.command("attach", short_help="Measure a process that runs already.")(attach.attach)
app.command("top", short_help="Show what is being recorded now, live.")(top.top)
app.command("node", short_help="Record a whole machine, day by day, until stopped.")(node.node)
app.add_typer(slurm.app, name="slurm", short_help="Record the jobs of a SLURM cluster: the recipe and its scripts.")
app.command("estimate", short_help="Estimate energy and emissions from declared facts.")(estimate.estimate)
app.command("when", short_help="Name the cleanest hours to come, by a forecast.")(when.when)
app.add_typer(runs.app, name="runs")
app.add_typer(ledger.app, name="ledger")
app.command("metrics", short_help="Tell Prometheus what the ledger states.")(metrics.metrics)
app.command("report", short_help="Write a report: a page, text, data or an image.")(report.report)
app.command("profile", short_help="Measure repeatable work, so that others can repeat it.")(profile.profile)
app.command("restate", short_help="Show old and new numbers of runs, and why they differ.")(restate.restate)
app.command("reconcile", short_help="Hold measured runs against declared facts.")(reconcile.reconcile)
app.add_typer(card.app, name="card", short_help="Show, fill and check what model cards say of their compute.")
app.add_typer(reference.app, name="reference", short_help="Look up hardware, CPUs, regions and grid zones.")
app.command("doctor", short_help="Say what can be measured here, and what to do about the rest.")(doctor.doctor)
