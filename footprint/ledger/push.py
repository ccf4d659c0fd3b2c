"""A ledger to a database: everything that is not there yet, as often as one likes, from as many machines as there are.

Each transaction takes some journals, or a piece of a batch, and remembers which: a push that was cut off goes on behind the last
of them. What was pushed whole and has not changed since is not even read again. Runs that were deleted here stay there, until
somebody names them.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import ConfigError, LedgerError
from footprint.ledger.archive.manifest import is_changed, read_archives
from footprint.ledger.engines import as_address, is_home
from footprint.ledger.engines.postgres import is_address
from footprint.ledger.engines.postgres_write import Pushed, Writer, Written
from footprint.ledger.home import home as default_home
from footprint.ledger.load import Held, Load
from footprint.ledger.long_work import Progress, untold
from footprint.ledger.outgoing import PIECE, PIECE_RUNS, Source, Stretch, sources
from footprint.ledger.rows import Rows, no_rows
from footprint.ledger.tables import DEVICES, RUNS, TABLES
from footprint.ledger.whole import find_run
from footprint.text import clean

_STARTED: Final = [column.name for column in RUNS].index("started_us")
_ENERGY: Final = [column.name for column in DEVICES].index("energy_mj")
_ATTEMPTS: Final = 5
_OUTCOME: Final = [column.name for column in RUNS].index("outcome")


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """What a push did; a dry run, what it would read and send.

    Attributes:
        where: the database, without a password.
        dry_run: whether nothing was written.
        migrated: the versions of the tables before and after, where they were made or renewed.
        sources: how many journals and batches were read; `unchanged_sources` were there already, whole.
        runs: of those that were read: `new` ones; `replaced`, for more is known of them now; `same` ones; and `kept`, of which
            the database knows more. Null in a dry run.
        samples: rows that were written; `energy_mj` is what they add up to.
        deleted: runs that were named to be deleted, and were there.
        problems: what could not be read or sent, a line each.
    """

    where: str
    dry_run: bool
    migrated: tuple[int, int] | None
    sources: int
    unchanged_sources: int
    runs: int
    new: int | None
    replaced: int | None
    same: int | None
    kept: int | None
    samples: int
    energy_mj: int
    deleted: tuple[str, ...]
    duration_s: float
    problems: tuple[str, ...]


def push(
    where: str,
    *,
    home: Path | None = None,
    since_us: int | None = None,
    delete: Sequence[str] = (),
    dry_run: bool = False,
    progress: Progress = untold,
) -> Push:
    """Bring a ledger's runs to a database.

    Args:
        where: `postgresql://…`, a folder, or a store's address.
        home: the ledger; by default the user's.
        since_us: only runs that started then or later, microseconds since 1970 UTC.
        delete: ids of runs to delete there; they must be gone here.
        dry_run: read all and write nothing.
        progress: is told how far it is; what it raises ends the push, and what was committed stays.

    Raises:
        ConfigError: if `where` is no database's address, or psycopg is not installed.
        LedgerError: if the ledger or the database cannot be used; what was committed before stays, and the next push goes on.
    """
    if "://" in where and not is_address(where):
        return _to_a_store(where, home=home, since_us=since_us, delete=delete, dry_run=dry_run, progress=progress)
    is_folder = where != "" and (os.sep in where or Path(where).is_dir())  # a single word may be a database's name
    if is_folder and not where.lower().startswith("spark:") and not is_address(where):
        return _to_a_store(as_address(where), home=home, since_us=since_us, delete=delete, dry_run=dry_run, progress=progress)
    if not is_address(where):
        raise ConfigError(
            "a ledger is pushed to postgresql://USER@HOST:PORT/DATABASE, to a folder (./LEDGER), or to a store like "
            "s3://BUCKET/LEDGER; spark: only asks what was pushed there"
        )
    began_s = time.monotonic()
    with Writer(where, may_change=not dry_run) as writer:
        going = _Going(writer, home, since_us=since_us, dry_run=dry_run, progress=progress)
        problems = going.go()
        deleted = _delete(writer, delete, home) if delete and not dry_run else []
        if not dry_run:
            problems += [f"{clean(one)} is no run there: --delete takes whole ids" for one in delete if one not in deleted]
        total = going.total
        return Push(
            where=writer.where,
            dry_run=dry_run,
            migrated=writer.migrated if writer.migrated and writer.migrated[0] != writer.migrated[1] else None,
            sources=going.read,
            unchanged_sources=going.unchanged,
            runs=going.runs,
            new=None if dry_run else total.new,
            replaced=None if dry_run else total.replaced,
            same=None if dry_run else total.same,
            kept=None if dry_run else total.kept,
            samples=going.samples if dry_run else total.samples,
            energy_mj=going.energy_mj if dry_run else total.energy_mj,
            deleted=tuple(deleted),
            duration_s=time.monotonic() - began_s,
            problems=tuple(dict.fromkeys((*problems, *total.problems))),
        )


def _to_a_store(
    where: str, *, home: Path | None, since_us: int | None, delete: Sequence[str], dry_run: bool, progress: Progress
) -> Push:
    """Bring a ledger's runs to a place of files."""
    from footprint.ledger.engines.remote_write import send

    if delete:
        raise ConfigError("--delete: what was pushed to a store never changes; push what is left to another place of it")
    folder = Path(where.removeprefix("file://")) if where.startswith("file://") else None
    if folder is not None and (is_home(folder) or folder == (home or default_home())):
        raise ConfigError(f"{clean(where, limit=200)} is where runs are recorded: push into a folder of its own")
    began_s = time.monotonic()
    problems: list[str] = []
    shown, sent = send(where, home=home, since_us=since_us, dry_run=dry_run, problems=problems, progress=progress)
    return Push(
        where=shown,
        dry_run=dry_run,
        migrated=None,
        sources=len(sources(home, [])),
        unchanged_sources=0,
        runs=sent.new + sent.replaced + sent.same + sent.kept,
        new=None if dry_run else sent.new,
        replaced=None if dry_run else sent.replaced,
        same=None if dry_run else sent.same,
        kept=None if dry_run else sent.kept,
        samples=sent.samples,
        energy_mj=sent.energy_mj,
        deleted=(),
        duration_s=time.monotonic() - began_s,
        problems=tuple(dict.fromkeys(problems)),
    )


