"""Runs onto a shared or object store: batches of Parquet that never change, each there as soon as its manifest is, the last.

A batch is named by what it holds. So a push that was cut off writes the same objects again, and one that is repeated finds all
runs there and writes nothing. A run of which more is known by now is written again; readers take the more complete record.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from footprint.errors import ConfigError, LedgerError
from footprint.ledger.engines.remote import RemoteEngine
from footprint.ledger.engines.sources import BATCHES, MANIFEST, Store, batches_of
from footprint.ledger.exchange.exporting import gathered
from footprint.ledger.exchange.parcels import FORMAT, VERSION, counts_of
from footprint.ledger.exchange.parquet import connect, write_table
from footprint.ledger.long_work import Progress, untold
from footprint.ledger.once import standing
from footprint.ledger.rows import Row, Rows
from footprint.ledger.tables import DEVICES, RUNS, TABLES, TABLES_VERSION

PIECE: Final = 200_000
"""Rows of samples in a batch, or thereabouts; one run's are never parted."""
PIECE_RUNS: Final = 5_000
_AT: Final = {column.name: place for place, column in enumerate(RUNS)}
_READ: Final = [column.name for column in DEVICES].index("read_s")


class Sent(NamedTuple):
    """What became of the runs: new there, replaced by more complete records, there already, and known better there."""

    new: int
    replaced: int
    same: int
    kept: int
    samples: int
    energy_mj: int


class StoreWriter:
    """A place that batches are written to.

    Args:
        where: an address that fsspec knows: `s3://…`, `file://…`.

    Raises:
        ConfigError: if it is none.
        LedgerError: if it cannot be reached.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._store = Store(where)
        self.where = self._store.shown

    def send(
        self,
        *,
        home: Path | None,
        since_us: int | None,
        dry_run: bool,
        problems: list[str],
        progress: Progress = untold,
    ) -> Sent:
        """Bring a ledger's runs: each that is not there, or less completely.

        Raises:
            LedgerError: if the ledger or the store cannot be used; what was written counts, and the next push goes on.
        """
        there = self._there(problems)
        rows = gathered(problems, since_us=since_us, home=home, progress=progress)
        ours = _standings(rows)
        fates = {row[0]: _fate(row, ours[row[0]], there.get(row[0])) for row in rows.runs}
        wanted = {run_id for run_id, fate in fates.items() if fate in {"new", "replaced"}}
        samples = energy_mj = 0
        sent = 0
        for piece in _pieces(rows, wanted):
            progress("pushing runs", sent, len(wanted))
            sent += len(piece.runs)
            samples += len(piece.samples)
            energy_mj += sum(row[4] for row in piece.samples)
            if not dry_run:
                self._write(piece)
        told = Counter(fates.values())
        return Sent(told["new"], told["replaced"], told["same"], told["kept"], samples, energy_mj)

    def _there(self, problems: list[str]) -> dict[str, tuple[tuple[bool, bool, float, float], str]]:
        """The runs that are there: how complete each is, and a digest of its facts."""
        if not self._store.sizes(""):
            return {}
        try:
            problems += batches_of(self._store).problems
        except LedgerError as error:
            if "holds no ledger" in str(error):  # only what a push left that was cut off
                return {}
            raise
        with RemoteEngine(self._where) as engine:
            read_s = "SELECT run_id, sum(read_s) AS read_s FROM devices GROUP BY run_id"
            columns = "id, outcome, coalesce(d.read_s, 0), duration_s, md5(facts)"
            asked = f"SELECT {columns} FROM runs LEFT JOIN ({read_s}) d"  # noqa: S608 - ours
            asked += " ON run_id = id"
            return {row[0]: (standing(row[1], row[2], row[3]), row[4]) for row in engine.query(asked).rows}

    def _write(self, rows: Rows) -> None:
        """Write one batch, its manifest last."""
        with tempfile.TemporaryDirectory(prefix="footprint-") as folder, connect() as con:
            files: dict[str, bytes] = {}
            for table in TABLES:
                path = Path(folder, f"{table}.parquet")
                write_table(con, table, getattr(rows, table), path)
                files[path.name] = path.read_bytes()
        told = hashlib.sha256("\n".join(sorted(f"{row[0]} {row[_AT['facts']]}" for row in rows.runs)).encode()).hexdigest()[:16]
        base = f"{self._store.base}/{BATCHES}/{told}"
        stated = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
        manifest = {"format": FORMAT, "version": VERSION, "tables": TABLES_VERSION, "batch": told, "counts": counts_of(rows)}
        for name, data in files.items():
            self._put(f"{base}/{name}", data)
        self._put(f"{base}/{MANIFEST}", msgspec.json.encode({**manifest, "files": stated}))

    def _put(self, path: str, data: bytes) -> None:
        """Write one object, whole or not at all."""
        try:
            if self._store.is_local:
                _put_locally(Path(path), data)
            else:
                self._store.fs.pipe_file(path, data)
        except Exception as error:  # noqa: BLE001 - a client's own, of any kind
            raise self._store.error("cannot be written", error) from None


def is_store(where: str) -> bool:
    """Whether an address is a file system's."""
    return "://" in where


def send(
    where: str,
    *,
    home: Path | None,
    since_us: int | None,
    dry_run: bool,
    problems: list[str],
    progress: Progress = untold,
) -> tuple[str, Sent]:
    """Bring a ledger's runs to a place; its address for messages, and what became of them.

    Raises:
        ConfigError: if the address is none.
        LedgerError: if the ledger or the place cannot be used.
    """
    if not is_store(where):
        raise ConfigError("a store's address has a scheme: s3://BUCKET/LEDGER, file:///srv/ledger")
    writer = StoreWriter(where)
    return writer.where, writer.send(home=home, since_us=since_us, dry_run=dry_run, problems=problems, progress=progress)


def _standings(rows: Rows) -> dict[str, tuple[bool, bool, float, float]]:
    read_s: dict[str, float] = {}
    for row in rows.devices:
        read_s[row[0]] = read_s.get(row[0], 0.0) + row[_READ]
    return {row[0]: standing(row[_AT["outcome"]], read_s.get(row[0], 0.0), row[_AT["duration_s"]]) for row in rows.runs}


def _fate(row: Row, ours: tuple[bool, bool, float, float], there: tuple[tuple[bool, bool, float, float], str] | None) -> str:
    if there is None:
        return "new"
    if hashlib.md5(row[_AT["facts"]].encode(), usedforsecurity=False).hexdigest() == there[1]:
        return "same"
    return "replaced" if there[0] < ours else "kept"


def _pieces(rows: Rows, wanted: set[str]) -> Iterator[Rows]:
    """Runs that are wanted, as many at a time as make a batch."""
    counts: dict[str, int] = {}
    for row in rows.samples:
        counts[row[0]] = counts.get(row[0], 0) + 1
    piece: set[str] = set()
    held = 0
    for run_id in [row[0] for row in rows.runs if row[0] in wanted]:
        if piece and (held + counts.get(run_id, 0) > PIECE or len(piece) >= PIECE_RUNS):
            yield _only(rows, piece)
            piece, held = set(), 0
        piece.add(run_id)
        held += counts.get(run_id, 0)
    if piece:
        yield _only(rows, piece)


def _only(rows: Rows, ids: set[str]) -> Rows:
    return Rows(**{table: [row for row in getattr(rows, table) if row[0] in ids] for table in TABLES}, problems=[])


def _put_locally(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
