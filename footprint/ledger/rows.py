"""Runs as rows of the ledger's tables, of which `tables` says what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from footprint.ledger import tables
from footprint.ledger.factor_key import factor_key
from footprint.ledger.facts import Point, Stretch
from footprint.ledger.reading import JournalReading
from footprint.ledger.words import hardware, region
from footprint.model import DeviceEnergy, Run

Row = tuple[Any, ...]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
_RUNS: Final = tuple(column.name for column in tables.RUNS)
_DEVICES: Final = tuple(column.name for column in tables.DEVICES)


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of the four tables, each a tuple in the order of its columns; and the runs that could not be told, a line each."""

    runs: list[Row]
    devices: list[Row]
    samples: list[Row]
    ticks: list[Row]
    problems: list[str]

    def add(self, other: Rows) -> None:
        """Take the rows of another."""
        for name in self.__struct_fields__:
            getattr(self, name).extend(getattr(other, name))


def no_rows() -> Rows:
    """Rows to add to."""
    return Rows(runs=[], devices=[], samples=[], ticks=[], problems=[])


def rows_of(journal: JournalReading) -> Rows:
    """The runs of a journal as rows; it must have been read with its ticks kept.

    Raises:
        ValueError: if its ticks were not kept.
    """
    found = no_rows()
    for run in journal.facts():
        records = journal.runs.get(run.id)
        found.add(rows_of_run(run) if records is None else _recorded(run, records.points(), records.stretches()))
    return found


def rows_of_run(run: Run) -> Rows:
    """A whole run from elsewhere as rows: its stretches are those of its devices' courses, and it has no ticks."""
    return _told(run, lambda: Rows(**_facts(run), samples=list(_courses(run)), ticks=[], problems=[]))


def rows_of_facts(run: Run) -> Rows:
    """A run's row and its devices', without its readings."""
    return _told(run, lambda: Rows(**_facts(run), samples=[], ticks=[], problems=[]))


def microseconds(started_at: str) -> int:
    """A time in ISO 8601 as whole microseconds since 1970; one without a time zone is UTC.

    Raises:
        ValueError: if it is no such time.
    """
    time = datetime.fromisoformat(started_at)
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _US


def to_us(seconds: float) -> int:
    """Seconds as whole microseconds."""
    return round(seconds * 1e6)


def to_mj(energy_j: float) -> int:
    """Joules as whole millijoules."""
    return round(energy_j * 1e3)


def _told(run: Run, rows: Callable[[], Rows]) -> Rows:
    try:
        return rows()
    except (ValueError, OverflowError) as error:  # a start that is no time, a number without end: damage, or not of our making
        found = no_rows()
        found.problems.append(f"run {run.id} cannot be counted: {error}")
        return found


class Readings:
    """The readings of one run as rows, tick by tick.

    Args:
        run_id: the run.
        started_at: its start, in ISO 8601.

    Raises:
        ValueError: if that is no time.
    """

    def __init__(self, run_id: str, started_at: str) -> None:
        self._id = run_id
        self._start_us = microseconds(started_at)
        self._so_far_mj: dict[str, int] = {}

    def tick(self, point: Point) -> Row:
        """The row of a tick."""
        return self._id, point.t_s, point.tree_s, point.busy_s

    def samples(self, stretches: Iterable[Stretch]) -> Iterator[Row]:
        """The rows of the next readings."""
        for one in stretches:
            sample = one.sample
            now_mj = to_mj(one.so_far_j)
            grown_mj = now_mj - self._so_far_mj.get(sample.device_id, 0)
            self._so_far_mj[sample.device_id] = now_mj
            begin_us, end_us = self._start_us + to_us(one.begin_s), self._start_us + to_us(one.end_s)
            yield self._id, sample.device_id, begin_us, end_us, grown_mj, sample.t_s, sample.energy_j, sample.power_w


def _recorded(run: Run, points: Iterable[Point], stretches: Iterable[Stretch]) -> Rows:
    def rows() -> Rows:
        readings = Readings(run.id, run.started_at)
        return Rows(
            **_facts(run),
            samples=list(readings.samples(stretches)),
            ticks=[readings.tick(point) for point in points],
            problems=[],
        )

    return _told(run, rows)


