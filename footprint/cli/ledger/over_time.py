"""`footprint ledger over-time`: when joules were used."""

from __future__ import annotations

from typing import Annotated

import typer

from footprint.cli import options
from footprint.cli.ledger import asking


def over_time(
    *,
    bucket: Annotated[str, typer.Option(help="hour, day or month, in UTC.")] = "day",
    by: asking.By = None,
    since: options.Since = None,
    until: options.Until = None,
    where: options.Where = None,
    attribution: options.Policy = "share",
    ledger: asking.Ledger = None,
    how: asking.Format = "table",
    json: options.Json = False,
) -> None:
    """Show when joules were used: what each stretch between two readings used is cut at the edges of hours, days or months.

    Each joule counts once, and the buckets add up to the totals to the last millijoule. A bucket in which nothing was read has no
    row: nobody knows that nothing was used.
    """
    from footprint.ledger.ask import ask, how_many, time_of

    policy, how, keys = options.attribution_of(attribution), asking.format_of(how, json=json), asking.keys_of(by)
    chosen = asking.asked(since, until, where)
    with asking.opened(ledger) as engine:
        answer = ask("over-time", ledger=engine, by=keys, bucket=bucket, attribution=policy, **chosen)
        many = how_many(engine, chosen)
        nothing = None if answer.rows else asking.nothing_of(engine, chosen, runs=many.runs)
    rows = [(time_of(row[0]).isoformat().replace("+00:00", "Z"), *row[1:]) for row in answer.rows]
    answer = answer._replace(columns=("begin", *answer.columns[1:]), rows=rows)
    shown = {
        "begin": ("begin (UTC)", lambda value: str(value)[:16].replace("T", " ")),
        **asking.keyed(keys),
        "energy_mj": ("read once", asking.energy),
        "accelerators_mj": ("accelerators", asking.energy),
        "cpu_mj": ("CPUs", asking.energy),
        "memory_mj": ("memory", asking.energy),
        "rest_mj": ("whole machines", asking.energy),
    }
    more = {"by": list(keys), "bucket": bucket, "attribution": policy}
    asking.show(answer, how, shown, name="buckets", more=more, nothing=nothing, notes=asking.unread_of(many))
