"""Whose CPU-seconds where a job of SLURM is recorded from outside: all of its steps on this node, each a tree of its own.

SLURM starts a `slurmstepd` for each step of a job and for its script; they come and go while the job lasts, and nothing is above
them but init. They are known by the title that they give themselves, `slurmstepd: [12.0]`. What a step used after
the last look at it is not seen, nor is one that began and ended between two looks.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from footprint.ledger.processes import Process, identify
from footprint.recorder.procfs import read
from footprint.recorder.tree import APART_S, SHARE_RATIO, ProcessTree

Claim = Callable[[Process], bool]

_DAEMON: Final = b"slurmstepd"


class JobTree:
    """CPU-seconds of a SLURM job on this machine; the same questions as to a `ProcessTree`.

    Args:
        number: the job's number.
    """

    is_found: Final = True

    def __init__(self, number: str) -> None:
        self._title = f"slurmstepd: [{number}.".encode()
        self._claim: Claim | None = None
        self._trees: dict[tuple[int, int | None], ProcessTree | None] = {}
        self._ours: list[Process] = []
        self._ended_s = 0.0
        self._due_s = -math.inf

    def claim_by(self, claim: Claim) -> None:
        """Follow the job's steps from now on.

        Args:
            claim: says of a step's daemon whether it is ours to follow: on a machine with two nodes each has steps of its own.
        """
        self._claim = claim

    def read(self, now_s: float, *, whole: bool) -> float | None:
        """CPU-seconds of the job here so far, of which only differences mean anything; None if it is not looked at this time.

        Args:
            now_s: the monotonic time.
            whole: look whatever it costs, as at a run's beginning and end.
        """
        if not whole and now_s < self._due_s:
            return None
        begin_s = time.thread_time()
        answer_s = self._look()
        self._due_s = now_s + min((time.thread_time() - begin_s) / SHARE_RATIO, APART_S)
        return answer_s

    def _look(self) -> float:
        found = {}
        for process in self._daemons():
            key = (process.pid, process.start_ticks)
            found[key] = self._trees[key] if key in self._trees else self._new(process)
        for key in self._trees.keys() - found.keys():
            gone = self._trees[key]
            if gone is not None:
                self._ended_s += gone.cpu_s()
                gone.close()
        self._trees = found
        return self._ended_s + sum(tree.cpu_s() for tree in found.values() if tree is not None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the answers may lack."""
        return tuple(dict.fromkeys(text for tree in self._trees.values() if tree is not None for text in tree.warnings))

    def pids(self) -> frozenset[int]:
        """The pids of the job's processes here at the last look."""
        return frozenset().union(*(tree.pids() for tree in self._trees.values() if tree is not None))

    @property
    def ours(self) -> tuple[Process, ...]:
        """The daemons of steps that were followed."""
        return tuple(self._ours)

    def close(self) -> None:
        """Let go of the steps."""
        for tree in self._trees.values():
            if tree is not None:
                tree.close()

    def _new(self, process: Process) -> ProcessTree | None:
        if self._claim is None or not self._claim(process):
            return None
        self._ours.append(process)
        # What it used before it was found is the job's, too.
        return ProcessTree(process.pid, process.start_ticks, cgroups=[])

    def _daemons(self) -> list[Process]:
        """The daemons of the job's steps on this machine, now."""
        found = []
        for name in os.listdir("/proc"):  # noqa: PTH208 - names only
            if not name.isdigit():
                continue
            with suppress(OSError):
                if (read(f"/proc/{name}/comm") or b"").startswith(_DAEMON) and (read(f"/proc/{name}/cmdline") or b"").startswith(
                    self._title
                ):
                    process = identify(int(name))
                    if process.start_ticks is not None:
                        found.append(process)
        return found
