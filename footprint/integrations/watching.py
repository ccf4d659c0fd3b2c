"""Seeing that a function was left by an exception, without touching it.

A framework that calls back when a training begins and ends says nothing when an exception ends it. In a script the end of
the process tells; a notebook lives on, and the run would go on to count an idle machine. Wrapping or replacing the
framework's functions would be in the program's way: instead a thread looks, four times a second, whether the function is
still on the stack of the thread that called it (some 20 µs a look).
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

_LOOK_EVERY_S: Final = 0.25
_CHAIN_LIMIT: Final = 50

Left = Callable[[BaseException | None], None]


class Watch:
    """Tells once, on a thread of its own or when the program ends, that a function is no longer running.

    Args:
        frame: the function's frame, on the stack of the calling thread. It is held only as long as it is watched.
        left: called with the exception that left the function, where it is still to be seen, else with None.
    """

    def __init__(self, frame: FrameType, left: Left) -> None:
        self._frame: FrameType | None = frame
        self._left = left
        self._thread_id = threading.get_ident()
        self._over = threading.Event()
        self._lock = threading.Lock()
        _watches.add(self)
        threading.Thread(target=self._look_on, name="footprint-watch", daemon=True).start()

    def is_of(self, frame: FrameType | None) -> bool:
        """Whether this frame is the one that is watched."""
        return frame is not None and self._frame is frame

    def stop(self) -> None:
        """Watch no longer: the function said itself that it ended."""
        self._frame = None
        self._over.set()

    def look(self) -> bool:
        """Whether the function still runs; if not, that is told."""
        with self._lock:
            frame = self._frame
            if frame is None:
                return False
            if _is_running(frame, self._thread_id):
                return True
            error = _what_left(frame, self._thread_id)
            self.stop()
        self._left(error)
        return False

    def _look_on(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S) and self.look():
            pass


def _is_running(frame: FrameType, thread_id: int) -> bool:
    on_stack = sys._current_frames().get(thread_id)  # noqa: SLF001 - documented, and the only way to see another thread's stack
    while on_stack is not None:
        if on_stack is frame:
            return True
        on_stack = on_stack.f_back
    return False


def _what_left(frame: FrameType, thread_id: int) -> BaseException | None:
    """The exception that passed through a frame: one that is being handled, or was the last to be printed."""
    handled: Any = sys._current_exceptions().get(thread_id)  # noqa: SLF001 - documented, as above
    if isinstance(handled, tuple):  # before Python 3.12: type, exception, traceback
        handled = handled[1]
    for seen in (handled, getattr(sys, "last_value", None)):
        error = seen
        for _ in range(_CHAIN_LIMIT):
            if not isinstance(error, BaseException):
                break
            if _passed(error, frame):
                return error
            error = error.__cause__ or error.__context__
    return None


def _passed(error: BaseException, frame: FrameType) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame is frame:
            return True
        trace = trace.tb_next
    return False


_watches: weakref.WeakSet[Watch] = weakref.WeakSet()


def _look_at_all() -> None:
    for watch in list(_watches):
        watch.look()


atexit.register(_look_at_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_watches.clear)  # neither the threads nor the functions are the child's
