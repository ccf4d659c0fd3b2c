"""Filling the fields that a card's body has already: what is replaced, what stays, and what is refused.

A person's value is never replaced unless told to; our own earlier values, known by their digests in the block, are updated.
"""

from __future__ import annotations

from typing import Final

from footprint.card.block import digest, safe
from footprint.card.content import CardContent
from footprint.card.edits import Edit
from footprint.card.place import PLACEHOLDER, field_line
from footprint.card.plan import Change, Kept, Part
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


def refuse(card: Card) -> None:
    """Refuse what cannot be filled safely."""
    layout = card.layout
    if layout.repeated is not None:
        raise CardError(
            "a field stands here for a second time: which group is this model's cannot be told; nothing was written",
            card.source.number(layout.repeated),
        )
    for span in layout.spans.values():
        if any(span.line < other.line <= span.last_line for other in layout.spans.values()):
            line = card.source.number(span.line)
            raise CardError("the fields stand inside one another, which is not edited; fill them by hand", line)
    if layout.table is not None and not layout.spans:
        raise CardError(
            "the section states its figures in a table or in HTML, which is not edited; add the five fields to it by hand",
            card.source.number(layout.table),
        )


def fill_fields(card: Card, content: CardContent, *, overwrite: bool) -> Part:
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
        ours = recorded == digest(card.document.raw[span.start : span.end]) and span.last_line == span.line
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
            after = " " if card.document.raw.startswith(b"<!--", span.end) else ""
            part.edits.append(Edit(start=span.start, end=span.end, new=f"{gap}{value}{after}".encode()))
            part.wrote(name, span.value, value, SHORT[name])
            continue
        reason = "changed by a person since we wrote it" if recorded else "a person's value"
        if span.last_line != span.line:
            reason = "it goes over several lines"
        part.kept.append(Kept(field=name, value=span.value, known=value, reason=reason, line=card.source.number(span.line)))
    return part


def styled(card: Card, name: FieldName, value: str) -> bytes:
    """A new field's line in the style of the last one there is."""
    spans = card.layout.spans
    if not spans:
        return field_line(name, value)
    last = max(spans.values(), key=lambda span: span.line).label
    return field_line(name, value, lead=last.lead, bold=last.bold)
