from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.derive import Account, group_totals
from footprint.errors import ConfigError
from footprint.model import Host
from footprint.report import words
from footprint.report.data import Summary
from footprint.report.grouping import key_of
from footprint.report.summary import ALWAYS, DIMENSIONS, completed, summarise
from footprint.units import kwh_from_j
from tests.derive.examples import gpu
from tests.derive.examples import run as job
from tests.derive.mixed import Tables
from tests.report.examples import run, runs, somewhere, summary


def test_totals_are_those_of_the_account() -> None:
    some = runs(7)
    whole = Account(some).total([one.id for one in some])
    found = summary(some).total
    for name in ("energy_kwh", "it_energy_kwh", "accelerator_energy_kwh", "emissions_g", "emissions_direct_g"):
        ours, theirs = getattr(found, name), getattr(whole.footprint, name)
        # The order of a sum moves its last digit.
        assert (ours.low, ours.central, ours.high) == pytest.approx((theirs.low, theirs.central, theirs.high), rel=1e-12)
    assert (found.runs, found.with_energy, found.with_emissions) == (7, 7, 7)
    assert found.duration_s == sum(one.duration_s for one in some)
    assert found.device_s == 2 * found.duration_s


@given(st.integers(1, 12), st.integers(0, 3), st.sampled_from([*DIMENSIONS, "day", "month", "label:team"]))
def test_groups_add_up_to_the_total(count: int, placed: int, dimension: str) -> None:
    found = summary(runs(count, placed=placed), group_by=dimension)
    for groups in (*found.by.values(), found.over_time):
        assert sum(group.amounts.runs for group in groups) == found.total.runs
        assert sum(group.amounts.with_emissions for group in groups) == found.total.with_emissions
        energy = sum(group.amounts.energy_kwh.central for group in groups if group.amounts.energy_kwh)
        assert found.total.energy_kwh is not None
        assert energy == pytest.approx(found.total.energy_kwh.central, rel=1e-9)
        assert sum(group.energy_ratio or 0 for group in groups) == pytest.approx(1)


def test_a_nested_run_has_its_row_and_is_counted_in_the_one_that_contains_it() -> None:
    parent, child = run("parent", place=somewhere()), run("child", parent="parent", kind="evaluation", duration_s=600.0)
    found, alone = summary([parent, child]), summary([parent])
    assert found.total == alone.total
    assert found.by["kind"] == alone.by["kind"]
    assert {row.id: row.within for row in found.rows} == {"parent": None, "child": "parent"}
    # By itself, it is what it is.
    assert summary([child]).total.energy_kwh is not None


def test_ranks_on_the_same_devices_are_no_more_than_one() -> None:
    """What eight ranks read together is counted once, in the whole and in each of its divisions."""
    one, ranks = summary([run("r0")]), summary([run(f"r{rank}", name=f"rank{rank}") for rank in range(8)])
    assert one.total.accelerator_energy_kwh is not None
    assert ranks.total.accelerator_energy_kwh is not None
    once_kwh = one.total.accelerator_energy_kwh.central
    assert ranks.total.accelerator_energy_kwh.central == pytest.approx(once_kwh)
    assert sum(share.energy_kwh or 0 for share in ranks.shares if share.component == "accelerators") == pytest.approx(once_kwh)
    assert sum(device.energy_kwh or 0 for device in ranks.devices) == pytest.approx(kwh_from_j(2 * 300.0 * 3600))
    assert [group.energy_ratio for group in ranks.by["name"]] == pytest.approx([1 / 8] * 8)
    assert any("8 of the runs overlapped" in note.message for note in ranks.warnings)


def test_a_launcher_on_another_machine_contains_nothing() -> None:
    launcher = run("launcher", host=msgspec.structs.replace(run().host, boot_id="other"))
    worker = run("worker", parent="launcher")
    assert summary([launcher, worker]).total.runs == 2


def test_runs_nested_in_each_other_are_still_counted() -> None:
    found = summary([run("a", parent="b"), run("b", parent="a")])
    assert {row.within for row in found.rows} == {None}
    assert found.total.runs == 2
    assert found.total.energy_kwh is not None


def test_a_sum_over_some_runs_says_so() -> None:
    found = summary(runs(10, placed=3))
    assert (found.total.runs, found.total.with_energy, found.total.with_emissions) == (10, 10, 4)
    missing = next(one for one in found.unknown if one.what == "place")
    assert (missing.runs, missing.of) == (6, 10)
    assert "--region" in missing.advice
    assert "FOOTPRINT_REGION" in missing.advice


def test_without_a_place_emissions_are_unknown_and_energy_is_not() -> None:
    found = summary(runs(3, placed=0))
    assert found.total.emissions_g is None
    assert found.total.energy_kwh is not None
    assert all(group.amounts.emissions_g is None for group in found.over_time)


