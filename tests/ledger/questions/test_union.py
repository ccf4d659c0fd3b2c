"""Questions count each joule once: against the same by brute force, run by run."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from footprint.derive import Account
from footprint.derive.nesting import containers
from footprint.derive.portions import portions
from footprint.ledger.ask import ask
from footprint.model import Attribution, CpuTime, Run
from footprint.units import J_PER_KWH
from tests.derive.examples import part, run
from tests.ledger.questions.made import Made, device, overlapping

TOLERANCE_MJ = 200.0
"""Each piece of a reading is rounded by half a millijoule at most; there are some hundred."""
BURSTS = st.tuples(st.integers(0, 700), st.integers(5, 250), st.integers(50, 700))
"""Jobs: begin and length, s, and what they draw, W."""
FOUND = (Phase.explicit, Phase.reuse, Phase.generate)
"""Making an example smaller takes many questions, each some tenths of a second."""


def by_hand_mj(runs: list[Run], attribution: Attribution) -> dict[str, float]:
    """What counts of each run's devices, by the accounting of overlapping runs."""
    known = {one.id: one for one in runs}
    within = containers(known, known)
    counted = [one for one in runs if within[one.id] is None]
    parts = portions(counted, known, attribution)
    found = dict.fromkeys(known, 0.0)
    for one in counted:
        for reading in one.devices:
            if attribution == "share" and reading.held_ratio == 0 and not one.is_background:
                continue
            ratio = parts[one.id].of(reading.device.id) if one.id in parts else 1.0
            found[one.id] += (reading.energy_j or 0.0) * 1000 * ratio
    return found


@settings(max_examples=15, phases=FOUND)
@given(overlapping(), st.sampled_from(["share", "machine"]))
def test_parts_are_those_of_the_accounting(runs: list[Run], attribution: Attribution) -> None:
    expected = by_hand_mj(runs, attribution)
    users = {one.id: one.labels["user"] for one in runs}
    with Made(runs) as made:
        told = {row["user"]: row for row in ask("totals", ledger=made, by=["user"], attribution=attribution).dicts()}
        (whole,) = ask("totals", ledger=made, attribution=attribution).dicts()
    for user, row in told.items():
        assert row["energy_mj"] == pytest.approx(
            sum(mj for name, mj in expected.items() if users[name] == user), abs=TOLERANCE_MJ
        )
        assert row["runs"] == list(users.values()).count(user)
    assert whole["energy_mj"] == sum(row["energy_mj"] for row in told.values())
    assert whole["read_mj"] == sum(round(one.energy_j * 1000) for r in runs for one in r.devices if one.energy_j is not None)
    assert whole["energy_mj"] <= whole["read_mj"]


@settings(max_examples=6, phases=FOUND)
@given(overlapping(), st.sampled_from(["hour", "day", "month"]), st.sampled_from(["share", "machine"]))
def test_buckets_devices_and_shares_add_up_to_the_total(runs: list[Run], bucket: str, attribution: Attribution) -> None:
    with Made(runs) as made:
        (whole,) = ask("totals", ledger=made, attribution=attribution).dicts()
        buckets = ask("over-time", ledger=made, bucket=bucket, attribution=attribution).dicts()
        keyed = ask("over-time", ledger=made, bucket=bucket, by=["outcome"], attribution=attribution).dicts()
        devices = ask("devices", ledger=made, attribution=attribution).dicts()
        (shares,) = ask("shares", ledger=made, attribution=attribution).dicts()
    assert sum(row["energy_mj"] or 0 for row in buckets) == whole["energy_mj"]
    assert sum(row["energy_mj"] or 0 for row in keyed) == whole["energy_mj"]
    assert sum(row["energy_mj"] or 0 for row in devices) == whole["energy_mj"]
    assert shares["energy_mj"] == whole["energy_mj"]
    assert 0 <= shares["idle_mj"] <= shares["accelerators_mj"] if shares["idle_mj"] is not None else True
    assert sum(row["energy_mj"] or 0 for row in keyed if row["outcome"] == "failed") == shares["failed_mj"]


