"""`footprint ledger`: questions to all runs together, here or on an organisation's database."""

from __future__ import annotations

import typer

from footprint.cli.ledger import access, devices, lineage, over_time, push, shares, totals

app = typer.Typer(help="Ask a ledger of any size, and move it.", no_args_is_help=True, rich_markup_mode=None)
app.command("totals", short_help="Sum runs by anything, each joule once.")(totals.totals)
app.command("over-time", short_help="Show when joules were used, by hour, day or month.")(over_time.over_time)
app.command("shares", short_help="Show what failed runs and idle accelerators used.")(shares.shares)
app.command("lineage", short_help="Show what a run or model came from, and what came of it.")(lineage.lineage)
app.command("devices", short_help="List the devices that were read, and their joules.")(devices.devices)
app.command("push", short_help="Bring this ledger's runs to PostgreSQL or to a store.")(push.push)
app.command("access", short_help="Show who may read a ledger, and who may write it.")(access.access)
