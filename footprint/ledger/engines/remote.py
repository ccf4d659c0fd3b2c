"""A ledger as Parquet on a shared or object store: DuckDB asks it through fsspec, and reads no more of it than it needs.

Of each file the footer comes first; then only the columns, and of these the row groups, that a question needs.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from footprint.errors import LedgerError
from footprint.ledger.engines.aside import answered
from footprint.ledger.engines.engine import Answer, Keeping
from footprint.ledger.engines.sources import SCHEME, Store, batches_of, dropped_of, view_sql
from footprint.ledger.tables import DUCKDB_TYPES, TABLES
from footprint.text import clean

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY: Final = "1GB"


class RemoteEngine(Keeping):
    """The ledger at one place.

    Args:
        where: `s3://…`, `gs://…`, `file://…`, `memory://…`: whatever fsspec knows.

    Raises:
        ConfigError: if it is no such address, or what it needs is not installed.
        LedgerError: if there is no ledger, or it cannot be read.
    """

    def __init__(self, where: str) -> None:
        store = Store(where)
        self.where = store.shown
        self._store = store
        found = batches_of(store)
        self._problems = found.problems
        batches = found.batches
        files = {
            f"{place}/{table}.parquet": f"{batch.path}/{table}.parquet" for place, batch in enumerate(batches) for table in TABLES
        }
        self._con: DuckDBPyConnection = connected(store, files)
        try:
            dropped = dropped_of(self._con, len(batches)) if len(batches) > 1 else {}
            for table in TABLES:
                whole = [_file(place, table) for place in range(len(batches)) if place not in dropped]
                sources: list[tuple[str, list[str]]] = [(f"read_parquet([{', '.join(whole)}])", [])] if whole else []
                sources += [(f"read_parquet([{_file(place, table)}])", runs) for place, runs in dropped.items()]
                self._con.execute(f"CREATE VIEW {table} AS {view_sql(table, sources) if sources else _empty(table)}")
        except Exception as error:  # noqa: BLE001 - a client's own, of any kind
            self.close()
            raise store.error("cannot be read", error) from None

    def query(self, sql: str) -> Answer:
        """The answer to one SELECT in DuckDB's dialect.

        Raises:
            LedgerError: if it cannot be answered.
        """
        try:
            return Answer(*answered(self._con, sql), self._problems)
        except Exception as error:
            if isinstance(error, LedgerError):
                raise
            raise LedgerError(f"{self.where} cannot be asked: {clean(str(error), limit=300)}") from None

    def close(self) -> None:
        """Close."""
        with suppress(Exception):
            self._con.unregister_filesystem(SCHEME)
        with suppress(Exception):
            self._con.close()


def opened(where: str) -> RemoteEngine:
    """The engine over a place.

    Raises:
        ConfigError: if the address is none.
        LedgerError: if it cannot be read, or holds no ledger.
    """
    return RemoteEngine(where)


def _file(place: int, table: str) -> str:
    return f"'{SCHEME}://{place}/{table}.parquet'"


def _empty(table: str) -> str:
    columns = ", ".join(f'CAST(NULL AS {DUCKDB_TYPES[column.type]}) AS "{column.name}"' for column in TABLES[table])
    return f"SELECT {columns} WHERE FALSE"


def connected(store: Store, files: dict[str, str]) -> DuckDBPyConnection:
    """A DuckDB that knows these files by short names, in which nothing can be taken for a pattern, and no others."""
    import duckdb

    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": MEMORY,
        "preserve_insertion_order": False,
    }
    con = duckdb.connect(config=config)
    con.register_filesystem(_files(store, files))
    return con


class SharedFile:
    """A file that is read from several threads, each of which has a place of its own in it.

    DuckDB reads one file from all of its threads, and seeks and reads in two calls: in between another thread may have moved a
    place that they share, so that bytes from elsewhere, or too few, are read.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._mine = threading.local()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move this thread's place."""
        if whence == os.SEEK_CUR:
            offset += self.tell()
        elif whence == os.SEEK_END:
            with self._lock:
                offset = self._file.seek(offset, whence)
        self._mine.place = offset
        return offset

    def tell(self) -> int:
        """This thread's place."""
        return int(getattr(self._mine, "place", 0))

    def read(self, length: int = -1) -> bytes:
        """What stands at this thread's place: so many bytes, or as many as there are."""
        place, parts = self.tell(), []
        with self._lock:
            self._file.seek(place)
            while length and (part := self._file.read(length)):
                parts.append(part)
                length = max(0, length - len(part)) if length > 0 else length
        data = b"".join(parts)
        self._mine.place = place + len(data)
        return data

    def close(self) -> None:
        """Close it, for all threads."""
        self._file.close()


def _files(store: Store, files: dict[str, str]) -> Any:
    from datetime import UTC, datetime

    from fsspec import AbstractFileSystem

    class Files(AbstractFileSystem):  # type: ignore[misc] # fsspec has no types
        protocol = SCHEME
        cachable = False

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            return {"name": path, "size": self._real(path)["size"], "type": "file"}

        def glob(self, path: str, **_: Any) -> list[str]:
            return [path]

        def modified(self, path: str) -> datetime:  # noqa: ARG002 - batches never change
            return datetime(2000, 1, 1, tzinfo=UTC)

        def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
            return SharedFile(store.fs.open(files[self._strip_protocol(path)], mode))

        def _real(self, path: str) -> Any:
            return store.fs.info(files[self._strip_protocol(path)])

    return Files()
