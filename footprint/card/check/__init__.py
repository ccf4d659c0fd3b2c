"""Checking what cards claim: a registry of rules, each a small function, over a card read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.lazy import lazily

if TYPE_CHECKING:
    from footprint.card.check.checking import check
    from footprint.card.check.registry import RULES, Rule, Subject, rule

__all__ = ["RULES", "Rule", "Subject", "check", "rule"]

__getattr__ = lazily(
    __name__,
    {
        "RULES": "footprint.card.check.registry",
        "Rule": "footprint.card.check.registry",
        "Subject": "footprint.card.check.registry",
        "check": "footprint.card.check.checking",
        "rule": "footprint.card.check.registry",
    },
)


def __dir__() -> list[str]:
    return list(__all__)
