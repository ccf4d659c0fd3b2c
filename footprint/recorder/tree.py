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
- *A child that moves while we look* would be counted twice or not at all. `waited(p)` is read before and after the
  children, and the scan is repeated if it moved.
- *An orphan* (a daemon whose parent ended) is no longer among the tree's children; those that were seen before stay
  followed. One that was born and orphaned between two scans is not found.

Processes are known by (pid, start time), so a reused pid is another process. The answer never falls.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

_PROC = "/proc"
_RETRIES = 3

Key = tuple[int, int]
"""A process: its pid, and its start time in clock ticks after boot."""


def resolution_s() -> float:
    """The step of the kernel's accounting of waited-for children, in seconds (one clock tick)."""
    return 1.0 / _TICKS_PER_S


def _ticks_per_s() -> int:
    try:
        return os.sysconf("SC_CLK_TCK")
    except (AttributeError, ValueError, OSError):
        return 100


_TICKS_PER_S = _ticks_per_s()


class _Stat:
    """The fields of `/proc/PID/stat` that are needed; times in seconds."""

    __slots__ = ("key", "own_s", "parent", "threads", "waited_s")

    def __init__(self, pid: int, line: bytes) -> None:
        # The name stands in parentheses and may hold anything, also parentheses and spaces: count from the last one.
        fields = line[line.rindex(b")") + 2 :].split()
        self.parent = int(fields[1])
        self.own_s = (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
        self.waited_s = (int(fields[13]) + int(fields[14])) / _TICKS_PER_S
        self.threads = int(fields[17])
        self.key: Key = (pid, int(fields[19]))


def _read(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _stat(pid: int) -> _Stat | None:
    line = _read(f"{_PROC}/{pid}/stat")
    return _Stat(pid, line) if line else None


def start_time(pid: int) -> int | None:
    """The start time of a process in clock ticks after boot, None if there is no such process."""
    stat = _stat(pid)
    return stat.key[1] if stat else None


def _children(stat: _Stat) -> Iterator[int]:
    """The children of every thread: a process that a thread started is listed under that thread."""
    pid = stat.key[0]
    threads: list[str] | tuple[str] = (str(pid),)
    if stat.threads > 1:
        try:
            threads = os.listdir(f"{_PROC}/{pid}/task")  # noqa: PTH208 - names only, in the hot path
        except OSError:
            return
    for thread in threads:
        for child in (_read(f"{_PROC}/{pid}/task/{thread}/children") or b"").split():
            yield int(child)


def _clock_s(pid: int) -> float:
    """CPU time of a process from its own clock; 0 if it cannot be read.

    The clock's number is the one that clock_getcpuclockid(3) makes: `(~pid << 3) | CPUCLOCK_SCHED`.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


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
        start_time: its start time in clock ticks after boot, where the caller knows it; a process with another one has
            taken the pid over and is not followed.

    The calling process is left out where it is a descendant of another root, with everything below it: a recorder does
    not measure itself.
    """

    def __init__(self, root_pid: int, start_time: int | None = None) -> None:
        stat = _stat(root_pid)
        self._root: Key | None = None
        if stat is not None and start_time in {None, stat.key[1]}:
            self._root = stat.key
        self._skip = os.getpid() if os.getpid() != root_pid else -1
        self._seen: dict[Key, _Process] = {}
        self._ended_s = 0.0
        self._answer_s = 0.0

    def cpu_s(self) -> float:
        """CPU-seconds of the tree so far, from an origin that does not depend on when this object was made.

        Never falls. After the root's end it stays at what was last seen, and grows with descendants that live on.
        """
        found = self._scan()
        self._bury(found)
        for key, (stat, own_s, parent) in found.items():
            process = self._seen.setdefault(key, _Process())
            process.own_s = max(process.own_s, own_s, stat.own_s)
            process.waited_s = max(process.waited_s, stat.waited_s)
            process.parent = parent
        total_s = self._ended_s + sum(process.total_s() for process in self._seen.values())
        self._answer_s = max(self._answer_s, total_s)
        return self._answer_s

    def alive(self) -> bool:
        """Whether any process of the tree was there at the last scan."""
        return bool(self._seen)

    def close(self) -> None:
        """Nothing is held between scans; safe to call twice."""

    def _scan(self) -> dict[Key, tuple[_Stat, float, Key | None]]:
        """The living processes: their numbers, own seconds, and parent in the tree; taken when nothing moved."""
        found: dict[Key, tuple[_Stat, float, Key | None]] = {}
        for _ in range(_RETRIES):
            found = self._walk()
            if all(self._still(entry[0]) for entry in found.values()):
                break
        return found

    def _walk(self) -> dict[Key, tuple[_Stat, float, Key | None]]:
        found: dict[Key, tuple[_Stat, float, Key | None]] = {}
        # Those seen before are looked up by themselves too: an orphan is nobody's child any more.
        todo: list[tuple[int, Key | None]] = [(key[0], key) for key in self._seen]
        if self._root is not None:
            todo.append((self._root[0], self._root))
        visited: set[int] = {self._skip}
        while todo:
            pid, expected = todo.pop()
            if pid in visited:
                continue
            stat = _stat(pid)
            if stat is None or (expected is not None and stat.key != expected):
                continue
            visited.add(pid)
            found[stat.key] = (stat, _clock_s(pid), None)
            todo.extend((child, None) for child in _children(stat))
        by_pid = {key[0]: key for key in found}
        return {key: (stat, own_s, by_pid.get(stat.parent)) for key, (stat, own_s, _) in found.items()}

    @staticmethod
    def _still(before: _Stat) -> bool:
        """Whether the process is there and has waited for nobody since it was read."""
        after = _stat(before.key[0])
        return after is not None and after.key == before.key and after.waited_s == before.waited_s

    def _bury(self, found: dict[Key, tuple[_Stat, float, Key | None]]) -> None:
        """Take leave of those that are gone: what their living parent did not wait for is kept as lost."""
        gone_s: dict[Key | None, float] = {}
        for key in [key for key in self._seen if key not in found]:
            heir = self._seen[key].parent
            while heir is not None and heir not in found:
                heir = self._seen[heir].parent if heir in self._seen else None
            gone_s[heir] = gone_s.get(heir, 0.0) + self._seen[key].total_s()
        for key in [key for key in self._seen if key not in found]:
            del self._seen[key]
        for heir, last_seen_s in gone_s.items():
            if heir is None:
                self._ended_s += last_seen_s
                continue
            waited_s = found[heir][0].waited_s - self._seen[heir].waited_s
            # Both ends of the difference are cut to whole ticks, of user and of system time.
            if last_seen_s - waited_s > 4 * resolution_s():
                self._seen[heir].lost_s += last_seen_s - waited_s


def machine_busy_s() -> float | None:
    """CPU-seconds that the machine has worked since boot: user, nice, system, irq, softirq (proc_stat(5)).

    Waiting for input and output is idle; time stolen by the hypervisor was somebody else's. None where the kernel does
    not tell.
    """
    line = (_read(f"{_PROC}/stat") or b"").split(b"\n", 1)[0].split()
    if not line or line[0] != b"cpu":
        return None
    user, nice, system, _idle, _iowait, irq, softirq = (int(field) for field in line[1:8])
    return (user + nice + system + irq + softirq) / _TICKS_PER_S


def reserved_cpus(pid: int) -> float:
    """The CPUs that a process may use: the smaller of its affinity and its cgroups' quota (cgroups(7), v2 and v1).

    The affinity is that of its main thread. Quotas are looked for in the process's cgroup and in all those above it
    that can be seen from here. Where the platform tells neither, all CPUs of the machine.
    """
    try:
        cpus = float(len(os.sched_getaffinity(pid)))
    except (AttributeError, OSError):
        cpus = float(os.cpu_count() or 1)
    for line in (_read(f"{_PROC}/{pid}/cgroup") or b"").decode("utf-8", "surrogateescape").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            cpus = min([cpus, *_quotas("/sys/fs/cgroup", path), *_quotas("/sys/fs/cgroup/unified", path)])
        elif "cpu" in controllers.split(","):
            cpus = min([cpus, *_quotas("/sys/fs/cgroup/cpu", path), *_quotas(f"/sys/fs/cgroup/{controllers}", path)])
    return cpus


def _quotas(mount: str, path: str) -> Iterator[float]:
    """The quotas in CPUs of a cgroup and those above it; folders that cannot be seen from here are passed over."""
    folder = path.rstrip("/")
    while True:
        maximum = (_read(f"{mount}{folder}/cpu.max") or b"").split()
        quota_us = (_read(f"{mount}{folder}/cpu.cfs_quota_us") or b"").split()
        period_us = (_read(f"{mount}{folder}/cpu.cfs_period_us") or b"").split()
        quota = maximum if len(maximum) == 2 else [*quota_us, *period_us]  # noqa: PLR2004 - a quota and its period
        if len(quota) == 2 and quota[0].isdigit() and int(quota[1]) > 0:  # noqa: PLR2004 - "max" and -1 are no quota
            yield int(quota[0]) / int(quota[1])
        if not folder:
            return
        folder = folder.rpartition("/")[0]
