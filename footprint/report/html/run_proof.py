"""From a result to its proof: the operands of each step, linked to the reading, the factor or the step that they are.

An operand stands in a formula as it stands where it comes from, with the same digits, which is how the two find each other. What
finds nothing stays plain: no link is better than one to another number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from footprint import text
from footprint.model import Declaration, Run
from footprint.report import formulas, words
from footprint.report.formulas import Step
from footprint.report.one_run.data import RunPage, Samples
from footprint.units import BYTES_PER_GB, j_from_kwh

_APART: Final = re.compile(r"( × | ÷ | \+ | − |\(|\))")
_CITED: Final = re.compile(r"^(?P<value>.*?) ?\[(?P<id>[^\]]+)\]$")
_SIZE: Final = re.compile(r"^[\d,.]+ ((J|Wh|kWh|MWh|GWh|TWh)/(J|Wh|kWh|MWh|GWh|TWh)|s/h|h/year|g/kg)$")
CONVERSION: Final = "#units"
HEADS: Final = {
    "it_energy_kwh": "The equipment's energy",
    "energy_kwh": "The facility's energy",
    "emissions_g": "Emissions",
}
_BEYOND: Final = "Beyond operational emissions, and not in them"


class Piece(NamedTuple):
    """A part of a formula: an operand with the place of its proof (empty where it has none), or a sign between two."""

    text: str
    href: str
    title: str = ""


class Reading(NamedTuple):
    """Something that was read or is known of the machine: its anchor, what it is, its value, and where it was read."""

    id: str
    what: str
    value: str
    note: str
    links: tuple[Piece, ...]


class Line(NamedTuple):
    """A step as a line of the derivation."""

    id: str
    name: str
    pieces: tuple[Piece, ...]
    result: str
    bounds: str
    grade: str
    why: str


class Section(NamedTuple):
    """Steps that belong together, under a heading."""

    head: str
    chain: tuple[str, ...]
    lines: tuple[Line, ...]


def readings(page: RunPage) -> tuple[Reading, ...]:
    """What the derivation starts from, each with a link to the samples or facts that it was read from."""
    run = page.run
    known = {one.device_id: (place, one) for place, one in enumerate(page.samples)}
    found = [
        Reading("fact-duration", "Time of the run", f"{formulas.number(run.duration_s)} s", "from its start to its end", _facts())
    ]
    for place, one in enumerate(run.devices):
        device, what = one.device, f"{text.clean(one.device.name)} ({text.clean(one.device.id)})"
        how = f"{text.clean(device.meter)}, {words.GRADE_WORDS[device.grade]}, read for {text.duration(one.read_s)}"
        value = "no reading of its own" if one.energy_j is None else f"{formulas.number(one.energy_j)} J"
        links: tuple[Piece, ...] = ()
        if one.energy_j is not None and device.id in known:
            links = _of_samples(*known[device.id])
        found.append(Reading(f"reading-device-{place}", what, value, how, links))
    if run.declared is not None:
        return _of_declaration(run.declared)
    return (*found, *_of_cpu(page), *_of_host(run))


def sections(page: RunPage) -> tuple[Section, ...]:
    """The derivation, step by step."""
    footprint = page.footprint
    factors = {text.clean(one.id): place for place, one in enumerate(footprint.factors)}
    known = _known(page)
    lines: list[tuple[str, Line]] = []
    head = "The equipment's energy"
    for place, step in enumerate(page.steps):
        if step.of in formulas.BEYOND:
            head = _BEYOND
        elif step.of in HEADS:
            head = HEADS[step.of]
        elif not step.of.startswith("emissions"):
            head = "Each component's energy"
        lines.append((head, _line(place, step, page, known, factors)))
        if step.result is not None:
            number = formulas.number(step.result)
            known[f"{number} {step.unit}"] = f"#step-{place}"
            known.setdefault(number, f"#step-{place}")
            known.setdefault(number.removeprefix("-"), f"#step-{place}")  # a sum writes what is below zero with a minus
    heads = list(dict.fromkeys(head for head, _ in lines))
    chain = tuple(text.clean(one, limit=300) for one in footprint.chain)
    return tuple(
        Section(head, chain if head == HEADS["emissions_g"] else (), tuple(line for own, line in lines if own == head))
        for head in heads
    )


def proof_of(page: RunPage, of: str) -> str:
    """The anchor of the step that gives a quantity; empty where there is none."""
    places = [place for place, step in enumerate(page.steps) if step.of == of and (step.low is not None or step.result is None)]
    return f"#step-{places[-1]}" if places else ""


def _line(place: int, step: Step, page: RunPage, known: Mapping[str, str], factors: Mapping[str, int]) -> Line:
    component = next((words.COMPONENT_WORDS[one.component] for one in page.footprint.breakdown if one.component == step.of), "")
    name = text.clean(step.name, empty="") or component or HEADS.get(step.of, "")
    is_none = step.result is not None and component and not step.formula and not step.high
    if step.result is None:
        result = words.UNKNOWN
    elif is_none:
        result = "none"
    else:
        result = f"{formulas.number(step.result)} {step.unit}"
    mass = words.run_units(page.footprint).mass
    if step.result is not None and step.unit == "g" and mass[0] != "g" and step.of.startswith("emissions"):
        result += f" = {formulas.number(step.result / mass[1])} {mass[0]}"
    bounds = "" if step.low is None or step.high is None or is_none else f"{text.span(step.low, step.high)} {step.unit}"
    return Line(
        id=f"step-{place}",
        name=name if step.of == "accelerators" else name[:1].upper() + name[1:],
        pieces=tuple(_pieces(step.formula, known, factors, page)),
        result=result,
        bounds=bounds,
        grade=words.GRADE_WORDS[step.grade] if step.grade and not is_none else "",
        why=text.clean(step.why, limit=400, empty=""),
    )


def _pieces(formula: str, known: Mapping[str, str], factors: Mapping[str, int], page: RunPage) -> Iterator[Piece]:
    is_sum = " × " not in formula
    # A factor's id may hold any sign; it is taken out before the formula is taken apart.
    ids = re.findall(r"\[([^\]]+)\]", formula)
    for place, one in enumerate(ids):
        formula = formula.replace(f"[{one}]", f"[\x00{place}]", 1)
    for piece in _APART.split(formula):
        cited = _CITED.match(piece)
        if cited is not None:
            own = ids[int(cited["id"].removeprefix("\x00"))]
            at = factors.get(own)
            if at is None:
                yield Piece(f"{cited['value']} [{own}]", "")
                continue
            title = f"{own}: {text.clean(page.footprint.factors[at].source, limit=120)}"
            yield Piece(f"{cited['value']} [{at + 1}]", f"#factor-{at}", title)
        elif piece and _APART.fullmatch(piece):
            yield Piece(piece, "")
        elif piece:
            is_known = is_sum or not piece.replace(",", "").replace(".", "").isdigit()  # a bare number is a step's in a sum alone
            yield Piece(piece, known.get(piece, CONVERSION if _SIZE.match(piece) else "") if is_known else "")


def _known(page: RunPage) -> dict[str, str]:
    """What may stand as an operand, and where it comes from: of two that look alike the first."""
    run, found = page.run, {}
    number = formulas.number
    for place, one in enumerate(run.devices):
        if one.energy_j is not None:
            found[f"{number(one.energy_j)} J read"] = f"#reading-device-{place}"
    if (cpu := run.cpu) is not None:
        found |= {
            f"{number(cpu.tree_s)} CPU-s": "#reading-tree",
            f"{number(cpu.read_s)} s": "#reading-cpu-time",
            f"{number(cpu.reserved_cpus)} CPUs": "#reading-cpus",
            f"{number(float(cpu.logical_cpus))} CPUs": "#reading-cpus",
        }
        if cpu.busy_s is not None:
            busy_s = max(cpu.busy_s, cpu.tree_s)
            found |= {f"{number(busy_s)} busy CPU-s": "#reading-busy", f"{number(busy_s)} CPU-s": "#reading-busy"}
            found[f"{number(cpu.tree_s)} CPU-s"] = "#reading-tree"
        for ratio in (min(1.0, cpu.reserved_cpus / max(1, cpu.logical_cpus)), 1.0):
            found.setdefault(f"{number(100 * ratio)} %", "#reading-cpus")
    for place, one in enumerate(run.devices):
        found.setdefault(f"{number(one.read_s)} s", f"#reading-device-{place}")
    found.setdefault(f"{number(run.duration_s)} s", "#fact-duration")
    many = sum(1 for one in run.devices if one.device.component == "accelerators")
    found[f"{number(many * run.duration_s)} device-s"] = "#devices"
    if run.declared is not None:
        found |= {one.value: f"#{one.id}" for one in _of_declaration(run.declared)}
    chips = [one.energy_kwh.central for one in page.footprint.breakdown if one.energy_kwh and one.component in {"cpu", "memory"}]
    found[f"{number(j_from_kwh(sum(chips)))} J of CPU and memory"] = "#components"
    cards = [one.energy_kwh.central for one in page.footprint.breakdown if one.energy_kwh and one.component == "accelerators"]
    found[f"{number(sum(cards))} kWh of accelerators"] = "#components"
    if run.host.memory_bytes is not None:
        found[f"{number(run.host.memory_bytes / BYTES_PER_GB)} GB"] = "#reading-memory"
    return found


def _facts() -> tuple[Piece, ...]:
    return (Piece("facts", "#facts"),)


def _of_samples(place: int, one: Samples) -> tuple[Piece, ...]:
    """Links to the first and the last reading, between which the joules lie."""
    rows = [*one.first, *one.last]
    told = Piece(f"{text.plural(one.readings, 'reading')}, whose stretches add up to {formulas.number(one.sum_j)} J", "")
    return (
        told,
        Piece("the first", f"#sample-{place}-{rows[0].at}"),
        Piece("the last", f"#sample-{place}-{rows[-1].at}"),
    )


_UNITS: Final = {
    "count": "",
    "hours": " h",
    "device_hours": " device-h",
    "energy_kwh": " kWh",
    "power_w": " W",
    "flops": " FLOP",
    "life_years": " years",
    "intensity_g_per_kwh": " g/kWh",
    "embodied_g_per_device": " g",
    "price_per_kwh": " per kWh",
}


def _of_declaration(declared: Declaration) -> tuple[Reading, ...]:
    """What was stated of a run that nobody measured, a row each; and the device-hours that follow where they are not stated."""
    by = "; ".join(text.clean(one.title, limit=100) for one in declared.source) or "nobody is named"
    stated = {name: getattr(declared, name) for name in declared.__struct_fields__ if name not in {"source", "training"}}
    found = [
        Reading(f"stated-{name}", name.replace("_", " ").capitalize(), _stated(name, value), f"stated: {by}", ())
        for name, value in stated.items()
        if value is not None
    ]
    if declared.device_hours is None and declared.hours is not None and declared.count is not None:
        value = f"{formulas.number(declared.hours * declared.count)} device-h"
        links = (Piece("count", "#stated-count"), Piece("hours", "#stated-hours"))
        found.append(Reading("stated-device_hours", "Device hours", value, "count × hours", links))
    return tuple(found)


def _stated(name: str, value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{formulas.number(value)}{_UNITS.get(name, '')}"
    return text.clean(str(value))


def _of_cpu(page: RunPage) -> tuple[Reading, ...]:
    cpu = page.run.cpu
    if cpu is None:
        return ()
    rows = [*page.ticks.first, *page.ticks.last]
    links: tuple[Piece, ...] = ()
    if rows:
        links = (
            Piece("from the first look", f"#tick-{rows[0].at}"),
            Piece("to the last", f"#tick-{rows[-1].at}"),
        )
    cut = "" if not rows or rows[-1].t_s <= page.run.duration_s else "; the last look came after the end, so it is interpolated"
    found = [
        Reading(
            "reading-tree",
            "CPU time of the run's processes",
            f"{formulas.number(cpu.tree_s)} CPU-s",
            f"as the kernel counts it{cut}",
            links,
        )
    ]
    if cpu.busy_s is not None:
        value = f"{formulas.number(cpu.busy_s)} CPU-s"
        found.append(Reading("reading-busy", "CPU time of the whole machine", value, f"as the kernel counts it{cut}", links))
    reserved = f"{text.number(cpu.reserved_cpus)} of {cpu.logical_cpus} CPUs"
    found.append(Reading("reading-cpus", "CPUs reserved to the run", reserved, "by its affinity and cgroup", _facts()))
    found.append(
        Reading("reading-cpu-time", "Time between these looks", f"{formulas.number(cpu.read_s)} s", "within the run", links)
    )
    return tuple(found)


def _of_host(run: Run) -> tuple[Reading, ...]:
    if run.host.memory_bytes is None:
        return ()
    gb = f"{formulas.number(run.host.memory_bytes / BYTES_PER_GB)} GB"
    return (
        Reading("reading-memory", "Installed memory", gb, f"{run.host.memory_bytes:,} bytes, as the system tells it", _facts()),
    )
