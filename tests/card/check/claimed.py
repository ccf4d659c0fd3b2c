"""Cards that claim something of their compute, written for these tests in the shapes that are met in public."""

from __future__ import annotations

from datetime import date

from footprint.card import read_card
from footprint.card.check import check
from footprint.card.check.registry import RULES
from footprint.model import Finding

TODAY = date(2026, 11, 21)
FILES = {"units", "arithmetic", "counts", "tables", "hardware", "places"}


def card(*fields: str, yaml: str = "", more: str = "") -> bytes:
    """A card of the template: five fields (hardware, hours, provider, region, carbon), and `co2_eq_emissions`."""
    labels = ("Hardware Type", "Hours used", "Cloud Provider", "Compute Region", "Carbon Emitted")
    head = f"---\nlicense: mit\n{yaml}---\n" if yaml else ""
    lines = "".join(f"- **{label}:** {value}\n" for label, value in zip(labels, fields, strict=False) if value)
    return f"{head}# Lark\n\nA model of birds.\n\n## Environmental Impact\n\n{lines}\n{more}".encode()


def number_findings(raw: bytes, today: date = TODAY) -> list[Finding]:
    """What the rules on numbers find in a card."""
    mine = {code for code, rule in RULES.items() if rule.test.__module__.rpartition(".")[2] in FILES}
    return [finding for finding in check(read_card(raw), today=today) if finding.code in mine]


def codes(raw: bytes) -> list[str]:
    """The codes of those."""
    return [finding.code for finding in number_findings(raw)]


def table(*rows: str) -> str:
    """A table in Markdown, of rows of cells that a bar parts."""
    head, *others = rows
    dashes = "|".join("---" for _ in head.split("|"))
    return "".join(f"|{row}|\n" for row in (head, dashes, *others))
