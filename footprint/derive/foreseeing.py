"""The process beside a recorder that derives: it is asked for a run, reads what its journal has more, and answers.

A line in is a `Question`, a line out is an `Answer` (`footprint.recorder.foresight`). It ends when nobody can ask any more.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from footprint.derive.forecast import forecast
from footprint.ledger.following import Follower
from footprint.recorder.foresight import Answer, Question

_NICE: Final = 10
_FOLLOWED: Final = 64


def main() -> None:
    """The body of the process."""
    with suppress(OSError):
        os.nice(_NICE)  # the program that is measured goes first
    deriver = Deriver()
    with os.fdopen(os.dup(1), "wb", buffering=0) as answers:
        os.dup2(2, 1)  # what a library prints is no answer
        for line in sys.stdin.buffer:
            answer = deriver.answer(msgspec.json.decode(line, type=Question))
            answers.write(msgspec.json.encode(answer) + b"\n")


class Deriver:
    """Follows the journals of the runs that it is asked for."""

    def __init__(self) -> None:
        self._followed: dict[tuple[str, bytes], Follower] = {}
        self._is_loaded = False

    def answer(self, question: Question) -> Answer:
        """A forecast, or why there is none; nothing is raised."""
        begun_s, was_loaded = time.thread_time(), self._is_loaded
        key = (question.run, question.journal)
        try:
            if key not in self._followed and len(self._followed) >= _FOLLOWED:
                self._followed.clear()  # of runs that have ended nobody says so
            follower = self._followed.setdefault(key, Follower(Path(os.fsdecode(question.journal)), question.run))
            run = follower.run()
            known = None if run is None else forecast(run)
        except Exception as error:  # noqa: BLE001 - who asked goes on without the answer, whatever the reason
            return Answer(problem=f"{type(error).__name__}: {error}", took_s=time.thread_time() - begun_s)
        self._is_loaded = True
        took_s = time.thread_time() - begun_s if was_loaded else 0.0  # the tables are loaded once, which says nothing of later
        problem = "its journal does not hold the run" if known is None else ""
        return Answer(forecast=known, problem=problem, took_s=took_s)
