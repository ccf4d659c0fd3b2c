"""The steps of a job of SLURM, by programs that call themselves what its daemons do."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from footprint.ledger import live
from footprint.ledger.processes import Process, identify
from footprint.recorder.steps import JobTree

BURN = "n=0; while [ $n -lt 60000 ]; do n=$((n+1)); done; {then}"
Step = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def step(tmp_path: Path) -> Iterator[Step]:
    """Start a shell under the name and title of a step's daemon."""
    daemon = tmp_path / "slurmstepd"
    shell = shutil.which("bash") or "/bin/sh"
    shutil.copy(shell, daemon)
    started: list[subprocess.Popen[bytes]] = []

    def start(title: str, then: str = "read line") -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [f"slurmstepd: [{title}]", "-c", BURN.format(then=then)], executable=daemon, stdin=subprocess.PIPE
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def settled(tree: JobTree) -> float:
    """What the tree tells once it grows no more."""
    before, now = -1.0, 0.0
    while now > before:
        before = now
        time.sleep(0.3)
        now = tree.read(time.monotonic(), whole=True) or 0.0
    return now


def test_all_steps_of_a_job_count_and_no_others(step: Step) -> None:
    tree = JobTree("4711")
    assert tree.read(0.0, whole=True) == 0.0
    tree.claim_by(lambda _: True)
    step("47110.0")
    step("471.0")
    assert settled(tree) == 0.0
    first, script = step("4711.0"), step("4711.batch")
    both_s = settled(tree)
    assert both_s > 0
    assert {process.pid for process in tree.ours} == {first.pid, script.pid}
    assert {first.pid, script.pid} <= tree.pids()
    # One that ends keeps what it used.
    first.communicate(b"\n")
    assert settled(tree) >= both_s
    tree.close()


def test_a_step_is_one_recorders(step: Step, tmp_path: Path) -> None:
    """Two nodes on one machine both see it; who says so first has it, until he is gone."""

    def claims(run: str, recorder: Process) -> Callable[[Process], bool]:
        return lambda process: live.claim(
            tmp_path, live.Live(run=run, account="job", tracked=process, recorder=recorder, attached=True)
        )

    one, other = JobTree("4711"), JobTree("4711")
    one.claim_by(claims("a" * 16, identify(os.getpid())))
    other.claim_by(claims("b" * 16, identify(os.getpid())))
    process = step("4711.0")
    assert settled(one) > 0
    assert settled(other) == 0.0
    assert [ours.pid for ours in one.ours] == [process.pid]
    assert other.ours == ()
    # What a program inside it begins is nested in that record.
    found = live.enclosing(tmp_path, process.pid)
    assert found is not None
    assert found.run == "a" * 16


def test_what_a_killed_recorder_left_is_taken_over(step: Step, tmp_path: Path) -> None:
    tracked = identify(step("4711.0").pid)
    gone = Process(pid=2**22 + 1, start_ticks=1, boot_id=tracked.boot_id, host=tracked.host, pid_namespace=tracked.pid_namespace)
    assert live.claim(tmp_path, live.Live(run="a" * 16, account="job", tracked=tracked, recorder=gone, attached=True))
    ours = live.Live(run="b" * 16, account="job", tracked=tracked, recorder=identify(os.getpid()), attached=True)
    assert live.claim(tmp_path, ours)
    assert live.open_run(tmp_path, tracked, attached=True) == ours
