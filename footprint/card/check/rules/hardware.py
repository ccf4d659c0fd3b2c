"""Rules on hardware: whose it is, since when there is any, and what its name counts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from footprint.card.check.claims import claims
from footprint.card.check.providers import provider_of
from footprint.card.check.recompute import full, quoted
from footprint.card.check.registry import Subject, rule
from footprint.card.check.works import Work
from footprint.model import Finding
from footprint.place import provider_name
from footprint.reference import HardwareMatch
from footprint.reference.chips import CORES_PER_CHIP

_SLICE: Final = re.compile(r"\bv(?P<generation>2|3|4|5p)-(?P<cores>\d{1,5})\b", re.IGNORECASE)
_CHIPS: Final = re.compile(r"(?<![\w.-])(?P<count>\d{1,5}) ?(?:x ?)?(?:TPU )?chips\b", re.IGNORECASE)
_H_PER_DAY: Final = 24.0


@rule("hardware-not-of-provider", "error", "hardware that the stated provider does not have")
def hardware_not_of_provider(subject: Subject) -> Iterator[Finding]:
    """TPUs are Google's, Trainium and Inferentia are AWS's, and an instance is of the cloud that names it so.

    Found where the card states another cloud beside them. A provider that is no known cloud, or several, is left alone.
    """
    for work in claims(subject.card).works:
        stated = provider_of(work.provider)
        match = work.devices.match if work.devices is not None else None
        if stated is None or match is None or match.provider in {None, stated}:
            continue
        own = provider_name(match.provider or "")
        what = match.query if match.instance else _kind(match)
        yield Finding(
            code="hardware-not-of-provider",
            severity="error",
            line=work.provider_line or work.line,
            message=f"{what} is {own}'s: {provider_name(stated)} has none",
            stated=provider_name(stated),
            expected=own,
            fix="correct the provider, or the hardware",
        )


@rule("hours-before-launch", "error", "more hours than have passed since the hardware was launched")
def hours_before_launch(subject: Subject) -> Iterator[Finding]:
    """No device has run for longer than it exists.

    Hours of the clock are at most those since the chip's launch, and device-hours that times the count.

    Found where the count is stated, or the hours say that they are of the clock. Only the year of a launch is known here, so the
    first of January of that year is taken.
    """
    for work in claims(subject.card).works:
        found = before_launch(work, subject.today)
        if found is not None:
            yield found


def before_launch(work: Work, today: date) -> Finding | None:
    """The finding that a work's hours cannot have passed since its hardware was launched; None where they can."""
    devices = work.devices
    if devices is None or devices.match is None or work.hours_line is None:
        return None
    years = [candidate.year for candidate in devices.match.candidates]
    launched = min((year for year in years if year is not None), default=None)
    if launched is None or None in years:
        return None
    since = (today - date(launched, 1, 1)).days * _H_PER_DAY
    if since <= 0:
        return None
    count = devices.count_high
    span, what, most = work.wall, "h", since
    told = f"since the start of {launched}, when {_kind(devices.match)} was launched, {full(since)} h have passed"
    if span is None:
        span, what = (work.device, "device-h") if work.device is not None else (work.unsaid, "h")
        most = since * count
        if count > 1 and not math.isinf(count):
            told += f": × {full(count)} = {full(most)} h"
    if span is None or math.isinf(most) or span.low <= most:
        return None
    return Finding(
        code="hours-before-launch",
        severity="error",
        line=work.hours_line,
        message=f"{full(span.low)} {what} cannot be: {told}",
        stated=quoted(work.hours_text),
        expected=f"at most {full(most)} h",
        fix="correct the hours, or the count: hours summed over devices need the number of devices",
    )


def _kind(match: HardwareMatch) -> str:
    """What hardware is called, without a count."""
    return quoted(match.name if len(match.candidates) == 1 else match.name_in_text or match.query)


@rule("tpu-cores-as-chips", "warning", "TensorCores of a TPU slice counted as chips")
def tpu_cores_as_chips(subject: Subject) -> Iterator[Finding]:
    """The number in a slice's name counts TensorCores up to v4 and for v5p, two to a chip: a TPU v3-8 is 4 chips.

    Found where the hardware names a slice and beside it as many chips as the slice has cores.
    """
    for work in claims(subject.card).works:
        said = work.hardware or ""
        slices, chips = _SLICE.search(said), _CHIPS.search(said)
        if slices is None or chips is None:
            continue
        cores, count = int(slices["cores"]), int(chips["count"])
        per_chip = CORES_PER_CHIP.get(f"google-tpu-v{slices['generation'].lower()}", 1)
        if count != cores or per_chip == 1:
            continue
        yield Finding(
            code="tpu-cores-as-chips",
            severity="warning",
            line=work.hardware_line,
            message=(
                f"{slices[0]} has {cores} TensorCores, {per_chip} to a chip: {cores} ÷ {per_chip} = {cores // per_chip} chips"
            ),
            stated=f"{count} chips",
            expected=f"{cores // per_chip} chips",
            fix="count chips, not TensorCores, where power or device-hours are multiplied",
        )
