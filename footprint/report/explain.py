"""One run in lines: its facts, and the arithmetic from its readings to its footprint.

Centrals are means, so each product and sum here can be followed with a pocket calculator.
"""

from __future__ import annotations

from footprint import text
from footprint.derive.working import NO_PLACE
from footprint.model import Component, Coverage, DeviceEnergy, Factor, Footprint, Range, Run
from footprint.report import formulas, grouping, words


def facts(run: Run, footprint: Footprint, whole: Footprint | None = None) -> list[str]:
    """What is known of a run, a line each.

    Args:
        run: the run.
        footprint: what is derived from it.
        whole: the same by the policy `machine`, to set it against.
    """
    place = text.clean(grouping.region(run), empty=words.UNKNOWN)
    lines = [
        _line("run", text.clean(run.id)),
        _line("name", text.clean(run.name)),
        _line("account", text.clean(run.account)),
        _line("kind", f"{run.kind}, {run.outcome}"),
        _line("started", f"{text.clean(run.started_at)} for {text.duration(run.duration_s)}"),
        _line("host", f"{text.clean(run.host.name)}, {text.clean(run.host.cpu_name or '', empty='CPU unknown')}"),
        _line("hardware", text.clean(grouping.hardware(run), empty=words.UNKNOWN)),
        _line("place", f"{place} ({text.clean(run.place.known_by)})" if run.place else place),
    ]
    lines += [_line("label", f"{text.clean(key)} = {text.clean(value)}") for key, value in run.labels.items()]
    lines += [_line("work", f"{text.number(value)} {text.clean(key)}") for key, value in run.work.items()]
    units = words.run_units(footprint)
    lines += [
        _line("energy", words.energy(footprint.energy_kwh, units.energy) + (", PUE applied" if footprint.energy_kwh else "")),
        _line(
            "emissions", words.mass(footprint.emissions_g, units.mass) + (f" CO2eq, {footprint.basis}" if footprint.basis else "")
        ),
    ]
    if whole is not None:
        lines += _whose(footprint, whole)
    lines += [_line("known by", f"{words.COMPONENT_WORDS[one.component]}: {_covered(one)}") for one in footprint.coverage]
    for what in footprint.unknown:
        advice = words.advice(what)
        lines.append(_line("unknown", words.unknown(what) + (f": {advice}" if advice else "")))
    # That the place is unknown stands among what is unknown.
    warnings = [one for one in dict.fromkeys((*run.warnings, *footprint.warnings)) if one != NO_PLACE]
    return lines + [_line("note", text.clean(warning, limit=400)) for warning in warnings]


def _whose(footprint: Footprint, whole: Footprint) -> list[str]:
    """What the machine drew meanwhile, and how much of it is not the run's."""
    mine, all_of_it = footprint.it_energy_kwh, whole.it_energy_kwh
    if mine is None or all_of_it is None or footprint.attribution == "machine":
        return [_line("whose", "all of the machine's")] if footprint.attribution == "machine" else []
    if text.energy(mine.central) == text.energy(all_of_it.central):
        return [_line("whose", "all that the machine drew is the run's")]
    rest_kwh = max(0.0, all_of_it.central - mine.central)
    parts = [text.energy(value_kwh) for value_kwh in (mine.central, all_of_it.central, rest_kwh)]
    return [_line("whose", "{} of {} that the machine drew (before PUE); {} are others' or nobody's".format(*parts))]


def _covered(one: Coverage) -> str:
    """How a component is known, and for how much of the time."""
    how = words.GRADE_WORDS[one.grade]
    return how if one.grade is None else f"{how}, for {text.percent(one.read_ratio)} of the time"


