"""What a card itself states of the making of its model, as facts: each with its sentence, its line and its place in the card.

A sentence is set aside, with the reason, where it may be about something else: another model, a use of this one, a part of the
work, a table's row. Facts on which the rest does not agree are refused: which of two sentences is right is not ours to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from footprint import text
from footprint.card.content.about import FINE_TUNING, PRE_TRAINING, is_stored, names_of, time_of, why_no_value, why_not
from footprint.card.filling.fields import SHORT
from footprint.card.parts.block import digest
from footprint.card.read import Card
from footprint.card.words.amounts import Amount, find_amounts, read_hours, read_mass, same
from footprint.card.words.evidence import hardware_in
from footprint.card.words.labels import TEMPLATE_LABELS
from footprint.errors import UnknownHardware
from footprint.model import Evidence, FieldName

if TYPE_CHECKING:
    from footprint.reference import HardwareMatch

Fact = Literal["hardware", "count", "hours", "device_hours", "energy_kwh", "region", "provider", "emissions_g", "kind"]
FACTS: Final[dict[Fact, str]] = {
    "hardware": "the hardware",
    "count": "how many there were",
    "hours": "the hours",
    "device_hours": "the device-hours",
    "energy_kwh": "the energy",
    "region": "the region",
    "provider": "the provider",
    "emissions_g": "the emissions",
    "kind": "the kind of training",
}

_NOT_OF_THE_SERVER: Final = re.compile(
    r"\bPUE\b|data cent|facility|\A\W{0,8}(?:CPU|GPU|RAM|memory)s?\b[^:]{0,20}:", re.IGNORECASE
)
_DEVICES: Final = re.compile(r"(?<=\d)(\w{0,3})\s+(?:GPUs?|graphics cards?|accelerators?|chips?)\Z", re.IGNORECASE)
_PLURAL: Final = re.compile(r"[\dX]s\Z")
_COUNTED: Final = re.compile(
    r"(?:a |one )?single (?:GPU|TPU|graphics card|accelerator)|(\d{1,6}) (?:GPU|TPU|accelerator|chip)s?", re.IGNORECASE
)
_OF_THE_CLOCK: Final = re.compile(r"\b(?:days?|weeks?|months?|min(?:ute)?s?|sec(?:ond)?s?)\b|\d ?s\b|\d:\d", re.IGNORECASE)
_REMARK: Final = re.compile(r"\s{0,3}\([^()]{1,60}\)\s{0,3}\Z")
_LONGEST: Final = 300
_LONGEST_NAME: Final = 60
# They are as often the base model's, or the data set's, as what this training went through; times and hardware say more.
_OFFERED_ONLY: Final = frozenset({"parameters", "tokens"})


class Statement(NamedTuple):
    """Something that the card states: where, in which words, and what of it is a fact."""

    line: int
    words: str
    section: str
    value: str
    field: FieldName | None = None


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """The facts that a card states, and what was left aside.

    `facts` are values as `Declaration` takes them (`emissions_g` is the card's own figure); `by` are the statements that each
    rests on; `refused` says of each fact that statements contradict what they say; `aside` of sentences why they were not used.
    """

    facts: dict[Fact, str | float]
    by: dict[Fact, tuple[Statement, ...]]
    refused: dict[Fact, str]
    aside: tuple[tuple[int, str], ...] = ()


class _Found:
    """Statements gathered fact by fact, so that those on one fact can be compared."""

    def __init__(self) -> None:
        self.hardware: list[tuple[HardwareMatch, Statement]] = []
        self.counts: list[tuple[int, Statement]] = []
        self.hours: list[tuple[Amount, Statement]] = []
        self.energy: list[tuple[Amount, Statement]] = []
        self.mass: list[tuple[Amount, Statement]] = []
        self.names: dict[Fact, list[tuple[str, Statement]]] = {"region": [], "provider": [], "kind": []}
        self.aside: list[tuple[int, str]] = []


def read_statements(card: Card, *, ours: bool = False) -> Stated:
    """The facts that a card's sentences and fields state of its making.

    Args:
        card: the card.
        ours: whether what we filled into the fields earlier counts as well: it is no statement of a person's.
    """
    found = _Found()
    several = len(card.layout.groups)
    if several > 1:
        line = card.source.number(card.layout.groups[0].line)
        reason = f"the card has {several} groups of fields, and which of them a sentence is about cannot be told"
        return Stated(facts={}, by={}, refused={}, aside=((line, reason),))
    evidence = card.evidence
    untrained = next((one for one in evidence if one.field == "training"), None)
    if untrained is not None:
        reason = f"the model was made without training ({untrained.value}), so what is said of a training is another's"
        return Stated(facts={}, by={}, refused={}, aside=((untrained.line, reason),))
    sections = _sections(card)
    names = names_of(card)
    has_base = card.yaml.root is not None and card.yaml.root.find("base_model") is not None
    for line, sentence, ones in _sentences(evidence):
        headings = _headings_above(sections, line)
        why = why_not(sentence, headings, names, has_base=has_base)
        if why is not None:
            found.aside.append((line, why))
            continue
        times = [one for one in ones if one.field == "hours_used"]
        if unclear := next((one.value for one in times if _is_unclear(sentence, one.value)), None):
            # Of several times, one that cannot be told may be another part of the same work.
            found.aside.append((line, f"{unclear!r} may not be what the training took"))
            ones = [one for one in ones if one.field != "hours_used"]  # noqa: PLW2901 - the rest of the sentence
        for one in ones:
            _gather(found, one, Statement(line, sentence, next(iter(headings), ""), one.value))
    for name, claim in own_claims(card, ours=ours):
        _gather_claim(card, found, name, claim)
    return _agreed(found)


def _sentences(evidence: Iterable[Evidence]) -> Iterator[tuple[int, str, list[Evidence]]]:
    """The findings by the sentence that they stand in."""
    by_sentence: dict[tuple[int, str], list[Evidence]] = {}
    for one in evidence:
        if one.field in _OFFERED_ONLY:
            continue
        by_sentence.setdefault((one.line, one.text), []).append(one)
    for (line, sentence), ones in by_sentence.items():
        yield line, sentence, ones


def _gather(found: _Found, one: Evidence, said: Statement) -> None:
    """Read one finding as a fact."""
    if one.field == "hardware_type":
        _gather_hardware(found, one.value, said)
    elif one.field in {"hours_used", "energy", "carbon_emitted"}:
        amount = _amount_at(said.words, one.value)
        kind, where = {
            "hours_used": ("time", found.hours),
            "energy": ("energy", found.energy),
            "carbon_emitted": ("mass", found.mass),
        }[one.field]
        if amount is None or amount.kind != kind:
            return
        if kind == "time" and time_of(said.words, amount) == "length":
            return
        if one.field == "energy" and _NOT_OF_THE_SERVER.search(said.words):
            found.aside.append((said.line, "the energy is that of a part of the machine, or of the whole site"))
            return
        where.append((amount, said))
    elif one.field in {"compute_region", "cloud_provider"} and is_stored(said.words):
        found.aside.append((said.line, f"{one.value!r} may be where data lies"))
        return
    elif one.field == "compute_region":
        found.names["region"].append((one.value, said))
    elif one.field == "cloud_provider":
        found.names["provider"].append((one.value, said))
    if PRE_TRAINING.search(said.words) or FINE_TUNING.search(said.words):
        both = PRE_TRAINING.search(said.words) and FINE_TUNING.search(said.words)
        kind_said = "both" if both else "pre-training" if PRE_TRAINING.search(said.words) else "fine-tuning"
        found.names["kind"].append((kind_said, said))


def _gather_hardware(found: _Found, value: str, said: Statement) -> None:
    from footprint.reference import find_accelerator

    counted = _COUNTED.fullmatch(value)
    if counted:
        found.counts.append((int(counted[1] or 1), said))
        return
    try:
        match = find_accelerator(value)
    except UnknownHardware:
        return
    found.hardware.append((match, said))


def _is_unclear(sentence: str, value: str) -> bool:
    amount = _amount_at(sentence, value)
    return amount is None or (amount.kind == "time" and time_of(sentence, amount) == "unclear")


def _amount_at(sentence: str, value: str) -> Amount | None:
    """The quantity in a sentence that a finding's value is, or is a part of."""
    at = sentence.find(value)
    if at < 0:
        return None
    return next((one for one in find_amounts(sentence) if one.start < at + len(value) and at < one.end), None)


def own_claims(card: Card, *, ours: bool = False) -> Iterator[tuple[FieldName, str]]:
    """What a person filled into the fields; our own earlier values are no statement of the card's, unless they are asked for."""
    for name, span in card.layout.spans.items():
        recorded = card.block.fields.get(SHORT[name]) if card.block is not None else None
        by_us = recorded is not None and recorded == digest(card.document.raw[span.start : span.end])
        if (ours or not by_us) and not span.placeholder and span.value:
            yield name, span.value


def _gather_claim(card: Card, found: _Found, name: FieldName, value: str) -> None:
    """Read a field as a statement."""
    span = card.layout.spans[name]
    words = f"{TEMPLATE_LABELS[name]}: {value}"[:_LONGEST]
    said = Statement(card.source.number(span.line), words, "", value, name)
    if name not in {"cloud_provider", "compute_region"} and (why := why_no_value(value)) is not None:
        found.aside.append((said.line, why))
        return
    if name == "hardware_type":
        named = hardware_in(value)
        for one in named or [value]:
            _gather_hardware(found, one, said)
    elif name == "hours_used":
        hours = read_hours(value)
        for amount in (hours.wall, hours.unsaid, hours.device) if hours is not None else ():
            if amount is not None:
                found.hours.append((amount, said))
    elif name == "carbon_emitted":
        mass = read_mass(value)
        if mass is not None:
            found.mass.append((mass, said))
    elif len(value) <= _LONGEST_NAME:  # more is a remark, not a name
        called = _REMARK.sub("", value) or value
        found.names["region" if name == "compute_region" else "provider"].append((called, said))


def _agreed(found: _Found) -> Stated:
    """The facts on which all statements agree."""
    facts: dict[Fact, str | float] = {}
    by: dict[Fact, tuple[Statement, ...]] = {}
    refused: dict[Fact, str] = {}

    def settle(fact: Fact, value: str | float | None, statements: Sequence[Statement]) -> None:
        if value is not None:
            facts[fact], by[fact] = value, _each(statements)
        elif statements:
            refused[fact] = _told(statements)

    matches = [match for match, _ in found.hardware]
    name = _one_hardware(matches)
    settle("hardware", name, [said for _, said in found.hardware])
    counts = [(match.count_in_text, said) for match, said in found.hardware if match.count_in_text] + found.counts
    if name is not None and counts:
        settle("count", counts[0][0] if len({number for number, _ in counts}) == 1 else None, [said for _, said in counts])
    elif name is not None and any(match.instance for match in matches):
        settle("count", 1, [said for match, said in found.hardware if match.instance])  # a slice that is named alone
    for fact, of_devices in (("hours", False), ("device_hours", True)):
        times = [(amount, said) for amount, said in found.hours if (amount.counted == "device") is of_devices]
        settle(fact, _one_amount([amount for amount, _ in times]), [said for _, said in times])  # type: ignore[arg-type]  # one of the two
    settle("energy_kwh", _one_amount([amount for amount, _ in found.energy]), [said for _, said in found.energy])
    settle("emissions_g", _one_amount([amount for amount, _ in found.mass]), [said for _, said in found.mass])
    if _is_ambiguous(found.hours, facts):
        refused["hours"] = f"of one device, or of all together? {_told(by.pop('hours'))}"
        del facts["hours"]
    for fact, names in found.names.items():
        distinct = {one.casefold() for one, _ in names}
        only = names[0][0] if len(distinct) == 1 and names[0][0] != "both" else None
        settle(fact, only, [said for _, said in names])
    return Stated(facts=facts, by=by, refused=refused, aside=tuple(found.aside))


def _is_ambiguous(hours: Sequence[tuple[Amount, Statement]], facts: Mapping[Fact, str | float]) -> bool:
    """Whether hours may be those of the clock or those of all devices: a number in the field, unless there was one device.

    Who counts in days, minutes or seconds looked at a clock.
    """
    if "hours" not in facts or facts.get("count") == 1:
        return False
    return not any(
        amount.counted == "wall" or said.field is None or _OF_THE_CLOCK.search(said.value)
        for amount, said in hours
        if amount.counted != "device"
    )


def _one_hardware(matches: Sequence[HardwareMatch]) -> str | None:
    """The name of the one kind of hardware that all statements can mean, in its most exact form; None if there is none."""
    if not matches:
        return None
    common = set.intersection(*({one.id for one in match.candidates} for match in matches))
    slices = {match.instance for match in matches if match.instance}
    if not common or len(slices) > 1:
        return None
    # A pod's slice counts cores where a plain count counts chips: that they agree cannot be told.
    if slices and any(match.count_in_text for match in matches if not match.instance):
        return None
    exact = min(matches, key=lambda match: (match.instance is None, len(match.candidates)))
    name = _DEVICES.sub(r"\1", exact.name_in_text or exact.query)
    return name[:-1] if _PLURAL.search(name) and _is_known(name[:-1], exact) else name


def _is_known(name: str, as_match: HardwareMatch) -> bool:
    """Whether a name means the same hardware as another; of `8 V100s` it may not: there is a V100S, too."""
    from footprint.reference import find_accelerator

    try:
        found = find_accelerator(name)
    except UnknownHardware:
        return False
    return {one.id for one in found.candidates} == {one.id for one in as_match.candidates}


def _one_amount(amounts: Sequence[Amount]) -> float | None:
    """The one value that all statements agree on, from the most exact of them; None for a range, a part, or what is not sure."""
    if not amounts or any(one.per or not one.sure or one.low != one.high or one.high <= 0 for one in amounts):
        return None
    if any(one.counted in {"node", "core"} for one in amounts) or not all(same(amounts[0], other) for other in amounts[1:]):
        return None
    return min(amounts, key=lambda one: one.rough).middle


def _each(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Statements, each once."""
    return tuple({(said.line, said.words): said for said in statements}.values())


def _told(statements: Sequence[Statement]) -> str:
    """What contradicting, or unclear, statements say."""
    said = [f"line {one.line}: {text.clean(one.value, limit=80)!r}" for one in _each(statements)]
    return ", ".join(said[:4]) + (f" and {len(said) - 4} more" if len(said) > 4 else "")  # noqa: PLR2004 - enough to see it


def _sections(card: Card) -> list[tuple[int, int, str]]:
    """The headings' lines, as a person sees them, their levels and texts."""
    return [(card.source.number(one.line), one.level, text.clean(one.text, limit=80, empty="")) for one in card.document.headings]


def _headings_above(sections: Sequence[tuple[int, int, str]], line: int) -> list[str]:
    """The headings that a line stands under, the innermost first."""
    found: list[str] = []
    inside = 7  # deeper than any heading
    for at, level, title in reversed(sections):
        if at <= line and level < inside:
            found.append(title)
            inside = level
    return found
