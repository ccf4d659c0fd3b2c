"""What the operating system tells of processes, of the machine's CPU time, and of the CPUs that a process may use.

On Linux the files under `/proc` and `/sys/fs/cgroup`, each opened by its name: nothing looks at all processes, which costs
milliseconds on a machine that has many. Elsewhere, psutil.

A process's CPU clock (clock_getcpuclockid(3)) counts nanoseconds and is read by one system call, without a file. As nothing
forks, waits or ends without running, a clock that stands still also says that nothing else has happened to its process.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from footprint.ledger.processes import proc_is_ours

_PROC = "/proc"
SHORTAGES: Final = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Errors that say nothing of a file but much of us."""
# A list in /proc is handed out a page at a time, cut between two entries; what is shorter than this is all there is.
_SURELY_ALL_BYTES: Final = 2048
_PF_EXITING: Final = 0x4  # include/linux/sched.h; set until nothing is left of the process

Key = tuple[int, int]
"""A process: its pid, and its start time (clock ticks after boot on Linux)."""


def resolution_s() -> float:
    """The step of the kernel's accounting of waited-for children, in seconds (one clock tick)."""
    return 1.0 / _TICKS_PER_S


def _ticks_per_s() -> int:
    try:
        return os.sysconf("SC_CLK_TCK")
    except (AttributeError, ValueError, OSError):
        return 100


_TICKS_PER_S = _ticks_per_s()


class Stat(NamedTuple):
    """What the system tells of one process at one moment.

    `pulse` was read before all the rest; `session` is the pid of its session's leader; `is_dying`
    is true of zombies, too.
    """

    key: Key
    parent: int
    threads: int
    own_s: float
    waited_s: float
    pulse: int | None = None
    session: int = 0
    is_dying: bool = False


class Source(Protocol):
    """Where the numbers of processes come from."""

    def stat(self, pid: int) -> Stat | None:
        """A process's numbers; None if there is no such process or it may not be read."""
        ...

    def children(self, stat: Stat) -> Iterator[int]:
        """The pids of a process's children."""
        ...

    def pulse(self, pid: int) -> int | None:
        """A number that is another one each time after the process has run; None if there is none, or no such process."""
        ...


class ProcFiles:
    """The kernel's files under `/proc` (proc_pid_stat(5)), Linux."""

    def __init__(self) -> None:
        # Some kernels are built without the lists of children; then psutil looks at all processes, which is dearer.
        self._is_ours = proc_is_ours()
        self._otherwise = None if os.path.exists(f"{_PROC}/thread-self/children") else Portable()  # noqa: PTH110 - as below
        # A kernel that only looks like Linux may count in steps of 10 ms, in which much can happen. A true one has gone on
        # between two looks at our own clock.
        before, after = _clock_ns(os.getpid()), _clock_ns(os.getpid())
        self._has_clocks = before is not None and after is not None and after > before

    def stat(self, pid: int) -> Stat | None:
        """The fields of `/proc/PID/stat`, own time from the process's CPU clock where that can be read.

        Raises:
            OSError: if we are short of descriptors or memory.
        """
        if not self._is_ours:
            return None
        clock_ns = _clock_ns(pid)
        line = read(f"{_PROC}/{pid}/stat")
        if not line:
            return None
        # The name stands in parentheses and may hold anything, also parentheses and spaces: count from the last one.
        fields = line[line.rindex(b")") + 2 :].split()
        return Stat(
            key=(pid, int(fields[19])),
            parent=int(fields[1]),
            threads=int(fields[17]),
            own_s=max((int(fields[11]) + int(fields[12])) / _TICKS_PER_S, (clock_ns or 0) / 1e9),
            waited_s=(int(fields[13]) + int(fields[14])) / _TICKS_PER_S,
            pulse=clock_ns if self._has_clocks else None,
            session=int(fields[3]),
            is_dying=bool(int(fields[6]) & _PF_EXITING),
        )

    def children(self, stat: Stat) -> Iterator[int]:
        """The children of every thread: a process that a thread started is listed under that thread."""
        if self._otherwise is not None:
            yield from self._otherwise.children(stat)
            return
        pid = stat.key[0]
        threads = [str(pid)]
        if stat.threads > 1:
            try:
                threads = os.listdir(f"{_PROC}/{pid}/task")  # noqa: PTH208 - names only, in the hot path
            except OSError:
                return
        for thread in threads:
            for child in (read(f"{_PROC}/{pid}/task/{thread}/children") or b"").split():
                yield int(child)

    def pulse(self, pid: int) -> int | None:
        """The process's CPU clock, in nanoseconds."""
        if not self._has_clocks:
            return None
        try:  # as `_clock_ns`, without the price of a call for each of thousands
            return time.clock_gettime_ns((~pid << 3) | 2)
        except OSError:
            return None


