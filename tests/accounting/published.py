"""Published footprints: how a printed number is compared with ours. Not a test itself."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from footprint.model import Footprint, Range

G_PER_KG = 1000.0
G_PER_LB = 453.59237

Case = dict[str, Any]


def shared_cases() -> dict[str, Case]:
    """The published cases of the shared folder by their id; the test is skipped aloud where it is not named."""
    folder = os.environ.get("FOOTPRINT_SHARED")
    if not folder:
        pytest.skip("FOOTPRINT_SHARED does not name the folder of published cases")
    cases: list[Case] = json.loads((Path(folder) / "reference" / "published_cases.json").read_text(encoding="utf-8"))
    return {case["id"]: case for case in cases}


def digits(printed: float) -> int:
    """The significant digits of a printed number; zeros at the end of a whole number say nothing."""
    text = f"{Decimal(repr(printed)).normalize():f}"
    return len(text.replace(".", "").strip("-").strip("0")) if "." not in text else len(text.replace(".", "").lstrip("-0"))


def as_printed(ours: float, printed: float) -> bool:
    """Whether our number, rounded to the digits that were printed, is the printed one."""
    return float(f"{ours:.{digits(printed)}g}") == pytest.approx(printed, rel=1e-12)


class Comparison(NamedTuple):
    """A printed number and our range for it, in one unit; `boundary` is what both count."""

    case: str
    what: str
    boundary: str
    printed: float
    ours: Range

    @property
    def holds(self) -> bool:
        return self.ours.low <= self.printed <= self.ours.high

    def line(self) -> str:
        mark = "in" if self.holds else "OUT"
        shown = f"{self.ours.low:12.5g} {self.ours.central:12.5g} {self.ours.high:12.5g}"
        return f"{self.case:34} {self.what:9} {self.printed:12.6g} {shown} {mark:4} {self.boundary}"


def central(footprint: Footprint, name: str) -> float:
    value: Range | None = getattr(footprint, name)
    assert value is not None, f"{name} is unknown: {footprint.unknown} {footprint.warnings}"
    return value.central


def in_kg(grams: Range) -> Range:
    """Grams as kilograms."""
    return Range(low=grams.low / G_PER_KG, central=grams.central / G_PER_KG, high=grams.high / G_PER_KG)


def coverage_table(comparisons: list[Comparison]) -> str:
    """The comparisons line by line, and how many of our ranges hold the printed number."""
    held = sum(one.holds for one in comparisons)
    lines = [one.line() for one in comparisons]
    return "\n".join([*lines, f"{held} of {len(comparisons)} ranges hold the printed value: {held / len(comparisons):.0%}"])
