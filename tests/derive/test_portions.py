"""Runs that overlap on one machine add up to the union of their intervals."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.derive import Account
from footprint.model import Attribution, CpuTime, DeviceEnergy, Footprint, Run
from footprint.report.summary import summarise
from footprint.units import J_PER_KWH
from tests.derive.examples import HOUR_S, gpu, host, part, run

WATTS = 300.0


def on_gpu(run_id: str, begin_s: float, length_s: float, **facts: Any) -> Run:
    """A run on a GPU that draws 300 W all the time."""
    course = ((0.0, 0.0), (length_s, WATTS * length_s))
    reading = gpu(WATTS * length_s, read_s=length_s, course=course)
    cpu = CpuTime(tree_s=0.0, busy_s=0.0, logical_cpus=8, reserved_cpus=0.5, read_s=length_s)
    return run(run_id, monotonic_s=begin_s, duration_s=length_s, **{"devices": (reading,), "cpu": cpu, **facts})


def on_cpu(run_id: str, begin_s: float, length_s: float, reserved: float = 8.0, busy: float = 4.0, **facts: Any) -> Run:
    """A run whose tree keeps some of eight CPUs busy, as does all of the machine."""
    course = ((0.0, 0.0), (length_s, busy * length_s))
    cpu = CpuTime(
        tree_s=busy * length_s,
        busy_s=busy * length_s,
        logical_cpus=8,
        reserved_cpus=reserved,
        read_s=length_s,
        tree_course=course,
        busy_course=course,
    )
    return run(run_id, monotonic_s=begin_s, duration_s=length_s, cpu=cpu, **facts)


def total(runs: list[Run], attribution: Attribution = "share") -> Footprint:
    return Account(runs, attribution).total([one.id for one in runs]).footprint


def test_ranks_on_one_gpu_count_it_once() -> None:
    ranks = [on_gpu(f"rank{i}", 100.0 + 3 * i, HOUR_S) for i in range(8)]
    found = total(ranks)
    assert part(found, "accelerators") * J_PER_KWH == pytest.approx(WATTS * (HOUR_S + 21), rel=1e-6)
    assert any("8 of the runs overlapped" in w for w in found.warnings)


def test_each_run_by_itself_is_whole() -> None:
    ranks = [on_gpu(f"rank{i}", 100.0, HOUR_S) for i in range(2)]
    account = Account(ranks)
    account.total(["rank0", "rank1"])
    assert part(account.footprint("rank0"), "accelerators") * J_PER_KWH == pytest.approx(WATTS * HOUR_S)


def test_runs_one_after_the_other_are_whole() -> None:
    runs = [on_gpu("a", 0.0, HOUR_S), on_gpu("b", HOUR_S, HOUR_S)]
    found = total(runs)
    assert part(found, "accelerators") * J_PER_KWH == pytest.approx(2 * WATTS * HOUR_S)
    assert not any("overlapped" in w for w in found.warnings)


def test_another_gpu_or_another_boot_is_another_device() -> None:
    first = on_gpu("a", 0.0, HOUR_S)
    for other in (
        on_gpu("b", 0.0, HOUR_S, devices=(gpu(WATTS * HOUR_S, uuid="GPU-2"),)),
        on_gpu("b", 0.0, HOUR_S, host=host(boot_id="later")),
    ):
        assert part(total([first, other]), "accelerators") * J_PER_KWH == pytest.approx(2 * WATTS * HOUR_S)


def test_a_clock_that_was_set_moves_nothing() -> None:
    """Runs of one boot are laid side by side by its monotonic clock, whatever the clock on the wall said at their start."""
    runs = [on_gpu("a", 0.0, HOUR_S), on_gpu("b", 0.0, HOUR_S, started_at="2031-01-01T00:00:00Z")]
    assert part(total(runs), "accelerators") * J_PER_KWH == pytest.approx(WATTS * HOUR_S)


def test_runs_without_a_monotonic_clock_overlap_by_the_wall() -> None:
    runs = [on_gpu("a", 0.0, HOUR_S), on_gpu("b", 0.0, HOUR_S, started_at="2024-05-01T00:30:00Z")]
    older = [Account([one])._runs[one.id] for one in runs]
    found = total([run(one.id, started_at=one.started_at, devices=one.devices, cpu=one.cpu) for one in older])
    assert part(found, "accelerators") * J_PER_KWH == pytest.approx(WATTS * HOUR_S * 1.5)


def test_idle_cpus_are_given_away_once() -> None:
    alone = total([on_cpu("a", 0.0, HOUR_S, reserved=8.0)])
    both = total([on_cpu("a", 0.0, HOUR_S, busy=2.0), on_cpu("b", 0.0, HOUR_S, busy=2.0)])
    assert part(both, "cpu") == pytest.approx(part(alone, "cpu"))
    assert part(both, "memory") == pytest.approx(part(alone, "memory"))
    halves = total([on_cpu("a", 0.0, HOUR_S, reserved=4.0, busy=2.0), on_cpu("b", 0.0, HOUR_S, reserved=4.0, busy=2.0)])
    assert part(halves, "cpu") == pytest.approx(part(alone, "cpu"))
    assert not any("overlapped" in w for w in halves.warnings)


def test_the_machine_is_counted_once_whatever_was_reserved() -> None:
    alone = total([on_cpu("a", 0.0, HOUR_S)], "machine")
    both = total([on_cpu("a", 0.0, HOUR_S, reserved=1.0), on_cpu("b", 0.0, HOUR_S, reserved=1.0)], "machine")
    for name in ("cpu", "memory"):
        assert part(both, name) == pytest.approx(part(alone, name))


def test_trees_of_two_programs_are_disjoint_those_of_one_program_are_the_same() -> None:
    def active_kwh(*runs: Run) -> float:
        """Their energy beyond what as many idle runs have."""
        idle = [on_cpu(one.id, one.monotonic_s or 0.0, one.duration_s, busy=0.0, journal_id=one.journal_id) for one in runs]
        return part(total(list(runs)), "cpu") - part(total(idle), "cpu")

    one = active_kwh(on_cpu("a", 0.0, HOUR_S, journal_id="j1"))
    assert active_kwh(on_cpu("a", 0.0, HOUR_S, journal_id="j1"), on_cpu("b", 0.0, HOUR_S, journal_id="j2")) == pytest.approx(
        2 * one
    )
    # Two requests on two threads: each saw the CPU-seconds of all the program.
    assert active_kwh(on_cpu("a", 0.0, HOUR_S, journal_id="j1"), on_cpu("b", 0.0, HOUR_S, journal_id="j1")) == pytest.approx(one)


def test_what_outlives_its_parent_counts_from_then_on() -> None:
    """A program that was started inside a tracked one and goes on after it: the parent's time holds it, the rest is its own."""
    parent = on_cpu("parent", 0.0, HOUR_S, journal_id="j1")
    child = on_cpu("child", HOUR_S / 2, HOUR_S, journal_id="j2", parent="parent")
    whole = on_cpu("whole", 0.0, 1.5 * HOUR_S, journal_id="j3")
    assert part(total([parent, child]), "cpu") == pytest.approx(part(total([whole]), "cpu"))
    inside = on_cpu("inside", HOUR_S / 2, HOUR_S / 4, journal_id="j2", parent="parent")
    assert part(total([parent, inside]), "cpu") == pytest.approx(part(total([parent]), "cpu"))


