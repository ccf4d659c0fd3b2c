"""All rules, a file a topic; importing this registers them in the order in which they are listed."""

from __future__ import annotations

from footprint.card.check.registry import RULES
from footprint.card.check.rules import base, blocks, emissions, metadata, placeholders, templates

__all__ = ["RULES", "base", "blocks", "emissions", "metadata", "placeholders", "templates"]
