"""The kernel's control groups as accounts of CPU time (cgroups(7)): whose they are, and how much was used in them.

A cgroup's account has everything that ran in it and in the cgroups below it: processes that live, that have ended, waited
for or not, orphans and their children. Version 1 tells it in `cpuacct.usage` (nanoseconds, kernel's cpuacct.rst), version 2
in `cpu.stat`, `usage_usec` (cgroup-v2.rst), also where the cpu controller is off. A process that runs just now may be
charged with one tick of the scheduler less than its own clock says.

`/proc/PID/cgroup` tells the path of a process's cgroup in each hierarchy, and `/proc/self/mountinfo` where which part of a
hierarchy is mounted; both count from the root of the reader's cgroup namespace, so that in a container the path may be `/`,
and that of a process outside begins with `/..`. What is mounted nowhere, or only in part elsewhere, cannot be seen from here.
"""

from __future__ import annotations

import errno
import math
import os
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from footprint.ledger.processes import in_first_namespace
from footprint.recorder.procfs import SHORTAGES, read

Version = Literal[1, 2]

# A folder that is removed while we look has no processes any more.
_REMOVED: Final = {errno.ENOENT, errno.ENODEV}
_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")


class Cgroup:
    """One cgroup, by its folder.

    Args:
        folder: where it is mounted.
        version: of its hierarchy.
        path: its path, as `/proc/PID/cgroup` tells it.
        root: another tree in the place of `/`.
    """

    def __init__(self, folder: str, version: Version, path: str, root: str = "") -> None:
        self.folder = folder
        self.version = version
        self._path = path
        self._root = root

    def usage_s(self) -> float | None:
        """CPU-seconds used in it and below it, from an origin of its own; None if it does not tell any more."""
        if self.version == 1:
            words = (read(f"{self.folder}/cpuacct.usage") or b"").split()
            return int(words[0]) / 1e9 if words else None
        for line in (read(f"{self.folder}/cpu.stat") or b"").splitlines():
            name, _, value = line.partition(b" ")
            if name == b"usage_usec":
                return int(value) / 1e6
        return None

    def pids(self, limit: float = math.inf) -> set[int] | None:
        """The pids of all processes in it and below it; 0 stands for those that another pid namespace hides.

        None if it cannot be told: a folder may not be read, a cgroup is of threads only, or there are more than `limit`.

        Raises:
            OSError: if we are short of descriptors or memory.
        """
        found: set[int] = set()
        folders = [self.folder]
        try:
            for folder in folders:  # grows as it goes
                listed = _lines(f"{folder}/cgroup.procs")
                if listed is None:
                    if folder == self.folder:
                        return None
                    continue
                found.update(map(int, listed))
                if len(found) > limit:
                    return None
                with os.scandir(folder) as entries:
                    folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            return None
        return found

    def holds(self, pid: int) -> bool:
        """Whether a process is in it or below it, by what its own file says; also if there is no such process any more."""
        at = _paths(pid, self._root)
        path = at.get(self.version)
        return not at or (path is not None and _below(path, self._path) is not None)


class _Mount(NamedTuple):
    """A hierarchy, or a part of it, where it is mounted."""

    version: Version
    path: str
    folder: str


def cgroups_of(pid: int, root: str = "") -> list[Cgroup]:
    """The cgroups that a process is in and that count CPU time, as far as they can be seen from here; version 2 first.

    The old hierarchy's lists leave out processes of other pid namespaces without a word, so that it says nothing about whose
    a cgroup is unless we see all pids of the machine.
    """
    paths = _paths(pid, root)
    found: dict[str, Cgroup] = {}
    for mount in sorted(_mounts(root)):
        path = paths.get(mount.version)
        below = None if path is None else _below(path, mount.path)
        if path is None or below is None or (mount.version == 1 and not in_first_namespace(root)):
            continue
        folder = root + mount.folder.rstrip("/") + below
        if os.path.isdir(folder):  # noqa: PTH112 - text in, text out
            found.setdefault(folder, Cgroup(folder, mount.version, path, root))
    return sorted(found.values(), key=lambda cgroup: -cgroup.version)


def _paths(pid: int, root: str) -> dict[Version, str]:
    """The paths of a process's cgroups in the hierarchies that count CPU time; none if there is no such process."""
    found: dict[Version, str] = {}
    for line in (read(f"{root}/proc/{pid}/cgroup") or b"").decode("utf-8", "surrogateescape").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found[2] = path
        elif "cpuacct" in controllers.split(","):
            found[1] = path
    return found


def _mounts(root: str) -> Iterator[_Mount]:
    """Where hierarchies that count CPU time are mounted (proc_pid_mountinfo(5))."""
    for line in (read(f"{root}/proc/self/mountinfo") or b"").splitlines():
        fields, _, rest = line.partition(b" - ")
        kind, _, options = rest.split(b" ", 2) if rest.count(b" ") >= 2 else (b"", b"", b"")  # noqa: PLR2004 - three words
        if kind == b"cgroup2" or (kind == b"cgroup" and b"cpuacct" in options.split(b",")):
            path, folder = (_plain(word) for word in fields.split(b" ")[3:5])
            yield _Mount(2 if kind == b"cgroup2" else 1, path, folder)


def _plain(word: bytes) -> str:
    """A path without the kernel's escapes, which are a backslash and three octal digits."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), word).decode("utf-8", "surrogateescape")


def _below(path: str, top: str) -> str | None:
    """The rest of a cgroup's path below another one, with its leading slash; None if it is elsewhere."""
    top = top.rstrip("/")
    if path.rstrip("/") != top and not path.startswith(f"{top}/"):
        return None
    rest = path[len(top) :].rstrip("/")
    return None if ".." in rest.split("/") else rest


def _lines(path: str) -> list[bytes] | None:
    """The lines of a file; None if its folder is not there any more.

    Raises:
        OSError: if it may not be read.
    """
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - without a Path, in the hot path
            return file.readall().split()
    except OSError as error:
        if error.errno in _REMOVED:
            return None
        raise
