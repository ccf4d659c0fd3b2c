"""The terminal behind standard error, as somebody else's: what may be written to it, and when, without touching what it shows.

`footprint run` shares its terminal with the command that it measures. What the command draws, where its cursor stands and which
modes it has set cannot be known from outside: to ask the terminal would put the answer into the command's input, and a terminal
of our own in between would change its job control and its speed. A line drawn there (as by pv, time or tqdm, which own theirs)
would write over a prompt, a bar or a curses program. One place is nobody's part of the screen: the window's title. So that is
where `run` shows what it knows, and only

- where the terminal is known to have a title (`TERM`), and we are its foreground job;
- where it is in its normal modes: no password prompt, no curses program, nothing that reads single keys;
- between two writes of the command, never within one: its processes have written nothing for `QUIET_S`, and the kernel, which
  takes a write whole, is asked not to wait (an open file of our own, so that the command's is not changed);
- with the title that was there pushed before and popped after (xterm's stack of titles).

`--live lines` prints a line of its own every ten seconds instead: a bar or a prompt that has no newline yet is written over.
"""

from __future__ import annotations

import os
import re
import select
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from footprint.cli.live.words import ascii_of

QUIET_S: Final = 0.05
_TRIES: Final = 5
_TITLED: Final = re.compile(r"(xterm|rxvt|tmux|screen|alacritty|foot|kitty|wezterm|konsole|gnome|vte|st-|putty|mintty|ghostty)")
_PUSH: Final = "\x1b[22;2t"
_POP: Final = "\x1b[23;2t"
_TITLE: Final = "\x1b]2;{}\x07"
_LINE: Final = "\r\x1b[K{}\n"
_TITLE_MOST: Final = 160
_POP_S: Final = 0.5
_PROCESSES: Final = 256
_LISTED_S: Final = 10.0
_WRITTEN: Final = re.compile(rb"^wchar: (\d+)", re.MULTILINE)


class SharedTerminal:
    """The terminal of a command that runs.

    Args:
        pid: the command.
        over: set when nothing is to be shown any more.

    Raises:
        OSError: if standard error is no terminal that can be opened.
    """

    def __init__(self, pid: int, over: threading.Event) -> None:
        self._pid, self._over = pid, over
        self._processes: list[int] = []
        self._listed_s = -float("inf")
        name = os.ttyname(sys.stderr.fileno())
        self._descriptor = os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._is_titled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            if self._is_titled and self._may_pop():
                select.select([], [self._descriptor], [], _POP_S)  # what the command wrote last may not be shown yet
                self._write(_POP)
        os.close(self._descriptor)

    def title(self, told: str) -> bool:
        """Set the window's title, if that touches nothing now; whether it was done."""
        if not self._is_quiet():
            return False
        shown = _TITLE.format("".join(c for c in ascii_of(told) if c.isprintable())[:_TITLE_MOST])
        if not self._write(shown if self._is_titled else _PUSH + shown):
            return False
        self._is_titled = True
        return True

    def line(self, told: str) -> bool:
        """Print a line of its own, where the command has drawn nothing that cannot be drawn again; whether it was done."""
        width = os.get_terminal_size(self._descriptor).columns
        return self._is_quiet() and self._write(_LINE.format(ascii_of(told)[: max(1, width - 1)]))

    def width(self) -> int:
        """Columns."""
        return os.get_terminal_size(self._descriptor).columns

    def _may_pop(self) -> bool:
        """Whether nobody draws on the terminal any more: its job is ours, whose command has ended, or the shell at its prompt.

        Modes do not matter: a program that was killed leaves its own behind.
        """
        job = os.tcgetpgrp(self._descriptor)
        return job == os.getpgrp() or job == os.getpgid(os.getsid(0))

    def _is_ours(self) -> bool:
        """Whether we are the foreground job of a terminal in its normal modes."""
        import termios

        if os.tcgetpgrp(self._descriptor) != os.getpgrp():
            return False
        modes = termios.tcgetattr(self._descriptor)
        local = modes[3]
        return bool(local & termios.ICANON and local & termios.ECHO and modes[1] & termios.OPOST)

    def _is_quiet(self) -> bool:
        """Whether the command is not in the middle of writing, as far as its processes tell."""
        for _ in range(_TRIES):
            if not self._is_ours():
                return False
            before = self._written()
            if self._over.wait(QUIET_S):
                return False
            if before is not None and before == self._written() and self._is_ours():
                return True
        return False

    def _written(self) -> list[int] | None:
        """How many bytes each process of the command has written so far; null where that is not told."""
        if time.monotonic() - self._listed_s >= _LISTED_S:
            self._processes, self._listed_s = _tree(self._pid), time.monotonic()
        found: list[int] = []
        for pid in self._processes:
            try:
                found += map(int, _WRITTEN.findall(Path(f"/proc/{pid}/io").read_bytes()))
            except (FileNotFoundError, ProcessLookupError):  # it has ended
                continue
            except OSError:  # another user's, by sudo
                return None
        return found or None

    def _write(self, told: str) -> bool:
        """Write all of it, or nothing; what the terminal took half is finished first of all."""
        data = told.encode("ascii")
        _, ready, _ = select.select([], [self._descriptor], [], 0)
        if not ready:
            return False
        try:
            data = data[os.write(self._descriptor, data) :]
        except BlockingIOError:  # it is stopped (Ctrl-S), or somebody writes now
            return False
        while data:
            select.select([], [self._descriptor], [], 1.0)
            with suppress(BlockingIOError):
                data = data[os.write(self._descriptor, data) :]
        return True


def _tree(pid: int) -> list[int]:
    """A process and its descendants, as many as may be."""
    found: list[int] = []
    waiting = [pid]
    while waiting and len(found) < _PROCESSES:
        one = waiting.pop()
        found.append(one)
        with suppress(OSError, ValueError):
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return found


def has_title() -> bool:
    """Whether the terminal is of a kind that has a title, by its name."""
    return bool(_TITLED.match(os.environ.get("TERM", "")))
