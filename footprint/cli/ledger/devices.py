"""`footprint ledger devices`: each device of a ledger."""

from __future__ import annotations

from footprint.cli import options
from footprint.cli.ledger import asking


def devices(
    *,
    by: asking.By = None,
    since: asking.Since = None,
    until: asking.Until = None,
    where: asking.Where = None,
    attribution: options.Policy = "share",
    ledger: asking.Ledger = None,
    how: asking.Format = "table",
    json: options.Json = False,
) -> None:
    """List the devices that runs read: since when and until when, for what share of that time, and their joules, each once.

    With --attribution machine also what was read of devices that the runs did not hold.
    """
    from footprint.ledger.ask import ask

    policy, how, keys = options.attribution_of(attribution), asking.format_of(how, json=json), tuple(by or ())
    chosen = asking.asked(since, until, where)
    with asking.opened(ledger) as engine:
        answer = ask("devices", ledger=engine, by=keys, attribution=policy, **chosen)
    answer = asking.with_column(
        answer,
        "read_ratio",
        lambda row: row["read_us"] / (row["last_us"] - row["first_us"]) if row["last_us"] > row["first_us"] else None,
    )
    shown = {
        **asking.keyed(keys),
        "device_key": ("device", asking.named),
        "name": ("name", asking.named),
        "runs": ("runs", asking.counted),
        "first_us": ("first (UTC)", asking.moment),
        "last_us": ("last (UTC)", asking.moment),
        "read_ratio": ("read", asking.percent),
        "energy_mj": ("energy", asking.energy),
    }
    asking.show(answer, how, shown, name="devices", more={"by": list(keys), "attribution": policy})
