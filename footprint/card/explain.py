"""How a footprint is known, in sentences for the block."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from footprint import text
from footprint.card import wording
from footprint.model import Coverage, Factor, FieldName, Footprint
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
# An option of the command line helps who fills a card, not who reads it.
_OPTION: Final = re.compile(r" ?\([^()]*--[a-z][^()]*\)|(?:: give|; give) --[a-z-]+\Z")
# Named elsewhere, or never part of these numbers.
_SAID_ELSEWHERE: Final = frozenset(
    {"place", "hardware", "hours", "count", "embodied", "water", "water_onsite", "water_offsite", "cost"}
)


def explain_footprint(footprint: Footprint, *, complete: bool = True) -> list[str]:
    """Energy, emissions of other kinds, coverage, factors and warnings, one sentence or list each."""
    lines = []
    energy = wording.energy_of(footprint)
    if energy is not None:
        lines.append(f"Energy: {energy}.")
    if not complete:
        lines.append("Not all runs have known energy or emissions, so no total is stated for them together.")
    beside = [
        f"{wording.mass(value.central)} {name}"
        for value, name in (
            (footprint.emissions_direct_g, "direct emissions only"),
            (footprint.emissions_market_g, "market-based"),
        )
        if value is not None and complete
    ]
    if footprint.emissions_g is not None or footprint.energy_kwh is not None:
        others = f"Emissions on other bases: {'; '.join(beside)}. " if beside else ""
        lines.append(f"{others}Not included: embodied emissions and water.")
    if energy is None:
        # Factors that multiplied nothing, and notes on them, would only seem to say something.
        return lines + _rest(footprint)
    if footprint.coverage:
        lines.append(f"Known by: {'; '.join(_coverage(part) for part in footprint.coverage)}.")
    lines += _factors([factor for factor in footprint.factors if not is_beyond(factor)])
    warnings = [_OPTION.sub("", warning) for warning in footprint.warnings if not _about_place(warning, footprint)]
    lines += [f"Note: {warning}." for warning in warnings]
    return lines + _rest(footprint)


def _rest(footprint: Footprint) -> list[str]:
    """What is unknown beside what the fields stand for."""
    rest = [name for name in footprint.unknown if name not in _SAID_ELSEWHERE]
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
    name = "rest of the server" if part.component == "rest" else part.component
    if part.grade is None:
        return f"{name} unknown"
    share = f", {text.percent(part.read_ratio)} of the time" if part.grade in {"counter", "power", "model"} else ""
    return f"{name} ({part.grade}{share})"


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
    return [f"Factors: {lines[0]}."] if len(lines) == 1 else ["Factors and their sources:", *(INSIDE + line for line in lines)]


def _factor(factor: Factor) -> str:
    spread = f" ({text.span(factor.low, factor.high)})" if factor.low != factor.high else ""
    unit = "" if factor.unit == "ratio" else f" {factor.unit}"
    unit += f" {factor.basis}" if factor.basis.startswith("per ") and "/" not in unit else ""
    name = factor.id.partition(f".{STATED}")[0] if factor.source == STATED else factor.id
    return f"{name} {text.number(factor.central)}{spread}{unit}"


def _about_place(warning: str, footprint: Footprint) -> bool:
    """Whether a warning says what the line of unknown things says already."""
    return "place" in footprint.unknown and warning.startswith("the place is unknown")
