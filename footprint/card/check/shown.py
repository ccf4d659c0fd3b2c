"""Where findings stand, and how what is stated is shown."""

from __future__ import annotations

from typing import Final

from footprint.card.parts.metadata import Node
from footprint.card.read import Card

_SHOWN: Final = 60


def number_of_line(card: Card, place: Node | int) -> int:
    """The line in the file of a node, or of an offset in the document."""
    offset = place if isinstance(place, int) else place.start
    return card.source.number(card.document.line_number(offset) - 1)


def short(text: str) -> str:
    """What is stated, cut where it is long."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
