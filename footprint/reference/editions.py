"""Editions of the factors: what was known when.

`data/EDITION/` holds the tables that an edition brought, each whole. A table that an edition did not change is that of the
newest one before it which has it. A released edition's files are never edited: `data/editions.csv` holds a digest of each, and
a test recomputes them. So a number that was derived with an edition can be derived again, to the digit, with `using`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar, cast

from footprint.errors import unknown_choice

P = ParamSpec("P")
T = TypeVar("T")

_MOST_KEPT: Final = 4096
_MISSING: Final = object()
_DATA: Final = files(__package__) / "data"


def _listed() -> tuple[dict[str, str], ...]:
    return tuple(csv.DictReader((_DATA / "editions.csv").read_text(encoding="utf-8").splitlines()))


EDITIONS: Final = tuple(row["edition"] for row in _listed())
"""All editions, oldest first."""
NEWEST: Final = EDITIONS[-1]


class Mixed(NamedTuple):
    """An edition on its way to another: of some tables (`pue`), or families of rows (`priors:utilisation`), it has the other's.

    So it is found out what each of them does to a number. No number is given out that rests on a mixture.
    """

    older: str
    newer: str
    taken: frozenset[str]


_edition: ContextVar[str | Mixed] = ContextVar("edition", default=NEWEST)


def current() -> str:
    """The edition whose tables are read now."""
    edition = _edition.get()
    return edition if isinstance(edition, str) else f"{edition.older} with {', '.join(sorted(edition.taken))} of {edition.newer}"


@contextmanager
def using(edition: str) -> Iterator[None]:
    """Read the tables of this edition, in this thread and context only.

    Raises:
        ConfigError: if there is no such edition.
    """
    with _reading(_known(edition)):
        yield


@contextmanager
def mixing(older: str, newer: str, taken: Iterable[str]) -> Iterator[None]:
    """Read the tables of one edition, and some of them of another, in this thread and context only.

    Args:
        older: the edition.
        newer: the other.
        taken: names of tables that are read of the other; `priors:utilisation` are the rows of a table whose ids begin so.

    Raises:
        ConfigError: if there is no such edition.
    """
    with _reading(Mixed(_known(older), _known(newer), frozenset(taken))):
        yield


@contextmanager
def _reading(edition: str | Mixed) -> Iterator[None]:
    token = _edition.set(edition)
    try:
        yield
    finally:
        _edition.reset(token)


def _known(edition: str) -> str:
    if edition not in EDITIONS:
        raise unknown_choice("factors", edition, EDITIONS)
    return edition


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """Keep what a function returned, for each edition apart; for look-ups that a process asks for again and again."""
    kept: dict[tuple[Any, ...], object] = {}

    @wraps(function)
    def look_up(*args: P.args, **kwargs: P.kwargs) -> T:
        key = (_edition.get(), args, *kwargs.items())
        found = kept.get(key, _MISSING)
        if found is _MISSING:
            found = function(*args, **kwargs)
            if len(kept) >= _MOST_KEPT:  # names that somebody reads out of files are without end
                kept.clear()
            kept[key] = found
        return cast("T", found)  # what was found, and not what is kept: another thread may have cleared it

    return look_up


def text_of(name: str) -> str:
    """The table `name` as it stands in the current edition.

    Raises:
        KeyError: if the edition has no such table.
    """
    edition = _edition.get()
    if isinstance(edition, str):
        return _text(edition, name)
    if name in edition.taken:
        return _text(edition.newer, name)
    families = {one.partition(":")[2] for one in edition.taken if one.partition(":")[0] == name}
    return (
        _with_rows(_text(edition.older, name), _text(edition.newer, name), families) if families else _text(edition.older, name)
    )


def supplier(name: str) -> str | None:
    """The edition, none mixed, that has a table as it stands now; None where its rows are mixed.

    Tables that are read of it need not be read once more for each mixture.
    """
    edition = _edition.get()
    if isinstance(edition, str):
        return edition
    if name in edition.taken:
        return edition.newer
    return None if any(one.partition(":")[0] == name for one in edition.taken) else edition.older


def _text(edition: str, name: str) -> str:
    for known in reversed(EDITIONS[: EDITIONS.index(edition) + 1]):
        path = _DATA / known / f"{name}.csv"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise KeyError(f"{name}: no such table in the factors of {edition}")


def _with_rows(older: str, newer: str, families: set[str]) -> str:
    """A table with some families of rows as another text of it has them."""
    mixed = io.StringIO(newline="")
    kept, taken = (csv.DictReader(io.StringIO(text, newline="")) for text in (older, newer))
    writer = csv.DictWriter(mixed, kept.fieldnames or (), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in kept if family(row["id"]) not in families)
    writer.writerows(row for row in taken if family(row["id"]) in families)
    return mixed.getvalue()


def family(row_id: str) -> str:
    """What a factor is about, by the beginning of its id: `utilisation` of `utilisation.training`, `grid` of `grid:FRA:…`."""
    return re.split("[.:]", row_id, maxsplit=1)[0]


def differing(older: str, newer: str) -> tuple[str, ...]:
    """The tables that two editions do not have in common to the letter, sorted."""
    named = []
    for name in sorted({*_tables(older), *_tables(newer)}):
        texts = [_text(edition, name) if name in _tables(edition) else None for edition in (older, newer)]
        named += [name] if texts[0] != texts[1] else []
    return tuple(named)


@remembered
def tables() -> tuple[str, ...]:
    """The names of all tables of the current edition, sorted."""
    edition = _edition.get()
    if isinstance(edition, str):
        return _tables(edition)
    whole = (name for name in _tables(edition.newer) if name in edition.taken)
    return tuple(sorted({*_tables(edition.older), *whole}))


def _tables(edition: str) -> tuple[str, ...]:
    known = EDITIONS[: EDITIONS.index(edition) + 1]
    return tuple(sorted({path.name.removesuffix(".csv") for one in known for path in _csv_files(one)}))


def digest(edition: str) -> str:
    """What the files that an edition brought hold, in 32 hexadecimal digits."""
    found = blake2b(digest_size=16)
    for path in sorted(_csv_files(edition), key=lambda one: one.name):
        found.update(f"{path.name}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _csv_files(edition: str) -> list[Traversable]:
    return [path for path in (_DATA / edition).iterdir() if path.name.endswith(".csv")]
