"""`footprint ledger shares`: what failed runs and idle accelerators used."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from footprint.cli import options
from footprint.cli.ledger import asking
from footprint.errors import ConfigError

if TYPE_CHECKING:
    from footprint.ledger.ask import Chosen


def shares(
    *,
    by: asking.By = None,
    idle_ratio: Annotated[
        float, typer.Option("--idle-ratio", help="Idle is up to so many times the lowest mean power ever read of the device.")
    ] = 1.2,
    since: options.Since = None,
    until: options.Until = None,
    where: options.Where = None,
    attribution: options.Policy = "share",
    ledger: asking.Ledger = None,
    how: asking.Format = "table",
    json: options.Json = False,
) -> None:
    """Show the shares of joules that failed or interrupted runs used, and that idle accelerators used.

    An accelerator is idle in a stretch between two readings in which it drew no more than 1.2 times the lowest mean power, over a
    second or more, that any run of the ledger read of it. That is a yardstick of this ledger and not the maker's figure: of a
    device that was never read while idle, nothing is told apart, and its share is too high. Each joule counts once.
    """
    from footprint.ledger.ask import ask, how_many

    if not (math.isfinite(idle_ratio) and idle_ratio >= 1):
        raise ConfigError(f"--idle-ratio {idle_ratio:g}: it is a multiple of the lowest power, 1 or more")
    policy, how, keys = options.attribution_of(attribution), asking.format_of(how, json=json), asking.keys_of(by)
    chosen = asking.asked(since, until, where)
    with asking.opened(ledger) as engine:
        answer = ask("shares", ledger=engine, by=keys, idle_ratio=idle_ratio, attribution=policy, **chosen)
        many = how_many(engine, chosen)
        is_told = any(row["energy_mj"] is not None for row in answer.dicts())
        nothing = None if is_told else asking.nothing_of(engine, chosen, runs=many.runs)
    answer = asking.with_column(answer, "failed_ratio", asking.ratio("failed_mj", "energy_mj"))
    answer = asking.with_column(answer, "idle_ratio", asking.ratio("idle_mj", "accelerators_mj"))
    shown = {
        **asking.keyed(keys),
        "energy_mj": ("read once", asking.energy),
        "failed_mj": ("failed", asking.energy),
        "failed_ratio": ("share", asking.percent),
        "accelerators_mj": ("accelerators", asking.energy),
        "idle_mj": ("idle", asking.energy),
        "idle_ratio": ("share", asking.percent),
    }
    more = {"by": list(keys), "attribution": policy, "idle_limit_ratio": idle_ratio}
    asking.show(answer, how, shown, name="shares", more=more, nothing=nothing, notes=(*asking.unread_of(many), *_untold(many)))


def _untold(chosen: Chosen) -> tuple[str, ...]:
    told = "an unknown outcome, and count neither as failed nor as completed"
    return (f"{asking.part_of(chosen.untold, chosen.runs)} {told}",) if chosen.untold else ()
