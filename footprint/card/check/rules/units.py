"""Rules on units: grams where grams are meant, energy and power where each belongs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from footprint import text
from footprint.card.check.claims import claims
from footprint.card.check.compared import UNITS, match_of, pairs
from footprint.card.check.recompute import full, grid_bounds, place_of, quoted, verdict
from footprint.card.check.registry import Subject, rule
from footprint.card.check.rules.hardware import before_launch
from footprint.card.check.works import Stated, Work
from footprint.card.words.amounts import find_amounts
from footprint.model import Finding

_FEW: Final = 20
_MANY: Final = 1_000
"""Grams a kWh of clean and of dirty grids, to show what an energy can emit."""
_OF_CO2: Final = re.compile(r"Wh(?: of)? CO[2₂]", re.IGNORECASE)
_FIGURES: Final = 3
"""So many equal figures of an energy and its emission are no chance."""


@rule("emissions-not-in-grams", "error", "kilograms or tonnes where grams are required")
def emissions_not_in_grams(subject: Subject) -> Iterator[Finding]:
    """The front matter's `emissions` are grams of CO2eq: the Hub and its readers show them as such.

    Found where the body states the same number in kilograms or tonnes, or where the number is a thousand or a million times off
    what the card's own hardware, hours and place allow, and fits with the other unit.
    """
    told = set()
    for metadata, body in pairs(subject.card):
        times = match_of(metadata, body)
        if times in UNITS:
            told.add(metadata.line)
            grams = text.plain(body.amount.middle, 6)
            yield Finding(
                code="emissions-not-in-grams",
                severity="error",
                line=metadata.line,
                message=(
                    f"the front matter says {metadata.text}, which is read as grams; "
                    f"line {body.line} says {quoted(body.text)}: {full(metadata.amount.middle)} × {times:,.0f} = {grams} g"
                ),
                stated=f"{metadata.text} g",
                expected=f"{grams} g",
                fix=f"write the emissions in grams: {grams}",
            )
    for work in claims(subject.card).works:
        found = _by_bounds(work) if before_launch(work, subject.today) is None else None
        if found is not None and found.line not in told:
            yield found


def _by_bounds(work: Work) -> Finding | None:
    found = verdict(work)
    if found is None or found.mistake not in {"thousand", "million"}:
        return None
    stated = found.stated
    unit = {"thousand": "kg", "million": "t"}[found.mistake]
    right = stated.amount.middle * found.factor
    meant = f"{_number(stated)} {unit}" if found.is_low and stated.amount.unit == "g" else text.mass(right)
    expected = f"{text.plain(right, 6)} g" if stated is work.metadata else meant
    about = f"{'less' if found.is_low else 'more'} than {found.bound.told}; {meant} would fit"
    return Finding(
        code="emissions-not-in-grams",
        severity="warning",
        line=stated.line,
        message=f"{_number(stated)} {stated.amount.unit} is {about}",
        stated=f"{_number(stated)} {stated.amount.unit}",
        expected=expected,
        fix=f"write {expected.removesuffix(' g')}, in grams, if the number is {meant}"
        if stated is work.metadata
        else f"write {expected}, if that is what was meant",
    )


def _number(stated: Stated) -> str:
    return full(stated.amount.stated)


@rule("energy-as-carbon", "error", "an energy where an emission is asked for")
def energy_as_carbon(subject: Subject) -> Iterator[Finding]:
    """A kWh is energy; an emission is a mass of CO2eq, and how much a kWh emits hangs on the grid.

    Found where a field or a line that names an emission holds an energy and no mass; and, as a warning, where the emission in kg
    is to three figures the number of the kWh that stand beside it, which would be 1,000 g/kWh.
    """
    seen: set[int] = set()
    values = [
        (claim.value, claim.line)
        for group in claims(subject.card).groups
        if (claim := group.fields.get("carbon_emitted")) is not None and not claim.placeholder
    ]
    values += [(item.text, item.line) for item in claims(subject.card).items if item.label.quantity == "emissions"]
    for value, line in values:
        kinds = {amount.kind for amount in find_amounts(value)}
        if line in seen or "energy" not in kinds or kinds & {"mass", "intensity"}:
            continue
        if "co2" in _OF_CO2.sub(" ", value).lower():
            continue  # a mass beside it that cannot be read
        seen.add(line)
        energy = next(amount for amount in find_amounts(value) if amount.kind == "energy")
        product = (
            f"{full(energy.middle)} kWh × {_FEW} to {_MANY:,} g/kWh = "
            f"{text.mass(energy.middle * _FEW)} to {text.mass(energy.middle * _MANY)}"
        )
        yield Finding(
            code="energy-as-carbon",
            severity="error",
            line=line,
            message=f"{quoted(energy.text)} is an energy, not an emission, which hangs on the grid: {product}",
            stated=quoted(energy.text),
            expected="a mass of CO2eq",
            fix="state the emission in g or kg of CO2eq, and the energy in a line of its own",
        )
    for work in claims(subject.card).works:
        yield from _same_number(work)


def _same_number(work: Work) -> Iterator[Finding]:
    """That an emission is its energy's number, where no grid that it can be of has 1,000 g/kWh."""
    stated, energy = work.emissions, work.energy
    if stated is None or energy is None or stated.market or work.intensity is not None:
        return
    kg, kwh = stated.amount.low / 1000, energy.amount.low
    digits = f"{kwh:.12g}".partition("e")[0].replace(".", "").strip("0")
    if stated.amount.low != stated.amount.high or kwh != energy.amount.high or not math.isclose(kg, kwh, rel_tol=1e-9):
        return
    _, most, _, told = grid_bounds(work)
    is_placed = place_of(work) is not None
    if work.region is not None and not is_placed:
        return
    if len(digits) < _FIGURES or (is_placed and most >= _MANY):
        return
    yield Finding(
        code="energy-as-carbon",
        severity="warning",
        line=stated.line,
        message=(
            f"{full(stated.amount.stated)} {stated.amount.unit} is the number of the energy, {quoted(energy.text)}: "
            f"{full(kg)} kg ÷ {full(kwh)} kWh = {_MANY:,} g/kWh"
            + (f", and {told} is {text.number(most)} g/kWh" if is_placed else "")
        ),
        stated=quoted(stated.text),
        expected="the energy times the g/kWh of its grid",
        fix="multiply the energy by the g/kWh of the grid where the work ran",
    )


@rule("power-as-energy", "warning", "a power where an energy is asked for")
def power_as_energy(subject: Subject) -> Iterator[Finding]:
    """A kW is a power; an energy is power times time, in kWh.

    Found where a line that names an energy holds a power and no energy.
    """
    for item in claims(subject.card).items:
        label = item.label_text.lower()
        if item.label.quantity != "energy" or not ("energy" in label or "electricity" in label):
            continue
        amounts = find_amounts(item.text)
        if any(amount.kind == "energy" for amount in amounts):
            continue
        power = next((amount for amount in amounts if amount.kind == "power"), None)
        if power is not None:
            yield Finding(
                code="power-as-energy",
                severity="warning",
                line=item.line,
                message=f"{quoted(power.text)} is a power, not an energy: {power.unit} for an hour is {power.unit}h",
                stated=quoted(power.text),
                expected=f"an energy, such as {full(power.stated)} {power.unit}h, if that is what was meant",
                fix="state the energy in kWh",
            )
