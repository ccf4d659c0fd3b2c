"""Which runs belong together, and under what key.

A key is a name as the run states it; it is cleaned where it is printed. An empty key is a run that does not say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, get_args

from footprint.errors import ConfigError, nearest
from footprint.ledger.words import hardware, region
from footprint.model import ComponentName, Device, Footprint, Run
from footprint.text import clean

COMPONENTS: Final[tuple[ComponentName, ...]] = get_args(ComponentName)
IN_TIME: Final = ("day", "month")
LABEL: Final = "label:"
BASIS: Final = "basis"
"""A key that a run does not state: that of its emissions, which is derived."""
_SHORT_KEY: Final = 8
DAYS_SHOWN: Final = 92
"""A period that is longer than this is shown by month."""


def accelerators(run: Run) -> list[Device]:
    """The accelerators of a run."""
    return [one.device for one in run.devices if one.device.component == "accelerators"]


_KEYS: Final[dict[str, Callable[[Run], str]]] = {
    "account": lambda run: run.account,
    "name": lambda run: run.name,
    "project": lambda run: run.labels.get("project", ""),
    "team": lambda run: run.labels.get("team", ""),
    "user": lambda run: run.labels.get("user", ""),
    "model": lambda run: run.labels.get("model", ""),
    "kind": lambda run: run.kind,
    "hardware": hardware,
    "provider": lambda run: (run.place.provider if run.place else None) or "",
    "region": region,
    "zone": lambda run: (run.place.zone if run.place else None) or "",
    "host": lambda run: run.host.name,
    "day": lambda run: run.started_at[:10],
    "month": lambda run: run.started_at[:7],
    "outcome": lambda run: run.outcome,
}


def check(dimension: str) -> None:
    """Refuse what is no dimension.

    Raises:
        ConfigError: naming the dimensions that there are.
    """
    if dimension != BASIS and not _is_stated(dimension):
        known = (*_KEYS, BASIS)
        hint = nearest(dimension, known)
        raise ConfigError(f"cannot group by {clean(dimension)!r}{hint} (there are {', '.join(known)}, label:KEY)")


def _is_stated(dimension: str) -> bool:
    return dimension in _KEYS or (dimension.startswith(LABEL) and dimension != LABEL)


def key_of(dimension: str) -> Callable[[Run], str]:
    """A run's key in a dimension; empty where the run does not say.

    Raises:
        ConfigError: naming the dimensions that runs state.
    """
    if not _is_stated(dimension):
        raise ConfigError(f"no run states its {clean(dimension)!r}: use one of {', '.join(_KEYS)} or label:KEY")
    stated = dimension.removeprefix(LABEL)
    return _KEYS.get(dimension) or (lambda run: run.labels.get(stated, ""))


def members(dimension: str, runs: Sequence[Run], prints: Mapping[str, Footprint]) -> dict[str, list[Run]]:
    """The runs by their key in a dimension: one of the above, `basis`, or `label:KEY`.

    Args:
        dimension: the dimension.
        runs: the runs.
        prints: their footprints.
    """
    key = (lambda run: prints[run.id].basis or "") if dimension == BASIS else key_of(dimension)
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(key(run), []).append(run)
    return found


def label(key: str, runs: Sequence[Run]) -> str:
    """The key as a person knows it: the name of the run where the key is its id."""
    return next((run.name for run in runs if run.id == key), key)


def labels(members: Mapping[str, Sequence[Run]]) -> dict[str, tuple[str, str]]:
    """The label of each key, and what tells it from the others of that label: when it began, else its key; else empty."""
    named = {key: label(key, some) for key, some in members.items()}
    return told_apart(named, {key: min(run.started_at for run in some) for key, some in members.items()})


def told_apart(named: Mapping[str, str], started_at: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The label of each key with what tells it from others alike, by the labels and by when the first run of each began."""
    alike = Counter(clean(name) for name in named.values())
    begun = {key: start[:16].replace("T", " ") for key, start in started_at.items()}
    together = Counter((clean(name), begun[key]) for key, name in named.items())
    found = {}
    for key, name in named.items():
        lone = together[clean(name), begun[key]] == 1
        found[key] = (name, "" if alike[clean(name)] == 1 else begun[key] if lone else _short(key, named))
    return found


def _short(key: str, others: Iterable[str]) -> str:
    """The beginning of a key that no other key begins with, at least eight characters of it."""
    rest = [other for other in others if other != key]
    lengths = range(_SHORT_KEY, len(key))
    return next((key[:length] for length in lengths if not any(other.startswith(key[:length]) for other in rest)), key)


def ended_at(run: Run) -> str:
    """When a run ended, UTC in ISO 8601 to the second; its start where that cannot be read."""
    try:
        end = datetime.fromisoformat(run.started_at) + timedelta(seconds=run.duration_s)
        return end.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return run.started_at


def time_step(starts: Sequence[str]) -> str:
    """`day`, or `month` for a period that is long."""
    days = sorted({start[:10] for start in starts})
    try:
        span = datetime.fromisoformat(days[-1]) - datetime.fromisoformat(days[0]) if days else timedelta()
    except ValueError:
        return "day"
    return "day" if span.days <= DAYS_SHOWN else "month"
