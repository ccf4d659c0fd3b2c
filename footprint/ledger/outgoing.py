"""What a ledger has to bring elsewhere: its journals and its batches, each as rows in pieces of bounded size."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from footprint import __version__
from footprint.errors import LedgerError
from footprint.ledger.archive.manifest import read_archives
from footprint.ledger.archive.store import connect, files, literal, names
from footprint.ledger.home import home as default_home
from footprint.ledger.load import Copy, Tally
from footprint.ledger.reading import read_journal
from footprint.ledger.rows import Row, Rows, rows_of
from footprint.ledger.tables import TABLES, TABLES_VERSION
from footprint.ledger.whole import live_paths

if TYPE_CHECKING:
    import duckdb

    from footprint.ledger.archive import Batch

PIECE: Final = 200_000
"""Rows of samples, or thereabouts, that are held at once."""
PIECE_RUNS: Final = 5_000
_BLOCK: Final = 2**20
_RUN_AT: Final = {table: "id" if table == "runs" else "run_id" for table in TABLES}


class Source(Protocol):
    """A journal or a batch."""

    @property
    def name(self) -> str:
        """Its name among all: `journal:ID` or `batch:ID`."""
        ...

    def digest(self) -> str:
        """Of its bytes, and of what makes rows of them: where it is the same, so are the rows.

        Raises:
            OSError: if it cannot be read.
        """
        ...

    def pieces(self) -> Iterable[Rows | Stretch]:
        """Its rows; a run's stand all in one piece."""
        ...


def sources(home: Path | None, problems: list[str]) -> list[Source]:
    """All that a ledger holds; what was compacted once, as its batch.

    Args:
        home: the ledger; by default the user's.
        problems: takes a line for each thing that cannot be read.

    Raises:
        LedgerError: if the ledger's folder cannot be read.
    """
    root = home or default_home()
    archives = read_archives(root)
    problems += archives.problems
    # In the order in which a ledger's readers take them: of two tellings that know as much, the first counts.
    return [*map(Journal, live_paths(root, archives, problems)), *map(Archived, archives.batches)]


class Journal:
    """A journal as a source."""

    def __init__(self, path: Path) -> None:
        self.name = f"journal:{path.stem}"
        self._path = path

    def digest(self) -> str:
        """Of the file, all of it."""
        summed = _begun()
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(self._path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
            while block := file.read(_BLOCK):
                summed.update(block)
        return summed.hexdigest()

    def pieces(self) -> Iterator[Rows]:
        """All of it at once: a recorder's journal is as long as its program ran."""
        journal = read_journal(self._path, keep_ticks=True)
        rows = rows_of(journal)
        rows.problems[:0] = journal.problems
        yield rows


class Archived:
    """A batch of Parquet files as a source."""

    def __init__(self, batch: Batch) -> None:
        self.name = f"batch:{batch.manifest.batch}"
        self._batch = batch

    def digest(self) -> str:
        """Of its manifest, which names those of its files."""
        summed = _begun()
        for name, file in sorted(self._batch.manifest.files.items()):
            summed.update(f"{name} {file.sha256}\n".encode())
        return summed.hexdigest()

    def pieces(self) -> Iterator[Stretch]:
        """Its runs in the order of their ids, as many at a time as have so many samples."""
        import duckdb

        with tempfile.TemporaryDirectory(prefix="footprint-") as folder, connect(Path(folder)) as connection:
            try:
                for first, last in _spans(connection, self._batch):
                    yield Stretch(connection, self._batch, (first, last), Path(folder, "rows.csv"))
            except duckdb.Error as error:
                raise LedgerError(f"{self._batch.folder} cannot be read: {str(error).splitlines()[0]}") from None


def _spans(connection: duckdb.DuckDBPyConnection, batch: Batch) -> list[tuple[str, str]]:
    """The first and the last id of each piece."""
    runs, samples = files([batch.path("runs")]), files([batch.path("samples")])
    counted = f"SELECT run_id, count(*) AS n FROM {samples} GROUP BY run_id"  # noqa: S608 - paths as literals
    numbered = f"SELECT r.id, coalesce(s.n, 0) AS n FROM {runs} r LEFT JOIN ({counted}) s ON s.run_id = r.id"  # noqa: S608
    piece = f"(sum(n) OVER up_to)::BIGINT // {PIECE} + count(*) OVER up_to // {PIECE_RUNS}"
    running = f"SELECT id, {piece} AS piece FROM ({numbered}) WINDOW up_to AS (ORDER BY id)"  # noqa: S608
    found = connection.execute(f"SELECT min(id), max(id) FROM ({running}) GROUP BY piece ORDER BY 1").fetchall()  # noqa: S608
    return [(first, last) for first, last in found]


class Stretch:
    """The runs of a batch from one id to another; samples and ticks go by way of a file of CSV, and are never held.

    Args:
        connection: where DuckDB reads them.
        batch: the batch.
        span: the first and the last id.
        file: where the CSV is put, and written over.
    """

    is_csv = True

    def __init__(self, connection: duckdb.DuckDBPyConnection, batch: Batch, span: tuple[str, str], file: Path) -> None:
        self._connection = connection
        self._batch = batch
        self._within = f"BETWEEN {literal(span[0])} AND {literal(span[1])}"
        self._file = file
        self.runs = self._rows("runs", names("runs"))
        self.devices = self._rows("devices", names("devices"))
        self.problems: list[str] = []

    def only(self, run_ids: Collection[str]) -> Stretch:
        """The same with some of its runs only."""
        chosen = copy(self)
        chosen.runs = [row for row in self.runs if row[0] in run_ids]
        chosen.devices = [row for row in self.devices if row[0] in run_ids]
        return chosen

    def tally(self) -> dict[str, Tally]:
        """What there is of samples, by run."""
        mine = {row[0] for row in self.runs}
        counted = self._rows("samples", "run_id, count(*), sum(energy_mj)", " GROUP BY run_id")
        return {run_id: Tally(samples, int(energy_mj)) for run_id, samples, energy_mj in counted if run_id in mine}

    def send(self, table: str, run_ids: Collection[str], to: Copy) -> None:
        """Send the rows of some runs, as CSV."""
        chosen = "" if len(run_ids) == len(self.runs) else f" AND run_id IN ({', '.join(map(literal, run_ids))})"
        without_nul = "* REPLACE (replace(device_id, chr(0), '\ufffd') AS device_id)" if table == "samples" else "*"
        rows = f"SELECT {without_nul} FROM ({self._select(table, names(table), chosen)})"  # noqa: S608 - as below
        self._ask(f"COPY ({rows}) TO {literal(str(self._file))} (FORMAT csv, HEADER false)")
        with self._file.open("rb") as file:
            while block := file.read(_BLOCK):
                to.write(block)

    def _rows(self, table: str, columns: str, after: str = "") -> list[Row]:
        return self._ask(self._select(table, columns, after)).fetchall()

    def _ask(self, query: str) -> duckdb.DuckDBPyConnection:
        import duckdb

        try:
            return self._connection.execute(query)
        except duckdb.Error as error:
            raise LedgerError(f"{self._batch.folder} cannot be read: {str(error).splitlines()[0]}") from None

    def _select(self, table: str, columns: str, after: str) -> str:
        source, at = files([self._batch.path(table)]), _RUN_AT[table]
        return f"SELECT {columns} FROM {source} WHERE {at} {self._within}{after}"  # noqa: S608 - our names, literals


def _begun() -> hashlib._Hash:
    return hashlib.sha256(f"tables {TABLES_VERSION}, footprint {__version__}\n".encode())