def test_an_accelerator_that_no_meter_reads_is_unknown_and_not_zero() -> None:
    host = msgspec.structs.replace(run().host, unmetered_accelerators=("AMD Instinct MI300X",))
    found = summary([run(host=host, devices=(), place=somewhere())])
    assert found.total.energy_kwh is None
    assert found.total.emissions_g is None
    share = next(share for share in found.shares if share.component == "accelerators")
    assert (share.grade, share.energy_kwh, share.energy_ratio) == (None, None, None)
    assert found.rows[0].hardware == "AMD Instinct MI300X (not metered)"
    assert "doctor" in next(one for one in found.unknown if one.what == "accelerators").advice


def test_how_it_is_known() -> None:
    found = summary(runs(4))
    assert sum(share.energy_ratio or 0 for share in found.shares) == pytest.approx(1)
    gpu = next(share for share in found.shares if share.component == "accelerators")
    assert gpu.grade == "counter"
    assert found.measured_ratio == gpu.energy_ratio
    assert gpu.read_ratio == pytest.approx(1)
    device = next(device for device in found.devices if device.component == "accelerators")
    assert (device.devices, device.runs) == (2, 4)
    assert device.energy_kwh == pytest.approx(kwh_from_j(2 * 300 * found.total.duration_s))


def test_a_machine_without_accelerators_lists_none() -> None:
    found = summary([run(devices=())])
    assert {share.component for share in found.shares} == {"cpu", "memory"}
    assert found.measured_ratio == 0


def test_energy_of_failed_and_interrupted_runs_is_in_sight() -> None:
    even = [run("a"), run("b", outcome="failed"), run("c", outcome="interrupted"), run("d", outcome="running")]
    assert summary(even).lost_ratio == pytest.approx(0.5)
    assert summary(even[:1]).lost_ratio == 0
    assert summary([]).lost_ratio is None


def test_factors_carry_their_sources_and_lead_from_each_run() -> None:
    found = summary(runs(5))
    assert all(use.factor.source and use.factor.unit and use.runs == 5 for use in found.factors)
    for row in found.rows:
        assert {found.factors[index].factor.id for index in row.factors} == {use.factor.id for use in found.factors}


def test_small_groups_are_put_together_and_nothing_is_lost() -> None:
    names = [f"n{index}" for index in range(30)]
    found = summary(runs(30, names=names), groups=8)
    groups = found.by["account"]
    assert len(groups) == 8
    assert groups[-1].merged == 23
    assert sum(group.amounts.runs for group in groups) == 30


def test_rows_are_the_newest_and_totals_cover_all() -> None:
    found = summary(runs(12), rows=5)
    assert [row.started_at for row in found.rows] == sorted((one.started_at for one in runs(12)), reverse=True)[:5]
    assert (found.all_runs, found.total.runs) == (12, 12)


def test_a_long_period_is_shown_by_month() -> None:
    apart = [run("a", started_at="2025-01-15T00:00:00Z"), run("b", started_at="2025-09-15T00:00:00Z")]
    found = summary(apart)
    assert (found.time_step, [group.key for group in found.over_time]) == ("month", ["2025-01", "2025-09"])
    assert (found.started_at, found.ended_at) == ("2025-01-15T00:00:00Z", "2025-09-15T01:00:00Z")


def test_nothing_is_a_summary_too() -> None:
    found = summary([])
    assert found.total.runs == 0
    assert found.total.energy_kwh is None
    assert found.measured_ratio is None
    assert not found.rows


def test_a_run_of_no_length() -> None:
    found = summary([run(duration_s=0.0, place=somewhere())])
    assert found.total.duration_s == 0


@pytest.mark.parametrize("bad", ["colour", "label:", "", "Account"])
def test_an_unknown_dimension_is_refused(bad: str) -> None:
    with pytest.raises(ConfigError, match="label:KEY"):
        summary(runs(1), group_by=bad)


def test_json_round_trip() -> None:
    found = summary(runs(3), group_by="label:team")
    assert msgspec.json.decode(msgspec.json.encode(found), type=Summary) == found


def test_warnings_are_counted_and_the_ledgers_own_come_first() -> None:
    found = summary([run("a", warnings=("odd",)), run("b", warnings=("odd",))], notes=("a line was torn",))
    assert (found.warnings[0].message, found.warnings[0].runs) == ("a line was torn", 0)
    assert next(note.runs for note in found.warnings if note.message == "odd") == 2


def test_options_default() -> None:
    some = runs(2)
    assert summarise(some, Account(some)).options.group_by == "account"
    assert isinstance(some[0].host, Host)


def test_an_account_that_is_a_run_by_itself_goes_by_its_name() -> None:
    found = summary([run("3fe26dfdce416264", name="digits", account="3fe26dfdce416264"), run("b", account="lab")])
    assert {(group.key, group.label) for group in found.by["account"]} == {("3fe26dfdce416264", "digits"), ("lab", "lab")}


