"""Work of a library on a thread of its own, so that Ctrl-C need not wait for the library.

DuckDB looks for a Ctrl-C itself while it works on the main thread, and then waits for its own threads to end: now and then for
ever (seen with 2.0 in half of the cases). On a thread of its own it sees none, and is told to stop by who waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
STOPPING_S: Final = 5.0


class _Work(Thread, Generic[T]):
    """One call, and what came of it; a daemon, so that a program that ends does not wait for it."""

    def __init__(self, call: Callable[[], T]) -> None:
        super().__init__(name="footprint-question", daemon=True)
        self._call = call
        self.done = Event()  # a `join` that is interrupted takes the thread for ended
        self.found: T
        self.error: BaseException | None = None

    def run(self) -> None:
        """Make the call."""
        try:
            self.found = self._call()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self.error = error
        finally:
            self.done.set()


def aside(call: Callable[[], T], stop: Callable[[], None]) -> T:
    """What a call returns, or raises; at a KeyboardInterrupt the call is told to stop, and has a while for it."""
    work = _Work(call)
    work.start()
    try:
        work.done.wait()
    except KeyboardInterrupt:
        stop()
        work.done.wait(STOPPING_S)
        raise
    if work.error is not None:
        raise work.error
    return work.found


def answered(connection: DuckDBPyConnection, sql: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """The columns and rows of DuckDB's answer."""
    return aside(partial(_fetched, connection, sql), connection.interrupt)


def _fetched(connection: DuckDBPyConnection, sql: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    found = connection.execute(sql)
    return tuple(str(one[0]) for one in found.description or ()), found.fetchall()
