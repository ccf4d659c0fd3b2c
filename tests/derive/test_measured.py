from __future__ import annotations

import msgspec
import pytest

from footprint.derive import Account, run_footprint
from footprint.model import CpuTime, Place, Run
from footprint.reference import cpu_power
from footprint.units import J_PER_KWH
from tests.derive.examples import HOUR_S, gpu, host, part, run


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


LATER = "2024-06-01T00:00:00Z"


def test_each_stated_pue_stands_among_the_factors_of_a_total() -> None:
    first = run("a", place=Place(zone="FRA", pue_ratio=1.2))
    second = run("b", started_at=LATER, place=Place(zone="FRA", pue_ratio=1.5))
    factors = Account([first, second]).total(["a", "b"]).footprint.factors
    assert {f.central for f in factors if f.id.startswith("pue.stated")} == {1.2, 1.5}


def test_one_cpu_with_and_without_hyper_threads_is_two_factors() -> None:
    cpu_name = "Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz"
    hosts = [host(cpu_name=cpu_name, logical_cpus=cpus, sockets=2, virtual=False) for cpus in (112, 56)]
    runs = [run(f"r{i}", started_at=f"2024-0{i + 1}-01T00:00:00Z", host=one) for i, one in enumerate(hosts)]
    factors = Account(runs).total(["r0", "r1"]).footprint.factors
    idle = {f.id: f.central for f in factors if f.id.startswith("cpu.idle")}
    assert len(set(idle.values())) == 2
    assert sorted(idle.values()) == sorted(cpu_power(one).idle_w_per_cpu.central for one in hosts)


def test_the_cpus_of_a_virtual_machine_are_its_share_of_the_chip() -> None:
    cpu = CpuTime(tree_s=8 * HOUR_S, busy_s=8 * HOUR_S, logical_cpus=8, reserved_cpus=8.0, read_s=HOUR_S)
    named = host(cpu_name="Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz", virtual=True, sockets=1)
    found = run_footprint(run(host=named, cpu=cpu))
    power = cpu_power(named)
    assert power.tdp_w_per_cpu == pytest.approx(205 / 56)
    watts = 8 * (power.idle_w_per_cpu.central + power.active_w_per_cpu.central)
    assert part(found, "cpu") == pytest.approx(watts / 1000)


def test_a_short_reading_of_a_counter_that_lags_has_a_wide_range() -> None:
    short = run_footprint(run(duration_s=0.2, devices=(gpu(40.0, read_s=0.2),))).accelerator_energy_kwh
    long = run_footprint(run(devices=(gpu(40.0 * HOUR_S / 0.2),))).accelerator_energy_kwh
    assert short is not None
    assert long is not None
    assert short.central == pytest.approx(40.0 / J_PER_KWH)
    assert short.low < 0.7 * short.central
    assert short.high > 1.3 * short.central
    assert long.high == pytest.approx(1.05 * long.central)


def test_accelerators_that_nobody_could_list_are_expected_and_unknown() -> None:
    found = run_footprint(run(host=host(os="Darwin 23.1")))
    assert [(c.grade, c.read_ratio) for c in found.coverage if c.component == "accelerators"] == [(None, 0.0)]


@pytest.mark.parametrize(
    "place", [Place(zone="FRA", provider="A lab"), Place(zone="FRA", provider="coreweave"), Place(zone="FRA")]
)
def test_an_assumed_pue_is_said_to_be_one(place: Place) -> None:
    found = run_footprint(run(place=place))
    assert any("PUE is not known" in w for w in found.warnings)


@pytest.mark.parametrize("place", [Place(zone="FRA", pue_ratio=1.1), Place(zone="FRA", provider="aws", region="eu-west-3")])
def test_a_known_pue_is_not_said_to_be_assumed(place: Place) -> None:
    found = run_footprint(run(place=place))
    assert not any("PUE is not known" in w for w in found.warnings)


