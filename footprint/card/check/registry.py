"""The registry of rules: a code, a severity, a title, and the paragraph of doc that the rule's function carries."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

import msgspec

from footprint.card.read import Card
from footprint.model import Finding, Severity


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule looks at: a card, the card of its base model where one was given, and the day it is checked on."""

    card: Card
    base: Card | None = None
    today: date


Test = Callable[[Subject], Iterator[Finding]]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: its stable code, how grave a finding of it is at most, a title of one line, and a paragraph for people."""

    code: str
    severity: Severity
    title: str
    doc: str
    test: Test


RULES: Final[dict[str, Rule]] = {}
"""The rules by code, in the order of their registration; `footprint.card.check.rules` registers all of them."""


def rule(code: str, severity: Severity, title: str) -> Callable[[Test], Test]:
    """Register a function as a rule. Its docstring is the paragraph that `footprint card rules` prints."""

    def register(test: Test) -> Test:
        assert code not in RULES, f"two rules have the code {code}"
        doc = inspect.getdoc(test)
        assert doc, f"the rule {code} has no paragraph"
        RULES[code] = Rule(code=code, severity=severity, title=title, doc=doc, test=test)
        return test

    return register
