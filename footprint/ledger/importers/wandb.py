"""Weights & Biases: a run's folder (`wandb/offline-run-…`), its `.wandb` file, or system metrics exported as CSV or JSON lines.

What counts is `gpu.N.powerWatts` (NVML's, by default every fifteen seconds), integrated; `gpu.process.N` repeats it for the GPUs
that the program held and is left alone. The file tells the machine's name and the GPUs' UUIDs; an export tells neither. Nobody
tells what CPU and memory drew: a run without power has an energy that nobody knows.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.exchange.registry import Importer, Incoming
from footprint.ledger.exchange.twice import MEASURED_AS
from footprint.ledger.importers import wandb_log as log
from footprint.ledger.importers.power import gap_warning, of_power
from footprint.ledger.importers.sources import bytes_of, head_of, id_of, name_of, number, shown, table_of, text_of
from footprint.ledger.importers.stated import HOST_UNKNOWN, KEYS, Stated, host_name_of, os_of, run_of, stated_of
from footprint.model import Device, Host, Run

TOOL: Final = "wandb"
_POWER: Final = re.compile(r"(?:system\.)?gpu\.(\d{1,3})\.powerWatts")
_SHOWN_POWER: Final = re.compile(rb"gpu\.\d{1,3}\.powerWatts")
_MOST_W: Final = 5_000.0
_OURS: Final = {"footprint", "footprint_run"}
_CONFIG, _STATS, _RUN, _EXIT, _ENVIRONMENT = 5, 7, 17, 18, 26
_ONLY_GPUS: Final = "the source tells nothing of the energy of CPU and memory, nor who else used the GPUs"


class Facts(msgspec.Struct, kw_only=True):
    """What was gathered of a run; readings are (s since 1970, W) by the GPU's index."""

    where: str
    key: str | None = None
    name: str | None = None
    project: str | None = None
    account: str | None = None
    run_id: str | None = None
    host: str | None = None
    os: str | None = None
    cpu_name: str | None = None
    logical_cpus: int = 0
    memory_bytes: int | None = None
    gpus: list[tuple[str, str | None]] = []
    version: str | None = None
    begin_s: float | None = None
    end_s: float | None = None
    exit_code: int | None = None
    readings: dict[int, list[tuple[float, float]]] = {}


def recognises(source: str) -> bool:
    """Whether it is a run's folder, its file, or an export that names a GPU's power."""
    path = Path(source)
    try:
        if path.is_dir():
            return next(path.glob("*.wandb"), None) is not None
    except (OSError, ValueError):
        return False
    head = head_of(source)
    return head.startswith(log.MAGIC) or (b"_timestamp" in head and _SHOWN_POWER.search(head) is not None)


def read(source: str, facts: Mapping[str, str]) -> Incoming:
    """The run of a folder, of a file or of an export.

    Raises:
        LedgerError: if it cannot be read, or a line of it cannot be.
        ConfigError: for a stated fact that cannot be used.
    """
    stated, path = stated_of(facts), Path(source)
    if path.is_dir():
        files = sorted(path.glob("*.wandb"))
        if len(files) != 1:
            raise LedgerError(f"{shown(path)}: {len(files)} files of runs in it; one is expected")
        path = files[0]
    found = _of_file(path) if head_of(str(path)).startswith(log.MAGIC) else _of_export(path)
    return Incoming(foreign=True, runs=(_run(found, stated),))


def _of_file(path: Path) -> Facts:
    where = shown(path)
    found = Facts(where=where)
    for data in log.records(bytes_of(path), where):
        fields = log.message(data, where)
        for one in log.inner(fields, _RUN, where):
            _take_run(found, one)
        for one in log.inner(fields, _CONFIG, where):
            _take_config(found, one)
        for one in log.inner(fields, _ENVIRONMENT, where):
            _take_environment(found, one)
        for one in log.inner(fields, _STATS, where):
            _take_stats(found, one)
        for one in log.inner(fields, _EXIT, where):
            found.exit_code = log.whole(one, 1) or 0
            seconds = log.whole(one, 2)
            if seconds is not None and found.begin_s is not None:
                found.end_s = max(found.end_s or 0.0, found.begin_s + seconds)
    if found.key is None:
        raise LedgerError(f"{where}: it does not say of which run it is: its beginning is torn off")
    return found


