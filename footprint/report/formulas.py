"""The steps from facts to a footprint as formulas that a pocket calculator can follow.

A formula is a product: operands, each a number with what it is of, between `×` and `÷`; or a sum of numbers between `+` and `−`.
A bracketed operand is a sum of products. An operand that is a factor ends in the factor's id in square brackets. Facts stand as
they were read or stated, so a result in another unit shows what it was divided by. Six significant figures: a product of a
dozen of them is right to four.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from footprint import text
from footprint.derive import Term, Working
from footprint.derive.case import cited, number
from footprint.model import Component, Factor, Footprint, Grade, Range
from footprint.units import J_PER_KWH, W_PER_KW

__all__ = ["BEYOND", "KWH", "Step", "energy", "number", "steps"]

KWH: Final[text.Unit] = ("kWh", 1.0)
BEYOND: Final = frozenset({"embodied_g", "water_l", "water_onsite_l", "water_offsite_l", "cost"})
"""The quantities beside energy and operational emissions."""
_GRAM: Final[text.Unit] = ("g", 1.0)
_PER_KWH: Final[Mapping[str, float]] = {"J": J_PER_KWH, "Wh": W_PER_KW, "kWh": 1.0}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step: `formula` gives `result` in `unit`.

    `of` is the component, or the footprint's field, that the step is of; `name` is what of it. Both bounds and the grade are
    null for a part of a component, of which only the middle is worked out. A null result is unknown: `why` says why.
    """

    of: str
    name: str
    formula: str
    result: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    grade: Grade | None = None
    why: str = ""


def steps(sheet: Working, footprint: Footprint, unit: text.Unit = KWH) -> tuple[Step, ...]:
    """The arithmetic of a footprint, from what was read or stated to what is emitted.

    Args:
        sheet: where it was worked out.
        footprint: what came out.
        unit: of all energies in it, and its size in kWh. Masses are in grams.
    """
    found: list[Step] = []
    for part in footprint.breakdown:
        found += _part(part, sheet, unit)
    found += [_equipment(sheet, footprint, unit), _facility(footprint, unit)]
    found.append(_emitted("emissions_g", "", footprint.basis, footprint, unit))
    if footprint.emissions_direct_g is not None:
        found.append(_emitted("emissions_direct_g", "direct, beside it", "direct", footprint, unit))
    if footprint.emissions_market_g is not None:
        found.append(_emitted("emissions_market_g", "market-based, beside it", "market", footprint, unit))
    return (*found, *_embodied(sheet, footprint), *_by_energy(footprint, unit))


def energy(value_kwh: float, unit: text.Unit) -> str:
    """An energy with all the digits that a calculation needs: `43.3125 J`."""
    return f"{number(value_kwh / unit[1])} {unit[0]}"


def _part(part: Component, sheet: Working, unit: text.Unit) -> list[Step]:
    """A component's energy: its terms, and what they add up to.

    No term where they do not add up to it: it then comes from something that is not stated here.
    """
    if part.energy_kwh is None:
        why = sheet.reasons.get(part.component, "")
        return [Step(of=part.component, name="", formula="", result=None, unit=unit[0], why=why)]
    own = [term for term in sheet.terms if term.component == part.component]
    if not math.isclose(sum(term.energy_kwh for term in own), part.energy_kwh.central, rel_tol=1e-6):
        own = []
    terms = [_term(term, unit) for term in own]
    summed = _added([term.result or 0.0 for term in terms])
    return [*terms, _result(part.component, "", summed, part.energy_kwh, unit, grade=part.grade)]


def _term(term: Term, unit: text.Unit) -> Step:
    formula = f"{term.product}{_converted(term.unit, unit)}"
    return Step(of=term.component, name=term.name, formula=formula, result=term.energy_kwh / unit[1], unit=unit[0])


def _converted(own: str, unit: text.Unit, sizes: Mapping[str, float] = _PER_KWH) -> str:
    """What a product in its own unit is divided by to be in another; nothing where they are one.

    Args:
        own: the unit in which the product comes out.
        unit: the unit that is wanted, and its size in kWh.
        sizes: how many of each unit make a kWh.
    """
    many = sizes[own] * unit[1]
    if math.isclose(many, 1.0, rel_tol=1e-9):
        return ""
    return f" ÷ {number(many)} {own}/{unit[0]}" if many > 1 else f" × {number(1 / many)} {unit[0]}/{own}"


def _equipment(sheet: Working, footprint: Footprint, unit: text.Unit) -> Step:
    """The sum of the components; where the energy is not made of components, the product that gives it."""
    whole = footprint.it_energy_kwh
    if whole is None:
        return Step(of="it_energy_kwh", name="sum", formula="", result=None, unit=unit[0], why="a part is")
    known = [part.energy_kwh.central for part in footprint.breakdown if part.energy_kwh]
    if known and math.isclose(sum(known), whole.central, rel_tol=1e-6):
        return _result("it_energy_kwh", "sum", _added([one / unit[1] for one in known]), whole, unit)
    own = [term for term in sheet.terms if math.isclose(term.energy_kwh, whole.central, rel_tol=1e-6)][:1]
    formula = "".join(_term(term, unit).formula for term in own)
    return _result("it_energy_kwh", own[0].name if own else "", formula, whole, unit)


