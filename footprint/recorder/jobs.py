"""Which job a process belongs to, and which of its ranks it is: what launchers and schedulers say in variables of known names.

No other variable is looked at, and of these only the values below are kept. A launcher inside a job knows better which rank a
process is than the scheduler that started the launcher, so launchers come first; the job as a whole is the scheduler's. The
sources of the names stand beside them in docs/fleet.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

JOB_VARIABLE: Final = "FOOTPRINT_JOB"
"""Set by a site where no scheduler says the job's name: in Kubernetes, say, from a label by the downward API."""

# torchrun; Open MPI; MVAPICH2; PMIx; PMI (MPICH, Intel MPI, and SLURM for these); SLURM; Kubernetes.
_RANKS: Final[Mapping[str, tuple[str, ...]]] = {
    "rank": (
        "RANK",
        "OMPI_COMM_WORLD_RANK",
        "MV2_COMM_WORLD_RANK",
        "PMIX_RANK",
        "PMI_RANK",
        "SLURM_PROCID",
        "JOB_COMPLETION_INDEX",
    ),
    "local_rank": (
        "LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "MV2_COMM_WORLD_LOCAL_RANK",
        "MPI_LOCALRANKID",
        "SLURM_LOCALID",
    ),
    "node_rank": ("GROUP_RANK", "OMPI_COMM_WORLD_NODE_RANK", "SLURM_NODEID"),
    "world_size": ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"),
}
# What is kept of a job of SLURM besides its number.
_SLURM: Final[Mapping[str, tuple[str, ...]]] = {
    "job_name": ("SLURM_JOB_NAME",),
    "array_job": ("SLURM_ARRAY_JOB_ID",),
    "array_task": ("SLURM_ARRAY_TASK_ID",),
    "het_job": ("SLURM_HET_JOB_ID",),
    "het_group": ("SLURM_HET_GROUP_ID",),
    "step": ("SLURM_STEP_ID", "SLURM_STEPID"),
    "node": ("SLURMD_NODENAME",),
    "cluster": ("SLURM_CLUSTER_NAME",),
    "partition": ("SLURM_JOB_PARTITION",),
    "slurm_account": ("SLURM_JOB_ACCOUNT",),
    "user": ("SLURM_JOB_USER",),
}
_COUNTED: Final = re.compile(r"([0-9]{1,6})(?:\(x([0-9]{1,6})\))?")
_NODE: Final = re.compile(r"([^,\[\]]+)(?:\[([^\]]*)\])?([^,\[\]]*)")
_MOST_NODES: Final = 100_000
# torchrun calls a launch that nobody named "none", and SGE what is no array "undefined".
_NOTHING: Final = {"", "none", "undefined"}


class Job(NamedTuple):
    """A job as its scheduler or launcher names it.

    Attributes:
        id: its number or name, as people know it.
        account: what its runs are accounted to: the same for all its ranks, nodes and attempts, and for the tasks of an array
            and the parts of a heterogeneous job.
    """

    id: str
    account: str


def job(environ: Mapping[str, str]) -> Job | None:
    """The job that a process with this environment is part of; null if nobody says one."""
    for find in (_of_the_site, _of_slurm, _of_others, _of_torchrun, _of_kubernetes, _of_ray, _of_pmix):
        found = find(environ)
        if found is not None:
            return found
    return None


def labels(environ: Mapping[str, str]) -> dict[str, str]:
    """The labels of a run in this environment: its rank, its job, and which attempt at it this is.

    `attempt` counts from 1, where somebody counts: the scheduler's, and after a dot the launcher's own restarts inside it.
    `restart_of` is the account of the job of which earlier attempts must be looked for, from the second attempt on.
    """
    found: dict[str, str] = {}
    _take(found, environ, _RANKS)
    if "SLURM_JOB_ID" in environ:
        _take(found, environ, _SLURM)
    whole = job(environ)
    if whole is not None:
        found["job"] = whole.id
    tried = _attempt(environ)
    if tried is not None:
        found["attempt"] = tried
        if tried != "1" and whole is not None:
            found["restart_of"] = whole.account
    return found


def _take(found: dict[str, str], environ: Mapping[str, str], names: Mapping[str, tuple[str, ...]]) -> None:
    """The first variable that says something, for each label."""
    for label, variables in names.items():
        value = next((value for name in variables if (value := _said(environ, name)) is not None), None)
        if value is not None:
            found[label] = value


def _said(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name, "")
    return None if value.lower() in _NOTHING else value


def _of_the_site(environ: Mapping[str, str]) -> Job | None:
    name = _said(environ, JOB_VARIABLE)
    return None if name is None else Job(name, f"job:{name}")


