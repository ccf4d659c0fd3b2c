"""`footprint runs`: what was recorded, run by run."""

from __future__ import annotations

import typer

from footprint.cli.runs import import_, listing, show

app = typer.Typer(help="What was recorded, run by run.", no_args_is_help=True, rich_markup_mode=None)
app.command("list")(listing.list_)
app.command("show", short_help="Show one run, and how its footprint comes about.")(show.show)
app.command("import", short_help="Import runs of another ledger or of another tool.")(import_.import_)
