"""Rules that multiply: whether what a card states of one work can be true together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from footprint import text
from footprint.card.check.claims import claims
from footprint.card.check.compared import UNITS, agree, match_of, pairs
from footprint.card.check.naive import of_no_place
from footprint.card.check.recompute import (
    AGREE_HIGH,
    AGREE_LOW,
    Verdict,
    device_hours,
    full,
    grid_bounds,
    misread_intensity,
    most_watts,
    place_of,
    quoted,
    rounded,
    verdict,
)
from footprint.card.check.registry import Subject, rule
from footprint.card.check.remarks import is_by_contract
from footprint.card.check.rules.counts import multiplied_twice, near, not_multiplied, said
from footprint.card.check.rules.hardware import before_launch
from footprint.card.check.works import Stated, Work
from footprint.model import Finding

_CLOSE: Final = 0.02
"""Factors of a product are told from each other within this share, beside the roundings of the stated numbers."""
_PUE: Final = 1.6
"""The most that a facility of unknown overhead is taken to have, as in `recompute`."""
_METERED_SERVER_W: Final = 2_000.0
"""A meter of the whole machine counts idle neighbours and terabytes of memory with the one device that is named."""


@rule("body-and-metadata-disagree", "error", "the body and the front matter state different emissions")
def body_and_metadata_disagree(subject: Subject) -> Iterator[Finding]:
    """The emission in the front matter and the one in the body are of the same work, and should be the same number.

    Found where they differ by more than roundings explain (beyond 0.9 to 1.12); not where one is the other in kilograms
    or tonnes, which is `emissions-not-in-grams`, and not where the body states several and the front matter any of them or
    their sum.
    """
    for metadata, body in pairs(subject.card):
        if agree(metadata, body) or match_of(metadata, body) in UNITS:
            continue
        ratio = body.amount.middle / metadata.amount.middle
        note = ""
        work = next((one for one in claims(subject.card).works if one.metadata is metadata), None)
        devices = work.devices if work else None
        if devices is not None and devices.count_low > 1 and abs(ratio / devices.count_low - 1) < _CLOSE:
            note = f": the front matter's is that of one of {full(devices.count_low)} devices"
        elif abs(ratio * 1000 - 1) < _CLOSE:
            note = ": the body's unit is a thousand times too small, or the other number too large"
        yield Finding(
            code="body-and-metadata-disagree",
            severity="error",
            line=metadata.line,
            message=(
                f"the front matter says {metadata.text} g, line {body.line} says {quoted(body.text)}: "
                f"{text.plain(body.amount.middle, 6)} g ÷ {metadata.text} g = {text.number(ratio)}{note}"
            ),
            stated=f"{metadata.text} g",
            expected=f"{text.plain(body.amount.middle, 6)} g, or the other number in the body",
            fix="state the same emission in both places",
        )


@rule("emissions-out-of-range", "error", "an emission outside the range that the card's own facts allow")
def emissions_out_of_range(subject: Subject) -> Iterator[Finding]:
    """Hours times devices times watts is an energy, and an energy times the grid's g/kWh an emission.

    The range is wide: chips that mostly wait to chips at their limit with a full server around them, in a facility of ordinary
    overhead, on any figure published for the place. What the card does not say may be anything; a count that nobody states leaves
    the range open above. An emission that is outside even so is wrong, or one of the facts is.
    """
    for work in claims(subject.card).works:
        found = verdict(work)
        if found is None or found.mistake != "unknown" or before_launch(work, subject.today) is not None:
            continue
        if next(not_multiplied(work), None) is not None or next(multiplied_twice(work), None) is not None:
            continue  # told there, with what it is
        counted = work.energy is not None or work.device is not None or (work.devices is not None and work.devices.counted)
        sure = counted and not work.prose and (place_of(work) is not None or work.intensity is not None)
        sign = "less than the least" if found.is_low else "more than the most"
        yield Finding(
            code="emissions-out-of-range",
            severity="error" if sure else "warning",
            line=found.stated.line,
            message=(
                f"{said(found.stated)} is {sign} that the card's facts allow: {found.bound.told}"
                f"{_implied(work, found.stated)}{_by_no_place(work, found) or _by_count(found)}"
            ),
            stated=said(found.stated),
            expected=f"at {'least' if found.is_low else 'most'} {text.mass(found.bound.value)}",
            fix="correct the emission, or the fact of which it was worked out",
        )


def _implied(work: Work, stated: Stated) -> str:
    if work.energy is None or work.energy.amount.middle <= 0:
        return ""
    return f"; stated are {text.number(stated.amount.middle / work.energy.amount.middle)} g for each stated kWh"


def _by_no_place(work: Work, found: Verdict) -> str:
    """That the emission is what a figure of no place gives, where one does and the card names a place."""
    hours = device_hours(work)
    if found.is_low or hours is None or place_of(work) is None:
        return ""
    each = dict.fromkeys(one for one in (hours.low, hours.high) if not math.isinf(one))
    match = next((bound for one in each for bound in of_no_place(work, one) if near(found.stated, bound.value)), None)
    return f"; it is {match.told}" if match is not None else ""


def _by_count(found: Verdict) -> str:
    """What the count of the devices would make of the emission, if that lies within the bounds."""
    if found.factor == 1.0:
        return ""
    sign, count = ("×", found.factor) if found.factor > 1 else ("÷", 1 / found.factor)
    return f"; {sign} {full(count)} (the count) = {text.mass(found.stated.amount.middle * found.factor)} would fit"


# -- Stated energy, PUE and intensity ---------------------------------------------------------------------------------


@rule("pue-twice", "warning", "the facility's overhead applied twice")
def pue_twice(subject: Subject) -> Iterator[Finding]:
    """PUE turns the energy of the machines into that of the facility, once.

    Found where a card states energy, PUE, intensity and emission, and the emission has the PUE in it twice: as a square, or once
    more beyond an energy that already holds it (hours times watts times PUE, or a title that says so).
    """
    for work in claims(subject.card).works:
        factors = _product(work)
        if factors is None or work.pue is None or work.pue < 1 + 2 * _CLOSE:
            continue
        stated, energy, grid, ratio, slack = factors
        pue = work.pue
        told = f"{text.energy(energy)} × {text.number(grid)} g/kWh"
        squared = _equal(ratio, pue * pue, slack) and not _equal(ratio, pue, slack)
        holds = _equal(ratio, pue, slack) and not _equal(ratio, 1.0, slack) and _holds_pue(work, energy, pue)
        if squared:
            message = f"{told} × {pue:g} × {pue:g} = {text.mass(energy * grid * pue * pue)}, as stated: PUE once gives"
            right = energy * grid * pue
        elif holds:
            message = (
                f"{told} × {pue:g} = {text.mass(energy * grid * pue)}, as stated, and the energy holds the PUE already: it gives"
            )
            right = energy * grid
        else:
            continue
        yield Finding(
            code="pue-twice",
            severity="warning",
            line=stated.line,
            message=f"the PUE is in this emission twice: {message} {text.mass(right)}",
            stated=said(stated),
            expected=text.mass(right),
            fix="apply the PUE to the energy of the machines, once",
        )


def _product(work: Work) -> tuple[Stated, float, float, float, float] | None:
    """Emission, energy, g/kWh, emission ÷ (energy × g/kWh), and how much of that may be rounding; None without all of them."""
    stated, energy, grid = work.emissions, work.energy, work.intensity
    if stated is None or energy is None or grid is None or stated.market or misread_intensity(work) is not None:
        return None
    if min(stated.amount.low, energy.amount.low, grid.amount.low) <= 0 or math.isinf(stated.amount.high):
        return None
    ratio = stated.amount.middle / (energy.amount.middle * grid.amount.middle)
    slack = sum((high - low) / (high + low) for low, high in map(rounded, (stated, energy, grid)))
    return stated, energy.amount.middle, grid.amount.middle, ratio, slack


def _equal(ratio: float, wanted: float, slack: float) -> bool:
    return abs(ratio / wanted - 1) <= _CLOSE + slack


def _holds_pue(work: Work, energy: float, pue: float) -> bool:
    """Whether the stated energy holds the PUE: its title says so, or it is hours times watts times PUE."""
    if work.energy is not None and work.energy.facility:
        return True
    hours = device_hours(work)
    if hours is None or work.power is None or hours.low != hours.high or not hours.low:
        return False
    machines = hours.low * work.power.amount.middle / 1000
    return abs(energy / (machines * pue) - 1) <= _CLOSE


@rule("emissions-not-the-product", "warning", "energy times PUE times intensity is not the emission")
def emissions_not_the_product(subject: Subject) -> Iterator[Finding]:
    """Where a card states energy, PUE and the grid's g/kWh, their product is the emission, or that without the PUE.

    Found where the emission is below 0.9 of the smaller or above 1.12 of the larger, and no PUE applied twice explains it.
    Without a stated PUE, what stands around the machines may be anything: see `emissions-out-of-range`.
    """
    for work in claims(subject.card).works:
        factors = _product(work)
        if factors is None or work.pue is None:
            continue
        stated, energy, grid, ratio, slack = factors
        pue = work.pue
        fits = AGREE_LOW - slack <= ratio <= pue * (AGREE_HIGH + slack)
        if fits or _equal(ratio, pue * pue, slack) or verdict(work) is not None:
            continue
        product = energy * grid * pue
        yield Finding(
            code="emissions-not-the-product",
            severity="warning",
            line=stated.line,
            message=f"{text.energy(energy)} × {pue:g} × {text.number(grid)} g/kWh = {text.mass(product)}, not {said(stated)}",
            stated=said(stated),
            expected=text.mass(product),
            fix="correct the emission, the energy, the PUE or the intensity",
        )


@rule("energy-beyond-hardware", "error", "more energy than the hardware can draw in the time")
def energy_beyond_hardware(subject: Subject) -> Iterator[Finding]:
    """Devices draw what they are rated for, and a server around them about as much again: hours times that is the most.

    Found where count and hours are stated, and the stated energy is beyond it: watts summed over samples and multiplied by
    seconds once more, Wh read as kWh.
    """
    for work in claims(subject.card).works:
        energy, devices = work.energy, work.devices
        if energy is None or devices is None or devices.match is None or math.isinf(energy.amount.high):
            continue
        hours = device_hours(work)
        most_each = most_watts(devices.match, _METERED_SERVER_W)
        if hours is None or most_each is None or math.isinf(hours.high):
            continue
        pue = work.pue or _PUE
        most = hours.high * most_each[0] * pue / 1000
        if energy.amount.low * AGREE_LOW <= most:
            continue
        mean = energy.amount.low / hours.high
        yield Finding(
            code="energy-beyond-hardware",
            severity="error",
            line=energy.line,
            message=(
                f"{text.energy(energy.amount.low)} in {full(hours.high)} device-hours are {text.power(mean * 1000)} a device; "
                f"the most is {full(hours.high)} h × {most_each[1]} × {pue:g} (PUE) = {text.energy(most)}"
            ),
            stated=text.energy(energy.amount.low),
            expected=f"at most {text.energy(most)}",
            fix="correct the energy: is it in Wh, or was power multiplied by time twice?",
        )


@rule("grid-not-of-place", "warning", "g/kWh that no figure of the stated place comes near")
def grid_not_of_place(subject: Subject) -> Iterator[Finding]:
    """An intensity is that of the grid where the work ran: France's is a tenth of the world's average.

    Found where the stated g/kWh lie outside every figure published for the stated place, and no word says that the power was
    bought as clean; and where they are those of no grid at all, but would be one's with the other unit.
    """
    for work in claims(subject.card).works:
        meant = misread_intensity(work)
        if meant is not None:
            yield _misread(work, meant)
        if meant is not None or work.intensity is None or place_of(work) is None or work.intensity.amount.low <= 0:
            continue
        if work.contract or is_by_contract(work.intensity.label, work.intensity.text):
            continue
        bare = _without_intensity(work)
        low, high, low_told, high_told = grid_bounds(bare)
        value = work.intensity.amount.middle
        if low * AGREE_LOW <= value <= high * AGREE_HIGH or low_told == "below all grids":
            continue
        bound, told = (low, low_told) if value < low else (high, high_told)
        yield Finding(
            code="grid-not-of-place",
            severity="warning",
            line=work.intensity.line,
            message=f"{text.number(value)} g/kWh is not of {quoted(work.region or '')}: {told} is {text.number(bound)} g/kWh",
            stated=f"{text.number(value)} g/kWh",
            expected=f"{text.number(low)} to {text.number(high)} g/kWh",
            fix="use the intensity of the place, or say whose it is",
        )


def _misread(work: Work, meant: float) -> Finding:
    """The finding that a stated intensity is a thousand times off."""
    assert work.intensity is not None
    stated = f"{text.number(work.intensity.amount.middle)} g/kWh"
    emitted, energy = work.emissions or work.metadata, work.energy
    told = f"no grid has {stated}"
    if emitted is not None and energy is not None:
        product = energy.amount.middle * work.intensity.amount.middle
        told = f"{text.energy(energy.amount.middle)} × {stated} = {text.mass(product)}, not {said(emitted)}"
    right = f"{text.number(meant)} g/kWh"
    return Finding(
        code="grid-not-of-place",
        severity="warning",
        line=work.intensity.line,
        message=f"{told}: {right} ({text.number(meant / 1000)} kg/kWh) would fit",
        stated=stated,
        expected=right,
        fix=f"write {right}, or {text.number(meant / 1000)} kg/kWh",
    )


def _without_intensity(work: Work) -> Work:
    import msgspec

    return msgspec.structs.replace(work, intensity=None)
