"""What a person knows the size of, to compare a footprint with: a kilometre in a car, a home's electricity.

Only reports ask for these. No footprint rests on them, and a total is known no better for being compared. Editions before
2026.11.2 have none.
"""

from __future__ import annotations

from footprint.model import Factor
from footprint.reference import tables


def driving() -> Factor | None:
    """Grams of CO2 from the tailpipe of a typical passenger vehicle of the United States, g/km (US EPA, EPA-420-F-23-014)."""
    return _of("equivalence.car")


def household() -> Factor | None:
    """Electricity that a home in the United States uses, kWh/year (US EIA: mean of residential customers)."""
    return _of("equivalence.household")


def _of(row_id: str) -> Factor | None:
    return tables.factor(tables.by_id("equivalences")[row_id]) if tables.has_id("equivalences", row_id) else None
