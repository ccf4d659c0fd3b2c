"""CodeCarbon's `emissions.csv`, versions 1 to 3: one run a row, or a run's last row where it was flushed on the way.

What it keeps: energies of CPU, memory and GPUs (kWh; without the PUE that version 3 multiplies them with), the time, the machine
in words, the place. What it cannot know: whether the CPU's energy was read or is the chip's rated power times its load, whose
energy the machine's was, the machine's name, the time zone. Its emissions are a statement of its own, kept as a label.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.exchange.registry import Importer, Incoming
from footprint.ledger.importers.sources import Line, head_of, id_of, moment, shown, table_of
from footprint.ledger.importers.stated import (
    HOST_UNKNOWN,
    IMPORTED,
    KEYS,
    MAX_DURATION_S,
    ZONE_UNKNOWN,
    Stated,
    host_name_of,
    os_of,
    run_of,
    stated_of,
)
from footprint.model import ComponentName, Declaration, Device, DeviceEnergy, Grade, Host, Place, Run, Source
from footprint.text import number, plain, plural
from footprint.units import BYTES_PER_GB, j_from_kwh

TOOL: Final = "codecarbon"
_OURS: Final = "footprint "
"""What `integrations.codecarbon` writes for CodeCarbon's version, with its own behind it."""
_NEEDED: Final = ("timestamp", "duration", "emissions", "energy_consumed")
_PARTS: Final[tuple[tuple[str, ComponentName, str], ...]] = (
    ("cpu", "cpu", "cpu"),
    ("ram", "memory", "memory"),
    ("gpu", "accelerators", "gpu:{host}/all"),
)
# Where its look-ups fail, CodeCarbon writes this place; nobody else's coordinates are so round.
_NOWHERE: Final = ("CAN", "quebec", 46.8, -71.2)
_MOST_W: Final = 100_000.0
_UNIT_ERRORS: Final = (1e3, 3.6e3, 1e6, 3.6e6)
_ALIKE: Final = 0.2
_TASKS_RATIO: Final = 1.5
_LAG_S: Final = 0.5


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """One row: all that a run used so far."""

    where: str
    run_key: str
    ended: datetime
    duration_s: float
    energy_kwh: float | None
    parts_kwh: Mapping[str, float | None]
    power_w: float | None
    emissions_kg: float | None
    pue: float
    cells: Mapping[str, str | None]

    @property
    def amount_kwh(self) -> float:
        """The energy by which rows of one run are put in order."""
        return self.energy_kwh or 0.0


def recognises(source: str) -> bool:
    """Whether a file begins with a header of CodeCarbon's."""
    header = head_of(source).partition(b"\n")[0]
    return all(name.encode() in header for name in ("duration", "emissions", "energy_consumed", "country_iso_code"))


def read(source: str, facts: Mapping[str, str]) -> Incoming:
    """The runs of a file.

    Raises:
        LedgerError: if it cannot be read, or a line of it cannot be.
        ConfigError: for a stated fact that cannot be used.
    """
    stated = stated_of(facts)
    found: dict[str, list[Facts]] = {}
    ours = 0
    for line in table_of(Path(source), needed=_NEEDED):
        if (line.text("codecarbon_version") or "").startswith(_OURS):
            ours += 1
            continue
        row = facts_of(line)
        found.setdefault(row.run_key, []).append(row)
    runs = tuple(run_from(rows, stated) for rows in found.values())
    flushed = sum(len(rows) - 1 for rows in found.values())
    notes = [f"{flushed} rows are steps on the way of a run: its last one counts"] if flushed else []
    if ours:
        notes.append(
            f"{plural(ours, 'row')} written by footprint: left out, as the runs are in the ledger of whoever tracked them"
        )
    if not runs and not ours:
        raise LedgerError(f"{shown(Path(source))}: a header and no runs")
    if any(rows[0].cells.get("task_name") for rows in found.values()):
        notes.append("tasks are parts of their run: import this file, or the emissions.csv that holds the run, but not both")
    if whole := sum(any(map(_is_machines, run.devices)) for run in runs):
        notes.append(
            f"of {plural(whole, 'run')} CodeCarbon read the whole machine's CPU and memory: reports and totals know their energy "
            "with --attribution machine"
        )
    return Incoming(foreign=True, runs=runs, notes=tuple(notes))


def facts_of(line: Line) -> Facts:
    """What a row says.

    Raises:
        LedgerError: if it says what cannot be.
    """
    told = line.text("timestamp")
    if told is None:
        raise line.wrong("timestamp is empty")
    ended = moment(told, "timestamp", line.where)
    duration_s = line.number("duration", most=MAX_DURATION_S)
    if duration_s is None:
        raise line.wrong("duration is empty")
    pue = line.number("pue", least=1.0, most=10.0) or 1.0
    parts = {
        name: None if (kwh := line.number(f"{name}_energy")) is None else kwh / pue
        for name, _, _ in _PARTS
        if f"{name}_energy" in line.cells
    }
    watts = [line.number(f"{name}_power") for name, _, _ in _PARTS]
    row_key = line.text("run_id") or "\0".join(line.cells.values())
    total_kwh = line.number("energy_consumed")
    cells = {name: line.text(name) for name in line.cells}
    row = Facts(
        where=line.where,
        run_key="\0".join(filter(None, (row_key, line.text("task_name")))),
        ended=ended,
        duration_s=duration_s,
        energy_kwh=None if total_kwh is None else total_kwh / pue,
        parts_kwh=parts,
        power_w=sum(one or 0.0 for one in watts) / pue if any(watts) else None,
        emissions_kg=line.number("emissions"),
        pue=pue,
        cells=cells,
    )
    _check_units(line, row)
    return row


