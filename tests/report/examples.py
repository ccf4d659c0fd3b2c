"""Runs with known facts, for the tests of what is shown of them, and a real journal of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from footprint import place as places
from footprint.derive import Account
from footprint.ledger.journal import Journal
from footprint.ledger.processes import Process
from footprint.ledger.records import Close, Open, Tick
from footprint.model import CpuTime, Device, DeviceEnergy, Host, Place, Run, Sample
from footprint.report.data import Options, Summary
from footprint.report.summary import summarise

HOSTILE: Final = (
    "<script>window.hacked=1</script>",
    "</script><img src=x onerror=window.hacked=2>",
    "a\x1b[31mred\x07",
    "photo\u202egpj.exe",
    "=HYPERLINK(1)|cmd",
    "@SUM(1+1) [l](javascript:window.hacked=3)",
    "{{7*7}} ${7*7} %{x} <!-- \u2028 ]]>",
    "x" * 10_000,
    '" onmouseover="window.hacked=4',
    " \u200b ",
)


def somewhere(region: str = "gcp:europe-west1") -> Place:
    found = places.resolve(region=region)
    assert found is not None
    return found


def run(run_id: str = "r1", **facts: Any) -> Run:
    """An hour on two A100 at 300 W; facts replace facts."""
    duration_s = facts.get("duration_s", 3600.0)
    devices = tuple(
        DeviceEnergy(
            device=Device(
                id=f"gpu:GPU-{index}", component="accelerators", name="NVIDIA A100-SXM4-80GB", meter="nvml", grade="counter"
            ),
            energy_j=300.0 * duration_s,
            read_s=duration_s,
            held_ratio=1.0,
        )
        for index in range(2)
    )
    known: dict[str, Any] = {
        "id": run_id,
        "name": "test",
        "kind": "fine-tuning",
        "started_at": "2025-05-01T00:00:00Z",
        "duration_s": duration_s,
        "outcome": "completed",
        "account": "lab",
        "host": Host(
            name="node",
            os="Linux 6.1 x86_64",
            cpu_name="AMD EPYC 7763 64-Core Processor",
            logical_cpus=64,
            sockets=1,
            memory_bytes=256_000_000_000,
            boot_id="boot",
        ),
        "devices": devices,
        "cpu": CpuTime(tree_s=duration_s, busy_s=duration_s * 2, logical_cpus=64, reserved_cpus=16.0, read_s=duration_s),
        **facts,
    }
    return Run(**known)


def runs(count: int = 10, *, names: Sequence[str] = (), placed: int = 1) -> list[Run]:
    """Runs on successive days in three accounts; every `placed`-th one states its place, none for 0."""
    accounts, outcomes = ("sweep", "tokenizer", "nightly"), ("completed", "completed", "failed", "interrupted")
    return [
        run(
            f"run{index:05}",
            name=names[index % len(names)] if names else f"{accounts[index % 3]}-{index}",
            account=names[index % len(names)] if names else accounts[index % 3],
            outcome=outcomes[index % 4],
            started_at=f"2025-05-{1 + index % 28:02}T{index % 24:02}:00:00Z",
            duration_s=600.0 * (1 + index % 7),
            place=somewhere() if placed and index % placed == 0 else None,
            labels={"team": "vision"} if index % 2 else {},
        )
        for index in range(count)
    ]


def summary(some: Sequence[Run], **options: Any) -> Summary:
    return summarise(some, Account(some), Options(**options))


def record(home: Path, some: Sequence[Run]) -> None:
    """Write runs to a ledger as a recorder would: two ticks each, of which the readings are the run's facts."""
    journal = Journal(home)
    nobody = Process(pid=2**22 - 1, start_ticks=1)
    for one in some:
        devices = tuple(reading.device for reading in one.devices)
        journal.write(
            Open(
                run=one.id,
                name=one.name,
                kind=one.kind,
                account=one.account,
                started_at=one.started_at,
                t_s=0.0,
                interval_s=1.0,
                recorder=nobody,
                tracked=nobody,
                host=one.host,
                devices=devices,
                reserved_cpus=16.0,
                place=one.place,
                labels=one.labels,
            )
        )
        for t_s in (0.0, one.duration_s):
            samples = tuple(Sample(device_id=device.id, t_s=t_s, energy_j=300.0 * t_s) for device in devices)
            journal.write(Tick(runs=(one.id,), t_s=t_s, samples=samples, tree_s=t_s, busy_s=2 * t_s))
        journal.write(Close(run=one.id, t_s=one.duration_s, outcome=one.outcome))
    journal.close()
