"""Checking one card of many: what a process of a bulk check does, and how findings are told."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from footprint import text
from footprint.card.many.finder import shown
from footprint.errors import FootprintError
from footprint.model import Finding, Severity

SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")
_NOUNS: Final = {"error": ("error", ""), "warning": ("warning", ""), "info": ("hint", "")}


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a card; `refused` says why it could not be read."""

    path: str
    findings: tuple[Finding, ...] = ()
    refused: str | None = None

    def told(self) -> list[dict[str, Any]]:
        """The findings as `--json` prints them."""
        return [{"path": self.path, **msgspec.structs.asdict(finding)} for finding in self.findings]


class Checker:
    """Checks cards one by one; one that cannot be read is reported, so that the others are checked all the same.

    Args:
        base: the card of the base model, if one is given.
        ignored: codes of rules whose findings are left out.
        today: the day of the check.
    """

    def __init__(self, base: bytes | None, ignored: frozenset[str], today: date) -> None:
        self.base = base
        self.ignored = ignored
        self.today = today

    def __call__(self, file: str) -> Checked:
        """Check one file; whatever happens is reported."""
        from footprint.card import named
        from footprint.card.read import read_bytes

        path = Path(file)
        try:
            return self.check(shown(file), read_bytes(path), self.base)
        except FootprintError as error:
            return self.refused(file, named(path, error))
        except Exception as error:  # noqa: BLE001 - one card must not keep the others; it is told as what it is
            why = f"{shown(file)}: a defect of footprint, please report it with the card: {type(error).__name__}: {error}"
            return self.refused(file, why)

    def check(self, path: str, raw: bytes, base: bytes | None) -> Checked:
        """Check a card of which the bytes are at hand.

        Raises:
            CardError: if it cannot be read.
        """
        from footprint.card import read_card
        from footprint.card.check import check

        found = check(read_card(raw), base=read_card(base) if base is not None else None, today=self.today)
        return Checked(path=path, findings=tuple(finding for finding in found if finding.code not in self.ignored))

    @staticmethod
    def refused(file: str, why: str) -> Checked:
        """What is said of a card that could not be read."""
        return Checked(path=shown(file), refused=why.encode("utf-8", "backslashreplace").decode())


def lines_of(checked: Checked) -> list[str]:
    """A line for each finding: where, how grave, which rule, what; and below it how to mend it."""
    lines = []
    for finding in checked.findings:
        where = f"{text.clean(checked.path, limit=300)}:{finding.line or 1}"
        lines.append(f"{where}: {finding.severity} {finding.code}: {text.clean(finding.message, limit=600)}")
        if finding.fix:
            lines.append(f"    {text.clean(finding.fix, limit=300)}")
    return lines


def summary_of(cards: int, count: Counter[str], refused: int) -> str:
    """One line on all cards: `3 cards checked: 1 error, 2 warnings`."""
    found = [text.plural(count[severity], *_NOUNS[severity]) for severity in SEVERITIES if count[severity]]
    unread = f"; {text.count(refused)} could not be read" if refused else ""
    return f"{text.plural(cards, 'card')} checked: {', '.join(found) or 'nothing found'}{unread}"
