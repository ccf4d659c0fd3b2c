from __future__ import annotations

from typing import Any

import msgspec
import pytest

from footprint.derive import Account, run_footprint
from footprint.model import CpuTime, Device, DeviceEnergy, Footprint, Host, Place, Run
from footprint.units import J_PER_KWH

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


def gpu(energy_j: float | None, read_s: float = HOUR_S, uuid: str = "GPU-1") -> DeviceEnergy:
    device = Device(id=f"gpu:{uuid}", component="accelerators", name="NVIDIA A100-SXM4-80GB", meter="nvml", grade="counter")
    return DeviceEnergy(device=device, energy_j=energy_j, read_s=read_s)


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
    energy = next(c.energy_kwh for c in footprint.breakdown if c.component == name)
    assert energy is not None
    return energy.central


def test_a_gpu_counter_is_the_energy_of_the_accelerators() -> None:
    found = run_footprint(run(devices=(gpu(2 * J_PER_KWH),)))
    assert found.accelerator_energy_kwh is not None
    assert found.accelerator_energy_kwh.central == pytest.approx(2.0)
    assert found.accelerator_energy_kwh.low < 2 < found.accelerator_energy_kwh.high
    assert {c.component: c.grade for c in found.coverage}["accelerators"] == "counter"


def test_parts_add_up_and_central_is_the_plain_product() -> None:
    found = run_footprint(run(devices=(gpu(2 * J_PER_KWH),), place=Place(zone="FRA")))
    assert found.it_energy_kwh is not None
    assert found.energy_kwh is not None
    assert found.emissions_g is not None
    assert found.pue is not None
    assert found.intensity_g_per_kwh is not None
    assert sum(part(found, c.component) for c in found.breakdown) == pytest.approx(found.it_energy_kwh.central)
    assert found.energy_kwh.central == pytest.approx(found.it_energy_kwh.central * found.pue.central)
    assert found.emissions_g.central == pytest.approx(found.energy_kwh.central * found.intensity_g_per_kwh.central)


def test_without_a_place_energy_is_stated_and_emissions_are_unknown() -> None:
    found = run_footprint(run())
    assert found.energy_kwh is not None
    assert found.emissions_g is None
    assert "place" in found.unknown
    assert any("--region" in w for w in found.warnings)


def test_an_accelerator_that_nobody_reads_makes_the_total_unknown_not_smaller() -> None:
    found = run_footprint(run(host=host(unmetered_accelerators=("AMD 1002:740f at 0000:c1:00.0",)), place=Place(zone="FRA")))
    assert found.accelerator_energy_kwh is None
    assert found.it_energy_kwh is None
    assert found.emissions_g is None
    assert "accelerators" in found.unknown
    assert part(found, "cpu") > 0


def test_no_accelerator_on_a_listed_bus_is_a_known_zero() -> None:
    found = run_footprint(run())
    assert found.accelerator_energy_kwh is not None
    assert found.accelerator_energy_kwh.high == 0


def test_a_run_of_5_ms_has_a_number() -> None:
    cpu = CpuTime(tree_s=0.004, busy_s=0.01, logical_cpus=8, reserved_cpus=8.0, read_s=0.005)
    found = run_footprint(run(duration_s=0.005, cpu=cpu, devices=(gpu(0.0, read_s=0.005),)))
    assert found.energy_kwh is not None
    assert found.energy_kwh.central > 0
    assert found.accelerator_energy_kwh is not None
    assert found.accelerator_energy_kwh.central > 0
    assert any("estimate" in w for w in found.warnings)


def test_a_run_of_no_length_divides_nothing() -> None:
    cpu = CpuTime(tree_s=0.0, busy_s=0.0, logical_cpus=8, reserved_cpus=8.0, read_s=0.0)
    found = run_footprint(run(duration_s=0.0, cpu=cpu))
    assert found.energy_kwh is not None
    assert found.energy_kwh.central == 0


def test_a_gap_is_said_and_not_filled() -> None:
    found = run_footprint(run(devices=(gpu(J_PER_KWH, read_s=HOUR_S / 2),)))
    assert found.accelerator_energy_kwh is not None
    assert found.accelerator_energy_kwh.central == pytest.approx(1.0)
    assert any("50%" in w for w in found.warnings)


def test_share_and_machine_attribution_differ_by_what_others_did() -> None:
    shared = CpuTime(tree_s=100.0, busy_s=8 * HOUR_S, logical_cpus=8, reserved_cpus=2.0, read_s=HOUR_S)
    facts = run(cpu=shared)
    own, machine = run_footprint(facts), run_footprint(facts, attribution="machine")
    assert part(own, "cpu") < part(machine, "cpu")
    assert part(own, "memory") == pytest.approx(part(machine, "memory") / 4)


def test_two_runs_add_up_and_a_nested_one_adds_nothing() -> None:
    outer, inner = run("outer", devices=(gpu(J_PER_KWH),)), run("inner", parent="outer", devices=(gpu(J_PER_KWH / 2),))
    other = run("other", started_at="2024-06-01T00:00:00Z", devices=(gpu(J_PER_KWH),))
    account = Account([outer, inner, other])
    both = account.total(["outer", "other", "inner"])
    assert both.runs == 3
    assert both.footprint.accelerator_energy_kwh is not None
    assert both.footprint.accelerator_energy_kwh.central == pytest.approx(2.0)
    alone = account.total(["inner"]).footprint.accelerator_energy_kwh
    assert alone is not None
    assert alone.central == pytest.approx(0.5)


def test_a_parent_on_another_machine_contains_nothing() -> None:
    outer = run("outer", devices=(gpu(J_PER_KWH),))
    inner = run("inner", parent="outer", host=host(boot_id="elsewhere"), devices=(gpu(J_PER_KWH, uuid="GPU-2"),))
    total = Account([outer, inner]).total(["outer", "inner"]).footprint.accelerator_energy_kwh
    assert total is not None
    assert total.central == pytest.approx(2.0)


def test_unrelated_runs_on_one_gpu_at_one_time_are_pointed_out() -> None:
    account = Account([run("a", devices=(gpu(J_PER_KWH),)), run("b", devices=(gpu(J_PER_KWH),))])
    assert any("overlapped on gpu:GPU-1" in w for w in account.total(["a", "b"]).footprint.warnings)


def test_one_sensor_has_one_error_in_all_its_runs() -> None:
    runs = [run(f"r{i}", started_at=f"2024-05-{i + 1:02}T00:00:00Z", devices=(gpu(J_PER_KWH),)) for i in range(20)]
    account = Account(runs)
    one, all_of_them = account.footprint("r0").accelerator_energy_kwh, account.total([r.id for r in runs]).footprint
    assert one is not None
    assert all_of_them.accelerator_energy_kwh is not None
    relative = (one.high - one.low) / one.central
    summed = all_of_them.accelerator_energy_kwh
    assert (summed.high - summed.low) / summed.central == pytest.approx(relative, rel=0.01)


def test_a_total_says_how_many_runs_it_covers() -> None:
    account = Account([run("a", place=Place(zone="FRA")), run("b")])
    total = account.total(["a", "b"])
    assert (total.runs, total.with_energy, total.with_emissions) == (2, 2, 1)
    assert "place" in total.footprint.unknown


def test_facts_survive_json() -> None:
    facts = run(devices=(gpu(1.0),), place=Place(zone="FRA"), labels={"rank": "0"})
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Run) == facts
