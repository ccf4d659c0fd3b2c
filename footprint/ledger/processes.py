"""Who a process is, so that a reader can tell later whether it is still the same one, and alive.

A pid alone is reused; a pid with its start time is not until the next boot, and the boot has an id of its own. Where
the reader stands on another host or in another pid namespace it cannot tell, and says so.
"""

from __future__ import annotations

import os
import socket
from typing import Final

import msgspec

_LIMIT_BYTES: Final = 2**16
_FIRST_NAMESPACE: Final = f"pid:[{0xEFFFFFFC}]"


class Process(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A process, told apart from every other: start time in clock ticks since boot, boot, host and pid namespace."""

    pid: int
    start_ticks: int | None = None
    boot_id: str | None = None
    host: str = ""
    pid_namespace: str | None = None


def stat_fields(pid: int) -> list[str]:
    """The fields of `/proc/PID/stat` from the third on; none if there is no such process, or if `/proc` cannot tell."""
    if not proc_is_ours():
        return []
    # The name before them may hold spaces and brackets.
    return (_read(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (`/proc/PID/stat`, field 22); null if it is not there."""
    fields = stat_fields(pid)
    if not fields or fields[0] in {"Z", "X"}:  # a zombie runs no more
        return None
    return int(fields[19])


def parent_pid(pid: int) -> int | None:
    """The parent of a process (field 4); null if it is not there."""
    fields = stat_fields(pid)
    return int(fields[1]) if fields else None


def identify(pid: int) -> Process:
    """A process of this host as it can be recognised later."""
    return Process(
        pid=pid,
        start_ticks=start_ticks(pid),
        boot_id=boot_id(),
        host=socket.gethostname(),
        pid_namespace=_pid_namespace(),
    )


def is_alive(process: Process) -> bool | None:
    """Whether that very process still runs; null if it cannot be told from here."""
    if process.host != socket.gethostname() or process.start_ticks is None or process.boot_id is None:
        return None
    boot = boot_id()
    if boot is None:  # short of descriptors, say
        return None
    if process.boot_id != boot:
        return False
    if process.pid_namespace != _pid_namespace():
        return None
    found = start_ticks(process.pid)
    if found is None and start_ticks(os.getpid()) is None:  # nothing can be looked at
        return None
    return found == process.start_ticks


def proc_is_ours() -> bool:
    """Whether the pids under `/proc` are those of our own pid namespace: a new namespace may see the old one's files."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())  # noqa: PTH115 - it is a number, not a path
    except OSError:
        return False


def boot_id() -> str | None:
    """The kernel's id of this boot; null where there is none."""
    text = _read("/proc/sys/kernel/random/boot_id")
    return text.strip() if text else None


def in_first_namespace(root: str = "") -> bool:
    """Whether our pids are those that the kernel and its drivers count by: we are in the machine's first pid namespace.

    Its number is fixed (`PROC_PID_INIT_INO` of the kernel's `include/linux/proc_ns.h`).
    """
    return _pid_namespace(root) == _FIRST_NAMESPACE


def _pid_namespace(root: str = "") -> str | None:
    try:
        return os.readlink(f"{root}/proc/self/ns/pid")  # noqa: PTH115 - it is a name, not a path
    except OSError:
        return None


def _read(path: str) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        return os.read(descriptor, _LIMIT_BYTES).decode("utf-8", "replace")  # the kernel tells it in one piece
    except OSError:
        return None
    finally:
        os.close(descriptor)
