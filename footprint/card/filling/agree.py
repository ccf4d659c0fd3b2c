"""One card, one emission: where a person states one in the body or in the front matter, ours does not stand in the other.

What a person stated stays, and a number of ours beside it that says otherwise would make the card contradict itself: ours stands
in the block alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from footprint.card.parts.metadata import KEY
from footprint.card.words.amounts import find_amounts, read_mass
from footprint.card.words.labels import TEMPLATE_LABELS

if TYPE_CHECKING:
    from footprint.card.content.known import CardContent
    from footprint.card.filling.plan import Part
    from footprint.card.read import Card

_CARBON: Final = "carbon_emitted"
_EMISSIONS: Final = f"{KEY}.emissions"
_LOW: Final = 0.9
_HIGH: Final = 1.12
"""Two figures agree whose ratio lies between these: other roundings, another year's grid, a chip of another rated power."""
_UNITS: Final = (1.0, 1e3, 1e6)


def body_says_otherwise(card: Card, body: Part, meta: Part, grams: str) -> str | None:
    """Why the front matter's entry is not written; None where it may be.

    Args:
        card: the card as read.
        body: what the fill makes of the fields.
        meta: what it would make of the front matter.
        grams: the emissions as a plain decimal.
    """
    kept = next((one for one in body.kept if one.field == _CARBON), None)
    span = card.layout.spans.get(_CARBON)
    if kept is None or span is None or "co2.emissions" not in meta.digests or _agree(span.value, span.unit_g, grams):
        return None
    return (
        f"{KEY} was not written: the card's own {TEMPLATE_LABELS[_CARBON]} (line {kept.line}) states another amount; "
        "--overwrite replaces it"
    )


def metadata_says_otherwise(card: Card, body: Part, meta: Part, grams: str, *, new: bool) -> str | None:
    """Why the body's emission is not written; None where it may be.

    Args:
        card: the card as read.
        body: what the fill would make of the fields.
        meta: what it makes of the front matter.
        grams: the emissions as a plain decimal.
        new: whether a new section would state them.
    """
    entry = card.yaml.emissions()
    ours = any(change.field == _EMISSIONS for change in meta.changed) or "co2.emissions" in meta.digests
    if entry is None or ours or not (new or "carbon" in body.digests) or _agree(_stated(card.yaml.value), 1.0, grams):
        return None
    line = card.source.number(card.document.line_number(entry[0].start) - 1)
    return (
        f"{TEMPLATE_LABELS[_CARBON]} was not written: the card's own {KEY} (line {line}) states another amount; "
        "--overwrite replaces it"
    )


def without_carbon(content: CardContent) -> CardContent:
    """The content without the body's emission, which counts for standing: it is known, and not to be written."""
    fields = {name: value for name, value in content.fields.items() if name != _CARBON}
    return msgspec.structs.replace(content, fields=fields, standing=content.standing | {_CARBON})


def _stated(value: Any) -> str:
    """The number of an entry in whatever shape, as text; empty where it has none."""
    if isinstance(value, list):
        value = next((one["emissions"] for one in value if isinstance(one, dict) and "emissions" in one), None)
    if isinstance(value, dict):
        value = value.get("emissions")
    return "" if value is None or isinstance(value, (bool, dict, list)) else str(value)


def _agree(stated: str, unit_g: float | None, grams: str) -> bool:
    """Whether a stated emission may be the known one; also where it says no amount that can be compared."""
    try:
        known = float(grams)
    except ValueError:
        return True
    found = [(one.low, one.high) for one in find_amounts(stated) if one.kind == "mass"]
    if not found:
        units = _UNITS if unit_g is None else (unit_g,)
        bare = [one for unit in units if (one := read_mass(stated, unit_g=unit)) is not None]
        found = [(one.low, one.high) for one in bare]
    return not found or any(low * _LOW <= known <= high * _HIGH for low, high in found)
