"""Runs of a ledger, with every sample, as files that any program reads and `runs import` takes back without loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from footprint.errors import ConfigError, LedgerError, unknown_choice
from footprint.ledger.archive.manifest import Archives, Batch, steadily
from footprint.ledger.archive.store import connect, files, literal, names
from footprint.ledger.exchange.commas import write_commas
from footprint.ledger.exchange.lines import write_lines
from footprint.ledger.exchange.parcels import Counts, counts_of
from footprint.ledger.exchange.parquet import write_parquet
from footprint.ledger.home import home as default_home
from footprint.ledger.long_work import Progress, untold
from footprint.ledger.once import rank
from footprint.ledger.reading import read_journal
from footprint.ledger.rows import Row, Rows, no_rows, rows_of
from footprint.ledger.tables import RUNS, TABLES
from footprint.ledger.whole import live_paths
from footprint.model import Run
from footprint.text import clean

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORMATS: Final[dict[str, Callable[[Rows, Path], None]]] = {"parquet": write_parquet, "csv": write_commas, "jsonl": write_lines}
_AT: Final = {column.name: place for place, column in enumerate(RUNS)}


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, where, and what of the ledger could not be read for it."""

    path: str
    format: str
    counts: Counts
    problems: tuple[str, ...] = ()


def export(
    path: Path,
    form: str,
    *,
    run_ids: Sequence[str] = (),
    name: str | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    home: Path | None = None,
    progress: Progress = untold,
) -> Exported:
    """Write runs with all that is known of them, whole or not at all.

    Args:
        path: the file of JSON Lines, or the folder of tables.
        form: of `FORMATS`.
        run_ids: only these: ids, or beginnings that fit no other.
        name: only those whose name fits the glob.
        since_us: only those that started then or later, microseconds since 1970 UTC.
        until_us: only those that started before then.
        home: the ledger; by default the user's.
        progress: is told how far it is; what it raises ends the export, with nothing written.

    Raises:
        ConfigError: for a format that there is not, or if no run fits: an export of nothing would say that nothing was recorded.
        LedgerError: if an id fits nothing, or something cannot be read or written.
    """
    if form not in FORMATS:
        raise unknown_choice("--format", form, tuple(FORMATS))
    problems: list[str] = []
    rows = gathered(problems, run_ids=run_ids, name=name, since_us=since_us, until_us=until_us, home=home, progress=progress)
    if not rows.runs:
        raise ConfigError(_nothing(home or default_home(), {"--name": name, "--since": since_us, "--until": until_us}, problems))
    progress("writing runs", 0, len(rows.runs))
    FORMATS[form](rows, path)
    return Exported(path=str(path), format=form, counts=counts_of(rows), problems=tuple(dict.fromkeys(problems)))


def _nothing(root: Path, filters: Mapping[str, object], problems: Sequence[str]) -> str:
    """Why there is nothing to export."""
    flags = " and ".join(flag for flag, value in filters.items() if value is not None)
    told = f"no run of the ledger at {clean(str(root), limit=200)} fits {flags}"
    told = told if flags else f"the ledger at {clean(str(root), limit=200)} holds no runs"
    lacking = f" ({clean(problems[0], limit=200)})" if problems else ""
    return f"{told}: nothing is exported{lacking}"


def gathered(
    problems: list[str],
    *,
    run_ids: Sequence[str] = (),
    name: str | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    home: Path | None = None,
    progress: Progress = untold,
) -> Rows:
    """The rows of runs, each run once, oldest first; `problems` takes a line for what could not be read.

    Raises:
        LedgerError: if an id fits no run or several, or the ledger cannot be read.
    """
    root = home or default_home()

    def read(archives: Archives) -> tuple[_Chosen, list[str]]:
        chosen, told = _Chosen(run_ids, name, since_us, until_us), list(archives.problems)
        with connect() as con:
            paths = list(live_paths(root, archives, told))
            total = len(archives.batches) + len(paths)
            for place, batch in enumerate(archives.batches):
                progress("reading the ledger", place, total)
                chosen.take(partial(_archived, con, batch))
            for place, path in enumerate(paths, start=len(archives.batches)):
                progress("reading the ledger", place, total)
                journal = read_journal(path, keep_ticks=True)
                told += journal.problems
                rows = rows_of(journal)
                told += rows.problems
                chosen.take(partial(_live, rows))
        return chosen, told

    chosen, told = steadily(root, read)
    problems += told
    _check_ids(run_ids, chosen.best)
    return chosen.rows()


