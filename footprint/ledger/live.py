"""Which processes are being recorded right now: how a program that tracks finds out that it runs inside a tracked one.

A recorder leaves a small file `live/<pid>-<start time>.json` while a run is open. A process looks whether one of its
ancestors has one, and then its runs are nested in that ancestor's: the joules that both see are counted once. The
environment would not do: it cannot be changed safely in a program with threads.
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


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """An open run of a process, and who records it."""

    run: str
    account: str
    tracked: Process
    recorder: Process


_decoder = msgspec.json.Decoder(Live)


def announce(root: Path, live: Live) -> None:
    """Say that a process is being recorded; a failure is not told, for the record itself does not need it."""
    with suppress(OSError):
        path = _path(root, live.tracked)
        make_private(path.parent)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(temporary, flags, PRIVATE_FILE), "wb") as file:
            file.write(msgspec.json.encode(live))
        temporary.replace(path)


def withdraw(root: Path, tracked: Process) -> None:
    """Say that a process is no longer being recorded."""
    with suppress(OSError):
        _path(root, tracked).unlink()


def enclosing(root: Path) -> Live | None:
    """The open run of the nearest ancestor of this process that is being recorded into the same ledger."""
    if not (root / "live").is_dir():
        return None
    return next((live for pid in _ancestors() if (live := open_run(root, identify(pid)))), None)


def open_run(root: Path, tracked: Process) -> Live | None:
    """The open run of a process, as long as its recorder lives."""
    live = _read(_path(root, tracked))
    return live if live is not None and live.tracked == tracked and is_alive(live.recorder) is not False else None


def _ancestors() -> Iterator[int]:
    pid: int | None = os.getpid()
    for _ in range(_GENERATIONS):
        pid = None if pid is None else parent_pid(pid)
        if not pid:
            return
        yield pid


def _path(root: Path, tracked: Process) -> Path:
    return root / "live" / f"{tracked.pid}-{tracked.start_ticks}.json"


def _read(path: Path) -> Live | None:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
            return _decoder.decode(file.read(_LIMIT_BYTES))
    except (OSError, ValueError):  # a half-written or foreign file is no sign of anything
        return None
