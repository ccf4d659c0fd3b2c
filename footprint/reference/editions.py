"""Editions of the factors: what was known when.

`data/EDITION/` holds the tables that an edition brought, each whole. A table that an edition did not change is that of the
newest one before it which has it. A released edition's files are never edited: `data/editions.csv` holds a digest of each, and
a test recomputes them. So a number that was derived with an edition can be derived again, to the digit, with `using`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final, ParamSpec, TypeVar

from footprint.errors import unknown_choice

P = ParamSpec("P")
T = TypeVar("T")

_MOST_KEPT: Final = 4096
_DATA: Final = files(__package__) / "data"


def _listed() -> tuple[dict[str, str], ...]:
    return tuple(csv.DictReader((_DATA / "editions.csv").read_text(encoding="utf-8").splitlines()))


EDITIONS: Final = tuple(row["edition"] for row in _listed())
"""All editions, oldest first."""
NEWEST: Final = EDITIONS[-1]

_edition: ContextVar[str] = ContextVar("edition", default=NEWEST)


def current() -> str:
    """The edition whose tables are read now."""
    return _edition.get()


@contextmanager
def using(edition: str) -> Iterator[None]:
    """Read the tables of this edition, in this thread and context only.

    Raises:
        ConfigError: if there is no such edition.
    """
    if edition not in EDITIONS:
        raise unknown_choice("factors", edition, EDITIONS)
    token = _edition.set(edition)
    try:
        yield
    finally:
        _edition.reset(token)


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """Keep what a function returned, for each edition apart; for look-ups that a process asks for again and again."""
    kept: dict[tuple[Any, ...], T] = {}

    @wraps(function)
    def look_up(*args: P.args, **kwargs: P.kwargs) -> T:
        key = (_edition.get(), args, *kwargs.items())
        if key not in kept:
            if len(kept) >= _MOST_KEPT:  # names that somebody reads out of files are without end
                kept.clear()
            kept[key] = function(*args, **kwargs)
        return kept[key]

    return look_up


def text_of(name: str) -> str:
    """The table `name` as it stands in the current edition.

    Raises:
        KeyError: if the edition has no such table.
    """
    for edition in reversed(EDITIONS[: EDITIONS.index(current()) + 1]):
        path = _DATA / edition / f"{name}.csv"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise KeyError(f"{name}: no such table in the factors of {current()}")


@remembered
def tables() -> tuple[str, ...]:
    """The names of all tables of the current edition, sorted."""
    known = EDITIONS[: EDITIONS.index(current()) + 1]
    return tuple(sorted({path.name.removesuffix(".csv") for edition in known for path in _csv_files(edition)}))


def digest(edition: str) -> str:
    """What the files that an edition brought hold, in 32 hexadecimal digits."""
    found = blake2b(digest_size=16)
    for path in sorted(_csv_files(edition), key=lambda one: one.name):
        found.update(f"{path.name}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _csv_files(edition: str) -> list[Traversable]:
    return [path for path in (_DATA / edition).iterdir() if path.name.endswith(".csv")]
