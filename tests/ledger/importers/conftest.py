"""Tables of other tools, line by line, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from footprint.derive.settling import settled
from footprint.ledger.exchange.registry import read_source
from footprint.model import Run

_HEADER = (
    "timestamp,project_name,run_id,experiment_id,duration,emissions,emissions_rate,cpu_power,gpu_power,ram_power,cpu_energy,"
    "gpu_energy,ram_energy,energy_consumed,water_consumed,country_name,country_iso_code,region,cloud_provider,cloud_region,os,"
    "python_version,codecarbon_version,cpu_count,cpu_model,gpu_count,gpu_model,longitude,latitude,ram_total_size,tracking_mode,"
    "on_cloud,pue,wue"
)


CODECARBON = tuple(_HEADER.split(","))


def codecarbon_row(**cells: str) -> dict[str, str]:
    """An hour of a machine with a GPU of 200 W, a CPU of 100 W and 20 W of memory."""
    row = dict.fromkeys(CODECARBON, "")
    row |= {
        "timestamp": "2026-11-03T11:00:00",
        "project_name": "train",
        "run_id": "run-1",
        "duration": "3600",
        "emissions": "0.1",
        "cpu_power": "100",
        "gpu_power": "200",
        "ram_power": "20",
        "cpu_energy": "0.1",
        "gpu_energy": "0.2",
        "ram_energy": "0.02",
        "energy_consumed": "0.32",
        "country_name": "France",
        "country_iso_code": "FRA",
        "os": "Linux",
        "codecarbon_version": "3.3.2",
        "cpu_count": "16",
        "cpu_model": "AMD EPYC 7763",
        "gpu_count": "1",
        "gpu_model": "1 x NVIDIA A100",
        "ram_total_size": "64",
        "tracking_mode": "machine",
        "on_cloud": "N",
        "pue": "1.0",
        "wue": "0.0",
    }
    return row | cells


def written(path: Path, rows: Sequence[Mapping[str, str]], delimiter: str = ",") -> Path:
    """A table of rows, with the first one's columns as its header."""
    lines = [delimiter.join(rows[0])] + [delimiter.join(row.values()) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def brought(path: Path | str, **stated: str) -> list[Run]:
    """The runs of a source, as an import would write them."""
    _, incoming = read_source(str(path), stated=stated)
    assert incoming.foreign
    return [settled(run) for run in incoming.runs]


def joules(run: Run) -> dict[str, float | None]:
    """What was read of each component."""
    return {one.device.component: one.energy_j for one in run.devices}
