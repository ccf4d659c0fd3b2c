"""The engine: idle, warm-up, sessions and repeats, until the interval is narrow enough or the time is spent.

Every process and every repeat is a run of the ledger, all of one account. What fails ends the measurement with one line; what was
interrupted is reported as incomplete.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from footprint.errors import ConfigError
from footprint.model import Kind, Outcome, Run
from footprint.profiling import conditions, energies, words
from footprint.profiling.listening import Conversation, Process, Spoken
from footprint.profiling.plan import Plan
from footprint.profiling.results import Ending, Idle, RepeatResult
from footprint.profiling.statistics import own_half_ratio, spread
from footprint.recorder.context import ACCOUNT_VARIABLE, PARENT_VARIABLE

if TYPE_CHECKING:
    from footprint.tracking import TrackedRun

PROCESS_REPEATS: Final = (5, 20)
INSIDE_REPEATS: Final = (3, 10)
"""The least and the most, where the profile does not say: processes, and repeats in one process."""
_PATIENCE: Final = 2.0
"""A command that has not ended after so many times the time limit is ended."""
_PATIENCE_LEAST_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where the runs are said to run; empty: the site's default."""

    region: str | None = None
    zone: str | None = None
    pue: float | None = None


@dataclass(kw_only=True)
class Measured:
    """What has been measured so far."""

    account: str
    started_at: str
    quick: bool = False
    ended_by: Ending = "most repeats"
    idle: Idle | None = None
    repeats: list[RepeatResult] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    sessions: int = 0
    libraries: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    total_s: float = 0.0

    def by_session(self) -> list[list[RepeatResult]]:
        """The repeats of each start of the command, in the order of time."""
        found: dict[int, list[RepeatResult]] = {}
        for repeat in self.repeats:
            found.setdefault(repeat.session, []).append(repeat)
        return list(found.values())


Tell = Callable[[str, Measured], None]
"""Is told what has just been done: `idle`, `warm-up`, `session`, `repeat`."""


def measure(plan: Plan, where: Where | None = None, tell: Tell = lambda _what, _so_far: None, *, quick: bool = False) -> Measured:
    """Run a workload until it is known well enough.

    Args:
        plan: what to run.
        where: where that is.
        tell: is told of each step.
        quick: whether only to try that all works.

    Raises:
        ConfigError: if the command fails, or does not say what it has done; says which repeat, and the end of its stderr.
    """
    return _Engine(plan, where or Where(), tell, quick=quick).measure()


