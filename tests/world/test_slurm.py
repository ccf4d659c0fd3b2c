"""A real SLURM of two nodes: ranks, a requeue, a cancel, and the prolog that records what nobody tracks.

Both nodes are this machine: they share its boot and its devices, so "each device once a host" is once for both of them.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from footprint.derive import Account
from footprint.ledger import read_runs
from footprint.ledger.reading import journal_paths, read_journal
from tests.faults.conftest import settled_runs, wait_for
from tests.world.slurm import Cluster, fresh

pytestmark = pytest.mark.world

BURN = "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass"
FOOTPRINT = Path(sys.executable).with_name("footprint")
OURS = f"PATH={FOOTPRINT.parent}:$PATH"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """SLURM, with our prolog and epilog, whose settings each test writes."""
    with fresh({"Prolog": "prolog", "Epilog": "epilog", "TaskProlog": "task-prolog"}) as running:
        print(running.version())
        yield running


@pytest.fixture(autouse=True)
def _quiet(cluster: Cluster) -> None:
    """The prolog records nothing unless a test says so."""
    (cluster.folder / "slurm.env").write_text("FOOTPRINT=/nowhere\n")


def burning(seconds: float) -> str:
    return f"'{sys.executable}' -c '{BURN.format(seconds=seconds)}'"


def busy(seconds: float) -> int:
    """How many runs have used so many CPU-seconds."""
    return sum(run.cpu is not None and run.cpu.tree_s >= seconds for run in read_runs().runs)


def test_four_ranks_on_two_nodes_are_one_account_and_each_device_counts_once(cluster: Cluster) -> None:
    words = f"--interval 0.2 -- {burning(1.0)}"
    cluster.client(
        "srun", "-N2", "-n4", "sh", "-c", f"exec '{FOOTPRINT}' run {words}", environment={"TORCHELASTIC_RUN_ID": "none"}
    )
    runs = settled_runs()
    assert len(runs) == 4
    assert {run.outcome for run in runs} == {"completed"}
    assert sorted(run.labels["rank"] for run in runs) == ["0", "1", "2", "3"]
    assert {run.labels["world_size"] for run in runs} == {"4"}
    assert Counter(run.labels["node"] for run in runs).keys() == {"n1", "n2"}
    (number,) = {run.labels["job"] for run in runs}
    assert {run.account for run in runs} == {f"slurm:tests:{number}"}
    assert {(run.labels["partition"], run.labels["cluster"], run.labels["attempt"]) for run in runs} == {("main", "tests", "1")}
    assert not any("restart_of" in run.labels for run in runs)
    for run in runs:
        assert run.cpu is not None
        assert run.cpu.tree_s == pytest.approx(1.0, rel=0.2, abs=0.3)
    # The whole machine once, for as long as any of them lasted: not four times.
    total = Account(runs, "machine").total([run.id for run in runs]).footprint
    longest_s = max(run.duration_s for run in runs)
    starts_s = [run.monotonic_s or 0.0 for run in runs]
    union_s = max(s + r.duration_s for s, r in zip(starts_s, runs, strict=True)) - min(starts_s)
    alone = Account(runs, "machine").footprint(max(runs, key=lambda run: run.duration_s).id)
    assert total.it_energy_kwh is not None
    assert alone.it_energy_kwh is not None
    assert total.it_energy_kwh.central < alone.it_energy_kwh.central * union_s / longest_s * 1.3


def test_a_requeued_job_is_one_account_of_linked_attempts(cluster: Cluster) -> None:
    job = cluster.batch(f"srun '{FOOTPRINT}' run --name step --interval 0.1 -- {burning(60)}", "-N2", "-n2", "--requeue")
    wait_for(lambda: busy(0.5) == 2, "the first attempt runs")
    cluster.client("scontrol", "requeue", job)
    wait_for(lambda: busy(0.5) == 4, "the second attempt runs")
    cluster.client("scancel", job)
    cluster.wait(job, "CANCELLED")
    runs = settled_runs()
    assert {run.account for run in runs} == {f"slurm:tests:{job}"}
    by_attempt = {attempt: [run for run in runs if run.labels["attempt"] == attempt] for attempt in ("1", "2")}
    assert [len(some) for some in by_attempt.values()] == [2, 2]
    assert {run.labels.get("restart_of") for run in by_attempt["1"]} == {None}
    assert {run.labels.get("restart_of") for run in by_attempt["2"]} == {f"slurm:tests:{job}"}
    # Neither attempt is lost: a requeue and a cancel end with SIGTERM, or SIGKILL, and are interruptions.
    assert {run.outcome for run in runs} == {"interrupted"}
    assert busy(0.5) == len(runs)


def test_a_cancelled_job_loses_nothing(cluster: Cluster) -> None:
    """Killed at once, without a warning: what was read until then stands, and each line of it is whole."""
    job = cluster.batch(f"srun '{FOOTPRINT}' run --interval 0.1 -- {burning(60)}", "-N1", "-n2")
    wait_for(lambda: busy(1.0) == 2, "the job runs")
    cluster.client("scancel", "--signal=KILL", "--full", job)
    cluster.wait(job, "FAILED", "CANCELLED", "COMPLETED")
    runs = settled_runs()
    assert [run.outcome for run in runs] == ["interrupted"] * 2
    for run in runs:
        assert run.duration_s > 1.0
        assert run.cpu is not None
        assert run.cpu.tree_s > 0.5
    assert not any(read_journal(path).problems for path in journal_paths())


def test_the_prolog_records_a_job_that_tracks_nothing(cluster: Cluster) -> None:
    """One run a node, from the allocation to the end; the job's tree is followed, steps and script alike."""
    settings(cluster)
    job = cluster.batch(f"srun {burning(1.0)}\n{burning(0.5)}\nsrun -n1 -N1 {burning(0.5)}", "-N2", "-n2")
    cluster.wait(job, "COMPLETED")
    wait_for(lambda: not list((cluster.folder / "run").glob("*.pid")), "the epilog")
    runs = settled_runs()
    assert [run.name for run in runs] == [f"job {job}"] * 2
    assert {run.account for run in runs} == {f"slurm:tests:{job}"}
    assert sorted(run.labels["node"] for run in runs) == ["n1", "n2"]
    expected = {"job": job, "attempt": "1", "recorder": "slurm", "user": "root", "partition": "main", "cluster": "tests"}
    for run in runs:
        assert expected.items() <= run.labels.items()
        assert run.outcome == "unknown"
        assert any(f"sacct -j {job}" in warning for warning in run.warnings)
        assert run.cpu is not None
        assert run.cpu.reserved_cpus == 1
    # The steps of both nodes are told apart: each counts once, though one machine shows them to both.
    together_s = sum(run.cpu.tree_s for run in runs if run.cpu is not None)
    assert together_s == pytest.approx(2 * 1.0 + 0.5 + 0.5, rel=0.25, abs=0.4)


