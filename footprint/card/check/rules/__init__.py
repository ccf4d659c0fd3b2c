"""All rules, a file a topic; importing this registers them in the order in which they are listed."""

from __future__ import annotations

from footprint.card.check.registry import RULES
from footprint.card.check.rules import (
    arithmetic,
    base,
    blocks,
    counts,
    emissions,
    hardware,
    metadata,
    placeholders,
    places,
    tables,
    templates,
    units,
)

__all__ = [
    "RULES",
    "arithmetic",
    "base",
    "blocks",
    "counts",
    "emissions",
    "hardware",
    "metadata",
    "placeholders",
    "places",
    "tables",
    "templates",
    "units",
]
