"""The phrases that all renderers share, so that a page, a table and a comment say the same thing."""

from __future__ import annotations

from typing import Final

from footprint import text
from footprint.model import ComponentName, Grade, Range
from footprint.report.data import Amounts, Group, Summary, Unknown

UNKNOWN: Final = "unknown"
GIVE_PLACE: Final = "say where it runs when you record it: `--region gcp:europe-west1`, for example, or FOOTPRINT_REGION"
_DOCTOR: Final = "run `footprint doctor` on that machine: it says what can be measured there and what is missing"

GRADE_WORDS: Final[dict[Grade | None, str]] = {
    "counter": "energy counter",
    "power": "power sensor",
    "model": "model of the device",
    "declared": "declared",
    "assumed": "assumed",
    None: UNKNOWN,
}
COMPONENT_WORDS: Final[dict[ComponentName, str]] = {
    "accelerators": "Accelerators",
    "cpu": "CPU",
    "memory": "Memory",
    "rest": "Rest of the server",
}
NOT_COUNTED: Final = ("embodied", "water")
"""What no run can tell yet, as against what somebody could still state or measure."""

_UNKNOWN_WORDS: Final = {
    "place": "the place, and with it the emissions",
    "accelerators": "the accelerators' energy",
    "cpu": "the CPU's energy",
    "memory": "the memory's energy",
    "embodied": "embodied carbon of the hardware",
    "water": "water",
}
_ADVICE: Final = {"place": GIVE_PLACE, "accelerators": _DOCTOR, "cpu": _DOCTOR, "memory": _DOCTOR}
_EMPTY_KEY: Final = {"region": "place unknown", "hardware": "hardware unknown"}


def mass(value_g: Range | None) -> str:
    """Grams with their range: `153 kg (131–178)`, or `unknown`."""
    return text.mass_range(value_g.low, value_g.central, value_g.high) if value_g else UNKNOWN


def energy(value_kwh: Range | None) -> str:
    """Kilowatt-hours with their range: `266 kWh (240–301)`, or `unknown`."""
    return text.energy_range(value_kwh.low, value_kwh.central, value_kwh.high) if value_kwh else UNKNOWN


def ratio(value_ratio: float | None) -> str:
    """A share as per cent, or `unknown`."""
    return UNKNOWN if value_ratio is None else text.percent(value_ratio)


def plain_range(value: Range | None, unit: str = "") -> str:
    """A number with its range in the unit as given: `1.1 (1.06–1.14)`, or `unknown`."""
    if value is None:
        return UNKNOWN
    shown = text.quantity_range(value.low, value.central, value.high, ((unit, 1.0),))
    return " ".join(shown.split())


def covers(known: int, of: int) -> str:
    """What a partial sum covers: `covers 7 of 10 runs`; empty where it covers all or none."""
    return f"covers {known:,} of {text.plural(of, 'run')}" if 0 < known < of else ""


def emissions_of(amounts: Amounts) -> str:
    """The emissions of some runs, a partial sum said to be one."""
    part = covers(amounts.with_emissions, amounts.runs)
    return mass(amounts.emissions_g) + (f", {part}" if part else "")


def energy_of(amounts: Amounts) -> str:
    """The energy of some runs, a partial sum said to be one."""
    part = covers(amounts.with_energy, amounts.runs)
    return energy(amounts.energy_kwh) + (f", {part}" if part else "")


def key(group: Group, dimension: str) -> str:
    """The name of a group, safe to print."""
    if group.merged:
        return f"{group.merged:,} smaller ones together"
    return text.clean(group.label, empty=_EMPTY_KEY.get(dimension, "not stated"))


def dimension(name: str) -> str:
    """The name of a dimension, safe to print: `label team` for `label:team`."""
    return text.clean(name.replace("label:", "label ", 1))


def unknown(what: str) -> str:
    """Something unknown as a person says it, safe to print."""
    return _UNKNOWN_WORDS.get(what) or text.clean(what)


def advice(what: str) -> str:
    """What to do about something unknown; empty where we know nothing to do."""
    return "" if what in NOT_COUNTED else _ADVICE.get(what, "")


def period(summary: Summary) -> str:
    """The days that the runs cover, in UTC: `2026-11-03 to 2026-11-21`."""
    if not summary.started_at:
        return "no runs"
    first, last = summary.started_at[:10], (summary.ended_at or summary.started_at)[:10]
    return text.clean(first if first == last else f"{first} to {last}")


def uncertainty(value: Range | None) -> str:
    """How far the bounds are from the middle: `−14 % to +16 %`."""
    if value is None or not value.central:
        return ""
    below, above = 1 - value.low / value.central, value.high / value.central - 1
    if max(below, above) < 0.0005:  # noqa: PLR2004 - what rounds to nothing
        return "no range stated"
    return f"−{below:.0%} to +{above:.0%}".replace("%", " %")


def who(known: int, of: int) -> str:
    """Whom a sum covers, as its subject: `10 runs`, or `6 of 10 runs`."""
    return f"{known:,} of {text.plural(of, 'run')}" if 0 < known < of else text.plural(of, "run")


def others(known: int, of: int) -> str:
    """What a partial sum leaves out: `the other 4 are unknown`; empty where it leaves out none."""
    if not 0 < known < of:
        return ""
    return "the other one is unknown" if of - known == 1 else f"the other {of - known:,} are unknown"


def headline(summary: Summary) -> str:
    """The answer in one sentence; a sum over some of the runs says so in its first words."""
    total = summary.total
    if not total.runs:
        return "No runs are recorded."
    if total.emissions_g:
        answer = f"{who(total.with_emissions, total.runs)} emitted {mass(total.emissions_g)} of CO₂ equivalent"
        rest = others(total.with_emissions, total.runs)
    elif total.energy_kwh:
        answer = f"{who(total.with_energy, total.runs)} used {energy(total.energy_kwh)}"
        rest = "; ".join(filter(None, (others(total.with_energy, total.runs), "the emissions are unknown")))
    else:
        answer, rest = f"{text.plural(total.runs, 'run')}: neither energy nor emissions are known", ""
    return f"{answer}; {rest}." if rest else f"{answer}."


def measured(summary: Summary) -> str:
    """How much of the energy was read from a device: `93.6 % of the energy was measured`."""
    if summary.measured_ratio is None:
        return "no energy is known"
    return f"{text.percent(summary.measured_ratio)} of the energy was measured"


def in_runs(one: Unknown) -> str:
    """How many runs lack something: `in this run`, `in all 10 runs`, `in 3 of 10 runs`."""
    if one.runs < one.of:
        return f"in {one.runs:,} of {text.plural(one.of, 'run')}"
    return "in this run" if one.of == 1 else f"in all {one.of:,} runs"


def unknown_line(one: Unknown) -> str:
    """Something unknown, in how many runs, and what to do: one line."""
    line = f"{unknown(one.what)} {in_runs(one)}"
    return f"{line}: {one.advice}" if one.advice else line
