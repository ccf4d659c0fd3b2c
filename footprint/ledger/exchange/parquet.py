"""A ledger as Parquet: a folder with a file a table and a manifest, as any engine reads it. DuckDB writes and reads it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from footprint.errors import LedgerError
from footprint.ledger import tables
from footprint.ledger.exchange.files import is_plain_folder, new_folder, open_plain, shown
from footprint.ledger.exchange.parcels import check_cell, check_counts, checked, counts_of, read_manifest, write_manifest
from footprint.ledger.long_work import held
from footprint.ledger.rows import Row, Rows, no_rows
from footprint.text import clean

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROW_GROUP: Final = 100_000
_TYPES: Final[dict[tables.Type, tuple[str, str, Any]]] = {
    # of a column: in DuckDB, its name for it, and in pandas
    "text": ("VARCHAR", "VARCHAR", "string"),
    "bigint": ("BIGINT", "BIGINT", "Int64"),
    "double": ("DOUBLE", "DOUBLE", "Float64"),
    "boolean": ("BOOLEAN", "BOOLEAN", "boolean"),
}


def connect() -> DuckDBPyConnection:
    """A DuckDB that loads nothing from anywhere, and leaves the other cores alone."""
    import duckdb

    config = {"autoinstall_known_extensions": False, "autoload_known_extensions": False, "memory_limit": "1GB"}
    return held(duckdb.connect(config=config))  # type: ignore[arg-type]  # it takes more than its annotation says


def literal(path: Path) -> str:
    """A path in SQL, of which DuckDB takes no character for a pattern."""
    name = str(path)
    for one in "[*?":
        name = name.replace(one, f"\x00{one}\x01")
    return "'" + name.replace("\x00", "[").replace("\x01", "]").replace("'", "''") + "'"


def write_parquet(rows: Rows, path: Path) -> None:
    """Write rows as a folder, whole or not at all.

    Raises:
        LedgerError: if it cannot be written, or if there is one.
    """
    with new_folder(path) as folder, connect() as con:
        for table in tables.TABLES:
            write_table(con, table, getattr(rows, table), folder / f"{table}.parquet")
        write_manifest(folder, counts_of(rows))


def write_table(con: DuckDBPyConnection, table: str, rows: list[Row], path: Path) -> None:
    """Write one table's rows as a file of its own.

    Raises:
        LedgerError: if it cannot be written.
    """
    import duckdb

    columns = tables.TABLES[table]
    columns_sql = ", ".join(f'"{one.name}" {_TYPES[one.type][0]}' for one in columns)
    con.execute(f"CREATE OR REPLACE TEMP TABLE parcel ({columns_sql})")
    try:
        for begin in range(0, len(rows), ROW_GROUP):
            con.register("piece", _frame(columns, rows[begin : begin + ROW_GROUP]))
            con.execute("INSERT INTO parcel SELECT * FROM piece")
            con.unregister("piece")
        name = "'" + str(path).replace("'", "''") + "'"
        con.execute(f"COPY parcel TO {name} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})")
    except duckdb.Error as error:
        raise LedgerError(f"{shown(path)} cannot be written: {clean(str(error), limit=200)}") from None
    finally:
        con.execute("DROP TABLE parcel")


def _frame(columns: tuple[tables.Column, ...], rows: list[Row]) -> Any:
    import pandas as pd

    cells = list(zip(*rows, strict=True))
    return pd.DataFrame(
        {one.name: pd.array(values, dtype=_TYPES[one.type][2]) for one, values in zip(columns, cells, strict=True)}
    )


def is_parquet(path: Path) -> bool:
    """Whether a folder looks like one that `write_parquet` wrote."""
    return is_plain_folder(path) and (path / "runs.parquet").exists() and (path / "manifest.json").exists()


def read_parquet(path: Path) -> Rows:
    """The rows in a folder that `write_parquet` wrote, looked through.

    Raises:
        LedgerError: with file and row where something is wrong.
    """
    said = read_manifest(path)
    found = no_rows()
    with tempfile.TemporaryDirectory(prefix="footprint-") as copies, connect() as con:
        for table in tables.TABLES:
            copy = Path(copies, f"{table}.parquet")
            # What was looked at is what is read, whatever becomes of the source meanwhile.
            with open_plain(path / copy.name) as source, copy.open("xb") as target:
                shutil.copyfileobj(source, target, 2**20)
            getattr(found, table).extend(read_table(con, table, copy, shown(path / copy.name)))
    rows = checked(found, lambda table, place: f"{shown(path / table)}.parquet, row {place + 1}")
    check_counts(counts_of(found), said, shown(path))
    return rows


def read_table(con: DuckDBPyConnection, table: str, path: Path, name: str) -> list[Row]:
    """One table's rows in a file.

    Raises:
        LedgerError: if it is torn, or not of this table.
    """
    import duckdb

    columns = tables.TABLES[table]
    source = f"read_parquet({literal(path)}, file_row_number = true)"
    try:
        there = [(str(one[0]), str(one[1])) for one in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]  # noqa: S608 - a literal
        wanted = [(one.name, _TYPES[one.type][1]) for one in columns]
        if [one for one in there if one[0] != "file_row_number"] != wanted:
            raise LedgerError(f"{name}: the columns are not those of version {tables.TABLES_VERSION} of the table {table}")
        names = ", ".join(f'"{one.name}"' for one in columns)
        rows: list[Row] = con.execute(f"SELECT {names} FROM {source} ORDER BY file_row_number").fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise LedgerError(f"{name} is torn, or no Parquet: {clean(str(error).splitlines()[0], limit=200)}") from None
    for place, row in enumerate(rows):
        try:
            for column, value in zip(columns, row, strict=True):
                check_cell(column, value)
        except ValueError as error:
            raise LedgerError(f"{name}, row {place + 1}: {error}") from None
    return rows
