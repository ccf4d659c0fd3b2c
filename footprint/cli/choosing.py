"""The runs that options choose: `--since`, `--until` and `--where`, read in one way by every command."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from footprint.errors import ConfigError
from footprint.text import clean

if TYPE_CHECKING:
    from footprint.report.periods import Period


def period_of(since: str | None, until: str | None = None, now: datetime | None = None) -> Period:
    """The period of `--since` and `--until`, see `report.periods`.

    Raises:
        ConfigError: if one cannot be read, or if the end is not after the begin.
    """
    from footprint.report.periods import period

    return period(since, until, now or datetime.now(UTC))


def begin_of(since: str | None, instead: str) -> datetime | None:
    """The begin alone, for a command that has no end to its period.

    Raises:
        ConfigError: for a period that has ended, of which it would take more than was asked for; `instead` says what to do.
    """
    from footprint.report.periods import in_iso, told

    now = datetime.now(UTC)
    found = period_of(since, now=now)
    if found.end is not None and found.end <= now:
        raise ConfigError(
            f"--since {clean(since or '')!r} is {told(found)}, which has ended, and this goes on to now: "
            f"{instead} --since {in_iso(found.begin)[:10]}"
        )
    return found.begin


def where_of(stated: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """The values of each key of `--where KEY=VALUE`.

    Raises:
        ConfigError: if one is not of that form.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    for one in stated or ():
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--where {clean(one)!r} is not KEY=VALUE, e.g. --where team=nlp")
        chosen[key.strip()] = (*chosen.get(key.strip(), ()), value)
    return chosen
