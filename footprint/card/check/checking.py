"""One check of one card by all rules."""

from __future__ import annotations

from datetime import date

from footprint.card.check import rules
from footprint.card.check.registry import Subject
from footprint.card.read import Card
from footprint.model import Finding


def check(card: Card, *, base: Card | None = None, today: date) -> tuple[Finding, ...]:
    """What is wrong with what a card claims, in the order of its lines.

    Args:
        card: the card as read.
        base: the card of its base model, for the rules that compare the two.
        today: the day of the check: hours cannot be more than have passed since hardware was launched.
    """
    subject = Subject(card=card, base=base, today=today)
    found = [finding for rule in rules.RULES.values() for finding in rule.test(subject)]
    return tuple(sorted(found, key=lambda finding: (finding.line or 0, finding.code)))
