"""Records of runs as a recorder writes them, without the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from footprint.ledger.journal import Journal
from footprint.ledger.processes import Process, identify
from footprint.ledger.records import AnyRecord, Close, Open, Tick
from footprint.model import Device, Host, Sample

HOST = Host(name="node", os="Linux", cpu_name="CPU", logical_cpus=4, sockets=1, memory_bytes=2**33, boot_id="boot")
GPU = Device(id="gpu:GPU-1", component="accelerators", name="GPU", meter="nvml", grade="counter")
CPU = Device(id="cpu", component="cpu", name="CPU", meter="cpu-model", grade="model")


def gone() -> Process:
    """A process of this machine that has ended: our pid, with another start time."""
    here = identify(os.getpid())
    return Process(pid=here.pid, start_ticks=1, boot_id=here.boot_id, host=here.host, pid_namespace=here.pid_namespace)


def opened(run: str = "a" * 16, **facts: Any) -> Open:
    recorder = facts.pop("recorder", None) or gone()
    stated: dict[str, Any] = {
        "run": run,
        "name": "a run",
        "kind": "other",
        "account": run,
        "started_at": "2026-11-21T10:00:00.000+00:00",
        "t_s": 100.0,
        "interval_s": 1.0,
        "recorder": recorder,
        "tracked": recorder,
        "host": HOST,
        "devices": (GPU, CPU),
        **facts,
    }
    return Open(**stated)


def tick(t_s: float, runs: tuple[str, ...] = ("a" * 16,), power_w: float = 50.0) -> Tick:
    """A tick of a machine whose GPU draws 50 W and whose tree keeps one CPU busy."""
    sample = Sample(device_id=GPU.id, t_s=t_s, energy_j=7_000 + power_w * t_s)
    return Tick(runs=runs, t_s=t_s, samples=(sample,), tree_s=t_s, busy_s=2 * t_s)


def whole_run(run: str = "a" * 16, *, start_s: float = 100.0, ticks: int = 5, **facts: Any) -> list[AnyRecord]:
    """Open, baseline, ticks 1 s apart, close."""
    end_s = start_s + ticks
    records: list[AnyRecord] = [opened(run, t_s=start_s, **facts)]
    records += [tick(start_s + second, (run,)) for second in range(ticks + 1)]
    return [*records, Close(run=run, t_s=end_s, outcome="completed", work={"samples": 10.0})]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def write(home: Path) -> Callable[[list[AnyRecord]], Path]:
    """Write records as one journal; its path."""

    def written(records: list[AnyRecord]) -> Path:
        journal = Journal(home)
        for record in records:
            assert journal.write(record)
        journal.close()
        return journal.path

    return written