def test_what_a_job_tracks_itself_is_nested_in_the_prologs_record(cluster: Cluster) -> None:
    settings(cluster)
    job = cluster.batch(f"srun '{FOOTPRINT}' run --name own --interval 0.1 -- {burning(1.0)}", "-N2", "-n2")
    cluster.wait(job, "COMPLETED")
    wait_for(lambda: not list((cluster.folder / "run").glob("*.pid")), "the epilog")
    runs = {run.id: run for run in settled_runs()}
    own = [run for run in runs.values() if run.name == "own"]
    assert len(own) == 2
    nodes = {run.id for run in runs.values() if run.labels.get("recorder") == "slurm"}
    # On two machines each in its own node's; here both nodes see both steps, and each is one node's.
    assert {run.parent for run in own} <= nodes
    assert {run.account for run in runs.values()} == {f"slurm:tests:{job}"}
    # What they used is in the nodes' records, and counts there.
    account = Account(runs.values())
    assert account.total(runs).footprint.it_energy_kwh == account.total(nodes).footprint.it_energy_kwh


def test_a_prolog_without_a_working_footprint_costs_a_job_seconds_at_most(cluster: Cluster) -> None:
    hangs = cluster.folder / "hangs"
    hangs.write_text("#!/bin/sh\nexec sleep 20\n")
    hangs.chmod(0o755)
    for program in ("/nowhere", "/bin/false", str(hangs)):
        settings(cluster, program)
        begin_s = time.monotonic()
        assert cluster.client("srun", "-n1", "echo", "done") == "done\n"
        assert time.monotonic() - begin_s < 8
    assert set(cluster.client("sinfo", "-h", "-N", "-o", "%T").split()) <= {"idle", "completing", "allocated", "mixed"}
    assert read_runs().runs == ()


def settings(cluster: Cluster, program: str | Path = FOOTPRINT) -> None:
    """Let the prolog record into this test's ledger."""
    lines = {"FOOTPRINT": program, "FOOTPRINT_HOME": os.environ["FOOTPRINT_HOME"], "FOOTPRINT_STATE": cluster.folder / "run"}
    text = "".join(f"{name}='{value}'\n" for name, value in lines.items())
    (cluster.folder / "slurm.env").write_text(text + "FOOTPRINT_EPHEMERAL=1\n")
