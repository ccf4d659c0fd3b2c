"""What a card's own sentences say of the making of its model: used only when asked for, and cited as the card's own statement.

Nothing here is measured, and nothing is guessed: facts on which the card's sentences do not agree are left out, and so is the
card's own figure of emissions where its hardware, hours and place cannot give it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from footprint import text
from footprint.card.content import wording
from footprint.card.content.declared import StatedFigure, declared_content
from footprint.card.content.explain import INSIDE
from footprint.card.content.known import CardContent
from footprint.card.content.statements import FACTS, Fact, Stated, Statement, own_claims, read_statements
from footprint.card.read import Card
from footprint.errors import ConfigError
from footprint.model import Declaration, Footprint
from footprint.profile import Work

_OPENING: Final = "Taken from what this card itself states, not measured by us:"
_SOURCE: Final = "estimated with footprint from what the model card states (see there)"
_ITS_OWN: Final = "stated in the model card's text (see there)"
# A figure that is off by more than this beyond the range is another one's, or wrong.
_AGREES: Final = 1.2
_OF_TIME: Final[tuple[Fact, ...]] = ("hours", "device_hours", "energy_kwh")
_QUOTED: Final = 300


class FromEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a card's own statements make of it.

    `content` is None where they state no fact. `used` are the statements that it rests on, with what each says; `notes` say what
    was left out and why, for who fills the card.
    """

    content: CardContent | None
    used: tuple[tuple[Statement, tuple[str, ...]], ...]
    notes: tuple[str, ...]


def content_from_evidence(card: Card, given: Mapping[str, Any] | None = None) -> FromEvidence:
    """What a card's own sentences, and the fields that a person filled, say of the making of its model.

    Args:
        card: the card.
        given: facts of a `Declaration` that the user states beside them; they go before the card's.
    """
    stated = read_statements(card)
    given = dict(given or {})
    notes = [f"line {line}: not used: {why}" for line, why in dict.fromkeys(stated.aside)]
    notes += [
        f"{FACTS[fact]}: not used: the card's statements do not agree, or can be read in two ways: {said}"
        for fact, said in stated.refused.items()
        if fact not in given
    ]
    facts = {fact: value for fact, value in stated.facts.items() if fact not in given}
    from footprint.derive import declared_footprint

    declaration, dropped = declaration_of(facts, given)
    footprint = declared_footprint(declaration)
    notes += dropped
    facts = {fact: value for fact, value in facts.items() if fact == "emissions_g" or getattr(declaration, fact) == value}
    printed, against = _printed(facts.get("emissions_g"), footprint)
    if against is not None:
        notes.append(against)
        del facts["emissions_g"]
    if not facts:
        return FromEvidence(content=None, used=(), notes=tuple(notes))
    used = _used(stated, facts)
    note = f"Given by who filled this card: {', '.join(sorted(name.replace('_', ' ') for name in given))}." if given else ""
    content = declared_content(
        Work(declaration=declaration, note=note),
        footprint,
        lines=[_OPENING, *(f"{INSIDE}{_cited(said, names)}" for said, names in used)],
        figure=printed,
        source=_SOURCE,
    )
    standing = frozenset(name for name, _ in own_claims(card))
    fields = {name: value for name, value in content.fields.items() if name not in standing}
    if not fields and not content.metadata:
        return FromEvidence(content=None, used=tuple(used), notes=(*notes, "the card's fields say already what its text does"))
    content = msgspec.structs.replace(content, fields=fields, standing=standing, notes=tuple(notes))
    return FromEvidence(content=content, used=tuple(used), notes=tuple(notes))


def declaration_of(facts: Mapping[Fact, str | float], given: Mapping[str, Any]) -> tuple[Declaration, list[str]]:
    """Stated facts as a declaration, without those that cannot be: a name that means nothing, hours that contradict the count.

    Args:
        facts: what was stated.
        given: facts that go before them, by the names of a `Declaration`.

    Returns:
        The declaration, and what was left out of it and why.

    Raises:
        ConfigError: if what was given contradicts itself.
    """
    from footprint.derive import declared_footprint

    chosen: dict[str, Any] = {name: value for name, value in facts.items() if name != "emissions_g"} | dict(given)
    notes: list[str] = []
    # The place first: its names are the likeliest to mean nothing. Then what may contradict what was given.
    for names in ((), ("region",), ("region", "provider"), _OF_TIME, ("count", *_OF_TIME)):
        tried = {name: value for name, value in chosen.items() if name in given or name not in names}
        try:
            declaration = Declaration(**tried)
            declared_footprint(declaration)
        except ConfigError as error:
            if not names:
                first = error
            continue
        if names and len(tried) < len(chosen):
            left = ", ".join(FACTS[name] for name in facts if name in names and name not in given)
            notes.append(f"{left}: not used: {first}")
        return declaration, notes
    # What was given contradicts itself: that is for its giver to mend.
    declared_footprint(Declaration(**dict(given)))
    return Declaration(**dict(given)), [*notes, f"not used: {first}"]


def _printed(value_g: str | float | None, footprint: Footprint) -> tuple[StatedFigure | None, str | None]:
    """The card's own figure, if what else it states can give it; else why not."""
    if not isinstance(value_g, float | int):
        return None, None
    ours = footprint.emissions_g
    if ours is not None and not ours.low / _AGREES <= value_g <= ours.high * _AGREES:
        come_to = f"its hardware, hours and place come to {wording.carbon(ours, footprint.basis)}"
        return None, f"the emissions: not used: the card states {wording.mass(value_g)}, but {come_to}"
    said = f"{wording.mass(value_g)} CO2eq (stated in this card's text)"
    return StatedFigure(text=said, emissions_g=value_g, source=_ITS_OWN), None


def _used(stated: Stated, facts: Mapping[Fact, str | float]) -> list[tuple[Statement, tuple[str, ...]]]:
    """The statements that facts rest on, in the order of the card, each with what it says."""
    by_words: dict[tuple[int, str], tuple[Statement, list[str]]] = {}
    for fact in facts:
        for said in stated.by.get(fact, ()):
            by_words.setdefault((said.line, said.words), (said, []))[1].append(FACTS[fact])
    return [(said, tuple(dict.fromkeys(names))) for _, (said, names) in sorted(by_words.items())]


def _cited(said: Statement, names: tuple[str, ...]) -> str:
    """A statement as the block cites it: by its words and its section, for a line's number changes with the next edit."""
    where = f", under “{said.section}”" if said.section else ", in its field" if said.field is not None else ""
    return f"“{text.clean(said.words, limit=_QUOTED)}”{where}: {', '.join(names)}"
