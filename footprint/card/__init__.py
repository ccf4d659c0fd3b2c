"""Model cards: read anything, change only the bytes that carry our fields."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from footprint.card.content import CardContent, content_from_declaration, content_from_profile, content_from_run
    from footprint.card.edits import Edit
    from footprint.card.filling import FillPlan, fill
    from footprint.card.read import Card, read_card
    from footprint.card.write import write_card, write_new

__all__ = [
    "Card",
    "CardContent",
    "Edit",
    "FillPlan",
    "content_from_declaration",
    "content_from_profile",
    "content_from_run",
    "fill",
    "read_card",
    "write_card",
    "write_new",
]

_HOMES = {
    "Card": "read",
    "CardContent": "content",
    "Edit": "edits",
    "FillPlan": "filling",
    "content_from_declaration": "content",
    "content_from_profile": "content",
    "content_from_run": "content",
    "fill": "filling",
    "read_card": "read",
    "write_card": "write",
    "write_new": "write",
}


def __getattr__(name: str) -> Any:
    """Load the module of a public name when it is first asked for (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'footprint.card' has no attribute {name!r}")
    value = getattr(import_module(f"footprint.card.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
