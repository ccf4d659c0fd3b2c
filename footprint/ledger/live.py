"""Which processes are being recorded right now: how a program that tracks finds out that it runs inside a tracked one.

A recorder leaves a small file `live/<pid>-<start time>.json` while a run is open. A process looks whether one of its
ancestors has one, and then its runs are nested in that ancestor's: the joules that both see are counted once. The
environment would not do: it cannot be changed safely in a program with threads.

Who attaches to a process from outside leaves `live/<pid>-<start time>.attached.json`, so that neither takes the other's
place: the process may record itself at the same time, and what it then begins is nested in the attached run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from footprint.ledger.home import PRIVATE_FILE, make_private
from footprint.ledger.processes import Process, identify, is_alive, parent_pid

_GENERATIONS: Final = 64
_LIMIT_BYTES: Final = 4096
_KEPT_FILES: Final = 256
_SWEPT_FILES: Final = 1024


class Live(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An open run of a process, and who records it; attached where that was not the process's own doing."""

    run: str
    account: str
    tracked: Process
    recorder: Process
    attached: bool = False


def announce(root: Path, live: Live) -> None:
    """Say that a process is being recorded; a failure is not told, for the record itself does not need it."""
    with suppress(OSError):
        path = _path(root, live.tracked, attached=live.attached)
        _written(path, live).replace(path)


def claim(root: Path, live: Live) -> bool:
    """Say that a process is being recorded, unless another one says so; whether it was we. Of two at once, one succeeds."""
    path = _path(root, live.tracked, attached=live.attached)
    try:
        temporary = _written(path, live)
    except OSError:  # nobody can say anything here, nor has anybody
        return True
    try:
        os.link(temporary, path)
    except FileExistsError:
        if open_run(root, live.tracked, attached=live.attached) is None:  # one left it that was killed
            with suppress(OSError):
                temporary.replace(path)
    except OSError:
        pass
    finally:
        with suppress(OSError):
            temporary.unlink()
    said = open_run(root, live.tracked, attached=live.attached)
    return said is None or said.run == live.run


def _written(path: Path, live: Live) -> Path:
    """A file with its contents, beside where it is to be."""
    make_private(path.parent)
    _sweep(path.parent)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(temporary, flags, PRIVATE_FILE), "wb") as file:
        file.write(msgspec.json.encode(live))
    return temporary


def withdraw(root: Path, tracked: Process, *, attached: bool = False) -> None:
    """Say that a process is no longer being recorded."""
    with suppress(OSError):
        _path(root, tracked, attached=attached).unlink()


def enclosing(root: Path, pid: int | None = None) -> Live | None:
    """The open run that a new one of this process lies in: attached to it, else of its nearest recorded ancestor.

    Args:
        root: the ledger; only what is recorded into it counts.
        pid: a process to attach to, whose own open run counts as well.
    """
    if not (root / "live").is_dir():
        return None
    for generation, process in enumerate(_lineage(os.getpid() if pid is None else pid)):
        own = open_run(root, process) if generation or pid is not None else None
        if live := own or open_run(root, process, attached=True):
            return live
    return None


def open_run(root: Path, tracked: Process, *, attached: bool = False) -> Live | None:
    """The open run of a process (or the one that somebody attached to it), as long as its recorder lives."""
    live = _read(_path(root, tracked, attached=attached))
    return live if live is not None and live.tracked == tracked and is_alive(live.recorder) is not False else None


def _lineage(pid: int) -> Iterator[Process]:
    """A process and its ancestors, nearest first."""
    next_pid: int | None = pid
    for _ in range(_GENERATIONS):
        if not next_pid:
            return
        yield identify(next_pid)
        next_pid = parent_pid(next_pid)


def _sweep(folder: Path) -> None:
    """Take away what recorders left that were killed, once there is much of it."""
    names = os.listdir(folder)  # noqa: PTH208 - names only
    if len(names) <= _KEPT_FILES:
        return
    for name in names[:_SWEPT_FILES]:
        live = _read(folder / name)
        if live is not None and is_alive(live.recorder) is False:
            with suppress(OSError):
                (folder / name).unlink()


def _path(root: Path, tracked: Process, *, attached: bool) -> Path:
    return root / "live" / f"{tracked.pid}-{tracked.start_ticks}{'.attached' * attached}.json"


def _read(path: Path) -> Live | None:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            return msgspec.json.decode(file.read(_LIMIT_BYTES), type=Live)
    except (OSError, ValueError):  # a half-written or foreign file is no sign of anything
        return None
