"""Runs read back from an engine, whole, as a report needs them."""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.engines.engine import Answer, Engine
from footprint.ledger.questions import literal
from footprint.ledger.runfile import impossible
from footprint.ledger.whole import Reading
from footprint.model import SCHEMA_VERSION, Run
from footprint.text import clean

_PATTERN: Final = re.compile(r"[*?\[]")
_AMBIGUOUS_SHOWN: Final = 4
_SHOWN: Final = 200
_AT_ONCE: Final = 1000


def read_runs(
    engine: Engine,
    *,
    since: datetime | None = None,
    name: str | None = None,
    account: str | None = None,
    newest: int | None = None,
) -> Reading:
    """The runs of a ledger, newest first; those that cannot be read stand in `problems`.

    Args:
        engine: the ledger.
        since: only runs that started then or later.
        name: only runs whose name begins like this pattern (`llm-*`); whether it fits to its end is for the caller to see.
        account: only runs of this account.
        newest: only so many of the newest whose name fits whole; the facts of others are not read, but `total` counts them.

    Raises:
        LedgerError: if the ledger cannot be read.
    """
    conditions = []
    if since is not None:
        conditions.append(f"started_us >= {round(since.timestamp() * 1_000_000)}")
    if account is not None:
        conditions.append(f"account = {literal(account)}")
    begin = _PATTERN.split(name, maxsplit=1)[0] if name else ""
    if begin and "\0" not in begin:
        conditions.append(f"starts_with(name, {literal(begin)})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    if newest is None:
        answer = engine.query(f"SELECT id, facts FROM runs{where}")  # noqa: S608 - literals
        total = None
    else:
        wanted, total = _newest(engine, where, name, newest)
        answer = engine.query(f"SELECT id, facts FROM runs WHERE id IN ({', '.join(map(literal, wanted or ['']))})")  # noqa: S608
    runs, problems = _decoded(answer)
    runs.sort(key=lambda run: (run.started_at, run.id), reverse=True)
    return Reading(runs=tuple(runs), problems=(*answer.problems, *problems), total=len(runs) if total is None else total)


def read_these(engine: Engine, run_ids: Sequence[str]) -> Reading:
    """Some runs of a ledger by their ids, newest first; those that cannot be read stand in `problems`.

    Raises:
        LedgerError: if the ledger cannot be read.
    """
    runs: list[Run] = []
    problems: list[str] = []
    for at in range(0, len(run_ids), _AT_ONCE):
        ids = ", ".join(map(literal, run_ids[at : at + _AT_ONCE]))
        found, wrong = _decoded(engine.query(f"SELECT id, facts FROM runs WHERE id IN ({ids})"))  # noqa: S608 - literals
        runs += found
        problems += wrong
    runs.sort(key=lambda run: (run.started_at, run.id), reverse=True)
    return Reading(runs=tuple(runs), problems=tuple(problems), total=len(runs))


def _newest(engine: Engine, where: str, name: str | None, newest: int) -> tuple[list[str], int]:
    """The ids of the newest runs whose name fits a pattern, and how many fit."""
    if name is None:
        ((total,),) = engine.query(f"SELECT count(*) AS runs FROM runs{where}").rows  # noqa: S608 - literals
        found = engine.query(f"SELECT id FROM runs{where} ORDER BY started_us DESC, id DESC LIMIT {newest:d}")  # noqa: S608
        return [run_id for (run_id,) in found.rows], int(total)
    told = engine.query(f"SELECT started_us, id, name FROM runs{where}")  # noqa: S608 - literals
    fitting = [(started_us, run_id) for started_us, run_id, own in told.rows if fnmatchcase(own, name)]
    return [run_id for _, run_id in heapq.nlargest(newest, fitting)], len(fitting)


def find_run(engine: Engine, ref: str) -> Run:
    """One run of a ledger, by its id or by a beginning of the id that fits no other.

    Raises:
        LedgerError: if nothing fits, if more than one does, or if it cannot be read.
    """
    if not ref:
        raise LedgerError("no run is named; `footprint runs list --ledger` shows what there is")
    asked = f"SELECT id, facts FROM runs WHERE starts_with(id, {literal(ref)})"  # noqa: S608 - a literal
    answer = engine.query(asked)
    by_id = {row[0]: row for row in answer.rows}
    if ref not in by_id and len(by_id) > 1:
        shown = ", ".join(map(clean, heapq.nsmallest(_AMBIGUOUS_SHOWN, by_id)))
        raise LedgerError(f"run {clean(ref)!r} fits {len(by_id)} runs ({shown}{', …' * (len(by_id) > _AMBIGUOUS_SHOWN)})")
    if not by_id:
        raise LedgerError(f"no run {clean(ref)!r} in {engine.where}; `footprint runs list --ledger` shows what there is")
    row = by_id[ref] if ref in by_id else answer.rows[0]
    runs, problems = _decoded(Answer(answer.columns, [row]))
    if not runs:
        raise LedgerError(problems[0])
    return runs[0]


def _decoded(answer: Answer) -> tuple[list[Run], list[str]]:
    """Facts as runs; one that somebody wrote by hand, or a newer version, is a problem and no run."""
    decoder = msgspec.json.Decoder(Run)
    runs: list[Run] = []
    problems: list[str] = []
    for run_id, facts in answer.rows:
        try:
            run = decoder.decode(facts)
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            problems.append(f"run {clean(str(run_id))} was left out: its facts are no run: {clean(str(error), limit=_SHOWN)}")
            continue
        if run.schema > SCHEMA_VERSION:
            problems.append(f"run {clean(str(run_id))} was left out: a newer version of footprint wrote it; upgrade to read it")
        elif wrong := impossible(run):
            problems.append(f"run {clean(str(run_id))} was left out: {clean(wrong, limit=_SHOWN)}")
        else:
            runs.append(run)
    return runs, problems
