"""A command at a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self


def rest_of(terminal: int, limit_s: float) -> bytes:
    """What a terminal shows until the last process has closed it, or has been silent for the limit."""
    output = b""
    while select.select([terminal], [], [], limit_s)[0]:
        try:
            output += os.read(terminal, 1000)
        except OSError:  # Linux says so when the last process has closed the terminal
            break
    return output


class Terminal:
    """A command at a terminal of its own, of a size and a kind; all that it shows is kept.

    Args:
        command: the command.
        kind: `TERM`.
        columns: its width.
        lines: its height.
        environment: variables of the command besides ours.
    """

    def __init__(
        self, command: Sequence[str], *, kind: str = "xterm-256color", columns: int = 100, lines: int = 24, **environment: str
    ) -> None:
        self.shown = b""
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], list(command), {**os.environ, **environment, "TERM": kind})
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.modes = termios.tcgetattr(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            os.close(self._descriptor)
        with suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def type(self, keys: bytes) -> None:
        """Type on it."""
        os.write(self._descriptor, keys)

    def modes_now(self) -> list[Any]:
        """Its modes, as it has them now."""
        return termios.tcgetattr(self._descriptor)

    def until(self, word: bytes, limit_s: float = 60.0) -> bytes:
        """Wait until it has shown something; all that it showed so far."""
        end_s = time.monotonic() + limit_s
        while word not in self.shown:
            assert time.monotonic() < end_s, f"did not show {word!r}: {self.shown[-2000:]!r}"
            if not self._read(0.1):
                assert word in self.shown, f"ended without {word!r}: {self.shown[-2000:]!r}"
        return self.shown

    def end(self, limit_s: float = 60.0) -> int:
        """Wait for its end; the exit code."""
        end_s = time.monotonic() + limit_s
        while self._read(0.1):
            assert time.monotonic() < end_s, f"did not end: {self.shown[-2000:]!r}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self, limit_s: float) -> bool:
        """Take what it shows now; false when nobody has it any more."""
        if select.select([self._descriptor], [], [], limit_s)[0]:
            try:
                data = os.read(self._descriptor, 65536)
            except OSError:  # Linux says so when the last process has closed the terminal
                return False
            self.shown += data
            return bool(data)
        return True
