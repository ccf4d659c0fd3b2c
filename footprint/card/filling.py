"""Filling a card: which bytes change, what stays because a person wrote it, and the proof that nothing else changed.

A person's value is never replaced unless told to; our own earlier values, known by their digests in the block, are updated.
"""

from __future__ import annotations

from typing import Final

from footprint.card.block import safe
from footprint.card.content import CardContent
from footprint.card.edits import Edit, apply, arrange
from footprint.card.fill_block import render
from footprint.card.fill_fields import fill_fields, refuse, styled
from footprint.card.fill_metadata import fill_metadata
from footprint.card.place import after_fields, new_section
from footprint.card.plan import FillPlan, Part
from footprint.card.proof import prove
from footprint.card.read import Card

NEW_SECTION: Final = "the card had no Environmental Impact section: one was added"


def fill(card: Card, content: CardContent, *, overwrite: bool = False) -> FillPlan:
    """Plan a fill, and prove it on the result.

    Args:
        card: the card as read.
        content: what is known.
        overwrite: replace a person's values too.

    Raises:
        CardError: if the card is a rendering, if its fields stand in several groups or in a table, or if the proof fails;
            with the line and the reason. Nothing is written here in any case.
    """
    refuse(card)
    body = fill_fields(card, content, overwrite=overwrite)
    meta = fill_metadata(card, content.metadata, overwrite=overwrite)
    values = {name: safe(value) for name, value in content.fields.items()}
    rendered = render(card, content, Part.join(body, meta), overwrite=overwrite)
    block = rendered.new
    edits, notes = [*meta.edits, *body.edits], meta.notes
    if card.layout.spans or card.layout.section:
        added = [styled(card, name, values[name]) for name in values if name not in card.layout.spans]
        if card.block is None or added:
            edit = after_fields(card.document, card.layout, added, b"" if card.block else block)
            edits += [edit] if edit else []
    else:
        edits.append(new_section(card.document, values, b"" if card.block else block))
        notes += (NEW_SECTION,)
    if card.block is not None:
        edits.append(Edit(start=card.block.start, end=card.block.end, new=block))
    arranged = arrange([e for e in edits if card.raw[e.start : e.end] != e.new])
    plan = FillPlan(
        edits=arranged,
        before=card.raw,
        after=apply(card.raw, arranged),
        changed=(*body.changed, *meta.changed, *rendered.changed),
        kept=(*body.kept, *meta.kept, *rendered.kept),
        unknown=content.unknown,
        notes=notes,
    )
    prove(card, plan, values, content.metadata, {rendered.name: block})
    return plan
