"""Work on the ledger that takes long: it tells how far it is, and can be stopped from another thread.

Who does it takes a `Progress`, and calls it between two pieces of the work; where that call raises, the work ends there, as whole
as it was before the piece. DuckDB is told to stop by its connections, which are held here as they are opened: on the main thread
it looks for a Ctrl-C itself, and may then wait for its own threads for ever (seen with 2.0 in half of the cases).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread, current_thread
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Takes what is being done, how many pieces of it are done, and how many there are."""

_NAME: Final = "footprint-work"


class StoppedError(BaseException):
    """The work was told to stop. No `Exception`: what takes a failure of a piece in its stride must not take this."""


def untold(what: str, done: int, of: int, /) -> None:
    """Take no note of how far the work is."""


class LongWork(Thread, Generic[T]):
    """One call on a thread of its own; a daemon, so that a program that ends does not wait for it.

    Args:
        call: the work; is given what it is to tell its progress to.

    Attributes:
        done: set when the work has ended, one way or another.
        at: what was told last: what is being done, how many pieces are done, of how many.
    """

    def __init__(self, call: Callable[[Progress], T]) -> None:
        super().__init__(name=_NAME, daemon=True)
        self.done = Event()  # a `join` that is interrupted takes the thread for ended
        self.at: tuple[str, int, int] | None = None
        self._call = call
        self._is_stopped = False
        self._connections: list[Any] = []
        self._found: T
        self._error: BaseException | None = None

    def run(self) -> None:
        """Make the call."""
        try:
            self._found = self._call(self._tell)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error
        finally:
            self.done.set()

    @property
    def is_whole(self) -> bool:
        """Whether the call has returned: all of it was done, whatever was asked meanwhile."""
        return self.done.is_set() and self._error is None

    def result(self) -> T:
        """What the call returned, or raises; only once it is done."""
        if self._error is not None:
            raise self._error
        return self._found

    def stop(self) -> None:
        """Tell the work to end at the next piece, and DuckDB at once; to be said again until it has ended."""
        self._is_stopped = True
        for connection in list(self._connections):
            with suppress(Exception):  # it may have been closed
                connection.interrupt()

    def break_off(self) -> None:
        """Raise `StoppedError` where the work is now, as a Ctrl-C would: for what tells nothing for a long time."""
        if self.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.ident), ctypes.py_object(StoppedError))

    def hold(self, connection: Any) -> None:
        """Take a connection that is to be stopped with the work."""
        self._connections.append(connection)

    def _tell(self, what: str, done: int, of: int) -> None:
        self.at = what, done, of
        if self._is_stopped:
            raise StoppedError


def held(connection: T) -> T:
    """A connection of DuckDB that stops with the work that opened it, where it was opened by such."""
    thread = current_thread()
    if isinstance(thread, LongWork):
        thread.hold(connection)
    return connection
