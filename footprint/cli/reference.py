"""`footprint reference`: what the tables know of a piece of hardware, a CPU, a region or a grid zone, with its sources.

`--json` prints one object (a contract); factors are as in `footprint.model.Factor`:

- `hardware`: `{"query", "candidates": [{"id", "name", "vendor", "kind", "power_scope", "memory_gb", "year", "power"}],
  "devices_per_unit", "provider", "power", "warnings", "count_in_text", "name_in_text", "instance"}`; `power` is a factor in
  watts a device, or null; `count_in_text` is how many units the query itself counts, or null, `name_in_text` the rest of it.
- `cpu`: `{"query", "name", "tdp_w", "tdp_low_w", "tdp_high_w", "grade", "threads", "cores", "source", "note", "idle_w_per_cpu",
  "active_w_per_cpu"}`; the bounds differ where the maker publishes no power; the last two are factors, null where the logical
  CPUs of a chip are not known.
- `region`: `{"query", "year", "place", "provider_name", "pue", "intensity"}`; `intensity` is `{"basis", "zone", "central",
  "direct", "market", "chain", "warnings"}` or null; `place.remarks` say how a name was read that needed reading.
- `grid`: `{"query", "zone", "name", "figures"}`, the last all published figures as factors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say_json, say_lines, table
from footprint.errors import UnknownHardware, UnknownPlace
from footprint.model import Factor, Host, Place

app = typer.Typer(help="Look up hardware, CPUs, regions and grid zones in the tables, with sources.", no_args_is_help=True)

Query = Annotated[list[str], typer.Argument(help="What to look up; several words are one name.", show_default=False)]
Year = Annotated[int | None, typer.Option(help="The year whose grid counts; default: this year.", min=1990, max=2100)]


@app.command(short_help="An accelerator, a TPU slice, a cloud instance, or any of them in loose text.")
def hardware(*, query: Query, json: options.Json = False) -> None:
    """Look up an accelerator, a TPU slice, a cloud instance, or any of them in loose text ('8 x A100'), and its power."""
    from footprint.reference import CpuMatch, accelerator_power, find_hardware

    match = find_hardware(" ".join(query))
    if isinstance(match, CpuMatch):
        raise UnknownHardware(f"{match.name_in_text!r} is a CPU: look it up with `footprint reference cpu`")
    power = accelerator_power(match)
    if json:
        candidates = [
            {
                "id": one.id,
                "name": one.name,
                "vendor": one.vendor,
                "kind": one.kind,
                "power_scope": one.power_scope,
                "memory_gb": one.memory_gb,
                "year": one.year,
                "power": one.tdp_w,
            }
            for one in match.candidates
        ]
        facts = {"candidates": candidates, "devices_per_unit": match.devices_per_unit, "provider": match.provider}
        said = {"count_in_text": match.count_in_text, "name_in_text": match.name_in_text, "instance": match.instance}
        say_json({"query": match.query, **facts, "power": power, "warnings": match.warnings, **said})
        return
    if match.count_in_text is not None:
        _say(f"{match.count_in_text} x {match.name_in_text}")
    rows = [
        (one.name, _range(one.tdp_w), one.tdp_w.basis if one.tdp_w else "", one.power_scope, _source(one.tdp_w))
        for one in match.candidates
    ]
    _print_table(("accelerator", "power of one", "is", "covers", "source"), rows)
    if match.devices_per_unit != 1:
        _say(f"{match.instance}: {match.devices_per_unit} of them")
    if len(match.candidates) > 1:
        _say(f"{match.name_in_text}: {_range(power)} each")
    _warn(match.warnings)


@app.command(short_help="A CPU, by the name that the operating system gives it.")
def cpu(*, query: Query, json: options.Json = False) -> None:
    """Look up a CPU by the name that the operating system gives it, and the watts of one logical CPU."""
    from footprint.reference import cpu_power, find_cpu
    from footprint.reference.cpu_names import cpus_near, unnamed

    name = " ".join(query)
    found = find_cpu(name)
    if found is None:
        why = unnamed(name)
        raise UnknownHardware(f"no CPU {text.clean(name)!r} is known{f': it is {why}' if why else ''}", cpus_near(name))
    idle = active = None
    if found.threads:
        host = Host(
            name="", os="", cpu_name=name, logical_cpus=found.threads, sockets=1, memory_bytes=None, boot_id=None, virtual=False
        )
        power = cpu_power(host)
        idle, active = power.idle_w_per_cpu, power.active_w_per_cpu
    if json:
        chip = {
            "tdp_w": found.tdp_w,
            "tdp_low_w": found.low_w,
            "tdp_high_w": found.high_w,
            "grade": found.grade,
            "threads": found.threads,
            "cores": found.cores,
            "source": found.source,
            "note": found.note,
        }
        say_json({"query": name, "name": found.name, **chip, "idle_w_per_cpu": idle, "active_w_per_cpu": active})
        return
    bounds = f" ({text.span(found.low_w, found.high_w)})" if found.low_w < found.high_w else ""
    rows = [("TDP of a chip", text.power(found.tdp_w) + bounds, found.source)]
    rows += [("a logical CPU at idle", _range(idle), _source(idle)), ("more while busy", _range(active), _source(active))]
    _print_table((found.name, "power", "source"), rows)
    if found.threads:
        _say(f"{found.cores} cores, {found.threads} logical CPUs a chip")
    if found.grade == "assumed":
        _warn((found.note,))


@app.command(short_help="A cloud region or another place: PUE and grid.")
def region(*, query: Query, year: Year = None, json: options.Json = False) -> None:
    """Look up a cloud region or another place: its PUE and the carbon intensity of its electricity."""
    from footprint.place import provider_name
    from footprint.reference import intensity, pue

    place = _place(" ".join(query))
    year = year or datetime.now(UTC).year
    ratio, found = pue(place, year), intensity(place, year)
    provider = provider_name(place.provider) if place.provider else None
    if json:
        facts = {"query": " ".join(query), "year": year, "place": place, "provider_name": provider}
        say_json({**facts, "pue": ratio, "intensity": found})
        return
    _say(", ".join(filter(None, (provider, place.region, place.name, place.zone))))
    rows = [("PUE", _range(ratio), ratio.grade, _source(ratio))]
    if found:
        figures = ((found.basis, found.central), ("direct", found.direct), ("market", found.market))
        rows += [(name, _range(one), one.grade, _source(one)) for name, one in figures if one]
    _print_table((f"in {year}", "90 % range", "grade", "source"), rows)
    for step in found.chain if found else ():
        _say(f"grid: {step}")
    _warn(found.warnings if found else ("no carbon intensity is known here",))


@app.command(short_help="All published figures of a grid zone.")
def grid(*, query: Query, json: options.Json = False) -> None:
    """Look up all published figures of a grid zone, by year and basis."""
    from footprint.reference.grid import figures

    place = _place(" ".join(query))
    found = figures(place.zone) if place.zone else ()
    if json:
        say_json({"query": " ".join(query), "zone": place.zone, "name": place.name, "figures": found})
        return
    rows = [(str(one.year), one.basis, _range(one), one.grade, _source(one)) for one in found]
    _say(", ".join(filter(None, (place.zone, place.name))))
    _print_table(("year", "basis", "90 % range", "grade", "source"), rows)


def _place(query: str) -> Place:
    from footprint.place import resolve

    place = resolve(query)
    if place is None:
        raise UnknownPlace("no place was named")
    return place


def _range(factor: Factor | None) -> str:
    if factor is None:
        return "not known"
    unit = "" if factor.unit == "ratio" else f" {factor.unit}"
    bounds = text.span(factor.low, factor.high)
    middle = text.number(factor.central)
    return f"{middle}{unit}" if bounds == middle else f"{middle}{unit} ({bounds})"


def _source(factor: Factor | None) -> str:
    if factor is None:
        return ""
    return f"{factor.source} ({factor.licence})" if factor.licence else factor.source


def _print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    say_lines(table(head, rows))


def _say(line: str) -> None:
    say_lines([text.clean(line, limit=400)])


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        _say(f"note: {warning}")
