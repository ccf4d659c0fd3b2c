"""Ledgers made of whole runs, for questions to be asked of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from footprint.ledger.engines.engine import Answer, Closing
from footprint.ledger.rows import no_rows, rows_of_run
from footprint.ledger.tables import TABLES
from footprint.model import Device, DeviceEnergy, Run
from tests.derive.examples import host, run

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TYPES = {"text": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}


class Made(Closing):
    """A ledger in memory, of whole runs."""

    where = "memory"

    def __init__(self, runs: Iterable[Run]) -> None:
        import duckdb

        rows = no_rows()
        for one in runs:
            rows.add(rows_of_run(one))
        assert not rows.problems
        self._connection: DuckDBPyConnection = duckdb.connect(config={"threads": 1})
        for table, columns in TABLES.items():
            named = ", ".join(f'"{column.name}" {_TYPES[column.type]}' for column in columns)
            self._connection.execute(f"CREATE TABLE {table} ({named})")
            if getattr(rows, table):
                places = ", ".join("?" * len(columns))
                self._connection.executemany(f"INSERT INTO {table} VALUES ({places})", getattr(rows, table))

    def query(self, sql: str) -> Answer:
        found = self._connection.execute(sql)
        return Answer(tuple(one[0] for one in found.description), found.fetchall())

    def close(self) -> None:
        self._connection.close()


def device(course: tuple[tuple[float, float], ...], device_id: str = "gpu:GPU-1", **facts: Any) -> DeviceEnergy:
    """What was read of a device, by its course."""
    component = facts.pop("component", "accelerators")
    known = Device(id=device_id, component=component, name="device", meter="nvml", grade="counter")
    read_s = course[-1][0] - course[0][0]
    return DeviceEnergy(
        **{"device": known, "energy_j": course[-1][1], "read_s": read_s, "course": course, "held_ratio": 1.0, **facts}
    )


@st.composite
def courses(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    """Energy over time, which grows all the time, at different rates."""
    lengths_s = draw(st.lists(st.integers(1, 400), min_size=1, max_size=5))
    watts = draw(st.lists(st.integers(5, 900), min_size=len(lengths_s), max_size=len(lengths_s)))
    points, t_s, energy_j = [(0.0, 0.0)], 0.0, 0.0
    for length_s, power_w in zip(lengths_s, watts, strict=True):
        t_s, energy_j = t_s + length_s, energy_j + length_s * power_w
        points.append((t_s, energy_j))
    return tuple(points)


@st.composite
def overlapping(draw: st.DrawFn) -> list[Run]:
    """Runs of few devices on two machines, some of one program, some within another, some that only look on."""
    runs: list[Run] = []
    for i in range(draw(st.integers(1, 7))):
        made = {f"gpu:GPU-{draw(st.integers(1, 2))}": draw(courses()) for _ in range(draw(st.integers(1, 2)))}
        devices = tuple(
            device(course, name, held_ratio=draw(st.sampled_from([1.0, 1.0, 1.0, 0.0, None]))) for name, course in made.items()
        )
        begin_s = draw(st.integers(0, 1500))
        labels = {"user": draw(st.sampled_from(["ann", "bob"]))}
        parent = draw(st.sampled_from([None, None, *(one.id for one in runs)]))
        runs.append(
            run(
                f"r{i}",
                monotonic_s=float(begin_s),
                started_at=f"2024-05-01T{begin_s // 3600:02}:{begin_s // 60 % 60:02}:{begin_s % 60:02}Z",
                duration_s=max(one.read_s for one in devices),
                devices=devices,
                host=host(boot_id=draw(st.sampled_from(["a", "a", "b"]))),
                journal_id=draw(st.sampled_from(["", "j1", "j2"])),
                parent=parent,
                labels=labels,
                outcome=draw(st.sampled_from(["completed", "failed"])),
                cpu=None,
            )
        )
    return runs
