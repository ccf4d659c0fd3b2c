"""The runs beside a run: the others of its account, the one that contains it, those that it contains, its restarts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from footprint.ledger.archive.manifest import Archives, steadily
from footprint.ledger.archive.recall import Recall
from footprint.ledger.engines import open_ledger
from footprint.ledger.home import home as default_home
from footprint.ledger.once import once
from footprint.ledger.questions import literal
from footprint.ledger.reading import in_line, mentions, open_journal, read_journal
from footprint.ledger.whole import live_paths
from footprint.model import Run

_BEGINS: Final = (b'"type":"open"', b'"type":"run"')
MOST: Final = 200
"""Of the runs beside a run no more than so many are told, the newest."""


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """The newest runs beside a run, and whether there may be more."""

    runs: tuple[Run, ...] = ()
    is_cut: bool = False


def beside(run: Run, ledger: str | None = None, *, most: int = MOST) -> Beside:
    """The runs that have to do with a run, newest first, itself not among them.

    Args:
        run: the run.
        ledger: the ledger that it was found in; None is the user's own.
        most: how many at most.

    Raises:
        ConfigError: if there is no such kind of ledger.
        LedgerError: if it cannot be read.
    """
    if ledger is None:
        found = steadily(default_home(), partial(_own, run, most, None))
    else:
        with open_ledger(ledger) as engine:
            asked = f"SELECT facts FROM runs WHERE {_condition(run)} ORDER BY started_us DESC LIMIT {most + 2:d}"  # noqa: S608 - literals
            found = [msgspec.json.decode(facts, type=Run) for (facts,) in engine.query(asked).rows]
    others = sorted(once(found).values(), key=lambda one: (one.started_at, one.id), reverse=True)
    others = [one for one in others if one.id != run.id]
    return Beside(runs=tuple(others[:most]), is_cut=len(others) > most)


def _own(run: Run, most: int, home: Path | None, archives: Archives) -> list[Run]:
    texts = tuple(filter(None, (run.account, run.id, run.parent, run.labels.get("restart_of"))))
    live: Iterable[Run] = (
        one
        for path in live_paths(home, archives, [])
        if mentions(path, *texts) and _begins_others(path, run.id)
        for one in read_journal(path).facts()
    )
    found = [one for one in live if _is_beside(run, one)]
    if archives.batches:
        found += Recall(archives).beside(_condition(run), most + 2)
    return found


def _begins_others(path: Path, run_id: str) -> bool:
    """Whether another run begins in a journal: one that holds a single long run is not read for its own sake."""
    own = in_line(run_id)
    try:
        descriptor, _ = open_journal(path)
        with os.fdopen(descriptor, "rb") as file:
            return any(own not in line for line in file if any(begin in line for begin in _BEGINS))
    except OSError:
        return False


def _is_beside(run: Run, other: Run) -> bool:
    return (
        other.account == run.account
        or other.parent == run.id
        or other.id in {run.parent, run.labels.get("restart_of")}
        or other.labels.get("restart_of") == run.id
    )


def _condition(run: Run) -> str:
    own, named = literal(run.id), [one for one in (run.parent, run.labels.get("restart_of")) if one]
    conditions = [f"account = {literal(run.account)}", f"parent = {own}", f"restart_of = {own}"]
    conditions += [f"id = {literal(one)}" for one in named]
    return f"({' OR '.join(conditions)})"
