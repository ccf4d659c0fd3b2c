"""`footprint runs import`: runs from another ledger, or from another tool's files."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from footprint.cli import options
from footprint.cli.long_work import long_work
from footprint.cli.printing import say_json, say_lines
from footprint.errors import ConfigError
from footprint.text import clean


def import_(
    sources: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="What to import: an export, a run.json, another tool's file or address.")
    ],
    *,
    form: Annotated[str | None, typer.Option("--from", help="The format, where it is not to be recognised.")] = None,
    stated: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A fact that the source does not tell; may be repeated."),
    ] = None,
    also_measured: Annotated[
        bool, typer.Option("--also-measured", help="Bring in also runs of jobs and accounts that the ledger has already.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Import runs: all that the sources hold or, if one of them cannot be read, nothing.

    Runs that are known already are left as they are; of a run that is known in part, the more complete record counts. Another
    tool's record of a job that was measured is left out: its joules would count twice.
    """
    from footprint.derive.settling import settled
    from footprint.ledger.exchange.importing import bring_in

    facts = _stated(stated or [])
    outcome = long_work(
        lambda told: bring_in(sources, form=form, stated=facts, settle=settled, also_measured=also_measured, progress=told),
        to_go_on="run it again: what is known already comes in once",
    )
    if json:
        say_json(outcome.told())
        return
    for note in outcome.notes:
        print(f"note: {clean(note, limit=400)}", file=sys.stderr)
    say_lines(outcome.lines())


def _stated(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise ConfigError(f"--set {clean(pair)!r} is not key=value")
        found[key] = value
    return found
