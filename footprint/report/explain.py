"""One run in lines: its facts, and the arithmetic from its readings to its footprint.

Centrals are means, so each product and sum here can be followed with a pocket calculator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

import footprint.reference as ref
from footprint import text
from footprint.derive import Account, Working, worked
from footprint.derive.nesting import containers
from footprint.derive.working import NO_PLACE
from footprint.ledger.words import hardware, region
from footprint.model import Coverage, Declaration, DeviceEnergy, Factor, Footprint, Range, Run, Source
from footprint.report import formulas, quantities, words

# What a sum may miss of its parts by the computer's arithmetic.
_SAME: Final = 1e-9


def facts(run: Run, footprint: Footprint, whole: Footprint | None = None) -> list[str]:
    """What is known of a run, a line each.

    Args:
        run: the run.
        footprint: what is derived from it.
        whole: the same by the policy `machine`, to set it against.
    """
    place = text.clean(region(run), empty=words.UNKNOWN)
    lines = [
        _line("run", text.clean(run.id)),
        _line("name", text.clean(run.name)),
        _line("account", text.clean(run.account)),
        _line("kind", f"{run.kind}, {run.outcome}"),
        _line("started", f"{text.clean(run.started_at)} for {text.duration(run.duration_s)}"),
        _line("host", f"{text.clean(run.host.name)}, {text.clean(run.host.cpu_name or '', empty='CPU unknown')}"),
        _line("hardware", text.clean(hardware(run), empty=words.UNKNOWN)),
        _line("place", f"{place} ({text.clean(run.place.known_by)})" if run.place else place),
    ]
    lines += [_line("label", f"{text.clean(key)} = {text.clean(value)}") for key, value in run.labels.items()]
    lines += [_line("work", f"{text.number(value)} {text.clean(key)}") for key, value in run.work.items()]
    units = words.run_units(footprint)
    lines += [_line(label, value) for label, value in quantities.rows(footprint, units)]
    if whole is not None:
        lines += _whose(footprint, whole)
    lines += [_line("declared", _stated_by(one)) for one in (run.declared.source if run.declared is not None else ())]
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


def _stated_by(source: Source) -> str:
    """Who stated what of a run that nobody measured: `hardware, hours by AWS cost and usage report (i-0a); …`."""
    where = f" ({text.clean(source.locator, limit=60)})" if source.locator else ""
    fields = ", ".join(text.clean(field) for field in source.fields) or "facts"
    return f"{fields} by {text.clean(source.title, limit=100)}{where}; nothing was measured"


def _covered(one: Coverage) -> str:
    """How a component is known, and for how much of the time."""
    how = words.GRADE_WORDS[one.grade]
    return how if one.grade is None else f"{how}, for {text.percent(one.read_ratio)} of the time"


def steps(run: Run, footprint: Footprint, beside: Sequence[Run] = ()) -> list[str]:
    """The arithmetic from a run's readings to its footprint, a line a step, with the factors used and their sources.

    Args:
        run: the run.
        footprint: what is derived from it.
        beside: other runs of its account, to show what of it counts in their sum.
    """
    lines = ["what was read"]
    lines += [f"  {_reading(one, run)}" for one in run.devices]
    if run.cpu:
        cpu = run.cpu
        busy = f"{formulas.number(cpu.busy_s)} CPU-s busy on the machine" if cpu.busy_s is not None else "busy time unknown"
        lines.append(
            f"  CPU: {formulas.number(cpu.tree_s)} CPU-s of the run's processes, {busy}, "
            f"{text.number(cpu.reserved_cpus)} of {cpu.logical_cpus} CPUs reserved, read for {text.duration(cpu.read_s)}"
        )
    if not run.devices and not run.cpu:
        lines.append("  nothing")
    sheet = worked(run, attribution=footprint.attribution or "share")
    lines += _arithmetic(sheet, footprint)
    if beside:
        lines += _in_account(run, beside, footprint)
    return lines + _evidence(sheet, footprint)


def declared_steps(declaration: Declaration, footprint: Footprint) -> list[str]:
    """The arithmetic from declared facts to their footprint, a line a step, with the factors used and their sources."""
    sheet = worked(declaration)
    return [*_arithmetic(sheet, footprint), *_evidence(sheet, footprint)]


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not known: what, why if that can be told, and what to do about it; both may be empty."""

    what: str
    why: str
    advice: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """How a footprint comes about, for a program to follow: energies in kWh, masses in grams.

    The ids in brackets in a step's formula are those of the footprint's factors.
    """

    edition: str
    steps: tuple[formulas.Step, ...]
    chain: tuple[str, ...]
    unknown: tuple[Missing, ...]
    attributions: tuple[ref.SourceAttribution, ...]


def explanation(facts: Run | Declaration, footprint: Footprint) -> Explanation:
    """The steps of a footprint with their values, see `formulas.steps`."""
    sheet = worked(facts, attribution=footprint.attribution or "share")
    return Explanation(
        edition=footprint.factors_version,
        steps=formulas.steps(sheet, footprint),
        chain=footprint.chain,
        unknown=tuple(_missing(sheet, footprint)),
        attributions=ref.attributions(footprint.factors),
    )


_HEADS: Final = {
    "energy_kwh": "the facility's energy",
    "emissions_g": "emissions",
}


