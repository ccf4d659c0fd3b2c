"""`footprint estimate`: the footprint of work that nobody measured."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from footprint import text
from footprint.cli import comparison, options
from footprint.cli.printing import say_json, say_lines
from footprint.model import GHG_SCOPES, Declaration, Footprint, Range
from footprint.report import quantities

# The contract of `estimate --json`, in its order.
JSON_FIELDS: Final = (
    "accelerator_energy_kwh",
    "it_energy_kwh",
    "energy_kwh",
    "emissions_g",
    "emissions_direct_g",
    "emissions_market_g",
    "embodied_g",
    "water_l",
    "water_onsite_l",
    "water_offsite_l",
    "cost",
    "currency",
    "power_w",
    "pue",
    "intensity_g_per_kwh",
    "scope",
    "basis",
    "unknown",
    "factors",
    "warnings",
    "factors_version",
    "chain",
)


def estimate(
    *,
    hardware: Annotated[
        str | None, typer.Option(help="Accelerator, TPU slice, cloud instance or CPU, e.g. 'A100 SXM4 80GB'.")
    ] = None,
    count: Annotated[int | None, typer.Option(help="How many of them; chips, of CPUs.")] = None,
    hours: Annotated[float | None, typer.Option(help="Wall-clock hours.")] = None,
    device_hours: Annotated[float | None, typer.Option(help="Hours summed over the devices, instead of --hours.")] = None,
    energy_kwh: Annotated[
        float | None, typer.Option(help="Measured energy of the IT equipment, kWh, instead of hardware.")
    ] = None,
    region: options.Region = None,
    zone: options.Zone = None,
    intensity: Annotated[float | None, typer.Option(help="The grid's intensity, gCO2e/kWh, as stated by you.")] = None,
    pue: options.Pue = None,
    power_w: Annotated[float | None, typer.Option(help="Watts a device, as given; the host is then not added.")] = None,
    scope: Annotated[str | None, typer.Option(help="server (accelerators and host) or accelerators.")] = None,
    year: Annotated[int | None, typer.Option(help="The year of the work; it picks the grid's figure.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="pre-training, fine-tuning, inference, evaluation or other; it picks the load.")
    ] = None,
    workload: Annotated[str | None, typer.Option(help="llm or transformer, where the model is one; it narrows the load.")] = None,
    flops: Annotated[float | None, typer.Option(help="Operations of the whole work, e.g. 3.1e23; instead of hours.")] = None,
    parameters: Annotated[float | None, typer.Option(help="Parameters of the model, e.g. 7e9; with --tokens.")] = None,
    tokens: Annotated[float | None, typer.Option(help="Tokens learnt from, or read and written; instead of hours.")] = None,
    mfu: Annotated[float | None, typer.Option(help="Share of the peak that the model's operations reach, e.g. 0.4.")] = None,
    life_years: Annotated[float | None, typer.Option(help="Years that the hardware is used; for embodied emissions.")] = None,
    use_ratio: Annotated[float | None, typer.Option(help="Share of its life that the hardware works.")] = None,
    embodied_g_per_device: Annotated[float | None, typer.Option(help="g CO2e for making one device, if you know it.")] = None,
    price: Annotated[float | None, typer.Option(help="Price of a kWh; with --currency.")] = None,
    currency: Annotated[str | None, typer.Option(help="The price's currency, e.g. EUR.")] = None,
    factors: Annotated[str | None, typer.Option(help="The edition of the factors, e.g. 2026.11. Default: the newest.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show each step from the facts to the result.")] = False,
    as_: comparison.As = None,
    memory_gb: comparison.MemoryGb = None,
    cpu_cores: comparison.CpuCores = None,
    cpu_core_w: comparison.CpuCoreW = None,
    cpu_busy_ratio: comparison.CpuBusyRatio = None,
    busy_ratio: comparison.BusyRatio = None,
    json: options.Json = False,
) -> None:
    """Estimate energy and emissions from declared facts, with a 90 % range and every factor cited."""
    facts = options.facts_of(locals())
    from footprint.derive import estimate as derive_estimate
    from footprint.derive.facts import normalised
    from footprint.derive.understanding import understood
    from footprint.reference import EDITIONS, using_edition
    from footprint.report.explain import declared_steps, explanation

    beside = {
        "memory_gb": memory_gb,
        "cpu_cores": cpu_cores,
        "cpu_core_w": cpu_core_w,
        "cpu_busy_ratio": cpu_busy_ratio,
        "busy_ratio": busy_ratio,
    }
    with using_edition(EDITIONS[-1] if factors is None else factors):
        footprint = derive_estimate(**facts)
        declaration = Declaration(**normalised(facts))
        work = [text.clean(part, limit=200) for part in understood(declaration)]
        compared = comparison.compared(declaration, as_ or [], beside)
        if json:
            said: dict[str, Any] = {name: getattr(footprint, name) for name in JSON_FIELDS}
            said |= {"ghg_scopes": GHG_SCOPES, "understood": work}
            if explain:
                said |= {"steps": declared_steps(declaration, footprint), "explanation": explanation(declaration, footprint)}
            if as_:
                said["compared"] = comparison.told(compared)
            say_json(said)
            return
        # An explanation lists the factors itself.
        shown = lines(footprint, factors=not explain)
        shown += ["", *declared_steps(declaration, footprint)] if explain else []
        say_lines([f"work       {', '.join(work)}", *shown, *comparison.lines(compared)])


def lines(footprint: Footprint, *, factors: bool = True) -> list[str]:
    """The footprint for a terminal: what, how sure, from what."""
    on_processors = any(part.component == "cpu" for part in footprint.breakdown)
    shown = [f"scope      {_PROCESSORS if on_processors else _SCOPES[footprint.scope]}"]
    shown += _row("power", footprint.power_w, text.POWER, " a chip" if on_processors else " an accelerator")
    shown += _row("IT energy", footprint.it_energy_kwh, text.ENERGY, "")
    shown += [f"{label:10} {value}" for label, value in quantities.rows(footprint)]
    if footprint.unknown:
        shown.append(f"unknown    {', '.join(footprint.unknown)}")
    if factors:
        shown.append("factors")
        shown += [
            f"  {f.id}: {text.number(f.central)} {f.unit} ({text.span(f.low, f.high)}) {f.grade}; {f.source}"
            + (f", {f.year}" if f.year else "")
            for f in footprint.factors
        ]
        shown += [f"grid: {step}" for step in footprint.chain]
    return shown + [f"note: {warning}" for warning in footprint.warnings]


_PROCESSORS: Final = "server (processors and all beside them)"
_SCOPES: Final = {"server": "server (accelerators and host)", "accelerators": "accelerators only (host not included)"}


def _row(label: str, value: Range | None, units: text.Units, after: str) -> list[str]:
    if value is None:
        return [f"{label:10} unknown"]
    return [f"{label:10} {text.quantity_range(value.low, value.central, value.high, units)}{after}"]
