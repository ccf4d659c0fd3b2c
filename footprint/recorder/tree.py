"""CPU-seconds of a process and all its descendants, read from their own files under `/proc` (Linux).

What the kernel tells of a process `p` (proc_pid_stat(5)): its own time, and the time of the children that it has waited
for, with everything that those had waited for. Own time is read from the process's CPU clock, which counts nanoseconds
(clock_getcpuclockid(3)); the waited-for time comes in clock ticks. Then::

    tree(p) = own(p) + waited(p) + lost(p) + sum of tree(c) over the children c that have not been waited for

While `p` lives this is exact, however short its children live, as long as they are waited for: a child's time moves from
its own entry to its parent's `waited` at one moment. Three things need care:

- *A child that is gone* was waited for, and then it is in `waited(p)`, or it was thrown away (its parent ignores SIGCHLD,
  or it was reaped by somebody else), and then what was last seen of it must be kept: `lost(p)`. The growth of `waited(p)`
  since the last scan tells the two apart: what is missing from it was lost. Children that were never seen and thrown
  away are unknown to everybody but the kernel's cgroup, and are not counted.
- *A child that moves while we look* would be counted twice or not at all. Parents are read before their children, and once
  more after all of them; the scan is repeated if `waited(p)` moved meanwhile. Where it moves each time, what seems lost is
  left undecided until the next scan.
- *An orphan* (a daemon whose parent ended) is no longer among the tree's children; those that were seen before stay
  followed. One that was born and orphaned between two scans is not found.

Processes are known by (pid, start time), so a reused pid is another process. The answer never falls. Of a process that has
ended everything is there until its parent waits for it: look once more before reaping (`waitid` with `WNOWAIT`).

Elsewhere than on Linux the same is done with what psutil tells; waited-for children are then not told by the system, and
children that live shorter than the time between two scans are missed.
"""

from __future__ import annotations

import os

from footprint.recorder.procfs import (
    Key,
    Source,
    Stat,
    best_source,
    machine_busy_s,
    reserved_cpus,
    resolution_s,
    start_time,
)

__all__ = ["ProcessTree", "machine_busy_s", "reserved_cpus", "resolution_s", "start_time"]

_TRIES = 4


class _Process:
    """What is known of one process, living or lately seen; times in seconds."""

    __slots__ = ("lost_s", "own_s", "parent", "waited_s")

    def __init__(self) -> None:
        self.own_s = 0.0
        self.waited_s = 0.0
        self.lost_s = 0.0
        self.parent: Key | None = None

    def total_s(self) -> float:
        return self.own_s + self.waited_s + self.lost_s


class ProcessTree:
    """CPU-seconds of a process and its descendants.

    Args:
        root_pid: the process at the top.
        start_time: its start time as `start_time` gives it, where the caller knows it; a process with another one has taken
            the pid over and is not followed.
        source: where the numbers come from; the platform's best if None.

    The calling process is left out where it is a descendant of another root, with everything below it: a recorder does
    not measure itself.
    """

    def __init__(self, root_pid: int, start_time: int | None = None, source: Source | None = None) -> None:
        self._source = source or best_source()
        stat = self._source.stat(root_pid)
        self._root: Key | None = None
        if stat is not None and start_time in {None, stat.key[1]}:
            self._root = stat.key
        self._skip = os.getpid() if os.getpid() != root_pid else -1
        self._seen: dict[Key, _Process] = {}
        self._living = int(self._root is not None)
        self._ended_s = 0.0
        self._answer_s = 0.0

    def cpu_s(self) -> float:
        """CPU-seconds of the tree so far, from an origin that does not depend on when this object was made.

        Never falls. After the root's end it stays at what was last seen, and grows with descendants that live on.
        """
        found, moving = self._scan()
        undecided = self._bury(found, moving)
        pids = {key[0]: key for key in found}
        for key, stat in found.items():
            process = self._seen.setdefault(key, _Process())
            process.own_s = max(process.own_s, stat.own_s)
            if key not in undecided:
                process.waited_s = max(process.waited_s, stat.waited_s)
            process.parent = pids.get(stat.parent)
        self._living = len(found)
        total_s = self._ended_s + sum(process.total_s() for process in self._seen.values())
        self._answer_s = max(self._answer_s, total_s)
        return self._answer_s

    @property
    def is_found(self) -> bool:
        """Whether the process at the top was there when this object was made: without it there is nothing to tell."""
        return self._root is not None

    def alive(self) -> bool:
        """Whether any process of the tree was there at the last scan."""
        return self._living > 0

    def close(self) -> None:
        """Nothing is held between scans; safe to call twice."""

    def _scan(self) -> tuple[dict[Key, Stat], set[Key]]:
        """The living processes, parents before children, and those that waited for somebody while we looked."""
        for _ in range(_TRIES):
            found = self._walk()
            moving = {key for key, stat in found.items() if self._moved(stat)}
            if not moving:
                break
        return found, moving

    def _walk(self) -> dict[Key, Stat]:
        found: dict[Key, Stat] = {}
        # Those seen before are looked up by themselves too: an orphan is nobody's child any more. They are in the order of
        # their discovery, which is parents first.
        todo: list[tuple[int, Key | None]] = [(key[0], key) for key in self._seen]
        if self._root is not None and self._root not in self._seen:
            todo.append((self._root[0], self._root))
        visited = {self._skip}
        for pid, expected in todo:
            stat = None if pid in visited else self._source.stat(pid)
            if stat is None or (expected is not None and stat.key != expected):
                continue
            visited.add(pid)
            found[stat.key] = stat
            todo.extend((child, None) for child in self._source.children(stat))
        return found

    def _moved(self, before: Stat) -> bool:
        """Whether a process has ended or waited for somebody since it was read."""
        after = self._source.stat(before.key[0])
        return after is None or after.key != before.key or after.waited_s != before.waited_s

    def _bury(self, found: dict[Key, Stat], moving: set[Key]) -> set[Key]:
        """Take leave of those that are gone: what their living parent did not wait for is kept as lost.

        Returns the parents of whom that cannot be said yet: they and their gone children stay as they were.
        """
        undecided: set[Key] = set()
        gone: dict[Key | None, list[Key]] = {}
        for key in self._seen:
            if key not in found:
                heir = self._seen[key].parent
                while heir is not None and heir not in found:
                    heir = self._seen[heir].parent if heir in self._seen else None
                gone.setdefault(heir, []).append(key)
        for heir, keys in gone.items():
            last_seen_s = sum(self._seen[key].total_s() for key in keys)
            if heir is None:
                self._ended_s += last_seen_s
            else:
                missing_s = last_seen_s - (found[heir].waited_s - self._seen[heir].waited_s)
                # Both ends of the difference are cut to whole ticks, of user and of system time.
                if missing_s > 4 * resolution_s():
                    if heir in moving:
                        undecided.add(heir)
                        continue
                    self._seen[heir].lost_s += missing_s
            for key in keys:
                del self._seen[key]
        return undecided
