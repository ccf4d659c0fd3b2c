"""SLURM's accounting, as `sacct --parsable2` prints it: one run a job (an attempt of it, where `--duplicates` tells them).

A job's `ConsumedEnergyRaw` is the energy of its nodes while it ran, and its own only where it had them for itself. `sacct` does
not say that, nor by which plugin the nodes read it (RAPL: CPUs and memory alone; IPMI: the whole node). So it counts as a
statement, and only of jobs that are known to be alone: `--set exclusive=yes`, `--set cpus_per_node=64`, or a `SubmitLine` with
`--exclusive`. Without an energy the job's GPUs and hours are declared; steps are parts of their job and no runs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import ConfigError, LedgerError
from footprint.ledger.exchange.registry import Importer, Incoming
from footprint.ledger.importers.nodes import names_in, resources
from footprint.ledger.importers.sources import Line, head_of, id_of, moment, number, shown, table_of
from footprint.ledger.importers.stated import KEYS, MAX_DURATION_S, ZONE_UNKNOWN, Stated, run_of, stated_of
from footprint.model import Declaration, Outcome, Run, Source
from footprint.text import number as said
from footprint.units import S_PER_H, kwh_from_j

TOOL: Final = "slurm"
_NEEDED: Final = ("JobID", "Start")
_STEP: Final = re.compile(r"([^.]+)\.(.+)")
_ELAPSED: Final = re.compile(r"(?:(\d+)-)?(\d{1,2}):(\d\d):(\d\d)(?:\.\d+)?")
_NOT_BEGUN: Final = {"", "Unknown", "None", "NONE"}
_UNFINISHED: Final = {"RUNNING", "PENDING", "SUSPENDED", "COMPLETING", "CONFIGURING", "RESIZING", "REQUEUE_HOLD"}
_OUTCOMES: Final[dict[str, Outcome]] = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "OUT_OF_MEMORY": "failed",
    "NODE_FAIL": "failed",
    "BOOT_FAIL": "failed",
    "LAUNCH_FAILED": "failed",
    "CANCELLED": "interrupted",
    "TIMEOUT": "interrupted",
    "PREEMPTED": "interrupted",
    "DEADLINE": "interrupted",
    "REQUEUED": "interrupted",
    "REVOKED": "interrupted",
}
# NO_VAL and INFINITE of SLURM's 32-bit and 64-bit numbers, with which it says that it does not know.
_NO_VALUES: Final = {2**32 - 2, 2**32 - 1, 2**64 - 2, 2**64 - 1}
_SUFFIXES: Final = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_MOST_W_A_NODE: Final = 50_000.0
_AT_ONCE: Final = "steps ran at once, and SLURM counts a node's energy for each"
_ALONE: Final = re.compile(r"--exclusive(?!=(?:user|mcs))(?:[= ]|$)")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job, or a step of one, that has begun and ended."""

    where: str
    job_id: str
    step: str | None
    begin: datetime
    duration_s: float
    state: str
    energy_j: float | None
    nodes: tuple[str, ...]
    node_count: int
    cpus: int | None
    gpus: int | None
    gpu_type: str | None
    cells: Mapping[str, str | None]
    submit_line: str = ""

    @property
    def end(self) -> datetime:
        """When it ended."""
        return self.begin + timedelta(seconds=self.duration_s)


def recognises(source: str) -> bool:
    """Whether a file begins with a header of sacct's."""
    header = head_of(source).partition(b"\n")[0].decode("utf-8", "replace").split("|")
    return "JobID" in header and ("Start" in header or "Elapsed" in header or "ElapsedRaw" in header)


def read(source: str, facts: Mapping[str, str]) -> Incoming:
    """The jobs of a listing.

    Raises:
        LedgerError: if it cannot be read, or a line of it cannot be.
        ConfigError: for a stated fact that cannot be used.
    """
    stated, rule = stated_of(facts), _Alone(facts)
    jobs: list[Job] = []
    left_out = 0
    for line in table_of(Path(source), needed=_NEEDED, delimiter="|", strict=False):
        job = _job(line)
        if job is None:
            left_out += 1
        else:
            jobs.append(job)
    steps: dict[str, list[Job]] = {}
    for one in jobs:
        if one.step is not None:
            steps.setdefault(one.job_id, []).append(one)
    whole = [one for one in jobs if one.step is None]
    shared = _shared(whole)
    runs = []
    for job in whole:
        own = [one for one in steps.get(job.job_id, []) if job.begin <= one.begin <= job.end]
        runs.append(_run(job, own, stated, rule, shared=job.where in shared))
    notes = [f"{left_out} jobs or steps that have not begun or not ended were left out"] if left_out else []
    lone = steps.keys() - {job.job_id for job in whole}
    if lone:
        notes.append(f"steps of {len(lone)} jobs whose own line is not there were left out: {', '.join(sorted(lone)[:4])}")
    if not runs:
        raise LedgerError(f"{shown(Path(source))}: no job in it has begun and ended")
    return Incoming(foreign=True, runs=tuple(runs), notes=tuple(notes))


