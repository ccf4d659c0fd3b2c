"""Filling the fields that a card's body has already: what is replaced, what stays, and what is refused.

A person's value is never replaced unless told to; our own earlier values, known by their digests in the block, are updated.
"""

from __future__ import annotations

from typing import Final

from footprint.card.content.known import CardContent
from footprint.card.filling.new_fields import can_be_added, new_field
from footprint.card.filling.place import PLACEHOLDER
from footprint.card.filling.plan import Change, Kept, Part
from footprint.card.filling.slots import as_html, placed, written
from footprint.card.layout import FieldSpan, group_key, listed
from footprint.card.parts.block import Block, block_about, digest, group_digest, safe
from footprint.card.read import Card
from footprint.errors import CardError
from footprint.model import FIELD_NAMES, FieldName

SHORT: Final[dict[FieldName, str]] = {
    "hardware_type": "hardware",
    "hours_used": "hours",
    "cloud_provider": "provider",
    "compute_region": "region",
    "carbon_emitted": "carbon",
}
"""The fields' names in the block's header."""

NO_NUMBER: Final = "its label asks for a plain number, which is not known"


def refuse(card: Card, *, overwrite: bool) -> None:
    """Refuse what cannot be filled safely: fields that stand several times, when none of their groups is named.

    Tables that a person has filled for several models are left as they are, and need no choice.
    """
    layout = card.layout
    if layout.main is not None or not layout.groups:
        return
    by_hand = all(group.table is not None for group in layout.groups)
    spans = [span for group in layout.groups for span in group.spans.values()]
    if by_hand and not overwrite and not any(span.placeholder for span in spans):
        return
    raise CardError(
        "the fields stand here for a second time, and which group is this model's cannot be told; name one of the groups "
        f"(--group): {listed(layout.groups, card.source.number)}",
        card.source.number(layout.groups[1].line),
    )


def block_of_fields(card: Card) -> Block | None:
    """The block on what the main group of fields says."""
    return block_about(card.blocks, "training", group_digest(group_key(card.layout)))


def fill_fields(card: Card, content: CardContent, *, overwrite: bool) -> Part:
    """The edits of fields that stand already, new lines for others, what is kept, and the digests of all that is ours then."""
    part = Part()
    block = block_of_fields(card)
    placed_beside = bool(card.layout.spans) or card.layout.section is not None
    for name in FIELD_NAMES:
        span, value = card.layout.spans.get(name), content.fields.get(name)
        if span is not None:
            _fill(card, part, span, value, content, block, overwrite=overwrite)
        elif value is not None and not placed_beside:
            part.wrote(name, "", safe(value), SHORT[name])  # the new section has it
        elif value is not None and can_be_added(card.layout):
            new, line = new_field(card, name, value)
            part.added[name] = line
            part.wrote(name, "", new, SHORT[name])
        elif value is not None:
            part.aside[name] = value
    return part


def _fill(  # noqa: PLR0917 - one field of a fill
    card: Card, part: Part, span: FieldSpan, value: str | None, content: CardContent, block: Block | None, *, overwrite: bool
) -> None:
    """One field that stands already."""
    name, document = span.name, card.document
    recorded = block.fields.get(SHORT[name]) if block else None
    stands = document.raw[span.start : span.end]
    ours = span.whole and recorded == digest(stands)
    new = written(span, value, content.grams) if value is not None else None
    if new is None and ours and not span.placeholder:
        nothing = as_html(PLACEHOLDER) if span.slot == "html" else PLACEHOLDER
        part.edits.append(placed(document, span, nothing))
        part.changed.append(Change(field=name, before=span.value, after=nothing, withdrawn=True))
        return
    if value is None:
        return
    if new is not None and span.whole and stands == new.encode():
        if ours:
            part.digests[SHORT[name]] = digest(new)
        return
    free = span.also is None and (span.placeholder or ours or (overwrite and span.whole))
    if new is not None and free:
        part.edits.append(placed(document, span, new))
        part.wrote(name, span.value, new, SHORT[name])
        return
    reason = _reason(card, span, recorded) if new is not None else NO_NUMBER
    part.kept.append(Kept(field=name, value=span.value, known=safe(value), reason=reason, line=card.source.number(span.line)))


def _reason(card: Card, span: FieldSpan, recorded: str | None) -> str:
    """Why a value stays."""
    if span.also is not None:
        return f"it stands again on line {card.source.number(span.also)}: which one is meant cannot be told"
    if not span.whole:
        return "it goes over several lines"
    return "changed by a person since we wrote it" if recorded else "a person's value"