def _courses(run: Run) -> Iterator[Row]:
    start_us = microseconds(run.started_at)
    for device in run.devices:
        if device.energy_j is None:
            continue
        course = device.course or ((0.0, 0.0), (run.duration_s, device.energy_j))
        total_mj, so_far_mj, last = to_mj(device.energy_j), 0, len(course) - 1
        before_s = course[0][0]
        for place, (t_s, amount_j) in enumerate(course):
            # What a course was rounded to, or begins with, is made good at its end: the stretches add up to the energy.
            now_mj = total_mj if place == last else min(to_mj(amount_j), total_mj)
            if now_mj != so_far_mj:  # between two points of the same energy nothing was read
                begin_us, end_us = start_us + to_us(before_s), start_us + to_us(t_s)
                yield run.id, device.device.id, begin_us, end_us, now_mj - so_far_mj, t_s, None, None
            before_s, so_far_mj = t_s, now_mj


def _facts(run: Run) -> dict[str, list[Row]]:
    start_us = microseconds(run.started_at)
    end_us = start_us + to_us(run.duration_s)
    return {
        "runs": [_run_row(run, start_us, end_us)],
        "devices": [_device_row(run, one, start_us, end_us) for one in run.devices],
    }


def _run_row(run: Run, start_us: int, end_us: int) -> Row:
    place, cpu, labels = run.place, run.cpu, run.labels
    row: dict[str, Any] = {
        "id": run.id,
        "journal_id": run.journal_id,
        "name": run.name,
        "kind": run.kind,
        "account": run.account,
        "project": labels.get("project"),
        "team": labels.get("team"),
        "user": labels.get("user"),
        "model": labels.get("model"),
        "hardware": hardware(run),
        "provider": place.provider if place else None,
        "region": region(run) or None,
        "zone": place.zone if place else None,
        "host": run.host.name,
        "boot_id": run.host.boot_id,
        "month": f"{_EPOCH + timedelta(microseconds=start_us):%Y-%m}",
        "started_us": start_us,
        "ended_us": end_us,
        "anchor_us": None if run.monotonic_s is None else start_us - to_us(run.monotonic_s),
        "duration_s": run.duration_s,
        "outcome": run.outcome,
        "parent": run.parent,
        "restart_of": labels.get("restart_of"),
        "tuned_from": labels.get("fine_tuned_from"),
        "background": run.is_background,
        "factor_key": factor_key(run),
        "tree_s": cpu.tree_s if cpu else None,
        "busy_s": cpu.busy_s if cpu else None,
        "cpu_read_s": cpu.read_s if cpu else None,
        "logical_cpus": cpu.logical_cpus if cpu else run.host.logical_cpus,
        "reserved_cpus": cpu.reserved_cpus if cpu else None,
        "labels": msgspec.json.encode(labels, order="sorted").decode(),
        "facts": msgspec.json.encode(run).decode(),
    }
    return tuple(row[name] for name in _RUNS)


def _device_row(run: Run, reading: DeviceEnergy, start_us: int, end_us: int) -> Row:
    device = reading.device
    # What was read begins and ends with its course; where nothing was, the device was there for all of the run.
    begin_s, last_s = (reading.course[0][0], reading.course[-1][0]) if reading.course else (None, None)
    row: dict[str, Any] = {
        "run_id": run.id,
        "device_id": device.id,
        "device_key": device.id if _is_unique(device.id) else f"{run.host.name}/{device.id}",
        "component": "rest" if _reads_others(run, reading) else device.component,
        "name": device.name,
        "meter": device.meter,
        "grade": device.grade,
        "energy_mj": None if reading.energy_j is None else to_mj(reading.energy_j),
        "read_s": reading.read_s,
        "floor_w": reading.floor_w,
        "held_ratio": reading.held_ratio,
        "others": reading.others,
        "begin_us": start_us if begin_s is None else start_us + to_us(begin_s),
        "end_us": end_us if last_s is None else start_us + to_us(last_s),
    }
    return tuple(row[name] for name in _DEVICES)


def _reads_others(run: Run, reading: DeviceEnergy) -> bool:
    """Whether its joules stand apart: a GPU's of which the run had a part (MIG), and what an accelerator's sensor reads, too."""
    device = reading.device
    if device.component == "accelerators":
        return device.slices is not None and device.slices[0] < device.slices[1]
    around = (one.device for one in run.devices if one.device.component == "accelerators" and one.held_ratio != 0)
    return any(device.component in one.contains for one in around)


def _is_unique(device_id: str) -> bool:
    """Whether an id names one device among all machines': a GPU's UUID, not its place on the bus."""
    return device_id.startswith(("gpu:GPU-", "gpu:MIG-"))
