"""How a footprint is known, in sentences for the block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from footprint import text
from footprint.card import wording
from footprint.model import Coverage, Factor, FieldName, Footprint

if TYPE_CHECKING:
    from footprint.profile import Work

_HOW: Final[dict[FieldName, tuple[str, str]]] = {
    "hardware_type": ("the hardware", "--hardware and --count"),
    "hours_used": ("the hours", "--hours or --device-hours"),
    "cloud_provider": ("the provider", "--provider"),
    "compute_region": ("the region", "--region (for example aws:eu-west-1) or --zone (for example FRA)"),
    "carbon_emitted": ("the emissions", ""),
}
# Named elsewhere, or never part of these numbers.
_SAID_ELSEWHERE: Final = frozenset({"place", "hardware", "hours", "count", "embodied", "water"})


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
        if value is not None
    ]
    if beside and complete:
        lines.append(f"Emissions on other bases: {'; '.join(beside)}.")
    if footprint.emissions_g is not None or footprint.energy_kwh is not None:
        lines.append("Not included: embodied emissions and water.")
    if energy is None:
        # Factors that multiplied nothing, and notes on them, would only seem to say something.
        return lines + _rest(footprint)
    if footprint.coverage:
        lines.append(f"Known by: {'; '.join(_coverage(part) for part in footprint.coverage)}.")
    if footprint.factors:
        lines.append(f"Factors: {'; '.join(_factor(factor) for factor in footprint.factors)}.")
    lines += [f"Note: {warning}." for warning in footprint.warnings if not _about_place(warning, footprint)]
    return lines + _rest(footprint)


def _rest(footprint: Footprint) -> list[str]:
    """What is unknown beside what the fields stand for."""
    rest = [name for name in footprint.unknown if name not in _SAID_ELSEWHERE]
    return [f"Unknown: {', '.join(rest)}."] if rest else []


def explain_sources(work: Work) -> list[str]:
    """The sources of declared facts, with what each bears on."""
    lines = []
    for source in work.declaration.source:
        about = f" ({', '.join(source.fields)})" if source.fields else ""
        where = f", {source.locator}" if source.locator else ""
        lines.append(f"Source{about}: {source.title}{where}{'. ' + source.url if source.url else '.'}")
    return lines


def how_to_give(unknown: Sequence[FieldName]) -> list[str]:
    """What is unknown, and how to give it."""
    if not unknown:
        return []
    names = [_HOW[name][0] for name in unknown]
    options = [_HOW[name][1] for name in unknown if _HOW[name][1]]
    ways = f" Give with footprint card fill: {', '.join(options)}." if options else ""
    return [f"Unknown: {', '.join(names)}.{ways}"]


def _coverage(part: Coverage) -> str:
    if part.grade is None:
        return f"{part.component} unknown"
    share = f", {text.percent(part.read_ratio)} of the time" if part.grade in {"counter", "power", "model"} else ""
    return f"{part.component} ({part.grade}{share})"


def _factor(factor: Factor) -> str:
    spread = f" ({text.span(factor.low, factor.high)})" if factor.low != factor.high else ""
    year = f", {factor.year}" if factor.year is not None else ""
    return f"{factor.id} {text.number(factor.central)}{spread} {factor.unit} [{factor.source}{year}]"


def _about_place(warning: str, footprint: Footprint) -> bool:
    """Whether a warning says what the line of unknown things says already."""
    return "place" in footprint.unknown and warning.startswith("the place is unknown")
