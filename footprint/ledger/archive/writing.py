"""One batch, step by step: made aside, synced, read back, and committed by one rename."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.archive.manifest import FILES, MANIFEST, OTHERS, UNFINISHED, Batch, File, Manifest, archive_dir, sha256_of
from footprint.ledger.archive.spill import Spill, Sums
from footprint.ledger.archive.store import COLUMNS, OBJECT_BYTES, connect, files, literal, names, path_literal
from footprint.ledger.home import PRIVATE_FILE, make_private
from footprint.ledger.long_work import StoppedError
from footprint.ledger.tables import TABLES_VERSION

if TYPE_CHECKING:
    import duckdb

Step = Callable[[str], None]
"""Told the name of each step when it is done: a test ends the process there."""

WIDE: Final = frozenset({"runs", OTHERS})
WIDE_ROWS: Final = 8_192
NARROW_ROWS: Final = 122_880
"""Rows of a row group: what is written at once is held in memory, and a run's facts are kilobytes."""
_FETCHED: Final = 1000


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch is to be: what it replaces, and the table of SQL that each of its files is made of."""

    folder: Path
    month: str
    journals: dict[str, int]
    replaces: list[str]
    tables: dict[str, str]
    sums: Sums
    thinned_s: int = 0
    problems: list[str] = []


def no_step(_: str) -> None:
    """Take no note of a step."""


def new_folder(root: Path, month: str) -> Path:
    """A folder for a batch that is not finished.

    Raises:
        LedgerError: if it cannot be made.
    """
    folder = archive_dir(root) / f"{UNFINISHED}{month}-{os.urandom(6).hex()}"
    try:
        make_private(folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def unwritable(folder: Path, error: OSError) -> LedgerError:
    """The one line that says why a batch cannot be written."""
    return LedgerError(f"the archive cannot be written at {folder.parent}: {error.strerror}; what was to be archived is kept")


def spilled(spill: Spill) -> dict[str, str]:
    """The tables of SQL that rows on disk make, a run's rows side by side, in their order."""
    found = {}
    for table, columns in COLUMNS.items():
        types = {**columns, "n": "BIGINT"}
        if table == OTHERS:
            types["bytes"] = "VARCHAR"
        stated = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in types.items())
        source = (
            f"read_json({path_literal(spill.path(table))}, format = 'newline_delimited', columns = {{{stated}}}"
            f", maximum_object_size = {max(OBJECT_BYTES, 2 * spill.widest_bytes[table])})"
        )
        if table == OTHERS:
            found[table] = f"SELECT journal_id, line, reason, from_base64(bytes) AS bytes FROM {source} ORDER BY n"
        else:
            found[table] = f"SELECT {names(table)} FROM {source} ORDER BY {next(iter(columns))}, n"
    return found


def commit(draft: Draft, step: Step = no_step) -> Batch:
    """Write a draft and make it count; nothing is deleted but what was in the way in its own folder.

    Raises:
        LedgerError: if it cannot be written, or does not read back as it should: then nothing has changed.
    """
    try:
        return _committed(draft, step)
    except OSError as error:
        give_up(draft.folder)
        raise unwritable(draft.folder, error) from error
    except (LedgerError, StoppedError):
        give_up(draft.folder)  # where it counts already, it has another name
        raise


def _committed(draft: Draft, step: Step) -> Batch:
    folder = draft.folder
    batch_id = folder.name.removeprefix(UNFINISHED)
    final = folder.parent / batch_id
    _write(draft)
    step("written")
    for name in FILES:
        (folder / name).chmod(PRIVATE_FILE)
        _sync(folder / name)
    step("synced")
    _verify(draft)
    step("verified")
    manifest = Manifest(
        tables=TABLES_VERSION,
        batch=batch_id,
        month=draft.month,
        journals=draft.journals,
        replaces=draft.replaces,
        rows=draft.sums.rows,
        energy_mj=draft.sums.energy_mj,
        files={name: File(bytes=(folder / name).stat().st_size, sha256=sha256_of(folder / name)) for name in FILES},
        thinned_s=draft.thinned_s,
        newest_us=draft.sums.newest_us,
        problems=draft.problems,
    )
    _keep(folder / MANIFEST, msgspec.json.encode(manifest))
    for leftover in folder.iterdir():
        if leftover.name not in {*FILES, MANIFEST}:
            _remove(leftover)
    _sync(folder)
    step("described")
    folder.rename(final)
    step("committed")
    _sync(final.parent)
    return Batch(folder=final, manifest=manifest)


def give_up(folder: Path) -> None:
    """Remove a batch that is not finished, as far as that can be done."""
    with suppress(OSError):
        shutil.rmtree(folder)


def sums_of(paths: Sequence[Path], database: duckdb.DuckDBPyConnection, *, without: Iterable[str] = ()) -> Sums:
    """What batches hold, but for some runs: read from their files.

    Args:
        paths: the folders.
        database: a connection.
        without: ids of runs that are not counted.
    """
    database.execute("CREATE OR REPLACE TEMP TABLE without (id VARCHAR)")
    if left_out := [(one,) for one in without]:
        database.executemany("INSERT INTO without VALUES (?)", left_out)
    sums = Sums()
    for table, columns in COLUMNS.items():
        source = files([path / f"{table}.parquet" for path in paths])
        key = next(iter(columns))
        where = "" if table == OTHERS else f" WHERE {key} NOT IN (SELECT id FROM without)"
        energy = "sum(energy_mj)" if "energy_mj" in columns else "0"
        count, energy_mj = database.execute(f"SELECT count(*), {energy} FROM {source}{where}").fetchall()[0]
        sums.rows[table] = count
        if "energy_mj" in columns:
            sums.energy_mj[table] = int(energy_mj or 0)
    runs = files([path / "runs.parquet" for path in paths])
    database.execute(f"SELECT id, facts, ended_us FROM {runs} WHERE id NOT IN (SELECT id FROM without)")
    while found := database.fetchmany(_FETCHED):
        for run_id, facts, ended_us in found:
            sums.saw(run_id, facts, ended_us)
    return sums


def clear(folder: Path) -> None:
    """Delete a batch: it no longer counts from the first step on, whatever becomes of the others.

    Raises:
        OSError: if it cannot be deleted.
    """
    aside = folder if folder.name.startswith(".") else folder.with_name(f"{UNFINISHED}old-{folder.name}")
    if aside != folder:
        folder.rename(aside)
    shutil.rmtree(aside)


def _write(draft: Draft) -> None:
    import duckdb

    with connect(draft.folder) as database:
        for table, select in draft.tables.items():
            rows = WIDE_ROWS if table in WIDE else NARROW_ROWS
            target = path_literal(draft.folder / f"{table}.parquet")
            try:
                database.execute(f"COPY ({select}) TO {target} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows})")
            except duckdb.Error as error:
                raise LedgerError(f"the archive cannot be written at {draft.folder}: {first_line(error)}") from error


def _verify(draft: Draft) -> None:
    import duckdb

    try:
        with connect(draft.folder) as database:
            found = sums_of([draft.folder], database)
    except duckdb.Error as error:
        raise LedgerError(f"what was archived at {draft.folder} cannot be read back: {first_line(error)}") from error
    for name in Sums.__struct_fields__:
        stated, read = getattr(draft.sums, name), getattr(found, name)
        if stated != read:
            raise LedgerError(f"what was archived does not read back as it was: {name} {read}, not {stated}; nothing was changed")


def first_line(error: BaseException) -> str:
    """What DuckDB says, without its drawing."""
    return str(error).partition("\n")[0]


def _keep(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
