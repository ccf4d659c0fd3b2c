"""`footprint ledger devices`: each device of a ledger."""

from __future__ import annotations

from typing import Any

from footprint.cli import options
from footprint.cli.ledger import asking


def devices(
    *,
    by: asking.By = None,
    since: options.Since = None,
    until: options.Until = None,
    where: options.Where = None,
    attribution: options.Policy = "share",
    ledger: asking.Ledger = None,
    how: asking.Format = "table",
    json: options.Json = False,
) -> None:
    """List the devices that runs read: since when and until when, for what share of that time, and their joules, each once.

    With --attribution machine also what was read of devices that the runs did not hold.
    """
    from footprint.ledger.ask import ask, how_many

    policy, how, keys = options.attribution_of(attribution), asking.format_of(how, json=json), asking.keys_of(by)
    chosen = asking.asked(since, until, where)
    with asking.opened(ledger) as engine:
        answer = ask("devices", ledger=engine, by=keys, attribution=policy, **chosen)
        runs = 0 if answer.rows else how_many(engine, chosen).runs
        nothing = None if answer.rows else asking.nothing_of(engine, chosen, runs=runs)
    answer = asking.with_column(answer, "read_ratio", _read_ratio)
    shown = {
        **asking.keyed(keys),
        "device_key": ("device", asking.named),
        "name": ("name", asking.named),
        "runs": ("runs", asking.counted),
        "first_us": ("first (UTC)", asking.moment),
        "last_us": ("last (UTC)", asking.moment),
        "read_ratio": ("read", asking.percent),
        "unread_runs": ("unread runs", asking.counted),
        "energy_mj": ("energy", asking.energy),
    }
    asking.show(answer, how, shown, name="devices", more={"by": list(keys), "attribution": policy}, nothing=nothing)


def _read_ratio(row: dict[str, Any]) -> float | None:
    """The part of the time from first to last that was read; null of a device that no meter read, whose energy is modelled."""
    lasted_us = row["last_us"] - row["first_us"]
    return row["read_us"] / lasted_us if lasted_us > 0 and row["read_mj"] is not None else None
