"""Filling a card: which bytes change, what stays because a person wrote it, and the proof that nothing else changed.

A person's value is never replaced unless told to; our own earlier values, known by their digests in the block, are updated.
"""

from __future__ import annotations

from typing import Final

import msgspec

from footprint.card.block import body_of, digest, render_block, render_header, safe
from footprint.card.content import METADATA_KEYS, CardContent
from footprint.card.edits import Edit, apply, arrange, outside_is_equal
from footprint.card.explain import INSIDE
from footprint.card.fill_metadata import fill_metadata
from footprint.card.labels import TEMPLATE_LABELS
from footprint.card.metadata import KEY, other_entries
from footprint.card.place import PLACEHOLDER, after_fields, field_line, new_section
from footprint.card.plan import Change, Kept, Part
from footprint.card.read import Card, read_card
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
NEW_SECTION: Final = "the card had no Environmental Impact section: one was added"
# The header says the same whatever the order in which the card was edited.
_ORDER: Final = (*SHORT.values(), *(f"co2.{key}" for key in METADATA_KEYS))


class FillPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a fill changes: the edits, and the card after them, which was read again and proved.

    `kept` are values of a person's that differ from what is known; `unknown` the fields of which nothing is known; `notes`
    what else a person should hear.
    """

    edits: tuple[Edit, ...]
    before: bytes
    after: bytes
    changed: tuple[Change, ...] = ()
    kept: tuple[Kept, ...] = ()
    unknown: tuple[FieldName, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the card's bytes change at all."""
        return self.before != self.after


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
    _refuse(card)
    body = _fill_fields(card, content, overwrite=overwrite)
    meta = fill_metadata(card, content.metadata, overwrite=overwrite)
    values = {name: safe(value) for name, value in content.fields.items()}
    block = _block(card, content, Part.join(body, meta), overwrite=overwrite)
    edits, notes = [*meta.edits, *body.edits], meta.notes
    if card.layout.spans or card.layout.section:
        added = [_styled(card, name, values[name]) for name in values if name not in card.layout.spans]
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


def prove(card: Card, plan: FillPlan, values: dict[FieldName, str], metadata: dict[str, str]) -> None:
    """Read the result again and check that only our spans changed and that what was written is what is read.

    Raises:
        CardError: if it is not so; the card is then left alone.
    """
    if not outside_is_equal(plan.before, plan.after, plan.edits):
        raise CardError("the result differs outside the fields; nothing was written")
    after = read_card(plan.after)
    wrote_metadata = any(change.field.startswith(KEY) for change in plan.changed)
    if not wrote_metadata and _front_matter(after) != _front_matter(card):
        raise CardError("the Hub would read another front matter than before; nothing was written")
    if other_entries(after.yaml) != other_entries(card.yaml):
        raise CardError("the front matter's other keys would not parse the same; nothing was written")
    if after.block is None or after.form != card.form:
        raise CardError("the block would not be read back (is the card's last fence or comment closed?); nothing was written")
    _prove_fields(card, after, plan, values)
    _prove_metadata(after, plan, metadata)


def _front_matter(card: Card) -> bytes | None:
    front = card.document.front_matter
    return None if front is None else card.raw[front.start : front.end]


def _prove_fields(card: Card, after: Card, plan: FillPlan, values: dict[FieldName, str]) -> None:
    """Each field reads back as it was written, or as it was."""
    kept = {kept.field for kept in plan.kept}
    changed = {change.field for change in plan.changed}
    for name in FIELD_NAMES:
        before = card.fields[name]
        if name in values and name not in kept:
            expected: str | None = values[name]
        elif name in changed or not (card.layout.spans or card.layout.section):
            expected = PLACEHOLDER
        else:
            expected = before.value if before is not None else None
        claim = after.fields[name]
        said = claim.value if claim is not None else None
        if said != expected:
            raise CardError(f"{TEMPLATE_LABELS[name]} would read back as {said!r}, not {expected!r}; nothing was written")


def _prove_metadata(after: Card, plan: FillPlan, metadata: dict[str, str]) -> None:
    """Each of our keys in the front matter reads back as it was written."""
    entry = after.yaml.emissions()
    for change in plan.changed:
        key = change.field.removeprefix(f"{KEY}.")
        if key == change.field or key not in metadata:
            continue
        found = entry[1].find(key) if entry is not None else None
        if found is None or found[1].text != metadata[key]:
            raise CardError(f"{change.field} would not read back; nothing was written")


def _refuse(card: Card) -> None:
    """Refuse what cannot be filled safely."""
    if card.form != "markdown":
        raise CardError(f"the card is a {card.form} of a card, not the card itself: it is read, not filled; fill its README.md")
    layout = card.layout
    if layout.repeated is not None:
        raise CardError(
            "a field stands here for a second time: which group is this model's cannot be told; nothing was written",
            layout.repeated + 1,
        )
    for span in layout.spans.values():
        if any(span.line < other.line <= span.last_line for other in layout.spans.values()):
            raise CardError("the fields stand inside one another, which is not edited; fill them by hand", span.line + 1)
    if layout.table is not None and not layout.spans:
        raise CardError(
            "the section states its figures in a table or in HTML, which is not edited; add the five fields to it by hand",
            layout.table + 1,
        )


def _fill_fields(card: Card, content: CardContent, *, overwrite: bool) -> Part:
    """The edits of fields that stand already; what is kept; and the digests of all values that are ours afterwards."""
    part = Part()
    for name in FIELD_NAMES:
        span = card.layout.spans.get(name)
        value = safe(content.fields[name]) if name in content.fields else None
        if span is None:
            if value is not None:
                part.wrote(name, "", value, SHORT[name])
            continue
        recorded = card.block.fields.get(SHORT[name]) if card.block else None
        ours = recorded == digest(card.raw[span.start : span.end]) and span.last_line == span.line
        if value is None:
            if ours and not span.placeholder:
                part.edits.append(Edit(start=span.start, end=span.end, new=PLACEHOLDER.encode()))
                part.changed.append(Change(field=name, before=span.value, after=PLACEHOLDER, withdrawn=True))
            continue
        if span.value == value:
            if ours:
                part.digests[SHORT[name]] = digest(value)
            continue
        if span.placeholder or ours or (overwrite and span.last_line == span.line):
            gap = "" if span.label.gap else " "
            after = " " if card.raw.startswith(b"<!--", span.end) else ""
            part.edits.append(Edit(start=span.start, end=span.end, new=f"{gap}{value}{after}".encode()))
            part.wrote(name, span.value, value, SHORT[name])
            continue
        reason = "changed by a person since we wrote it" if recorded else "a person's value"
        if span.last_line != span.line:
            reason = "it goes over several lines"
        part.kept.append(Kept(field=name, value=span.value, known=value, reason=reason, line=span.line + 1))
    return part


def _styled(card: Card, name: FieldName, value: str) -> bytes:
    """A new field's line in the style of the last one there is."""
    spans = card.layout.spans
    if not spans:
        return field_line(name, value)
    last = max(spans.values(), key=lambda span: span.line).label
    return field_line(name, value, lead=last.lead, bold=last.bold)


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
