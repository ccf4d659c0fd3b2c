"""Whether a ledger is whole: every journal line by line, every archived batch, and what they say of each other.

Nothing is changed. What is found has a code and a severity: `error` where something was lost or does not add up, `warning`
where something may be, `info` for what a reader should know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.lazy import lazily

if TYPE_CHECKING:
    from footprint.ledger.verify.findings import RULES, Finding
    from footprint.ledger.verify.whole import Verification, verify

__all__ = ["RULES", "Finding", "Verification", "verify"]

__getattr__ = lazily(
    __name__,
    {
        "RULES": "footprint.ledger.verify.findings",
        "Finding": "footprint.ledger.verify.findings",
        "Verification": "footprint.ledger.verify.whole",
        "verify": "footprint.ledger.verify.whole",
    },
)