def _check_units(line: Line, row: Facts) -> None:
    """Refuse energies that are no kilowatt-hours, by the power and the time that stand beside them."""
    sums_kwh = sum(one or 0.0 for one in row.parts_kwh.values())
    if row.energy_kwh is not None and row.parts_kwh and sums_kwh > row.energy_kwh * 1.01 + 1e-12:
        raise line.wrong(
            f"the parts' energies are {number(sums_kwh)} kWh, more than the energy_consumed of {number(row.energy_kwh)} kWh"
        )
    energy_j = j_from_kwh(row.amount_kwh)
    if row.power_w:
        ratio = energy_j / (row.power_w * max(row.duration_s, 1.0))
        if any(abs(math.log(ratio / wrong)) < _ALIKE for wrong in _UNIT_ERRORS if ratio > 0):
            raise line.wrong(
                f"{number(row.amount_kwh)} kWh are {number(ratio)} times its power and duration: its energies are no kWh"
            )
    elif energy_j > _MOST_W * max(row.duration_s, 1.0):
        raise line.wrong(
            f"{number(row.amount_kwh)} kWh in {number(row.duration_s)} s are more than a machine draws: its energies are no kWh"
        )


def run_from(rows: Sequence[Facts], stated: Stated, *, host_name: str | None = None) -> Run:
    """The run that some rows of one tracker tell of.

    Args:
        rows: at least one; the one with the most energy counts.
        stated: what the user states beside them.
        host_name: the machine's name, where it is known.

    Raises:
        LedgerError: if its times cannot be.
    """
    rows = sorted(rows, key=lambda row: (row.amount_kwh, row.duration_s))
    last, cells = rows[-1], rows[-1].cells
    run_id = id_of(TOOL, last.run_key)
    warnings: list[str] = []
    duration_s = min(_duration_s(last, warnings), MAX_DURATION_S)
    ended, assumed_utc = stated.utc(last.ended)
    if assumed_utc:
        warnings.append(ZONE_UNKNOWN)
    name = host_name_of(stated, run_id, host_name)
    if host_name is None and stated.host is None:
        warnings.append(HOST_UNKNOWN)
    place = _place(last, warnings)
    devices = _devices(rows, name, duration_s, warnings) if last.parts_kwh else ()
    return run_of(
        stated,
        run_id=run_id,
        tool=TOOL,
        name=_name(cells),
        started_at=ended - timedelta(seconds=duration_s),
        duration_s=duration_s,
        where=last.where,
        host=_host(cells, name),
        devices=devices,
        place=place,
        labels=_labels(last),
        version=cells.get("codecarbon_version"),
        declared=None if last.parts_kwh else _declared(last, ended.year, warnings),
        warnings=warnings,
    )


def _duration_s(row: Facts, warnings: list[str]) -> float:
    """The time that a row covers; after tasks CodeCarbon writes that of the last one beside the energy of all."""
    if not row.power_w:
        return row.duration_s
    worked_s = j_from_kwh(row.amount_kwh) / row.power_w
    if worked_s <= _TASKS_RATIO * row.duration_s + _LAG_S:
        return row.duration_s
    warnings.append(
        f"CodeCarbon's duration of {number(row.duration_s)} s is too short for its energy and mean power (it tells that of the "
        f"last task only): {number(worked_s)} s were worked out from them"
    )
    return worked_s


def _name(cells: Mapping[str, str | None]) -> str | None:
    task, project = cells.get("task_name"), cells.get("project_name")
    return f"{project}: {task}" if task and project else task or project


def _labels(row: Facts) -> dict[str, str]:
    labels = {"project": row.cells.get("project_name"), "task": row.cells.get("task_name")}
    if row.emissions_kg is not None:
        labels["stated_emissions_kg"] = plain(row.emissions_kg, 6)
    return {name: told for name, told in labels.items() if told}


def _host(cells: Mapping[str, str | None], name: str) -> Host:
    memory_gb, cpus = _amount(cells.get("ram_total_size")), _amount(cells.get("cpu_count"))
    gpus = _amount(cells.get("gpu_count"))
    return Host(
        name=name,
        os=os_of(cells.get("os"), accelerators_told=gpus is not None),
        cpu_name=cells.get("cpu_model"),
        logical_cpus=int(cpus or 0),
        sockets=None,
        memory_bytes=round(memory_gb * BYTES_PER_GB) if memory_gb else None,
        boot_id=None,
        accelerators=int(gpus) if gpus is not None else None,
    )