def _arithmetic(sheet: Working, footprint: Footprint) -> list[str]:
    units = words.run_units(footprint)
    lines = ["the equipment's energy"]
    beyond = ""
    for step in formulas.steps(sheet, footprint, units.energy):
        if step.of in formulas.BEYOND and not beyond:
            beyond = "beyond operational emissions, and not in them"
            lines.append(beyond)
        if step.of in _HEADS:
            lines.append(_HEADS[step.of])
        if step.of == "emissions_g":
            lines += [f"  the grid: {text.clean(one, limit=300)}" for one in footprint.chain]
        lines.append(f"  {_step(step, footprint, units)}")
    return lines


def _step(step: formulas.Step, footprint: Footprint, units: words.Shown) -> str:
    """A step as a line: `name: formula = result (range)`."""
    component = next((words.COMPONENT_WORDS[one.component] for one in footprint.breakdown if one.component == step.of), "")
    name = text.clean(step.name, empty="") or component
    head = f"{name}: " if name else ""
    if step.result is None:
        because = f", because {step.why}" if step.why and not component else ""
        return f"{head}{words.UNKNOWN}{because}"
    if component and not step.formula and not step.high:
        return f"{head}none"
    formula = f"{_numbered(step.formula, footprint)} = " if step.formula else ""
    result = f"{formulas.number(step.result)} {step.unit}"
    scale = 1.0
    if step.unit == "g" and units.mass[0] != "g":
        # The intensity is in grams; the result is said again in the unit in which the page says it.
        result, scale = f"{result} = {formulas.number(step.result / units.mass[1])} {units.mass[0]}", units.mass[1]
    if step.low is not None and step.high is not None:
        result += f" ({text.span(step.low, step.high, scale=scale)})"
    return f"{head}{formula}{result}{f', {words.GRADE_WORDS[step.grade]}' if step.grade else ''}"


def _numbered(formula: str, footprint: Footprint) -> str:
    """A formula with the numbers under which its factors are listed, instead of their ids."""
    for number, factor in enumerate(footprint.factors, 1):
        formula = formula.replace(f"[{text.clean(factor.id)}]", f"[{number}]")
    return formula


def _in_account(run: Run, beside: Sequence[Run], footprint: Footprint) -> list[str]:
    """What of each run of an account counts in their sum, where that is not all of each."""
    runs = list({one.id: one for one in (run, *beside)}.values())
    account = Account(runs, footprint.attribution or "share")
    ids = [one.id for one in runs]
    within = containers(ids, {one.id: one for one in runs})
    counted = account.counted(ids)
    total = account.total(ids)
    unit = words.units([total.footprint.it_energy_kwh], []).energy
    lines = [f"in the sum of its account, {text.clean(run.account)} ({text.plural(len(runs), 'run')}), before PUE"]
    terms = []
    for one in runs:
        own, part = account.footprint(one.id).it_energy_kwh, counted[one.id].it_energy_kwh
        name = text.clean(one.id)
        outer = within[one.id]
        if outer is not None:
            lines.append(f"  {name}: nothing, because {text.clean(outer)} contains it")
        elif own is None or part is None:
            lines.append(f"  {name}: {words.UNKNOWN}, and not in the sum")
        else:
            terms.append(formulas.number(part.central / unit[1]))
            mine = formulas.energy(part.central, unit)
            shared = not math.isclose(part.central, own.central, rel_tol=_SAME)
            of = f" of {formulas.energy(own.central, unit)}: what runs read together is divided among them" if shared else ""
            lines.append(f"  {name}: {mine}{of}")
    if total.footprint.it_energy_kwh is not None:
        lines.append(f"  sum: {' + '.join(terms)} = {_energy(total.footprint.it_energy_kwh, unit)}")
    return lines


def _evidence(sheet: Working, footprint: Footprint) -> list[str]:
    """What is unknown and why, the factors with their sources, and whom to name."""
    lines = []
    missing = _missing(sheet, footprint)
    if missing:
        lines.append("unknown")
        for one in missing:
            told = one.why or one.advice
            lines.append(f"  {words.unknown(one.what)}{f': {text.clean(told, limit=400)}' if told else ''}")
    lines.append(f"factors, edition {footprint.factors_version}")
    for number, factor in enumerate(footprint.factors, 1):
        lines.append(f"  [{number}] {_factor(factor)}")
        if factor.note:
            lines.append(f"      {text.clean(factor.note, limit=600)}")
    named = ref.attributions(footprint.factors)
    if named:
        lines.append("attributions (figures of these works were used, partly changed as the notes say)")
        lines += [
            f"  {text.clean(one.attribution)}: {text.clean(one.title, limit=300)}; {one.licence}; {one.url}" for one in named
        ]
    return lines


def _missing(sheet: Working, footprint: Footprint) -> list[Missing]:
    return [Missing(what=one, why=sheet.reasons.get(one, ""), advice=words.advice(one)) for one in footprint.unknown]


def _reading(one: DeviceEnergy, run: Run) -> str:
    name = f"{text.clean(one.device.name)} ({text.clean(one.device.id)})"
    ratio = min(1.0, one.read_s / run.duration_s) if run.duration_s else 1.0
    covered = f"for {text.duration(one.read_s)} of {text.duration(run.duration_s)} ({text.percent(ratio)})"
    counted = f"{text.plural(one.readings, 'reading')}, {text.plural(one.gaps or 0, 'gap')}, " if one.readings else ""
    how = f"{text.clean(one.device.meter)}, {words.GRADE_WORDS[one.device.grade]}, {counted}{covered}"
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
        f"{factor.grade}; {text.clean(factor.source, limit=300)}{year}; {text.clean(factor.licence, empty='no licence stated')}"
    )


def _line(label: str, value: str) -> str:
    return f"{label:10} {value}"
