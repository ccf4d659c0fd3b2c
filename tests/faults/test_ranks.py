"""Fault 18. Eight ranks of one job on one machine, each of which sees all GPUs: in their account each GPU's joules count once."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from footprint.derive import Account
from footprint.ledger.reading import journal_paths, read_journal
from footprint.model import Run
from footprint.units import J_PER_KWH
from tests.faults.conftest import LIMIT_S, Program, settled_runs, ticks_written, wait_for
from tests.meters.conftest import SOURCE, compiled

pytestmark = pytest.mark.slow

RANKS, GPUS, POWER_W = 8, 8, 400.0
RANK = """
    import sys, footprint
    with footprint.track("training", interval_s=0.1, zone="FRA") as run:
        print("tracked", flush=True)
        sys.stdin.readline()
    print("done", run.facts.outcome)
"""
Start = Callable[..., "list[subprocess.Popen[str]]"]


@pytest.fixture
def ranks(start: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start the ranks of a job as its launcher would; they are tracked when this returns."""
    library = compiled(SOURCE, tmp_path / "libnvidia-ml.so.1")
    for name in [name for name in os.environ if name.startswith(("CUDA_", "SLURM_", "PMI", "OMPI_"))]:
        monkeypatch.delenv(name)

    def started(**settings: str) -> list[subprocess.Popen[str]]:
        stub = {"LD_LIBRARY_PATH": str(library.parent), "STUB_GPUS": str(GPUS), "STUB_POWER_W": str(POWER_W)}
        job = {"TORCHELASTIC_RUN_ID": "a-job", "WORLD_SIZE": str(RANKS), **settings}
        found = [start(RANK, **stub, **job, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(RANKS)]
        for process in found:
            assert process.stdout is not None
            assert process.stdout.readline() == "tracked\n", process.communicate()
        wanted = ticks_written() + 5 * RANKS
        wait_for(lambda: ticks_written() >= wanted, "readings of all ranks")
        return found

    return started


def finished(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.communicate("go\n", timeout=LIMIT_S)[:2] == ("done completed\n", "")


def spans() -> list[tuple[float, float]]:
    """When the ranks' runs began and ended, on the machine's clock."""
    found = [one for path in journal_paths() for one in read_journal(path).runs.values()]
    return [(one.opened.t_s, one.end_s) for one in found]


def assert_each_gpu_once(runs: tuple[Run, ...]) -> None:
    """The sum is what the GPUs drew from the first rank's beginning to the last one's end: they count by the same clock."""
    assert len(runs) == RANKS
    assert all(len([one for one in run.devices if one.device.meter == "nvml"]) == GPUS for run in runs)
    assert len({one.device.id for run in runs for one in run.devices if one.device.meter == "nvml"}) == GPUS
    assert len({run.account for run in runs}) == 1
    total = Account(runs, attribution="machine").total([run.id for run in runs]).footprint
    assert total.accelerator_energy_kwh is not None
    # What a reading is worth is a factor of its own: only the counters' joules are known here.
    begin_s, end_s = min(begin for begin, _ in spans()), max(end for _, end in spans())
    truth_j = GPUS * POWER_W * (end_s - begin_s)
    each_j = sum(one.energy_j or 0 for run in runs for one in run.devices if one.device.meter == "nvml")
    assert each_j > 3 * truth_j, "the ranks ran side by side: added up, they would count the GPUs many times"
    assert total.accelerator_energy_kwh.central * J_PER_KWH == pytest.approx(truth_j, rel=0.02)


def test_fault_18_eight_ranks_count_each_gpu_once(ranks: Start) -> None:
    finished(ranks())
    runs = settled_runs()
    assert {run.outcome for run in runs} == {"completed"}
    assert_each_gpu_once(runs)


def test_fault_18_the_leader_killed(ranks: Start) -> None:
    """The others go on recording, and what the leader had read is not lost and not counted twice."""
    processes = ranks()
    processes[0].send_signal(signal.SIGKILL)
    processes[0].wait(LIMIT_S)
    wanted = ticks_written() + 5 * (RANKS - 1)
    wait_for(lambda: ticks_written() >= wanted, "more readings of the other ranks")
    finished(processes[1:])
    runs = settled_runs()
    assert sorted(run.outcome for run in runs) == ["completed"] * (RANKS - 1) + ["interrupted"]
    assert_each_gpu_once(runs)
