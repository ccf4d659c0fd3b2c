"""Stretches of time in words: a day, a month, a year, a time ago, or a name such as `last-month`; all in UTC.

A day, a month, a year and a time ago are moments: from 2026-10 on is from its first day on. A name is a period with an end:
last month is that month alone. An end that is stated is where something else begins: until 2026-10 is before its first day.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Final, NamedTuple

from footprint.errors import ConfigError
from footprint.text import clean

HELP: Final = "2026-11-03, 2026-10, 2026, 12h, 7d, 4w, today, yesterday, or this- or last-week, -month, -year"
"""What can be stated, in a line of help."""

_AGO: Final = re.compile(r"([0-9]{1,6})([hdw])")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}
_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")
_DAY: Final = timedelta(days=1)
_MONTHS: Final = 12
_CUTOFF: Final = 0.5


class Period(NamedTuple):
    """From `begin` to before `end`; None is open."""

    begin: datetime | None = None
    end: datetime | None = None


class Span(NamedTuple):
    """A period with both its ends."""

    begin: datetime
    end: datetime


def _week(day: datetime) -> datetime:
    return day - timedelta(days=day.weekday())


def _month(day: datetime) -> datetime:
    return day.replace(day=1)


def _year(day: datetime) -> datetime:
    return day.replace(month=1, day=1)


# By name: what the day of the report is put back to, and by how many days or months the period lies before that and is long.
_BEGINS: Final[dict[str, Callable[[datetime], datetime]]] = {"week": _week, "month": _month, "year": _year}
_LENGTHS: Final = {"week": (7, 0), "month": (0, 1), "year": (0, _MONTHS)}
NAMES: Final = ("today", "yesterday", *(f"{which}-{what}" for what in _BEGINS for which in ("this", "last")))


def period(since: str | None, until: str | None, now: datetime) -> Period:
    """The period that two options state; the end of a name is its own unless `until` says otherwise.

    Args:
        since: a moment, from which on, or a name.
        until: a moment, or a name for where it begins, before which.
        now: the time, with its zone.

    Raises:
        ConfigError: for what is none of these, with the nearest name, or if the end is not after the begin.
    """
    begin, end = _stated("--since", since, now) if since is not None else Period()
    if until is not None:
        end = _stated("--until", until, now).begin
    if begin is not None and end is not None and end <= begin:
        raise ConfigError("--until is not after --since: no run can be in between")
    return Period(begin, end)


def before(span: Span) -> Span:
    """The period before one, of the same kind: as many calendar months where it is of whole months, else as long.

    Raises:
        ConfigError: if there is no time so long ago.
    """
    begin, end = span
    try:
        months = _months(begin, end)
        return Span(_moved(begin, -months) if months else begin - (end - begin), begin)
    except (ValueError, OverflowError):
        raise ConfigError(f"there is no period before {clean(told(span))}") from None


def told(span: Period | Span) -> str:
    """A period in figures: 2026, 2026-10, 2026-11-03, or its first and its last day; hours where it is of no whole days (UTC)."""
    begin, end = span
    if begin is not None and end is not None:
        return _told(begin, end)
    if begin is not None:
        return f"from {_moment(begin)} on"
    return "all time" if end is None else f"before {_moment(end)}"


def is_name(stated: str | None) -> bool:
    """Whether it is a name, which has an end of its own."""
    return (stated or "").strip().lower() in NAMES


def in_iso(moment: datetime | None) -> str:
    """A moment, ISO 8601 in UTC; empty for none."""
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _stated(option: str, stated: str, now: datetime) -> Period:
    """What one option states."""
    word = stated.strip().lower()
    try:
        if word in NAMES:
            return _named(word, now)
        if ago := _AGO.fullmatch(word):
            return Period(now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
        if date := _DATE.fullmatch(word):
            return Period(datetime(int(date[1]), int(date[2] or 1), int(date[3] or 1), tzinfo=UTC))
    except (ValueError, OverflowError):
        raise ConfigError(f"{option} {clean(stated)!r}: there is no such day, or it is too long ago") from None
    near = get_close_matches(re.sub(r"[\s_]+", "-", word), NAMES, n=1, cutoff=_CUTOFF)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ConfigError(
        f"{option} {clean(stated)!r} is no day like 2026-11-03, no month like 2026-10, no year, no time ago like 12h, 7d or 4w, "
        f"and none of {', '.join(NAMES)}{hint}"
    )


def _named(name: str, now: datetime) -> Period:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if name in {"today", "yesterday"}:
        begin = today if name == "today" else today - _DAY
        return Period(begin, begin + _DAY)
    which, _, what = name.partition("-")
    begin = _BEGINS[what](today)
    days, months = _LENGTHS[what]
    if which == "last":
        begin = _moved(begin - timedelta(days=days), -months)
    return Period(begin, _moved(begin + timedelta(days=days), months))


def _moved(moment: datetime, months: int) -> datetime:
    """The first of a month, so many months later."""
    at = moment.year * _MONTHS + moment.month - 1 + months
    return moment if months == 0 else moment.replace(year=at // _MONTHS, month=at % _MONTHS + 1)


def _told(begin: datetime, end: datetime) -> str:
    if not _is_day(begin) or not _is_day(end):
        return f"{_moment(begin)} to {_moment(end)}"
    first, last = begin.date().isoformat(), (end - _DAY).date().isoformat()
    months = _months(begin, end)
    if months and begin.month == 1 and months == _MONTHS:
        return first[:4]
    return first[:7] if months == 1 else first if first == last else f"{first} to {last}"


def _months(begin: datetime, end: datetime) -> int:
    """How many whole calendar months are in between; 0 where it is something else."""
    are_firsts = begin.day == end.day == 1 and _is_day(begin) and _is_day(end)
    return (end.year - begin.year) * _MONTHS + end.month - begin.month if are_firsts else 0


def _is_day(moment: datetime) -> bool:
    return moment.hour == moment.minute == moment.second == moment.microsecond == 0


def _moment(moment: datetime) -> str:
    stated = moment.isoformat(sep=" ", timespec="minutes")
    return stated[:10] if _is_day(moment) else stated[:16]
