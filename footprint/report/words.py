"""The phrases that all renderers share, so that a page, a table and a comment say the same thing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from footprint import text
from footprint.model import Component, ComponentName, Factor, Footprint, Grade, Range, Run
from footprint.report.data import Amounts, Group, RunRow, Summary, Unknown

UNKNOWN: Final = "unknown"
_SMALL: Final = 0.01
_MOST_FIGURES: Final = 12
LITRES: Final[text.Units] = (("m³", 1e3), ("L", 1.0), ("mL", 1e-3))
GIVE_PLACE: Final = "say where it runs when you record it: `--region gcp:europe-west1`, for example, or FOOTPRINT_REGION"
_DOCTOR: Final = "run `footprint doctor` on that machine: it says what can be measured there and what is missing"
_DOCTOR_OR_MACHINE: Final = f"{_DOCTOR}; what another tool read of the whole machine counts with `--attribution machine`"

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
NOT_COUNTED: Final = ("embodied", "water", "water_onsite", "water_offsite", "cost")
"""What is beyond energy and operational emissions, as against what somebody could still state or measure."""

_UNKNOWN_WORDS: Final = {
    "place": "the place, and with it the emissions",
    "accelerators": "the accelerators' energy",
    "cpu": "the CPU's energy",
    "memory": "the memory's energy",
    "embodied": "embodied carbon of the hardware",
    "water": "water",
    "water_onsite": "water on the site",
    "water_offsite": "water for its electricity",
}
_ADVICE: Final = {"place": GIVE_PLACE, "accelerators": _DOCTOR, "cpu": _DOCTOR_OR_MACHINE, "memory": _DOCTOR_OR_MACHINE}
_EMPTY_KEY: Final = {"region": "place unknown", "hardware": "hardware unknown"}


class Shown(NamedTuple):
    """The units of all energies and of all masses that stand together: on a page, in a table, in an explanation."""

    energy: text.Unit
    mass: text.Unit


def units(energies: Iterable[Range | None], masses: Iterable[Range | None]) -> Shown:
    """The units for these quantities, kWh and g: those of the largest."""
    return Shown(
        energy=text.shared_unit((one.central or one.high for one in energies if one), text.ENERGY),
        mass=text.shared_unit((one.central or one.high for one in masses if one), text.MASS),
    )


def page_units(summary: Summary) -> Shown:
    """The units of a page: those of its headline, else of the parts that are known."""
    total = summary.total
    return units([total.energy_kwh] if total.energy_kwh else _parts(summary.components), [total.emissions_g])


def run_units(run: RunRow | Footprint, page: Shown | None = None) -> Shown:
    """The units of what is said of one run: the page's, or where the run is too small for them, its own."""
    energies, masses = [run.energy_kwh] if run.energy_kwh else _parts(run.breakdown), [run.emissions_g]
    own = units(energies, masses)
    if page is None:
        return own
    return Shown(energy=_kept(energies, page.energy, own.energy), mass=_kept(masses, page.mass, own.mass))


def side_by_side(one: Amounts, other: Amounts) -> tuple[text.Unit | None, text.Unit | None]:
    """The units of energy and of mass of two totals that are read across; None where one is too small for the other's."""
    energies, masses = (one.energy_kwh, other.energy_kwh), (one.emissions_g, other.emissions_g)
    shared = units(energies, masses)
    return _of_both(energies, shared.energy), _of_both(masses, shared.mass)


def _of_both(values: Iterable[Range | None], unit: text.Unit) -> text.Unit | None:
    return unit if all(value is None or value.central >= _SMALL * unit[1] for value in values) else None


def _kept(values: Iterable[Range | None], page: text.Unit, own: text.Unit) -> text.Unit:
    """The page's unit if the largest value has no more than one zero after its point in it."""
    return page if max((one.central for one in values if one), default=0.0) >= _SMALL * page[1] else own


def _parts(breakdown: Iterable[Component]) -> list[Range | None]:
    return [part.energy_kwh for part in breakdown]


def mass(value_g: Range | None, unit: text.Unit | None = None) -> str:
    """Grams with their range: `153 kg (131–178)`, or `unknown`; in a unit that it shares with others, or in its own."""
    return _range(value_g, unit, text.MASS)


def energy(value_kwh: Range | None, unit: text.Unit | None = None) -> str:
    """Kilowatt-hours with their range: `266 kWh (240–301)`, or `unknown`; in a unit that it shares with others, or in its own."""
    return _range(value_kwh, unit, text.ENERGY)


def mass_middle(value_g: Range | None, unit: text.Unit) -> str:
    """Grams without their range, where there is no room for it."""
    return text.in_unit(value_g.central, unit) if value_g else UNKNOWN


def energy_middle(value_kwh: Range | None, unit: text.Unit) -> str:
    """Kilowatt-hours without their range, where there is no room for it."""
    return text.in_unit(value_kwh.central, unit) if value_kwh else UNKNOWN


def _range(value: Range | None, unit: text.Unit | None, own: text.Units) -> str:
    if value is None:
        return UNKNOWN
    if unit is None:
        return text.quantity_range(value.low, value.central, value.high, own)
    return text.range_in_unit(value.low, value.central, value.high, unit)


