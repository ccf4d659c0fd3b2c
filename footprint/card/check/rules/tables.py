"""Rules on tables of compute: totals, and rows that do not go with the others."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from typing import Final

from footprint import text
from footprint.card.check.claims import claims
from footprint.card.check.recompute import full, quoted, rounded, verdict
from footprint.card.check.registry import Subject, rule
from footprint.card.check.works import Claims, Column, Stated, Work
from footprint.card.words.amounts import Amount
from footprint.model import Finding

_SLACK: Final = 0.01
_ALIKE: Final = 1.12
_UNLIKE: Final = 1.5
_ENOUGH: Final = 3
_SHOWN: Final = 6


@rule("total-not-the-sum", "error", "rows that do not add up to the total")
def total_not_the_sum(subject: Subject) -> Iterator[Finding]:
    """The row of totals is the sum of the rows above it.

    Found in columns of hours, energy or emissions whose every row can be read, beyond what the rows' roundings explain. Often a
    row is missing that the total still holds.
    """
    for column in claims(subject.card).columns:
        found = _total(column)
        if found is not None:
            yield found


def _total(column: Column) -> Finding | None:
    values = [value for value in column.values if value is not None and value.low == value.high]
    total = column.total
    if total is None or total.low != total.high or len(values) < 2 or len(values) != len(column.values):  # noqa: PLR2004 - a sum
        return None
    parts = [
        Stated(amount=value, line=0, text=words)
        for value, words in zip(column.values, column.texts, strict=True)
        if value is not None
    ]
    low = math.fsum(rounded(part)[0] for part in parts)
    high = math.fsum(rounded(part)[1] for part in parts)
    total_low, total_high = rounded(Stated(amount=total, line=0, text=column.total_text))
    if low * (1 - _SLACK) <= total_high and total_low <= high * (1 + _SLACK):
        return None
    right = math.fsum(value.low for value in values)
    if column.quantity == "hours" and not column.device and total.low < right:
        return None  # they ran side by side
    unit = total.unit or ""
    terms = [full(value.low / total.scale) for value in values]
    listed = " + ".join(terms if len(terms) <= _SHOWN else [*terms[: _SHOWN - 1], f"… ({len(terms)} rows)"])
    gap = (total.low - right) / total.scale
    amiss = f"{full(abs(gap))} {unit} {'more' if gap > 0 else 'less'} than the rows"
    return Finding(
        code="total-not-the-sum",
        severity="error",
        line=column.total_line,
        message=(
            f"{quoted(column.title)}: {listed} = {full(right / total.scale)} {unit}, "
            f"the total says {full(total.low / total.scale)}: {amiss}"
        ),
        stated=f"{full(total.low / total.scale)} {unit}".strip(),
        expected=f"{full(right / total.scale)} {unit}".strip(),
        fix="add the row that is missing, or correct the total",
    )


@rule("row-unlike-the-others", "warning", "a row whose emission does not go with its hours")
def row_unlike_the_others(subject: Subject) -> Iterator[Finding]:
    """Rows of one table, worked out in one way, have one emission for each kWh, as stated or of device-hours and watts.

    Found where all rows but one agree within 1.12 x and that one is off by more than 1.5 x: hours were edited and the emission
    was not, or a number was pasted from elsewhere. Not where the row names another place, hardware or intensity.
    """
    for table in _tables(claims(subject.card)):
        rates = [(work, rate) for work in table if (rate := _rate(work)) is not None]
        if len(rates) < _ENOUGH:
            continue
        for at, (work, rate) in enumerate(rates):
            others = [other for place, (_, other) in enumerate(rates) if place != at]
            middle = statistics.median(others)
            ratio = rate / middle
            if max(others) > min(others) * _ALIKE or 1 / _UNLIKE <= ratio <= _UNLIKE or verdict(work) is not None:
                continue
            stated = work.emissions
            if stated is None:
                continue
            right = stated.amount.middle / ratio
            yield Finding(
                code="row-unlike-the-others",
                severity="warning",
                line=stated.line,
                message=(
                    f"{text.clean(work.name or 'this row')}: {_per(work, stated.amount, rate)}, "
                    f"the other rows {text.number(middle)} g: {text.number(ratio)} times theirs"
                ),
                stated=text.mass(stated.amount.middle),
                expected=f"about {text.mass(right)}, by the other rows",
                fix="correct the row's emission or its hours, or say where it ran if that is elsewhere",
            )


def _tables(found: Claims) -> list[list[Work]]:
    """The rows of tables, those of each kind of statement together."""
    groups: dict[tuple[bool, bool, str | None, str | None], list[Work]] = {}
    for work in found.works:
        if work.row and work.intensity is None and (work.energy is not None or work.power is not None):
            devices = work.devices.match.name if work.devices is not None and work.devices.match is not None else None
            groups.setdefault((work.energy is not None, work.power is not None, devices, work.region), []).append(work)
    return list(groups.values())


def _rate(work: Work) -> float | None:
    """Grams a kWh of a row, of its energy or of its device-hours and watts; None where a figure is missing or zero."""
    stated = work.emissions
    if stated is None or stated.amount.low != stated.amount.high or stated.amount.low <= 0:
        return None
    energy = work.energy.amount.middle if work.energy is not None else None
    if energy is None and work.device is not None and work.device.low == work.device.high:
        energy = work.device.low * (work.power.amount.middle if work.power is not None else 1000.0) / 1000
    return stated.amount.low / energy if energy else None


def _per(work: Work, emission: Amount, rate: float) -> str:
    mass = text.mass(emission.middle)
    if work.energy is not None:
        return f"{mass} ÷ {text.energy(work.energy.amount.middle)} = {text.number(rate)} g/kWh"
    hours = f"{full(work.device.low)} h" if work.device is not None else "the hours"
    if work.power is not None:
        return f"{mass} ÷ ({hours} × {text.power(work.power.amount.middle)}) = {text.number(rate)} g/kWh"
    return f"{mass} ÷ {hours} = {text.number(rate)} g/h"
