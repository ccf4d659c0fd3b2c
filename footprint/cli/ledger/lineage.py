"""`footprint ledger lineage`: what a run, account or model came from, and what came of it."""

from __future__ import annotations

from typing import Annotated

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.ledger import asking
from footprint.cli.printing import say_lines


def lineage(
    of: Annotated[str, typer.Argument(metavar="NAME", help="A run's id, an account, or a model.")],
    *,
    ledger: asking.Ledger = None,
    how: asking.Format = "table",
    json: options.Json = False,
) -> None:
    """Show the runs that a run, an account or a model came from, and those that came of it, with their joules.

    Runs hang together by what they were started in, by the label `restart_of` (a run or a job) and by the label `fine_tuned_from`
    (a run, an account or a model), over any number of steps. Sums count each joule once.
    """
    from footprint.ledger.ask import ask, sums_of_lineage

    how = asking.format_of(how, json=json)
    with asking.opened(ledger) as engine:
        answer = ask("lineage", ledger=engine, of=of)
        sums = sums_of_lineage(engine, answer)
    shown = {
        "relation": ("relation", asking.named),
        "id": ("run", asking.named),
        "name": ("name", asking.named),
        "account": ("account", asking.named),
        "model": ("model", asking.named),
        "outcome": ("outcome", asking.named),
        "started_us": ("started (UTC)", asking.moment),
        "restart_of": ("restart of", asking.named),
        "tuned_from": ("fine-tuned from", asking.named),
        "read_mj": ("read", asking.energy),
    }
    asking.show(answer, how, shown, name="runs", more={"of": of, "sums": sums})
    if how == "table":
        told = [
            f"{relation}: {text.plural(row['runs'], 'run')}, {asking.energy(row['energy_mj'])}" for relation, row in sums.items()
        ]
        say_lines(told)
