"""`footprint reconcile`: measured runs against a declaration of the same work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from footprint import text
from footprint.cli import options
from footprint.cli.claims import claims_of, held_against
from footprint.cli.printing import say_json, say_lines
from footprint.errors import ConfigError
from footprint.model import Declaration, Range

if TYPE_CHECKING:
    from footprint.derive.reconciling import Amount, Cause, Reconciliation

_LABELS: Final[dict[str, tuple[str, text.Units]]] = {
    "accelerator_energy_kwh": ("devices", text.ENERGY),
    "it_energy_kwh": ("IT energy", text.ENERGY),
    "energy_kwh": ("energy", text.ENERGY),
    "emissions_g": ("emissions", text.MASS),
}


def reconcile(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs' ids, beginnings of ids, or files; all of one work.")],
    *,
    profile: Annotated[Path | None, typer.Option(help="A profile (TOML) whose one piece of work is what was declared.")] = None,
    card: Annotated[Path | None, typer.Option(help="A card whose claims are what was declared; facts beside go before.")] = None,
    hardware: Annotated[str | None, typer.Option(help="Declared: accelerator, TPU slice, cloud instance or CPU.")] = None,
    count: Annotated[int | None, typer.Option(help="Declared: how many of them.")] = None,
    hours: Annotated[float | None, typer.Option(help="Declared: wall-clock hours.")] = None,
    device_hours: Annotated[float | None, typer.Option(help="Declared: hours summed over devices.")] = None,
    energy_kwh: Annotated[float | None, typer.Option(help="Declared: energy of the IT equipment, kWh.")] = None,
    region: Annotated[str | None, typer.Option(help="Declared: a cloud region, e.g. aws:us-east-1.")] = None,
    zone: Annotated[str | None, typer.Option(help="Declared: a grid zone, e.g. FRA, US-VA.")] = None,
    intensity: Annotated[float | None, typer.Option(help="Declared: the grid's intensity, gCO2e/kWh.")] = None,
    pue: Annotated[float | None, typer.Option(help="Declared: the site's power usage effectiveness.")] = None,
    power_w: Annotated[float | None, typer.Option(help="Declared: watts a device; the host is then not counted.")] = None,
    scope: Annotated[str | None, typer.Option(help="Declared: server or accelerators.")] = None,
    year: Annotated[int | None, typer.Option(help="Declared: the year of the work.")] = None,
    kind: Annotated[str | None, typer.Option(help="Declared: pre-training, fine-tuning, inference …")] = None,
    workload: Annotated[str | None, typer.Option(help="Declared: llm or transformer.")] = None,
    attribution: options.Policy = "share",
    json: options.Json = False,
) -> None:
    """Hold measured runs against declared facts: how far apart, and why. Exit code 1 if they contradict each other."""
    facts = options.facts_of(locals())
    from footprint.derive import reconcile as derive_reconciliation
    from footprint.derive.facts import normalised
    from footprint.ledger import find_run

    policy = options.attribution_of(attribution)
    if profile is not None and card is not None:
        raise ConfigError("--profile and --card cannot be combined: runs are held against one of them")
    claimed = claims_of(card, normalised(facts)) if card is not None else None
    declaration = claimed.declaration if claimed else _of_profile(profile, facts) if profile is not None else _of_facts(facts)
    found = derive_reconciliation(list({run.id: run for run in map(find_run, runs)}.values()), declaration, attribution=policy)
    if claimed is not None:
        findings = (*held_against(claimed.emissions_g, found.measured), *found.findings)
        found = msgspec.structs.replace(found, findings=findings)
        for note in claimed.notes:
            print(f"not used: {text.clean(note, limit=300)}", file=sys.stderr)
    if json:
        say_json(told(found, declaration))
    else:
        say_lines(_lines(found, declaration))
    if not found.agrees:
        raise typer.Exit(1)


def told(found: Reconciliation, declaration: Declaration) -> dict[str, Any]:
    """A reconciliation as `reconcile --json` prints it."""
    return {
        "runs": found.runs,
        "facts": _stated(declaration),
        "amounts": found.amounts,
        "causes": found.causes,
        "main": found.main,
        "findings": found.findings,
        "agrees": found.agrees,
        "measured": found.measured,
        "declared": found.declared,
    }


def _of_facts(facts: dict[str, Any]) -> Declaration:
    """The stated facts as a declaration that suffices for an energy.

    Raises:
        ConfigError: if it does not.
    """
    from footprint.derive import check_declaration
    from footprint.derive.facts import normalised

    if not facts:
        raise ConfigError(
            "say what was declared: --hardware, --count and --hours, or --energy-kwh, or --profile FILE, or --card FILE"
        )
    declaration = Declaration(**normalised(facts))
    missing = check_declaration(declaration)
    if missing:
        raise ConfigError(f"the declared facts do not suffice for an energy: {' and '.join(missing)} missing")
    return declaration


def _of_profile(path: Path, facts: dict[str, Any]) -> Declaration:
    """The one piece of work of a profile; with `--kind`, the one of that kind."""
    from footprint.derive import check_declaration
    from footprint.profile import read_profile

    others = [name for name in facts if name != "kind"]
    if others:
        named = ", ".join(f"--{name.removesuffix('_g_per_kwh').replace('_', '-')}" for name in others)
        raise ConfigError(f"{named} cannot be combined with --profile, which has its own facts")
    works = [one.declaration for one in read_profile(path).work if one.declaration.training]
    if "kind" in facts:
        works = [one for one in works if one.kind == facts["kind"]]
    works = [one for one in works if not check_declaration(one)]
    if len(works) != 1:
        many = "no piece" if not works else f"{len(works)} pieces"
        raise ConfigError(f"{path}: {many} of work with an energy: a profile with one is needed, or --kind to choose among them")
    return works[0]


def _stated(declaration: Declaration) -> dict[str, Any]:
    """The declared facts that were stated."""
    defaults = Declaration()
    names = Declaration.__struct_fields__
    return {name: getattr(declaration, name) for name in names if getattr(declaration, name) != getattr(defaults, name)}


def _lines(found: Reconciliation, declaration: Declaration) -> list[str]:
    """A reconciliation for a terminal."""
    from footprint.derive.understanding import understood

    facts = ", ".join(text.clean(part, limit=200) for part in understood(declaration))
    shown = [
        f"measured   {text.plural(len(found.runs), 'run')}: {', '.join(map(text.clean, found.runs))}",
        f"declared   {facts}",
        "",
    ]
    shown += [_amount(one) for one in found.amounts if one.declared is not None or (one.measured and one.measured.high)]
    shown += ["", "the gap, measured over declared" + (f"; most of it: {found.main}" if found.main else "")]
    shown += [f"  {_cause(one)}" for one in found.causes]
    if found.findings:
        shown.append("")
        shown += [f"{one.severity:10} {one.code}: {text.clean(one.message, limit=300)}" for one in found.findings]
    verdict = "they agree" if found.agrees else "they do not agree"
    return [*shown, "", f"verdict    {verdict}"]


def _amount(one: Amount) -> str:
    label, units = _LABELS[one.name]
    ratio = ""
    if one.ratio is not None:
        said = "within the declared range" if one.within else "apart" if one.contradicts else "alike within the error of both"
        ratio = f": × {text.number(one.ratio.central)} ({text.span(one.ratio.low, one.ratio.high)}), {said}"
    return f"{label:10} {_shown(one.measured, units)} for {_shown(one.declared, units)}{ratio}"


def _shown(value: Range | None, units: text.Units) -> str:
    return "unknown" if value is None else text.quantity_range(value.low, value.central, value.high, units)


def _cause(one: Cause) -> str:
    measured, declared = ("unknown" if value is None else text.number(value) for value in (one.measured, one.declared))
    span = f" ({text.span(one.low, one.high)})" if one.low is not None and one.high is not None and one.low != one.high else ""
    known = "assumed" if one.assumed else "declared"
    ratio = "" if one.ratio is None else f": × {text.number(one.ratio)}"
    unit = f" {one.unit}" if one.unit else ""
    note = f"; {text.clean(one.note, limit=200)}" if one.note else ""
    return f"{one.what:10} {measured}{unit} for the {known} {declared}{span}{ratio}{note}"