def test_siblings_are_no_parents_of_each_other() -> None:
    parent = on_cpu("parent", 0.0, HOUR_S, journal_id="j0")
    siblings = [on_cpu(f"s{i}", 0.0, HOUR_S, busy=2.0, journal_id=f"j{i + 1}", parent="parent") for i in range(2)]
    account = Account([parent, *siblings])
    both = account.total(["s0", "s1"]).footprint
    assert part(both, "cpu") == pytest.approx(part(total([on_cpu("x", 0.0, HOUR_S, busy=4.0)]), "cpu"))


def test_a_lost_meter_takes_nothing_from_one_that_read() -> None:
    lost = DeviceEnergy(device=gpu(0.0).device, energy_j=0.0, read_s=0.2, held_ratio=1.0, course=((0.0, 0.0), (0.2, 0.0)))
    runs = [on_gpu("a", 0.0, HOUR_S), on_gpu("b", 0.0, HOUR_S, devices=(lost,))]
    assert part(total(runs), "accelerators") * J_PER_KWH == pytest.approx(WATTS * HOUR_S, rel=1e-4)


def test_a_run_whose_meter_told_nothing_takes_nothing() -> None:
    """Its own energy is unknown; that of the one that read is not halved for it."""
    silent = on_gpu("b", 0.0, HOUR_S, devices=(gpu(None, read_s=0.0),))
    runs = [on_gpu("a", 0.0, HOUR_S), silent]
    assert part(total(runs), "accelerators") * J_PER_KWH == pytest.approx(WATTS * HOUR_S)
    assert total(runs).it_energy_kwh == total(runs[:1]).it_energy_kwh


def test_who_never_held_a_gpu_takes_nothing_of_it() -> None:
    """Two programs that both see two GPUs and use one each: each GPU counts, whole and once."""

    def one(run_id: str, held: int) -> Run:
        both = [gpu(WATTS * HOUR_S, uuid=f"GPU-{i}", held_ratio=float(i == held)) for i in range(2)]
        return on_gpu(run_id, 0.0, HOUR_S, devices=tuple(both), journal_id=run_id)

    runs = [one("a", 0), one("b", 1)]
    for attribution in ("share", "machine"):
        assert part(total(runs, attribution), "accelerators") * J_PER_KWH == pytest.approx(2 * WATTS * HOUR_S)
    assert part(total(runs[:1]), "accelerators") * J_PER_KWH == pytest.approx(WATTS * HOUR_S)
    rows = summarise(runs, Account(runs)).devices
    assert sum((row.energy_kwh or 0.0) for row in rows) * J_PER_KWH == pytest.approx(2 * WATTS * HOUR_S)


