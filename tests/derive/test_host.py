"""The host's energy where its own counters read it, and whose it is."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.derive import Account, run_footprint, terms
from footprint.model import Attribution, ComponentName, CpuTime, Device, DeviceEnergy, Footprint, Grade, Run
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
PSU = device("machine:power", "rest", "hwmon", "power", contains=WHOLE)


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
    read = (*(reading(one, 100.0) for one in PACKAGES), reading(DRAM, 20.0), reading(PSU, 300.0))
    found = run_footprint(server(*read), attribution="machine")
    assert watts(found, "rest") == pytest.approx(80.0)
    assert {one.component: one.grade for one in found.coverage}["rest"] == "power"
    assert found.it_energy_kwh is not None
    assert found.it_energy_kwh.central * J_PER_KWH / HOUR_S == pytest.approx(300.0)


def test_without_a_counter_of_the_cpu_the_machines_meter_stands_for_it() -> None:
    card = gpu(100.0 * HOUR_S)
    found = run_footprint(server(card, reading(PSU, 400.0)), attribution="machine")
    assert watts(found, "accelerators") == pytest.approx(100.0)
    assert found.it_energy_kwh is not None
    assert found.it_energy_kwh.central * J_PER_KWH / HOUR_S == pytest.approx(400.0)
    assert {one.component: one.grade for one in found.coverage}["cpu"] == "power"
    assert not any("power supplies" in warning for warning in found.warnings)


def test_a_meter_that_reads_less_than_its_parts_is_left_out() -> None:
    found = run_footprint(server(*(reading(one, 100.0) for one in PACKAGES), reading(PSU, 150.0)))
    assert {one.component: one.grade for one in found.coverage}["rest"] == "assumed"
    assert any("left out" in warning for warning in found.warnings)


def test_psys_contains_the_cpu_alone() -> None:
    psys = device("machine:psys-0", "rest", contains=("cpu",))
    found = run_footprint(server(*(reading(one, 10.0) for one in PACKAGES), reading(psys, 25.0)), attribution="machine")
    assert watts(found, "rest") == pytest.approx(5.0)


def test_a_meter_that_was_read_for_another_time_than_what_is_in_it_is_left_out() -> None:
    """500 W read for 36 minutes, less 200 W read for an hour, are no 167 W."""
    brief = DeviceEnergy(device=PSU, energy_j=500.0 * 0.6 * HOUR_S, read_s=0.6 * HOUR_S, floor_w=400.0)
    found = run_footprint(server(gpu(200.0 * HOUR_S), brief), attribution="machine")
    assert {one.component: one.grade for one in found.coverage}["cpu"] == "model"
    assert any("left out" in warning for warning in found.warnings)


def test_a_meter_of_a_machine_with_accelerators_that_the_run_does_not_see_is_left_out() -> None:
    """What seven more GPUs draw is no CPU's."""
    one = server(gpu(100.0 * HOUR_S), reading(PSU, 3000.0))
    seen = msgspec.structs.replace(one.host, accelerators=8)
    found = run_footprint(msgspec.structs.replace(one, host=seen), attribution="machine")
    assert {one.component: one.grade for one in found.coverage}["cpu"] == "model"
    only = msgspec.structs.replace(one.host, accelerators=1)
    found = run_footprint(msgspec.structs.replace(one, host=only), attribution="machine")
    assert {one.component: one.grade for one in found.coverage}["cpu"] == "power"


def test_the_packages_of_a_machine_err_alike() -> None:
    found = run_footprint(server(*(reading(one, 100.0) for one in PACKAGES)), attribution="machine")
    cpu = next(one.energy_kwh for one in found.breakdown if one.component == "cpu")
    assert cpu is not None
    assert (cpu.low / cpu.central, cpu.high / cpu.central) == pytest.approx((0.95, 1.05), rel=1e-3)


@pytest.mark.parametrize("length_s", [0.2, 0.5, 0.99, 1.9])
def test_a_short_run_has_no_less_than_nothing(length_s: float) -> None:
    """No second was read whole, so there is no quietest one: over all of it the machine cannot have been idler than it was."""
    read = [DeviceEnergy(device=one, energy_j=3.0 * length_s, read_s=length_s, floor_w=None) for one in PACKAGES]
    cpu = CpuTime(tree_s=4 * length_s, busy_s=4 * length_s, logical_cpus=112, reserved_cpus=0.5, read_s=length_s)
    one = run(host=host(**SERVER), cpu=cpu, devices=tuple(read), duration_s=length_s)
    mine, whole = run_footprint(one), run_footprint(one, attribution="machine")
    for found in (mine, whole):
        for component in found.breakdown:
            assert component.energy_kwh is not None
            assert component.energy_kwh.low >= 0
    assert part(mine, "cpu") <= part(whole, "cpu")


