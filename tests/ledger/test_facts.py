from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from footprint.ledger import read_runs
from footprint.ledger.facts import SILENCE_S
from footprint.ledger.processes import identify
from footprint.ledger.records import AnyRecord, Close, Marked, Work
from tests.ledger.conftest import gone, opened, tick, whole_run

Write = Callable[[list[AnyRecord]], Path]
RUN = "a" * 16


def test_energy_cpu_and_work_of_a_whole_run(home: Path, write: Write) -> None:
    write(whole_run())
    (run,) = read_runs(home).runs
    gpu, cpu = run.devices
    assert (gpu.energy_j, gpu.read_s) == pytest.approx((250.0, 5.0))
    assert (cpu.energy_j, cpu.read_s) == (None, 5.0)
    assert run.cpu is not None
    assert (run.cpu.tree_s, run.cpu.busy_s, run.cpu.read_s) == pytest.approx((5.0, 10.0, 5.0))
    assert run.work == {"samples": 10.0}
    assert run.outcome == "completed"


def test_the_end_is_the_hosts_stamp_and_readings_are_cut_there(home: Path, write: Write) -> None:
    write([opened(), tick(100.0), tick(101.0), Close(run=RUN, t_s=100.5, outcome="completed")])
    (run,) = read_runs(home).runs
    assert run.duration_s == 0.5
    assert run.devices[0].energy_j == pytest.approx(25.0)
    assert run.cpu is not None
    assert run.cpu.tree_s == pytest.approx(0.5)


def test_a_run_of_no_length_divides_by_nothing(home: Path, write: Write) -> None:
    write([opened(), tick(100.0), Close(run=RUN, t_s=100.0, outcome="completed")])
    (run,) = read_runs(home).runs
    assert run.duration_s == 0.0
    assert run.cpu is not None
    assert run.cpu.tree_s == 0.0


def test_without_a_close_a_run_ends_at_its_last_tick(home: Path, write: Write) -> None:
    write(whole_run()[:-2])
    (run,) = read_runs(home).runs
    assert (run.outcome, run.duration_s) == ("interrupted", 4.0)
    assert run.devices[0].energy_j == pytest.approx(200.0)
    assert "without closing" in run.warnings[0]


def test_while_the_recorder_lives_the_run_is_running(home: Path, write: Write) -> None:
    write(whole_run(recorder=identify(os.getpid()))[:-1])
    (run,) = read_runs(home).runs
    assert run.outcome == "running"


@pytest.mark.parametrize(("age_s", "outcome"), [(SILENCE_S / 2, "running"), (SILENCE_S * 2, "interrupted")])
@pytest.mark.parametrize("elsewhere", [{"host": "another"}, {"pid_namespace": "pid:[1]"}])
def test_elsewhere_only_silence_tells(home: Path, write: Write, age_s: float, outcome: str, elsewhere: dict[str, str]) -> None:
    started = datetime.now(UTC) - timedelta(seconds=age_s + 5)
    recorder = msgspec.structs.replace(gone(), **elsewhere)
    write(whole_run(recorder=recorder, started_at=started.isoformat())[:-1])
    (run,) = read_runs(home).runs
    assert run.outcome == outcome


def test_after_a_reboot_nothing_runs_any_more(home: Path, write: Write) -> None:
    recorder = msgspec.structs.replace(identify(os.getpid()), boot_id="another")
    write(whole_run(recorder=recorder, started_at=datetime.now(UTC).isoformat())[:-1])
    assert read_runs(home).runs[0].outcome == "interrupted"


def test_marks_and_phases_count_from_the_start(home: Path, write: Write) -> None:
    records = whole_run()
    records[3:3] = [
        Marked(run=RUN, key=1, name="eval", t_s=101.0),
        Marked(run=RUN, key=2, name="saved", t_s=101.5),
        Marked(run=RUN, key=1, name="eval", t_s=101.0, end_s=102.0),
        Work(run=RUN, t_s=101.0, work={"tokens": 1.0, "samples": 3.0}),
    ]
    write(records)
    (run,) = read_runs(home).runs
    assert [(mark.name, mark.t_s, mark.end_s) for mark in run.marks] == [("eval", 1.0, 2.0), ("saved", 1.5, None)]
    assert run.work == {"tokens": 1.0, "samples": 10.0}


def test_a_parent_that_ended_first_contains_nothing(home: Path, write: Write) -> None:
    outer = whole_run("outer", start_s=100.0, ticks=5)
    write([*outer, *whole_run("inner", start_s=101.0, ticks=3, parent="outer")])
    write([*whole_run("other"), *whole_run("late", start_s=103.0, ticks=5, parent="other")])
    parents = {run.id: run.parent for run in read_runs(home).runs}
    assert parents == {"outer": None, "inner": "outer", "other": None, "late": None}


def test_an_account_is_shared_with_what_contains_a_run_and_with_whom_it_was_stated(home: Path, write: Write) -> None:
    """Requests of a few milliseconds overlap, too: no stretch is too short to tell one after the other from one in the other."""
    first = whole_run("first", start_s=100.0, ticks=1)
    late = whole_run("late", start_s=100.001, ticks=1, parent="first", account="first")
    inside = [*whole_run("inside", start_s=100.002, ticks=0, parent="late", account="first")]
    write([*first, *late, *inside])
    write([*whole_run("a", account="job"), *whole_run("b", start_s=101.0, ticks=9, parent="a", account="job")])
    found = {run.id: (run.parent, run.account) for run in read_runs(home).runs}
    assert found == {
        "first": (None, "first"),
        "late": (None, "late"),
        "inside": ("late", "late"),
        "a": (None, "job"),
        "b": (None, "job"),
    }
