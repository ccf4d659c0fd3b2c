"""One fleet, end to end: a SLURM job of two nodes and eight ranks that is requeued, and one account of it on every engine.

The CPUs' counters are synthetic ones whose truth is known, so that "each joule once" has a number to be held to.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from footprint.ledger import read_runs
from footprint.ledger.ask import ask
from footprint.model import Run
from footprint.testing.rapl import SyntheticRapl, Zone
from footprint.testing.waves import square, steady
from tests.faults.conftest import settled_runs, wait_for
from tests.world.postgres import database, postgres
from tests.world.slurm import Cluster, fresh
from tests.world.spark import java

__all__ = ["database", "java", "postgres"]

pytestmark = pytest.mark.world

FOOTPRINT = Path(sys.executable).with_name("footprint")
RANKS = 8
ZONES = {
    "intel-rapl:0": Zone("package-0", square(120.0, 40.0, 0.7)),
    "intel-rapl:0:0": Zone("dram", steady(15.0)),
}
COMPONENTS = {"intel-rapl:0": "cpu", "intel-rapl:0:0": "memory"}
BURN = "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with fresh() as running:
        yield running


@pytest.fixture
def rapl(tmp_path: Path) -> Iterator[SyntheticRapl]:
    with SyntheticRapl(tmp_path / "sys", ZONES) as running:
        yield running


class Fleet(NamedTuple):
    """What became of the job: its ledger, its runs, its account, and what its machine drew while any rank lasted, J."""

    home: Path
    runs: list[Run]
    account: str
    truth_j: dict[str, float]


@pytest.fixture(scope="module")
def done(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """The job, run once for all that is asked of it."""
    folder = tmp_path_factory.mktemp("fleet")
    with pytest.MonkeyPatch.context() as patch, SyntheticRapl(folder / "sys", ZONES) as rapl:
        patch.setenv("FOOTPRINT_HOME", str(folder / "home"))
        patch.setenv("FOOTPRINT_EPHEMERAL", "1")
        runs, account = job_of(cluster, rapl, node=False)
        stretches = union(runs)
        truth_j = {name: sum(rapl.truth_j(*one, zone) for one in stretches) for zone, name in COMPONENTS.items()}
    return Fleet(folder / "home", runs, account, truth_j)


@pytest.fixture
def fleet(done: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """The job, its ledger this test's own."""
    monkeypatch.setenv("FOOTPRINT_HOME", str(done.home))
    return done


def footprint(*words: str) -> str:
    done = subprocess.run([FOOTPRINT, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def job_of(cluster: Cluster, rapl: SyntheticRapl, *, node: bool) -> tuple[list[Run], str]:
    """The job: its first attempt is put back into the queue while all its ranks work, its second completes."""
    long, short = (f"'{sys.executable}' -c '{BURN.format(seconds=seconds)}'" for seconds in (60, 0.4))
    run = f"srun -n{RANKS} '{FOOTPRINT}' run --name train --kind pre-training --zone FRA --label project=demo --interval 0.2 --"
    script = f'if [ -z "$SLURM_RESTART_COUNT" ]; then {run} {long}; else {run} {short}; fi'
    recorder = None
    environment = {**os.environ, **rapl.environment}
    if node:
        words = [str(FOOTPRINT), "node", "--interval", "0.2", "--zone", "FRA"]
        recorder = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: bool(read_runs().runs), "the node's recorder")
    try:
        job = cluster.batch(script, "-N2", f"-n{RANKS}", "--requeue", **rapl.environment)
        wait_for(lambda: sum(one.name == "train" and one.duration_s > 1.0 for one in read_runs().runs) == RANKS, "all ranks work")
        cluster.client("scontrol", "requeue", job)
        cluster.wait(job, "PENDING")
        cluster.wait(job, "COMPLETED")
    finally:
        if recorder is not None:
            recorder.terminate()
            recorder.wait(30)
    return list(settled_runs()), f"slurm:tests:{job}"


def union(runs: Sequence[Run]) -> list[tuple[float, float]]:
    """The stretches of the machine's monotonic time in which at least one of some runs lasted."""
    found: list[tuple[float, float]] = []
    for begin_s, end_s in sorted(((run.monotonic_s or 0.0), (run.monotonic_s or 0.0) + run.duration_s) for run in runs):
        if found and begin_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_s))
        else:
            found.append((begin_s, end_s))
    return found