def test_accounts_of_one_name_are_told_apart() -> None:
    starts = ("2025-05-01T10:00:00Z", "2025-05-01T12:30:00Z", "2025-05-01T12:30:20Z")
    some = [
        run(f"{index}fe26dfdce41", name="sh", account=f"{index}fe26dfdce41", started_at=at) for index, at in enumerate(starts)
    ]
    found = summary([*some, run("b", account="lab")])
    keys = {words.key(group, "account") for group in found.by["account"]}
    assert keys == {"sh · 2025-05-01 10:00", "sh · 1fe26dfd", "sh · 2fe26dfd", "lab"}
    assert [group.apart for group in found.by["name"]] == ["", ""]


def test_the_share_of_a_group_whose_energy_is_unknown_is_unknown() -> None:
    found = summary([run("a", account="a"), run("b", account="b", cpu=None, devices=())])
    assert [(group.key, group.energy_ratio) for group in found.by["account"]] == [("a", 1.0), ("b", None)]


def test_each_basis_says_how_many_runs_it_covers() -> None:
    # Virginia has a direct figure and no residual mix; Belgium has both.
    found = summary([run("a", place=somewhere("aws:us-east-1")), run("b", place=somewhere()), run("c")]).total
    assert (found.runs, found.with_emissions, found.with_direct, found.with_market) == (3, 2, 2, 1)


def test_accounts_that_shared_a_gpu_add_up_and_are_what_the_ledgers_totals_say() -> None:
    """Also a GPU that a run saw and never held, which is no time of its with an accelerator."""
    shared = [job(f"r{i}", account=f"a{i}", devices=(gpu(1e6), gpu(1e5, uuid="GPU-2", held_ratio=0.0))) for i in range(2)]
    found = summarise(shared, Account(shared))
    rows = {row.keys[0]: row.energy_kwh for row in group_totals(Tables(shared), by=["account"]).rows}
    assert found.total.device_s == 3600
    assert [group.amounts.device_s for group in found.by["account"]] == [1800, 1800]
    for group in found.by["account"]:
        energy, row = group.amounts.energy_kwh, rows[group.key]
        assert energy is not None
        assert row is not None
        assert energy.central == pytest.approx(row.central, rel=1e-6)
    assert found.total.energy_kwh is not None
    parts = [group.amounts.energy_kwh.central for group in found.by["account"] if group.amounts.energy_kwh is not None]
    assert sum(parts) == pytest.approx(found.total.energy_kwh.central)


def test_a_dimension_that_no_run_states_is_left_out() -> None:
    assert set(summary([run()]).by) == set(ALWAYS)
    assert set(summary([run()], group_by="team").by) == {*ALWAYS, "team"}
    told = run(labels={"project": "p", "team": "t", "user": "u", "model": "m"}, place=somewhere())
    assert set(summary([told, run("b")]).by) == set(DIMENSIONS)
    assert {group.key for group in summary([told, run("b")]).by["team"]} == {"t", ""}
    assert set(summary([]).by) == set(ALWAYS)


def test_runs_divide_by_the_basis_of_their_emissions() -> None:
    some = [run("a", place=somewhere()), run("b", place=somewhere("aws:us-east-1")), run("c")]
    found = {group.key: group.amounts for group in summary(some).by["basis"]}
    assert set(found) == {"life-cycle", "life-cycle, estimated", ""}
    assert found[""].emissions_g is None
    assert all(amounts.runs == 1 for amounts in found.values())
    with pytest.raises(ConfigError, match="no run states"):
        key_of("basis")


def test_a_summary_that_is_added_to_is_completed_again() -> None:
    found = summary(runs(3))
    assert completed(found) == found
    idle = completed(msgspec.structs.replace(found, idle_ratio=0.9))
    assert "idle" in {one.code for one in idle.actions}


def test_rows_tell_what_is_beyond_operational_emissions() -> None:
    row = summary([run(place=somewhere())]).rows[0]
    assert row.embodied_g is not None
    assert row.water_l is not None
    assert summary([run()]).rows[0].water_l is None


def test_a_group_of_one_run_is_what_the_account_says_of_it() -> None:
    some = [run("a", place=somewhere()), run("b"), run("c", place=somewhere("aws:us-east-1"), devices=(), cpu=None)]
    account = Account(some)
    groups = {group.key: group.amounts for group in summary(some, group_by="label:own").by["name"]}
    assert len(groups) == 1  # of one name: a sum of all
    apart = [msgspec.structs.replace(one, name=one.id) for one in some]
    for group in summary(apart).by["name"]:
        whole = account.total([group.key], [one.id for one in some])
        for field in ("energy_kwh", "it_energy_kwh", "emissions_g", "emissions_direct_g", "embodied_g", "water_l"):
            assert getattr(group.amounts, field) == getattr(whole.footprint, field), field
        assert (group.amounts.with_energy, group.amounts.with_emissions) == (whole.with_energy, whole.with_emissions)
