"""`footprint runs`: what was recorded, run by run."""

from __future__ import annotations

import typer

from footprint.cli.runs import compact, delete, export, import_, listing, show, verify

app = typer.Typer(help="What was recorded, run by run.", no_args_is_help=True, rich_markup_mode=None)
app.command("list")(listing.list_)
app.command("show", short_help="Show one run, and how its footprint comes about.")(show.show)
app.command("import", short_help="Import runs of another ledger or of another tool.")(import_.import_)
app.command("export", short_help="Export runs as Parquet, CSV or JSON Lines, without loss.")(export.export)
app.command("verify", short_help="Verify that nothing of the ledger is lost and all adds up.")(verify.verify)
app.command("compact", short_help="Move journals that are over into Parquet, which is smaller and quicker.")(compact.compact)
app.command("delete", short_help="Delete runs, and all that is kept of them.")(delete.delete)
