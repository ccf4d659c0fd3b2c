"""How the energy of runs is known: by component, by grade, by device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from footprint.derive.portions import WHOLE, Portion
from footprint.model import GRADES, Component, ComponentName, Footprint, Grade, Run
from footprint.report.data import DeviceRow, Share
from footprint.report.grouping import COMPONENTS
from footprint.units import kwh_from_j

MEASURED: Final[tuple[Grade, ...]] = ("counter", "power")

_ORDER: Final = {name: index for index, name in enumerate(COMPONENTS)}
_RANK: Final[dict[Grade | None, int]] = {grade: index for index, grade in enumerate((*GRADES, None))}


class Known:
    """What is added up for one component that is known in one way."""

    def __init__(self) -> None:
        self.energy_kwh = 0.0
        self.read_s = 0.0
        self.time_s = 0.0
        self.runs = 0


KnownHow = dict[tuple[ComponentName, Grade | None], Known]
"""Sums by component and grade; a null grade is energy that is not known."""


def shares(runs: Sequence[Run], prints: Mapping[str, Footprint]) -> tuple[Share, ...]:
    """How each component's energy is known, strongest grade first; a null grade is energy that is not known."""
    sums: KnownHow = {}
    for run in runs:
        derived = prints[run.id]
        read = {cover.component: cover.read_ratio for cover in derived.coverage}
        missing = [Component(component=name, energy_kwh=None, grade=None) for name in read]
        parts = {part.component: part for part in (*missing, *derived.breakdown)}
        for part in parts.values():
            if part.component not in read and part.energy_kwh and not part.energy_kwh.high:
                continue  # a component that is known not to be there
            one = sums.setdefault((part.component, part.grade if part.energy_kwh else None), Known())
            one.energy_kwh += part.energy_kwh.central if part.energy_kwh else 0.0
            one.time_s += run.duration_s
            one.read_s += run.duration_s * read.get(part.component, 0.0)
            one.runs += 1
    return shares_of(sums)


def shares_of(sums: KnownHow) -> tuple[Share, ...]:
    """Sums as shares of the whole, strongest grade first."""
    whole = sum(one.energy_kwh for one in sums.values())
    return tuple(
        Share(
            component=component,
            grade=grade,
            energy_kwh=one.energy_kwh if grade else None,
            energy_ratio=one.energy_kwh / whole if grade and whole else None,
            read_ratio=min(1.0, one.read_s / one.time_s) if one.time_s else 0.0,
            runs=one.runs,
        )
        for (component, grade), one in sorted(sums.items(), key=lambda item: (_ORDER[item[0][0]], _RANK[item[0][1]]))
    )


def measured_ratio(known_how: Sequence[Share]) -> float | None:
    """The share of the energy that a counter or a power sensor read; null where no energy is known."""
    known = [share for share in known_how if share.energy_ratio is not None]
    return sum(share.energy_ratio or 0.0 for share in known if share.grade in MEASURED) if known else None


def device_rows(runs: Iterable[Run], portions: Mapping[str, Portion] | None = None) -> tuple[DeviceRow, ...]:
    """The devices of the runs by model, as they were read; what overlapping runs read together once."""
    rows: dict[tuple[str, ComponentName, str, Grade], tuple[set[str], set[str], list[float], list[float]]] = {}
    for run in runs:
        for one in run.devices:
            device = one.device
            key = (device.name, device.component, device.meter, device.grade)
            ids, where, energy_j, read_s = rows.setdefault(key, (set(), set(), [], []))
            # Two machines each have a device called `cpu`.
            ids.add(f"{run.host.name}/{device.id}")
            where.add(run.id)
            read_s.append(one.read_s)
            if one.energy_j is not None:
                energy_j.append(one.energy_j * (portions or {}).get(run.id, WHOLE).of(device.id))
    return tuple(
        DeviceRow(
            name=name,
            component=component,
            meter=meter,
            grade=grade,
            devices=len(ids),
            runs=len(where),
            energy_kwh=kwh_from_j(sum(energy_j)) if energy_j else None,
            read_s=sum(read_s),
        )
        for (name, component, meter, grade), (ids, where, energy_j, read_s) in sorted(
            rows.items(), key=lambda item: (_ORDER[item[0][1]], item[0])
        )
    )
