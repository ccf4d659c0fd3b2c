"""MLflow's system metrics, from a folder of its file store (`mlruns`): power of GPUs, integrated.

MLflow asks NVML for each GPU's power, by default every ten seconds. It does not know the GPU's name or UUID, the machine's name,
what CPU and memory drew, or who else used them. A run without readings of power has an energy that nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from footprint.errors import LedgerError
from footprint.ledger.exchange.registry import Importer, Incoming
from footprint.ledger.importers.power import gap_warning, of_power
from footprint.ledger.importers.sources import id_of, name_of, number, shown, text_of
from footprint.ledger.importers.stated import HOST_UNKNOWN, KEYS, Stated, host_name_of, run_of, stated_of
from footprint.model import Device, DeviceEnergy, Outcome, Run

TOOL: Final = "mlflow"
_META_LIMIT_BYTES: Final = 64 * 2**10
_POWER: Final = re.compile(r"gpu_(\d{1,3})_power_usage_watts")
_STATUS: Final[dict[int, Outcome]] = {3: "completed", 4: "failed", 5: "interrupted"}
_MOST_W: Final = 5_000.0
_ACCOUNT: Final = "footprint.account"
"""The tag by which a run that was measured here, too, is known: of one account at one time, it is not counted twice."""
_ONLY_GPUS: Final = "the source tells nothing of the energy of CPU and memory, nor who else used the GPUs"


def recognises(source: str) -> bool:
    """Whether a folder is a file store, an experiment of one, or a run."""
    try:
        path = Path(source)
        return path.is_dir() and next(_run_folders(path), None) is not None
    except (OSError, ValueError):
        return False


def read(source: str, facts: Mapping[str, str]) -> Incoming:
    """The runs of a file store that hold system metrics.

    Raises:
        LedgerError: if it cannot be read, or a line of it cannot be.
        ConfigError: for a stated fact that cannot be used.
    """
    stated = stated_of(facts)
    runs, without, deleted = [], 0, 0
    for folder in _run_folders(Path(source)):
        meta = _meta(folder / "meta.yaml")
        if meta.get("lifecycle_stage") == "deleted":
            deleted += 1
            continue
        system = folder / "metrics" / "system"
        if not system.is_dir():
            without += 1
            continue
        runs.append(_run(folder, meta, stated))
    notes = [f"{without} runs without system metrics were left out"] if without else []
    notes += [f"{deleted} deleted runs were left out"] if deleted else []
    if not runs:
        raise LedgerError(f"{shown(Path(source))}: no run in it has system metrics (log_system_metrics=True)")
    return Incoming(foreign=True, runs=tuple(runs), notes=tuple(notes))


def _run_folders(path: Path) -> Iterator[Path]:
    """The folders of runs: two levels down from a store, one from an experiment, none from a run."""
    for pattern in ("meta.yaml", "*/meta.yaml", "*/*/meta.yaml"):
        for file in sorted(path.glob(pattern)):
            if (file.parent / "metrics").is_dir() or (file.parent / "tags").is_dir():
                yield file.parent


def _meta(path: Path) -> dict[str, Any]:
    import yaml

    text = text_of(path, _META_LIMIT_BYTES)
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise LedgerError(f"{shown(path)}{line}: no YAML") from None
    if not isinstance(found, dict):
        raise LedgerError(f"{shown(path)}:1: no facts of a run")
    return found


def _time(meta: Mapping[str, Any], name: str, path: Path) -> float | None:
    """A moment of the metadata, s since 1970."""
    value = meta.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e14:  # noqa: PLR2004 - year 5138
        raise LedgerError(f"{shown(path)}: {name} is {str(value)[:40]!r}, which is no time in milliseconds")
    return value / 1000


def _run(folder: Path, meta: Mapping[str, Any], stated: Stated) -> Run:
    path = folder / "meta.yaml"
    begin_s, end_s = _time(meta, "start_time", path), _time(meta, "end_time", path)
    if begin_s is None:
        raise LedgerError(f"{shown(path)}: no start_time")
    warnings = [_ONLY_GPUS]
    if stated.host is None:
        warnings.append(HOST_UNKNOWN)
    system = folder / "metrics" / "system"
    series = {file: _series(file) for file in sorted(system.rglob("*")) if file.is_file()}
    if end_s is None:
        end_s = max((t_s for points in series.values() for t_s, _ in points), default=begin_s)
        warnings.append("MLflow does not say when it ended: its last reading is taken for the end")
    told_id = name_of(str(meta.get("run_id") or folder.name)) or folder.name
    run_id = id_of(TOOL, told_id)
    host = host_name_of(stated, run_id, None)
    duration_s = max(0.0, end_s - begin_s)
    devices = []
    for file, points in series.items():
        found = _POWER.fullmatch(file.name)
        if found is None:
            continue
        node = file.parent.relative_to(system).as_posix()
        devices.append(_gpu(found[1], host if node == "." else f"{host}/{node}", points, begin_s, duration_s))
    if not devices:
        warnings.append("it holds no readings of power: its energy is unknown")
    gap = gap_warning(devices, duration_s)
    cpu = next((points for file, points in series.items() if file.name == "cpu_utilization_percentage"), [])
    labels = {
        "user": _tag(folder, "mlflow.user") or name_of(str(meta.get("user_id") or "")),
        "project": _experiment(folder),
        "mlflow_run_id": told_id,
        "cpu_utilisation_percent": f"{sum(value for _, value in cpu) / len(cpu):.3g}" if cpu else None,
    }
    return run_of(
        stated,
        run_id=run_id,
        tool=TOOL,
        name=name_of(str(meta.get("run_name") or "")) or _tag(folder, "mlflow.runName"),
        started_at=datetime.fromtimestamp(begin_s, UTC),
        duration_s=duration_s,
        where=shown(path),
        host_name=host,
        outcome=_STATUS.get(status, "unknown") if isinstance(status := meta.get("status"), int) else "unknown",
        account=_tag(folder, _ACCOUNT),
        devices=devices,
        labels={name: value for name, value in labels.items() if value},
        warnings=[*warnings, *([gap] if gap else [])],
    )


def _gpu(index: str, host: str, points: list[tuple[float, float]], begin_s: float, duration_s: float) -> DeviceEnergy:
    device = Device(id=f"gpu:{host}/{int(index)}", component="accelerators", name="GPU", meter="nvml", grade="power")
    return of_power([(t_s - begin_s, power_w) for t_s, power_w in points], device, duration_s)


def _series(path: Path) -> list[tuple[float, float]]:
    """The lines of a metric: milliseconds since 1970, value, step."""
    found = []
    power = _POWER.fullmatch(path.name) is not None
    for count, line in enumerate(text_of(path).splitlines(), start=1):
        where, cells = f"{shown(path)}:{count}", line.split()
        if len(cells) != 3:  # noqa: PLR2004 - time, value, step
            raise LedgerError(f"{where}: {len(cells)} of 3 words (time, value, step): the line is torn")
        t_ms = number(cells[0], "time", where, most=1e14)
        least, most = (0.0, _MOST_W) if power else (-1e300, 1e300)
        found.append((t_ms / 1000, number(cells[1], "power" if power else "value", where, least=least, most=most)))
    return found


def _tag(folder: Path, name: str) -> str | None:
    path = folder / "tags" / name
    return name_of(text_of(path, _META_LIMIT_BYTES)) if path.is_file() else None


def _experiment(folder: Path) -> str | None:
    path = folder.parent / "meta.yaml"
    return name_of(str(_meta(path).get("name") or "")) if path.is_file() else None


IMPORTER: Final = Importer(
    name=TOOL, what="a folder of MLflow's file store with system metrics", recognises=recognises, read=read, keys=KEYS
)