class _Alone:
    """How it is known that a job had its nodes for itself."""

    def __init__(self, facts: Mapping[str, str]) -> None:
        told = facts.get("exclusive", "")
        if told not in {"", "yes", "no"}:
            raise ConfigError(f"--set exclusive={told[:40]!r}: it is yes or no")
        self.all = told == "yes"
        self.none = told == "no"
        cpus = facts.get("cpus_per_node")
        if cpus is not None and not (cpus.isascii() and cpus.isdigit() and 0 < int(cpus) < 10**6):
            raise ConfigError(f"--set cpus_per_node={cpus[:40]!r} is no number of CPUs")
        self.cpus = int(cpus) if cpus else None

    def has(self, job: Job) -> bool:
        """Whether a job is known to have had its nodes for itself."""
        if self.none:
            return False
        by_cpus = self.cpus is not None and job.cpus is not None and job.cpus >= self.cpus * max(1, job.node_count)
        return self.all or by_cpus or bool(_ALONE.search(job.submit_line))


def _job(line: Line) -> Job | None:
    """The job or step of a line; None where it has not begun, or not ended."""
    told = line.text("JobID")
    if told is None:
        raise line.wrong("JobID is empty")
    state = (line.text("State") or "").split(" ")[0]
    start, end = line.text("Start") or "", line.text("End") or ""
    if start in _NOT_BEGUN or state in _UNFINISHED:
        return None
    begin = _time(line, "Start", start)
    duration_s = _duration_s(line, begin, end)
    if duration_s is None:
        return None
    step = _STEP.fullmatch(told)
    found = resources(line.text("AllocTRES") or "", line.where)
    nodes = names_in(line.text("NodeList") or "", line.where)
    cpus = line.number("AllocCPUS") or found.cpus
    return Job(
        where=line.where,
        job_id=step[1] if step else told,
        step=step[2] if step else None,
        begin=begin,
        duration_s=duration_s,
        state=state,
        energy_j=_energy_j(line),
        nodes=nodes,
        node_count=int(line.number("NNodes") or found.nodes or len(nodes) or 1),
        cpus=int(cpus) if cpus else None,
        gpus=found.gpus,
        gpu_type=found.gpu_type,
        cells={name: line.text(name) for name in line.cells},
        submit_line=line.cells.get("SubmitLine", ""),
    )


def _time(line: Line, name: str, told: str) -> datetime:
    return moment(told, name, line.where)


def _duration_s(line: Line, begin: datetime, end: str) -> float | None:
    raw_s = line.number("ElapsedRaw", most=MAX_DURATION_S)
    if raw_s is not None:
        return raw_s
    told = line.text("Elapsed")
    if told is not None:
        found = _ELAPSED.fullmatch(told)
        if found is None:
            raise line.wrong(f"Elapsed is {told[:40]!r}, which is no [days-]hours:minutes:seconds")
        days, hours, minutes, seconds = (int(one or 0) for one in found.groups())
        return min(((days * 24 + hours) * 60 + minutes) * 60.0 + seconds, MAX_DURATION_S)
    if end in _NOT_BEGUN:
        return None
    until = _time(line, "End", end)
    if (begin.tzinfo is None) != (until.tzinfo is None) or until < begin:
        raise line.wrong(f"End is {end[:40]!r}, before its Start")
    return (until - begin).total_seconds()


def _energy_j(line: Line) -> float | None:
    """The energy of a line, J; None where SLURM does not know it: a zero says no more."""
    told = (line.cells.get("ConsumedEnergyRaw") or "").strip()
    if not told:
        text = (line.cells.get("ConsumedEnergy") or "").strip()
        suffix = text[-1:].upper() if text[-1:].isalpha() else ""
        if text and suffix not in _SUFFIXES:
            raise line.wrong(f"ConsumedEnergy is {text[:40]!r}, which is no number of joules")
        value = number(text.rstrip("kKmMgGtT"), "ConsumedEnergy", line.where) * _SUFFIXES[suffix] if text else 0.0
    elif told.isascii() and told.isdigit():
        value = 0.0 if int(told) in _NO_VALUES else number(told, "ConsumedEnergyRaw", line.where)
    else:
        value = number(told, "ConsumedEnergyRaw", line.where)
    return value or None


