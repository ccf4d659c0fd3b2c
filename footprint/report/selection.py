"""Which runs a report is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from footprint.errors import ConfigError, unknown_choice
from footprint.ledger.questions import KEYS
from footprint.model import Run
from footprint.report.grouping import LABEL, key_of
from footprint.text import clean

_KEYS: Final = tuple(key for key in KEYS if key != "component")
"""What a run can be chosen by; devices have components, runs have none."""


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
    keys = {_key_of(key): frozenset(values) for key, values in (where or {}).items()}
    return tuple(
        run
        for run in runs
        if (name is None or fnmatchcase(run.name, name))
        and (since is None or _started(run) >= since)
        and (until is None or _started(run) < until)
        and all(key(run) in values for key, values in keys.items())
    )


def _key_of(key: str) -> Callable[[Run], str]:
    try:
        return key_of(key)
    except ConfigError:
        raise unknown_choice("key of --where", clean(key), (*_KEYS, f"{LABEL}KEY")) from None


def _started(run: Run) -> datetime:
    started = datetime.fromisoformat(run.started_at)
    return started if started.tzinfo else started.replace(tzinfo=UTC)
