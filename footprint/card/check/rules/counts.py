"""Rules on the count of devices: an emission of one of several, and one that has the count in it twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from footprint import text
from footprint.card.check.claims import claims
from footprint.card.check.naive import as_calculated, usual
from footprint.card.check.recompute import full, quoted, rounded, verdict
from footprint.card.check.registry import Subject, rule
from footprint.card.check.remarks import is_of_clock
from footprint.card.check.works import Stated, Work
from footprint.model import Finding

_CLOSE: Final = 0.01
"""A stated number is a calculated one within this share, beside its rounding: a calculator rounds as well."""


@rule("count-not-multiplied", "error", "an emission of one device where the card names several")
def count_not_multiplied(subject: Subject) -> Iterator[Finding]:
    """Calculators ask for hours and one device; who used eight has to enter eight times the hours, or multiply.

    Found where the stated emission is what the ML CO2 calculator, or the card's own watts and intensity, gives for one device
    and the stated hours, while the hardware counts several, and it is not usual for all of them at the stated place. It is a
    warning where the hours are those of a clock (`3 days`), else a question: they may be summed over the devices. An error is
    what lies outside the range that the card's facts allow as well.
    """
    for work in claims(subject.card).works:
        yield from not_multiplied(work)


def not_multiplied(work: Work) -> Iterator[Finding]:
    """The finding that a work's emission is that of one of its devices."""
    stated, devices = work.emissions or work.metadata, work.devices
    if stated is None or devices is None or stated.market or work.device is not None:
        return
    hours = work.wall or work.unsaid
    count = devices.count_low if devices.counted or devices.each > 1 else 1.0
    if count <= 1 or hours is None or hours.low != hours.high:
        return
    calculated = as_calculated(work, hours.low)
    match = next((one for one in calculated if near(stated, one.value)), None)
    normal = usual(work, hours.low * count)
    if match is None or (normal is not None and stated.amount.high >= normal.low):
        return
    right = stated.amount.middle * count
    yield Finding(
        code="count-not-multiplied",
        severity="error" if verdict(work) else "warning" if work.wall is not None or is_of_clock(work.hours_text) else "info",
        line=stated.line,
        message=(
            f"{said(stated)} is that of one device, and {quoted(devices.text)} is {full(count)} devices: "
            f"{match.told}; "
            f"× {full(count)} = {text.mass(right)}"
            + ("" if work.wall is not None else f", unless {full(hours.low)} h are summed over the devices")
        ),
        stated=said(stated),
        expected=text.mass(right),
        fix=f"multiply by {full(count)}, or say that the hours are device-hours",
    )


@rule("count-multiplied-twice", "error", "device-hours multiplied by the count once more")
def count_multiplied_twice(subject: Subject) -> Iterator[Finding]:
    """Device-hours hold the count already: 439 GPU-hours on three GPUs are 439, not 1,317.

    Found where the stated emission is what the ML CO2 calculator, or the card's own watts and intensity, gives for the stated
    device-hours times the count, and it is not usual for the hours at the stated place. It is an error where it lies outside
    the range that the card's facts allow as well.
    """
    for work in claims(subject.card).works:
        yield from multiplied_twice(work)


def multiplied_twice(work: Work) -> Iterator[Finding]:
    """The finding that a work's emission has the count of its devices in it twice."""
    stated, devices = work.emissions or work.metadata, work.devices
    if stated is None or devices is None or not devices.counted or devices.count_low <= 1 or stated.market:
        return
    count = devices.count_low
    hours = work.device
    times = count
    if hours is None and work.wall is not None:
        hours, times = work.wall, count * count
    match = None
    if hours is not None and hours.low == hours.high:
        calculated = as_calculated(work, hours.low * times)
        match = next((one for one in calculated if near(stated, one.value)), None)
    normal = usual(work, hours.low * times / count) if hours is not None else None
    if match is None or (normal is not None and stated.amount.low <= normal.high):
        return
    right = stated.amount.middle / count
    yield Finding(
        code="count-multiplied-twice",
        severity="error" if verdict(work) else "warning",
        line=stated.line,
        message=(
            f"{said(stated)} has the count of {full(count)} in it twice: {match.told}; ÷ {full(count)} = {text.mass(right)}"
        ),
        stated=said(stated),
        expected=text.mass(right),
        fix="multiply device-hours by watts, and not by the count",
    )


def near(stated: Stated, value: float) -> bool:
    """Whether a stated number is a calculated one, by its rounding and a calculator's."""
    low, high = rounded(stated)
    return low * (1 - _CLOSE) <= value <= high * (1 + _CLOSE)


def said(stated: Stated) -> str:
    """An emission in its own unit, to seven figures."""
    unit = stated.amount.unit or "g"
    return f"{full(stated.amount.stated)} {unit}"
