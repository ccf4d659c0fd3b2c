"""An earlier report of ours, read back from its page or JSON: hostile input, from which only what is needed is taken."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from footprint.model import Attribution, Range
from footprint.report.data import SCHEMA
from footprint.report.html import is_ours
from footprint.text import clean, count

MOST_BYTES: Final = 64_000_000
"""A page has at most a tenth of it; a longer file is not read."""
_HEAD: Final = 4096
_BEGIN: Final = re.compile(rb'<script\b[^<>]{0,200}\bid="?summary"?[^<>]{0,200}>', re.IGNORECASE)
_END: Final = re.compile(rb"</script", re.IGNORECASE)


class Previous(NamedTuple):
    """What an earlier report says of itself.

    Attributes:
        reported_at: when it was written, UTC.
        edition: of the factors that it used; empty where it needed none.
        attribution: whose joules it counted.
        selection: which runs it was about, in words.
        since: the begin of its period; None where it was open.
        until: the end of its period.
        runs: how many it was about.
        ids: their ids; None where it does not name them all.
        emissions_g: what it said they emitted.
        is_rounded: its numbers are for reading, with five digits.
    """

    reported_at: datetime
    edition: str
    attribution: Attribution
    selection: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    runs: int
    ids: tuple[str, ...] | None
    emissions_g: Range | None
    is_rounded: bool


class Reading(NamedTuple):
    """An earlier report, or why there is none; neither where there is no such file. `is_ours` is of a page that we wrote."""

    previous: Previous | None
    problem: str = ""
    is_ours: bool = False


class _Options(msgspec.Struct):
    generated_at: str
    attribution: Attribution
    selection: tuple[str, ...] = ()
    since: str = ""
    until: str = ""


class _Total(msgspec.Struct):
    emissions_g: Range | None


class _Row(msgspec.Struct):
    id: str


class _Summary(msgspec.Struct):
    """The part of a summary that is needed; the rest is not looked at."""

    options: _Options
    all_runs: int
    total: _Total
    factors_version: str
    schema: int
    rows: tuple[_Row, ...] = ()


def read(path: Path) -> Reading:
    """The report that a file holds, a page or JSON of ours; never an error."""
    try:
        if not path.is_file():
            return Reading(None)
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Reading(None, f"cannot be read: {error.strerror}")
    if len(data) > MOST_BYTES:
        return Reading(None, f"is longer than {count(MOST_BYTES)} bytes")
    return _read(data)


def _read(data: bytes) -> Reading:
    is_page = is_ours(data[:_HEAD])
    if is_page:
        begin = _BEGIN.search(data)
        end = _END.search(data, begin.end()) if begin is not None else None  # once: many begins without an end would take hours
        if begin is None or end is None:
            return Reading(None, "is a page without its data: of one run, older, or cut off", is_page)
        data = data[begin.end() : end.start()]
    elif data.lstrip()[:1] != b"{":
        return Reading(None, "is neither a page nor JSON of a report")
    try:
        told = msgspec.json.decode(data, type=_Summary)
        previous = _previous(told, is_rounded=is_page)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError, OverflowError) as error:
        return Reading(None, f"holds no summary that can be read: {clean(str(error), limit=160)}", is_page)
    if told.schema > SCHEMA:
        return Reading(None, f"was written by a newer version of footprint: its schema is {told.schema}", is_page)
    return Reading(previous, is_ours=is_page)


def _previous(told: _Summary, *, is_rounded: bool) -> Previous:
    """What is told, checked.

    Raises:
        ValueError: for times, counts or numbers that cannot be.
    """
    emissions = told.total.emissions_g
    if emissions is not None and not _can_be(emissions):
        raise ValueError("its emissions are no range")
    if told.all_runs < 0:
        raise ValueError("it is about fewer runs than none")
    options = told.options
    reported_at = _time(options.generated_at)
    if reported_at is None:
        raise ValueError("it does not say when it was written")
    ids = tuple(dict.fromkeys(row.id for row in told.rows))
    return Previous(
        reported_at=reported_at,
        edition=told.factors_version,
        attribution=options.attribution,
        selection=options.selection,
        since=_time(options.since),
        until=_time(options.until),
        runs=told.all_runs,
        ids=ids if len(ids) == told.all_runs else None,
        emissions_g=emissions,
        is_rounded=is_rounded,
    )


def _can_be(found: Range) -> bool:
    values = (found.low, found.central, found.high)
    return all(map(math.isfinite, values)) and 0 <= found.low <= found.central <= found.high


def _time(stated: str) -> datetime | None:
    if not stated:
        return None
    time = datetime.fromisoformat(stated)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
