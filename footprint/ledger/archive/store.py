"""Parquet files by way of DuckDB, which is loaded here and nowhere else in the archive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from footprint.errors import LedgerError
from footprint.ledger.archive.manifest import OTHERS
from footprint.ledger.long_work import held
from footprint.ledger.tables import DUCKDB_TYPES, TABLES

if TYPE_CHECKING:
    import duckdb

MEMORY: Final = "400MB"
OBJECT_BYTES: Final = 2**20
_GLOB: Final = "*?["

COLUMNS: Final[dict[str, dict[str, str]]] = {
    **{name: {column.name: DUCKDB_TYPES[column.type] for column in table} for name, table in TABLES.items()},
    OTHERS: {"journal_id": "VARCHAR", "line": "BIGINT", "reason": "VARCHAR", "bytes": "BLOB"},
}
"""The columns of each file, with their types in DuckDB. Of `others`: a line of a journal, its number, and why it is kept."""


def connect(temporary: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A database in memory that asks no network, and spills into a folder where it is given one."""
    import duckdb

    return held(
        duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "memory_limit": MEMORY,
                "threads": "2",
                "temp_directory": str(temporary or ""),
            },
        )
    )


def literal(text: str) -> str:
    """A text as it stands in SQL."""
    return "'" + text.replace("'", "''") + "'"


def files(paths: Sequence[Path], *, numbered: bool = False) -> str:
    """Parquet files as a table of SQL; `numbered` adds `filename` and `file_row_number`.

    Raises:
        LedgerError: if a path cannot be told to DuckDB as it is.
    """
    named = ", ".join(path_literal(path) for path in paths)
    return f"read_parquet([{named}], filename = true, file_row_number = true)" if numbered else f"read_parquet([{named}])"


def path_literal(path: Path) -> str:
    """A path as it stands in SQL.

    Raises:
        LedgerError: if DuckDB would take it for a pattern.
    """
    text = str(path)
    if any(sign in text for sign in _GLOB):
        raise LedgerError(
            f"the archive at {text!r} cannot be used: its path must hold none of {' '.join(_GLOB)}; move the ledger"
        )
    return literal(text)


def names(table: str) -> str:
    """The columns of a table, for a SELECT."""
    return ", ".join(f'"{name}"' for name in COLUMNS[table])
