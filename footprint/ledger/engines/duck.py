"""A ledger's home, asked by DuckDB in memory: live journals and archived Parquet as one, with nothing to start or to keep up.

DuckDB is given no network: it neither installs nor loads an extension. What does not fit into its memory goes into a folder of
its own, 0700, which is gone when the engine is closed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from footprint.errors import LedgerError
from footprint.ledger.archive.manifest import Archives, is_changed, steadily
from footprint.ledger.engines.aside import answered
from footprint.ledger.engines.engine import Answer, Keeping
from footprint.ledger.engines.live import spill
from footprint.ledger.home import home as default_home
from footprint.ledger.once import standing
from footprint.ledger.tables import DUCKDB_TYPES, TABLES, Column
from footprint.text import clean

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY_BYTES: Final = 400 * 2**20
MOST_MEMORY_BYTES: Final = 800 * 2**20
MOST_THREADS: Final = 4
MOST_ROOM: Final = 4
"""So many times as much it may take at the most, once a question did not fit."""
_GLOB: Final = "*?["
_ATTEMPTS: Final = 3
_OBJECT_BYTES: Final = 2**26


class DuckEngine(Keeping):
    """The ledger in a folder.

    Args:
        home: the folder; one that nobody wrote to yet is an empty ledger.

    Attributes:
        where: the folder, for messages.
        changes: how often the ledger was opened anew, since it had changed or a question did not fit into memory; what was kept
            is then gone.

    Raises:
        LedgerError: if it cannot be read.
    """

    def __init__(self, home: Path) -> None:
        self.where = clean(str(home), limit=400)
        self._home = home
        self._folder: Path | None = None
        self._room = 1
        self.changes = -1
        self._archives = steadily(home, self._opened)

    def _opened(self, archives: Archives) -> Archives:
        """Open the ledger of these batches, in the place of what was open."""
        import duckdb

        self.close()
        self.changes += 1
        self._folder = Path(tempfile.mkdtemp(prefix="footprint-"))  # 0700 whatever the umask
        try:
            self._problems = tuple(dict.fromkeys((*archives.problems, *spill(self._home, archives, self._folder))))
            self._connection = _connected(self._folder, self._room * _memory(archives))
            try:
                _define(self._connection, self._folder, archives)
                self._connection.execute("SET lock_configuration = true")
            except BaseException:
                self._connection.close()
                raise
        except BaseException as error:
            self._clear()
            if isinstance(error, duckdb.Error | OSError):
                raise LedgerError(f"the ledger at {self.where} cannot be read: {_first_line(error)}") from None
            raise
        return archives

    def query(self, sql: str) -> Answer:
        """The answer to one SELECT.

        Raises:
            LedgerError: if the ledger cannot be read.
        """
        import duckdb

        for _ in range(_ATTEMPTS):
            try:
                return Answer(*answered(self._connection, sql), self._problems)
            except duckdb.OutOfMemoryException as error:
                if self._room >= MOST_ROOM:
                    raise LedgerError(
                        f"the ledger at {self.where} cannot be asked so much at once, ask for fewer runs: {_first_line(error)}"
                    ) from None
                # Not all can be written down meanwhile: a file's group of very long rows is read as a whole.
                self._room *= 2
                self._archives = steadily(self._home, self._opened)
            except duckdb.Error as error:
                if not is_changed(self._home, self._archives):
                    raise LedgerError(f"the ledger at {self.where} cannot be asked: {_first_line(error)}") from None
                self._archives = steadily(self._home, self._opened)  # batches that were merged, say, are one now
        raise LedgerError(f"the ledger at {self.where} is being changed all the time: ask again when that has ended")

    def close(self) -> None:
        """Close, and remove what was spilled."""
        if self._folder is not None:
            self._connection.close()
            self._clear()

    def __del__(self) -> None:
        """Leave nothing on the disk of what nobody closed."""
        with suppress(Exception):
            self.close()

    def _clear(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def opened(where: str | None) -> DuckEngine:
    """The engine over a ledger's folder; None for the user's own.

    Raises:
        LedgerError: if it cannot be read, or a stated one is not there.
    """
    if where is None:
        return DuckEngine(default_home())
    folder = Path(os.path.expanduser(where))  # noqa: PTH111 - Path.expanduser raises where there is no account
    if not folder.is_dir():
        raise LedgerError(f"there is no ledger at {clean(where, limit=400)}: it is no folder")
    return DuckEngine(folder.absolute())


def _connected(folder: Path, memory_bytes: int) -> DuckDBPyConnection:
    import duckdb

    return duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "memory_limit": f"{memory_bytes}B",
            "threads": str(min(MOST_THREADS, os.cpu_count() or 1)),
            "temp_directory": str(folder / "spilled"),
            "preserve_insertion_order": "false",
        },
    )


def _memory(archives: Archives) -> int:
    """What DuckDB may take: more for an archive of very many rows, which it would else write down and read again."""
    files_bytes = sum(file.bytes for batch in archives.batches for file in batch.manifest.files.values())
    return max(MEMORY_BYTES, min(MOST_MEMORY_BYTES, files_bytes))


def _define(connection: DuckDBPyConnection, folder: Path, archives: Archives) -> None:
    """Make the four tables: of live journals a table each, of batches their files, as one view."""
    for table, columns in TABLES.items():
        path = folder / f"{table}.json"
        connection.execute(f"CREATE TABLE live_{table} AS SELECT {_names(columns)} FROM {_json(path, columns)}")  # noqa: S608 - literals
        path.unlink()
    left_out = _left_out(connection, archives)
    for table, columns in TABLES.items():
        key = "id" if table == "runs" else "run_id"
        parts = []
        for place in range(-1, len(archives.batches)):
            source = _source(archives, place, table)
            dropped = ", ".join(map(_literal, left_out.get(place, [])))
            without = f" WHERE {key} NOT IN ({dropped})" if dropped else ""
            parts.append((source, f"SELECT {_names(columns)} FROM {source}{without}", bool(dropped)))  # noqa: S608 - literals
        # Files from which nothing is left out are one scan, which DuckDB plans and reads best.
        whole = [source for source, _, is_cut in parts[1:] if not is_cut]
        selects = [select for _, select, is_cut in parts[1:] if is_cut]
        if connection.execute(f"SELECT count(*) FROM live_{table}").fetchall() != [(0,)] or not parts[1:]:  # noqa: S608
            selects.append(parts[0][1])
        if whole:
            files = ", ".join(source.removeprefix("read_parquet([").removesuffix("])") for source in whole)
            selects.append(f"SELECT {_names(columns)} FROM read_parquet([{files}])")  # noqa: S608
        connection.execute(f"CREATE VIEW {table} AS {' UNION ALL '.join(selects)}")


def _left_out(connection: DuckDBPyConnection, archives: Archives) -> dict[int, list[str]]:
    """The runs that stand in more than one place, by the places in which they do not count: -1 is the journals, others a batch.

    Of several tellings the one counts that knows most (see `ledger.once`).
    """
    is_live = connection.execute("SELECT count(*) FROM live_runs").fetchall() != [(0,)]
    if len(archives.batches) + is_live < 2:  # noqa: PLR2004 - in one place a run stands once
        return {}
    places = range(-1, len(archives.batches))
    told = " UNION ALL ".join(f"SELECT id, {place} AS place FROM {_source(archives, place, 'runs')}" for place in places)  # noqa: S608 - literals
    twice = "SELECT id FROM told GROUP BY id HAVING count(*) > 1"
    rows = connection.execute(f"WITH told AS ({told}) SELECT id, place FROM told WHERE id IN ({twice})").fetchall()  # noqa: S608
    if not rows:
        return {}
    ranks: dict[str, list[tuple[tuple[bool, bool, float, float], int]]] = {}
    for place in places:
        if ids := ", ".join(_literal(run_id) for run_id, there in rows if there == place):
            read_s = f"SELECT run_id, sum(read_s) AS read_s FROM {_source(archives, place, 'devices')} GROUP BY run_id"  # noqa: S608
            columns = "r.id, r.outcome, coalesce(d.read_s, 0), r.duration_s"
            asked = f"SELECT {columns} FROM {_source(archives, place, 'runs')} r LEFT JOIN ({read_s}) d ON d.run_id = r.id"  # noqa: S608
            for run_id, outcome, seconds, duration_s in connection.execute(f"{asked} WHERE r.id IN ({ids})").fetchall():
                ranks.setdefault(run_id, []).append((standing(outcome, seconds, duration_s), -place))
    found: dict[int, list[str]] = {}
    for run_id, tellings in ranks.items():
        for one in tellings:
            if one != max(tellings):
                found.setdefault(-one[-1], []).append(run_id)
    return found


def _source(archives: Archives, place: int, table: str) -> str:
    return f"live_{table}" if place < 0 else _parquet(archives.batches[place].path(table))


def _names(columns: tuple[Column, ...]) -> str:
    return ", ".join(f'"{column.name}"' for column in columns)


def _json(path: Path, columns: tuple[Column, ...]) -> str:
    stated = ", ".join(f"{_literal(column.name)}: {_literal(DUCKDB_TYPES[column.type])}" for column in columns)
    return (
        f"read_json({_literal(str(path))}, format = 'newline_delimited', columns = {{{stated}}}, "
        f"maximum_object_size = {_OBJECT_BYTES})"
    )


def _parquet(path: Path) -> str:
    text = str(path)
    if any(sign in text for sign in _GLOB):
        raise LedgerError(f"the archive at {text!r} cannot be read: its path must hold none of {' '.join(_GLOB)}")
    return f"read_parquet([{_literal(text)}])"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: BaseException) -> str:
    return clean((str(error).splitlines() or [type(error).__name__])[0], limit=300)
