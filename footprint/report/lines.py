"""What a report tells beside its tables, in lines that any text can hold: the same for a comment, a terminal and a page.

All names are cleaned; whoever writes Markdown or HTML escapes them. What is not there gives no line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from footprint import text
from footprint.model import GHG_SCOPES, Range
from footprint.report import words
from footprint.report.data import Action, Compared, Equivalence, Restated, Summary, Work

WORK_ROWS: Final = 12
"""How many rows of work text shows."""
_ALL: Final = 0.999
_TOLD_BY: Final = {"place": "place", "accelerators": "unmeasured", "cpu": "unmeasured", "memory": "unmeasured"}


class Pair(NamedTuple):
    """A quantity before and now, and the ratio of the two, each as text."""

    what: str
    before: str
    now: str
    ratio: str


# -- The answer -------------------------------------------------------------------------------------------------------


def choice(summary: Summary) -> str:
    """Which runs it is about, in the words of whoever chose them; empty where it is about all."""
    return ", ".join(text.clean(one, limit=200) for one in summary.options.selection)


def sure(summary: Summary) -> str:
    """How sure the answer is, how much was measured, and what was lost or idle: one line."""
    found = words.uncertainty(summary.total.emissions_g or summary.total.energy_kwh)
    parts = [f"90 % range: {found}" if found else "", words.measured(summary)]
    if summary.lost_ratio:
        parts.append(f"{text.percent(summary.lost_ratio)} went into runs that failed or were interrupted")
    if summary.idle_ratio:
        parts.append(f"{idle(summary)} of the accelerators' joules into idling")
    return "; ".join(filter(None, parts))


def idle(summary: Summary) -> str:
    """The share of the accelerators' joules that went into idling: the least, where nobody knows of each what idling takes."""
    seen = summary.idle_seen_ratio
    least = "at least " if summary.idle_ratio is not None and seen is not None and seen < _ALL else ""
    return f"{least}{words.ratio(summary.idle_ratio)}"


def equivalence(one: Equivalence) -> str:
    """What a total compares with: `23.2 km (15.8–33.1) of driving a typical US car`."""
    unit = one.unit.removesuffix("s") if text.number(one.amount.central) == "1" and len(one.unit) > 1 else one.unit
    return f"{words.plain_range(one.amount, unit)} of {one.of}"


def equivalences(summary: Summary) -> list[str]:
    """What the total compares with, each with its source and what is not alike."""
    total = summary.total
    known = {"car": total.with_emissions, "household": total.with_energy}
    found = []
    for one in summary.equivalences:
        year = f", {one.factor.year}" if one.factor.year else ""
        covers = words.covers(known.get(one.code, total.runs), total.runs)
        source = f"{text.clean(one.factor.source, limit=200)}{year}"
        found.append(f"{equivalence(one)}{f', {covers}' if covers else ''} ({source}; {text.clean(one.note, limit=400)})")
    return found


def beside(summary: Summary) -> list[str]:
    """What stands beside the emissions and is in no sum with them: the other bases, the hardware's making, water."""
    total = summary.total
    found = []
    for field, name, known in (
        ("emissions_direct_g", "direct emissions", total.with_direct),
        ("emissions_market_g", "market-based emissions", total.with_market),
    ):
        value: Range | None = getattr(total, field)
        if value is not None:
            covers = words.covers(known, total.runs)
            found.append(f"{name}, {words.mass(value)}{f', {covers}' if covers else ''} ({GHG_SCOPES[field]})")
    return found + words.beyond(summary)


# -- What to do -------------------------------------------------------------------------------------------------------


def about(one: Action) -> str:
    """What an action is about, at most: `12 runs, 3.4 kWh (3.1–3.9), 410 g (300–550)`."""
    known = [words.energy(one.energy_kwh) if one.energy_kwh else "", words.mass(one.emissions_g) if one.emissions_g else ""]
    return ", ".join(filter(None, (text.plural(one.runs, "run"), *known)))


def unknown(summary: Summary) -> list[str]:
    """What is unknown; with what to do about it where no action says so already."""
    told = {one.code for one in summary.actions}
    return [
        f"{words.unknown(one.what)} {words.in_runs(one)}" if _TOLD_BY.get(one.what) in told else words.unknown_line(one)
        for one in summary.unknown
        if one.what not in words.NOT_COUNTED
    ]


# -- Work -------------------------------------------------------------------------------------------------------------


def work_name(one: Work) -> str:
    """What was counted, and by runs of what kind: `tokens, pre-training`."""
    return f"{text.clean(one.unit, limit=40)}, {one.kind}"


def work_cells(one: Work) -> tuple[str, str, str, str]:
    """The runs that counted it, how much, and what a thousand of it took."""
    runs = text.count(one.runs) + (f" of {one.runs + one.uncounted:,}" if one.uncounted else "")
    energy = words.energy(_per_kwh(one.per_1000_wh))
    return runs, text.number(one.amount), energy, words.mass(one.per_1000_g)


def more_work(rows: Sequence[Work]) -> str:
    """That there are more rows of work than are shown; empty where there are not."""
    rest = len(rows) - WORK_ROWS
    return f"{text.plural(rest, 'more row')} of work: the page and the JSON have them all" if rest > 0 else ""


def _per_kwh(value_wh: Range | None) -> Range | None:
    if value_wh is None:
        return None
    return Range(low=value_wh.low / 1000, central=value_wh.central / 1000, high=value_wh.high / 1000)


# -- Then and now -----------------------------------------------------------------------------------------------------


def compared(found: Compared) -> list[Pair]:
    """Two periods or runs side by side."""
    before, now = found.before.amounts, found.now.amounts
    units = words.units([before.energy_kwh, now.energy_kwh], [before.emissions_g, now.emissions_g])
    rows = [
        Pair("runs", text.count(before.runs), text.count(now.runs), ""),
        Pair("time", text.duration(before.duration_s), text.duration(now.duration_s), ""),
        Pair(
            "energy",
            words.energy_of(before, units.energy),
            words.energy_of(now, units.energy),
            _ratio(found.energy_ratio, is_sure=found.is_sure.get("energy_kwh")),
        ),
        Pair(
            "CO₂e",
            words.emissions_of(before, units.mass),
            words.emissions_of(now, units.mass),
            _ratio(found.emissions_ratio, is_sure=found.is_sure.get("emissions_g")),
        ),
    ]
    per = {(one.unit, one.kind): one for one in found.before.work}
    rows += [
        Pair(f"1,000 {work_name(one)}", work_cells(then)[2], work_cells(one)[2], "")
        for one in found.now.work
        if (then := per.get((one.unit, one.kind)))
    ]
    return rows


def _ratio(value: Range | None, *, is_sure: bool | None) -> str:
    if value is None:
        return words.UNKNOWN
    shown = f"× {words.times(value)}"
    return f"{shown}, may be no change" if is_sure is False else shown


def restated(found: Restated) -> list[str]:
    """What an earlier report said, and what its runs come to with the factors of its day and of today."""
    known = found.runs if found.with_emissions is None else found.with_emissions
    said = f"the report of {text.clean(found.reported_at)} said {words.mass(found.stated_g)}"
    who, by = words.who(known, found.runs), f"with factors {text.clean(found.newer)}"
    if found.older == found.newer:
        now = f"{by} as then, {who} come to {words.mass(found.new_g)}: what is known of them has changed since"
    else:
        now = f"with factors {text.clean(found.older)} {who} come to {words.mass(found.old_g)}, {by} to {words.mass(found.new_g)}"
    return [f"{said}; {now}", *(text.clean(one, limit=400) for one in found.reasons)]