QUESTIONS: Final[dict[str, dict[str, Any]]] = {
    "totals": {"by": ("account", "label:attempt", "outcome"), "attribution": "machine"},
    "devices": {},
    "shares": {"by": ("account",)},
}


def answers(ledger: str | None) -> dict[str, list[dict[str, Any]]]:
    """The questions of an account's report, as an engine answers them."""
    return {name: ask(name, ledger=ledger, **words).dicts() for name, words in QUESTIONS.items()}


def test_a_requeued_job_of_two_nodes_and_eight_ranks_is_one_account_and_each_joule_counts_once(
    cluster: Cluster, fleet: Fleet
) -> None:
    print(cluster.version())
    assert len(fleet.runs) == 2 * RANKS
    assert {run.account for run in fleet.runs} == {fleet.account}
    attempts = {attempt: [run for run in fleet.runs if run.labels["attempt"] == attempt] for attempt in ("1", "2")}
    outcomes = {attempt: {run.outcome for run in some} for attempt, some in attempts.items()}
    assert outcomes == {"1": {"interrupted"}, "2": {"completed"}}
    assert all(len({run.labels["rank"] for run in some}) == RANKS for some in attempts.values())
    assert {run.labels.get("restart_of") for run in attempts["2"]} == {fleet.account}
    # Eight ranks have read the one machine eight times; it counts once, while any of them lasted.
    counted_mj = {row["component"]: row["energy_mj"] for row in ask("devices").dicts()}
    for name, truth_j in fleet.truth_j.items():
        assert counted_mj[name] / 1000 == pytest.approx(truth_j, rel=0.03), name
        read_j = sum(one.energy_j or 0.0 for run in fleet.runs for one in run.devices if one.device.component == name)
        assert read_j > 3 * truth_j
    lineage = ask("lineage", of=fleet.account).dicts()
    assert {row["id"] for row in lineage} == {run.id for run in fleet.runs}


def test_it_is_pushed_to_postgresql_and_reported_from_there_with_the_same_totals(fleet: Fleet, database: str) -> None:
    here = answers(None)
    footprint("ledger", "push", database)
    assert answers(database) == here
    footprint("ledger", "push", database)  # which changes nothing
    assert answers(database) == here
    ours, theirs = (footprint("ledger", "totals", "--by", "account", "--format", "csv", *w) for w in ((), ("--ledger", database)))
    assert fleet.account in ours
    assert ours == theirs


@pytest.mark.usefixtures("java")
def test_it_is_reported_from_a_shared_store_and_from_spark_with_the_same_totals(fleet: Fleet, tmp_path: Path) -> None:
    assert fleet.runs
    here = answers(None)
    footprint("runs", "export", "--output", str(tmp_path / "shared"), "--format", "parquet")
    assert answers(f"file://{tmp_path / 'shared'}") == here
    # One question of the four: Spark takes seconds for each.
    assert ask("totals", ledger=f"spark:{tmp_path / 'shared'}", **QUESTIONS["totals"]).dicts() == here["totals"]


def test_a_node_that_is_recorded_beside_its_jobs_is_whole_and_counts_once(cluster: Cluster, rapl: SyntheticRapl) -> None:
    runs, account = job_of(cluster, rapl, node=True)
    (node,) = (run for run in runs if run.is_background)
    assert node.account.startswith("node:")
    everything, jobs = (
        {row["account"]: row for row in ask("totals", by=("account",), attribution="machine", where=where).dicts()}
        for where in (None, {"account": [account]})
    )
    truth_j = sum(rapl.truth_j(*union([node])[0], zone) for zone in COMPONENTS)
    of_jobs_j = sum(
        rapl.truth_j(begin_s, end_s, zone) for zone in COMPONENTS for begin_s, end_s in union([r for r in runs if r != node])
    )
    sums_j = {name: row["energy_mj"] / 1000 for name, row in everything.items()}
    assert sums_j[account] == pytest.approx(of_jobs_j, rel=0.03)
    assert jobs[account]["energy_mj"] == everything[account]["energy_mj"]
    assert sum(sums_j.values()) == pytest.approx(truth_j, rel=0.03)
