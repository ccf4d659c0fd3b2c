"""A process that is recorded from outside: whether it can be, what it was started with, how it ended.

It is never touched: nothing is traced and no signal is sent. Everything is read from its files under `/proc`
(proc_pid_stat(5)) and, of its end, from its pidfd.
"""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import ConfigError
from footprint.ledger.processes import Process, identify, proc_is_ours, stat_fields
from footprint.recorder.messages import Steps

UNREADABLE: Final = (
    "the environment of the process may not be read (it is another user's, or protected): which GPUs it may use is not known, "
    "and all are taken; attach as its user or as root to know"
)
UNSEEN_END: Final = "how the program ended is not known: it was started by another process, and the kernel does not tell us"
DETACHED: Final = "detached before the program ended: it went on"

_ENVIRONMENT_LIMIT_BYTES: Final = 1 << 22
_KERNEL_THREAD: Final = 0x00200000  # PF_KTHREAD of the kernel's include/linux/sched.h
_STATE, _FLAGS, _START, _EXIT_CODE = 0, 6, 19, 49  # fields 3, 9, 22 and 52
_GET_INFO: Final = 0xC040FF0B  # PIDFD_GET_INFO of include/uapi/linux/pidfd.h, for its first 64 bytes
_INFO: Final = struct.Struct("=QQ11Ii")
_INFO_EXIT: Final = 1 << 3  # the kernel tells since 6.15, once the process was waited for
_AGAIN_S: Final = 0.01


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A process to attach to: who it is, its short name, and the environment that it was started with (null: not to be read).

    With `steps`, it stands for a job of SLURM, whose steps are recorded in its stead.
    """

    process: Process
    name: str
    environ: dict[str, str] | None
    steps: Steps | None = None


def find(pid: int) -> Target:
    """A process that can be attached to.

    Raises:
        ConfigError: if there is none of that number, or if it is none whose work could be recorded.
    """
    if not proc_is_ours():
        raise ConfigError(f"process {pid} cannot be looked at: footprint attach needs Linux, with /proc of its own pid namespace")
    if pid == os.getpid():
        raise ConfigError(f"process {pid} is this footprint itself: name the process to record")
    fields, status = stat_fields(pid), _text(pid, "status")
    if not fields:
        raise ConfigError(f"there is no process {pid} here, or it is hidden from this user (see `ps -p {pid}`)")
    name = _text(pid, "comm").strip() or str(pid)
    leader = next((line.split()[1] for line in status.splitlines() if line.startswith("Tgid:")), str(pid))
    if leader != str(pid):
        raise ConfigError(f"{pid} is a thread of process {leader}: attach to that")
    if int(fields[_FLAGS]) & _KERNEL_THREAD:
        raise ConfigError(f"process {pid} ({name}) is a thread of the kernel, not a program")
    process = identify(pid)
    if fields[_STATE] in {"Z", "X"} or process.start_ticks != int(fields[_START]):
        raise ConfigError(f"process {pid} ({name}) has ended already")
    return Target(process=process, name=name, environ=environment(pid))


def environment(pid: int) -> dict[str, str] | None:
    """The environment that a process was started with; null if it may not be read.

    What the process has changed in it since is not seen.
    """
    try:
        with Path(f"/proc/{pid}/environ").open("rb") as file:
            data = file.read(_ENVIRONMENT_LIMIT_BYTES)
    except OSError:
        return None
    pairs = (os.fsdecode(entry).partition("=") for entry in data.split(b"\0"))
    return {name: value for name, equals, value in pairs if equals}


def exit_code(process: Process, descriptor: int | None, limit_s: float) -> int | None:
    """The exit code of a process that has just ended, negative if a signal killed it; null if it cannot be had.

    As long as nobody has waited for it, it stands in its `stat` for its own user and root; afterwards the kernel tells it to
    who held its pidfd. Which of the two comes first is its parent's business: both are tried for `limit_s` seconds.
    """
    deadline_s = time.monotonic() + limit_s
    while True:
        status = _status_of_zombie(process)
        if status is None and descriptor is not None:
            status = _status_of_pidfd(descriptor)
        if status is not None:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline_s:
            return None
        time.sleep(_AGAIN_S)


def _status_of_zombie(process: Process) -> int | None:
    fields = stat_fields(process.pid)
    if len(fields) <= _EXIT_CODE or fields[_STATE] != "Z" or int(fields[_START]) != process.start_ticks:
        return None
    try:
        os.readlink(f"/proc/{process.pid}/exe")  # noqa: PTH115 - only whether it may be read is asked
    except FileNotFoundError:  # it may: a program that has ended has no file any more
        return int(fields[_EXIT_CODE])
    except OSError:  # it may not, and then the field holds a zero that says nothing
        return None
    return None


def _status_of_pidfd(descriptor: int) -> int | None:
    import fcntl

    asked = bytearray(_INFO.pack(_INFO_EXIT, *[0] * 13))
    try:
        fcntl.ioctl(descriptor, _GET_INFO, asked)
    except OSError:
        return None
    told = _INFO.unpack(asked)
    return int(told[-1]) if told[0] & _INFO_EXIT else None


def _text(pid: int, name: str) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    return ""