def _shared(jobs: Sequence[Job]) -> set[str]:
    """Where the jobs stand that had a node at the same time as another of the listing."""
    found: set[str] = set()
    by_node: dict[str, list[Job]] = {}
    for job in jobs:
        for node in job.nodes:
            by_node.setdefault(node, []).append(job)
    for ones in by_node.values():
        ones.sort(key=lambda job: (job.begin.replace(tzinfo=None), job.where))
        longest = ones[0]
        for job in ones[1:]:
            if job.begin.replace(tzinfo=None) < longest.end.replace(tzinfo=None):
                found |= {job.where, longest.where}
            if job.end.replace(tzinfo=None) > longest.end.replace(tzinfo=None):
                longest = job
    return found


def _energy(job: Job, steps: Sequence[Job], warnings: list[str]) -> float | None:
    """A job's energy, J. A step that runs beside another is told its node's energy once more: they are not summed."""
    told = [one for one in steps if one.energy_j is not None]
    at_once = any(
        a.begin < b.end and b.begin < a.end for i, a in enumerate(told) for b in told[i + 1 :] if a.duration_s and b.duration_s
    )
    if not at_once:
        # Steps one after the other leave out what came between them; what the job's own line says holds it, if anything.
        return job.energy_j
    for name in ("extern", "batch"):
        if name == "batch" and job.node_count > 1:
            break  # it sees the first node alone
        whole = next((one for one in told if one.step == name), None)
        if whole is not None:
            warnings.append(f"{_AT_ONCE}: that of the {name} step, which saw all, is taken")
            return whole.energy_j
    warnings.append(f"{_AT_ONCE}: the job's energy is not known")
    return None


def _run(job: Job, steps: Sequence[Job], stated: Stated, rule: _Alone, *, shared: bool) -> Run:
    cells, warnings = job.cells, []
    begin, assumed_utc = stated.utc(job.begin)
    if assumed_utc:
        warnings.append(ZONE_UNKNOWN)
    told_j = _energy(job, steps, warnings)
    energy_j = told_j
    if told_j is not None and told_j > _MOST_W_A_NODE * job.node_count * max(job.duration_s, 1.0):
        warnings.append(f"SLURM's energy of {said(told_j)} J is more than its nodes can draw, and is left out")
        energy_j = None
    elif told_j is not None and (shared or not rule.has(job)):
        why = (
            "another job of the listing had a node of it at the same time"
            if shared
            else ("sacct does not say whether it had its nodes for itself (--set exclusive=yes, or --set cpus_per_node=N)")
        )
        warnings.append(f"SLURM's energy of {said(told_j)} J is that of its nodes, and is not counted: {why}")
        energy_j = None
    elif told_j is not None:
        warnings.append(
            "the energy is that of its nodes, by RAPL of CPUs and memory alone, by IPMI of all: it is not known which"
        )
    else:
        warnings.append("SLURM tells no energy of this job")
    job_id = re.split(r"[_+]", job.job_id)[0]
    cluster = cells.get("Cluster")
    labels = {
        "job_id": job.job_id,
        "user": cells.get("User"),
        "team": cells.get("Account"),
        "cluster": cluster,
        "partition": cells.get("Partition"),
        "nodes": str(job.node_count),
        "cpus": str(job.cpus) if job.cpus else None,
        "state": job.state or None,
        "stated_energy_j": f"{told_j:.0f}" if told_j is not None else None,
    }
    return run_of(
        stated,
        run_id=id_of(TOOL, cluster or "", job.job_id, cells.get("Start") or ""),
        tool=TOOL,
        name=cells.get("JobName"),
        started_at=begin,
        duration_s=job.duration_s,
        where=job.where,
        host_name=cells.get("NodeList"),
        outcome=_OUTCOMES.get(job.state.rstrip("+"), "unknown"),
        account=f"slurm:{cluster}:{job_id}" if cluster else f"slurm:{job_id}",
        labels={name: value for name, value in labels.items() if value},
        declared=_declared(job, energy_j, begin.year),
        warnings=warnings,
    )


def _declared(job: Job, energy_j: float | None, year: int) -> Declaration:
    source = Source(title="SLURM accounting (sacct)", locator=f"job {job.job_id}")
    return Declaration(
        hardware=job.gpu_type,
        count=job.gpus,
        hours=job.duration_s / S_PER_H or None,
        energy_kwh=kwh_from_j(energy_j) if energy_j is not None else None,
        year=year,
        source=(source,),
    )


IMPORTER: Final = Importer(
    name="sacct",
    what="SLURM's sacct --parsable2",
    recognises=recognises,
    read=read,
    keys=(*KEYS, "exclusive", "cpus_per_node"),
)
