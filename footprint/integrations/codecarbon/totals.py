"""A run's footprint in CodeCarbon's words: the columns of its `emissions.csv`, in their order, kilograms and kilowatt-hours.

What is unknown is null, and an empty cell: neither 0 nor a guess. Energies are those of the facility (PUE applied), as
CodeCarbon's are since version 3; `energy_consumed` also holds what no part of theirs stands for (`rest`: boards, fans, power
supplies).
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import footprint
from footprint.units import BYTES_PER_GIB, G_PER_KG, S_PER_H, W_PER_KW

if TYPE_CHECKING:
    from footprint.model import Footprint, Range, Run

WRITTEN_BY: Final = "footprint"
"""In the place of CodeCarbon's version: the importer leaves such rows out, as their runs are in a ledger of ours."""
_PERCENT: Final = 100.0


@dataclass(kw_only=True)  # as CodeCarbon's, which its handlers take apart
class EmissionsData:
    """What CodeCarbon tells of a run: its columns; s, kg, kg/s, W, kWh, litres, GB, percent. Null is unknown."""

    timestamp: str
    project_name: str
    run_id: str
    experiment_id: str
    duration: float
    emissions: float | None
    emissions_rate: float | None
    cpu_power: float | None
    gpu_power: float | None
    ram_power: float | None
    cpu_energy: float | None
    gpu_energy: float | None
    ram_energy: float | None
    energy_consumed: float | None
    water_consumed: float | None
    country_name: str | None
    country_iso_code: str | None
    region: str | None
    cloud_provider: str | None
    cloud_region: str | None
    os: str
    python_version: str
    codecarbon_version: str
    cpu_count: int
    cpu_model: str | None
    gpu_count: int | None
    gpu_model: str | None
    longitude: float | None = None
    latitude: float | None = None
    ram_total_size: float | None = None
    tracking_mode: str = "machine"
    cpu_utilization_percent: float | None = None
    gpu_utilization_percent: float | None = None
    ram_utilization_percent: float | None = None
    ram_used_gb: float | None = None
    on_cloud: str = "N"
    pue: float | None = None
    wue: float | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The columns and their values, in their order."""
        return dict(vars(self))


_NOT_OF_TASKS: Final = {"experiment_id", "pue", "wue"}


@dataclass(kw_only=True)
class TaskEmissionsData:
    """The same of a task, with its name."""

    task_name: str
    data: EmissionsData

    @property
    def values(self) -> dict[str, Any]:
        """The columns of CodeCarbon's file of tasks, in their order."""
        rest = {name: value for name, value in self.data.values.items() if name not in _NOT_OF_TASKS}
        return {"task_name": self.task_name, **rest}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)


def totals(
    run: Run, *, project: str, run_id: str, experiment_id: str, is_machine: bool, intensity_g_per_kwh: float | None = None
) -> EmissionsData:
    """What a run's facts give so far.

    Args:
        run: its facts.
        project: the project's name.
        run_id: which run it is told to be a part of.
        experiment_id: the experiment's.
        is_machine: whether the whole machine's CPU and memory count, or the run's share.
        intensity_g_per_kwh: to be used instead of the place's.
    """
    from footprint.derive import run_footprint

    known = run_footprint(run, attribution="machine" if is_machine else "share")
    seconds, pue, place = run.duration_s, _mean(known.pue), run.place
    energy_kwh = _mean(known.energy_kwh)
    emissions_kg = _kg(known, energy_kwh, intensity_g_per_kwh)
    parts = {one.component: _mean(one.energy_kwh) for one in known.breakdown}
    cpu, gpu, ram = (_times(parts.get(name), pue) for name in ("cpu", "accelerators", "memory"))
    gpus = [one.device.name for one in run.devices if one.device.component == "accelerators"]
    if not gpus and not run.host.unmetered_accelerators:
        gpu = 0.0  # there is none that could have drawn anything
    busy_s = run.cpu.busy_s if run.cpu is not None else None
    return EmissionsData(
        timestamp=datetime.now(UTC).astimezone().replace(tzinfo=None).isoformat(timespec="seconds"),
        project_name=project,
        run_id=run_id,
        experiment_id=experiment_id,
        duration=seconds,
        emissions=emissions_kg,
        emissions_rate=_per(emissions_kg, seconds),
        cpu_power=_power(cpu, seconds),
        gpu_power=_power(gpu, seconds),
        ram_power=_power(ram, seconds),
        cpu_energy=cpu,
        gpu_energy=gpu,
        ram_energy=ram,
        energy_consumed=energy_kwh,
        water_consumed=_mean(known.water_l),
        country_name=_country(place.zone) if place and place.zone else None,
        country_iso_code=_nation(place.zone) if place and place.zone else None,
        region=place.name if place and place.zone and _nation(place.zone) != place.zone else None,
        cloud_provider=place.provider if place else None,
        cloud_region=place.region if place else None,
        os=platform.platform(),
        python_version=platform.python_version(),
        codecarbon_version=f"{WRITTEN_BY} {footprint.__version__}",
        cpu_count=run.host.logical_cpus,
        cpu_model=run.host.cpu_name,
        gpu_count=len(gpus) or run.host.accelerators,
        gpu_model=", ".join(f"{gpus.count(name)} x {name}" for name in dict.fromkeys(gpus)) or None,
        ram_total_size=None if run.host.memory_bytes is None else run.host.memory_bytes / BYTES_PER_GIB,
        tracking_mode="machine" if is_machine else "process",
        cpu_utilization_percent=None if busy_s is None else _per(_PERCENT * busy_s, run.host.logical_cpus * seconds),
        on_cloud="Y" if place and place.provider else "N",
        pue=pue,
    )


def _kg(known: Footprint, energy_kwh: float | None, intensity_g_per_kwh: float | None) -> float | None:
    if intensity_g_per_kwh is not None:
        return None if energy_kwh is None else energy_kwh * intensity_g_per_kwh / G_PER_KG
    return None if known.emissions_g is None else known.emissions_g.central / G_PER_KG


def _mean(known: Range | None) -> float | None:
    return None if known is None else known.central


def _times(kwh: float | None, pue: float | None) -> float | None:
    return None if kwh is None or pue is None else kwh * pue


def _per(amount: float | None, of: float) -> float | None:
    return None if amount is None or of <= 0 else amount / of


def _power(kwh: float | None, seconds: float) -> float | None:
    """Mean power, W."""
    return _per(None if kwh is None else kwh * S_PER_H * W_PER_KW, seconds)


def _nation(zone: str) -> str | None:
    """The nation of a grid zone, as ISO 3166-1 alpha-3."""
    from footprint.reference.grid import parent

    return parent(zone) or zone


def _country(zone: str) -> str | None:
    from footprint.place import resolve

    place = resolve(zone=_nation(zone))
    return place.name if place else None
