"""A whole ledger: the runs of its journals and of its archives as one, each once."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.archive.manifest import Archives, archive_dir, steadily
from footprint.ledger.facts import Point
from footprint.ledger.home import home as default_home
from footprint.ledger.home import runs_dir
from footprint.ledger.once import once, rank
from footprint.ledger.reading import journal_paths, mentions, read_journal
from footprint.ledger.runfile import read_run_file
from footprint.model import Run
from footprint.text import clean

if TYPE_CHECKING:
    from datetime import datetime

    from footprint.ledger.archive.recall import Recall

_AMBIGUOUS_SHOWN: Final = 4


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a ledger, newest first, what could not be read of it, a line each, and how many runs there are in `total`."""

    runs: tuple[Run, ...]
    problems: tuple[str, ...] = ()
    total: int = 0


def read_runs(
    home: Path | None = None,
    *,
    newest: int | None = None,
    since: datetime | None = None,
    fits: Callable[[str], bool] | None = None,
) -> Reading:
    """All runs of a ledger, by default of the user's, or the newest of them.

    A ledger that nobody wrote to yet is empty. Damage costs the damaged records, and stands in `problems`.

    Args:
        home: the ledger.
        newest: so many at least of the newest are wanted; archives are then not read whole. Journals always are.
        since: with `newest`, those that started then or later.
        fits: with `newest`, those of whose name this is true.

    Raises:
        LedgerError: if the ledger's folder cannot be read.
    """
    return steadily(home or default_home(), partial(_read_runs, home, newest=newest, since=since, fits=fits))


def _read_runs(
    home: Path | None, archives: Archives, *, newest: int | None, since: datetime | None, fits: Callable[[str], bool] | None
) -> Reading:
    problems: list[str] = []
    live: list[Run] = []
    for path in live_paths(home, archives, problems):
        journal = read_journal(path)
        live += journal.facts()
        problems += journal.problems
    archived: list[Run] = []
    more = 0
    if archives.batches:
        recall = _recall(archives)
        if newest is None:
            archived = list(recall.runs())
        else:
            archived, total = recall.newest(newest, None if since is None else round(since.timestamp() * 1e6), fits)
            more = total - len(archived)
        problems += recall.problems
    else:
        problems += archives.problems
    found = sorted(once([*live, *archived]).values(), key=lambda run: (run.started_at, run.id), reverse=True)
    return Reading(runs=tuple(found), problems=tuple(dict.fromkeys(problems)), total=len(found) + more)


def find_run(ref: str | os.PathLike[str], home: Path | None = None) -> Run:
    """One run: by its id, by a beginning of the id that fits no other, or by the path of a run file.

    Raises:
        LedgerError: if nothing fits, if more than one does, or if the file or the ledger cannot be read.
    """
    text = os.fspath(ref)
    if os.sep in text or text.endswith(".json") or not isinstance(ref, str):
        return read_run_file(Path(text))
    if not text:
        raise LedgerError("no run is named; `footprint runs list` shows what there is")
    return steadily(home or default_home(), partial(_find_run, text, home))


def _find_run(text: str, home: Path | None, archives: Archives) -> Run:
    live = [
        run
        for path in live_paths(home, archives, [])
        if mentions(path, text)
        for run in read_journal(path).facts()
        if run.id.startswith(text)
    ]
    recall = _recall(archives) if archives.batches else None
    ids = {run.id for run in live} | set(recall.find(text) if recall else ())
    if text not in ids and len(ids) > 1:
        shown = ", ".join(heapq.nsmallest(_AMBIGUOUS_SHOWN, ids))
        raise LedgerError(f"run {text!r} fits {len(ids)} runs ({shown}{', …' * (len(ids) > _AMBIGUOUS_SHOWN)})")
    if not ids:
        raise _missing(text, home, recall.problems if recall else archives.problems, _namesakes(text, home, archives))
    run_id = text if text in ids else next(iter(ids))
    told = [run for run in live if run.id == run_id] + (recall.run(run_id) if recall else [])
    return once(told)[run_id]


def series(run_id: str, home: Path | None = None) -> tuple[Point, ...]:
    """The ticks of a run, in order, on the run's own clock; of a whole run from elsewhere none.

    Where the readings of an archived run were thinned, its samples are counters of the energy since its start.

    Raises:
        LedgerError: if there is no such run.
    """
    return steadily(home or default_home(), partial(_series, run_id, home))


def _series(run_id: str, home: Path | None, archives: Archives) -> tuple[Point, ...]:
    found: list[tuple[tuple[bool, bool, float, float], Callable[[], tuple[Point, ...]]]] = []
    for path in live_paths(home, archives, []):
        if mentions(path, run_id):
            journal = read_journal(path, run_id, keep_ticks=True)
            known = once(journal.facts()).get(run_id)
            if known is not None:
                records = journal.runs.get(run_id)
                found.append((rank(known), records.points if records else tuple))
    recall = _recall(archives) if archives.batches else None
    if recall is not None:
        points = recall.series(run_id)
        if points is not None:
            found += [(rank(run), lambda: points) for run in recall.run(run_id)[:1]]
    if not found:
        raise _missing(run_id, home, recall.problems if recall else archives.problems)
    return max(found, key=lambda one: one[0])[1]()


def each_telling(home: Path | None, archives: Archives, problems: list[str]) -> Iterator[Run]:
    """The facts of all runs, one after the other, journals first; of a run that stands in several places, each telling."""
    for path in live_paths(home, archives, problems):
        journal = read_journal(path)
        problems += journal.problems
        yield from journal.facts()
    if archives.batches:
        recall = _recall(archives)
        yield from recall.runs()
        problems += recall.problems


def live_paths(home: Path | None, archives: Archives, problems: list[str]) -> Iterator[Path]:
    """The journals that no batch stands for."""
    for path in journal_paths(home, problems):
        archived_bytes = archives.journals.get(path.stem)
        if archived_bytes is None:
            yield path
            continue
        try:
            grown_bytes = path.lstat().st_size - archived_bytes
        except OSError:
            continue
        if grown_bytes > 0:
            told = f"{path} has grown by {grown_bytes} bytes since it was archived in {archive_dir(home or default_home())}"
            problems.append(f"{told}: what was added is not counted; move it to another ledger to read it")


def _recall(archives: Archives) -> Recall:
    from footprint.ledger.archive.recall import Recall

    return Recall(archives)


def _namesakes(text: str, home: Path | None, archives: Archives) -> list[Run]:
    """The runs of the journals that are called so: what people type first, though many runs may share a name."""
    paths = (path for path in live_paths(home, archives, []) if mentions(path, text))
    return list(once([run for path in paths for run in read_journal(path).facts() if run.name == text]).values())


def _missing(text: str, home: Path | None, problems: list[str] | tuple[str, ...], namesakes: Sequence[Run] = ()) -> LedgerError:
    where = runs_dir(home or default_home())
    but = f" ({len(problems)} problem(s) in its archive: `footprint runs verify` names them)" if problems else ""
    if namesakes:
        newest = max(namesakes, key=lambda run: (run.started_at, run.id)).id
        what_to_do = f"it is the name of {len(namesakes)} run(s), the newest of them {newest}: give a run's id"
    else:
        what_to_do = "`footprint runs list` shows what there is"
    return LedgerError(f"no run {clean(text, limit=200)!r} in the ledger at {where}{but}; {what_to_do}")
