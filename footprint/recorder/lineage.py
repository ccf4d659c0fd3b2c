"""CPU-seconds of a process and all its descendants, from what the kernel tells of each of them.

What that is of a process `p` (proc_pid_stat(5)): its own time, and the time of the children that it has waited for, with
everything that those had waited for. Own time is read from the process's CPU clock, which counts nanoseconds
(clock_getcpuclockid(3)); the waited-for time comes in clock ticks. Then::

    tree(p) = own(p) + waited(p) + lost(p) + sum of tree(c) over the children c that have not been waited for

While `p` lives this is exact, however short its children live, as long as they are waited for: a child's time moves from
its own entry to its parent's `waited` at one moment. Three things need care:

- *A child that is gone* was waited for, and then it is in `waited(p)`, or it was thrown away (its parent ignores SIGCHLD,
  or it was reaped by somebody else), and then what was last seen of it must be kept: `lost(p)`. The growth of `waited(p)`
  since the last scan tells the two apart: what is missing from it was lost. Children that were never seen and thrown
  away are unknown to everybody but the kernel's cgroup, and are not counted.
- *A child that moves while we look* would be counted twice or not at all. Parents are read before their children, so a
  child's time can only be in neither place: it is gone, and its parent was read before it waited. Where a child seems lost
  its parent is read once more, and the scan is repeated if it has waited meanwhile. Where that goes on, what seems lost is
  left undecided until the next scan.
- *An orphan* (a daemon whose parent ended) is no longer among the tree's children; those that were seen before stay
  followed. One that was born and orphaned between two scans is not found, unless somebody who knows of it has it adopted.

Processes are known by (pid, start time), so a reused pid is another process. Of a process that has ended everything is
there until its parent waits for it: look once more before reaping (`waitid` with `WNOWAIT`).

A scan reads the files of those that have run since the last one, and one system call tells of each other that it has not
(`Source.pulse`): it can neither have forked nor waited. Some are read in spite of that, in turn, because a process may come
to a child in its sleep: an orphan is left to it (PR_SET_CHILD_SUBREAPER), its child forks a sibling (CLONE_PARENT), or the
kernel has left one out of a list because another one ended while the list was read. Of a small tree each is, every few looks.

Elsewhere than on Linux the same is done with what psutil tells; waited-for children are then not told by the system, and
children that live shorter than the time between two scans are missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from footprint.recorder.procfs import Key, Source, Stat, resolution_s

_TRIES: Final = 4
_ANEW: Final = 2
_TURNS: Final = 128
"""At least so many processes are read anew in each scan, and each process at least once in so many scans."""


class _Process:
    """What is known of one process, living or lately seen; times in seconds."""

    __slots__ = ("lost_s", "own_s", "parent", "pulse", "stat", "total_s", "waited_s")

    def __init__(self) -> None:
        self.own_s = 0.0
        self.waited_s = 0.0
        self.lost_s = 0.0
        self.parent: Key | None = None
        self.pulse: int | None = None
        self.stat: Stat | None = None
        self.total_s = 0.0

    def sum_up(self) -> None:
        self.total_s = self.own_s + self.waited_s + self.lost_s


class _Gone(NamedTuple):
    """Processes that are no more, whose next living ancestor may have waited for them, and what that did not take over."""

    keys: list[Key]
    missing_s: float
    is_undecided: bool


class Lineage:
    """The processes of a tree, and their CPU-seconds.

    Args:
        root: the process at the top.
        source: where the numbers come from.
        looker: the pid of a process that is left out, with everything below it (a recorder does not measure itself), or None.
    """

    def __init__(self, root: Key, source: Source, looker: int | None) -> None:
        self._source = source
        self._looker = -1 if looker is None else looker
        self._seen: dict[Key, _Process] = {root: _Process()}
        self._found: dict[Key, Stat] = {}
        self._ended_s = 0.0
        self._scans = 0

    def living(self) -> dict[int, Stat]:
        """The processes that were there at the last scan, by pid, with those adopted since."""
        return {key[0]: stat for key, stat in self._found.items()}

    def parents(self) -> set[int]:
        """The pids of those that had children at the last scan."""
        return {process.parent[0] for process in self._seen.values() if process.parent is not None}

    def adopt(self, stat: Stat, parent: Key | None) -> None:
        """Follow a process that no scan has found among the tree's children: an orphan, or one just born.

        Args:
            stat: what it has used so far counts at once.
            parent: the one of the tree that may wait for it; None for an orphan.
        """
        process = self._seen.setdefault(stat.key, _Process())
        process.own_s, process.waited_s, process.parent = stat.own_s, stat.waited_s, parent
        process.sum_up()
        self._found[stat.key] = stat

    def total_s(self) -> float:
        """CPU-seconds of the tree as far as they are known without a new scan."""
        return self._ended_s + sum([process.total_s for process in self._seen.values()])

    def cpu_s(self) -> float:
        """CPU-seconds of the tree so far: a new scan.

        It may be less than before, for a moment: a child is gone, and its parent was read before it waited.
        """
        for _ in range(_TRIES):
            found, fresh = self._walk()
            gone = self._missed(found)
            if not any(some.is_undecided for some in gone.values()):
                break
        self._scans += 1
        self._bury(gone)
        pids = {key[0]: key for key in found} if fresh else {}
        for stat in fresh:
            process = self._seen.setdefault(stat.key, _Process())
            process.own_s = max(process.own_s, stat.own_s)
            process.parent = pids.get(stat.parent)
            if stat.key not in gone or not gone[stat.key].is_undecided:
                process.waited_s = max(process.waited_s, stat.waited_s)
                process.pulse, process.stat = stat.pulse, stat
            process.sum_up()
        self._found = found
        return self.total_s()

    def _walk(self) -> tuple[dict[Key, Stat], list[Stat]]:
        """The living processes, parents before children, and which of them were read anew."""
        source, turns = self._source, min(_TURNS, max(1, len(self._seen) // _ANEW))
        turn = self._scans % turns
        found: dict[Key, Stat] = {}
        fresh: list[Stat] = []
        children: list[int] = []
        # Those seen before are looked up by themselves: an orphan is nobody's child any more. They are in the order of their
        # discovery, which is parents first, and stays so: the kernel hands orphans to an ancestor.
        for place, (key, process) in enumerate(self._seen.items()):
            # Where the parent is gone there is another one, and only the process's own file tells it. Whose parent is not of
            # the tree has none in it ever again.
            is_settled = process.parent is None or process.parent in found
            if is_settled and process.pulse is not None and place % turns != turn and source.pulse(key[0]) == process.pulse:
                assert process.stat is not None, "it came with the pulse"
                found[key] = process.stat
                continue
            stat = source.stat(key[0])
            if stat is not None and stat.key == key:
                found[key] = stat
                fresh.append(stat)
                children.extend(source.children(stat))
        known = {key[0] for key in found} | {self._looker} if children else set()
        for pid in children:  # grows as it goes
            if pid in known or (stat := source.stat(pid)) is None:
                continue
            known.add(pid)
            found[stat.key] = stat
            fresh.append(stat)
            children.extend(source.children(stat))
        return found, fresh

    def _missed(self, found: dict[Key, Stat]) -> dict[Key | None, _Gone]:
        """Those that are gone, by their next living ancestor; None where there is none."""
        by_heir: dict[Key | None, list[Key]] = {}
        for key in self._seen.keys() - found.keys():
            heir = self._seen[key].parent
            while heir is not None and heir not in found:
                heir = self._seen[heir].parent if heir in self._seen else None
            by_heir.setdefault(heir, []).append(key)
        gone: dict[Key | None, _Gone] = {}
        for heir, keys in by_heir.items():
            missing_s = sum(self._seen[key].total_s for key in keys)
            if heir is not None:
                missing_s -= found[heir].waited_s - self._seen[heir].waited_s
                # Both ends of the difference are cut to whole ticks, of user and of system time.
                missing_s = missing_s if missing_s > 4 * resolution_s() else 0.0
            gone[heir] = _Gone(keys, missing_s, heir is not None and missing_s > 0 and self._moved(found[heir]))
        return gone

    def _moved(self, before: Stat) -> bool:
        """Whether a process has ended or waited for somebody since it was read."""
        after = self._source.stat(before.key[0])
        return after is None or after.key != before.key or after.waited_s != before.waited_s

    def _bury(self, gone: Mapping[Key | None, _Gone]) -> None:
        """Take leave of those that are gone; what nobody has waited for is kept."""
        for heir, some in gone.items():
            if some.is_undecided:
                continue  # they and their heir stay as they were
            if heir is None:
                self._ended_s += some.missing_s
            else:
                self._seen[heir].lost_s += some.missing_s
                self._seen[heir].sum_up()
            for key in some.keys:
                del self._seen[key]