def _facility(footprint: Footprint, unit: text.Unit) -> Step:
    """IT energy × PUE, or what of them is not known."""
    it, pue, facility = footprint.it_energy_kwh, footprint.pue, footprint.energy_kwh
    if it is None or pue is None or facility is None:
        why = "a part of the equipment's energy is" if it is None else "the PUE is"
        return Step(of="energy_kwh", name="", formula="", result=None, unit=unit[0], why=why)
    known = [one for one in footprint.factors if one.id.startswith("pue") and _is(one, pue)]
    formula = f"{energy(it.central, unit)} × {_operand(pue, 'PUE', known[0] if known else None)}"
    return _result("energy_kwh", "", formula, facility, unit)


def _emitted(name: str, label: str, basis: str | None, footprint: Footprint, unit: text.Unit) -> Step:
    """Facility energy × the grid's intensity, in grams; or what of them is not known."""
    mass_g: Range | None = getattr(footprint, name)
    energy_kwh, intensity = footprint.energy_kwh, footprint.intensity_g_per_kwh
    if mass_g is None or energy_kwh is None or intensity is None:
        why = "the energy is"
        if intensity is None:
            why = "the place is unknown" if footprint.place is None else "no figure of its grid is known"
        return Step(of=name, name=label, formula="", result=None, unit="g", why=why)
    of_basis = [one for one in footprint.factors if one.unit == "g/kWh" and one.basis == basis]
    if name == "emissions_g":
        operand = _operand(intensity, "g/kWh", next((one for one in of_basis if _is(one, intensity)), None))
    elif of_basis:
        operand = _operand(_triple(of_basis[-1]), "g/kWh", of_basis[-1])
        if not math.isclose(energy_kwh.central * of_basis[-1].central, mass_g.central, rel_tol=1e-6):
            return _result(name, label, "", mass_g, _GRAM)  # made of several figures: the hours of a series and a year's
    else:
        return _result(name, label, "", mass_g, _GRAM)
    divided = _converted(unit[0], ("kWh", 1.0), {unit[0]: 1 / unit[1]})
    return _result(name, label, f"{energy(energy_kwh.central, unit)} × {operand}{divided}", mass_g, _GRAM)


_BY_ENERGY: Final = (
    ("water_onsite_l", "water on the site", "wue"),
    ("water_offsite_l", "water for its electricity", "ewif"),
    ("cost", "cost", "price."),
)
"""Quantities that are an energy times a factor, what they are called, and how the factor's id begins."""


def _embodied(sheet: Working, footprint: Footprint) -> list[Step]:
    """What making the hardware emitted: its parts, and their sum."""
    whole = footprint.embodied_g
    if whole is None:
        return []
    parts = [Step(of="embodied_g", name=one.name, formula=one.product, result=one.mass_g, unit="g") for one in sheet.makings]
    return [*parts, _result("embodied_g", "embodied", _added([one.mass_g for one in sheet.makings]), whole, _GRAM)]


def _by_energy(footprint: Footprint, unit: text.Unit) -> list[Step]:
    """Water and cost, as far as they are known: that on the site goes by the equipment's energy, the others by the facility's."""
    found = []
    water = footprint.water_onsite_l, footprint.water_offsite_l, footprint.water_l
    for field, label, beginning in _BY_ENERGY:
        value: Range | None = getattr(footprint, field)
        base = footprint.it_energy_kwh if field == "water_onsite_l" else footprint.energy_kwh
        factor = next((one for one in footprint.factors if one.id.startswith(beginning)), None)
        if value is not None and base is not None and factor is not None:
            own = text.clean(footprint.currency or "", empty="") if field == "cost" else "L"
            divided = _converted(unit[0], ("kWh", 1.0), {unit[0]: 1 / unit[1]})
            formula = f"{energy(base.central, unit)} × {cited(factor, f'{own}/kWh')}{divided}"
            found.append(_result(field, label, formula, value, (own, 1.0)))
        if field == "water_offsite_l" and water[0] is not None and water[1] is not None and water[2] is not None:
            parts = f"{number(water[0].central)} + {number(water[1].central)}"
            found.append(_result("water_l", "water", parts, water[2], ("L", 1.0)))
    return found


def _added(values: Sequence[float]) -> str:
    """A sum; nothing where there is nothing to add."""
    return " + ".join(map(number, values)).replace("+ -", "− ") if len(values) > 1 else ""


def _operand(value: Range, unit: str, factor: Factor | None) -> str:
    """A range's middle in a product, with the id of the factor that it is, if it is one."""
    return cited(factor, unit) if factor is not None else f"{number(value.central)} {unit}"


def _is(factor: Factor, value: Range) -> bool:
    """Whether a range is a factor's own: ranges are without the last digits of binary arithmetic."""
    return math.isclose(factor.central, value.central, rel_tol=1e-9)


def _triple(factor: Factor) -> Range:
    return Range(low=factor.low, central=factor.central, high=factor.high)


def _result(of: str, name: str, formula: str, value: Range, unit: text.Unit, *, grade: Grade | None = None) -> Step:
    scale = unit[1]
    return Step(
        of=of,
        name=name,
        formula=formula,
        result=value.central / scale,
        unit=unit[0],
        low=value.low / scale,
        high=value.high / scale,
        grade=grade,
    )
