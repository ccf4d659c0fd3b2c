"""Model cards: read anything, change only the bytes that carry our fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.lazy import lazily

if TYPE_CHECKING:
    from footprint.card.block import recorded_edition
    from footprint.card.content import CardContent
    from footprint.card.content_declared import content_from_declaration, content_from_profile
    from footprint.card.content_evidence import FromEvidence, content_from_evidence
    from footprint.card.content_runs import content_from_account, content_from_run
    from footprint.card.edits import Edit
    from footprint.card.filling import fill
    from footprint.card.plan import FillPlan
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
        "CardContent": "footprint.card.content",
        "Edit": "footprint.card.edits",
        "FillPlan": "footprint.card.plan",
        "content_from_account": "footprint.card.content_runs",
        "FromEvidence": "footprint.card.content_evidence",
        "content_from_evidence": "footprint.card.content_evidence",
        "content_from_declaration": "footprint.card.content_declared",
        "content_from_profile": "footprint.card.content_declared",
        "content_from_run": "footprint.card.content_runs",
        "fill": "footprint.card.filling",
        "named": "footprint.card.read",
        "read_card": "footprint.card.read",
        "recorded_edition": "footprint.card.block",
        "write_card": "footprint.card.write",
        "write_new": "footprint.card.write",
    },
)


def __dir__() -> list[str]:
    return list(__all__)
