"""A batch made of batches: merged, with readings thinned, without runs that are to be deleted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from footprint.errors import LedgerError
from footprint.ledger.archive.manifest import OTHERS, Batch
from footprint.ledger.archive.store import COLUMNS, connect, files, literal, names
from footprint.ledger.archive.thinning import thinned_samples, thinned_ticks
from footprint.ledger.archive.writing import Draft, Step, clear, commit, first_line, give_up, new_folder, no_step, sums_of
from footprint.ledger.reading import in_line

if TYPE_CHECKING:
    import duckdb


def rewrite(
    root: Path, batches: Sequence[Batch], *, thinned_s: int | None = None, without: Collection[str] = (), step: Step = no_step
) -> Batch:
    """Put one batch in the place of some, and delete those.

    Args:
        root: the ledger's home.
        batches: of one month, and thinned alike.
        thinned_s: merge readings into buckets of so many seconds; None leaves them.
        without: ids of runs that are left out, with all that names them.
        step: told of each step.

    Raises:
        LedgerError: if it cannot be written, or the batches hold a run twice: then nothing has changed.
    """
    import duckdb

    first = batches[0].manifest
    folder = new_folder(root, first.month)
    step("begun")
    try:
        draft = _draft(folder, batches, first.thinned_s if thinned_s is None else thinned_s, without, thin=thinned_s is not None)
    except duckdb.Error as error:
        give_up(folder)
        raise LedgerError(f"the archive cannot be read at {folder.parent}: {first_line(error)}") from error
    except LedgerError:
        give_up(folder)
        raise
    batch = commit(draft, step)
    for one in batches:
        with suppress(OSError):
            clear(one.folder)
        step("deleted")
    return batch


def names_one(run_ids: Collection[str]) -> str:
    """A condition of SQL: whether a line of `others` names one of some runs."""
    named = ", ".join(f"({literal(in_line(run_id).hex().upper())})" for run_id in sorted(run_ids))
    return f"EXISTS (SELECT 1 FROM (VALUES {named}) AS named (hexes) WHERE contains(hex(bytes), hexes))"


def _draft(folder: Path, batches: Sequence[Batch], thinned_s: int, without: Collection[str], *, thin: bool) -> Draft:
    paths = [batch.folder for batch in batches]
    left_out = sorted(without)
    tables = {table: _kept(table, paths, left_out) for table in COLUMNS}
    with connect(folder) as database:
        sums = sums_of(paths, database, without=left_out)
        if left_out:
            sums.rows[OTHERS] = _count(database, tables[OTHERS])
        if _count(database, f"SELECT DISTINCT id FROM ({tables['runs']})") != sums.rows["runs"]:
            raise LedgerError(f"the batches at {folder.parent} hold a run twice: they are left as they are")
        if thin:
            tables["samples"] = thinned_samples(f"({tables['samples']})", f"({tables['runs']})", thinned_s)
            tables["ticks"] = thinned_ticks(f"({tables['ticks']})", thinned_s)
            sums.rows["samples"] = _count(database, tables["samples"])
            sums.rows["ticks"] = _count(database, tables["ticks"])
    journals: dict[str, int] = {}
    problems: list[str] = []
    for batch in batches:
        journals |= batch.manifest.journals
        problems += [told for told in batch.manifest.problems if not any(run_id in told for run_id in left_out)]
    replaces = [name for batch in batches for name in (batch.manifest.batch, *_still_there(batch))]
    return Draft(
        folder=folder,
        month=batches[0].manifest.month,
        journals=journals,
        replaces=list(dict.fromkeys(replaces)),
        tables=tables,
        sums=sums,
        thinned_s=thinned_s,
        problems=list(dict.fromkeys(problems)),
    )


def _kept(table: str, paths: Sequence[Path], left_out: Sequence[str]) -> str:
    """The rows of a table that stay, a run's side by side, in their order."""
    key = next(iter(COLUMNS[table]))
    source = files([path / f"{table}.parquet" for path in paths], numbered=True)
    if table == OTHERS:
        where = f"NOT {names_one(left_out)}" if left_out else ""
        order = "filename, file_row_number"
    else:
        where = f"{key} NOT IN ({', '.join(map(literal, left_out))})" if left_out else ""
        order = f"{key}, filename, file_row_number"
    return f"SELECT {names(table)} FROM {source}{f' WHERE {where}' if where else ''} ORDER BY {order}"


def _count(database: duckdb.DuckDBPyConnection, select: str) -> int:
    found = database.execute(f"SELECT count(*) FROM ({select})").fetchall()
    return int(found[0][0])


def _still_there(batch: Batch) -> list[str]:
    """What a batch replaced and could not delete: it must not count again when that batch is gone."""
    return [name for name in batch.manifest.replaces if (batch.folder.parent / name).exists()]
