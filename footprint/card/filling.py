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
from footprint.card.fill_forms import NO_BLOCK, fill_front_matter, page_section, writable
from footprint.card.place import after_block, after_fields, new_section
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
        CardError: if its fields stand in several groups or in a table, if its form has no place for them, or if the proof
            fails; with the line and the reason. Nothing is written here in any case.
    """
    refuse(card)
    # Work that did not make the model says nothing of what the fields and the front matter are for.
    making = content.about == "training"
    fitting, no_line = writable(card, content)
    body = fill_fields(card, fitting, overwrite=overwrite) if making else Part()
    body.kept += no_line if making else []
    meta = fill_front_matter(card, content, overwrite=overwrite) if making else Part()
    values = {name: safe(value) for name, value in (content.fields | fitting.fields).items()} if making else {}
    blocks = [render(card, content, Part.join(body, meta), overwrite=overwrite)]
    blocks += [render(card, one, Part(), overwrite=overwrite) for one in content.beside]
    edits, notes = [*meta.edits, *body.edits], meta.notes
    if not card.source.adds_lines:
        blocks, notes = [], (*notes, NO_BLOCK)
    edits += [Edit(start=one.old.start, end=one.old.end, new=one.new) for one in blocks if one.old is not None]
    fresh = (card.document.eol * 2).join(one.new for one in blocks if one.old is None)
    if fresh and card.blocks:
        edits.append(after_block(card.document, card.blocks[-1].last, fresh))
        fresh = b""
    if card.layout.spans or card.layout.section:
        added = [styled(card, name, values[name]) for name in fitting.fields if name not in card.layout.spans] if making else []
        edit = after_fields(card.document, card.layout, added, fresh) if added or fresh else None
        edits += [edit] if edit else []
    elif card.source.section is not None and (making or fresh):
        edit, note = page_section(card, values if making else None, fresh)
        edits.append(edit)
        notes += (note,)
    elif making or fresh:
        edits.append(new_section(card.document, values if making else None, fresh))
        notes += (NEW_SECTION,)
    arranged = card.source.place(arrange([e for e in edits if card.document.raw[e.start : e.end] != e.new]))
    plan = FillPlan(
        edits=arranged,
        before=card.raw,
        after=apply(card.raw, arranged),
        changed=(*body.changed, *meta.changed, *(change for one in blocks for change in one.changed)),
        kept=(*body.kept, *meta.kept, *(kept for one in blocks for kept in one.kept)),
        unknown=content.unknown if making else (),
        notes=(*notes, *content.notes),
    )
    prove(card, plan, values, content.metadata, {one.name: one.new for one in blocks})
    return plan
