"""Jobs and ranks, by the variables that launchers and schedulers set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.recorder import jobs

SLURM = {"SLURM_JOB_ID": "12", "SLURM_CLUSTER_NAME": "big", "SLURM_PROCID": "3", "SLURM_NODEID": "1", "SLURM_NTASKS": "8"}
TORCHRUN = {"RANK": "5", "LOCAL_RANK": "1", "GROUP_RANK": "2", "WORLD_SIZE": "16", "TORCHELASTIC_RUN_ID": "none"}


@pytest.mark.parametrize(
    ("environ", "job"),
    [
        ({}, None),
        ({"TORCHELASTIC_RUN_ID": "none", "SLURM_JOB_ID": ""}, None),
        ({"SLURM_JOB_ID": "12"}, ("12", "slurm:12")),
        (SLURM, ("12", "slurm:big:12")),
        (SLURM | {"SLURM_ARRAY_JOB_ID": "9", "SLURM_ARRAY_TASK_ID": "3"}, ("12", "slurm:big:9")),
        (SLURM | {"SLURM_HET_JOB_ID": "11", "SLURM_HET_GROUP_ID": "1"}, ("12", "slurm:big:11")),
        (SLURM | TORCHRUN | {"TORCHELASTIC_RUN_ID": "exp"}, ("12", "slurm:big:12")),
        ({"TORCHELASTIC_RUN_ID": "exp", "PMIX_NAMESPACE": "n"}, ("exp", "torchelastic:exp")),
        ({"PBS_JOBID": "7.head"}, ("7.head", "pbs:7.head")),
        ({"LSB_JOBID": "7"}, ("7", "lsb:7")),
        ({"JOB_ID": "7"}, None),
        ({"JOB_ID": "7", "SGE_TASK_ID": "undefined"}, ("7", "sge:7")),
        ({"RAY_JOB_ID": "01000000", "RAY_RAYLET_PID": "77"}, ("01000000", "ray:77:01000000")),
        ({"RAY_JOB_ID": "01000000", "RAY_RAYLET_PID": "77", "RAY_CLUSTER_NAME": "c"}, ("01000000", "ray:c:01000000")),
        ({"JOB_COMPLETION_INDEX": "3", "HOSTNAME": "tune-3"}, None),
        (
            {"JOB_COMPLETION_INDEX": "3", "HOSTNAME": "tune-13-3", "KUBERNETES_SERVICE_HOST": "x"},
            ("tune-13", "kubernetes:tune-13"),
        ),
        ({"JOB_COMPLETION_INDEX": "3", "HOSTNAME": "other", "KUBERNETES_SERVICE_HOST": "x"}, None),
        (SLURM | {"FOOTPRINT_JOB": "sweep 4"}, ("sweep 4", "job:sweep 4")),
        ({"PMIX_NAMESPACE": "prterun-n1-9@1"}, ("prterun-n1-9@1", "pmix:prterun-n1-9@1")),
    ],
)
def test_a_job_is_the_schedulers_before_the_launchers(environ: dict[str, str], job: tuple[str, str] | None) -> None:
    assert jobs.job(environ) == job


@pytest.mark.parametrize(
    ("environ", "labels"),
    [
        (TORCHRUN, {"rank": "5", "local_rank": "1", "node_rank": "2", "world_size": "16"}),
        (
            SLURM,
            {"rank": "3", "node_rank": "1", "world_size": "8", "cluster": "big", "job": "12", "attempt": "1"},
        ),
        # A launcher that the scheduler started knows better.
        (SLURM | {"OMPI_COMM_WORLD_RANK": "6", "OMPI_COMM_WORLD_LOCAL_RANK": "2"}, {"rank": "6", "local_rank": "2"}),
        (SLURM | {"PMI_RANK": "4", "PMI_SIZE": "5", "MPI_LOCALRANKID": "1"}, {"rank": "4", "world_size": "5", "local_rank": "1"}),
        (SLURM | TORCHRUN, {"rank": "5", "node_rank": "2", "world_size": "16", "job": "12"}),
        ({"JOB_COMPLETION_INDEX": "3"}, {"rank": "3"}),
        (
            SLURM | {"SLURM_JOB_PARTITION": "gpu", "SLURM_JOB_ACCOUNT": "nlp", "SLURM_JOB_USER": "ada", "SLURMD_NODENAME": "n1"},
            {"partition": "gpu", "slurm_account": "nlp", "user": "ada", "node": "n1"},
        ),
        (SLURM | {"SLURM_ARRAY_TASK_ID": "4", "SLURM_STEP_ID": "0"}, {"array_task": "4", "step": "0"}),
    ],
)
def test_ranks_are_the_launchers_before_the_schedulers(environ: dict[str, str], labels: dict[str, str]) -> None:
    assert labels.items() <= jobs.labels(environ).items()


@pytest.mark.parametrize(
    ("environ", "attempt", "restart_of"),
    [
        ({}, None, None),
        ({"TORCHELASTIC_RESTART_COUNT": "0"}, "1", None),
        ({"TORCHELASTIC_RESTART_COUNT": "2"}, "3", None),
        ({"TORCHELASTIC_RESTART_COUNT": "2", "TORCHELASTIC_RUN_ID": "e"}, "3", "torchelastic:e"),
        (SLURM, "1", None),
        (SLURM | {"SLURM_RESTART_COUNT": "1"}, "2", "slurm:big:12"),
        (SLURM | {"SLURM_RESTART_COUNT": "1", "TORCHELASTIC_RESTART_COUNT": "0"}, "2", "slurm:big:12"),
        (SLURM | {"SLURM_RESTART_COUNT": "1", "TORCHELASTIC_RESTART_COUNT": "3"}, "2.4", "slurm:big:12"),
        (SLURM | {"TORCHELASTIC_RESTART_COUNT": "1"}, "1.2", "slurm:big:12"),
        (SLURM | {"SLURM_RESTART_COUNT": "-1"}, "1", None),
        (SLURM | {"SLURM_RESTART_COUNT": "²"}, "1", None),
    ],
)
def test_attempts_are_counted_from_one(environ: dict[str, str], attempt: str | None, restart_of: str | None) -> None:
    found = jobs.labels(environ)
    assert (found.get("attempt"), found.get("restart_of")) == (attempt, restart_of)


def test_all_ranks_and_attempts_of_a_job_have_one_account() -> None:
    accounts = {
        job.account
        for rank in range(4)
        for attempt in range(3)
        if (job := jobs.job(SLURM | {"SLURM_PROCID": str(rank), "SLURM_RESTART_COUNT": str(attempt)})) is not None
    }
    assert accounts == {"slurm:big:12"}


@given(
    st.dictionaries(
        st.sampled_from([*SLURM, *TORCHRUN, "SLURM_RESTART_COUNT", "HOSTNAME", "SECRET", "PATH"]), st.text(max_size=20)
    )
)
def test_nothing_but_the_known_variables_is_kept_and_nothing_raises(environ: dict[str, str]) -> None:
    hidden = environ | {"SECRET": "hunter2", "PATH": "/hunter2"}
    assert not any("hunter2" in value for value in jobs.labels(hidden).values())


@pytest.mark.parametrize(
    ("counts", "nodes", "here", "cpus"),
    [
        ("4(x2)", "n[1-2]", "n2", 4.0),
        ("3,1", "n[1-2]", "n2", 1.0),
        ("3,1", "n[1-2]", "n1", 3.0),
        ("8(x2),2", "gpu[08-09],login", "gpu09", 8.0),
        ("8(x2),2", "gpu[08-09],login", "login", 2.0),
        ("8,2", "a1b,a2b", "a2b", 2.0),
        ("8,2", "a[1-2]b", "a2b", 2.0),
        ("8,2", "n[1-2]", "elsewhere", None),
        ("8,2", "n[1-x]", "n1", None),
        ("", "n1", "n1", None),
        ("many", "n1", "n1", None),
    ],
)
def test_the_cpus_of_a_job_on_its_node(counts: str, nodes: str, here: str, cpus: float | None) -> None:
    environ = {"SLURM_JOB_CPUS_PER_NODE": counts, "SLURM_NODELIST": nodes, "SLURMD_NODENAME": here}
    assert jobs.cpus_here(environ) == cpus
