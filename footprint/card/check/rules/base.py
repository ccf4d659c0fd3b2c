"""Rules on a card beside that of the model that it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from footprint import text
from footprint.card.check.registry import Subject, rule
from footprint.card.check.shown import number_of_line, short
from footprint.card.parts.metadata import scalar_value
from footprint.card.read import Card
from footprint.card.words.labels import TEMPLATE_LABELS
from footprint.model import Claim, FieldName, Finding

_AMOUNTS: Final[tuple[FieldName, ...]] = ("carbon_emitted", "hours_used")
_MARKUP: Final = re.compile(r"<[^<>]{0,200}>|[*_`~\\\[\]]")
_FIGURES: Final = re.compile(r"[1-9]")


@rule("base-copied", "error", "the base model's numbers in another model's card")
def base_copied(subject: Subject) -> Iterator[Finding]:
    """A fine-tune, a merge or a quantised copy whose card states its base model's hours and emissions states another training's.

    It is an error where the emissions and all that both cards state are the same, and a warning where the emissions are the same
    but hours or hardware are not, or where the hours are the same and no emissions are stated. It needs the base model's card
    (`--base`; with `--hub` the one that the card names).
    """
    if subject.base is None:
        return
    card, base = subject.card, subject.base
    for group in card.groups:
        claims = _claims(group.fields)
        for other in base.groups:
            finding = _copied(claims, _claims(other.fields))
            if finding is not None:
                yield finding
                break
    yield from _front_matter(card, base)


def _copied(claims: dict[FieldName, Claim], base: dict[FieldName, Claim]) -> Finding | None:
    """The finding on two groups of fields; None where this one is its own."""
    shared = [name for name in claims if name in base]
    same = [name for name in shared if _folded(claims[name].value) == _folded(base[name].value)]
    amount = next((name for name in _AMOUNTS if name in same and _FIGURES.search(claims[name].value)), None)
    if amount is None or (amount == "hours_used" and "carbon_emitted" in shared):
        return None
    if len(same) == 1 and _is_round(claims[amount].value):
        return None  # two trainings of 24 hours, on whatever
    differing = [TEMPLATE_LABELS[name] for name in shared if name not in same]
    is_whole = amount == "carbon_emitted" and not differing and len(same) > 1
    rest = f", although {' and '.join(differing)} differ{'' if len(differing) > 1 else 's'}" if differing else ""
    listed = ", ".join(TEMPLATE_LABELS[name] for name in same)
    return Finding(
        code="base-copied",
        severity="error" if is_whole else "warning",
        line=claims[amount].line,
        message=f"the same {listed} as in the base model's card (line {base[amount].line} there){rest}",
        stated=short(claims[amount].value),
        fix="state what making this model took, or say whose numbers these are and take them out of the fields",
    )


def _front_matter(card: Card, base: Card) -> Iterator[Finding]:
    mine, theirs = _emissions(card), _emissions(base)
    if mine is None or theirs is None or mine[1] != theirs[1] or mine[1] == 0:
        return
    yield Finding(
        code="base-copied",
        severity="error",
        line=mine[0],
        message=f"the front matter has the emissions of the base model's (line {theirs[0]} there)",
        stated=text.clean(f"{mine[1]:g} g"),
        fix="state what making this model took, or leave the key out",
    )


def _emissions(card: Card) -> tuple[int, float] | None:
    """Line and number of the front matter's emissions."""
    entry = card.yaml.emissions()
    found = entry[1].find("emissions") if entry is not None and entry[1].kind == "mapping" else entry
    if found is None or found[1].kind != "scalar":
        return None
    value = scalar_value(found[1].text, plain=found[1].plain)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (number_of_line(card, found[1]), float(value)) if is_number and abs(value) < 1e300 else None  # noqa: PLR2004 - no float is larger


def _claims(fields: dict[FieldName, Claim | None]) -> dict[FieldName, Claim]:
    """The fields that say something."""
    return {name: claim for name, claim in fields.items() if claim is not None and not claim.placeholder}


def _folded(value: str) -> str:
    """A value whatever its case, markup and spacing."""
    return " ".join(_MARKUP.sub(" ", value).casefold().split())


def _is_round(value: str) -> bool:
    """Whether a value has one or two figures and no words beyond a unit: such values are the same by chance."""
    return sum(char.isdigit() for char in value) <= 2 and len(value) <= 12  # noqa: PLR2004 - short
