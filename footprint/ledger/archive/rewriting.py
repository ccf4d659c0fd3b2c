"""A batch made of batches: merged, with readings thinned, without runs that are to be deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.archive.manifest import OTHERS, Batch
from footprint.ledger.archive.spill import Sums
from footprint.ledger.archive.store import COLUMNS, connect, files, literal, names
from footprint.ledger.archive.thinning import thinned_samples, thinned_ticks
from footprint.ledger.archive.writing import Draft, Step, clear, commit, first_line, give_up, new_folder, no_step, sums_of
from footprint.ledger.long_work import StoppedError
from footprint.ledger.once import rank
from footprint.ledger.reading import in_line
from footprint.model import Run

if TYPE_CHECKING:
    import duckdb

_RUNS: Final = "runs.parquet"
_FETCHED: Final = 1_000


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

    Of a run that stands in several of them, the telling stays that readers take.

    Raises:
        LedgerError: if it cannot be written: then nothing has changed.
    """
    import duckdb

    batches = sorted(batches, key=lambda one: one.folder.name)  # as they are read: of equal tellings of a run the first counts
    first = batches[0].manifest
    folder = new_folder(root, first.month)
    step("begun")
    try:
        draft = _draft(folder, batches, first.thinned_s if thinned_s is None else thinned_s, without, thin=thinned_s is not None)
    except duckdb.Error as error:
        give_up(folder)
        raise LedgerError(f"the archive cannot be read at {folder.parent}: {first_line(error)}") from error
    except (LedgerError, StoppedError):
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
    with connect(folder) as database:
        poorer = _poorer(database, paths, left_out)
        tables = {table: _kept(table, paths, left_out, poorer) for table in COLUMNS}
        if poorer:
            sums = Sums()
            for place, path in enumerate(paths):
                sums.add(sums_of([path], database, without=[*left_out, *poorer.get(place, ())]))
        else:
            sums = sums_of(paths, database, without=left_out)
        if left_out:
            sums.rows[OTHERS] = _count(database, tables[OTHERS])
        if _count(database, f"SELECT DISTINCT id FROM ({tables['runs']})") != sums.rows["runs"]:
            raise LedgerError(f"a batch at {folder.parent} holds a run twice: it is left as it is")
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


def _poorer(database: duckdb.DuckDBPyConnection, paths: Sequence[Path], left_out: Sequence[str]) -> dict[int, list[str]]:
    """The runs that another batch tells more of, or as much and first, by the place of the batch in which they are left out."""
    told = " UNION ALL ".join(
        f"SELECT id, facts, {place} AS place FROM {files([path / _RUNS])}" for place, path in enumerate(paths)
    )
    twice = "SELECT id FROM told GROUP BY id HAVING count(DISTINCT place) > 1"
    query = f"WITH told AS ({told}) SELECT id, facts, place FROM told WHERE id IN ({twice}) ORDER BY place"
    database.execute(query)
    best: dict[str, tuple[tuple[bool, bool, float, float], int]] = {}
    found: dict[int, list[str]] = {}
    gone = frozenset(left_out)
    while rows := database.fetchmany(_FETCHED):
        for run_id, facts, place in rows:
            if run_id in gone:
                continue
            own = rank(msgspec.json.decode(facts, type=Run)), place
            other = best.get(run_id)
            if other is not None and other[0] >= own[0]:
                found.setdefault(place, []).append(run_id)
                continue
            if other is not None:
                found.setdefault(other[1], []).append(run_id)
            best[run_id] = own
    return found


def _kept(table: str, paths: Sequence[Path], left_out: Sequence[str], poorer: Mapping[int, Sequence[str]]) -> str:
    """The rows of a table that stay, a run's side by side, in their order."""
    if poorer and table != OTHERS:
        return _kept_of_each(table, paths, left_out, poorer)
    key = next(iter(COLUMNS[table]))
    source = files([path / f"{table}.parquet" for path in paths], numbered=True)
    if table == OTHERS:
        where = f"NOT {names_one(left_out)}" if left_out else ""
        order = "filename, file_row_number"
    else:
        where = f"{key} NOT IN ({', '.join(map(literal, left_out))})" if left_out else ""
        order = f"{key}, filename, file_row_number"
    return f"SELECT {names(table)} FROM {source}{f' WHERE {where}' if where else ''} ORDER BY {order}"


def _kept_of_each(table: str, paths: Sequence[Path], left_out: Sequence[str], poorer: Mapping[int, Sequence[str]]) -> str:
    key, parts = next(iter(COLUMNS[table])), []
    for place, path in enumerate(paths):
        dropped = ", ".join(map(literal, [*left_out, *poorer.get(place, ())]))
        where = f" WHERE {key} NOT IN ({dropped})" if dropped else ""
        source = files([path / f"{table}.parquet"], numbered=True)
        parts.append(f"SELECT {names(table)}, {place} AS place, file_row_number FROM {source}{where}")
    return f"SELECT {names(table)} FROM ({' UNION ALL '.join(parts)}) ORDER BY {key}, place, file_row_number"


def _count(database: duckdb.DuckDBPyConnection, select: str) -> int:
    found = database.execute(f"SELECT count(*) FROM ({select})").fetchall()
    return int(found[0][0])


def _still_there(batch: Batch) -> list[str]:
    """What a batch replaced and could not delete: it must not count again when that batch is gone."""
    return [name for name in batch.manifest.replaces if (batch.folder.parent / name).exists()]
