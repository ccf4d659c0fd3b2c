"""Fault 18: the ranks of one launch on one machine, each recorded by itself: each device counts once, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from footprint.derive import Account
from footprint.derive.portions import WHOLE, portions
from footprint.ledger import read_runs
from footprint.ledger.reading import journal_paths, read_journal
from footprint.model import Run
from tests.faults.conftest import settled_runs, wait_for
from tests.world.programs import Program

pytestmark = pytest.mark.world

TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "4", "--master-addr", "127.0.0.1")
STEPS = """
    import os, sys, time
    import torch
    import torch.distributed as dist
    import footprint
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    with footprint.track("ranks", interval_s=0.1) as run:
        end = time.monotonic() + SECONDS
        going = torch.ones(1)
        while going.item() > 0:
            work = torch.randn(128, 128) @ torch.randn(128, 128)
            dist.all_reduce(work)
            run.count(steps=1)
            going = torch.tensor([float(time.monotonic() < end)])
            dist.broadcast(going, 0)
    dist.destroy_process_group()
"""


def counted_once(runs: list[Run]) -> None:
    """What each reads of the machine is divided among them: together no more than the longest stretch that they covered."""
    clock_s = [run.monotonic_s or 0.0 for run in runs]
    union_s = max(begin_s + run.duration_s for begin_s, run in zip(clock_s, runs, strict=True)) - min(clock_s)
    parts = portions(runs, {run.id: run for run in runs}, "machine")
    ids = {one.device.id for run in runs for one in run.devices}
    for device_id in ids:
        read_s = sum(
            one.read_s * parts.get(run.id, WHOLE).of(device_id)
            for run in runs
            for one in run.devices
            if one.device.id == device_id
        )
        assert read_s == pytest.approx(union_s, rel=0.1, abs=0.3), device_id
    busy_s = sum(run.cpu.busy_s * parts.get(run.id, WHOLE).busy_ratio for run in runs if run.cpu and run.cpu.busy_s)
    assert busy_s <= union_s * (os.cpu_count() or 1) * 1.05


def test_four_ranks_read_one_machine_and_it_counts_once(program: Program) -> None:
    done = program(STEPS.replace("SECONDS", "2"), *TORCHRUN, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    runs = list(settled_runs())
    assert sorted(run.labels["rank"] for run in runs) == ["0", "1", "2", "3"]
    assert {run.labels["attempt"] for run in runs} == {"1"}
    assert {run.account for run in runs} == {runs[0].account}
    assert runs[0].account.startswith("torchelastic:")
    assert {run.outcome for run in runs} == {"completed"}
    counted_once(runs)
    # By shares, the ranks' own CPU-seconds add up; the idle machine under them is there once.
    total = Account(runs).total([run.id for run in runs]).footprint.it_energy_kwh
    whole = Account(runs, "machine").total([run.id for run in runs]).footprint.it_energy_kwh
    assert total is not None
    assert whole is not None
    assert total.central <= whole.central * 1.02


def test_restarted_ranks_are_attempts_of_one_account(program: Program) -> None:
    """torchrun starts all ranks anew when one has failed, and counts."""
    done = program(
        """
        import glob, os, sys, time
        import footprint
        rank, attempt = os.environ["RANK"], os.environ["TORCHELASTIC_RESTART_COUNT"]
        with footprint.track("ranks", interval_s=0.1):
            open(f"began-{attempt}-{rank}", "w").close()
            deadline = time.monotonic() + 60
            while len(glob.glob(f"began-{attempt}-*")) < 4 or (attempt == "0" and rank != "0"):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            if attempt == "0":
                sys.exit(3)
        """,
        *("-m", "torch.distributed.run", "--nproc-per-node", "4", "--max-restarts", "1"),
        *("--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "--rdzv-id", "job-7"),
        OMP_NUM_THREADS="1",
    )
    assert done.returncode == 0, done.stderr
    runs = list(settled_runs())
    assert sorted((run.labels["attempt"], run.labels["rank"]) for run in runs) == [(a, r) for a in "12" for r in "0123"]
    assert {run.account for run in runs} == {"torchelastic:job-7"}
    assert {run.labels.get("restart_of") for run in runs if run.labels["attempt"] == "2"} == {"torchelastic:job-7"}
    assert {run.labels.get("restart_of") for run in runs if run.labels["attempt"] == "1"} == {None}
    assert {run.outcome for run in runs if run.labels["attempt"] == "1"} == {"failed", "interrupted"}
    assert {run.outcome for run in runs if run.labels["attempt"] == "2"} == {"completed"}


def test_fault_18_a_killed_leader_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    """Rank 0 is killed, as the machine does when its memory runs out; what all ranks had read stands."""
    import textwrap

    script = tmp_path / "program.py"
    script.write_text(textwrap.dedent(STEPS.replace("SECONDS", "60")))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    launch = subprocess.Popen(
        [sys.executable, *TORCHRUN, str(script)], env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for(lambda: len([run for run in read_runs().runs if run.work.get("steps", 0) > 5]) == 4, "all ranks work")
        before = {run.id: run for run in read_runs().runs}
        leader = next(run for run in before.values() if run.labels["rank"] == "0")
        opened = next(
            records.opened
            for path in journal_paths()
            for records in read_journal(path).runs.values()
            if records.opened.run == leader.id
        )
        os.kill(opened.tracked.pid, signal.SIGKILL)
        _, said = launch.communicate(timeout=60)
    finally:
        launch.kill()
        launch.communicate()
    assert launch.returncode == 1, said
    runs = list(settled_runs())
    assert {run.id for run in runs} == before.keys()
    assert next(run for run in runs if run.id == leader.id).outcome == "interrupted"
    assert {run.outcome for run in runs} <= {"interrupted", "failed"}
    for run in runs:
        seen = before[run.id]
        assert run.duration_s >= seen.duration_s
        assert run.work["steps"] >= seen.work["steps"]
        assert run.cpu is not None
        assert seen.cpu is not None
        assert run.cpu.tree_s >= seen.cpu.tree_s
    assert not any(read_journal(path).problems for path in journal_paths())
    counted_once(runs)
