"""Work on many cards: one after another, or in processes that live as long as they are needed and no longer.

A process is given a few cards at a time and says what became of each as soon as it is known. One that dies (a parser that
crashes, a machine out of memory) costs the card it was at; another takes up the rest. If the one that gives out the cards dies,
the others end after the card they are at. Results come in the order of the cards, and only a window of them is ever held.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from footprint.errors import ConfigError, FootprintError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnContext
    from types import FrameType

Result = TypeVar("Result")
Stopped = Callable[[], int]

_CHUNK: Final = 32
# A card that takes long holds back the results behind it: so many, and then the others wait.
_WINDOW: Final = 128 * _CHUNK
# Starting a process costs as much as some hundred cards.
_CARDS_A_PROCESS: Final = 256
_MAX_AUTOMATIC: Final = 16
_LOOK_S: Final = 0.1
_END_S: Final = 10.0


def jobs_for(cards: int, asked: int | None) -> int:
    """How many processes to work on so many cards: as asked, else as many as there are CPUs and as it pays.

    Raises:
        ConfigError: if fewer than one are asked for.
    """
    if asked is not None and asked < 1:
        raise ConfigError(f"--jobs is {asked}, but one process at least must do the work")
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = min(cpus, _MAX_AUTOMATIC, cards // _CARDS_A_PROCESS) if asked is None else asked
    return max(1, min(wanted, cards))


@contextlib.contextmanager
def until_stopped() -> Iterator[Stopped]:
    """Take Ctrl-C and SIGTERM as a wish to end after the card at hand; a second one ends at once.

    Yields:
        What says the signal that came, 0 for none.
    """
    came = 0

    def take(number: int, _: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = number

    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield lambda: 0
        return
    before = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def work(
    do: Callable[[str], Result], files: Sequence[str], *, jobs: int, lost: Callable[[str, str], Result], stopped: Stopped
) -> Generator[tuple[int, Result], None, None]:
    """Do something to each file, and yield its place in `files` and what became of it, in that order.

    Once `stopped` says so no further file is begun; what was done by then is yielded still.

    Args:
        do: what to do to one file; raises nothing. With several processes it is pickled once for each.
        files: the paths.
        jobs: how many processes; 1 is this one.
        lost: what became of a file whose process died, from the path and the reason.
        stopped: whether to end, see `until_stopped`.

    Raises:
        FootprintError: if no process can be started.
    """
    if jobs > 1:
        yield from _Pool(do, files, lost, stopped).results(jobs)
        return
    for index, file in enumerate(files):
        if stopped():
            return
        yield index, do(file)


class _Worker:
    """One process, and the files that it was given and has not answered for."""

    def __init__(self, context: SpawnContext, do: Callable[[str], Any]) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, do), daemon=True)
        self.pending: deque[tuple[int, str]] = deque()
        self.ready = False
        with _no_interrupts():
            self.process.start()
        theirs.close()

    def say(self, told: list[tuple[int, str]] | None) -> None:
        """Give it files, or (None) tell it to end after the one at hand."""
        with contextlib.suppress(OSError):  # its death is seen where its answers are read
            self.connection.send(told)

    def end(self) -> None:
        self.say(None)
        self.process.join(_END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


class _Pool:
    """The processes, what each is at, and the results that wait for those before them."""

    def __init__(self, do: Callable[[str], Any], files: Sequence[str], lost: Callable[[str, str], Any], stopped: Stopped) -> None:
        self.do = do
        self.lost = lost
        self.stopped = stopped
        self.rest = iter(enumerate(files))
        self.handed_out = 0
        self.next = 0
        self.results_by_index: dict[int, Any] = {}
        self.workers: dict[Connection[Any, Any], _Worker] = {}
        self.is_ending = False

    def results(self, jobs: int) -> Iterator[tuple[int, Any]]:
        from multiprocessing import get_context
        from multiprocessing.connection import wait

        context = get_context("spawn")  # a fork would take along what threads hold at that moment
        try:
            for _ in range(jobs):
                self._start(context)
            while self.workers:
                self._feed()
                for connection in wait(list(self.workers), timeout=_LOOK_S):
                    self._hear(self.workers[connection], context)  # type: ignore[index]  # they are the connections given
                yield from self._in_order()
            yield from sorted(self.results_by_index.items())  # what was done behind a file that was not begun
        finally:
            for worker in self.workers.values():
                worker.say(None)
            for worker in self.workers.values():
                worker.end()

    def _start(self, context: SpawnContext) -> _Worker:
        try:
            worker = _Worker(context, self.do)
        except OSError as error:
            raise FootprintError(f"no process can be started ({error.strerror or error}): --jobs 1 does without") from None
        self.workers[worker.connection] = worker
        return worker

    def _feed(self) -> None:
        """Give files to those that have none; let go those for whom there are none left."""
        if self.stopped() and not self.is_ending:
            self.is_ending = True
            for worker in self.workers.values():
                worker.say(None)
        if self.is_ending:
            return
        for worker in list(self.workers.values()):
            if worker.pending or self.handed_out - self.next >= _WINDOW:
                continue
            chunk = list(islice(self.rest, _CHUNK))
            if not chunk:
                self._release(worker)
                continue
            self.handed_out += len(chunk)
            worker.pending.extend(chunk)
            worker.say(chunk)

    def _release(self, worker: _Worker) -> None:
        del self.workers[worker.connection]
        worker.end()

    def _hear(self, worker: _Worker, context: SpawnContext) -> None:
        """Take one answer of a process, or its death."""
        try:
            answer = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(worker, context)
            return
        if answer is None:
            worker.ready = True
            return
        index, _ = worker.pending.popleft()
        self.results_by_index[index] = answer

    def _bury(self, worker: _Worker, context: SpawnContext) -> None:
        self._release(worker)
        if self.is_ending:
            return
        code = worker.process.exitcode
        if not worker.ready:
            raise FootprintError(f"the processes that work on cards end (code {code}) before they begin: --jobs 1 does without")
        if not worker.pending:
            self._start(context)
            return
        index, file = worker.pending.popleft()
        how = f"signal {-code}" if code is not None and code < 0 else f"code {code}"
        why = f"{file}: the process that worked on it died ({how}); the card is whole, old or new"
        self.results_by_index[index] = self.lost(file, why)
        follower = self._start(context)
        if worker.pending:
            follower.pending = worker.pending
            follower.say(list(worker.pending))

    def _in_order(self) -> Iterator[tuple[int, Any]]:
        while self.next in self.results_by_index:
            yield self.next, self.results_by_index.pop(self.next)
            self.next += 1


def _serve(connection: Connection[Any, Any], do: Callable[[str], Any]) -> None:
    """The life of one process: Ctrl-C is the other's to take."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Whoever gives out the cards may be gone.
    with contextlib.suppress(EOFError, OSError):
        connection.send(None)
        while (chunk := connection.recv()) is not None:
            for _, file in chunk:
                if connection.poll():
                    return
                connection.send(do(file))


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Start a process with Ctrl-C held back, until it has said that it ignores it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it lets the signals through as it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