def _take_run(found: Facts, fields: log.Message) -> None:
    found.key = "/".join(filter(None, (log.text(fields, 2), log.text(fields, 3), log.text(fields, 1)))) or found.key
    found.name = log.text(fields, 8) or found.name
    found.project = log.text(fields, 3) or found.project
    found.account = log.text(fields, 12) or log.text(fields, 6) or found.account  # its sweep, its group
    found.host = log.text(fields, 13) or found.host
    found.begin_s = log.moment_s(fields, 17, found.where) or found.begin_s
    for telemetry in log.inner(fields, 19, found.where):
        found.version = log.text(telemetry, 5) or found.version


def _take_config(found: Facts, fields: log.Message) -> None:
    """The account of a run that was measured here, too, as `integrations.wandb` writes it: it is not counted twice."""
    for item in log.inner(fields, 1, found.where):
        if _OURS.isdisjoint((log.text(item, 1), *log.texts(item, 2))):
            continue
        try:
            told = json.loads(log.text(item, 16) or "")
        except (ValueError, RecursionError):
            continue
        if not isinstance(told, dict):
            continue
        account, run_id = told.get("account"), told.get("run_id")
        found.account = account if isinstance(account, str) and account else found.account
        found.run_id = run_id if isinstance(run_id, str) and run_id else found.run_id


def _take_environment(found: Facts, fields: log.Message) -> None:
    where = found.where
    found.os = log.text(fields, 1) or found.os
    found.host = log.text(fields, 12) or found.host
    found.logical_cpus = log.whole(fields, 17) or found.logical_cpus
    for memory in log.inner(fields, 21, where):
        found.memory_bytes = log.whole(memory, 1) or found.memory_bytes
    for cpu in log.inner(fields, 22, where):
        found.cpu_name = log.text(cpu, 3) or found.cpu_name
    gpus = [(log.text(gpu, 1) or "GPU", log.text(gpu, 5)) for gpu in log.inner(fields, 24, where)]
    found.gpus = gpus or found.gpus


def _take_stats(found: Facts, fields: log.Message) -> None:
    t_s = log.moment_s(fields, 2, found.where)
    for item in log.inner(fields, 3, found.where):
        told = _POWER.fullmatch(log.text(item, 1) or "")
        if told is not None and t_s is not None:
            power_w = number(log.text(item, 16) or "", told[0], found.where, most=_MOST_W)
            found.readings.setdefault(int(told[1]), []).append((t_s, power_w))
    if t_s is not None:
        found.end_s = max(found.end_s or 0.0, t_s)


def _of_export(path: Path) -> Facts:
    """Rows of system metrics: with `_timestamp` (s since 1970) and a column for each GPU's power."""
    found = Facts(where=shown(path))
    seen: list[float] = []
    for where, row in _rows(path):
        t_s = _cell(row, "_timestamp", where, most=1e11)
        if t_s is None:
            continue
        seen.append(t_s)
        for column in row:
            told = _POWER.fullmatch(column)
            power_w = _cell(row, column, where, most=_MOST_W) if told else None
            if told and power_w is not None:
                found.readings.setdefault(int(told[1]), []).append((t_s, power_w))
        runtime_s = _cell(row, "_runtime", where, most=1e10)
        if runtime_s is not None and found.begin_s is None:
            found.begin_s = t_s - runtime_s
    if not seen:
        raise LedgerError(f"{found.where}: no row with a _timestamp")
    found.begin_s = min(seen) if found.begin_s is None else min(found.begin_s, *seen)
    found.end_s = max(seen)
    found.key = f"{path.stem}\0{found.begin_s:.0f}\0{len(found.readings)}"
    found.name = name_of(path.stem)
    return found


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not head_of(str(path)).lstrip().startswith((b"{", b"[")):
        for line in table_of(path, needed=("_timestamp",)):
            yield line.where, line.cells
        return
    text = text_of(path)
    if text.lstrip().startswith("["):
        rows = _json(text, shown(path))
        if not isinstance(rows, list):
            raise LedgerError(f"{shown(path)}: no list of rows")
        yield from (
            (f"{shown(path)} (row {count})", _row(row, f"{shown(path)} (row {count})")) for count, row in enumerate(rows, 1)
        )
        return
    for count, told in enumerate(text.splitlines(), start=1):
        if told.strip():
            yield f"{shown(path)}:{count}", _row(_json(told, f"{shown(path)}:{count}"), f"{shown(path)}:{count}")


