"""How a footprint is known, in sentences for the block."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from footprint import text
from footprint.card.content import wording
from footprint.model import Coverage, Factor, FieldName, Footprint, Grade
from footprint.reference.beyond import is_beyond

if TYPE_CHECKING:
    from footprint.profile import Work

_HOW: Final[dict[FieldName, tuple[str, str]]] = {
    "hardware_type": ("the hardware", "--hardware and --count"),
    "hours_used": ("the hours", "--hours or --device-hours"),
    "cloud_provider": ("the provider", "--provider"),
    "compute_region": ("the region", "--region (for example aws:eu-west-1) or --zone (for example FRA)"),
    "carbon_emitted": ("the emissions", ""),
}
_PLACE: Final[tuple[FieldName, ...]] = ("cloud_provider", "compute_region")
_GRADES: Final[dict[Grade, str]] = {
    "counter": "by an energy counter",
    "power": "by readings of power",
    "model": "by a model of the load",
    "declared": "as stated",
    "assumed": "by an assumption",
}
RANGES: Final = "In brackets: 90 % ranges. The truth lies in one with nine chances in ten, as far as the facts are right."
INSIDE: Final = "\t"
"""What starts a line that belongs to the one above it."""
STATED: Final = "stated"
_FACTS: Final = {
    "count": "number",
    "device_hours": "hours",
    "energy_kwh": "energy",
    "power_w": "power",
    "pue": "PUE",
    "intensity_g_per_kwh": "grid intensity",
    "zone": "place",
    "region": "place",
}
_ENERGY_OF: Final = {
    "accelerators": "the energy of the accelerators",
    "cpu": "the energy of the CPU",
    "memory": "the energy of the memory",
    "rest": "the energy of the rest of the server",
    "energy": "the energy",
}
# An option of the command line helps who fills a card, not who reads it.
_OPTION: Final = re.compile(r" ?\([^()]*--[a-z][^()]*\)|(?:: give|; give) --[a-z-]+\Z")
# Named elsewhere, or never part of these numbers.
_SAID_ELSEWHERE: Final = frozenset(
    {"place", "hardware", "hours", "count", "embodied", "water", "water_onsite", "water_offsite", "cost"}
)


def explain_footprint(footprint: Footprint, *, partly: str | None = None, emissions: str = "Emissions") -> list[str]:
    """Energy, emissions of other kinds, coverage, factors and warnings, one sentence or list each.

    Args:
        footprint: what is known.
        partly: of how many of the runs it is, in words; None where it is of all.
        emissions: what to call the emissions.
    """
    lines = []
    energy = wording.energy_of(footprint)
    if energy is not None and partly is None:
        lines.append(f"Energy: {energy}.")
    elif partly is not None:
        lines.append(f"Not all runs have known energy or emissions, so no total is stated for them together: {partly}.")
        lines += [f"Energy as far as it is known: {energy}."] if energy is not None else []
    if footprint.emissions_g is not None and partly is None:
        product = wording.product_of(footprint)
        worked = f" = {product}" if product is not None else ""
        lines.append(f"{emissions}: {wording.carbon(footprint.emissions_g, footprint.basis)}{worked}.")
    beside = [
        f"{wording.mass(value.central)} {name}"
        for value, name in (
            (footprint.emissions_direct_g, "counting only what power plants emit (direct)"),
            (footprint.emissions_market_g, "by contracts for electricity (market-based)"),
        )
        if value is not None and partly is None
    ]
    if beside:
        lines.append(f"Emissions on other bases: {'; '.join(beside)}.")
    beyond = _beyond(footprint) if partly is None else []
    if footprint.emissions_g is not None or footprint.energy_kwh is not None:
        lines.append(f"Not part of the emissions: {'; '.join(beyond) or 'making the hardware, and water'}.")
    if energy is None:
        # Factors that multiplied nothing, and notes on them, would only seem to say something.
        return lines + _rest(footprint)
    if footprint.coverage:
        lines.append(f"How the energy is known: {'; '.join(_coverage(part) for part in footprint.coverage)}.")
    lines += _factors([factor for factor in footprint.factors if beyond or not is_beyond(factor)])
    warnings = [_OPTION.sub("", warning) for warning in footprint.warnings if not _about_place(warning, footprint)]
    lines += [f"Note: {warning}." for warning in warnings]
    if _has_range(footprint):
        lines.append(RANGES)
    return lines + _rest(footprint)


def _has_range(footprint: Footprint) -> bool:
    return any(value is not None and value.low < value.high for value in (footprint.energy_kwh, footprint.emissions_g))


def _beyond(footprint: Footprint) -> list[str]:
    """What is beyond operational emissions, apart from them: making the hardware, water."""
    said = []
    if (making := footprint.embodied_g) is not None and making.high > 0:
        shown = text.mass_range(making.low, making.central, making.high)
        said.append(f"making the hardware, by the share of its life that was used: {shown} CO2eq")
    if (water := footprint.water_l) is not None and water.high > 0:
        span = text.span(water.low, water.high)
        litres = f"water: {text.number(water.central)} litres ({span})"
        onsite, offsite = footprint.water_onsite_l, footprint.water_offsite_l
        if onsite is not None and offsite is not None:
            parted = f"{text.number(onsite.central)} cooling the site, {text.number(offsite.central)} making the electricity"
            litres += f", {parted}"
        said.append(litres)
    unknown = [name for name, value in (("making the hardware", footprint.embodied_g), ("water", footprint.water_l)) if not value]
    return [*said, *(f"{name} (not known)" for name in unknown)] if said else []


def _rest(footprint: Footprint) -> list[str]:
    """What is unknown beside what the fields stand for."""
    rest = [_ENERGY_OF.get(name, name) for name in footprint.unknown if name not in _SAID_ELSEWHERE]
    return [f"Unknown: {', '.join(rest)}."] if rest else []


def explain_sources(work: Work) -> list[str]:
    """The sources of declared facts, with what each bears on."""
    lines = []
    for source in work.declaration.source:
        about = f" ({', '.join(_FACTS.get(name, name) for name in source.fields)})" if source.fields else ""
        parts = (source.title, source.locator, source.url)
        lines.append(f"Source{about}: {', '.join(part for part in parts if part)}")
    return lines


def how_to_give(unknown: Sequence[FieldName], missing: Sequence[str] = ()) -> list[str]:
    """What is unknown, and how to give it; `missing` are facts without which the emissions cannot be worked out."""
    options = [_HOW[name][1] for name in unknown if _HOW[name][1]]
    if "count" in missing and "hardware_type" not in unknown:
        options.append("--count")
    ways = f" Give with footprint card fill: {', '.join(options)}." if options else ""
    named = names_of(unknown)
    if "compute_region" in unknown and "carbon_emitted" in unknown:
        named = f"the place ({names_of([n for n in unknown if n in _PLACE])}), and with it the emissions"
        others = [name for name in unknown if name not in {*_PLACE, "carbon_emitted"}]
        named = f"{names_of(others)}, {named}" if others else named
    return [f"Unknown: {named}.{ways}"] if unknown else []


def names_of(fields: Sequence[FieldName]) -> str:
    """The fields in words: `the hours, the region`."""
    return ", ".join(_HOW[name][0] for name in fields)


def _coverage(part: Coverage) -> str:
    name = {"rest": "rest of the server", "cpu": "CPU"}.get(part.component, part.component)
    if part.grade is None:
        return f"{name} unknown"
    share = f" ({text.percent(part.read_ratio)} of the time)" if part.grade in {"counter", "power", "model"} else ""
    return f"{name} {_GRADES[part.grade]}{share}"


def _factors(factors: Sequence[Factor]) -> list[str]:
    """The factors by their sources, so that each source is named once."""
    if not factors:
        return []
    sources: dict[str, list[str]] = {}
    for factor in factors:
        year = f", {factor.year}" if factor.year is not None and str(factor.year) not in factor.source else ""
        sources.setdefault(factor.source + year, []).append(_factor(factor))
    lines = [
        f"as stated: {'; '.join(values)}" if source == STATED else f"{'; '.join(values)}; from {source}"
        for source, values in sources.items()
    ]
    return (
        [f"Factors: {lines[0]}."]
        if len(lines) == 1
        else ["Factors (with their 90 % ranges) and their sources:", *(INSIDE + line for line in lines)]
    )


def _factor(factor: Factor) -> str:
    spread = f" ({text.span(factor.low, factor.high)})" if factor.low != factor.high else ""
    unit = "" if factor.unit == "ratio" else f" {factor.unit}"
    unit += f" {factor.basis}" if factor.basis.startswith("per ") and "/" not in unit else ""
    name = factor.id.partition(f".{STATED}")[0] if factor.source == STATED else factor.id
    return f"{name} = {text.number(factor.central)}{spread}{unit}"


def _about_place(warning: str, footprint: Footprint) -> bool:
    """Whether a warning says what the line of unknown things says already."""
    return "place" in footprint.unknown and warning.startswith("the place is unknown")