def test_slices_of_one_gpu_add_up_to_no_more_and_no_less_than_it() -> None:
    def on_slices(run_id: str, ours: int, program: str) -> Run:
        return on_gpu(run_id, 0.0, HOUR_S, devices=(gpu(WATTS * HOUR_S, slices=(ours, 7)),), journal_id=program)

    def joules(*runs: Run) -> float:
        return part(total(list(runs)), "accelerators") * J_PER_KWH

    small, large = on_slices("a", 3, "p"), on_slices("b", 4, "q")
    assert joules(small, large) == pytest.approx(WATTS * HOUR_S)
    few = [on_slices(f"r{i}", 1, f"p{i}") for i in range(2)]
    assert joules(*few) == pytest.approx(min(WATTS * HOUR_S, 2 * joules(few[0])))
    # Two requests to one program on one slice.
    assert joules(small, on_slices("c", 3, "p")) == pytest.approx(joules(small))


def test_what_is_reserved_to_a_program_is_reserved_once() -> None:
    requests = [on_cpu(f"r{i}", 0.0, HOUR_S, reserved=2.0, busy=0.0, journal_id="one") for i in range(4)]
    for name in ("cpu", "memory"):
        assert part(total(requests), name) == pytest.approx(part(total(requests[:1]), name))


def test_a_child_with_a_gpu_that_its_parent_was_not_given_is_counted_beside_it() -> None:
    parent = on_cpu("parent", 0.0, HOUR_S, journal_id="j1")
    child = on_gpu("child", 600.0, 600.0, journal_id="j2", parent="parent", cpu=on_cpu("x", 0.0, 600.0).cpu)
    found = total([parent, child])
    assert part(found, "accelerators") * J_PER_KWH == pytest.approx(WATTS * 600)
    assert part(found, "cpu") == pytest.approx(part(total([parent]), "cpu"))
    assert part(found, "memory") == pytest.approx(part(total([parent]), "memory"))


def test_runs_that_claim_to_contain_each_other_lose_nothing() -> None:
    circle = [on_cpu("a", 0.0, HOUR_S, parent="b", journal_id="a"), on_cpu("b", 0.0, HOUR_S, parent="a", journal_id="b")]
    apart = [on_cpu("a", 0.0, HOUR_S, journal_id="a"), on_cpu("b", 0.0, HOUR_S, journal_id="b")]
    assert total(circle).it_energy_kwh == total(apart).it_energy_kwh


PROGRAMS = {"p": (1.0, 2.0), "q": (2.0, 4.0), "r": (0.5, 8.0)}
"""CPUs that a program keeps busy all the time, and that are reserved to it."""
cuts = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50), st.sampled_from(sorted(PROGRAMS))), min_size=1, max_size=5)


@settings(max_examples=30)
@given(cuts, st.sampled_from(["share", "machine"]))
def test_another_run_never_takes_joules_away(some: list[tuple[int, int, str]], attribution: Attribution) -> None:
    """The total of more runs is no less; that by shares no more than the machine's, nor than the time in which any run lasted."""
    runs = []
    everybody = sum(busy for busy, _ in PROGRAMS.values())
    for i, (begin_s, length_s, program) in enumerate(some):
        busy, reserved = PROGRAMS[program]
        cpu = CpuTime(
            tree_s=busy * length_s,
            busy_s=everybody * length_s,
            logical_cpus=8,
            reserved_cpus=reserved,
            read_s=length_s,
            tree_course=((0.0, 0.0), (length_s, busy * length_s)),
            busy_course=((0.0, 0.0), (length_s, everybody * length_s)),
        )
        runs.append(on_gpu(f"r{i}", float(begin_s), float(length_s), journal_id=program, cpu=cpu))
    sums = []
    for many in range(1, len(runs) + 1):
        found = total(runs[:many], attribution).it_energy_kwh
        assert found is not None
        sums.append(found.central)
    assert all(more >= fewer * (1 - 1e-9) for fewer, more in pairwise(sums))
    whole = total(runs, "machine")
    assert whole.it_energy_kwh is not None
    assert sums[-1] <= whole.it_energy_kwh.central * (1 + 1e-9)
    lasted_s = sum(any(begin_s <= at < begin_s + length_s for begin_s, length_s, _ in some) for at in range(100))
    assert part(whole, "accelerators") * J_PER_KWH == pytest.approx(WATTS * lasted_s)


def test_a_reading_that_begins_late_takes_no_part_of_what_came_before_it() -> None:
    """Eight ranks start one after the other, each reads first some moments after its start: the sum is still the union."""

    def rank(i: int) -> Run:
        begin_s, late_s, length_s = 0.1 * i, 0.07, 4.0
        course = ((late_s, 0.0), (length_s, WATTS * (length_s - late_s)))
        reading = gpu(WATTS * (length_s - late_s), read_s=length_s - late_s, course=course)
        return on_gpu(f"rank{i}", begin_s, length_s, devices=(reading,))

    found = total([rank(i) for i in range(8)])
    assert part(found, "accelerators") * J_PER_KWH == pytest.approx(WATTS * (4.0 + 0.7 - 0.07))
