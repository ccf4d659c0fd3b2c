"""The runs of a server: begun, kept and ended on a thread of their own, so that no request waits for them.

A server that lives for months has a run a day. What is counted goes to the run of the moment, within a second.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final

from footprint.integrations.asgi.counts import UNKNOWN, Counts
from footprint.model import Outcome
from footprint.recorder import client, context
from footprint.recorder.active import current_run
from footprint.recorder.days import AGAIN_S, Stretch
from footprint.tracking import TrackedRun, track

_GATHER_S: Final = 0.5
"""What is counted within this time goes to the run together."""
_EARLY_ENDS: Final = 3
_JOIN_LIMIT_S: Final = 5.0
_log: Final = logging.getLogger("footprint")


class Serving:
    """One life of a server in this process.

    Args:
        settings: those of `track`.
        name: what the runs' account is called, where nothing else says what it is; null for the machine's.
        daily: whether a new run begins each day.

    Attributes:
        run: the run of the moment; null before the first.
        counts: what is counted here reaches it.
    """

    def __init__(self, settings: Mapping[str, Any], name: str | None, *, daily: bool) -> None:
        self.run: TrackedRun | None = None
        self.counts = Counts()
        self._settings, self._account, self._daily = dict(settings), name, daily
        self._stretch, self._begun_s = Stretch.of_now(daily=daily), time.monotonic()
        self._pid = os.getpid()
        self._turn = threading.Lock()  # whoever begins or ends a run
        self._has_counts = threading.Event()
        self._is_over = threading.Event()
        self._unknown = self._answered = 0.0
        self._is_told = False
        self._early_ends = 0
        self._thread = threading.Thread(target=self._keep, name="footprint-serving", daemon=True)
        _servings.add(self)

    @property
    def is_here(self) -> bool:
        """Whether this process is the one that serves: a fork of it has a copy of this."""
        return self._pid == os.getpid()

    def begin(self, *, wait: bool) -> None:
        """Begin; with `wait`, the baseline of the run is read when this returns."""
        if wait:
            self._attempt(lambda: self._begin_run(has_outer=current_run() is not None))
        self._thread.start()

    def tell(self, action: Callable[[Counts], None]) -> None:
        """Count; never raises, and waits for nobody."""
        try:
            action(self.counts)
        except Exception as error:  # noqa: BLE001 - the server must not fail for want of its account
            self._warn(f"a request was not counted: {type(error).__name__}: {error}")
        if not self._has_counts.is_set():
            self._has_counts.set()

    def end(self, outcome: Outcome) -> None:
        """End the run, with all that was counted; a second time changes nothing."""
        if not self.is_here or self._is_over.is_set():
            return
        self._is_over.set()
        self._has_counts.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_LIMIT_S)  # it may be ending a run, which takes some milliseconds
        if self._turn.acquire(timeout=_JOIN_LIMIT_S):
            try:
                self._end_run(outcome)
            finally:
                self._turn.release()

    # -- On the thread -------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Until it is over: hand on what was counted, and begin a new run when the day is over or the recorder has gone."""
        while not self._is_over.is_set():
            if self.run is None:
                self._attempt(lambda: self._begin_run(has_outer=False))
            self._attempt(self._watch)
            if not self._is_over.is_set():
                self._attempt(self._turn_the_page)

    def _watch(self) -> None:
        """Hand on what was counted, as long as this run is the one to count for."""
        run = self.run
        if run is None or not (run.is_recorded or run.is_inert):
            self._is_over.wait(AGAIN_S)
            return
        while not self._is_over.is_set() and not (run.is_recorded and self._stretch.is_over()):
            self._wait(self._stretch.wait_s())

    def _turn_the_page(self) -> None:
        with self._turn:
            self._end_run("completed")
            self.run = None
        client.close_idle()  # the next day goes into a journal of its own
        is_early = time.time() < self._stretch.ends_s and time.monotonic() - self._begun_s < AGAIN_S
        self._early_ends = self._early_ends + 1 if is_early else 0
        if self._early_ends > _EARLY_ENDS:  # a recorder that is gone at once, again and again, will be so the next time
            self._is_over.wait(AGAIN_S)

    def _wait(self, limit_s: float) -> None:
        if self._has_counts.wait(limit_s):
            self._is_over.wait(_GATHER_S)
            self._has_counts.clear()
            if not self._is_over.is_set():
                self._attempt(self._flush)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - a thread of ours must not print into the server's output
            self._warn(f"the server's run: {type(error).__name__}: {error}")

    def _warn(self, sentence: str) -> None:
        """One line, and a warning in the record where there is one."""
        if self.run is not None:
            self.run.warn(sentence)
        elif not self._is_told:
            self._is_told = True
            _log.warning("footprint: %s", sentence)

    # -- The run -------------------------------------------------------------------------------------------------------

    def _begin_run(self, *, has_outer: bool) -> None:
        with self._turn:
            if self.run is None and not self._is_over.is_set():
                self._stretch, self._begun_s = Stretch.of_now(daily=self._daily), time.monotonic()
                self._unknown = self._answered = 0.0
                self.run = track(**self._settings | {"account": self._of_account(has_outer=has_outer)}).begin()
                if self.run.is_inert:
                    self.run.warn(
                        "the server's requests are not counted: the run of the process that started it covers this one; "
                        "start it without `footprint run` or an open `track`"
                    )

    def _of_account(self, *, has_outer: bool) -> str | None:
        """As stated; else that of the surroundings; else the server's name, so that its workers and restarts belong together."""
        stated: str | None = self._settings["account"]
        if stated is not None or has_outer or context.account(None, "", context.enclosing_run()):
            return stated
        return self._account or f"server:{socket.gethostname()}"

    def _flush(self) -> None:
        work = self.counts.take()
        self._answered += work.get("requests", 0.0)
        self._unknown += work.get(UNKNOWN, 0.0)
        if self.run is not None and work:
            self.run.count(**work)

    def _end_run(self, outcome: Outcome) -> None:
        run = self.run
        if run is None or run.is_over:
            return
        self._flush()
        if 0 < self._unknown < self._answered:
            run.note(
                f"the tokens of {self._unknown:,.0f} of {self._answered:,.0f} requests are unknown and not among those counted: "
                "what a thousand tokens took is at most what follows from them"
            )
        run.stop(outcome)


_servings: weakref.WeakSet[Serving] = weakref.WeakSet()


def _end_all() -> None:
    for serving in list(_servings):
        serving.end("completed")


atexit.register(_end_all)
