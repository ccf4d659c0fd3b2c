"""Fault 9: a compaction, a merge, a thinning and a deletion killed at each of their steps."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from footprint.ledger import read_runs
from footprint.ledger.archive import read_archives
from footprint.ledger.archive.compacting import compact
from footprint.ledger.archive.deleting import delete
from tests.ledger.archive.examples import AT_ONCE, fill, left_over, put, sampled_mj, told
from tests.ledger.conftest import whole_run

# The step at which it dies is an argument: nothing of the kind is in the program.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from footprint.ledger.archive.compacting import Policy, compact
from footprint.ledger.archive.deleting import delete

what, home, last = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
steps = []

def step(name):
    steps.append(name)
    if len(steps) == last:
        print(name, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

if what == "delete":
    delete(home, sys.argv[4:], step=step)
else:
    thin = {"thin": 0.0}.get(what)
    compact(home, Policy(older_than_s=0, keep_samples_s=thin, keep_minutes_s=None), step=step)
"""
GONE = "dead" * 4


def killed_at(what: str, home: Path, last: int, *ids: str) -> str | None:
    """Run it in a process of its own that dies at its step of that number; the step's name, None if there are not so many."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, what, str(home), str(last), *ids],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if ran.returncode == -signal.SIGKILL:
        return ran.stdout.strip()
    assert ran.returncode == 0, ran.stderr
    return None


def at_each_step(what: str, ledger: Path, check: Callable[[Path, str], None], *ids: str, first: int = 1) -> list[str]:
    """Kill it at each step, each time on a copy of the ledger; look at what is left; the steps there were."""
    steps: list[str] = []
    for last in range(first, 100):
        home = ledger.with_name(f"{what}-{last}")
        shutil.copytree(ledger, home)
        step = killed_at(what, home, last, *ids)
        check(home, step or "the end")
        shutil.rmtree(home)
        if step is None:
            return steps
        steps.append(step)
    raise AssertionError("it does not end")


@pytest.mark.slow
def test_fault_09_a_compaction_killed_at_each_step_changes_no_total(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    fill(ledger, 2)
    put(ledger, [*whole_run("x" * 16), *whole_run("y" * 16, start_s=200.0)])
    runs, energies = told(ledger), sampled_mj(ledger)

    def check(home: Path, step: str) -> None:
        assert told(home) == runs, step
        assert sampled_mj(home) == energies, step
        assert read_runs(home).problems == (), step
        compact(home, AT_ONCE)
        assert told(home) == runs, step
        assert sampled_mj(home) == energies, step
        assert left_over(home) == [], step
        assert list(home.glob("runs/*/*/*.jsonl")) == [], step
        assert len(read_archives(home).batches) == 1, step

    steps = at_each_step("compact", ledger, check)
    assert [*dict.fromkeys(steps)] == [
        "finished",
        "begun",
        "spilled",
        "written",
        "synced",
        "verified",
        "described",
        "committed",
        "deleted",
    ]
    assert steps.count("deleted") == 3


@pytest.mark.slow
@pytest.mark.parametrize("what", ["merge", "thin"])
def test_fault_09_a_merge_and_a_thinning_killed_at_each_step_change_no_total(what: str, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    for number in range(3 if what == "merge" else 1):
        fill(ledger, 2, first=10 * number)
        compact(ledger, AT_ONCE)
    if what == "merge":
        put(ledger, whole_run("x" * 16))
    runs, energies = read_runs(ledger).runs, sampled_mj(ledger)

    def check(home: Path, step: str) -> None:
        assert read_runs(home).runs == runs, step
        assert sampled_mj(home) == energies, step
        assert read_runs(home).problems == (), step
        killed_at(what, home, 1000)
        assert read_runs(home).runs == runs, step
        assert sampled_mj(home) == energies, step
        assert left_over(home) == [], step
        (batch,) = read_archives(home).batches
        assert batch.manifest.thinned_s == (60 if what == "thin" else 0), step

    steps = at_each_step(what, ledger, check)
    assert steps.count("committed") == (2 if what == "merge" else 1)


@pytest.mark.slow
def test_fault_09_a_deletion_killed_at_each_step_keeps_the_others_and_can_be_done_again(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    fill(ledger, 2)
    put(ledger, whole_run("b" * 16))
    compact(ledger, AT_ONCE)
    put(ledger, [*whole_run("x" * 16), *whole_run(GONE, start_s=200.0)])
    put(ledger, whole_run("c" * 16))
    doomed = [GONE, "b" * 16, "c" * 16]
    kept = tuple(run for run in read_runs(ledger).runs if run.id not in doomed)
    energies = {key: energy_mj for key, energy_mj in sampled_mj(ledger).items() if key[0] not in doomed}

    def check(home: Path, step: str) -> None:
        assert tuple(run for run in read_runs(home).runs if run.id not in doomed) == kept, step
        assert {key: mj for key, mj in sampled_mj(home).items() if key[0] not in doomed} == energies, step
        delete(home, doomed)
        assert read_runs(home).runs == kept, step
        assert sampled_mj(home) == energies, step
        assert left_over(home) == [], step
        for path in home.rglob("*"):
            assert path.is_dir() or not any(run.encode() in path.read_bytes() for run in doomed), (step, path)

    steps = at_each_step("delete", ledger, check, *doomed)
    assert {"committed", "deleted", "unlinked"} <= set(steps)
