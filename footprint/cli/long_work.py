"""Long work of ours at a terminal: a bar while it lasts, and an end by Ctrl-C, SIGTERM or SIGHUP that leaves everything whole.

The work goes on a thread of its own (`footprint.ledger.long_work`); here signals are waited for and the bar is drawn. A signal
tells the work to end at its next piece, and stops DuckDB at once. What has not ended after `BREAK_S` is broken off where it is,
as by a Ctrl-C, or at once by a second signal; what waits for a network or a disk that does not answer is left after `LEAVE_S`, or
`AGAIN_S` after a second signal. In each case the ledger is whole: what is written counts from one rename, or one commit, on.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, TypeVar

import typer

from footprint import text
from footprint.cli.progress import Bar
from footprint.ledger.long_work import LongWork, Progress

T = TypeVar("T")

BREAK_S: Final = 2.0
LEAVE_S: Final = 15.0
AGAIN_S: Final = 1.0
_LOOK_S: Final = 0.1
_SHOWN_FROM_S: Final = 0.3
_ENDING: Final = ("SIGINT", "SIGTERM", "SIGHUP")
_BY_SIGNAL: Final = 128


def long_work(call: Callable[[Progress], T], *, to_go_on: str) -> T:
    """What a call returns or raises; it is given what to tell its progress to.

    Args:
        call: the work.
        to_go_on: what is to be known and done where it was stopped, as the rest of a sentence.

    Raises:
        typer.Exit: with 128 + the signal's number, if a signal ended it; a line on stderr then says how far it came.
    """
    work = LongWork(call)
    with _signals() as came, Bar("", 1, wanted=True, after_s=_SHOWN_FROM_S) as bar:
        work.start()
        asked_s, leave_s, is_broken_off = 0.0, LEAVE_S, False
        while not work.done.wait(_LOOK_S):
            if work.at is not None and not came:
                bar.show(*work.at)
            if came:
                asked_s += _LOOK_S
                work.stop()
                if len(came) > 1:
                    leave_s = min(leave_s, asked_s + AGAIN_S)
                if not is_broken_off and (len(came) > 1 or asked_s >= BREAK_S):
                    work.break_off()  # once: a second time it would break off the clearing away
                    is_broken_off = True
                if asked_s >= leave_s:
                    break
    if not came or work.is_whole:  # a signal may come too late to stop anything
        return work.result()
    print(f"footprint: stopped{_so_far(work.at)}; {to_go_on}", file=sys.stderr)
    if not work.done.is_set():  # in a call that cannot be broken off: its thread must not be waited for, nor torn down under it
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(_BY_SIGNAL + came[0])
    raise typer.Exit(_BY_SIGNAL + came[0])


def _so_far(at: tuple[str, int, int] | None) -> str:
    if at is None:
        return " before it began"
    what, done, of = at
    return f" while {what}, {text.count(done)} of {text.count(of)} done"


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals that ask us to end, as they come; what was ignored before stays so (nohup)."""
    came: list[int] = []

    def take(number: int, _: FrameType | None) -> None:
        came.append(number)

    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield came
        return
    numbers = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, take)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