def _amount(told: str | None) -> float | None:
    """A number beside the facts, of which nothing hangs: None where it is none."""
    try:
        value = float(told) if told else math.nan
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None  # noqa: PLR2004 - CPUs, gigabytes


def _devices(rows: Sequence[Facts], host: str, duration_s: float, warnings: list[str]) -> tuple[DeviceEnergy, ...]:
    last, cells = rows[-1], rows[-1].cells
    process = cells.get("tracking_mode") == "process"
    if process:
        warnings.append("CodeCarbon modelled the CPU and memory of the process alone; it does not see its short-lived children")
    else:
        warnings.append("CPU and memory are those of the whole machine: what of them the run used is not known")
    warnings.append(
        "CodeCarbon does not say whether the CPU was read or is its rated power times its load; its memory is a guess by modules"
    )
    found = []
    for part, component, device_id in _PARTS:
        device = _device(part, component, device_id.format(host=host), cells)
        energy_kwh = last.parts_kwh.get(part)
        if not energy_kwh:
            if device.component == "accelerators" and not _amount(cells.get("gpu_count")):
                continue  # no GPU is known to be there
            warnings.append(f"CodeCarbon tells no energy of the {component}: it is unknown")
        courses = _course(rows, part, duration_s) if energy_kwh else ()
        found.append(
            DeviceEnergy(
                device=device,
                energy_j=j_from_kwh(energy_kwh) if energy_kwh else None,
                read_s=duration_s if energy_kwh else 0.0,
                held_ratio=1.0 if process and component != "accelerators" else None,
                course=courses,
            )
        )
    return tuple(found)


def _is_machines(read: DeviceEnergy) -> bool:
    """Whether the CPU or memory of the whole machine was read, and nobody knows how much of it was the run's."""
    return read.device.component in {"cpu", "memory"} and read.energy_j is not None and read.held_ratio is None


def _device(part: str, component: ComponentName, device_id: str, cells: Mapping[str, str | None]) -> Device:
    grade: Grade = "power" if part == "gpu" else "model"
    if part == "cpu" and not cells.get("cpu_model"):
        grade = "assumed"  # a chip that it does not know draws what an average one does
    name = {"cpu": cells.get("cpu_model") or "CPU", "ram": "memory", "gpu": cells.get("gpu_model") or "GPU"}[part]
    return Device(id=device_id, component=component, name=name, meter=TOOL, grade=grade)


def _course(rows: Iterable[Facts], part: str, duration_s: float) -> tuple[tuple[float, float], ...]:
    """The energy over time by the rows on the way."""
    points = [(0.0, 0.0)]
    for row in rows:
        t_s, energy_j = min(row.duration_s, duration_s), j_from_kwh(row.parts_kwh.get(part) or 0.0)
        if t_s > points[-1][0] and energy_j >= points[-1][1]:
            points.append((t_s, energy_j))
    total_j = j_from_kwh(list(rows)[-1].parts_kwh.get(part) or 0.0)
    if points[-1] != (duration_s, total_j):
        points = [point for point in points if point[0] < duration_s and point[1] <= total_j] + [(duration_s, total_j)]
    return tuple(points)


def _place(row: Facts, warnings: list[str]) -> Place | None:
    """Where it says that it ran: the cloud's region, else country and part; but not where it says so for want of an answer."""
    cells = row.cells
    country, region = cells.get("country_iso_code"), cells.get("region")
    at = (_coordinate(cells.get("latitude")), _coordinate(cells.get("longitude")))
    provider, cloud_region = cells.get("cloud_provider"), cells.get("cloud_region")
    pue = row.pue if 1.0 < row.pue <= 3.0 else None  # noqa: PLR2004 - 1 is its default, not a statement
    if provider and cloud_region:
        return Place(provider=provider, region=cloud_region, zone=country, pue_ratio=pue, known_by=IMPORTED)
    if (country, (region or "").lower(), *at) == _NOWHERE:
        warnings.append("CodeCarbon writes Quebec, Canada where it could not find out where it ran: the place is unknown")
        return Place(pue_ratio=pue, known_by=IMPORTED) if pue else None
    if country is None:
        return Place(pue_ratio=pue, known_by=IMPORTED) if pue else None
    return Place(name=region, zone=country, pue_ratio=pue, known_by=IMPORTED)


def _coordinate(told: str | None) -> float | None:
    try:
        return float(told) if told else None
    except ValueError:
        return None


def _declared(row: Facts, year: int, warnings: list[str]) -> Declaration:
    """A row of the first versions: one energy, and nobody says of what."""
    warnings.append("this version of CodeCarbon tells one energy for all, and not what is in it: it is taken as declared")
    source = Source(title="CodeCarbon emissions.csv", locator=row.run_key.replace("\0", " ")[:60], fields=("energy_kwh",))
    return Declaration(energy_kwh=row.energy_kwh or None, year=year, source=(source,))


IMPORTER: Final = Importer(name=TOOL, what="CodeCarbon's emissions.csv", recognises=recognises, read=read, keys=KEYS)
