"""Deleting runs: nothing of them is left in any file of the ledger.

A journal that holds other runs too is archived without those that go, a batch is written anew without them: by the steps of
a compaction, so that whatever ends the process in between, the other runs are whole. What may still be written to is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.archive.archiving import Archiver
from footprint.ledger.archive.compacting import finish
from footprint.ledger.archive.known import Known
from footprint.ledger.archive.lock import locked
from footprint.ledger.archive.manifest import OTHERS, Batch, archive_dir, damage, read_archives
from footprint.ledger.archive.rewriting import names_one, rewrite
from footprint.ledger.archive.ripe import Ripe, look
from footprint.ledger.archive.spill import RefusedError
from footprint.ledger.archive.store import connect, files, literal
from footprint.ledger.archive.writing import Step, no_step
from footprint.ledger.home import runs_dir
from footprint.ledger.reading import mentions, read_journal

if TYPE_CHECKING:
    import duckdb


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """What goes, and what is written anew for it: journals, and batches of the archive."""

    runs: tuple[str, ...]
    journals: tuple[str, ...]
    batches: tuple[str, ...]
    done: bool = False


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    """A journal that holds, or names, runs that go; `whole` if it holds no others, and nothing else."""

    ripe: Ripe
    whole: bool


def delete(root: Path, ids: Collection[str], *, dry_run: bool = False, step: Step = no_step) -> Deletion:
    """Delete runs.

    Args:
        root: the ledger's home.
        ids: the runs' ids.
        dry_run: only say what would be done.
        step: told of each step.

    Raises:
        LedgerError: if one of them may still be written to (then nothing is deleted), if somebody else is at the archive, or
            if it cannot be written.
    """
    gone = frozenset(ids)
    if dry_run:
        places, batches = _journals(root, gone), _batches(root, gone)
        return _told(gone, places, batches)
    with locked(root):
        finish(root, step)
        places, batches = _journals(root, gone), _batches(root, gone)
        if wrong := [told for batch in batches if (told := damage(batch))]:
            raise LedgerError(f"nothing was deleted: {wrong[0]}")
        archiver = _archive_the_rest(root, places, gone, step)
        for batch in batches:
            rewrite(root, [batch], without=gone, step=step)
        for place in places:
            if place.whole:
                place.ripe.path.unlink(missing_ok=True)
                step("unlinked")
        finish(root, step)  # copies of what was replaced hold the runs, too
        if left := [str(place.ripe.path) for place in _journals(root, gone)] or [str(one.folder) for one in _batches(root, gone)]:
            why = "; ".join(archiver.problems or archiver.left) or "somebody wrote to it meanwhile"
            raise LedgerError(f"not all was deleted: {left[0]} still holds some of it ({why}); try again")
    return msgspec.structs.replace(_told(gone, places, batches), done=True)


def _archive_the_rest(root: Path, places: Sequence[_Place], gone: frozenset[str], step: Step) -> Archiver:
    """Archive the other runs of journals, of which nothing else is left then."""
    rest: dict[str, list[Ripe]] = {}
    for place in places:
        if not place.whole:
            rest.setdefault(place.ripe.month, []).append(place.ripe)
    archiver = Archiver(root, Known(read_archives(root).batches), step)
    for month, journals in rest.items():
        for _ in archiver.archive(month, journals, without=gone):
            step("archived")
    return archiver


def _told(ids: frozenset[str], places: Sequence[_Place], batches: Sequence[Batch]) -> Deletion:
    return Deletion(
        runs=tuple(sorted(ids)),
        journals=tuple(str(place.ripe.path) for place in places),
        batches=tuple(batch.manifest.batch for batch in batches),
    )


def _journals(root: Path, ids: frozenset[str]) -> list[_Place]:
    """The journals that name one of the runs, copies too.

    Raises:
        LedgerError: if one of them may still be written to, or cannot be read.
    """
    found = []
    for path in sorted(runs_dir(root).glob("*/*/*.jsonl")):
        if path.is_symlink():
            continue
        try:
            ripe, journal = look(path), read_journal(path)
            held = {*journal.runs, *(run.id for run in journal.imported)}
            # Lines that cannot be used may be of such a run, too; that another run names one as its parent is that run's own.
            if not held & ids and not (journal.problems and mentions(path, *ids)):
                continue
            ripe.check(journal)
        except OSError as error:
            raise LedgerError(f"nothing was deleted: {path} cannot be read: {error.strerror}") from error
        except RefusedError as error:
            raise LedgerError(f"nothing was deleted: {path} may be written to: {error}; try again when it has ended") from error
        found.append(_Place(ripe=ripe, whole=held <= ids and not journal.problems))
    return found


def _batches(root: Path, ids: frozenset[str]) -> list[Batch]:
    """The batches that hold, or name, one of the runs."""
    archives = read_archives(root)
    if not archives.batches:
        return []
    named = ", ".join(map(literal, sorted(ids)))
    found = []
    with connect() as database:
        for batch in archives.batches:
            query = f"SELECT count(*) FROM {files([batch.path('runs')])} WHERE id IN ({named})"
            if database.execute(query).fetchall()[0][0] or _is_named(database, batch, ids):
                found.append(batch)
    return found


def _is_named(database: duckdb.DuckDBPyConnection, batch: Batch, ids: frozenset[str]) -> bool:
    if any(run_id in told for run_id in ids for told in batch.manifest.problems):
        return True
    if not batch.manifest.rows.get(OTHERS):
        return False
    query = f"SELECT count(*) FROM {files([batch.path(OTHERS)])} WHERE {names_one(ids)}"
    return bool(database.execute(query).fetchall()[0][0])


def tidy(root: Path) -> None:
    """Finish what an earlier deletion or compaction left.

    Raises:
        LedgerError: if somebody else is at the archive.
    """
    if archive_dir(root).is_dir():
        with locked(root):
            finish(root)
