"""The recorder's outlook: forecasts of its runs while they last, and what has become of their budgets.

To derive a footprint takes numpy, the tables of factors and some fifty megabytes, of which neither the program nor its recorder
is to have anything: a process of its own, started by the recorder for the first run that has a budget or is asked about,
follows the journal and answers (`footprint.derive.foreseeing`). It ends with the recorder. Where the recorder is a thread of the
program there is no such process, and the thread does it: a budget then loads numpy into the program.

A run with a budget is looked at by its age: each second at first, then each `GAP_S` seconds, and less often where a look takes
long, as where the program asks often: at most `COST_RATIO` of a CPU's time goes into a run.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from footprint.model import Range
from footprint.recorder import process
from footprint.recorder.messages import Foreseen
from footprint.recorder.outlook import Forecast
from footprint.recorder.pace import reading_gap_s

if TYPE_CHECKING:
    import subprocess

GAP_S: Final = 5.0
COST_RATIO: Final = 0.01
ANSWER_LIMIT_S: Final = 60.0
_FIRST_S: Final = 1.0
_FAILURES: Final = 3
_FAILED_S: Final = 0.1
_ENDING_S: Final = 1.0
# numpy's libraries would start a thread for each CPU, with memory of its own.
_ONE_THREAD: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_CHUNK_BYTES: Final = 1 << 16
# By its name: it stands above us in the house, and nothing of it is to be loaded with us.
_DERIVING: Final = "footprint.derive.foreseeing"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Foresee a run, from the journal that it is being written to (a path's bytes need not be UTF-8)."""

    run: str
    journal: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A forecast, or why there is none; and the CPU time that it took."""

    forecast: Forecast | None = None
    problem: str = ""
    took_s: float = 0.0


class _Watched:
    """A run that has a budget, or was asked about."""

    def __init__(self, budget_g: float | None = None, budget_kwh: float | None = None) -> None:
        self.budget_g, self.budget_kwh = budget_g, budget_kwh
        self.has_budget = budget_g is not None or budget_kwh is not None
        self.since_s = time.monotonic()
        self.due_s: float | None = self.since_s + _FIRST_S if self.has_budget else None
        self.is_asked = False
        self.ready_s = self.since_s
        self.told: dict[str, str] = {}

    def plan(self, answer: Answer) -> None:
        """Set the time of the next look, and before which no question is put."""
        now_s = time.monotonic()
        self.ready_s = now_s + answer.took_s / COST_RATIO
        took_s = _FAILED_S if answer.problem else answer.took_s
        gap_s = max(_FIRST_S, reading_gap_s(now_s - self.since_s, GAP_S), took_s / COST_RATIO)
        self.due_s = now_s + gap_s if self.has_budget else None


class Foresight:
    """The forecasts of one recorder's runs, one at a time.

    Args:
        in_thread: whether the recorder is a thread of the program.
    """

    def __init__(self, *, in_thread: bool) -> None:
        self._in_thread = in_thread
        self._runs: dict[str, _Watched] = {}
        self._asked: list[str] = []
        self._deriver: _Process | _Inside | None = None
        self._at: str | None = None
        self._since_s = 0.0
        self._failures = 0

    def watch(self, run: str, budget_g: float | None, budget_kwh: float | None) -> None:
        """Look after a run's budget; what failed for the runs before it is tried again."""
        self._runs[run] = _Watched(budget_g, budget_kwh)
        self._failures = 0

    def ask(self, run: str) -> None:
        """Foresee a run as soon as may be."""
        watched = self._runs.setdefault(run, _Watched())
        watched.is_asked = True
        if run not in self._asked:
            self._asked.append(run)

    def forget(self, run: str) -> tuple[str, ...]:
        """A run has ended; the sentences that its record is to have."""
        watched = self._runs.pop(run, None)
        with suppress(ValueError):
            self._asked.remove(run)
        return tuple(watched.told.values()) if watched else ()

    def fileno(self) -> int | None:
        """A descriptor that an answer makes readable; null while none is waited for."""
        return self._deriver.fileno() if self._deriver is not None and self._at is not None else None

    def due_s(self) -> float | None:
        """When `step` is to be called next, if no answer comes; by the monotonic clock."""
        if self._at is not None:
            return self._since_s + ANSWER_LIMIT_S
        asked_s = [self._runs[run].ready_s for run in self._asked]
        return min((*asked_s, *(one.due_s for one in self._runs.values() if one.due_s is not None)), default=None)

    def step(self, journal: Path) -> list[Foreseen]:
        """Take an answer, put the next question; what is to be said to the program."""
        said: list[Foreseen] = []
        if self._at is not None:
            said += self._take()
        if self._at is None and (run := self._next()) is not None:
            self._put(run, journal)
            said += self._take()  # at once, where it is us who derive
        return said

    def close(self) -> None:
        """End the process; safe to call twice."""
        if self._deriver is not None:
            self._deriver.close()
            self._deriver = None

    def _next(self) -> str | None:
        now_s = time.monotonic()
        asked = next((run for run in self._asked if self._runs[run].ready_s <= now_s), None)
        if asked is not None:
            self._asked.remove(asked)
            return asked
        return next((run for run, one in self._runs.items() if one.due_s is not None and one.due_s <= now_s), None)

    def _put(self, run: str, journal: Path) -> None:
        self._at, self._since_s = run, time.monotonic()
        if self._failures >= _FAILURES:
            self.close()  # nothing is waited for that was not asked
            return
        try:
            if self._deriver is None:
                self._deriver = _Inside() if self._in_thread else _Process()
            self._deriver.put(Question(run=run, journal=os.fsencode(journal)))
        except Exception:  # noqa: BLE001 - no process or module is to be had, for reasons of all kinds: no answer will come
            self.close()

    def _take(self) -> list[Foreseen]:
        assert self._at is not None, "an answer is waited for"
        try:
            answer = None if self._deriver is None else self._deriver.take()
            has_ended = self._deriver is None
        except (OSError, EOFError, ValueError):
            answer, has_ended = None, True
        late = time.monotonic() - self._since_s > ANSWER_LIMIT_S
        if answer is None and not (has_ended or late):
            return []
        run, self._at = self._at, None
        if answer is None:
            self.close()
            answer = Answer(problem="what derives footprints " + ("did not answer" if late else "could not be run, or has ended"))
        self._failures = self._failures + 1 if answer.problem else 0
        watched = self._runs.get(run)
        if watched is None:  # the run has ended meanwhile
            return []
        watched.plan(answer)
        return _said(run, watched, answer, is_last=self._failures >= _FAILURES)


