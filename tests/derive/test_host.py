"""The host's energy where its own counters read it, and whose it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.derive import Account, run_footprint, terms
from footprint.model import ComponentName, CpuTime, Device, DeviceEnergy, Footprint, Grade, Run
from footprint.units import J_PER_KWH
from tests.derive.examples import HOUR_S, gpu, host, part, run

SERVER = {"cpu_name": "Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz", "logical_cpus": 112, "sockets": 2, "virtual": False}


def device(name: str, component: ComponentName, meter: str = "rapl", grade: Grade = "counter", **facts: Any) -> Device:
    return Device(id=name, component=component, name=name, meter=meter, grade=grade, **facts)


def reading(one: Device, power_w: float, floor_w: float | None = None) -> DeviceEnergy:
    return DeviceEnergy(
        device=one,
        energy_j=power_w * HOUR_S,
        read_s=HOUR_S,
        floor_w=power_w if floor_w is None else floor_w,
        course=((0.0, 0.0), (HOUR_S, power_w * HOUR_S)),
    )


PACKAGES = (device("cpu:package-0", "cpu"), device("cpu:package-1", "cpu"))
DRAM = device("memory:dram-0", "memory")
WHOLE = ("accelerators", "cpu", "memory")


def server(*devices: DeviceEnergy, tree: float = 20.0, busy: float = 40.0, reserved: float = 112.0, **facts: Any) -> Run:
    """An hour on two packages; `tree` and `busy` are CPUs that are busy all the time."""
    cpu = CpuTime(tree_s=tree * HOUR_S, busy_s=busy * HOUR_S, logical_cpus=112, reserved_cpus=reserved, read_s=HOUR_S)
    return run(host=host(**SERVER), cpu=cpu, devices=devices, **facts)


def watts(footprint: Footprint, name: str) -> float:
    return part(footprint, name) * J_PER_KWH / HOUR_S


def test_the_machine_policy_counts_what_was_read() -> None:
    found = run_footprint(server(*(reading(one, 100.0) for one in PACKAGES), reading(DRAM, 20.0)), attribution="machine")
    assert watts(found, "cpu") == pytest.approx(200.0)
    assert watts(found, "memory") == pytest.approx(20.0)
    grades = {one.component: one.grade for one in found.coverage}
    assert (grades["cpu"], grades["memory"], grades["rest"]) == ("counter", "counter", "assumed")
    assert watts(found, "rest") > 0


def test_a_run_that_has_the_machine_to_itself_has_all_of_it() -> None:
    alone = server(*(reading(one, 100.0) for one in PACKAGES), tree=40.0, busy=40.0)
    mine, whole = run_footprint(alone), run_footprint(alone, attribution="machine")
    assert watts(mine, "cpu") == pytest.approx(watts(whole, "cpu"))


def test_shares_of_two_runs_and_of_nobody_add_up_to_the_machine() -> None:
    """Two programs on halves of an otherwise idle machine: what is read is divided without a rest."""
    read = [reading(one, 100.0, floor_w=30.0) for one in PACKAGES]
    parts = [server(*read, tree=tree, busy=40.0, reserved=56.0) for tree in (30.0, 10.0)]
    shares = [watts(run_footprint(one), "cpu") for one in parts]
    assert sum(shares) == pytest.approx(200.0)
    assert shares[0] > shares[1] > 0


@given(st.floats(0, 112), st.floats(0, 112), st.floats(1, 112), st.floats(10, 400), st.floats(0, 1))
def test_a_share_is_never_below_nothing_or_above_the_machine(
    tree: float, others: float, reserved: float, power_w: float, quiet: float
) -> None:
    read = [reading(one, power_w, floor_w=power_w * quiet) for one in PACKAGES]
    one = server(*read, tree=min(tree, 112), busy=min(tree + others, 112), reserved=reserved)
    mine, whole = run_footprint(one), run_footprint(one, attribution="machine")
    assert -1e-9 <= watts(mine, "cpu") <= watts(whole, "cpu") * (1 + 1e-9)


def test_idle_power_is_no_more_than_the_quietest_second() -> None:
    busy = run_footprint(server(*(reading(one, 150.0, floor_w=140.0) for one in PACKAGES), tree=0.0, busy=10.0, reserved=112.0))
    quiet = run_footprint(server(*(reading(one, 150.0, floor_w=4.0) for one in PACKAGES), tree=0.0, busy=10.0, reserved=112.0))
    assert watts(quiet, "cpu") <= 8.0
    assert watts(busy, "cpu") > watts(quiet, "cpu")
    energy = next(one.energy_kwh for one in quiet.breakdown if one.component == "cpu")
    assert energy is not None
    assert energy.high * J_PER_KWH / HOUR_S <= 8.0 * 1.01


def test_one_package_that_tells_nothing_leaves_the_model() -> None:
    silent = DeviceEnergy(device=PACKAGES[1], energy_j=None, read_s=0.0)
    found = run_footprint(server(reading(PACKAGES[0], 100.0), silent))
    grades = {one.component: one.grade for one in found.coverage}
    assert grades["cpu"] == "model"
    assert any("CPU told nothing" in warning for warning in found.warnings)
    assert "rest" not in grades


def test_what_a_meter_of_the_machine_reads_beyond_its_parts_is_the_rest() -> None:
    psu = device("machine:power", "rest", "hwmon", "power", contains=WHOLE)
    read = (*(reading(one, 100.0) for one in PACKAGES), reading(DRAM, 20.0), reading(psu, 300.0))
    found = run_footprint(server(*read), attribution="machine")
    assert watts(found, "rest") == pytest.approx(80.0)
    assert {one.component: one.grade for one in found.coverage}["rest"] == "power"
    assert found.it_energy_kwh is not None
    assert found.it_energy_kwh.central * J_PER_KWH / HOUR_S == pytest.approx(300.0)


def test_without_a_counter_of_the_cpu_the_machines_meter_stands_for_it() -> None:
    psu = device("machine:power", "rest", "hwmon", "power", contains=WHOLE)
    card = gpu(100.0 * HOUR_S)
    found = run_footprint(server(card, reading(psu, 400.0)), attribution="machine")
    assert watts(found, "accelerators") == pytest.approx(100.0)
    assert found.it_energy_kwh is not None
    assert found.it_energy_kwh.central * J_PER_KWH / HOUR_S == pytest.approx(400.0)
    assert {one.component: one.grade for one in found.coverage}["cpu"] == "power"
    assert not any("power supplies" in warning for warning in found.warnings)


def test_a_meter_that_reads_less_than_its_parts_is_left_out() -> None:
    psu = device("machine:power", "rest", "hwmon", "power", contains=WHOLE)
    found = run_footprint(server(*(reading(one, 100.0) for one in PACKAGES), reading(psu, 150.0)))
    assert {one.component: one.grade for one in found.coverage}["rest"] == "assumed"
    assert any("left out" in warning for warning in found.warnings)


def test_psys_contains_the_cpu_alone() -> None:
    psys = device("machine:psys-0", "rest", contains=("cpu",))
    found = run_footprint(server(*(reading(one, 10.0) for one in PACKAGES), reading(psys, 25.0)), attribution="machine")
    assert watts(found, "rest") == pytest.approx(5.0)


def test_a_gap_of_the_counter_is_said() -> None:
    half = DeviceEnergy(device=PACKAGES[0], energy_j=100.0, read_s=HOUR_S / 2)
    found = run_footprint(server(half), attribution="machine")
    assert any("the CPU was read for 50%" in warning for warning in found.warnings)


def test_the_terms_add_up_to_the_parts() -> None:
    one = server(gpu(100.0 * HOUR_S), *(reading(each, 100.0) for each in PACKAGES), reading(DRAM, 20.0))
    found = run_footprint(one)
    for component in found.breakdown:
        energy = component.energy_kwh
        assert energy is not None
        mine = sum(term.energy_kwh for term in terms(one) if term.component == component.component)
        assert mine == pytest.approx(energy.central)


# -- Accelerators ------------------------------------------------------------------------------------------------------


def test_a_gpu_that_the_run_never_held_is_the_machines_not_the_runs() -> None:
    one = run(devices=(gpu(J_PER_KWH, uuid="A"), gpu(J_PER_KWH, uuid="B", held_ratio=0.0)))
    mine, whole = run_footprint(one), run_footprint(one, attribution="machine")
    assert part(mine, "accelerators") == pytest.approx(1.0)
    assert part(whole, "accelerators") == pytest.approx(2.0)
    assert any("never held by the run" in warning and "gpu:B" in warning for warning in mine.warnings)


def test_where_nobody_tells_who_holds_a_gpu_it_is_known_one_grade_less() -> None:
    one = run(devices=(gpu(J_PER_KWH, held_ratio=None),))
    assert {c.component: c.grade for c in run_footprint(one).coverage}["accelerators"] == "power"
    assert {c.component: c.grade for c in run_footprint(one, attribution="machine").coverage}["accelerators"] == "counter"


def test_a_gpu_that_others_held_too_is_said_to_be_shared() -> None:
    found = run_footprint(run(devices=(gpu(J_PER_KWH, others=True),)))
    assert part(found, "accelerators") == pytest.approx(1.0)
    assert any("other programs held gpu:GPU-1" in warning for warning in found.warnings)


def test_a_slice_of_a_gpu_is_an_estimated_share_of_it() -> None:
    one = run(devices=(gpu(7 * J_PER_KWH, slices=(2, 7)),))
    found = run_footprint(one)
    energy = found.accelerator_energy_kwh
    assert energy is not None
    assert 1.0 < energy.low < 2.0 < energy.central < energy.high < 7.0
    assert {c.component: c.grade for c in found.coverage}["accelerators"] == "assumed"
    assert part(run_footprint(one, attribution="machine"), "accelerators") == pytest.approx(7.0)


def tpu(name: str = "TPU v4", chip: int = 0) -> DeviceEnergy:
    one = Device(id=f"tpu:{chip}", component="accelerators", name=name, meter="tpu-model", grade="model")
    return DeviceEnergy(device=one, energy_j=None, read_s=HOUR_S)


def test_a_tpu_is_modelled_from_its_published_power() -> None:
    found = run_footprint(run(devices=(tpu(), tpu(chip=1))))
    alone = run_footprint(run(devices=(tpu(),)))
    assert part(found, "accelerators") == pytest.approx(2 * part(alone, "accelerators"))
    assert 90 < part(alone, "accelerators") * 1000 < 192
    assert {c.component: c.grade for c in found.coverage}["accelerators"] in {"model", "declared", "assumed"}
    assert part(found, "cpu") > 0


def test_published_power_that_includes_the_host_is_not_added_to_it() -> None:
    found = run_footprint(run(devices=(tpu("TPU v3"),)))
    assert [one.component for one in found.breakdown] == ["accelerators"]
    assert any("includes their host" in warning for warning in found.warnings)


def test_processors_on_the_accelerators_chip_are_read_with_it() -> None:
    apu = device("gpu:x", "accelerators", "amd", "power", contains=("cpu", "memory"))
    own = DeviceEnergy(device=apu, energy_j=J_PER_KWH, read_s=HOUR_S, held_ratio=1.0)
    found = run_footprint(run(devices=(own,)))
    assert [one.component for one in found.breakdown] == ["accelerators"]
    assert any("not added again" in warning for warning in found.warnings)


def test_a_meter_that_nobody_knows_is_taken_as_it_is_and_said() -> None:
    own = DeviceEnergy(device=device("gpu:x", "accelerators", "home-made"), energy_j=J_PER_KWH, read_s=HOUR_S, held_ratio=1.0)
    found = run_footprint(run(devices=(own,)))
    assert part(found, "accelerators") == pytest.approx(1.0)
    assert any("home-made" in warning for warning in found.warnings)


def test_ranks_on_one_server_count_its_counters_once() -> None:
    read = [reading(one, 100.0) for one in PACKAGES]
    ranks = [
        server(*read, tree=5.0, busy=40.0, id=f"rank{i}", monotonic_s=0.0, journal_id=f"j{i}", account="job") for i in range(8)
    ]
    for policy in ("share", "machine"):
        found = Account(ranks, policy).total([one.id for one in ranks]).footprint
        assert watts(found, "cpu") == pytest.approx(200.0, rel=1e-6)
