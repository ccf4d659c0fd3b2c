"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from footprint import __version__
from footprint.cli import attach, card, doctor, estimate, reference, report, run, runs

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


app.command("run", context_settings=run.CONTEXT_SETTINGS)(run.run)
app.command("attach")(attach.attach)
app.command("estimate")(estimate.estimate)
app.add_typer(runs.app, name="runs")
app.command("report")(report.report)
app.add_typer(card.app, name="card")
app.add_typer(reference.app, name="reference")
app.command("doctor")(doctor.doctor)
