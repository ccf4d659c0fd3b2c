"""A run that tells of its progress, is foreseen, and may have a budget.

The program pays a few microseconds a call: what it says is sent ever less often as the run grows older, and what the recorder
has to say is looked for some times a second, without waiting. Nothing is raised but the exception that the user chose for a
budget that is spent, once, and only in the thread that calls one of `progress`, `count`, `phase` and `check_budget`.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from footprint.ledger.records import Progress
from footprint.model import Run
from footprint.recorder import client, messages
from footprint.recorder.active import ActiveRun, finite
from footprint.recorder.handlers import pass_on
from footprint.recorder.outlook import Forecast

if TYPE_CHECKING:
    from pathlib import Path

    from footprint.recorder.budget import Budget

LISTEN_S: Final = 0.25
ASK_S: Final = 1.0
ASK_AGAIN_S: Final = 30.0
_OFTEN_S: Final = 0.05
_RARELY_S: Final = 60.0
_AGE_RATIO: Final = 0.01
"""Words of progress are this share of the run's age apart: some hundred for each time that the age grows to its 2.7-fold."""
_IMPOSSIBLE: Final = "progress(done, total) was given something else than 0 <= done <= total, above 0; it is left out"
_LOST: Final = "the recorder has ended: the budget is no longer checked"
_NOT_RECORDED: Final = "the budget is not checked: the run is not recorded on its own"


class WatchedRun(ActiveRun):
    """A run with progress, forecast and budget.

    Args:
        budget: what it may emit or use, if there is a limit.
        **facts: as those of `ActiveRun`.

    Attributes:
        stopped_by: the exception that was raised for the budget; null if none was.
    """

    def __init__(self, *, budget: Budget | None = None, **facts: Any) -> None:
        super().__init__(**facts, budget=budget)
        self.stopped_by: BaseException | None = None
        self._word: Progress | None = None
        self._word_sent_s = -math.inf
        self._is_word_sent = True
        self._heard_s = -math.inf
        self._asked_s = -math.inf
        self._is_asked = False
        self._forecast: Forecast | None = None
        self._over = ""
        self._times_over = itertools.count()

    @property
    def journal(self) -> Path | None:
        """Where the run is recorded, to be followed; null where it is not."""
        return self._journal

    def progress(self, done: float, total: float) -> None:
        """Say how far the program has come, in any unit: `run.progress(step, steps)`. Safe to call for each step."""
        if self._is_live():
            self._advance(finite(done), finite(total))
            self._safe_point()

    @property
    def forecast(self) -> Forecast | None:
        """The latest forecast of the run, null as long as there is none.

        Nothing is waited for: each call asks for a newer one, which a later call finds. It is derived beside the program, from
        its progress and readings so far; what cannot be told yet is null in it, too.
        """
        recorder, now_s = self._client, time.monotonic()
        if self._is_live() and recorder is not None:
            self._listen(now_s)
            waited_s = now_s - self._asked_s
            if waited_s >= (ASK_AGAIN_S if self._is_asked else ASK_S):  # what was asked may have been dropped
                self._asked_s, self._is_asked = now_s, True
                self.attempt("the forecast cannot be had", self._ask, recorder)
        return self._forecast

    def check_budget(self) -> bool:
        """Whether the run is known to have spent its budget; the exception that was chosen for that is raised the first time."""
        if self._is_live():
            self._safe_point()
        return bool(self._over)

    def count(self, **work: float) -> None:
        """Add to the run's work counters: `run.count(samples=64, tokens=8192)`. Safe to call for each batch."""
        super().count(**work)
        if self._is_live():
            self._safe_point()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Name a stretch of the run."""
        if self._is_live():
            self._safe_point()
        with super().phase(name):
            yield
        if self._is_live():
            self._safe_point()

    def start(self) -> None:
        """Begin: when this returns the baseline is read, or a warning says why the run is not recorded."""
        super().start()
        if self._budget is not None and not self.is_recorded:
            self.warn(_NOT_RECORDED)

    # -- Inside --------------------------------------------------------------------------------------------------------

    def _advance(self, done: float | None, total: float | None) -> None:
        if done is None or total is None or not 0 <= done <= total or total <= 0:
            self.warn(_IMPOSSIBLE)
            return
        now_s, last = time.monotonic(), self._word
        self._word, self._is_word_sent = Progress(run=self.id, t_s=now_s, done=done, total=total), False
        gap_s = now_s - self._word_sent_s
        is_turn = last is None or done < last.done or done == total != last.done
        if gap_s >= (_OFTEN_S if is_turn else min(_RARELY_S, max(_OFTEN_S, _AGE_RATIO * (now_s - self._start_s)))):
            self._send_word(now_s)

    def _send_word(self, now_s: float) -> None:
        """Send the last word: of those that were not sent for their hurry it tells all."""
        if self._client is not None and self._word is not None and not self._is_word_sent:
            self._word_sent_s, self._is_word_sent = now_s, True
            self._client.offer(self._word)

    def _safe_point(self) -> None:
        """Where the program may be told that its budget is spent."""
        if self._budget is None:
            return
        now_s = time.monotonic()
        if now_s - self._heard_s >= LISTEN_S:
            self._listen(now_s)
        # Taken before the exception is made: another thread may be here too, and so may what makes it.
        if self._over and next(self._times_over) == 0 and (error := self._error()) is not None:
            self.stopped_by = error
            raise error

    def _error(self) -> BaseException | None:
        """The exception to raise; null if there is to be none, or if it cannot be made after all."""
        try:
            return self._budget.error(self._over) if self._budget is not None else None
        except Exception as error:  # noqa: BLE001 - what makes it is the user's, and may raise what it likes
            pass_on(error)
            self._say(f"the exception for the spent budget could not be made ({type(error).__name__}): the run goes on")
            return None

    def _listen(self, now_s: float) -> None:
        """Take what the recorder has said meanwhile."""
        self._heard_s = now_s
        if self._client is None:
            return
        try:
            told = self._client.news(self.id)
        except OSError as error:
            pass_on(error)
            self._heard_s = math.inf
            if self._budget is not None:
                self._say(_LOST)
            return
        for one in told:
            if one.forecast is not None:
                self._forecast, self._is_asked = one.forecast, False
            if one.warning:
                self._say(one.warning)
            if one.over:
                self._over = one.warning

    def _say(self, sentence: str) -> None:
        """Keep a warning, and tell it in any case: a budget is each run's own."""
        if self.note(sentence):
            with suppress(Exception):  # a handler of the program's may raise
                import logging

                logging.getLogger("footprint").warning("footprint: %s", sentence)

    def _ask(self, recorder: client.Client) -> None:
        recorder.offer(messages.Ask(run=self.id))

    def _stop(self, recorder: client.Client) -> None:
        self._send_word(self._end_s)
        super()._stop(recorder)

    def _unrecorded(self) -> Run:
        word, run = self._word, super()._unrecorded()
        told = () if word is None else ((max(0.0, word.t_s - self._start_s), word.done, word.total),)
        limits = self._budget
        return msgspec.structs.replace(
            run,
            progress=told,
            budget_g=limits.emissions_g if limits else None,
            budget_kwh=limits.energy_kwh if limits else None,
        )
