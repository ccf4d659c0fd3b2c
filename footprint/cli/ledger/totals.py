"""`footprint ledger totals`: joules, kWh and gCO2eq of any runs, by anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from footprint import text
from footprint.cli import options
from footprint.cli.ledger import asking

if TYPE_CHECKING:
    from footprint.ledger.engines import Answer, Engine
    from footprint.model import Attribution, Range

_WHY: Final = "`footprint report` says why; where another tool read the whole machine's CPU, --attribution machine counts it"


def totals(
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
    """Sum the runs of a ledger, each joule once.

    What was read of a device by runs that overlapped (ranks of a job, a run within another) counts once, divided among those
    that read it. Joules are those that were read of accelerators, CPUs and memory; meters of whole machines stand apart, since
    they read the others, too, and so do GPUs of which a run had a part (MIG), whose sensors read all parts. kWh and gCO2eq are
    derived with their ranges, as in reports: with what models and factors add.

    What is unknown is said, and never a zero: `unread` counts runs of which nothing was read.
    """
    from footprint.ledger.ask import ask

    policy, how, keys = options.attribution_of(attribution), asking.format_of(how, json=json), asking.keys_of(by)
    chosen = asking.asked(since, until, where)
    with asking.opened(ledger) as engine:
        answer = ask("totals", ledger=engine, by=keys, attribution=policy, **chosen)
        answer = _with_footprints(engine, answer, keys, policy, chosen)
        runs = sum(row["runs"] for row in answer.dicts())
        nothing = None if runs else asking.nothing_of(engine, chosen, runs=0)
    lacking = [row["runs"] - row["with_energy"] for row in answer.dicts() if row["with_energy"] is not None]
    notes = (f"{asking.part_of(sum(lacking), runs)} an energy that is not known: {_WHY}",) if sum(lacking) else ()
    always = () if "component" in keys else ("energy_kwh", "emissions_g")
    shown = {
        **asking.keyed(keys),
        "runs": ("runs", asking.counted),
        "failed_runs": ("failed", asking.counted),
        "unread_runs": ("unread", asking.counted),
        "duration_us": ("time", asking.hours),
        "device_us": ("device time", asking.hours),
        "energy_mj": ("read once", asking.energy),
        "rest_mj": ("whole machines", asking.energy),
        "energy_kwh": ("energy", _energy),
        "emissions_g": ("CO2e", _mass),
        "with_emissions": ("runs in CO2e", asking.counted),
    }
    more = {"by": list(keys), "attribution": policy}
    asking.show(answer, how, shown, name="totals", more=more, nothing=nothing, notes=notes, always=always)


def _with_footprints(
    engine: Engine, answer: Answer, keys: tuple[str, ...], policy: Attribution, chosen: dict[str, Any]
) -> Answer:
    """The rows with their footprints, null where these are not known, and of components, which have none of their own."""
    from footprint.derive.grouped import group_totals
    from footprint.ledger.ask import in_microseconds

    derived = ("energy_kwh", "emissions_g", "with_energy", "with_emissions", "apart")
    found: dict[tuple[Any, ...], Any] = {}
    problems = answer.problems
    if "component" not in keys and answer.rows:
        since_us, until_us = in_microseconds(chosen["since"]), in_microseconds(chosen["until"])
        grouped = group_totals(engine, by=keys, since_us=since_us, until_us=until_us, where=chosen["where"], attribution=policy)
        found = {row.keys: row for row in grouped.rows}
        problems = tuple(dict.fromkeys((*problems, *grouped.problems)))
    rows = []
    for row in answer.rows:
        total = found.get(row[: len(keys)])
        rows.append((*row, *((getattr(total, name) if total else None) for name in derived)))
    return answer._replace(columns=(*answer.columns, *derived), rows=rows, problems=problems)


def _energy(value: Range | None) -> str:
    return "unknown" if value is None else text.energy_range(value.low, value.central, value.high)


def _mass(value: Range | None) -> str:
    return "unknown" if value is None else text.mass_range(value.low, value.central, value.high)
