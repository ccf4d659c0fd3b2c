"""Which runs a report is about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from footprint.errors import ConfigError
from footprint.model import Run
from footprint.report.grouping import key_of
from footprint.text import clean

_AGO: Final = re.compile(r"(\d{1,6})([hdw])")
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


def parse_since(stated: str, now: datetime) -> datetime:
    """A day (`2026-11-03`, from its beginning in UTC), or a time ago (`12h`, `7d`, `4w`).

    Raises:
        ConfigError: for anything else.
    """
    try:
        if ago := _AGO.fullmatch(stated.strip()):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.strptime(stated.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ConfigError(f"--since {clean(stated)!r} is no day like 2026-11-03 and no time ago like 12h, 7d or 4w") from None


def choose(
    runs: Sequence[Run],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    name: str | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Run, ...]:
    """The runs that started in a period, whose name fits the glob (`*`, `?`, `[...]`; case counts), and whose keys have a value.

    Args:
        runs: the runs.
        since: they started then or later.
        until: they started before then.
        name: the glob.
        where: by key (see `grouping.key_of`) the values of which the run's is one.

    Raises:
        ConfigError: if there is no such key.
    """
    keys = {key_of(key): frozenset(values) for key, values in (where or {}).items()}
    return tuple(
        run
        for run in runs
        if (name is None or fnmatchcase(run.name, name))
        and (since is None or _started(run) >= since)
        and (until is None or _started(run) < until)
        and all(key(run) in values for key, values in keys.items())
    )


def _started(run: Run) -> datetime:
    started = datetime.fromisoformat(run.started_at)
    return started if started.tzinfo else started.replace(tzinfo=UTC)