def test_two_runs_of_a_program_whose_tree_was_busier_than_the_machine_share_one_machine() -> None:
    """The tree's time is told to the nanosecond, the machine's in clock ticks of another moment."""
    read = [reading(one, 100.0, floor_w=30.0) for one in PACKAGES]
    runs = [server(*read, tree=8.0, busy=5.0, id=f"r{i}", monotonic_s=0.0, journal_id="one") for i in range(2)]
    for some in (runs[:1], runs):
        assert watts(Account(some).total([one.id for one in some]).footprint, "cpu") == pytest.approx(200.0)


def test_where_the_system_tells_no_cpu_times_what_is_read_is_the_machines() -> None:
    """macOS and Windows, where CodeCarbon is the only one who reads."""
    read = (
        reading(device("cpu", "cpu", "codecarbon", "model"), 30.0),
        reading(device("memory", "memory", "codecarbon", "model"), 5.0),
    )
    one = run(host=host(os="Darwin 24.0"), cpu=None, devices=(*read, gpu(1000.0)))
    whole, mine = run_footprint(one, attribution="machine"), run_footprint(one)
    assert (watts(whole, "cpu"), watts(whole, "memory")) == pytest.approx((30.0, 5.0))
    assert whole.it_energy_kwh is not None
    assert mine.it_energy_kwh is None
    assert any("--attribution machine" in warning for warning in mine.warnings)


def test_more_cpus_cannot_be_reserved_than_there_are() -> None:
    cpu = CpuTime(tree_s=10.0, busy_s=10.0, logical_cpus=8, reserved_cpus=64.0, read_s=HOUR_S)
    mine, whole = (run_footprint(run(cpu=cpu), attribution=policy) for policy in ("share", "machine"))
    assert mine.it_energy_kwh == whole.it_energy_kwh


def test_a_gap_of_the_counter_is_said() -> None:
    half = DeviceEnergy(device=PACKAGES[0], energy_j=100.0, read_s=HOUR_S / 2)
    found = run_footprint(server(half), attribution="machine")
    assert any("the CPU was read for 50%" in warning for warning in found.warnings)


def by_hand(product: str) -> float:
    """What a pocket calculator makes of a term: its numbers and signs, in joules."""
    facts = re.sub(r" \[[^\]]*\]", "", product)  # the ids of factors
    plain = re.sub(r"[A-Za-z][A-Za-z/-]*", "", facts.replace(",", "").replace("%", "* 0.01"))
    for sign, operator in (("×", "*"), ("÷", "/"), ("−", "-")):
        plain = plain.replace(sign, operator)
    assert re.fullmatch(r"[-+*/().\d\s]+", plain), product
    return float(eval(plain))


SLICED = gpu(100.0 * HOUR_S, slices=(3, 7))
MACHINES = {
    "counters": (gpu(100.0 * HOUR_S), *(reading(each, 100.0) for each in PACKAGES), reading(DRAM, 20.0)),
    "quiet counters": (*(reading(each, 9.0, floor_w=2.0) for each in PACKAGES), reading(DRAM, 20.0)),
    "counters and the machine's power": (*(reading(each, 100.0) for each in PACKAGES), reading(DRAM, 20.0), reading(PSU, 300.0)),
    "a cut GPU and the machine's power": (SLICED, reading(PSU, 300.0)),
    "a socket's power": (reading(device("cpu:socket-0", "cpu", "hwmon", "power"), 150.0),),
    "models": (),
}


@pytest.mark.parametrize("devices", MACHINES.values(), ids=MACHINES)
@pytest.mark.parametrize("attribution", ["share", "machine"])
def test_terms_can_be_followed_by_hand_and_add_up(devices: tuple[DeviceEnergy, ...], attribution: Attribution) -> None:
    one = server(*devices, tree=12.3, reserved=7.5)
    found = run_footprint(one, attribution=attribution)
    told = terms(one, attribution=attribution)
    for term in told:
        assert by_hand(term.product) == pytest.approx(term.energy_kwh * J_PER_KWH, rel=1e-4, abs=1e-3), term
    for component in found.breakdown:
        energy = component.energy_kwh
        assert energy is not None
        assert sum(term.energy_kwh for term in told if term.component == component.component) == pytest.approx(energy.central)
        assert 0 <= energy.low <= energy.central <= energy.high


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


def test_a_processor_with_graphics_is_read_with_them_and_its_memory_is_not() -> None:
    apu = device("gpu:x", "accelerators", "amd", "power", contains=("cpu",))
    own = DeviceEnergy(device=apu, energy_j=J_PER_KWH, read_s=HOUR_S, held_ratio=1.0)
    found = run_footprint(run(devices=(own, reading(device("cpu:package-0", "cpu"), 60.0))))
    assert [one.component for one in found.breakdown] == ["accelerators", "memory"]
    assert any("the CPU is not added again" in warning for warning in found.warnings)


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