class Portable:
    """What psutil tells, on any platform."""

    def stat(self, pid: int) -> Stat | None:
        """A process's times; waited-for children's are 0 on platforms that do not tell them."""
        import psutil

        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times: Any = process.cpu_times()
                return Stat(
                    key=(pid, int(process.create_time() * 100)),
                    parent=process.ppid(),
                    threads=1,
                    own_s=times.user + times.system,
                    waited_s=getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0),
                )
        except psutil.Error:
            return None

    def children(self, stat: Stat) -> Iterator[int]:
        """The children, found by looking at all processes."""
        import psutil

        try:
            yield from [child.pid for child in psutil.Process(stat.key[0]).children()]
        except psutil.Error:
            return

    def pulse(self, pid: int) -> int | None:  # noqa: ARG002 - the interface
        """Nothing tells that a process has not run."""
        return None


def read(path: str) -> bytes | None:
    """A file of the kernel's, whole; None if it is not there or may not be read.

    Raises:
        OSError: if we are short of descriptors or memory.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in SHORTAGES:  # it says nothing of the file, and a process that is there is not gone
            raise
        return None
    try:
        data = page = os.read(descriptor, 65536)
        while len(page) > _SURELY_ALL_BYTES:
            page = os.read(descriptor, 65536)
            data += page
    except OSError:
        return None
    else:
        return data
    finally:
        os.close(descriptor)


def _clock_ns(pid: int) -> int | None:
    """CPU time of a process from its own clock, in nanoseconds; None if it cannot be read.

    The clock's number is the one that clock_getcpuclockid(3) makes: `(~pid << 3) | CPUCLOCK_SCHED`.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return None


def ignores_children(pid: int) -> bool:
    """Whether a process ignores SIGCHLD, so that the kernel throws its children's CPU time away when they end.

    That a handler was set with SA_NOCLDWAIT, which does the same, is not told (proc_pid_status(5), SigIgn).
    """
    _, found, rest = (read(f"{_PROC}/{pid}/status") or b"").partition(b"\nSigIgn:")
    return bool(found) and bool(int(rest.split(maxsplit=1)[0], 16) >> (signal.SIGCHLD - 1) & 1)


def best_source() -> Source:
    """What this platform tells best."""
    return ProcFiles() if sys.platform == "linux" else Portable()


def start_time(pid: int) -> int | None:
    """The start time of a process, which with its pid names it for good; None if there is no such process."""
    stat = best_source().stat(pid)
    return stat.key[1] if stat else None


def machine_busy_s() -> float | None:
    """CPU-seconds that the machine has worked since boot: user, nice, system, irq, softirq (proc_stat(5)).

    Waiting for input and output is idle; time stolen by the hypervisor was somebody else's. None where the kernel does
    not tell.
    """
    if sys.platform != "linux":
        import psutil

        times: Any = psutil.cpu_times()
        return float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "interrupt", "dpc")))
    line = (read(f"{_PROC}/stat") or b"").split(b"\n", 1)[0].split()
    if not line or line[0] != b"cpu":
        return None
    user, nice, system, _idle, _iowait, irq, softirq = (int(field) for field in line[1:8])
    return (user + nice + system + irq + softirq) / _TICKS_PER_S


def reserved_cpus(pid: int, root: str = "") -> float:
    """The CPUs that a process may use: the smaller of its affinity and its cgroups' quota (cgroups(7), v2 and v1).

    The affinity is that of its main thread. Quotas are looked for in the process's cgroup and in all those above it
    that can be seen from here; `root` puts another tree in the place of `/`. Where the platform tells neither, all CPUs of
    the machine.
    """
    try:
        cpus = float(len(os.sched_getaffinity(pid)))
    except (AttributeError, OSError):
        cpus = float(os.cpu_count() or 1)
    for line in (read(f"{root}{_PROC}/{pid}/cgroup") or b"").decode("utf-8", "surrogateescape").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            cpus = min([cpus, *_quotas(f"{root}/sys/fs/cgroup", path), *_quotas(f"{root}/sys/fs/cgroup/unified", path)])
        elif "cpu" in controllers.split(","):
            cpus = min([cpus, *_quotas(f"{root}/sys/fs/cgroup/cpu", path), *_quotas(f"{root}/sys/fs/cgroup/{controllers}", path)])
    return cpus


def _quotas(mount: str, path: str) -> Iterator[float]:
    """The quotas in CPUs of a cgroup and those above it; folders that cannot be seen from here are passed over."""
    folder = path.rstrip("/")
    while True:
        maximum = (read(f"{mount}{folder}/cpu.max") or b"").split()
        quota_us = (read(f"{mount}{folder}/cpu.cfs_quota_us") or b"").split()
        period_us = (read(f"{mount}{folder}/cpu.cfs_period_us") or b"").split()
        quota = maximum if len(maximum) == 2 else [*quota_us, *period_us]  # noqa: PLR2004 - a quota and its period
        if len(quota) == 2 and quota[0].isdigit() and int(quota[1]) > 0:  # noqa: PLR2004 - "max" and -1 are no quota
            yield int(quota[0]) / int(quota[1])
        if not folder:
            return
        folder = folder.rpartition("/")[0]
