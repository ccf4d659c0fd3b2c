"""Ledgers of many kinds of runs, and an engine that holds their tables, for tests of totals."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb
import msgspec

from footprint.ledger.engines import Answer
from footprint.ledger.engines.engine import Closing
from footprint.ledger.rows import no_rows, rows_of_run
from footprint.ledger.tables import TABLES
from footprint.model import CpuTime, Declaration, Device, DeviceEnergy, Host, Place, Run
from tests.derive.examples import host, run

_AT_ONCE = 100
_TYPES = {"text": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}

HOSTS = (
    host(name="n0", boot_id="b0"),
    host(name="n1", boot_id="b1", cpu_name="Intel(R) Xeon(R) Platinum 8480+", virtual=False, memory_bytes=None),
    host(name="n2", boot_id="b2", cpu_name="AMD EPYC 7742 64-Core Processor", virtual=True, memory_bytes=256_000_000_000),
    host(name="n3", boot_id="b3"),
    host(name="n4", boot_id="b4", unmetered_accelerators=("0000:00:05.0",)),
    host(name="n5", boot_id="b5", os="Darwin 23"),
)
PLACES = (
    None,
    Place(provider="aws", region="eu-west-1", zone="IRL"),
    Place(zone="FRA"),
    Place(zone="DEU", pue_ratio=1.2),
    Place(zone="US-VA"),
    Place(intensity_g_per_kwh=300.0),
)
KINDS = (
    "gpu", "gpus", "cpu", "rapl", "rapl memory", "no times", "no busy time", "short", "modelled", "tpu", "unread", "unheld",
    "nobody knows who held it", "whole chip", "slices", "server", "declared",
)  # fmt: skip


class Tables(Closing):
    """An engine over the rows of some runs."""

    where = "memory"

    def __init__(self, runs: Iterable[Run]) -> None:
        self._connection = duckdb.connect()
        rows = no_rows()
        for one in runs:
            rows.add(rows_of_run(one))
        for name, columns in TABLES.items():
            typed = ", ".join(f'"{column.name}" {_TYPES[column.type]}' for column in columns)
            self._connection.execute(f"CREATE TABLE {name} ({typed})")
            found = getattr(rows, name)
            for at in range(0, len(found), _AT_ONCE):  # row by row is slow
                some = found[at : at + _AT_ONCE]
                places = ", ".join(f"({', '.join('?' * len(columns))})" for _ in some)
                self._connection.execute(f"INSERT INTO {name} VALUES {places}", [value for row in some for value in row])

    def query(self, sql: str) -> Answer:
        found = self._connection.execute(sql)
        return Answer(tuple(str(one[0]) for one in found.description or ()), found.fetchall())


def device(of: Host, unit: int, kind: str = "", **facts: Any) -> Device:
    known: dict[str, Any] = {
        "id": f"gpu:GPU-{of.name}-{unit}{kind}",
        "component": "accelerators",
        "name": "NVIDIA A100-SXM4-80GB",
        "meter": "nvml",
        "grade": "counter",
    }
    return Device(**(known | facts))


def package(number: int, component: str = "cpu") -> dict[str, Any]:
    return {"id": f"{component}:{number}", "component": component, "name": component, "meter": "rapl"}


def readings(kind: str, of: Host, duration_s: float, rng: random.Random) -> tuple[DeviceEnergy, ...]:
    """What a run of a kind read of its devices."""

    def read(one: Device, energy_j: float | None = -1.0, **facts: Any) -> DeviceEnergy:
        joules = float(rng.randint(1, 1_000_000)) if energy_j == -1.0 else energy_j
        known = {"read_s": duration_s * rng.choice([1.0, 0.95]), "held_ratio": 1.0, **facts}
        return DeviceEnergy(device=one, energy_j=joules, **known)

    def rapl() -> tuple[DeviceEnergy, ...]:
        counters = read(device(of, 0, **package(0)), read_s=duration_s, energy_j=rng.choice([100.0, 1e5, 1e7]))
        if rng.random() < 0.5:
            return (msgspec.structs.replace(counters, floor_w=rng.choice([None, 5.0, 200.0])),)
        return counters, msgspec.structs.replace(counters, device=device(of, 0, **package(1))), read(gpu)

    def rapl_memory() -> tuple[DeviceEnergy, ...]:
        cpu = read(device(of, 0, **package(0)), 1e7, read_s=duration_s)
        return cpu, read(device(of, 0, **package(0, "memory")), rng.choice([1e3, 1e6]), read_s=duration_s)

    def server() -> tuple[DeviceEnergy, ...]:
        meter = Device(id="rest:acpi", component="rest", name="server", meter="hwmon", grade="power", contains=("cpu", "memory"))
        return read(meter, 1e7, read_s=duration_s), read(gpu)

    gpu = device(of, 0)
    ways: dict[str, Callable[[], tuple[DeviceEnergy, ...]]] = {
        "gpu": lambda: (read(gpu),),
        "gpus": lambda: (read(gpu), read(device(of, 1)), read(device(of, 2, name="NVIDIA H100 80GB HBM3"))),
        "rapl": rapl,
        "rapl memory": rapl_memory,
        "short": lambda: (read(gpu, read_s=duration_s),),
        "modelled": lambda: (read(device(of, 0, kind, grade="model"), None),),
        "tpu": lambda: (read(device(of, 0, kind, grade="model", name="TPU v4", meter="tpu_model"), None),),
        "unread": lambda: (read(gpu, None),),
        "unheld": lambda: (read(gpu, held_ratio=0.0), read(device(of, 1))),
        "nobody knows who held it": lambda: (read(gpu, held_ratio=None),),
        "whole chip": lambda: (read(device(of, 0, kind, name="AMD Instinct MI300A", meter="amd", contains=("cpu", "memory"))),),
        "slices": lambda: (read(device(of, 0, kind, slices=(rng.choice([1, 3]), 7))),),
        "server": server,
    }
    return ways[kind]() if kind in ways else ()


def ledger(seed: int, n: int, kinds: Sequence[str] = KINDS, *, overlap: bool = False) -> list[Run]:
    """Runs of these kinds on a few machines; one after the other, or many at once.

    Of runs that overlap CPU-seconds grow, and each is of one of as many programs; what a program may use is the same in all of
    its runs.
    """
    rng = random.Random(seed)
    until_s: dict[str, float] = {}
    found = []
    for number in range(n):
        kind, program = rng.choice(kinds), rng.randint(0, 2 * n)
        of = rng.choice(HOSTS if kind in {"gpu", "cpu"} else HOSTS[:3])
        duration_s = rng.choice([0.05, 0.5]) if kind == "short" else float(rng.choice([5, 100, 3600, 7200] + [0] * (not overlap)))
        tree_s = rng.choice([50.0, 2 * duration_s] + [0.0] * (not overlap))
        reserved = float((1, 4, 8)[program % 3])
        read_s = duration_s * rng.choice([1.0, 0.9])
        cpu = CpuTime(
            tree_s=tree_s, busy_s=tree_s + rng.choice([1.0, 500.0]), logical_cpus=8, reserved_cpus=reserved, read_s=read_s
        )
        start_s = rng.randint(0, 20_000) if overlap else until_s.get(of.name, 0.0)
        until_s[of.name] = start_s + duration_s + 10
        year = 2024 if overlap else rng.choice([2022, 2023, 2024])
        declared = (
            Declaration(hardware="A100 SXM4 80GB", count=2, hours=3.0, zone="FRA", year=2023) if kind == "declared" else None
        )
        found.append(
            run(
                f"r{number}",
                kind=rng.choice(["fine-tuning", "inference", "pre-training"]),
                account=f"account {number % 5}",
                started_at=f"{(datetime(year, 3, 1) + timedelta(seconds=start_s)).isoformat()}Z",  # noqa: DTZ001 - Z is appended
                duration_s=duration_s,
                outcome=rng.choice(["completed", "failed"]),
                host=of,
                cpu=None if kind == "no times" else msgspec.structs.replace(cpu, busy_s=None) if kind == "no busy time" else cpu,
                devices=readings(kind, of, duration_s, rng),
                place=rng.choice(PLACES),
                journal_id=f"journal {program}" if overlap else "",
                declared=declared if kind == "declared" else None,
            )
        )
    return found
