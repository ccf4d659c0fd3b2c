"""Filling a card: which bytes change, what stays because a person wrote it, and the proof that nothing else changed.

A person's value is never replaced unless told to; our own earlier values, known by their digests in the block, are updated.
"""

from __future__ import annotations

from typing import Final

from footprint.card.block import body_of, digest, render_block, render_header, safe
from footprint.card.content import METADATA_KEYS, CardContent
from footprint.card.edits import Edit, apply, arrange
from footprint.card.explain import INSIDE
from footprint.card.fill_fields import SHORT, fill_fields, refuse, styled
from footprint.card.fill_metadata import fill_metadata
from footprint.card.labels import TEMPLATE_LABELS
from footprint.card.place import after_fields, new_section
from footprint.card.plan import FillPlan, Kept, Part
from footprint.card.proof import prove
from footprint.card.read import Card

NEW_SECTION: Final = "the card had no Environmental Impact section: one was added"
# The header says the same whatever the order in which the card was edited.
_ORDER: Final = (*SHORT.values(), *(f"co2.{key}" for key in METADATA_KEYS))


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
    block = _block(card, content, Part.join(body, meta), overwrite=overwrite)
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
        changed=(*body.changed, *meta.changed),
        kept=(*body.kept, *meta.kept, *_block_kept(card, overwrite=overwrite)),
        unknown=content.unknown,
        notes=notes,
    )
    prove(card, plan, values, content.metadata)
    return plan


def _block(card: Card, content: CardContent, part: Part, *, overwrite: bool) -> bytes:
    """Our block as it is to be: rendered anew, or, where a person edited it, with a new header only."""
    lines = [f"{'  - ' if line.startswith(INSIDE) else '- '}{safe(line, limit=2000)}" for line in content.lines]
    digests = {name: part.digests[name] for name in _ORDER if name in part.digests}
    for kept in part.kept:
        label = TEMPLATE_LABELS.get(kept.field, kept.field)  # type: ignore[call-overload]  # a key of the front matter has no label
        lines.append(f"- The card's own {label} was kept; known to us: {safe(kept.known)}")
    lines = ["How these figures are known (written by footprint; a value that a person changes is kept):", "", *lines]
    header = render_header(
        runs=content.runs,
        factors=content.factors_version,
        fields=digests,
        body_digest=digest(body_of(lines)),
    )
    if card.block is None or not card.block.edited or overwrite:
        return render_block(header, lines, card.document.eol)
    kept_digest = card.block.header.get("digest", "none")
    header = render_header(runs=content.runs, factors=content.factors_version, fields=digests, body_digest=kept_digest)
    return header + card.raw[card.block.header_end : card.block.end]


def _block_kept(card: Card, *, overwrite: bool) -> list[Kept]:
    if card.block is None or not card.block.edited or overwrite:
        return []
    line = card.block.first + 1
    return [Kept(field="block", value="", known="", reason="the block's text was edited by a person", line=line)]
