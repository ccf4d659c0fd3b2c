"""What a card claims, as declared facts that measured runs are held against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from footprint import text
from footprint.errors import CardError, ConfigError
from footprint.model import Declaration, Footprint

if TYPE_CHECKING:
    from footprint.derive.discrepancies import Discrepancy

# Figures of one thing that were rounded, or taken with another edition of the factors, are no further apart.
_AGREES: Final = 1.12


class Claimed(NamedTuple):
    """A card's claims: as a declaration; its own figure of emissions, g; and what of it was not used, and why."""

    declaration: Declaration
    emissions_g: float | None
    notes: tuple[str, ...]


def claims_of(path: Path, facts: dict[str, Any]) -> Claimed:
    """What a card claims in its fields, our earlier values among them, and in its sentences; facts given beside go before them.

    Raises:
        CardError: if the card cannot be read.
        ConfigError: if what it claims does not suffice for an energy.
    """
    from footprint.card import named, read_card
    from footprint.card.content.stated import declaration_of
    from footprint.card.content.statements import read_statements
    from footprint.derive import check_declaration

    try:
        stated = read_statements(read_card(path), ours=True)
    except CardError as error:
        raise CardError(named(path, error)) from None
    declaration, dropped = declaration_of(stated.facts, facts)
    notes = [*(f"line {line}: {why}" for line, why in dict.fromkeys(stated.aside)), *dropped]
    notes += [
        f"{fact.replace('_', ' ')}: it cannot be told: {said}" for fact, said in stated.refused.items() if fact not in facts
    ]
    missing = check_declaration(declaration)
    if missing:
        why = f" ({'; '.join(notes[:3])})" if notes else ""
        raise ConfigError(
            f"{path}: the card's claims do not suffice for an energy: {' and '.join(missing)} missing{why}; give it beside --card"
        )
    emissions_g = stated.facts.get("emissions_g")
    return Claimed(declaration, float(emissions_g) if emissions_g is not None else None, tuple(notes))


def held_against(emissions_g: float | None, measured: Footprint) -> tuple[Discrepancy, ...]:
    """What there is to say of a card's own figure of emissions beside the measured ones; nothing where one of them is unknown."""
    from footprint.derive.discrepancies import Discrepancy

    known = measured.emissions_g
    if emissions_g is None or known is None:
        return ()
    shown = text.mass_range(known.low, known.central, known.high)
    if known.low / _AGREES <= emissions_g <= known.high * _AGREES:
        return (
            Discrepancy(
                code="card-emissions",
                severity="info",
                message=f"the card's {text.mass(emissions_g)} is what was measured: {shown}",
            ),
        )
    message = f"the card states {text.mass(emissions_g)} of CO2e, but {shown} were measured"
    return (Discrepancy(code="card-emissions", severity="error", message=message),)
