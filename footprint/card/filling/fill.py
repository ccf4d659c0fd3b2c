"""Filling a card: which bytes change, what stays because a person wrote it, and the proof that nothing else changed.

A person's value is never replaced unless told to; our own earlier values, known by their digests in the block, are updated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from footprint.card.content.explain import names_of
from footprint.card.content.known import CardContent
from footprint.card.filling.agree import body_says_otherwise, metadata_says_otherwise, without_carbon
from footprint.card.filling.block import render
from footprint.card.filling.fields import fill_fields, refuse
from footprint.card.filling.forms import NO_BLOCK, fill_front_matter, page_section, writable
from footprint.card.filling.place import after_block, after_fields, new_section
from footprint.card.filling.plan import FillPlan, Part
from footprint.card.filling.proof import prove
from footprint.card.layout import choose, group_key, listed
from footprint.card.parts.block import group_digest, safe
from footprint.card.parts.edits import Edit, apply, arrange
from footprint.card.read import Card
from footprint.model import FieldName

NEW_SECTION: Final = "the card had no Environmental Impact section: one was added"
ONE_OF_SEVERAL: Final = "the front matter was left alone: it speaks of the whole card, and one of its groups of fields was filled"
TOTALLED: Final = "a row of totals of the card's table was left as it is: see that it still adds up"
NO_PLACE: Final = "the card's table has no place for what stands in the block alone"
LEFT: Final = "the card's own table states figures for several models and was left as it is"


def fill(card: Card, content: CardContent, *, overwrite: bool = False, group: str | None = None) -> FillPlan:
    """Plan a fill, and prove it on the result.

    Args:
        card: the card as read.
        content: what is known.
        overwrite: replace a person's values too.
        group: the name of the group of fields to fill, where the card has several: whatever its case and markup, or its
            beginning if no other begins so, or the number of its first line.

    Raises:
        CardError: if its fields stand in several groups and none is named, if no group has the name, if its form has no place
            for them, or if the proof fails; with the line and the reason. Nothing is written here in any case.
    """
    if group is not None:
        card = msgspec.structs.replace(card, layout=choose(card.layout, group, card.source.number))
    # Work that did not make the model says nothing of what the fields and the front matter are for.
    making = content.about == "training"
    if making:
        refuse(card, overwrite=overwrite)
    fitting, no_line = writable(card, content)
    key = group_key(card.layout)
    body = fill_fields(card, fitting, overwrite=overwrite) if making else Part()
    meta = fill_front_matter(card, content, overwrite=overwrite) if making and not key else Part()
    if making and not key:
        body, meta, content, fitting = _one_emission(card, body, meta, content, fitting, overwrite=overwrite)
    body.kept += no_line if making else []
    values = {name: safe(value) for name, value in (content.fields | fitting.fields).items()} if making else {}
    blocks = [render(card, content, Part.join(body, meta), overwrite=overwrite, group=group_digest(key) if making else "")]
    blocks += [render(card, one, Part(), overwrite=overwrite) for one in content.beside]
    edits, notes = [*meta.edits, *body.edits], meta.notes
    if not card.source.adds_lines:
        blocks, notes = [], (*notes, NO_BLOCK)
    edits += [Edit(start=one.old.start, end=one.old.end, new=one.new) for one in blocks if one.old is not None]
    fresh = (card.document.eol * 2).join(one.new for one in blocks if one.old is None)
    if fresh and card.blocks and not (making and key):
        edits.append(after_block(card.document, card.blocks[-1].last, fresh))
        fresh = b""
    if card.layout.spans or card.layout.section:
        edits += after_fields(card.document, card.layout, body.added, fresh)
    elif card.source.section is not None and (making or fresh):
        edit, note = page_section(card, values if making else None, fresh)
        edits.append(edit)
        notes += (note,)
    elif making or fresh:
        edits.append(new_section(card.document, values if making else None, fresh))
        notes += (NEW_SECTION,)
    arranged = card.source.place(arrange([e for e in edits if card.document.raw[e.start : e.end] != e.new]))
    if making:
        notes += _notes(card, key, content, changed=bool(body.edits), aside=tuple(body.aside))
    plan = FillPlan(
        edits=arranged,
        before=card.raw,
        after=apply(card.raw, arranged),
        changed=(*body.changed, *meta.changed, *(change for one in blocks for change in one.changed)),
        kept=(*body.kept, *meta.kept, *(kept for one in blocks for kept in one.kept)),
        unknown=content.unknown if making else (),
        notes=(*notes, *content.notes),
    )
    prove(card, plan, content.metadata, {one.name: one.new for one in blocks})
    return plan


def _one_emission(
    card: Card, body: Part, meta: Part, content: CardContent, fitting: CardContent, *, overwrite: bool
) -> tuple[Part, Part, CardContent, CardContent]:
    """Both halves such that ours is not written into one of them where a person states another amount in the other."""
    new = "carbon_emitted" in fitting.fields and not (card.layout.spans or card.layout.section)
    if (note := body_says_otherwise(card, body, meta, content.grams)) is not None:
        content = msgspec.structs.replace(content, metadata={})
        meta = fill_front_matter(card, content, overwrite=overwrite)
        meta.notes += (note,)
    elif (note := metadata_says_otherwise(card, body, meta, content.grams, new=new)) is not None:
        content, fitting = without_carbon(content), without_carbon(fitting)
        body = fill_fields(card, fitting, overwrite=overwrite)
        meta.notes += (note,)
    return body, meta, content, fitting


def _notes(card: Card, key: str, content: CardContent, *, changed: bool, aside: Sequence[FieldName]) -> tuple[str, ...]:
    """What a person should hear of groups of fields."""
    notes: tuple[str, ...] = (ONE_OF_SEVERAL,) if key and content.metadata else ()
    main = card.layout.main
    if main is not None and main.totalled and changed:
        notes += (TOTALLED,)
    if aside:
        notes += (f"{NO_PLACE}: {names_of(aside)}",)
    tables = [group for group in card.layout.groups if group.table is not None and group is not card.layout.main]
    return (*notes, f"{LEFT}: {listed(tables, card.source.number)}") if tables and not key else notes
