"""Whose CPU-seconds: the tracked process and all its descendants, from the fullest account that is theirs alone.

There are two accounts. That of the processes (`footprint.recorder.lineage`) can always be read, costs a system call or some
files for each of them, and does not know the time of children that were thrown away: those of a parent that ignores
SIGCHLD, and orphans that nobody saw. That of a cgroup knows them all, and is taken where the tree has one for itself
(`footprint.recorder.enclosure`). Both are read at each look. When a stranger is found in the cgroup, the account of the
processes goes on from the last look at which there was none, and for good.

The answer grows by what the account in force has grown by since the last look, so it never falls, and only differences
between two answers mean anything. Both accounts are read at each look.

A look costs milliseconds where thousands of processes run. Looks are spaced so that they take no more of one CPU than
`SHARE_RATIO`, up to `APART_S`; those at a run's beginning and end are always taken.
"""

from __future__ import annotations

import math
import os
import time
from typing import Final

from footprint.recorder.cgroup import Cgroup, cgroups_of
from footprint.recorder.enclosure import Enclosure
from footprint.recorder.lineage import Lineage
from footprint.recorder.procfs import (
    ProcFiles,
    Source,
    best_source,
    ignores_children,
    machine_busy_s,
    reserved_cpus,
    resolution_s,
    start_time,
)

__all__ = ["ProcessTree", "machine_busy_s", "reserved_cpus", "resolution_s", "start_time"]

SHARE_RATIO: Final = 0.003
"""The share of one CPU that looks may take."""
APART_S: Final = 30.0
"""Looks are no further apart than this, whatever they cost."""
THROWN_AWAY: Final = (
    "a program of the run ignores SIGCHLD, so the CPU time of its children that ended between two looks is not counted: "
    "run it in a cgroup of its own, for example with `systemd-run --scope`"
)
_CHECK_EVERY_S: Final = 60.0
_CHECKED_PARENTS: Final = 64


class ProcessTree:
    """CPU-seconds of a process and its descendants.

    Args:
        root_pid: the process at the top.
        start_time: its start time as `start_time` gives it, where the caller knows it; a process with another one has taken
            the pid over and is not followed.
        source: where the numbers of processes come from; the platform's best, and the cgroups with it, if None.
        cgroups: the cgroups that the process may have for itself; found if None.

    The calling process is left out where it is a descendant of another root, with everything below it: a recorder does
    not measure itself.
    """

    def __init__(
        self,
        root_pid: int,
        start_time: int | None = None,
        source: Source | None = None,
        cgroups: list[Cgroup] | None = None,
    ) -> None:
        self._source = source or best_source()
        stat = self._source.stat(root_pid)
        self._root = stat.key if stat is not None and start_time in {None, stat.key[1]} else None
        self._recorder = os.getpid() if os.getpid() != root_pid else None
        self._lineage = Lineage(self._root, self._source, self._recorder) if self._root is not None else None
        if cgroups is None:
            cgroups = cgroups_of(root_pid) if source is None and isinstance(self._source, ProcFiles) else []
        self._candidates = cgroups
        self._enclosure: Enclosure | None = None
        self._lineage_s = 0.0
        self._answer_s = 0.0
        self._warnings: tuple[str, ...] = ()
        self._check_at_s = -math.inf
        self._due_s = -math.inf

    def read(self, now_s: float, *, whole: bool) -> float | None:
        """CPU-seconds of the tree so far, as `cpu_s`; None if it is not looked at this time.

        Args:
            now_s: the monotonic time.
            whole: look whatever it costs, as at a run's beginning and end.
        """
        if whole:
            self._check_at_s = -math.inf
            return self.cpu_s()
        if not self.due(now_s):
            return None
        begin_s = time.thread_time()
        answer_s = self.cpu_s()
        self._due_s = now_s + min((time.thread_time() - begin_s) / SHARE_RATIO, APART_S)
        return answer_s

    def due(self, now_s: float) -> bool:
        """Whether the cost of the last look is made up for."""
        return now_s >= self._due_s

    def cpu_s(self) -> float:
        """CPU-seconds of the tree so far: a new look. Never falls; only differences mean anything.

        After the root's end it stays at what was last seen, and grows with descendants that live on.
        """
        if self._lineage is None or self._root is None:
            return 0.0
        lineage_s = max(self._lineage_s, self._lineage.cpu_s())
        grown_s = lineage_s - self._lineage_s
        if self._enclosure is not None:
            grown_s = self._enclosure.grown_s(grown_s)
            if self._enclosure.holds:  # which has then counted, too, whom it made known to the lineage
                lineage_s = max(lineage_s, self._lineage.total_s())
            else:
                self._enclosure = None
        elif self._candidates:
            self._enclosure = Enclosure.find(self._candidates, self._lineage, self._source, self._root[0], self._recorder)
            self._candidates = []
        self._lineage_s = lineage_s
        self._answer_s += grown_s
        if self._enclosure is None and not self._warnings and time.monotonic() >= self._check_at_s:
            self._check_parents(self._lineage, self._root[0])
        return self._answer_s

    @property
    def is_found(self) -> bool:
        """Whether the process at the top was there when this object was made: without it there is nothing to tell."""
        return self._root is not None

    @property
    def cgroup(self) -> str | None:
        """The folder of the cgroup that the CPU time is read from; None where it is read from the processes."""
        return None if self._enclosure is None else self._enclosure.cgroup.folder

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the answers may lack, in plain sentences, as far as it was seen until the last look."""
        return self._warnings

    def pids(self) -> frozenset[int]:
        """The pids of the tree at the last look."""
        return frozenset(self._lineage.living()) if self._lineage is not None else frozenset()

    def alive(self) -> bool:
        """Whether any process of the tree was there at the last look."""
        return bool(self.pids())

    def close(self) -> None:
        """Nothing is held between looks; safe to call twice."""

    def _check_parents(self, lineage: Lineage, root_pid: int) -> None:
        self._check_at_s = time.monotonic() + _CHECK_EVERY_S
        parents = [root_pid, *sorted(lineage.parents() - {root_pid})][:_CHECKED_PARENTS]
        if isinstance(self._source, ProcFiles) and any(map(ignores_children, parents)):
            self._warnings = (THROWN_AWAY,)