@settings(max_examples=5, phases=FOUND)
@given(overlapping())
def test_totals_are_the_machines_joules_of_a_report(runs: list[Run]) -> None:
    known = CpuTime(tree_s=1.0, busy_s=1.0, logical_cpus=8, reserved_cpus=8.0, read_s=1.0)
    runs = [msgspec.structs.replace(one, cpu=known) for one in runs]
    total = Account(runs, "machine").total([one.id for one in runs]).footprint
    with Made(runs) as made:
        (whole,) = ask("totals", ledger=made, attribution="machine").dicts()
    assert whole["accelerators_mj"] / 1000 == pytest.approx(
        part(total, "accelerators") * J_PER_KWH, abs=TOLERANCE_MJ / 1000, rel=1e-9
    )


@settings(max_examples=8, phases=FOUND)
@given(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 300)), max_size=4), st.booleans(), st.integers(2, 400))
def test_a_nodes_own_record_has_what_the_others_leave(jobs: list[tuple[int, int]], twice: bool, step: int) -> None:
    """A device draws 300 W; whatever reads it, also two recorders of the node, its joules are those of the time."""

    def reading(run_id: str, begin_s: float, length_s: int, every_s: int, **facts: Any) -> Run:
        times = [*range(0, length_s, every_s), length_s]
        course = tuple((float(t_s), 300.0 * t_s) for t_s in times)
        return run(
            run_id,
            monotonic_s=begin_s,
            duration_s=float(length_s),
            devices=(device(course, held_ratio=0.0 if facts else 1.0),),
            **facts,
        )

    node = {"labels": {"recorder": "node"}}
    recorders = [reading("node", 100.0, 800, step, **node)] + [reading("anew", 400.0, 450, 30, **node)] * twice
    runs = [reading(f"r{i}", float(begin_s), length_s, 50) for i, (begin_s, length_s) in enumerate(jobs)]
    there = {t_s for begin_s, length_s in jobs for t_s in range(begin_s, begin_s + length_s)}
    with Made([*runs, *recorders]) as made:
        (whole,) = ask("totals", ledger=made).dicts()
        by_hour = ask("over-time", ledger=made, bucket="hour").dicts()
        rows = ask("totals", ledger=made, by=["label:recorder"]).dicts()
    of_jobs = sum(row["energy_mj"] or 0 for row in rows if row["label:recorder"] is None)
    assert of_jobs == pytest.approx(300_000 * len(there), abs=TOLERANCE_MJ)
    assert whole["energy_mj"] == pytest.approx(300_000 * len(there | set(range(100, 900))), abs=TOLERANCE_MJ)
    assert sum(row["energy_mj"] for row in by_hour) == whole["energy_mj"]


@settings(max_examples=6, phases=FOUND)
@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(5, 200), st.integers(50, 700)), max_size=3), st.sampled_from([60, 400])
)
def test_what_others_drew_within_a_nodes_long_stretch_is_theirs(jobs: list[tuple[int, int, int]], step: int) -> None:
    """Jobs draw unevenly; the node's record, thinned to minutes, has the machine's joules less theirs, and none twice."""
    draws_w = [100.0] * 1000
    for begin_s, length_s, watts in jobs:
        for t_s in range(begin_s, begin_s + length_s):
            draws_w[t_s] += watts
    so_far_j = [0.0, *accumulate(draws_w)]

    def reading(run_id: str, begin_s: int, end_s: int, every_s: int, held_ratio: float, **facts: Any) -> Run:
        times = [*range(begin_s, end_s, every_s), end_s]
        course = tuple((float(t_s - begin_s), so_far_j[t_s] - so_far_j[begin_s]) for t_s in times)
        on = device(course, held_ratio=held_ratio)
        return run(run_id, monotonic_s=float(begin_s), duration_s=float(end_s - begin_s), devices=(on,), **facts)

    node = reading("node", 0, 900, step, 0.0, labels={"recorder": "node"})
    runs = [reading(f"r{i}", begin_s, begin_s + length_s, 1, 1.0) for i, (begin_s, length_s, _) in enumerate(jobs)]
    there = {t_s for begin_s, length_s, _ in jobs for t_s in range(begin_s, begin_s + length_s)}
    with Made([node, *runs]) as made:
        (whole,) = ask("totals", ledger=made).dicts()
        by_hour = ask("over-time", ledger=made, bucket="hour").dicts()
    expected_j = sum(draws_w[t_s] for t_s in there | set(range(900)))
    assert whole["energy_mj"] == pytest.approx(1000 * expected_j, abs=TOLERANCE_MJ)
    assert sum(row["energy_mj"] for row in by_hour) == whole["energy_mj"]