class _Going:
    """One push under way: what was read so far, and what became of it."""

    def __init__(
        self,
        writer: Writer,
        home: Path | None,
        *,
        since_us: int | None,
        dry_run: bool,
        progress: Progress,
    ) -> None:
        self._writer = writer
        self._home = home
        self._sources: list[Source] = []
        self._problems: list[str] = []
        self._since_us = since_us
        self._dry_run = dry_run
        self._progress = progress
        self._host = socket.gethostname()
        self._rows, self._whole = no_rows(), list[Pushed]()
        self._done = 0
        self._has_gone = False
        self.read = self.unchanged = self.runs = self.samples = self.energy_mj = 0
        self.total = Written()

    def go(self) -> list[str]:
        """Bring everything; what could not be read, a line each.

        What a compaction puts into a batch, or merges, while this reads it is looked for again; what was committed stays.

        Raises:
            LedgerError: if it cannot be read or written.
        """
        root = self._home or default_home()
        for attempt in range(1, _ATTEMPTS + 1):
            archives = read_archives(root)
            self._problems, self._has_gone = [], False
            self._sources = sources(self._home, self._problems)
            try:
                self._go()
            except LedgerError:
                if attempt == _ATTEMPTS or not is_changed(root, archives):
                    raise
            else:
                if not self._has_gone or not is_changed(root, archives):
                    break
            self._rows, self._whole = no_rows(), []
            self._done = self.unchanged = 0
            if self._dry_run:
                self.read = self.runs = self.samples = self.energy_mj = 0
        return self._problems

    def _go(self) -> None:
        known = self._writer.pushed([source.name for source in self._sources])
        try:
            for number, source in enumerate(self._sources):
                self._bring(source, *known.get(source.name, ("", True)))
                self._progress("pushing journals and batches", number + 1, len(self._sources))
            self._flush()
        except LedgerError as error:
            there = f"{self._done + self.unchanged} of {len(self._sources)} journals and batches are there whole"
            raise LedgerError(f"{error}; {there}, push again to go on") from None

    def _bring(self, source: Source, digest_there: str, was_open: bool) -> None:
        try:
            digest = source.digest()
        except OSError as error:
            self._problems.append(f"{source.name}: not read: {error.strerror}")
            self._has_gone = True
            return
        if digest == digest_there and not was_open:
            self.unchanged += 1
            return
        self.read += 1
        runs = energy_mj = 0
        is_open, is_whole = False, True
        for piece in source.pieces():
            self._problems += piece.problems
            rows = piece if self._since_us is None else _since(piece, self._since_us)
            is_whole = is_whole and len(rows.runs) == len(piece.runs)
            is_open = is_open or any(row[_OUTCOME] == "running" for row in rows.runs)
            runs += len(rows.runs)
            energy_mj += sum(row[_ENERGY] or 0 for row in rows.devices)
            self._take(rows)
        self.runs += runs
        self.energy_mj += energy_mj
        if is_whole:  # what was left out because it is older must be seen by a push that wants it
            host = self._host
            self._whole.append(
                Pushed(source=source.name, digest=digest, is_open=is_open, runs=runs, energy_mj=energy_mj, host=host)
            )

    def _take(self, rows: Rows | Stretch) -> None:
        """Have rows go with the next transaction, which goes first where it is large enough, or has one of these runs."""
        if self._dry_run:
            tally = Held(rows).tally() if isinstance(rows, Rows) else rows.tally()
            self.samples += sum(one.samples for one in tally.values())
            return
        if not isinstance(rows, Rows):  # a piece of a batch is large enough
            self._flush()
            self._write(rows, [])
            return
        held = self._rows
        ids = {row[0] for row in held.runs}
        is_full = len(held.samples) + len(rows.samples) > PIECE or len(held.runs) + len(rows.runs) > PIECE_RUNS
        if held.runs and (is_full or any(row[0] in ids for row in rows.runs)):
            self._flush()
        self._rows.add(rows)

    def _flush(self) -> None:
        rows, whole = self._rows, self._whole
        self._rows, self._whole = no_rows(), []
        if not self._dry_run and (rows.runs or whole):
            self._write(Held(rows), whole)

    def _write(self, rows: Load, whole: Sequence[Pushed]) -> None:
        written = self._writer.write(rows, whole)
        self._done += len(whole)
        added = {name: getattr(self.total, name) + getattr(written, name) for name in Written.__struct_fields__}
        self.total = Written(**added)


def _since(piece: Rows | Stretch, since_us: int) -> Rows | Stretch:
    chosen = {row[0] for row in piece.runs if row[_STARTED] >= since_us}
    if not isinstance(piece, Rows):
        return piece.only(chosen)
    return Rows(
        **{table: [row for row in getattr(piece, table) if row[0] in chosen] for table in TABLES}, problems=piece.problems
    )


def _delete(writer: Writer, run_ids: Sequence[str], home: Path | None) -> list[str]:
    """Delete runs there.

    Raises:
        LedgerError: if one of them is still here, from where the next push would bring it again.
    """
    if left := next((run_id for run_id in run_ids if _is_here(run_id, home)), None):
        raise LedgerError(f"the run {clean(left)} is still in this ledger: delete it here first (`footprint runs delete`)")
    return writer.delete(run_ids)


def _is_here(run_id: str, home: Path | None) -> bool:
    try:
        return find_run(run_id, home).id == run_id
    except LedgerError:
        return False
