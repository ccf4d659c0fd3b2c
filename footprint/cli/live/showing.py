"""A thread of ours that shows what is known of one run, while the command or the process that is measured runs.

It takes no signal, gives way to all that runs (nice 10), looks once a second, and derives as rarely as `Watching` does. Whatever
goes wrong in it ends it, and nothing else.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from footprint.errors import unknown_choice

if TYPE_CHECKING:
    from footprint.watching import Row

MODES: Final = ("auto", "title", "lines", "off")
LOOK_S: Final = 1.0
LINES_S: Final = 10.0
_JOIN_S: Final = 1.0
_NICE: Final = 10

Show = Callable[["Row"], None]


def checked(mode: str) -> str:
    """A mode of `--live`.

    Raises:
        ConfigError: if there is none of that name.
    """
    if mode not in MODES:
        raise unknown_choice("--live", mode, MODES)
    return mode


class Showing:
    """Shows one run.

    Args:
        journal: where it is recorded; null shows nothing.
        body: what the thread does: is given the event that ends it, and what looks for the run's row.
    """

    def __init__(self, journal: Path | None, body: Callable[[threading.Event, Callable[[], Row | None]], None] | None) -> None:
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        if journal is not None and body is not None:
            self._thread = threading.Thread(target=self._run, args=(journal, body), name="footprint-live", daemon=True)

    def __enter__(self) -> Self:
        if self._thread is not None:
            with suppress(RuntimeError):  # no thread is to be had
                self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join(_JOIN_S)

    def _run(self, journal: Path, body: Callable[[threading.Event, Callable[[], Row | None]], None]) -> None:
        with suppress(Exception):  # the run goes on, and is recorded, without being shown
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # nor does the terminal stop us for writing
            if sys.platform == "linux":  # where a thread has a priority of its own
                with suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
            from footprint.watching import Watching

            watching = Watching(only=journal)

            def row() -> Row | None:
                return next(iter(watching.look()), None)

            body(self._over, row)


def beside_command(pid: int, name: str, mode: str) -> Callable[[threading.Event, Callable[[], Row | None]], None] | None:
    """What shows a run at the terminal of its command; null where nothing is to be shown.

    Args:
        pid: the command.
        name: what the run is called.
        mode: of `MODES`.
    """
    from footprint.cli.live import terminal

    if mode == "off" or sys.stderr is None or not sys.stderr.isatty() or (mode == "auto" and not terminal.has_title()):
        return None

    def body(over: threading.Event, look: Callable[[], Row | None]) -> None:
        from footprint import text
        from footprint.cli.live import words

        is_line = mode == "lines"
        shown = ""
        with terminal.SharedTerminal(pid, over) as shared:
            while not over.wait(LINES_S if is_line else LOOK_S):
                if (row := look()) is None:
                    continue
                if is_line:
                    shared.line(words.fitted(words.line(row), shared.width() - 1))
                    continue
                told = words.fitted(words.line(row), 150, before="") + f" - {text.clean(name, limit=40)}"
                if told != shown and shared.title(told):
                    shown = told

    return body


def on_own_line(pid: int) -> Callable[[threading.Event, Callable[[], Row | None]], None] | None:
    """What shows a run on one line of a terminal that is ours, and wipes it at the end; null where there is none.

    Args:
        pid: the process that is measured: where it writes to the same terminal, that is not ours.
    """
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb" or _shares_terminal(pid):
        return None

    def body(over: threading.Event, look: Callable[[], Row | None]) -> None:
        from footprint.cli.live import words

        descriptor, drawn = sys.stderr.fileno(), ""
        while not over.wait(LOOK_S):
            if os.tcgetpgrp(descriptor) != os.getpgrp() or (row := look()) is None:
                continue
            told = words.fitted(words.line(row), os.get_terminal_size(descriptor).columns - 1)
            if told != drawn:
                os.write(descriptor, f"\r\x1b[K{words.ascii_of(told)}".encode())
                drawn = told
        if drawn and os.tcgetpgrp(descriptor) == os.getpgrp():
            os.write(descriptor, b"\r\x1b[K")

    return body


def _shares_terminal(pid: int) -> bool:
    """Whether a process writes to the terminal behind our standard error."""
    ours = os.fstat(sys.stderr.fileno()).st_rdev
    for descriptor in (1, 2):
        with suppress(OSError):  # another user's process: it cannot be told
            if os.stat(f"/proc/{pid}/fd/{descriptor}").st_rdev == ours:  # noqa: PTH116 - a link of /proc, followed
                return True
    return False