def ranks(n: int, **facts: object) -> list[Run]:
    return [
        run(f"r{i}", monotonic_s=float(i), duration_s=100.0, devices=(device(((0.0, 0.0), (100.0, 30_000.0))),), **facts)
        for i in range(n)
    ]


def test_eight_ranks_of_one_gpu_use_what_it_used() -> None:
    with Made(ranks(8)) as made:
        (row,) = ask("totals", ledger=made).dicts()
    assert row["read_mj"] == 8 * 30_000_000
    assert row["energy_mj"] == pytest.approx(107 * 300_000, abs=100)
    assert row["device_us"] == pytest.approx(107_000_000, abs=100)


def test_what_was_not_read_is_unknown_and_no_zero() -> None:
    blind = run("blind", devices=(device(((0.0, 0.0), (1.0, 1.0)), energy_j=None),))
    with Made([blind, run("none")]) as made:
        (row,) = ask("totals", ledger=made).dicts()
    assert (row["runs"], row["unread_runs"], row["energy_mj"], row["accelerators_mj"]) == (2, 2, None, None)


def test_a_device_that_only_looks_on_counts_by_machine_alone() -> None:
    looks = run("looks", devices=(device(((0.0, 0.0), (10.0, 500.0)), held_ratio=0.0),))
    with Made([looks]) as made:
        assert ask("totals", ledger=made).dicts()[0]["energy_mj"] == 0
        assert ask("totals", ledger=made, attribution="machine").dicts()[0]["energy_mj"] == 500_000


def test_one_that_read_nothing_takes_nothing_from_others() -> None:
    """Its meter was lost while the other ran."""
    lost = run(
        "lost",
        monotonic_s=0.0,
        duration_s=300.0,
        devices=(device(((0.0, 0.0), (100.0, 9_000.0), (200.0, 9_000.0), (300.0, 18_000.0))),),
    )
    other = run("other", monotonic_s=100.0, duration_s=100.0, devices=(device(((0.0, 0.0), (100.0, 8_000.0))),))
    with Made([lost, other]) as made:
        told = {
            row["name"]: row["energy_mj"]
            for row in ask("totals", ledger=made, by=["name"], where={"id": ["other", "lost"]}).dicts()
        }
    assert told == {"test": 26_000_000}


def test_a_ledger_without_runs_has_no_joules() -> None:
    with Made([]) as made:
        (row,) = ask("totals", ledger=made).dicts()
        assert row["runs"] == 0
        assert row["energy_mj"] is None
        for name in ("over-time", "devices"):
            assert ask(name, ledger=made).rows == []


def test_a_month_begins_when_its_calendar_says() -> None:
    """From February to March of a leap year, and over new year, each joule by its second."""
    for begin, edge in (("2024-02-29T23:59:00Z", 1_709_251_200), ("2023-12-31T23:59:00Z", 1_704_067_200)):
        one = run("r", started_at=begin, duration_s=120.0, devices=(device(((0.0, 0.0), (120.0, 1_200.0))),))
        with Made([one]) as made:
            rows = ask("over-time", ledger=made, bucket="month").dicts()
        assert [row["energy_mj"] for row in rows] == [600_000, 600_000]
        assert rows[1]["begin_us"] == edge * 1_000_000


def test_idle_is_near_the_lowest_that_was_read_of_the_device() -> None:
    points = ((0.0, 0.0), (10.0, 500.0), (20.0, 3_500.0), (30.0, 4_050.0))
    one = run("r", duration_s=30.0, devices=(device(points, floor_w=50.0),))
    with Made([one]) as made:
        (row,) = ask("shares", ledger=made).dicts()
    assert (row["idle_mj"], row["energy_mj"], row["failed_mj"]) == (500_000 + 550_000, 4_050_000, 0)