def _json(text: str, where: str) -> object:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LedgerError(f"{where}: no JSON ({str(error)[:60]}): the line is torn") from None
    return found


def _row(row: object, where: str) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise LedgerError(f"{where}: no JSON object")
    return row


def _cell(row: Mapping[str, Any], column: str, where: str, *, most: float) -> float | None:
    value = row.get(column)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise LedgerError(f"{where}: {column} is no number")
    return number(str(value).strip() if isinstance(value, str) else _plain(value), column, where, most=most)


def _plain(value: float) -> str:
    return repr(float(value)) if abs(value) < 1e300 else str(math.inf)  # noqa: PLR2004 - beyond any float


def _run(found: Facts, stated: Stated) -> Run:
    run_id = id_of(TOOL, found.key or "")
    warnings = [_ONLY_GPUS]
    host = host_name_of(stated, run_id, found.host)
    if found.host is None and stated.host is None:
        warnings.append(HOST_UNKNOWN)
    begin_s = found.begin_s
    if begin_s is None:
        raise LedgerError(f"{found.where}: it does not say when it began")
    duration_s = max(0.0, (found.end_s or begin_s) - begin_s)
    devices = []
    # Of GPUs that are there, and of which nothing was read, the energy is unknown.
    told = found.readings or {index: [] for index in range(len(found.gpus))}
    for index, points in sorted(told.items()):
        name, uuid = found.gpus[index] if index < len(found.gpus) else ("GPU", None)
        uuid = name_of(uuid)
        device = Device(
            id=f"gpu:{uuid}" if uuid else f"gpu:{host}/{index}",
            component="accelerators",
            name=name_of(name) or "GPU",
            meter="nvml",
            grade="power",
        )
        devices.append(of_power([(t_s - begin_s, power_w) for t_s, power_w in points], device, duration_s))
    if not found.readings:
        warnings.append("it holds no readings of power: its energy is unknown")
    if found.exit_code is None:
        warnings.append("the source does not say how it ended: its last reading is taken for the end")
    gap = gap_warning(devices, duration_s)
    return run_of(
        stated,
        run_id=run_id,
        tool=TOOL,
        name=name_of(found.name),
        started_at=datetime.fromtimestamp(begin_s, UTC),
        duration_s=duration_s,
        where=found.where,
        host=Host(
            name=host,
            os=os_of(found.os, accelerators_told=bool(devices)),
            cpu_name=name_of(found.cpu_name),
            logical_cpus=found.logical_cpus,
            sockets=None,
            memory_bytes=found.memory_bytes,
            boot_id=None,
            accelerators=len(found.gpus) or None,
        ),
        outcome="unknown" if found.exit_code is None else "failed" if found.exit_code else "completed",
        account=name_of(found.account),
        devices=devices,
        labels={key: one for key, name in (("project", found.project), (MEASURED_AS, found.run_id)) if (one := name_of(name))},
        version=found.version,
        warnings=[*warnings, *([gap] if gap else [])],
    )


IMPORTER: Final = Importer(
    name=TOOL,
    what="a run's folder of Weights & Biases, or its system metrics as CSV or JSON lines",
    recognises=recognises,
    read=read,
    keys=KEYS,
)