_Table = Callable[[str, "set[str] | None"], list[Row]]
"""The rows of a table, of some runs or of all, in their order."""


def _live(rows: Rows, table: str, ids: set[str] | None) -> list[Row]:
    return [row for row in getattr(rows, table) if ids is None or row[0] in ids]


def _archived(con: DuckDBPyConnection, batch: Batch, table: str, ids: set[str] | None) -> list[Row]:
    source = files([batch.path(table)], numbered=True)
    key = "id" if table == "runs" else "run_id"
    chosen = "" if ids is None else f" WHERE {key} IN ({', '.join(map(literal, sorted(ids)))})"
    query = f"SELECT {names(table)} FROM {source}{chosen} ORDER BY file_row_number"  # noqa: S608 - literals
    import duckdb

    try:
        return con.execute(query).fetchall()
    except duckdb.Error as error:
        raise LedgerError(f"{batch.folder} cannot be read: {clean(str(error).splitlines()[0], limit=200)}") from None


class _Chosen:
    """The runs that are wanted, each by its most complete record."""

    def __init__(self, run_ids: Sequence[str], name: str | None, since_us: int | None, until_us: int | None) -> None:
        self._run_ids, self._name, self._since_us, self._until_us = tuple(run_ids), name, since_us, until_us
        self._held: list[Rows] = []
        self.best: dict[str, tuple[Any, int]] = {}

    def take(self, table: _Table) -> None:
        """Take of a journal or batch what is wanted, and not known better."""
        ids = {row[0] for row in table("runs", None) if self._is_wanted(row) and self._is_better(row)}
        if ids:
            self._held.append(Rows(**{name: table(name, ids) for name in TABLES}, problems=[]))

    def rows(self) -> Rows:
        """All of it, oldest first."""
        found = no_rows()
        for place, rows in enumerate(self._held):
            for table in TABLES:
                getattr(found, table).extend(row for row in getattr(rows, table) if self.best[row[0]][1] == place)
        order = {row[0]: n for n, row in enumerate(sorted(found.runs, key=lambda row: (row[_AT["started_us"]], row[0])))}
        for table in TABLES:
            getattr(found, table).sort(key=lambda row: order[row[0]])
        return found

    def _is_wanted(self, row: Row) -> bool:
        if self._run_ids and not row[0].startswith(self._run_ids):
            return False
        if self._name is not None and not fnmatchcase(row[_AT["name"]], self._name):
            return False
        started_us = row[_AT["started_us"]]
        if self._until_us is not None and started_us >= self._until_us:
            return False
        return self._since_us is None or bool(started_us >= self._since_us)

    def _is_better(self, row: Row) -> bool:
        known = rank(msgspec.json.decode(row[_AT["facts"]], type=Run))
        if row[0] in self.best and self.best[row[0]][0] >= known:
            return False
        self.best[row[0]] = known, len(self._held)
        return True


def _check_ids(run_ids: Sequence[str], found: dict[str, Any]) -> None:
    for one in run_ids:
        fits = [run_id for run_id in found if run_id.startswith(one)]
        if one not in found and len(fits) != 1:
            what = "no run" if not fits else f"{len(fits)} runs"
            raise LedgerError(f"--run {clean(one)} fits {what} of the ledger; `footprint runs list` shows what there is")
