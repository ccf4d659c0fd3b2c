"""A cgroup that a process tree has for itself: how that is found out, and watched.

The kernel's account of a cgroup knows all that ever ran in it, also children that nobody waited for. It is the tree's where
every pid in it, and below it, is one of the tree's processes or the recorder, whose own CPU time is taken off. So it must be
at the beginning, and at each later look, where newcomers are judged:

- whose parent is the tree's is the tree's;
- an orphan (a child of init, or of whom the recorder itself was left to when its parent ended) is the tree's if it was born
  since the last look, in a session that is not a living stranger's: then it was born in the cgroup, for all that can be seen
  (that a stranger who is gone again brought it along cannot be told apart);
- anybody else is a stranger, and so is who is there and is not shown to us.

The cgroup is the tree's no longer once there is a stranger, or one of the tree's processes or the recorder has gone to
another cgroup, or the cgroup does not tell any more, or knows less than the processes say of themselves (version 1 lets the
threads of a process be in several).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Final, Self

from footprint.recorder.cgroup import Cgroup
from footprint.recorder.lineage import Lineage
from footprint.recorder.procfs import Source, Stat, resolution_s

_INIT: Final = 1
_MANY: Final = 64
# What a cgroup may be behind the clocks of its processes: they are not read at one moment, and on many CPUs.
_BEHIND_RATIO: Final = 0.05
_BEHIND_S: Final = 0.1


class Enclosure:
    """A cgroup in which nobody was but a tree's processes, and perhaps the recorder, at the last look.

    Attributes:
        cgroup: the cgroup.
        holds: whether it was so at the last look.
    """

    def __init__(self, cgroup: Cgroup, lineage: Lineage, source: Source, recorder: int | None) -> None:
        self.cgroup = cgroup
        self.holds = True
        self._lineage = lineage
        self._source = source
        self._recorder = recorder
        self._reapers: set[int] = set()
        self._looked_ticks = _boot_ticks()
        self._last_s = 0.0
        self._grown_s = 0.0
        self._lineage_grown_s = 0.0

    @classmethod
    def find(cls, cgroups: Iterable[Cgroup], lineage: Lineage, source: Source, root: int, recorder: int | None) -> Self | None:
        """The first of some cgroups that is the tree's; None if none is.

        Args:
            cgroups: those that the root is in.
            lineage: the tree, just looked at.
            source: where the numbers of processes come from.
            root: the pid of the process at the top.
            recorder: the pid of this process, if it is not of the tree.
        """
        for cgroup in cgroups:
            # Another one's list may be as long as the machine's, and need not be read to its end.
            listed = cgroup.pids(limit=2 * len(lineage.living()) + _MANY)
            if listed is None or root not in listed:
                continue
            found = cls(cgroup, lineage, source, recorder if recorder in listed else None)
            if found._is_whole(listed) and (used_s := found._used_s()) is not None:
                found._last_s = used_s
                found._reapers = _reapers(source, root, found._recorder)
                return found
        return None

    def grown_s(self, lineage_grown_s: float) -> float:
        """What the tree has used since the last look, in seconds; `holds` then says whether the cgroup is still the tree's.

        If it is not, the processes are believed: for the time since the last look, or since the first one where the cgroup
        knows less than they do.

        Args:
            lineage_grown_s: what the tree has used since the last look, as its processes say.
        """
        looked_ticks = _boot_ticks()
        listed = self.cgroup.pids()
        used_s = self._used_s()
        if listed is None or used_s is None or not self._is_whole(listed):
            self.holds = False
            return lineage_grown_s
        grown_s = max(0.0, used_s - self._last_s)
        known_s, claimed_s = self._grown_s + grown_s, self._lineage_grown_s + lineage_grown_s
        if claimed_s > known_s * (1 + _BEHIND_RATIO) + _BEHIND_S * (os.cpu_count() or 1):
            self.holds = False
            return claimed_s - self._grown_s
        self._looked_ticks = looked_ticks
        self._last_s = max(self._last_s, used_s)
        self._grown_s, self._lineage_grown_s = known_s, claimed_s
        return grown_s

    def _used_s(self) -> float | None:
        """CPU-seconds used in the cgroup by all but the recorder."""
        # Read first: that brings what the cgroup is charged for us up to date.
        own = os.times()
        own_s = time.process_time() + own.children_user + own.children_system if self._recorder is not None else 0.0
        used_s = self.cgroup.usage_s()
        return None if used_s is None else used_s - own_s

    def _is_whole(self, listed: set[int]) -> bool:
        """Whether all that are listed are the tree's or the recorder, and all that are the tree's are in the cgroup."""
        living = self._lineage.living()
        if self._recorder is not None and self._recorder not in listed:
            return False
        away = [pid for pid, stat in living.items() if pid not in listed and not stat.is_dying]
        if any(self._is_elsewhere(pid) for pid in away):
            return False
        return self._welcome(listed - living.keys() - {self._recorder})

    def _is_elsewhere(self, pid: int) -> bool:
        if self.cgroup.holds(pid):
            return False
        stat = self._source.stat(pid)  # in the old hierarchy a process that is ending is shown in the cgroup at the top
        return stat is not None and not stat.is_dying

    def _welcome(self, newcomers: set[int]) -> bool:
        """Follow those that are the tree's; whether all are."""
        living = self._lineage.living()
        waiting: dict[int, Stat] = {}
        for pid in newcomers:
            stat = self._source.stat(pid)
            if stat is not None:
                waiting[pid] = stat
            elif _is_there(pid):
                return False
        while waiting:
            ours = [pid for pid, stat in waiting.items() if stat.parent in living or self._is_orphan(stat, living)]
            for pid in ours:
                living[pid] = stat = waiting.pop(pid)
                self._lineage.adopt(stat, living[stat.parent].key if stat.parent in living else None)
            if not ours:
                return False
        return True

    def _is_orphan(self, stat: Stat, living: Mapping[int, Stat]) -> bool:
        if stat.parent not in self._reapers or stat.key[1] < self._looked_ticks - 1:
            return False
        # Who founds a session leads it; its number stays when the leader has ended.
        of_the_tree = stat.session == stat.key[0] or any(stat.session == other.session for other in living.values())
        return of_the_tree or not _is_there(stat.session)


def _reapers(source: Source, root: int, recorder: int | None) -> set[int]:
    """Those to whom the kernel leaves the tree's orphans, as far as that is known: init, and whoever got the recorder."""
    if recorder is None:
        return {_INIT}
    pid = root
    while (stat := source.stat(pid)) is not None:  # above the first process of a pid namespace there is none
        if stat.parent == recorder:  # it started the tree, and was not left by it
            return {_INIT}
        pid = stat.parent
    return {_INIT, os.getppid()} - {0}  # which would be one of another pid namespace, as are all who are sent in from there


def _boot_ticks() -> float:
    """Now, as start times of processes are told."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) / resolution_s()


def _is_there(pid: int) -> bool:
    """Whether there is a process of this pid, also where we may not see it; 0 is one of another pid namespace."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
