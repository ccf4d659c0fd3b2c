"""Work that came into the ledger by another way already: a job that was measured, and that `sacct` or a bill lists as well.

The joules of both are the same joules, so what comes second is left out where jobs or accounts tell that it is the same work, and
told of where only the time says that it may be.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Final, NamedTuple

from footprint.model import Run

OURS: Final = "footprint"
"""Of `Run.versions`, what a run has that was measured by this program; another tool's has its own name alone."""
MEASURED_AS: Final = "measured_as"
"""The label by which another tool's run says which run of ours it is; its clock may count whole seconds."""
_SLURM: Final = re.compile(r"slurm:(?:(?P<cluster>.*):)?(?P<job>[^:]+)")
_TASK: Final = re.compile(r"[^_]*_(\d+)\Z")
_UNNAMED: Final = "unknown-"


class _Span(NamedTuple):
    """A run in time, seconds since 1970 UTC."""

    begin_s: float
    end_s: float


class _Job(NamedTuple):
    """A job of SLURM's, as far as a run tells it: its cluster, and which task of an array."""

    cluster: str | None
    task: str | None


def is_measured(run: Run) -> bool:
    """Whether this program measured it."""
    return OURS in run.versions


class Twice:
    """The runs of a ledger, to find among others those that are the same work.

    Args:
        asked: the others. Of a ledger's runs only what bears on them is held.
    """

    def __init__(self, asked: Iterable[Run]) -> None:
        self._jobs: dict[str, list[tuple[_Job, Run]]] = {}
        self._accounts: dict[str, list[tuple[_Span, Run]]] = {}
        self._begun: dict[str | None, list[_Span]] = {}
        self._spans: dict[str | None, _Spans] = {}
        for run in asked:
            if named := _SLURM.fullmatch(run.account):
                self._jobs.setdefault(named["job"], [])
            elif run.account != run.id:
                self._accounts.setdefault(run.account, [])
            if _is_unnamed(run):
                self._begun.setdefault(run.host.cpu_name, [])

    def add(self, run: Run) -> None:
        """Take a run that is known."""
        if named := _SLURM.fullmatch(run.account):
            if named["job"] in self._jobs:
                self._jobs[named["job"]].append((_Job(named["cluster"], _task(run)), run))
        elif run.account in self._accounts:
            self._accounts[run.account].append((_span(run), run))
        if self._begun and is_measured(run):
            for cpu in {None, run.host.cpu_name} & self._begun.keys():
                self._begun[cpu].append(_span(run))
                self._spans.pop(cpu, None)

    def same(self, run: Run) -> bool:
        """Whether it is work that another tool told of: the same job, or of the same account at the same time."""
        if named := _SLURM.fullmatch(run.account):
            own = _Job(named["cluster"], _task(run))
            return any(_alike(own, job) and _is_others(run, known) for job, known in self._jobs.get(named["job"], ()))
        found, measured_as = self._accounts.get(run.account, ()), run.labels.get(MEASURED_AS)
        return any((measured_as == known.id or _meet(_span(run), span)) and _is_others(run, known) for span, known in found)

    def may_be_same(self, run: Run) -> bool:
        """Whether something was measured at the same time on a machine that may have been its own, which nobody names."""
        cpu = run.host.cpu_name
        if not _is_unnamed(run) or cpu not in self._begun:
            return False
        if cpu not in self._spans:
            self._spans[cpu] = _Spans(self._begun[cpu])
        return self._spans[cpu].meet(_span(run))


class _Spans:
    """Spans in order, to be asked whether one of them meets another."""

    def __init__(self, spans: Sequence[_Span]) -> None:
        ordered = sorted(spans)
        self._begins = [span.begin_s for span in ordered]
        self._ends = list(accumulate((span.end_s for span in ordered), max))

    def meet(self, span: _Span) -> bool:
        """Whether one of them was under way then."""
        place = bisect_left(self._begins, span.end_s)
        return place > 0 and self._ends[place - 1] > span.begin_s


def _is_unnamed(run: Run) -> bool:
    return not is_measured(run) and run.host.name.startswith(_UNNAMED)


def _is_others(run: Run, known: Run) -> bool:
    """Whether a run is known from elsewhere than the other comes from."""
    if known.id == run.id:
        return False
    return is_measured(run) != is_measured(known) or (not is_measured(run) and run.versions.keys() != known.versions.keys())


def _alike(one: _Job, other: _Job) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _task(run: Run) -> str | None:
    told = run.labels.get("array_task")
    if told is None and (found := _TASK.match(run.labels.get("job_id", ""))):
        told = found[1]
    return told


def _span(run: Run) -> _Span:
    try:
        begin_s = datetime.fromisoformat(run.started_at).timestamp()
    except (ValueError, OverflowError):
        return _Span(math.inf, -math.inf)
    return _Span(begin_s, begin_s + run.duration_s)


def _meet(one: _Span, other: _Span) -> bool:
    return one.begin_s < other.end_s and other.begin_s < one.end_s
