"""Totals by SQL and factor keys: what deriving each run by itself says, for ledgers of any mixture."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.derive import Account, GroupTotal, group_totals
from footprint.errors import ConfigError
from footprint.ledger.ask import ask
from footprint.model import ATTRIBUTIONS, Attribution, CpuTime, Declaration, DeviceEnergy, Place, Run
from footprint.units import J_PER_KWH, j_from_kwh
from tests.derive.examples import gpu, host, run
from tests.derive.mixed import HOSTS, KINDS, Tables, ledger

QUANTITIES = (
    "accelerator_energy_kwh", "it_energy_kwh", "energy_kwh", "emissions_g", "emissions_direct_g", "emissions_market_g",
    "embodied_g", "water_l", "water_onsite_l", "water_offsite_l",
)  # fmt: skip
# Joules are whole millijoules in the tables, and of runs that overlapped in each segment of time.
ROUNDED = 1e-6
IRELAND = Place(provider="aws", region="eu-west-1", zone="IRL")


def one_row(runs: Sequence[Run], attribution: Attribution = "share", **asked: Any) -> GroupTotal:
    (row,) = group_totals(Tables(runs), attribution=attribution, **asked).rows
    return row


def check(runs: Sequence[Run], attribution: Attribution = "share", tolerance: float = 1e-9, narrower: float = 0.1) -> GroupTotal:
    """The one row of all runs, which must say what their account does; its range narrower by no more than this part of it."""
    row, expected = one_row(runs, attribution), Account(runs, attribution).total([one.id for one in runs])
    for name in QUANTITIES:
        found, stated = getattr(row.footprint, name), getattr(expected.footprint, name)
        assert (found is None) == (stated is None), name
        if found is not None:
            assert found.central == pytest.approx(stated.central, rel=tolerance), name
            # Never much narrower; wider where devices that differ from key to key are taken for the same.
            width, slack = stated.high - stated.low, 1e-9 * stated.high
            assert max(found.low - stated.low, stated.high - found.high) <= narrower * width + slack, name
            assert found.high - found.low <= 2 * width + slack, name
    assert (row.runs, row.with_energy, row.with_emissions) == (expected.runs, expected.with_energy, expected.with_emissions)
    assert set(row.footprint.unknown) == set(expected.footprint.unknown) == set(row.unknown)
    assert row.footprint.basis == expected.footprint.basis
    known = {one.component: one.grade for one in row.footprint.breakdown if one.energy_kwh is not None}
    assert known == {one.component: one.grade for one in expected.footprint.breakdown if one.energy_kwh is not None}
    return row


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_runs_of_one_kind_add_up_as_by_themselves(kind: str, attribution: Attribution) -> None:
    check(ledger(1, 20, [kind]), attribution)


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_a_few_hundred_runs_of_all_kinds_add_up_as_by_themselves(attribution: Attribution) -> None:
    row = check(ledger(2, 300), attribution)
    assert 0 < row.apart < 200
    assert row.with_energy < row.runs


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40), attribution=st.sampled_from(ATTRIBUTIONS))
def test_any_ledger_adds_up_as_its_runs_do(seed: int, n: int, attribution: Attribution) -> None:
    # Runs that are derived one by one, and others in sums, had the same devices, whose errors are drawn apart.
    check(ledger(seed, n), attribution, narrower=0.3)


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "slices"])
def test_of_runs_that_overlap_each_joule_and_second_counts_once(kind: str, attribution: Attribution) -> None:
    check(ledger(3, 20, [kind], overlap=True), attribution, ROUNDED)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 30))
def test_of_any_runs_that_overlap_each_joule_and_second_counts_once(seed: int, n: int) -> None:
    check(ledger(seed, n, ["gpu", "gpus", "cpu", "rapl", "no times", "tpu", "declared"], overlap=True), "share", ROUNDED, 0.3)


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_runs_that_begin_and_end_alike_count_once_whatever_the_order_in_which_they_are_met(
    seed: int, attribution: Attribution
) -> None:
    """As the times of schedulers and clouds, which are whole seconds or hours, often do."""
    rng = random.Random(seed)
    runs = [
        run(
            f"r{rng.randint(0, 10**6)}",
            devices=tuple(gpu(float(rng.randint(1, 50)) * 1e3, 100.0, uuid=f"GPU-{unit}") for unit in range(3)),
            duration_s=100.0,
            started_at=f"2024-05-01T00:0{rng.choice([0, 5])}:00Z",
            journal_id=rng.choice(["", "a", "b"]),
            place=IRELAND,
        )
        for _ in range(8)
    ]
    check(runs, attribution, ROUNDED)
    totals = ask("totals", ledger=Tables(runs), attribution=attribution).dicts()[0]
    kwh = Account(runs, attribution).total([one.id for one in runs]).footprint.accelerator_energy_kwh
    assert kwh is not None
    assert totals["accelerators_mj"] == pytest.approx(1e3 * j_from_kwh(kwh.central), rel=ROUNDED)


def test_a_run_whose_energy_is_not_known_takes_nothing_from_others() -> None:
    """It shared a GPU that it read, and had another that nobody could read."""
    dark = run("dark", devices=(gpu(1e6), gpu(None, uuid="GPU-2")), place=IRELAND)
    row = check([dark, run("lit", devices=(gpu(1e6),), place=IRELAND)], tolerance=ROUNDED)
    assert row.footprint.accelerator_energy_kwh is not None
    assert row.footprint.accelerator_energy_kwh.central == pytest.approx(1e6 / J_PER_KWH)


def test_a_run_within_another_adds_nothing_and_is_covered() -> None:
    outer = run("outer", devices=(gpu(1e6),), place=IRELAND)
    inner = run("inner", devices=(gpu(4e5, 1000.0),), place=IRELAND, parent="outer", duration_s=1000.0)
    row = check([outer, inner])
    assert (row.runs, row.nested, row.with_energy) == (2, 1, 2)


def test_a_run_within_another_is_known_as_far_as_that_is() -> None:
    dark = host(unmetered_accelerators=("0000:00:05.0",))
    outer = run("outer", devices=(gpu(1e6),), place=IRELAND)
    blind = run("inner", cpu=None, place=IRELAND, parent="outer", duration_s=1000.0)
    assert check([outer, blind]).with_energy == 2
    unread = run("outer", host=dark, place=IRELAND)
    inner = run("inner", place=IRELAND, parent="outer", duration_s=1000.0)
    row = check([unread, inner, run("other", place=IRELAND, host=host(boot_id="b2"))])
    assert (row.runs, row.nested, row.with_energy, row.with_emissions) == (3, 1, 1, 1)
    shop = msgspec.structs.replace(inner, id="declared", parent=None, declared=Declaration(hardware="A100", count=1, hours=1.0))
    check([outer, blind, shop])


def test_a_launched_run_with_a_gpu_of_its_own_counts_its_gpu_and_none_of_the_cpu_time_that_its_parent_saw() -> None:
    outer = run("outer", place=IRELAND)
    inner = run("inner", devices=(gpu(4e5, 1000.0),), place=IRELAND, parent="outer", duration_s=1000.0)
    check([outer, inner], tolerance=ROUNDED)


def test_one_run_has_the_very_range_that_it_has_by_itself() -> None:
    one = run(devices=(gpu(1e6),), place=IRELAND)
    found, stated = one_row([one]).footprint.emissions_g, Account([one]).footprint("r1").emissions_g
    assert found is not None
    assert stated is not None
    assert (found.low, found.central, found.high) == pytest.approx((stated.low, stated.central, stated.high), rel=1e-11)


def test_rows_by_account_add_up_to_the_whole() -> None:
    runs = ledger(4, 60, overlap=True)
    rows = group_totals(Tables(runs), by=["account"]).rows
    assert [row.keys for row in rows] == [(f"account {n}",) for n in range(5)]
    whole = one_row(runs).footprint.emissions_g
    parts = [row.footprint.emissions_g for row in rows if row.footprint.emissions_g is not None]
    assert whole is not None
    assert sum(part.central for part in parts) == pytest.approx(whole.central, rel=ROUNDED)


def test_what_is_not_known_is_counted_and_is_no_zero() -> None:
    unknown = [run("dark", host=HOSTS[4]), run("darker", host=HOSTS[4])]
    row = check(unknown)
    assert row.footprint.energy_kwh is None
    assert (row.runs, row.with_energy, row.unknown["accelerators"]) == (2, 0, 2)
    mixed = one_row([*unknown, run("lit", place=IRELAND)])
    assert (mixed.runs, mixed.with_energy, mixed.with_emissions) == (3, 1, 1)
    assert any("the energy of 2 of 3 runs is not known" in warning for warning in mixed.footprint.warnings)


def test_runs_without_a_place_have_energy_and_no_emissions() -> None:
    row = check([run("here", place=IRELAND), run("nowhere")])
    assert (row.with_energy, row.with_emissions, row.unknown["place"]) == (2, 1, 1)
    assert any("emissions are those of 1 of 2 runs" in warning for warning in row.footprint.warnings)


def test_counters_below_a_hosts_idle_power_are_derived_one_by_one() -> None:
    low, high = ledger(5, 30, ["rapl"]), ledger(5, 30, ["rapl memory"])
    assert 0 < check(low).apart < 30
    assert check([one for one in high if one.duration_s == 5.0]).apart < 30


def test_two_nodes_records_count_what_their_jobs_leave() -> None:
    day_s = 86_400.0
    cpu = CpuTime(tree_s=5.0, busy_s=9000.0, logical_cpus=8, reserved_cpus=1.0, read_s=day_s)
    node = run("node", devices=(gpu(5e6, day_s),), cpu=cpu, duration_s=day_s, labels={"recorder": "node"}, place=IRELAND)
    job = run("job", devices=(gpu(1e6),), place=IRELAND, started_at="2024-05-01T06:00:00Z")
    row = one_row([node, job])
    assert row.apart == 1
    expected = Account([node, job]).total(["node", "job"]).footprint.accelerator_energy_kwh
    assert row.footprint.accelerator_energy_kwh is not None
    assert expected is not None


def test_only_what_is_asked_for_is_summed() -> None:
    runs = [run("a", place=IRELAND), run("b", place=IRELAND, name="b", started_at="2024-06-01T00:00:00Z")]
    alone = Account([runs[1]]).total(["b"]).footprint.emissions_g
    assert one_row(runs, where={"name": ["b"]}).footprint.emissions_g == alone
    assert one_row(runs, since_us=1_717_200_000_000_000).footprint.emissions_g == alone


def test_an_empty_ledger_has_no_rows() -> None:
    assert group_totals(Tables([])).rows == ()


def test_a_component_is_no_row() -> None:
    with pytest.raises(ConfigError, match="breakdown"):
        group_totals(Tables([]), by=["component"])


def test_hostile_names_are_names() -> None:
    name = "x'); DROP TABLE runs; -- {unknown} @unknown@ \x1e"
    runs = [run("r1", account=name, place=IRELAND, host=msgspec.structs.replace(host(), name=name))]
    (row,) = group_totals(Tables(runs), by=["account"]).rows
    assert row.keys == (name,)
    assert row.footprint.emissions_g is not None


def test_joules_of_parts_of_a_gpu_and_of_what_its_sensor_reads_too_stand_apart() -> None:
    """Each of these runs read the whole GPU, and had a part of it; the processor stands on the accelerator's chip."""
    cut = [run(f"r{i}", devices=(gpu(1e6, slices=(1, 7)),), place=IRELAND) for i in range(2)]
    totals = ask("totals", ledger=Tables(cut)).dicts()[0]
    assert (totals["energy_mj"], totals["accelerators_mj"], totals["rest_mj"]) == (None, None, 1_000_000_000)
    inner = run("inner", devices=(gpu(1e5, 100.0, slices=(1, 7)),), duration_s=100.0, parent="outer", place=IRELAND)
    check([run("outer", place=IRELAND), inner], tolerance=ROUNDED)
    chip = ledger(1, 1, ["whole chip"])[0].devices[0]
    package = msgspec.structs.replace(chip.device, id="cpu:0", component="cpu", meter="rapl", contains=())
    both = run("both", devices=(chip, DeviceEnergy(device=package, energy_j=5.0, read_s=chip.read_s, held_ratio=None)))
    totals = ask("totals", ledger=Tables([both])).dicts()[0]
    assert totals["energy_mj"] == round(1e3 * (chip.energy_j or 0.0))
    assert totals["rest_mj"] == 5000
    check([both])
