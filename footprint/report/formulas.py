"""The energy of a run's parts as formulas that a pocket calculator can follow.

Facts stand in them as they were read, in seconds and joules, so a result in another unit shows what it was divided by.
"""

from __future__ import annotations

import math

from footprint import text
from footprint.derive import terms
from footprint.derive.case import number
from footprint.model import Component, Footprint, Run
from footprint.units import j_from_kwh

__all__ = ["energy", "number", "of_part"]


def of_part(part: Component, run: Run, footprint: Footprint, unit: text.Unit) -> list[str]:
    """How a component's energy comes from what was read, a line a term.

    Empty where it comes from nothing that is stated here: what would not add up to the component's energy is not shown.
    """
    found = [term for term in terms(run, attribution=footprint.attribution or "share") if term.component == part.component]
    central = part.energy_kwh.central if part.energy_kwh else 0.0
    if not found or not math.isclose(sum(term.energy_kwh for term in found), central, rel_tol=1e-6):
        return []
    joules = j_from_kwh(unit[1])
    divided = "" if round(joules) == 1 else f" ÷ {number(joules)} J/{unit[0]}"
    return [f"{term.name}: {term.product}{divided} = {energy(term.energy_kwh, unit)}" for term in found]


def energy(value_kwh: float, unit: text.Unit) -> str:
    """An energy with all the digits that a calculation needs: `43.3125 J`."""
    return f"{number(value_kwh / unit[1])} {unit[0]}"
