"""A parcel: the four tables on their way from one ledger to another, and whether what arrives can be true.

Rows are in the order of `tables`' columns. A reader of a file tells for each row where it stands, so that what is wrong with
it can be named.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger import tables
from footprint.ledger.exchange.files import open_plain, shown
from footprint.ledger.rows import Row, Rows, no_rows, rows_of_run
from footprint.ledger.runfile import impossible
from footprint.model import SCHEMA_VERSION, Run
from footprint.text import clean

FORMAT: Final = "footprint-ledger"
VERSION: Final = 1
"""Of the files; the columns have `tables.TABLES_VERSION`."""

_KINDS: Final[dict[tables.Type, Any]] = {"text": str, "bigint": int, "double": float, "boolean": bool}
MANIFEST: Final = "manifest.json"

_MANIFEST_LIMIT_BYTES: Final = 2**16
_INT64: Final = 2**63
_ID: Final = re.compile(r"[A-Za-z0-9_][\w.:@+-]{0,199}")
# What this version derives from the facts of a run in words, or with keys, that another version may put otherwise.
_DERIVED: Final = {"hardware", "region", "factor_key", "device_key", "labels", "facts"}
_RUNS: Final = {column.name: place for place, column in enumerate(tables.RUNS)}
assert tables.RUNS[-1].name == "facts"
_DEVICES: Final = {column.name: place for place, column in enumerate(tables.DEVICES)}

Where = Callable[[str, int], str]
"""Table and number of a row, from 0, to where it stands: `samples.csv:17`."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What an export says of itself: its format and version, and that of the tables."""

    format: str
    version: int
    tables: int


HEADER: Final = Header(format=FORMAT, version=VERSION, tables=tables.TABLES_VERSION)


