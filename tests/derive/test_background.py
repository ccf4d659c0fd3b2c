"""A node's own record: beside jobs it counts what they leave, so that the machine is whole and nothing is counted twice."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.derive import Account, group_totals
from footprint.model import ATTRIBUTIONS, Attribution, CpuTime, Run
from footprint.units import J_PER_KWH
from tests.derive.examples import gpu, host, part, run
from tests.derive.mixed import Tables

NODE = {"labels": {"recorder": "node"}, "account": "node:node"}
LENGTH_S = 120
CPUS = 8


def course(rates: list[float], begin_s: int, end_s: int, every_s: int = 1) -> tuple[tuple[float, float], ...]:
    """What rates a second add up to from a begin to an end, told every so often, as somebody reads it who starts then."""
    sums = [0.0, *accumulate(rates[begin_s:end_s])]
    return tuple((float(at), sums[at]) for at in range(end_s - begin_s + 1) if at % every_s == 0 or at == end_s - begin_s)


class Machine:
    """A machine whose GPU draws these watts and whose CPUs are busy by this much, each second; its jobs share the CPUs."""

    def __init__(self, watts: list[float], busy: list[float]) -> None:
        self.watts, self.busy = watts, busy

    def job(self, run_id: str, begin_s: int, end_s: int, busy_ratio: float, reserved: float, **facts: Any) -> Run:
        return self._run(run_id, begin_s, end_s, [one * busy_ratio for one in self.busy], reserved=reserved, **facts)

    def node(self, begin_s: int = 0, end_s: int = LENGTH_S, every_s: int = 1, run_id: str = "node") -> Run:
        """Its own record, whose process tree is next to nothing and holds no GPU."""
        return self._run(run_id, begin_s, end_s, [0.0] * LENGTH_S, reserved=0.5, every_s=every_s, held_ratio=0.0, **NODE)

    def _run(
        self, run_id: str, begin_s: int, end_s: int, tree: list[float], *, reserved: float, every_s: int = 1, **facts: Any
    ) -> Run:
        length_s = float(end_s - begin_s)
        of_gpu, of_tree, of_busy = (course(rates, begin_s, end_s, every_s) for rates in (self.watts, tree, self.busy))
        reading = gpu(of_gpu[-1][1], read_s=length_s, course=of_gpu, held_ratio=facts.pop("held_ratio", 1.0))
        cpu = CpuTime(
            tree_s=of_tree[-1][1],
            busy_s=of_busy[-1][1],
            logical_cpus=CPUS,
            reserved_cpus=reserved,
            read_s=length_s,
            tree_course=of_tree,
            busy_course=of_busy,
        )
        known: dict[str, Any] = {"monotonic_s": float(begin_s), "duration_s": length_s, "journal_id": run_id, **facts}
        return run(run_id, devices=(reading,), cpu=cpu, host=host(), **known)


def parts(runs: list[Run], attribution: Attribution = "share") -> dict[str, float]:
    found = Account(runs, attribution).total([one.id for one in runs]).footprint
    return {name: part(found, name) for name in ("accelerators", "cpu", "memory")}


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("every_s", [1, 60])
def test_an_idle_node_is_counted_beside_its_jobs_and_nothing_twice(attribution: Attribution, every_s: int) -> None:
    """Also where the node's course, thinned over a day, knows nothing of a short job's peak."""
    machine = Machine([400.0 if 50 <= at < 55 else 60.0 for at in range(LENGTH_S)], [6.0] * LENGTH_S)
    node, job = machine.node(every_s=every_s), machine.job("job", 50, 55, 0.8, 4.0)
    alone = parts([node], attribution)
    assert alone["accelerators"] * J_PER_KWH == pytest.approx(60 * 115 + 400 * 5)
    assert parts([node, job], attribution) == pytest.approx(alone)
    account = Account([node, job], attribution)
    counted = account.counted(["node", "job"])
    assert part(counted["job"], "accelerators") * J_PER_KWH == pytest.approx(400 * 5)
    assert part(counted["node"], "accelerators") * J_PER_KWH == pytest.approx(60 * 115)
    assert part(account.footprint("node"), "accelerators") == pytest.approx(alone["accelerators"])


def test_what_of_a_gpu_no_job_held_is_the_nodes() -> None:
    machine = Machine([300.0] * LENGTH_S, [1.0] * LENGTH_S)
    jobs = [machine.job("job", 0, 60, 0.5, 2.0, held_ratio=0.0)]
    node = machine.node()
    counted = Account([node, *jobs]).counted(["node", "job"])
    assert part(counted["job"], "accelerators") == 0
    assert part(counted["node"], "accelerators") * J_PER_KWH == pytest.approx(300 * LENGTH_S)


def test_two_records_of_one_node_are_one() -> None:
    machine = Machine([300.0] * LENGTH_S, [1.0] * LENGTH_S)
    both = [machine.node(0, 80), machine.node(40, LENGTH_S, run_id="other")]
    assert parts(both) == pytest.approx(parts([machine.node()]))
    assert parts([*both, machine.job("job", 30, 90, 0.5, 2.0)]) == pytest.approx(parts([machine.node()]))


def test_a_node_whose_busy_time_is_not_known_states_no_cpu_rather_than_that_of_its_recorder() -> None:
    node = Machine([300.0] * LENGTH_S, [1.0] * LENGTH_S).node()
    assert node.cpu is not None
    blind = run("node", cpu=CpuTime(tree_s=0.1, busy_s=None, logical_cpus=CPUS, reserved_cpus=8.0, read_s=60.0), **NODE)
    assert "cpu" in Account([blind]).footprint("node").unknown


intervals = st.lists(
    st.tuples(
        st.integers(0, LENGTH_S - 1), st.integers(1, LENGTH_S), st.sampled_from([0.1, 0.2, 0.25]), st.sampled_from([1.0, 2.0])
    ),
    max_size=4,
)
series = st.lists(st.tuples(st.integers(1, 40), st.floats(1, 500), st.floats(0.5, 8)), min_size=1, max_size=6)


@settings(max_examples=6, deadline=None)
@given(intervals, st.sampled_from(ATTRIBUTIONS), st.sampled_from([1, 60]))
def test_totals_of_a_ledger_count_the_whole_machine_once(
    cuts: list[tuple[int, int, float, float]], attribution: Attribution, every_s: int
) -> None:
    """Its GPU, its CPUs and its memory, by what jobs take and by what the node's record has left."""
    machine = Machine([400.0 if 50 <= at < 55 else 60.0 for at in range(LENGTH_S)], [6.0] * LENGTH_S)
    jobs = [
        machine.job(f"job{i}", begin_s, min(LENGTH_S, begin_s + length_s), busy_ratio, reserved)
        for i, (begin_s, length_s, busy_ratio, reserved) in enumerate([(50, 5, 0.2, 2.0), *cuts])
    ]
    nested = [machine.job("step", 51, 54, 0.1, 1.0, parent="job0")]
    node = machine.node(every_s=every_s)
    alone = parts([node], attribution)
    (row,) = group_totals(Tables([node, *jobs, *nested]), attribution=attribution).rows
    assert (row.runs, row.nested) == (len(jobs) + 2, 1)
    for name, kwh in alone.items():
        assert part(row.footprint, name) == pytest.approx(kwh, rel=1e-6), name
    hours = Account([node, *jobs, *nested], attribution).total([one.id for one in (node, *jobs, *nested)]).footprint.embodied_g
    assert row.footprint.embodied_g is not None
    assert hours is not None
    assert row.footprint.embodied_g.central == pytest.approx(hours.central, rel=1e-6)


@settings(max_examples=60)
@given(series, intervals, st.sampled_from(ATTRIBUTIONS), st.sampled_from([1, 7, 60]))
def test_the_whole_machine_is_its_node_and_its_jobs(
    powers: list[tuple[int, float, float]],
    cuts: list[tuple[int, int, float, float]],
    attribution: Attribution,
    every_s: int,
) -> None:
    """Whatever it draws, and whenever its jobs begin and end: what they count and what is left add up to the machine."""
    watts, busy = [], []
    for length_s, power_w, cpus in powers * LENGTH_S:
        watts += [power_w] * length_s
        busy += [cpus] * length_s
    machine = Machine(watts[:LENGTH_S], busy[:LENGTH_S])
    jobs = [
        machine.job(f"job{i}", begin_s, min(LENGTH_S, begin_s + length_s), busy_ratio, reserved)
        for i, (begin_s, length_s, busy_ratio, reserved) in enumerate(cuts)
    ]
    alone = parts([machine.node(every_s=every_s)], attribution)
    together = parts([machine.node(every_s=every_s), *jobs], attribution)
    for name, kwh in alone.items():
        assert together[name] == pytest.approx(kwh, rel=1e-6), name