def steps(run: Run, footprint: Footprint) -> list[str]:
    """The arithmetic, a line a step, with the factors used and their sources."""
    lines = ["what was read"]
    lines += [f"  {_reading(one)}" for one in run.devices]
    if run.cpu:
        cpu = run.cpu
        busy = f"{formulas.number(cpu.busy_s)} CPU-s busy on the machine" if cpu.busy_s is not None else "busy time unknown"
        lines.append(
            f"  CPU: {formulas.number(cpu.tree_s)} CPU-s of the run's processes, {busy}, "
            f"{text.number(cpu.reserved_cpus)} of {cpu.logical_cpus} CPUs reserved, read for {text.duration(cpu.read_s)}"
        )
    units = words.run_units(footprint)
    lines.append("the equipment's energy")
    for part in footprint.breakdown:
        lines += [f"  {line}" for line in _part(part, run, footprint, units.energy)]
    known = [part.energy_kwh.central for part in footprint.breakdown if part.energy_kwh]
    if footprint.it_energy_kwh and known:
        terms = " + ".join(formulas.number(one / units.energy[1]) for one in known)
        lines.append(f"  sum: {terms} = {_energy(footprint.it_energy_kwh, units.energy)}")
    else:
        lines.append("  sum: unknown, because a part is")
    lines += ["the facility's energy", f"  {_facility(footprint, units.energy)}"]
    lines += ["emissions", f"  {_emissions(footprint, units)}"]
    lines.append("factors")
    return lines + [f"  {_factor(factor)}" for factor in footprint.factors]


def _part(part: Component, run: Run, footprint: Footprint, unit: text.Unit) -> list[str]:
    """A component's energy: its terms, a line each, and what they add up to."""
    name = words.COMPONENT_WORDS[part.component]
    if part.energy_kwh is None:
        return [f"{name}: {words.UNKNOWN}"]
    if not part.energy_kwh.high:
        return [f"{name}: none"]
    terms = formulas.of_part(part, run, footprint, unit)
    return [*terms, f"{name}: {_energy(part.energy_kwh, unit)}, {words.GRADE_WORDS[part.grade]}"]


def _facility(footprint: Footprint, unit: text.Unit) -> str:
    """IT energy × PUE, or what of them is not known."""
    it, pue, facility = footprint.it_energy_kwh, footprint.pue, footprint.energy_kwh
    if it is None or facility is None:
        return "unknown, because a part of the equipment's energy is"
    if pue is None:
        return "unknown, because the PUE is"
    return f"{formulas.energy(it.central, unit)} × {formulas.number(pue.central)} PUE = {_energy(facility, unit)}"


def _emissions(footprint: Footprint, units: words.Shown) -> str:
    """Facility energy × the grid's intensity, or what of them is not known."""
    energy, intensity, mass = footprint.energy_kwh, footprint.intensity_g_per_kwh, footprint.emissions_g
    if intensity is None:
        return f"unknown, because {'the place is unknown' if footprint.place is None else 'no figure of its grid is known'}"
    if energy is None or mass is None:
        return "unknown, because the energy is"
    name, scale = units.energy
    terms = f"{formulas.energy(energy.central, units.energy)} × {formulas.number(intensity.central)} g/kWh"
    divided = (
        ""
        if name == "kWh"
        else f" ÷ {formulas.number(1 / scale)} {name}/kWh"
        if scale < 1
        else f" × {formulas.number(scale)} kWh/{name}"
    )
    # The intensity is in grams; the result is said again in the unit in which the page says it.
    grams = "" if units.mass[0] == "g" else f"{formulas.number(mass.central)} g = "
    result = f"{grams}{formulas.number(mass.central / units.mass[1])} {units.mass[0]}"
    return f"{terms}{divided} = {result} ({text.span(mass.low, mass.high, scale=units.mass[1])})"


def _reading(one: DeviceEnergy) -> str:
    name = f"{text.clean(one.device.name)} ({text.clean(one.device.id)})"
    how = f"{text.clean(one.device.meter)}, {words.GRADE_WORDS[one.device.grade]}, for {text.duration(one.read_s)}"
    if one.energy_j is None:
        return f"{name}: no reading of its own; {how}"
    return f"{name}: {formulas.number(one.energy_j)} J; {how}"


def _energy(value_kwh: Range, unit: text.Unit) -> str:
    """A result: with all its digits, and its range."""
    return f"{formulas.energy(value_kwh.central, unit)} ({text.span(value_kwh.low, value_kwh.high, scale=unit[1])})"


def _factor(factor: Factor) -> str:
    bounds = text.span(factor.low, factor.high)
    year = f", {factor.year}" if factor.year else ""
    return (
        f"{text.clean(factor.id)}: {formulas.number(factor.central)} {words.unit(factor)} ({bounds}), "
        f"{factor.grade}; {text.clean(factor.source, limit=200)}{year}; {text.clean(factor.licence, empty='no licence stated')}"
    )


def _line(label: str, value: str) -> str:
    return f"{label:10} {value}"
