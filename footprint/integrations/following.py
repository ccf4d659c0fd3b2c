"""Following a run while it goes on, for whoever shows or exports it: what its footprint is so far, and in the end.

::

    with footprint.track("finetune") as run:
        follow(run, publish)  # publish(Reading) each ten seconds, and once more when the run has ended
        train()

To derive a footprint takes modules and memory that the program that is measured may not have use for. So a process of its own,
of low priority, follows the run's journal and derives; here a thread waits for what it says, and hands it on. The process is,
like the recorder, no child that the program's `os.wait()` can meet, and it ends with the program, by whatever that ends. Where
no such process can be had (the first process of a container, a frozen program, macOS), the thread derives.

What goes wrong is a warning of the run. `publish` runs on the thread: it may wait, but readings that come meanwhile are left out.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import ConfigError
from footprint.integrations.follower import LOOK_AGAIN_S, NICE, DeviceReading, Reading, readings
from footprint.recorder import process
from footprint.tracking import TrackedRun, aside

__all__ = ["DeviceReading", "Following", "Reading", "checked_run", "follow"]

INTERVAL_S: Final = 10.0
FINAL_LIMIT_S: Final = 10.0
_INTERVALS_S: Final = (0.2, 3600.0)
_CHUNK: Final = 2**16
_ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_FOLLOW: Final = "from footprint.integrations.follower import main; main(between)"
_TELL: Final = "from footprint.integrations.follower import tell; tell()"
_ALL_THE_SAME: Final = "the run's end is published all the same"
_LOST: Final = f"the run is followed no longer: the process that did it has ended; {_ALL_THE_SAME}"

Publish = Callable[["Reading"], object]


def follow(run: TrackedRun, publish: Publish, *, interval_s: float = INTERVAL_S) -> Following:
    """Have something called with what is known of a run: now and then while it goes on, and once more when it has ended.

    The end of the run waits for the last of these, at most `FINAL_LIMIT_S`.

    Args:
        run: a run that goes on; of one that has ended, only the last is published.
        publish: called on a thread of ours. What it raises is a warning of the run.
        interval_s: seconds between two calls.

    Raises:
        ConfigError: for what is no run, or an interval that cannot be.
    """
    checked_run(run)
    if not _is_interval(interval_s):
        raise ConfigError(f"interval_s={interval_s!r} is not between {_INTERVALS_S[0]} and {_INTERVALS_S[1]:g} seconds")
    return Following(run, publish, float(interval_s))


def checked_run(run: object) -> TrackedRun:
    """What is a tracked run.

    Raises:
        ConfigError: for what is none.
    """
    if isinstance(run, TrackedRun):
        return run
    raise ConfigError(f"{type(run).__name__} is no run: give what `with footprint.track(…) as run` or a callback's `run` is")


def _is_interval(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and _INTERVALS_S[0] <= value <= _INTERVALS_S[1]  # type: ignore[operator]  # a number, as has just been seen


class Following:
    """A run that is followed. Made by `follow`.

    Attributes:
        run: the run.
        last: the last reading; null before the first.
    """

    def __init__(self, run: TrackedRun, publish: Publish, interval_s: float) -> None:
        self.run, self._publish, self._interval_s = run, publish, interval_s
        self.last: Reading | None = None
        self._pid = os.getpid()
        self._lock = threading.RLock()  # a signal handler may end the run, too
        self._is_closed = self._is_alone = False
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._over = threading.Event()
        self._ours: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="footprint-follow", daemon=True)
        if run.is_recorded and run.journal is not None and not run.is_inert:
            run.attempt("the run is not followed", self._start)
        if self._thread.ident is None:
            self._over.set()
            self.close()
        run.when_over("the end of the run was not published", self.finish)

    def finish(self) -> None:
        """Publish the last reading, once the run has ended; nothing if that is done, or if it is followed no more."""
        if self._is_closed or self._pid != os.getpid() or not self.run.is_recorded:
            return
        self._ended.set()
        self._wake_up()
        if threading.current_thread() is not self._thread and not self._over.wait(FINAL_LIMIT_S):
            self.run.warn(f"the end of the run was not published within {FINAL_LIMIT_S:g} s; it is not waited for any longer")
        self.close()

    def close(self) -> None:
        """Follow no more; the run goes on."""
        self._is_closed = True
        self._ended.set()
        self._wake_up()
        with self._lock:
            if self._ours is not None and self._pid == os.getpid():
                with suppress(OSError):  # also where a forked worker has a copy of it
                    self._ours.shutdown(socket.SHUT_RDWR)

    # -- Inside --------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if os.environ.get("FOOTPRINT_RECORDER") != "thread" and process.can_spawn():
            try:
                self._ours = _spawn(str(self.run.journal), self.run.id, self._interval_s)
            except OSError as error:  # no memory for it, or no process more: to derive here would take as much
                self._is_alone = True
                self.run.warn(f"the run is not followed: no process can be started for it ({error}); {_ALL_THE_SAME}")
        self._thread.start()

    def _wake_up(self) -> None:
        self._wake.set()
        with self._lock:
            if self._ours is not None and self._pid == os.getpid():
                with suppress(OSError):
                    self._ours.send(b".", socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0))

    def _run(self) -> None:
        try:
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            self.run.attempt("the run is followed no longer", self._follow)
            if self.last is None or not self.last.is_final:
                self.run.attempt("the end of the run was not published", self._tell_the_end)
        finally:
            self._over.set()
            with self._lock:
                ours, self._ours = self._ours, None
                if ours is not None:
                    ours.close()

    def _follow(self) -> None:
        if not self._is_alone and (self._ours is None or not self._listen(self._ours)):
            self._derive_here()

    def _tell_the_end(self) -> None:
        """Publish the end of a run that nobody follows any more. Here too: what publishes may wait for a server for minutes."""
        self._ended.wait()
        if not self._is_closed:
            told = aside(_TELL, str(self.run.journal), self.run.id)
            self._take(msgspec.json.decode(told, type=Reading))

    def _listen(self, ours: socket.socket) -> bool:
        """Take what the process says; false if it cannot be one."""
        waiting = b""
        while True:
            try:
                told = ours.recv(_CHUNK)
            except OSError:
                told = b""
            if not told:
                if not self._is_closed:
                    self.run.warn(_LOST)
                return True
            *lines, waiting = (waiting + told).split(b"\n")
            for line in lines:
                if line.isdigit():  # we are where orphans end up: a process would be a child that our `os.wait()` meets
                    with suppress(ChildProcessError):
                        os.waitpid(int(line), 0)
                    return False
                self._take(reading := msgspec.json.decode(line, type=Reading))
                if reading.is_final:
                    return True

    def _derive_here(self) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)

        def pause() -> bool:
            if self._wake.wait(self._interval_s) and not self._is_closed:
                self._wake.clear()
                time.sleep(LOOK_AGAIN_S)
            return not self._is_closed

        for reading in readings(Path(str(self.run.journal)), self.run.id, pause):
            self._take(reading)

    def _take(self, reading: Reading) -> None:
        if not self._is_closed:
            self.last = reading
            self.run.attempt("what is known of the run was not published", self._hand_on, reading)

    def _hand_on(self, reading: Reading) -> None:
        self._publish(reading)


def _spawn(journal: str, run_id: str, interval_s: float) -> socket.socket:
    """Start the process that follows, and return our end of the channel to it."""
    from footprint.ledger.home import home

    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process.spawn_detached(
                _FOLLOW,
                *(str(os.getpid()), journal, run_id, repr(interval_s)),
                channel=theirs.fileno(),
                environment={**os.environ, **_ONE_THREAD, "FOOTPRINT_HOME": str(home())},
            )
    except BaseException:
        ours.close()
        raise
    return ours
