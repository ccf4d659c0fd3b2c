"""One run in lines: its facts, and the arithmetic from its readings to its footprint.

Centrals are means, so each product and sum here can be followed with a pocket calculator.
"""

from __future__ import annotations

from typing import Final

from footprint import text
from footprint.model import DeviceEnergy, Factor, Footprint, Range, Run
from footprint.report import grouping, words
from footprint.units import kwh_from_j

_DIGITS: Final = 6


def facts(run: Run, footprint: Footprint) -> list[str]:
    """What is known of a run, a line each."""
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
    lines += [
        _line("energy", f"{words.energy(footprint.energy_kwh)}, with the facility's share (PUE)"),
        _line("emissions", words.mass(footprint.emissions_g) + (f" CO2eq, {footprint.basis}" if footprint.basis else "")),
    ]
    lines += [
        _line(
            "measured",
            f"{words.COMPONENT_WORDS[one.component]}: {words.GRADE_WORDS[one.grade]}, {text.percent(one.read_ratio)} of the time",
        )
        for one in footprint.coverage
    ]
    for what in footprint.unknown:
        advice = words.advice(what)
        lines.append(_line("unknown", words.unknown(what) + (f": {advice}" if advice else "")))
    warnings = dict.fromkeys((*run.warnings, *footprint.warnings))
    return lines + [_line("note", text.clean(warning, limit=400)) for warning in warnings]


def steps(run: Run, footprint: Footprint) -> list[str]:
    """The arithmetic, a line a step, with the factors used and their sources."""
    lines = ["what was read"]
    lines += [f"  {_reading(one)}" for one in run.devices]
    if run.cpu:
        cpu = run.cpu
        busy = f"{text.number(cpu.busy_s, _DIGITS)} CPU-s busy on the machine" if cpu.busy_s is not None else "busy time unknown"
        lines.append(
            f"  CPU: {text.number(cpu.tree_s, _DIGITS)} CPU-s of the run's processes, {busy}, "
            f"{text.number(cpu.reserved_cpus)} of {cpu.logical_cpus} CPUs reserved, read for {text.duration(cpu.read_s)}"
        )
    lines.append("the equipment's energy")
    for part in footprint.breakdown:
        if part.energy_kwh and not part.energy_kwh.high:
            lines.append(f"  {words.COMPONENT_WORDS[part.component]}: none")
            continue
        how = words.GRADE_WORDS[part.grade if part.energy_kwh else None]
        lines.append(f"  {words.COMPONENT_WORDS[part.component]}: {_kwh(part.energy_kwh)}, {how}")
    known = [part.energy_kwh.central for part in footprint.breakdown if part.energy_kwh]
    if footprint.it_energy_kwh and known:
        lines.append(f"  sum: {' + '.join(text.number(one, _DIGITS) for one in known)} = {_kwh(footprint.it_energy_kwh)}")
    else:
        lines.append("  sum: unknown, because a part is")
    lines.append("the facility's energy")
    lines.append(_product(footprint.it_energy_kwh, (footprint.pue, "PUE"), (footprint.energy_kwh, "kWh")))
    lines.append("emissions")
    lines.append(_product(footprint.energy_kwh, (footprint.intensity_g_per_kwh, "g/kWh"), (footprint.emissions_g, "g")))
    lines.append("factors")
    return lines + [f"  {_factor(factor)}" for factor in footprint.factors]


def _reading(one: DeviceEnergy) -> str:
    name = f"{text.clean(one.device.name)} ({text.clean(one.device.id)})"
    how = f"{text.clean(one.device.meter)}, {words.GRADE_WORDS[one.device.grade]}, for {text.duration(one.read_s)}"
    if one.energy_j is None:
        return f"{name}: no reading of its own; {how}"
    return f"{name}: {text.number(one.energy_j, _DIGITS)} J = {text.number(kwh_from_j(one.energy_j), _DIGITS)} kWh; {how}"


def _product(energy_kwh: Range | None, factor: tuple[Range | None, str], result: tuple[Range | None, str]) -> str:
    """`a × b = c`, or which of them is not known."""
    (by, name), (product, unit) = factor, result
    if energy_kwh is None or by is None or product is None:
        return f"  unknown, because {name if by is None else 'the energy before it'} is"
    first = f"{text.number(energy_kwh.central, _DIGITS)} kWh × {text.number(by.central, _DIGITS)} {name}"
    return f"  {first} = {text.number(product.central, _DIGITS)} {unit} ({text.span(product.low, product.high)})"


def _kwh(value: Range | None) -> str:
    if value is None:
        return words.UNKNOWN
    return f"{text.number(value.central, _DIGITS)} kWh ({text.span(value.low, value.high)})"


def _factor(factor: Factor) -> str:
    bounds = text.span(factor.low, factor.high)
    year = f", {factor.year}" if factor.year else ""
    return (
        f"{text.clean(factor.id)}: {text.number(factor.central, _DIGITS)} {text.clean(factor.unit, empty='')} ({bounds}), "
        f"{factor.grade}; {text.clean(factor.source, limit=200)}{year}; {text.clean(factor.licence, empty='no licence stated')}"
    )


def _line(label: str, value: str) -> str:
    return f"{label:10} {value}"
