"""`footprint card`: show what a card says of its compute, fill in what is known, and check what it claims."""

from __future__ import annotations

import typer

from footprint.cli.card.account import json
from footprint.cli.card.check import check, rules
from footprint.cli.card.fill import fill
from footprint.cli.card.show import show

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Show what a model card says of its compute, fill in what is known, and check what it claims.",
)
app.command("show", short_help="Show what a card says of its compute.")(show)
app.command("fill", short_help="Fill cards from runs, a profile, or declared facts.")(fill)
app.command("check", short_help="Check what cards claim.")(check)
app.command("json", short_help="Print a card's account for other tools.")(json)
app.command("rules", short_help="List the rules of `card check`.")(rules)