def litres(value_l: Range | None) -> str:
    """Litres with their range, or `unknown`."""
    return _range(value_l, None, LITRES)


def ratio(value_ratio: float | None) -> str:
    """A share as per cent, or `unknown`."""
    return UNKNOWN if value_ratio is None else text.percent(value_ratio)


def plain_range(value: Range | None, unit: str = "") -> str:
    """A number with its range in the unit as given: `1.1 (1.06–1.14)`, or `unknown`."""
    if value is None:
        return UNKNOWN
    shown = text.quantity_range(value.low, value.central, value.high, ((unit, 1.0),))
    return " ".join(shown.split())


def times(value: Range, unit: str = "") -> str:
    """A ratio with its range: `1.96 times (1.9–2.01)`; of one that leaves out 1, with as many figures as show that it does."""
    nearest = value.low if value.low > 1 else value.high
    if value.low <= 1 <= value.high:
        return plain_range(value, unit)
    figures = next((some for some in range(text.FIGURES, _MOST_FIGURES) if text.number(nearest, some) != "1"), _MOST_FIGURES)
    middle, low, high = (text.number(one, figures) for one in (value.central, value.low, value.high))
    return " ".join(filter(None, (middle, unit, "" if low == high else f"({low}–{high})")))


def covers(known: int, of: int) -> str:
    """What a partial sum covers: `covers 7 of 10 runs`; empty where it covers all or none."""
    return f"covers {known:,} of {text.plural(of, 'run')}" if 0 < known < of else ""


def emissions_of(amounts: Amounts, unit: text.Unit | None = None) -> str:
    """The emissions of some runs, a partial sum said to be one."""
    part = covers(amounts.with_emissions, amounts.runs)
    return mass(amounts.emissions_g, unit) + (f", {part}" if part else "")


def energy_of(amounts: Amounts, unit: text.Unit | None = None) -> str:
    """The energy of some runs, a partial sum said to be one."""
    part = covers(amounts.with_energy, amounts.runs)
    return energy(amounts.energy_kwh, unit) + (f", {part}" if part else "")


def key(group: Group, dimension: str) -> str:
    """The name of a group, safe to print; with what tells it from others of the same name."""
    if group.merged:
        return f"{group.merged:,} smaller ones together"
    name = text.clean(group.label, empty=_EMPTY_KEY.get(dimension, "not stated"))
    return f"{name} · {text.clean(group.apart)}" if group.apart else name


def unit(factor: Factor) -> str:
    """A factor's unit and its basis, safe to print: `W per logical CPU`, `g/kWh, life-cycle`."""
    name, basis = text.clean(factor.unit, empty=""), text.clean(factor.basis, empty="")
    return f"{name} {basis}" if basis.startswith("per ") and "/" not in name else ", ".join(filter(None, (name, basis)))


def disagree(direct_g: Range | None, emissions_g: Range | None) -> bool:
    """Whether a direct figure is above the life-cycle figure, which contains what it counts: their sources disagree."""
    return direct_g is not None and emissions_g is not None and direct_g.central > emissions_g.central


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


def headline_of_run(run: Run, footprint: Footprint) -> str:
    """The same of one run: `digits emitted 14.6 mg (6.95–29.5) of CO₂ equivalent`."""
    name, so_far = text.clean(run.name), " so far" if run.outcome == "running" else ""
    if footprint.emissions_g:
        return f"{name} emitted {mass(footprint.emissions_g)} of CO₂ equivalent{so_far}."
    if footprint.energy_kwh:
        return f"{name} used {energy(footprint.energy_kwh)}{so_far}; the emissions are unknown."
    return f"{name}: neither energy nor emissions are known."


def measured(summary: Summary) -> str:
    """How much of the energy was read from a device: `93.6 % of the energy was measured`."""
    if summary.measured_ratio is None:
        return "no energy is known"
    return f"{text.percent(summary.measured_ratio)} of the energy was measured"


def beyond(summary: Summary) -> list[str]:
    """What stands beside energy and operational emissions, and in how many runs it is unknown, an item each."""
    total, lacking = summary.total, {one.what: one for one in summary.unknown}
    found = []
    for what, known in (("embodied", mass(total.embodied_g)), ("water", litres(total.water_l))):
        unsaid = f"{UNKNOWN} {in_runs(lacking[what])}" if what in lacking else ""
        value = known if known != UNKNOWN else ""
        if value or unsaid:
            found.append(f"{unknown(what)}, {', '.join(filter(None, (value, unsaid)))}")
    return found


def in_runs(one: Unknown) -> str:
    """How many runs lack something: `in this run`, `in all 10 runs`, `in 3 of 10 runs`."""
    if one.runs < one.of:
        return f"in {one.runs:,} of {text.plural(one.of, 'run')}"
    return "in this run" if one.of == 1 else f"in all {one.of:,} runs"


def unknown_line(one: Unknown) -> str:
    """Something unknown, in how many runs, and what to do: one line."""
    line = f"{unknown(one.what)} {in_runs(one)}"
    return f"{line}: {one.advice}" if one.advice else line
