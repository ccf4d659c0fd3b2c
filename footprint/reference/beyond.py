"""Which factors are of what is beyond operational emissions: the making of hardware, water, cost."""

from __future__ import annotations

from typing import Final

from footprint.model import Factor

_IDS: Final = ("embodied", "hardware.life", "hardware.use", "wue", "ewif", "price.")
"""How the ids of these factors begin, those that somebody stated included."""


def is_beyond(factor: Factor) -> bool:
    """Whether a factor is of no energy and of no operational emissions."""
    return factor.id.startswith(_IDS)
