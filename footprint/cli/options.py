"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from footprint.errors import unknown_choice
from footprint.model import ATTRIBUTIONS, Attribution, Declaration

Kind = Annotated[str, typer.Option(help="pre-training, fine-tuning, inference, evaluation or other.")]
Region = Annotated[str | None, typer.Option(help="Where: a cloud region, e.g. aws:us-east-1.")]
Zone = Annotated[str | None, typer.Option(help="Where: a grid zone, e.g. FRA, US-VA, egrid:SRVC.")]
Pue = Annotated[float | None, typer.Option(help="The site's power usage effectiveness, >= 1.")]
AccountName = Annotated[str | None, typer.Option(help="What the run belongs to, together with others.")]
Labels = Annotated[list[str] | None, typer.Option(help="A label, key=value; may be repeated.")]
Record = Annotated[str | None, typer.Option(help="A file to write the finished run to, as JSON.")]
Interval = Annotated[float, typer.Option("--interval", help="Seconds between two readings.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not print a summary, even to a terminal.")]
Policy = Annotated[str, typer.Option(help="share: the run's own part of the machine; machine: all of it.")]
Name = Annotated[str | None, typer.Option(help="Runs whose name fits: 'llm-*'.")]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN",
        help="Runs that started then or later (UTC): 2026-11-03, 2026-10, 2026, 12h, 7d, 4w; or those of today, yesterday, "
        "this-week, last-week, this-month, last-month, this-year or last-year, and no later ones.",
    ),
]
Until = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Runs that started before then: as --since; of a name, before it begins."),
]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="KEY=VALUE", help="Runs of which this is so: team=nlp, label:KEY=VALUE; may be repeated."),
]
IntensityFrom = Annotated[
    str | None,
    typer.Option(help="Whose hourly intensities: uk, uk:13, electricitymaps, electricitymaps:DE, FILE.csv or a number in g/kWh."),
]
IntensityBasis = Annotated[
    str | None, typer.Option(help="What a file's figures are, or which are asked for: life-cycle, direct or market.")
]
Ledger = Annotated[
    str | None,
    typer.Option(
        metavar="WHERE", help="Another ledger than your own: a folder, postgresql://…, s3://… or another place, spark:WHERE."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON (a contract).")]

_FACTS: Final = {"intensity": "intensity_g_per_kwh", "mfu": "mfu_ratio", "price": "price_per_kwh"}
"""Options that are called otherwise than the facts that they state."""


def facts_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the options of a command state of declared work, by the names of `Declaration`'s fields; not what was left out."""
    named = {_FACTS.get(name, name): value for name, value in given.items()}
    return {name: named[name] for name in Declaration.__struct_fields__ if named.get(name) is not None}


def attribution_of(stated: str) -> Attribution:
    """The policy of `--attribution`.

    Raises:
        ConfigError: if there is none of that name.
    """
    for policy in ATTRIBUTIONS:
        if stated == policy:
            return policy
    raise unknown_choice("--attribution", stated, ATTRIBUTIONS)
