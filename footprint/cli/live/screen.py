"""A terminal as `top` has it: a screen beside the one that was there, single keys, and all of it given back as it was.

What was on the terminal is untouched (the alternate screen), its modes are put back by their saved values, also where a signal
or an error ends us, and while Ctrl-Z has us stopped.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Final, Self

_ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[2J"
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_HOME: Final = "\x1b[H"
_WIPE_LINE: Final = "\x1b[K"
_WIPE_BELOW: Final = "\x1b[J"
_ENDING: Final = ("SIGINT", "SIGTERM", "SIGHUP")
_QUIT: Final = {"q", "Q", "\x03", "\x04"}


class Screen:
    """The terminal behind standard output, and the keys of standard input where that is one.

    Attributes:
        signal: the signal that ended it; 0 if none has.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._keys = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        self._modes: list[Any] | None = None
        self._before: dict[int, Any] = {}
        self._reader, self._writer = os.pipe()
        self._woken = -1

    def __enter__(self) -> Self:
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)
        self._woken = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for name in _ENDING:
            number = getattr(signal, name)
            self._before[number] = signal.getsignal(number)
            if self._before[number] != signal.SIG_IGN:
                signal.signal(number, self._end)
        for number, handler in ((signal.SIGTSTP, self._pause), (signal.SIGWINCH, self._resized)):
            self._before[number] = signal.signal(number, handler)
        self._take()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(OSError):  # the terminal may be gone
            self._give_back()
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        signal.set_wakeup_fd(self._woken)
        os.close(self._reader)
        os.close(self._writer)

    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        found = shutil.get_terminal_size()
        with suppress(OSError):
            found = os.get_terminal_size(sys.stdout.fileno())
        return max(1, found.columns), max(1, found.lines)

    def draw(self, lines: Sequence[str]) -> None:
        """Show lines in the place of what was shown; each must fit, and there must be room for all."""
        shown = "\r\n".join(line + _WIPE_LINE for line in lines)
        self._write(_HOME + shown + _WIPE_BELOW)

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until there is something to draw anew; false if it is to end."""
        end_s = time.monotonic() + seconds
        watched = [self._reader] if self._keys is None else [self._reader, self._keys]
        while not self.signal and (left_s := end_s - time.monotonic()) > 0:
            ready, _, _ = select.select(watched, [], [], left_s)
            if self._keys is not None and self._keys in ready:
                typed = os.read(self._keys, 64).decode("ascii", "replace")
                if not typed or set(typed) & _QUIT:  # nothing is typed where the terminal has gone
                    return False
            if self._reader in ready:
                with suppress(BlockingIOError):
                    os.read(self._reader, 64)
                break
        return not self.signal

    def _take(self) -> None:
        import termios
        import tty

        if self._keys is not None:
            self._modes = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys, termios.TCSANOW)  # keys come one by one and unseen; Ctrl-C stays a signal
        self._write(_ENTER)

    def _give_back(self) -> None:
        import termios

        self._write(_LEAVE)
        if self._keys is not None and self._modes is not None:
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._modes)
            self._modes = None

    def _write(self, told: str) -> None:
        data = told.encode(sys.stdout.encoding or "ascii", "replace")
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]

    def _end(self, number: int, _: FrameType | None) -> None:
        self.signal = number

    def _resized(self, _: int, __: FrameType | None) -> None:
        """Only to wake the wait."""

    def _pause(self, _: int, __: FrameType | None) -> None:
        """Ctrl-Z: stop as any program does, with the terminal as it was; take it again afterwards."""
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._pause)
        self._take()
