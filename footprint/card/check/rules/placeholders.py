"""Rules on fields that say nothing although the card itself has the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from footprint import text
from footprint.card.check.registry import Subject, rule
from footprint.card.check.shown import number_of_line, short
from footprint.card.parts.metadata import scalar_value
from footprint.card.read import Card
from footprint.card.words.labels import TEMPLATE_LABELS, is_placeholder
from footprint.model import Claim, Evidence, FieldName, Finding, Severity

# The front matter's keys that say what a field of the body says.
_KEYS: Final[dict[FieldName, str]] = {
    "hardware_type": "hardware_used",
    "hours_used": "hours_used",
    "compute_region": "geographical_location",
    "carbon_emitted": "emissions",
}
# A sentence about the making of this model, not of another one, and not of what it takes to use it.
_MAKING: Final = re.compile(
    r"\b(?:pre-?|re-?)?train(?:ed|ing|s)?\b|\bfine-?tun(?:ed|ing)\b|\bdistill?ed\b|\bcomput(?:e|ing) infrastructure\b",
    re.IGNORECASE,
)
_OF_ANOTHER: Final = re.compile(
    r"\b(?:base|original|parent|teacher|backbone|other|previous|baseline|GPT-?\d|upstream) (?:models?|version|checkpoint|weights)"
    r"|\b(?:inference|deploy|serv(?:e|ing)|latency|benchmark|per second|faster than|compared (?:to|with)|could|can be|would"
    r"|if you|you can|you may|your own|requires?|needed|recommend|at least|minimum|for example|e\.g\.|https?:)",
    re.IGNORECASE,
)
_SENTENCE: Final = 160


@rule("placeholder-answered", "warning", "a placeholder although the card has the answer")
def placeholder_answered(subject: Subject) -> Iterator[Finding]:
    """A field says `[More Information Needed]` while the front matter, or a sentence of the card, says what belongs there.

    What the front matter states is a warning. A sentence is only a hint, for it may be of another model or another run: it must
    speak of training and be the only one on that field, or agree with the others, and a card of several groups has none.
    """
    card = subject.card
    groups = card.groups
    if len(groups) != 1:
        return
    stated = _front_matter(card)
    evidence: tuple[Evidence, ...] | None = None
    for name, claim in groups[0].fields.items():
        if claim is None or not claim.placeholder:
            continue
        if name in stated:
            line, value = stated[name]
            where = f"the front matter's {_KEYS[name]} (line {line})"
            yield _answered(name, claim, "warning", where, value)
            continue
        evidence = card.evidence if evidence is None else evidence
        found = [one for one in evidence if one.field == name and _is_making(one.text)]
        if found and (len({one.line for one in found}) == 1 or len({_folded(one.value) for one in found}) == 1):
            values = ", ".join(dict.fromkeys(one.value for one in found))
            where = f"line {found[0].line}, {text.clean(found[0].text, limit=_SENTENCE)!r},"
            yield _answered(name, claim, "info", where, values)


def _answered(name: FieldName, claim: Claim, severity: Severity, where: str, value: str) -> Finding:
    return Finding(
        code="placeholder-answered",
        severity=severity,
        line=claim.line,
        message=f"{TEMPLATE_LABELS[name]} says nothing, but {where} has {text.clean(value, limit=_SENTENCE)}",
        stated=short(claim.value),
        expected=short(value),
        fix="write it into the field, if it is about this model's training",
    )


def _front_matter(card: Card) -> dict[FieldName, tuple[int, str]]:
    """What the front matter says of each field, with its line; grams for emissions."""
    entry = card.yaml.emissions()
    if entry is None:
        return {}
    found: dict[FieldName, tuple[int, str]] = {}
    for name, key in _KEYS.items():
        pair = entry[1].find(key) if entry[1].kind == "mapping" else entry if key == "emissions" else None
        if pair is None or pair[1].kind != "scalar" or is_placeholder(pair[1].text[:400]):
            continue
        value = scalar_value(pair[1].text, plain=pair[1].plain)
        is_amount = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        if name in {"carbon_emitted", "hours_used"} and not is_amount:
            continue
        unit = {"carbon_emitted": " g", "hours_used": " h"}.get(name, "")
        found[name] = number_of_line(card, pair[1]), pair[1].text.strip() + unit
    return found


def _is_making(sentence: str) -> bool:
    return _MAKING.search(sentence) is not None and _OF_ANOTHER.search(sentence) is None


def _folded(value: str) -> str:
    return re.sub(r"[\W_]", "", value.casefold())