class Counts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many rows of each table there are, and their millijoules: who reads fewer has a torn file."""

    runs: int
    devices: int
    samples: int
    ticks: int
    energy_mj: int


class Manifest(Header, frozen=True, kw_only=True):
    """What stands beside the tables of an export of several files."""

    counts: Counts


def write_manifest(folder: Path, counts: Counts) -> None:
    """Write the manifest of a folder of tables.

    Raises:
        OSError: if it cannot be written.
    """
    manifest = Manifest(format=FORMAT, version=VERSION, tables=tables.TABLES_VERSION, counts=counts)
    with (folder / MANIFEST).open("xb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")


def read_manifest(folder: Path) -> Counts:
    """What a folder's manifest says that there is, if this version can read it.

    Raises:
        LedgerError: if there is none that can be read, or of another version.
    """
    path = folder / MANIFEST
    with open_plain(path) as file:
        data = file.read(_MANIFEST_LIMIT_BYTES)
    try:
        check_header(msgspec.json.decode(data, type=Header), shown(path))
        return msgspec.json.decode(data, type=Manifest).counts
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerError(f"{shown(path)} is no manifest of an export: {error}") from None


def counts_of(rows: Rows) -> Counts:
    """What there is in rows."""
    total_mj = sum(row[_DEVICES["energy_mj"]] or 0 for row in rows.devices)
    return Counts(
        runs=len(rows.runs), devices=len(rows.devices), samples=len(rows.samples), ticks=len(rows.ticks), energy_mj=total_mj
    )


def check_header(found: Header, where: str) -> None:
    """Refuse what is no export, or one of another version.

    Raises:
        LedgerError: naming both versions.
    """
    if found.format != FORMAT:
        raise LedgerError(f"{where}: this is no export of a ledger")
    for what, theirs, ours in (("version", found.version, VERSION), ("tables", found.tables, tables.TABLES_VERSION)):
        if theirs != ours:
            todo = "upgrade footprint to read it" if theirs > ours else "export it again"
            raise LedgerError(f"{where}: the export is of {what} {theirs}, and this footprint reads {ours}: {todo}")


def check_counts(found: Counts, said: Counts, where: str) -> None:
    """Refuse an export that is torn, or of which rows were taken out.

    Raises:
        LedgerError: naming the first table that is not whole.
    """
    for table in (*tables.TABLES, "energy_mj"):
        here, there = getattr(found, table), getattr(said, table)
        if here != there:
            what = "mJ of all devices" if table == "energy_mj" else f"rows of {table}"
            raise LedgerError(f"{where}: the export is not whole: {here} {what}, and it was written with {there}")


def check_cell(column: tables.Column, value: Any) -> Any:
    """A value as its column's type.

    Raises:
        ValueError: if it cannot be.
    """
    if value is None:
        if not column.null:
            raise ValueError(f"{column.name} is missing")
        return None
    if column.type == "double" and type(value) is int:
        value = float(value)
    if type(value) is not _KINDS[column.type]:
        raise ValueError(f"{column.name}={_short(value)} is no {column.type}")
    if column.type == "bigint" and not -_INT64 <= value < _INT64:
        raise ValueError(f"{column.name}={_short(value)} does not fit 64 bits")
    if column.type == "double" and not math.isfinite(value):
        raise ValueError(f"{column.name}={value} is not possible")
    return value


def checked(rows: Rows, where: Where) -> Rows:
    """What arrived, with the rows of runs and devices as this version derives them from the facts.

    Raises:
        LedgerError: for what cannot be, with its place: an id twice, a device of no run, a number that nothing can draw,
            stretches that do not add up to their device's energy.
    """
    found = no_rows()
    ids: set[str] = set()
    for place, row in enumerate(rows.runs):
        with _at(where, "runs", place):
            told = _derived(row)
            run_id = told.runs[0][0]
            if run_id in ids:
                raise ValueError(f"the run {run_id} stands twice")
        ids.add(run_id)
        found.runs.append((*told.runs[0][:-1], row[-1]))  # the facts in the very words in which they came
        found.devices.extend(told.devices)
    devices = {(row[0], row[1]): row for row in found.devices}
    _check_devices(rows, devices, where)
    _check_samples(rows, devices, where)
    for place, row in enumerate(rows.ticks):
        with _at(where, "ticks", place):
            _known(row[0], ids)
    return Rows(runs=found.runs, devices=found.devices, samples=rows.samples, ticks=rows.ticks, problems=[])


def impossible_run(run: Run) -> str | None:
    """What no run that comes from elsewhere can be; null if nothing is."""
    return impossible(run) if _ID.fullmatch(run.id) else f"{_short(run.id)} is no id of a run"


def _derived(row: Row) -> Rows:
    """The rows of a run by its facts, if what else stands in its row is what they say."""
    data = row[_RUNS["facts"]]
    try:
        run = msgspec.json.decode(data, type=Run)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise ValueError(f"facts are no run: {error}") from None
    if run.schema > SCHEMA_VERSION:
        raise ValueError(f"the run is of a newer version of footprint (schema {run.schema}): upgrade to read it")
    if wrong := impossible_run(run):
        raise ValueError(wrong)
    told = rows_of_run(run)
    if told.problems:
        raise ValueError(told.problems[0])
    _agree(tables.RUNS, row, told.runs[0])
    return told


def _check_devices(rows: Rows, devices: dict[tuple[str, str], Row], where: Where) -> None:
    seen = set()
    for place, row in enumerate(rows.devices):
        with _at(where, "devices", place):
            key = row[0], row[1]
            if key not in devices:
                raise ValueError(f"the run {_short(row[0])} has no device {_short(row[1])} by its facts")
            if key in seen:
                raise ValueError(f"the device {_short(row[1])} of the run {_short(row[0])} stands twice")
            seen.add(key)
            _agree(tables.DEVICES, row, devices[key])
    if missing := devices.keys() - seen:
        run_id, device_id = min(missing)
        raise LedgerError(f"{where('devices', len(rows.devices))}: the device {_short(device_id)} of the run {run_id} is missing")


def _check_samples(rows: Rows, devices: dict[tuple[str, str], Row], where: Where) -> None:
    sums_mj: defaultdict[tuple[str, str], int] = defaultdict(int)
    last: dict[tuple[str, str], int] = {}
    for place, (run_id, device_id, begin_us, end_us, energy_mj, *_) in enumerate(rows.samples):
        key = run_id, device_id
        if key not in devices or begin_us > end_us or energy_mj < 0:
            with _at(where, "samples", place):
                _refuse_sample(rows.samples[place], known=key in devices)
        sums_mj[key] += energy_mj
        last[key] = place
    for key, place in last.items():
        total_mj = devices[key][_DEVICES["energy_mj"]] or 0
        if sums_mj[key] != total_mj:
            told = f"{_short(key[1])} in the run {key[0]} add up to {sums_mj[key]} mJ, and the device used {total_mj}"
            raise LedgerError(f"{where('samples', place)}: the stretches of {told}")


def _refuse_sample(row: Row, *, known: bool) -> None:
    run_id, device_id, begin_us, end_us, energy_mj = row[:5]
    if not known:
        raise ValueError(f"the run {_short(run_id)} has no device {_short(device_id)}")
    raise ValueError(
        f"energy_mj={energy_mj} is not possible" if energy_mj < 0 else f"end_us={end_us} lies before begin_us={begin_us}"
    )


def _agree(columns: tuple[tables.Column, ...], row: Row, derived: Row) -> None:
    """Refuse a row that somebody changed: the facts would say one thing, and an answer another."""
    for column, value, expected in zip(columns, row, derived, strict=True):
        if column.name not in _DERIVED and value != expected:
            raise ValueError(f"{column.name}={_short(value)} is not what the run's facts say ({_short(expected)})")


def _known(run_id: str, ids: set[str]) -> None:
    if run_id not in ids:
        raise ValueError(f"the run {_short(run_id)} is not in the export")


@contextmanager
def _at(where: Where, table: str, place: int) -> Iterator[None]:
    """Name the place of what is found wrong within."""
    try:
        yield
    except ValueError as error:
        raise LedgerError(f"{where(table, place)}: {error}") from None


def _short(value: Any) -> str:
    return clean(repr(value) if isinstance(value, str) else str(value), limit=60)
