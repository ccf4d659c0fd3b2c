"""`footprint ledger`: questions to all runs together, here or on an organisation's database."""

from __future__ import annotations

import typer

from footprint.cli.ledger import push

app = typer.Typer(help="Ask a ledger of any size, and move it.", no_args_is_help=True, rich_markup_mode=None)
app.command("push", short_help="Bring this ledger's runs to a PostgreSQL database.")(push.push)
