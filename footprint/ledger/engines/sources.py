"""Parquet files as one ledger, wherever fsspec reaches: what was pushed, an export, the archive of a ledger's home.

Each is folders that hold a file a table, and count as soon as their manifest is there. A run that stands in several of them
counts once: where its record is the most complete (see `ledger.once`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from footprint.errors import ConfigError, LedgerError
from footprint.ledger.once import standing
from footprint.ledger.tables import TABLES, TABLES_VERSION
from footprint.text import clean

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MANIFEST: Final = "manifest.json"
BATCHES: Final = "batches"
ARCHIVE: Final = "archive"
SCHEME: Final = "footprintledger"
"""By which DuckDB knows the files of a place, each by the place of its batch."""
NEEDS: Final = 'a ledger on a shared or object store needs fsspec: pip install "footprint[fleet]"'
_PASSWORD: Final = re.compile(r"(?<=://)[^/@]*@")


class Batch(NamedTuple):
    """A folder with a file a table; `manifest` is what it says of itself, as JSON."""

    path: str
    manifest: bytes


class Store:
    """A place that fsspec reaches.

    Args:
        where: an address with a scheme (`s3://bucket/ledger`, `memory://x`, `file:///srv/ledger`) or a path.

    Attributes:
        shown: the address without a password, for messages.

    Raises:
        ConfigError: if fsspec, or what it needs for this scheme, is not installed, or the address is none.
    """

    def __init__(self, where: str) -> None:
        try:
            import fsspec
        except ModuleNotFoundError:
            raise ConfigError(NEEDS) from None
        self.shown = clean(_PASSWORD.sub("", where), limit=200)
        try:
            # Listings are never kept: another machine may push while this one looks.
            self.fs, base = fsspec.core.url_to_fs(where, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"{self.shown} is no place that can be reached: {clean(str(error), limit=200)}") from None
        except TypeError:  # a file system that keeps no listings, and says so
            self.fs, base = fsspec.core.url_to_fs(where)
        except Exception as error:  # noqa: BLE001 - a client's own, of any kind
            raise LedgerError(f"{self.shown} cannot be reached: {clean(str(error), limit=200)}") from None
        self.base = str(base).rstrip("/")

    @property
    def is_local(self) -> bool:
        """Whether it is this machine's own file system."""
        from fsspec.implementations.local import LocalFileSystem

        return isinstance(self.fs, LocalFileSystem)

    def error(self, doing: str, error: BaseException) -> LedgerError:
        """What went wrong, in one line."""
        return LedgerError(f"{self.shown} {doing}: {clean(str(error) or type(error).__name__, limit=200)}")

    def sizes(self, folder: str) -> dict[str, int]:
        """The files below a folder with their lengths in bytes; none if there is no such folder.

        Raises:
            LedgerError: if it cannot be listed.
        """
        try:
            found: dict[str, dict[str, Any]] = self.fs.find(f"{self.base}/{folder}".rstrip("/"), maxdepth=3, detail=True)
        except FileNotFoundError:
            return {}
        except Exception as error:  # noqa: BLE001 - a client's own, of any kind
            raise self.error("cannot be listed", error) from None
        return {path: int(info.get("size") or 0) for path, info in found.items() if not info.get("islink")}

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Small files whole.

        Raises:
            LedgerError: if one cannot be read.
        """
        wanted = list(paths)
        try:
            # By ranges, for else a file system would take a name for a pattern; those that can, fetch side by side.
            found = self.fs.cat_ranges(wanted, 0, None, on_error="raise") if wanted else []
        except Exception as error:  # noqa: BLE001 - a client's own, of any kind
            raise self.error("cannot be read", error) from None
        return dict(zip(wanted, found, strict=True))


class _Said(msgspec.Struct):
    """What the manifests of all kinds of batches have in common, as far as it bears on reading them."""

    tables: int
    format: str = ""
    replaces: list[str] = []
    batch: str = ""
    problems: list[str] = []
    files: dict[str, Any] = {}


class Found(NamedTuple):
    """The batches of a place that count, and what is wrong with others."""

    batches: tuple[Batch, ...]
    problems: tuple[str, ...]


def batches_of(store: Store) -> Found:
    """The batches of a place: pushed ones, an export, or archived ones (of a home, or the archive itself).

    Raises:
        LedgerError: if it cannot be read, or holds no ledger.
    """
    sizes = store.sizes("")
    depth = store.base.count("/")
    manifests = sorted(path for path in sizes if path.endswith(f"/{MANIFEST}") and path.count("/") - depth <= 3)  # noqa: PLR2004
    kinds = {path: path[len(store.base) + 1 :].split("/")[:-1] for path in manifests}
    wanted = [path for path, parents in kinds.items() if not any(one.startswith(".") for one in parents) and _is_ours(parents)]
    if not wanted:
        raise LedgerError(f"{store.shown} holds no ledger: `footprint ledger push` or `footprint runs export` makes one")
    problems: list[str] = []
    found: dict[str, tuple[Batch, _Said]] = {}
    for path, data in store.read(wanted).items():
        folder = path.removesuffix(f"/{MANIFEST}")
        name = clean(folder, limit=200)
        try:
            said = msgspec.json.decode(data, type=_Said)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problems.append(f"{name} is left out: its {MANIFEST} is damaged: {error}")
            continue
        if said.tables != TABLES_VERSION:
            problems.append(f"{name} is left out: it is of version {said.tables} of the tables, not {TABLES_VERSION}")
        elif wrong := _missing(folder, said, sizes):
            problems.append(f"{name} is left out: {wrong}")
        else:
            found[folder.rsplit("/", 1)[-1]] = (Batch(folder, data), said)
            problems += said.problems
    replaced = {name for _, said in found.values() for name in said.replaces if name != said.batch}
    counted = tuple(batch for name, (batch, said) in found.items() if not {name, said.batch} & replaced)
    return Found(counted, tuple(problems))


def _is_ours(parents: list[str]) -> bool:
    match parents:
        case [] | [_]:
            return True
        case [folder, _]:
            return folder in {BATCHES, ARCHIVE}
    return False


def _missing(folder: str, said: _Said, sizes: dict[str, int]) -> str | None:
    for table in TABLES:
        path = f"{folder}/{table}.parquet"
        if path not in sizes and f"{folder}/{table}.csv" in sizes:
            return "it is an export as CSV, which `footprint runs import` brings in"
        if path not in sizes:
            return f"its {table}.parquet is missing"
        file = said.files.get(f"{table}.parquet")
        written = file.get("bytes") if isinstance(file, dict) else None
        if written is not None and sizes[path] != written:
            return f"its {table}.parquet has {sizes[path]} bytes, not the {written} that were written"
    return None


def left_out(store: Store, batches: Sequence[Batch]) -> dict[int, list[str]]:
    """The runs that count in another batch, by the place of the one in which they do not.

    Raises:
        LedgerError: if the batches cannot be read.
    """
    from footprint.ledger.engines.remote import connected

    if len(batches) < 2:  # noqa: PLR2004
        return {}
    names = ("runs.parquet", "devices.parquet")
    con = connected(store, {f"{place}/{name}": f"{batch.path}/{name}" for place, batch in enumerate(batches) for name in names})
    try:
        return dropped_of(con, len(batches))
    except Exception as error:  # noqa: BLE001 - a client's own, of any kind
        raise store.error("cannot be read", error) from None
    finally:
        con.close()


def dropped_of(con: DuckDBPyConnection, number: int) -> dict[int, list[str]]:
    """The same of so many batches that a connection knows by their places."""
    runs = {place: f"read_parquet(['{SCHEME}://{place}/runs.parquet'])" for place in range(number)}
    told = " UNION ALL ".join(f"SELECT id, {place} AS place FROM {source}" for place, source in runs.items())  # noqa: S608 - ours
    twice = "SELECT id FROM told GROUP BY id HAVING count(*) > 1"
    ids: defaultdict[int, list[str]] = defaultdict(list)
    for run_id, place in con.execute(f"WITH told AS ({told}) SELECT id, place FROM told WHERE id IN ({twice})").fetchall():  # noqa: S608
        ids[place].append(text_literal(run_id))
    ranks: defaultdict[str, list[tuple[tuple[bool, bool, float, float], int]]] = defaultdict(list)
    for place, some in ids.items():
        devices = f"read_parquet(['{SCHEME}://{place}/devices.parquet'])"
        read_s = f"SELECT run_id, sum(read_s) AS read_s FROM {devices} GROUP BY run_id"  # noqa: S608
        joined = f"{runs[place]} r LEFT JOIN ({read_s}) d ON d.run_id = r.id WHERE r.id IN ({', '.join(some)})"
        asked = f"SELECT r.id, r.outcome, coalesce(d.read_s, 0), r.duration_s FROM {joined}"  # noqa: S608
        for run_id, outcome, seconds, duration_s in con.execute(asked).fetchall():
            ranks[run_id].append((standing(outcome, seconds, duration_s), -place))
    dropped: defaultdict[int, list[str]] = defaultdict(list)
    for run_id, tellings in ranks.items():
        best = max(tellings)
        for one in tellings:
            if one != best:
                dropped[-one[1]].append(run_id)
    return dict(dropped)


def view_sql(table: str, sources: list[tuple[str, list[str]]], quote: str = '"') -> str:
    """A table over several sources, without the runs that count elsewhere.

    Args:
        table: its name.
        sources: what each batch is read by, in SQL, and the ids of the runs to leave out of it.
        quote: what stands around a name in this SQL.
    """
    key = "id" if table == "runs" else "run_id"
    columns = ", ".join(f"{quote}{column.name}{quote}" for column in TABLES[table])
    parts = []
    for source, dropped in sources:
        without = f" WHERE {key} NOT IN ({', '.join(map(text_literal, sorted(dropped)))})" if dropped else ""
        parts.append(f"SELECT {columns} FROM {source}{without}")  # noqa: S608 - our own columns, and literals
    return " UNION ALL ".join(parts)


def text_literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def local_path(store: Store, path: str) -> str:
    """A path of a store as other programs know it: with its scheme, unless it is this machine's own."""
    return path if store.is_local else str(store.fs.unstrip_protocol(path))


def expanded(where: str) -> str:
    """A path as it is meant: `~` is the user's home; an address stays as it is."""
    return where if "://" in where else str(Path(where).expanduser())
