"""Two results side by side: what agrees, what differs, and where nothing can be said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from footprint.profile import Workload
from footprint.profiling.comparing import compare
from footprint.profiling.conditions import Conditions
from footprint.profiling.energies import by_unit, stolen_ratio, together
from footprint.profiling.results import Hashed, Machine, Protocol, RepeatResult, Result, Statistic
from footprint.profiling.statistics import spread
from tests.report.examples import run

MACHINE = Machine(
    cpu_name="EPYC",
    logical_cpus=2,
    sockets=1,
    memory_bytes=1,
    accelerators=(),
    os="Linux 6",
    virtual=True,
    container=None,
    governor=None,
)


def _result(*means: float, disturbed: bool = False, **changes: Any) -> Result:
    found = spread([[mean] for mean in means])
    repeat = RepeatResult(
        session=1,
        run="",
        duration_s=1.0,
        amount=1.0,
        energy_j=1.0,
        machine_energy_j=1.0,
        cpu_s=1.0,
        others_ratio=0.0,
        stolen_ratio=0.0,
        disturbed=("other processes",) if disturbed else (),
    )
    result = Result(
        profile="busy",
        workload=Workload(command="true"),
        files=(Hashed(path="work.py", sha256="0" * 64),),
        is_complete=True,
        measured_at="2026-11-22T08:00:00+00:00",
        footprint="0.1.0",
        factors_version="2026.11",
        libraries={"torch": "2.13.0"},
        machine=MACHINE,
        protocol=Protocol(sessions=len(means), repeats=1, measured_s=1.0, total_s=1.0, ended_by="interval"),
        idle=None,
        repeats=(repeat,),
        statistics={"energy_j": Statistic(unit="J/run", all=found, undisturbed=None)},
        systematic=None,
        components=(),
        it_energy_kwh_per_1000=None,
        energy_kwh_per_1000=None,
        emissions_g_per_1000=None,
        checks=(),
        account="busy",
    )
    return msgspec.structs.replace(result, **changes)


NOW = _result(1.0, 1.01, 0.99, 1.0)


def test_what_lies_in_the_interval_agrees() -> None:
    found = compare(NOW, _result(1.01, 1.0, 1.02, 1.0))
    (energy, *others) = found.quantities
    assert (energy.verdict, found.same_machine, found.same_work, found.differences) == ("agrees", True, True, ())
    assert energy.ratio is not None
    assert energy.ratio.low < 1 < energy.ratio.high
    assert {one.verdict for one in others} == {"unknown"}


def test_what_lies_outside_differs_unless_the_machine_was_disturbed() -> None:
    assert compare(NOW, _result(2.0, 2.01, 1.99)).quantities[0].verdict == "differs"
    found = compare(NOW, _result(2.0, 2.01, 1.99, disturbed=True))
    assert found.quantities[0].verdict == "unknown"
    assert "disturbed: 100 % of the repeats then" in found.differences[0]


def test_without_an_interval_there_is_no_verdict() -> None:
    (energy, *_) = compare(NOW, _result(1.0, 1.0)).quantities
    assert (energy.verdict, energy.ratio, energy.before) == ("unknown", None, 1.0)


def test_another_machine_or_other_work_is_told_and_not_judged() -> None:
    machine = compare(NOW, _result(1.0, 1.0, 1.0, machine=msgspec.structs.replace(MACHINE, logical_cpus=64)))
    assert not machine.same_machine
    assert machine.differences == ("machine: logical_cpus 64 then, 2 now",)
    work = compare(NOW, _result(1.0, 1.0, 1.0, files=(Hashed(path="work.py", sha256="1" * 64),)))
    assert not work.same_work
    assert work.differences == ("file work.py: another one than then",)
    assert {machine.quantities[0].verdict, work.quantities[0].verdict} == {"unknown"}


def test_a_trial_or_another_amount_is_other_work() -> None:
    quick = _result(1.0, 1.0, 1.0)
    quick = msgspec.structs.replace(quick, protocol=msgspec.structs.replace(quick.protocol, quick=True))
    tried = compare(NOW, quick)
    assert tried.differences == ("only tried (--quick): then",)
    less = compare(NOW, _result(1.0, 1.0, 1.0, repeats=(msgspec.structs.replace(NOW.repeats[0], amount=32.0),)))
    assert less.differences == ("amount: 32 run a repeat then, 1 now",)
    assert {tried.quantities[0].verdict, less.quantities[0].verdict} == {"unknown"}
    assert (tried.same_work, less.same_work) == (False, False)


def test_the_energy_of_some_repeats_is_not_that_of_all() -> None:
    """A run whose accelerator nobody can read has no known energy; the others', by all units, would look like a small one."""
    known = run("a", work={"tokens": 10.0})
    host = msgspec.structs.replace(known.host, unmetered_accelerators=("TPU",), accelerators=1)
    part = together([known, msgspec.structs.replace(known, id="b", host=host)], 20.0)
    both = together([known, msgspec.structs.replace(known, id="b")], 20.0)
    assert part is not None
    assert both is not None
    assert (part.it_energy_kwh, part.energy_kwh, part.emissions_g, part.components) == (None, None, None, ())
    assert both.it_energy_kwh is not None
    assert both.components


def test_energies_and_times_are_not_mixed() -> None:
    one = NOW.repeats[0]
    some = [one, msgspec.structs.replace(one, energy_j=None, duration_s=5.0), msgspec.structs.replace(one, amount=2.0)]
    assert by_unit(some) == [1.0, 5.0, 0.5]
    known = [msgspec.structs.replace(each, energy_j=7.0) for each in some]
    assert by_unit(known) == [7.0, 7.0, 3.5]


def test_a_time_too_short_to_tell_has_no_share_of_others() -> None:
    """One step of the kernel's accounting in a repeat of some milliseconds was told as a load of several hundred per cent."""
    before = Conditions(t_s=0.0, cpus=2, busy_s=0.0, stolen_s=0.0)
    for elapsed_s, stolen in ((0.002, None), (1.0, 0.005), (0.3, 1 / 60)):
        after = Conditions(t_s=elapsed_s, cpus=2, busy_s=0.0, stolen_s=0.01)
        assert stolen_ratio(before, after) == (None if stolen is None else pytest.approx(stolen))


def test_another_kernel_or_library_is_told_and_judged() -> None:
    newer = _result(1.0, 1.01, 0.99, machine=msgspec.structs.replace(MACHINE, os="Linux 7"), libraries={"torch": "2.14.0"})
    found = compare(NOW, newer)
    assert found.differences == ("system: os Linux 7 then, Linux 6 now", "torch: 2.14.0 then, 2.13.0 now")
    assert found.quantities[0].verdict == "agrees"
