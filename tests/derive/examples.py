"""Facts of runs as a ledger tells them, for tests of what is derived."""

from __future__ import annotations

from typing import Any

from footprint.model import CpuTime, Device, DeviceEnergy, Footprint, Host, Run

HOUR_S = 3600.0


def host(**facts: Any) -> Host:
    known: dict[str, Any] = {
        "name": "node",
        "os": "Linux 6.1 x86_64",
        "cpu_name": None,
        "logical_cpus": 8,
        "sockets": 1,
        "memory_bytes": 32_000_000_000,
        "boot_id": "boot",
        **facts,
    }
    return Host(**known)


def gpu(energy_j: float | None, read_s: float = HOUR_S, uuid: str = "GPU-1", **facts: Any) -> DeviceEnergy:
    known: dict[str, Any] = {"held_ratio": 1.0, **facts}
    device = Device(
        id=f"gpu:{uuid}",
        component="accelerators",
        name="NVIDIA A100-SXM4-80GB",
        meter="nvml",
        grade="counter",
        slices=known.pop("slices", None),
    )
    return DeviceEnergy(device=device, energy_j=energy_j, read_s=read_s, **known)


def run(run_id: str = "r1", **facts: Any) -> Run:
    duration_s = facts.get("duration_s", HOUR_S)
    known: dict[str, Any] = {
        "id": run_id,
        "name": "test",
        "kind": "fine-tuning",
        "started_at": "2024-05-01T00:00:00Z",
        "duration_s": duration_s,
        "outcome": "completed",
        "account": run_id,
        "host": host(),
        "cpu": CpuTime(tree_s=100.0, busy_s=120.0, logical_cpus=8, reserved_cpus=8.0, read_s=duration_s),
        **facts,
    }
    return Run(**known)


def part(footprint: Footprint, name: str) -> float:
    """The middle of a component's energy, kWh."""
    energy = next(c.energy_kwh for c in footprint.breakdown if c.component == name)
    assert energy is not None
    return energy.central