def _of_slurm(environ: Mapping[str, str]) -> Job | None:
    """SLURM's numbers are a cluster's own. The tasks of an array, and the parts of a heterogeneous job, are one submission."""
    number = _said(environ, "SLURM_JOB_ID")
    if number is None:
        return None
    whole = _said(environ, "SLURM_ARRAY_JOB_ID") or _said(environ, "SLURM_HET_JOB_ID") or number
    cluster = _said(environ, "SLURM_CLUSTER_NAME")
    return Job(number, f"slurm:{whole}" if cluster is None else f"slurm:{cluster}:{whole}")


def _of_others(environ: Mapping[str, str]) -> Job | None:
    """PBS, LSF, and Grid Engine, whose variable's name many others use, too: only with one of its own beside it."""
    for scheduler, name, beside in (("pbs", "PBS_JOBID", ""), ("lsb", "LSB_JOBID", ""), ("sge", "JOB_ID", "SGE_TASK_ID")):
        number = _said(environ, name)
        if number is not None and (not beside or beside in environ):
            return Job(number, f"{scheduler}:{number}")
    return None


def _of_torchrun(environ: Mapping[str, str]) -> Job | None:
    name = _said(environ, "TORCHELASTIC_RUN_ID")
    return None if name is None else Job(name, f"torchelastic:{name}")


def _of_kubernetes(environ: Mapping[str, str]) -> Job | None:
    """The pods of an indexed job are called by the job and their index: the host is what Kubernetes names so."""
    index, host = _said(environ, "JOB_COMPLETION_INDEX"), environ.get("HOSTNAME", "")
    if index is None or "KUBERNETES_SERVICE_HOST" not in environ or not host.endswith(f"-{index}"):
        return None
    name = host.removesuffix(f"-{index}")
    return Job(name, f"kubernetes:{name}") if name else None


def _of_ray(environ: Mapping[str, str]) -> Job | None:
    """Ray counts jobs from 1 in each cluster, anew each time that it starts: a number alone would join strangers.

    So it is taken with the cluster's name, as KubeRay sets it, or else with the pid of the node's raylet.
    """
    number = _said(environ, "RAY_JOB_ID")
    where = _said(environ, "RAY_CLUSTER_NAME") or _said(environ, "RAY_RAYLET_PID")
    if number is None:
        return None
    return Job(number, f"ray:{where}:{number}" if where is not None else f"ray:{number}")


def _of_pmix(environ: Mapping[str, str]) -> Job | None:
    name = _said(environ, "PMIX_NAMESPACE")
    return None if name is None else Job(name, f"pmix:{name}")


def _attempt(environ: Mapping[str, str]) -> str | None:
    """Which attempt at the job this is; null where nobody counts them."""
    by_scheduler = _count(environ, "SLURM_RESTART_COUNT")
    if by_scheduler is None:
        by_scheduler = _count(environ, "SLURM_JOB_RESTART_COUNT")  # the same, as prologs are told
    by_launcher = _count(environ, "TORCHELASTIC_RESTART_COUNT")
    if by_scheduler is None and "SLURM_JOB_ID" in environ:
        by_scheduler = 0  # which says so from the first restart on
    if by_scheduler is None:
        return None if by_launcher is None else str(by_launcher + 1)
    return f"{by_scheduler + 1}.{by_launcher + 1}" if by_launcher else str(by_scheduler + 1)


def _count(environ: Mapping[str, str], name: str) -> int | None:
    value = environ.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < len("1000000000") else None


def cpus_here(environ: Mapping[str, str]) -> float | None:
    """How many CPUs of its node a job of SLURM has, by what a prolog is told of it; null if that does not say it.

    `SLURM_JOB_CPUS_PER_NODE` is `4(x2),1` for nodes of 4, 4 and 1 CPUs, in the order of `SLURM_NODELIST`.
    """
    counts: list[int] = []
    for word in environ.get("SLURM_JOB_CPUS_PER_NODE", "").split(","):
        found = _COUNTED.fullmatch(word)
        if found is None or len(counts) > _MOST_NODES:
            return None
        counts += [int(found[1])] * min(_MOST_NODES, int(found[2] or 1))
    if len(set(counts)) == 1:
        return float(counts[0])
    nodes = _nodes(environ.get("SLURM_NODELIST") or environ.get("SLURM_JOB_NODELIST", ""))
    here = environ.get("SLURMD_NODENAME", "")
    return float(counts[nodes.index(here)]) if here in nodes and len(nodes) == len(counts) else None


def _nodes(listed: str) -> list[str]:
    """The nodes of a list such as `n[1-2,05],m3`; none where it is written in another way."""
    found: list[str] = []
    for word in _NODE.findall(listed):
        head, inside, tail = word
        if not inside:
            found.append(head)
            continue
        for part in inside.split(","):
            first, _, last = part.partition("-")
            if not first.isdigit() or not (last or first).isdigit() or int(last or first) - int(first) > _MOST_NODES:
                return []
            found += [f"{head}{number:0{len(first)}d}{tail}" for number in range(int(first), int(last or first) + 1)]
    return found
