"""Model cards: read anything, change only the bytes that carry our fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.lazy import lazily

if TYPE_CHECKING:
    from footprint.card.content.declared import content_from_declaration, content_from_profile
    from footprint.card.content.known import CardContent
    from footprint.card.content.runs import content_from_account, content_from_run
    from footprint.card.content.stated import FromEvidence, content_from_evidence
    from footprint.card.filling.fill import fill
    from footprint.card.filling.plan import FillPlan
    from footprint.card.parts.block import recorded_edition
    from footprint.card.parts.edits import Edit
    from footprint.card.read import Card, named, read_card
    from footprint.card.write import write_card, write_new

__all__ = [
    "Card",
    "CardContent",
    "Edit",
    "FillPlan",
    "FromEvidence",
    "content_from_account",
    "content_from_declaration",
    "content_from_evidence",
    "content_from_profile",
    "content_from_run",
    "fill",
    "named",
    "read_card",
    "recorded_edition",
    "write_card",
    "write_new",
]

__getattr__ = lazily(
    __name__,
    {
        "Card": "footprint.card.read",
        "CardContent": "footprint.card.content.known",
        "Edit": "footprint.card.parts.edits",
        "FillPlan": "footprint.card.filling.plan",
        "content_from_account": "footprint.card.content.runs",
        "FromEvidence": "footprint.card.content.stated",
        "content_from_evidence": "footprint.card.content.stated",
        "content_from_declaration": "footprint.card.content.declared",
        "content_from_profile": "footprint.card.content.declared",
        "content_from_run": "footprint.card.content.runs",
        "fill": "footprint.card.filling.fill",
        "named": "footprint.card.read",
        "read_card": "footprint.card.read",
        "recorded_edition": "footprint.card.parts.block",
        "write_card": "footprint.card.write",
        "write_new": "footprint.card.write",
    },
)


def __dir__() -> list[str]:
    return list(__all__)