def _said(run: str, watched: _Watched, answer: Answer, *, is_last: bool) -> list[Foreseen]:
    """What an answer is to the program: a forecast if it asked, a sentence where there is a new one."""
    new: dict[str, str] = {}
    if answer.forecast is not None:
        new = _verdicts(answer.forecast, watched)
    elif watched.has_budget and is_last:
        new = {"unchecked": f"the budget is no longer checked: {answer.problem}"}
    if is_last:
        watched.due_s = None
    new = {kind: sentence for kind, sentence in new.items() if kind not in watched.told}
    watched.told |= new
    asked, watched.is_asked = watched.is_asked, False
    told = [
        Foreseen(run=run, forecast=answer.forecast, warning=sentence, over=kind.endswith("spent"))
        for kind, sentence in new.items()
    ]
    return told or ([Foreseen(run=run, forecast=answer.forecast)] if asked else [])


def _verdicts(forecast: Forecast, watched: _Watched) -> dict[str, str]:
    """The sentences that a forecast makes due, by kind: a budget that is spent, will be spent, or cannot be checked."""
    from footprint import text

    found = {}
    for what, limit, spent, whole, said in (
        ("emissions", watched.budget_g, forecast.spent_emissions_g, forecast.emissions_g, text.mass),
        ("energy", watched.budget_kwh, forecast.spent_energy_kwh, forecast.energy_kwh, text.energy),
    ):
        if limit is None:
            continue
        budget = f"its budget of {said(limit)}{' CO2eq' * (what == 'emissions')}"
        if spent is None:
            why = next((reason for reason in forecast.unknown if reason.startswith(what)), f"{what}: unknown")
            found[f"{what} unknown"] = f"{budget} cannot be checked: {why}"
        elif spent.central > limit:
            found[f"{what} spent"] = f"the run is over {budget}: {_figure(said, spent)} after {text.duration(forecast.at_s)}"
        elif whole is not None and whole.central > limit:
            share = text.percent((forecast.done or 0.0) / (forecast.total or 1.0))
            found[f"{what} foreseen"] = f"the run is foreseen to go over {budget}, at {share} of its work: {_figure(said, whole)}"
    return found


def _figure(said: Any, amount: Range) -> str:
    return f"{said(amount.central)} ({said(amount.low)} to {said(amount.high)})"


class _Process:
    """A process that derives: a question and an answer are a line each."""

    def __init__(self) -> None:
        import subprocess

        self._child: subprocess.Popen[bytes] = subprocess.Popen(
            process.isolated(f"from {_DERIVING} import main; main()"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._questions, self._answers = self._child.stdin, self._child.stdout
        os.set_blocking(self._answers.fileno(), False)
        self._unread = b""

    def fileno(self) -> int:
        return self._answers.fileno()

    def put(self, question: Question) -> None:
        self._questions.write(msgspec.json.encode(question) + b"\n")  # one at a time: there is room for it
        self._questions.flush()

    def take(self) -> Answer | None:
        """The answer if it is there whole.

        Raises:
            EOFError: if the process has ended.
        """
        with suppress(BlockingIOError):
            while chunk := os.read(self._answers.fileno(), _CHUNK_BYTES):
                self._unread += chunk
                if b"\n" in self._unread:
                    line, _, self._unread = self._unread.partition(b"\n")
                    return msgspec.json.decode(line, type=Answer)
            raise EOFError
        return None

    def close(self) -> None:
        self._child.kill()
        with suppress(Exception):  # what hangs in the kernel is not waited for
            self._child.wait(_ENDING_S)
        with suppress(OSError):
            self._questions.close()
        self._answers.close()


class _Inside:
    """The same in this thread."""

    def __init__(self) -> None:
        self._deriver: Any = import_module(_DERIVING).Deriver()
        self._answer: Answer | None = None

    def fileno(self) -> int | None:
        return None

    def put(self, question: Question) -> None:
        self._answer = self._deriver.answer(question)

    def take(self) -> Answer | None:
        answer, self._answer = self._answer, None
        return answer

    def close(self) -> None:
        """Nothing is held."""