def test_a_total_says_how_its_parts_were_read() -> None:
    read = run("a", devices=(gpu(J_PER_KWH),))
    half = run("b", started_at=LATER, duration_s=3 * HOUR_S, devices=(gpu(J_PER_KWH, read_s=1.5 * HOUR_S),))
    unread = run("c", started_at="2024-07-01T00:00:00Z", host=host(unmetered_accelerators=("AMD",)))
    account = Account([read, half, unread])
    covered = {c.component: (c.grade, c.read_ratio) for c in account.total(["a", "b"]).footprint.coverage}
    assert covered["accelerators"] == ("counter", (1 + 1.5) / 4)
    assert covered["cpu"] == ("assumed", 1.0)
    assert covered["memory"] == ("model", 1.0)
    partly = {c.component: (c.grade, c.read_ratio) for c in account.total(["a", "c"]).footprint.coverage}
    assert partly["accelerators"] == ("counter", 0.5)
    nothing = {c.component: (c.grade, c.read_ratio) for c in account.total(["c"]).footprint.coverage}
    assert nothing["accelerators"] == (None, 0.0)


def test_a_total_of_one_run_is_covered_as_the_run_is() -> None:
    account = Account([run("a", devices=(gpu(J_PER_KWH, read_s=HOUR_S / 2),))])
    assert account.total(["a"]).footprint.coverage == account.footprint("a").coverage


def test_runs_of_no_length_are_covered_alike() -> None:
    cpu = CpuTime(tree_s=0.0, busy_s=0.0, logical_cpus=8, reserved_cpus=8.0, read_s=0.0)
    account = Account([run("a", duration_s=0.0, cpu=cpu), run("b", duration_s=0.0, cpu=cpu, started_at=LATER)])
    assert {c.read_ratio for c in account.total(["a", "b"]).footprint.coverage} == {1.0}


def test_a_nested_run_is_covered_if_its_outermost_run_is() -> None:
    outer = run("outer", place=Place(zone="FRA"))
    inner, innermost = run("inner", parent="outer"), run("innermost", parent="inner")
    total = Account([outer, inner, innermost]).total(["innermost", "inner", "outer"])
    assert (total.runs, total.with_emissions) == (3, 3)
    placed = run("placed", parent="inner", place=Place(zone="FRA"))
    total = Account([inner, placed]).total(["inner", "placed"])
    assert total.footprint.emissions_g is None
    assert total.with_emissions == 0


def test_a_sum_of_another_basis_says_how_many_runs_it_covers() -> None:
    with_market = run("a", started_at="2025-05-01T00:00:00Z", place=Place(zone="FRA"))
    without = run("b", started_at="2020-05-01T00:00:00Z", place=Place(zone="FRA"))
    found = Account([with_market, without]).total(["a", "b"]).footprint
    assert found.emissions_market_g is not None
    assert any("market-based emissions are those of 1 of 2 runs" in w for w in found.warnings)


def test_runs_that_contain_each_other_are_both_counted() -> None:
    one = run("one", parent="two", devices=(gpu(J_PER_KWH),))
    two = run("two", parent="one", started_at=LATER, devices=(gpu(J_PER_KWH),))
    total = Account([one, two]).total(["one", "two"])
    assert total.footprint.accelerator_energy_kwh is not None
    assert total.footprint.accelerator_energy_kwh.central == pytest.approx(2.0)


def test_what_serves_the_accelerators_and_is_not_read_is_named() -> None:
    with_gpu, without = run_footprint(run(devices=(gpu(J_PER_KWH),))), run_footprint(run())
    assert [(c.grade, c.read_ratio) for c in with_gpu.coverage if c.component == "rest"] == [(None, 0.0)]
    assert any("power supplies" in w for w in with_gpu.warnings)
    assert not any(c.component == "rest" for c in without.coverage)


def test_the_parts_of_a_total_add_up_to_it_and_keep_their_grade() -> None:
    known = run("a", devices=(gpu(J_PER_KWH),))
    unknown = run("b", started_at=LATER, host=host(unmetered_accelerators=("AMD",)))
    for order in (["a", "b"], ["b", "a"]):
        found = Account([known, unknown]).total(order).footprint
        assert found.it_energy_kwh is not None
        assert sum(part(found, c.component) for c in found.breakdown) == pytest.approx(found.it_energy_kwh.central)
        assert {c.component: c.grade for c in found.breakdown}["accelerators"] == "counter"


def test_a_run_without_emissions_has_no_part_in_the_basis_of_a_sum() -> None:
    known = run("a", place=Place(zone="FRA"))
    unknown = run("b", started_at=LATER, host=host(unmetered_accelerators=("AMD",)), place=Place(intensity_g_per_kwh=50))
    found = Account([known, unknown]).total(["a", "b"]).footprint
    assert found.basis == "life-cycle"
    assert not any("different bases" in w for w in found.warnings)