class _Engine:
    def __init__(self, plan: Plan, where: Where, tell: Tell, *, quick: bool) -> None:
        self._plan, self._work, self._where, self._quick = plan, plan.workload, where, quick
        started = datetime.now(UTC)
        self._told = Measured(
            account=f"{plan.name} {started:%Y-%m-%dT%H:%M:%SZ}",
            started_at=started.isoformat(timespec="seconds"),
            quick=quick,
            libraries=dict(plan.libraries),
        )
        self._tell = partial(self._say, tell)
        self._start_s = self._end_s = 0.0
        least, most = INSIDE_REPEATS if self._work.inside else PROCESS_REPEATS
        self._least = self._work.min_repeats or min(least, self._work.repeats or least)
        self._most = max(self._work.repeats or most, self._least)

    def measure(self) -> Measured:
        start_s = time.monotonic()
        try:
            if self._work.idle_s > 0:
                self._told.idle = self._idle()
                self._tell("idle")
            self._start_s = time.monotonic()
            self._end_s = self._start_s + self._work.time_limit_s
            self._told.ended_by = self._sessions() if self._work.inside else self._processes()
        except KeyboardInterrupt:
            self._told.ended_by = "interrupted"
        self._told.total_s = time.monotonic() - start_s
        return self._told

    def _say(self, tell: Tell, what: str) -> None:
        tell(what, self._told)

    # -- Runs ----------------------------------------------------------------------------------------------------------

    @contextmanager
    def _tracked(self, name: str, kind: Kind) -> Iterator[TrackedRun]:
        """A run of this account; how it ends is how its body does."""
        from footprint.tracking import outcome_of, track

        where = self._where
        tracker = track(
            name,
            kind=kind,
            region=where.region,
            zone=where.zone,
            pue=where.pue,
            account=self._told.account,
            labels={"profile": self._plan.profile, "workload": self._work.name or self._plan.profile},
        )
        run = tracker.begin()
        outcome: Outcome = "failed"
        try:
            yield run
            outcome = "completed"
        except BaseException as error:
            outcome = outcome_of(error)
            raise
        finally:
            run.stop(outcome)

    def _environment(self, run: TrackedRun, spoken: Spoken | None) -> dict[str, str]:
        ours = {PARENT_VARIABLE: run.id, ACCOUNT_VARIABLE: run.account}
        if spoken is not None:
            ours[words.SOCKET_VARIABLE] = spoken.path
        if self._quick:
            ours[words.QUICK_VARIABLE] = "1"
        named = {words.SOCKET_VARIABLE, words.QUICK_VARIABLE}
        return {name: value for name, value in os.environ.items() if name not in named} | ours

    def _idle(self) -> Idle:
        before = conditions.read()
        with self._tracked(f"{self._plan.name} idle", "other") as run:
            time.sleep(self._work.idle_s)
        after, facts = conditions.read(), run.facts
        whole_j = energies.energy_j(facts, machine=True)
        return Idle(
            duration_s=facts.duration_s,
            power_w=None if whole_j is None or not facts.duration_s else whole_j / facts.duration_s,
            others_ratio=energies.others_ratio(facts),
            stolen_ratio=energies.stolen_ratio(before, after),
            load=before.load,
        )

    # -- One process a repeat ------------------------------------------------------------------------------------------

    def _processes(self) -> Ending:
        for number in range(self._work.warmup):
            self._process(f"warm-up {number + 1}")
            self._tell("warm-up")
        while True:
            number = len(self._told.repeats)
            before, (run, duration_s) = conditions.read(), self._process(f"repeat {number + 1}")
            self._told.sessions += 1
            self._add(run.facts, duration_s, self._work.amount, (before, conditions.read()), {})
            if ending := self._ending(len(self._told.repeats), self._least, self._most):
                return ending

    def _process(self, what: str) -> tuple[TrackedRun, float]:
        """Run the command once, as a run of its own."""
        with self._tracked(self._plan.name, self._work.kind) as run:
            if what.startswith("repeat"):
                run.count(**{self._work.unit: self._work.amount})
            start_s = time.monotonic()
            process = Process(self._plan.command, self._plan.folder, self._environment(run, None))
            try:
                code = process.wait(self._last_s())
                duration_s = time.monotonic() - start_s
                process.end()
                if code is None:
                    raise ConfigError(f"{what} of {self._plan.name} did not end in time: it was ended; see time_limit_s")
                if code != 0:
                    raise ConfigError(f"the command failed in {what} of {self._plan.name}: {process.last_words()}")
            finally:
                process.close()
        return run, duration_s

    # -- Repeats inside a process --------------------------------------------------------------------------------------

    def _sessions(self) -> Ending:
        with Spoken() as spoken:
            while True:
                self._told.sessions += 1
                with self._tracked(f"{self._plan.name} session", self._work.kind) as run:
                    process = Process(self._plan.command, self._plan.folder, self._environment(run, spoken))
                    try:
                        self._session(spoken, process)
                    finally:
                        process.close()
                self._tell("session")
                if ending := self._ending(self._told.sessions, self._work.min_sessions, self._work.sessions):
                    return ending

    def _session(self, spoken: Spoken, process: Process) -> None:
        """Listen to one process from its start to its end."""
        found, before = self._told.sessions, len(self._told.repeats)
        end_s = self._session_end_s()
        talk = self._greeted(spoken, process)
        try:
            self._listen(talk, process, end_s)
        except EOFError:
            pass
        finally:
            talk.close()
        code = process.wait(self._last_s())
        process.end()
        here = len(self._told.repeats) - before
        if code is None:
            raise ConfigError(f"session {found} of {self._plan.name} did not end in time: it was ended; see time_limit_s")
        if code != 0:
            raise ConfigError(
                f"the command failed in session {found}, repeat {here + 1}, of {self._plan.name}: {process.last_words()}"
            )
        if here == 0:
            raise ConfigError(f"session {found} of {self._plan.name} ended before a repeat was measured")

    def _greeted(self, spoken: Spoken, process: Process) -> Conversation:
        """Wait until the program's set-up is done."""
        while (connection := spoken.accept()) is None:
            self._look(process)
        talk = Conversation(connection)
        try:
            while not isinstance(talk.hear(), words.Hello):
                self._look(process)
        except EOFError:
            talk.close()
            self._look(process)
            raise ConfigError(f"the command of {self._plan.name} has gone before its first repeat") from None
        where = self._where
        talk.say(
            words.Welcome(
                name=self._plan.name,
                kind=self._work.kind,
                warmup=self._work.warmup,
                region=where.region,
                zone=where.zone,
                pue=where.pue,
            )
        )
        return talk

    def _look(self, process: Process) -> None:
        """See that the program that is waited for is there, and not late."""
        if (code := process.code()) is not None:
            process.wait(time.monotonic())
            if code != 0:
                raise ConfigError(f"the command of {self._plan.name} failed before its first repeat: {process.last_words()}")
            raise ConfigError(
                f"the command of {self._plan.name} ended without footprint.profiling.repeats(), which inside = true is about"
            )
        if time.monotonic() > self._last_s():
            raise ConfigError(
                f"the command of {self._plan.name} did not begin its repeats in time: it was ended; see time_limit_s"
            )

    def _listen(self, talk: Conversation, process: Process, end_s: float) -> None:
        number = 0
        here: list[RepeatResult] = []
        while True:
            word = talk.hear()
            if word is None:
                if process.code() is not None:
                    raise EOFError  # what it forked may hold the connection open for long
                if time.monotonic() > self._last_s():
                    raise ConfigError(f"a repeat of {self._plan.name} did not end in time: it was ended; see time_limit_s")
                continue
            if isinstance(word, words.Hello):
                raise ConfigError("the command says twice that it begins")
            number += 1
            if number <= self._work.warmup:
                self._tell("warm-up")
                talk.say(words.Answer(more=True))
                continue
            facts = energies.facts_of(word.journal, word.run)
            self._told.libraries |= {name: version for name, version in word.versions.items() if name != "footprint"}
            self._told.warnings += [one for one in word.warnings if one not in self._told.warnings]
            repeat = self._add(facts, word.duration_s, self._amount(word), (word.before, word.after), word.notes)
            here.append(repeat)
            talk.say(words.Answer(more=not self._is_session_over(energies.by_unit(here), end_s)))

    def _amount(self, word: words.Done) -> float:
        amount = word.work.get(self._work.unit)
        if amount is not None:
            return amount
        if not word.work and self._work.unit == "run":
            return 1.0
        counted = f"it counted {', '.join(word.work)}" if word.work else "it counted nothing"
        raise ConfigError(
            f"repeat {len(self._told.repeats) + 1} of {self._plan.name} did not count {self._work.unit} ({counted}): "
            f"call repeat.count({self._work.unit}=…) in each turn of the loop"
        )

    # -- Enough? -------------------------------------------------------------------------------------------------------

    def _add(
        self,
        facts: Run | None,
        duration_s: float,
        amount: float,
        between: tuple[conditions.Conditions, conditions.Conditions],
        notes: dict[str, float],
    ) -> RepeatResult:
        before, after = between
        repeat = energies.repeat_of(
            session=self._told.sessions, run=facts, duration_s=duration_s, amount=amount, before=before, after=after, notes=notes
        )
        self._told.repeats.append(repeat)
        if facts is not None:
            self._told.runs.append(facts)
        self._tell("repeat")
        return repeat

    def _is_session_over(self, values: list[float], end_s: float) -> bool:
        now_s = time.monotonic()
        if len(values) >= self._most or now_s > self._end_s:
            return True
        if len(values) < self._least:
            return False
        half = own_half_ratio(values)
        return now_s > end_s or (half is not None and half <= self._work.interval_ratio)

    def _ending(self, done: int, least: int, most: int) -> Ending | None:
        """Why another process is not started; null if it is to be."""
        if done >= most:
            return "most repeats"
        if time.monotonic() > self._end_s:
            return "time"
        if done < least:
            return None
        groups = self._told.by_session()
        values = iter(energies.by_unit([one for group in groups for one in group]))
        found = spread([[next(values) for _ in group] for group in groups])
        narrow = found is not None and found.half_ratio is not None and found.half_ratio <= self._work.interval_ratio
        return "interval" if narrow else None

    def _session_end_s(self) -> float:
        """Until when this session may go on, so that the least number of them has its share of the time."""
        left = self._work.min_sessions - self._told.sessions + 1
        now_s = time.monotonic()
        return self._end_s if left <= 1 else now_s + (self._end_s - now_s) / left

    def _last_s(self) -> float:
        """When a command that has not ended is ended."""
        return self._start_s + max(_PATIENCE * self._work.time_limit_s, self._work.time_limit_s + _PATIENCE_LEAST_S)
