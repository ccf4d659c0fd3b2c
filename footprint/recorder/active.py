"""A run as the host program holds it: stamps, counts and hands on; never raises, never waits without a limit."""

from __future__ import annotations

import itertools
import math
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self

import msgspec

from footprint.errors import FootprintError
from footprint.ledger.home import home as ledger_home
from footprint.ledger.journal import new_id
from footprint.ledger.records import Close, Marked, Work
from footprint.model import Host, Kind, Mark, Outcome, Place, Run
from footprint.recorder import client, context, messages
from footprint.recorder.handlers import pass_on

if TYPE_CHECKING:
    from footprint.recorder.budget import Budget
    from footprint.recorder.targets import Target

P = ParamSpec("P")

_WORK_EVERY_S: Final = 0.5
_MARK_LIMIT: Final = 10_000
_COUNTER_LIMIT: Final = 64
_WARNING_LIMIT: Final = 20
_TOLD_LIMIT: Final = 20
_NUMBERS: Final = re.compile(r"\d+")

_current: ContextVar[ActiveRun | None] = ContextVar("footprint_current_run", default=None)
_open_runs: list[ActiveRun] = []
_told: set[str] = set()


class ActiveRun:
    """A run while it lasts, and its facts afterwards.

    Args:
        target: a process to attach to; this one if None.
        is_kept: whether the finished run goes to a file of the user's, too.
        budget: what it may emit or use, if there is a limit.

    Attributes:
        id: the run's id in the ledger.
        account: the account that the run belongs to.
        is_account_unstated: whether that is only a run's id, for want of a better one.
    """

    def __init__(
        self,
        *,
        name: str,
        kind: Kind,
        place: Place | None,
        account: str | None,
        labels: Mapping[str, str],
        interval_s: float,
        target: Target | None = None,
        is_kept: bool = False,
        budget: Budget | None = None,
    ) -> None:
        self.id = new_id()
        self._target, self._is_kept, self._budget = target, is_kept, budget
        self._outer: ActiveRun | None = _outer_run() if target is None else None
        self._within = None if self._outer else context.enclosing_run(target)
        inherited = self._outer.account if self._outer and account is None else account
        self.account: str = context.account(inherited, self.id, self._within, target)
        taken_over = self._outer is not None and account is None and self._outer.is_account_unstated
        self.is_account_unstated: bool = taken_over or self.account == self.id
        self._is_loose = False
        self._name, self._kind, self._place = name, kind, place
        self._labels, self._interval_s = labels, interval_s
        self._pid = os.getpid()
        self._warnings: list[str] = []
        self._work: dict[str, float] = {}
        self._uncounted: deque[tuple[str, object]] = deque()
        self._is_counting = False
        self._work_sent_s = -math.inf
        self._kept_marks: dict[int, Marked] = {}
        self._mark_numbers = itertools.count(1)
        self._lock = threading.RLock()  # a signal handler may count, too
        self._dropped = 0
        self._started_at = ""
        self._start_s = self._end_s = math.nan
        self._outcome: Outcome = "running"
        self._client: client.Client | None = None
        self._journal: Path | None = None
        self._facts: Run | None = None

    # -- For the user --------------------------------------------------------------------------------------------------

    def count(self, **work: float) -> None:
        """Add to the run's work counters: `run.count(samples=64, tokens=8192)`. Safe to call for each batch."""
        if not self._is_live():
            return
        self._uncounted.extend(work.items())
        self._count()
        now_s = time.monotonic()
        # Totals are sent, so the next message or the stop heals one that was dropped or not sent for its hurry.
        if self._client is not None and now_s - self._work_sent_s >= _WORK_EVERY_S:
            self._work_sent_s = now_s
            self._client.offer(Work(run=self.id, t_s=now_s, work=self._work))

    def mark(self, name: str) -> None:
        """Name this moment of the run."""
        if self._is_live():
            self._mark(next(self._mark_numbers), name, time.monotonic(), None)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Name a stretch of the run."""
        if not self._is_live():
            yield
            return
        key, start_s = next(self._mark_numbers), time.monotonic()
        self._mark(key, name, start_s, None)
        try:
            yield
        finally:
            if self._is_live():
                self._mark(key, name, start_s, time.monotonic())

    @property
    def facts(self) -> Run:
        """What is known of the run: so far while it lasts, all of it once it has ended."""
        if self._facts is None:
            try:
                facts = self._read()
            except Exception as error:  # noqa: BLE001 - a program that has changed its root or user loads no module any more
                pass_on(error)
                self.warn(f"the run's facts cannot be read here: {error}")
                return self._unrecorded()
            if not self.is_over:
                return facts
            self._facts = facts
        later = tuple(warning for warning in self._warnings if warning not in self._facts.warnings)
        if later:  # of what was done after the end: a card that was not filled, a server that did not take the last numbers
            self._facts = msgspec.structs.replace(self._facts, warnings=(*self._facts.warnings, *later))
        return self._facts

    def stop(self, outcome: Outcome = "completed") -> Self:
        """End the run, and wait until its last reading is written; a second stop changes nothing."""
        self.end(outcome)
        return self

    # -- For the layers above ------------------------------------------------------------------------------------------

    def end(self, outcome: Outcome, end_s: float | None = None) -> bool:
        """End the run, now or at a moment that has just passed; false if somebody has ended it, or does so on another thread."""
        with self._lock:
            if not self._is_live():
                return False
            self._end_s, self._outcome = time.monotonic() if end_s is None else end_s, outcome
        with suppress(ValueError):
            _open_runs.remove(self)
        self._count()
        self._leave_outer()
        if self._dropped:
            self._warnings.append(f"marks dropped: {self._dropped} (the recorder did not take them, or there were too many)")
        if self._client is not None:
            self.attempt("the end of the run was not recorded", self._stop, self._client)
            if self._target is not None:
                self.attempt("the recorder was not ended", self._client.close)
        return True

    def start(self) -> None:
        """Begin: when this returns the baseline is read, or a warning says why the run is not recorded."""
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._start_s = time.monotonic()
        because = None if self._target else context.inert_because(self._within)
        if because is None and self._target is None and client.forked_from_tracked():
            because = "a fork of a tracked process is covered by the run of that process"
        if self._target is not None:
            self.attempt("the run is not recorded", self._start)
        elif because is None:
            self.attempt("the run is not recorded", self._start)
            _open_runs.append(self)
            _current.set(self)
        else:
            self._pid = -1
            self._warnings.append(f"not recorded on its own: {because}")

    def abandon(self) -> None:
        """End a run whose start was interrupted (Ctrl-C): nobody holds it, and the program may go on."""
        ActiveRun.end(self, "interrupted")  # without a file or a card

    def look(self) -> None:
        """Have the devices and the process tree read at once."""
        if self._client is not None and self._is_live():
            self._client.offer(messages.Look())

    @property
    def is_recorded(self) -> bool:
        """Whether a recorder has the run."""
        return self._client is not None

    @property
    def is_inert(self) -> bool:
        """Whether this is not the process to write or stop the run: a forked child has a copy of it."""
        return self._pid != os.getpid()

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self._outcome != "running"

    def warn(self, message: str) -> None:
        """Keep a warning in the run's facts, and tell it to the logger `footprint` once in a process."""
        if not self.note(message):
            return
        kind = _NUMBERS.sub("#", message)  # ten thousand runs on a full disk are one warning, however many records each has lost
        if kind not in _told and len(_told) < _TOLD_LIMIT:
            with suppress(Exception):  # a handler of the program's may raise, and loading a module without a descriptor left
                import logging

                _told.add(kind)
                logging.getLogger("footprint").warning("footprint: %s", message)

    def note(self, message: str) -> bool:
        """Keep a warning in the run's facts and tell nobody; false if it stands there already, or there are too many."""
        if message in self._warnings or len(self._warnings) >= _WARNING_LIMIT:
            return False
        self._warnings.append(message)
        return True

    def attempt(self, what: str, action: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Do what must not harm the program: whatever goes wrong becomes a warning, but what a signal handler of its raises."""
        try:
            action(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the host program is sacred: no defect of ours may end it
            pass_on(error)
            is_told = isinstance(error, client.RecorderError | FootprintError)
            self.warn(f"{what}: {error}" if is_told else f"{what}: {type(error).__name__}: {error}")

    # -- Inside --------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        home = ledger_home()
        if self._target is None:
            client.prepare(home)  # it starts while we gather what to tell it
        self.attempt("the room for the ledger cannot be told", self._look_for_room, home)
        if self._place is None or self._place.zone is None:
            self.attempt("the site's default place cannot be used", self._take_default_place)
        outer = self._outer
        message = messages.Start(
            run=self.id,
            name=self._name,
            kind=self._kind,
            account=self.account,
            interval_s=self._interval_s,
            place=self._place,
            parent=outer.id if outer and outer.is_recorded else context.parent(self._within, self._target),
            labels=context.labels(self._labels, self._target),
            versions=context.versions(self._target),
            warnings=tuple(self._warnings),
            kept=self._is_kept,
            budget_g=self._budget.emissions_g if self._budget else None,
            budget_kwh=self._budget.energy_kwh if self._budget else None,
        )
        to = self._target
        self._client, started = client.attach(home, to.process, message, to.steps) if to else client.start(home, message)
        self._journal, self._start_s = Path(os.fsdecode(started.journal)), started.t_s

    def _look_for_room(self, home: Path) -> None:
        from footprint.recorder import room

        for warning in room.warnings(home):
            self.warn(warning)

    def _take_default_place(self) -> None:
        """What the program did not state of its place; a PUE that it did state joins the site's region."""
        from footprint.place import default_place

        self._place = default_place(pue=self._place.pue_ratio if self._place else None)

    def _stop(self, recorder: client.Client) -> None:
        message = messages.Stop(
            run=self.id, t_s=self._end_s, outcome=self._outcome, work=self._work, warnings=tuple(self._warnings)
        )
        stopped = recorder.stop(message)
        if stopped.journal is not None:
            self._journal = Path(os.fsdecode(stopped.journal))
        for warning in stopped.warnings:
            self.warn(warning)

    def _is_live(self) -> bool:
        return self._outcome == "running" and self._pid == os.getpid()

    def _count(self) -> None:
        """Add what was counted to the totals: whoever is at it takes along what a signal handler counts meanwhile."""
        with self._lock:
            if self._is_counting:
                return
            self._is_counting = True
            try:
                while self._uncounted:
                    name, amount = self._uncounted.popleft()
                    self._add(name if name in self._work else _shown(name), amount)
            finally:
                self._is_counting = False

    def _add(self, name: str, amount: object) -> None:
        number = finite(amount)
        total = self._work.get(name, 0.0) + (math.nan if number is None else number)
        if not math.isfinite(total):
            self.warn(f"count({name}=…) was given something that is not a finite number; it is left out")
        elif name not in self._work and len(self._work) >= _COUNTER_LIMIT:
            self.warn(f"more than {_COUNTER_LIMIT} counters; the others are left out")
        else:
            self._work[name] = total

    def _mark(self, key: int, name: object, t_s: float, end_s: float | None) -> None:
        mark = Marked(run=self.id, key=key, name=_shown(name), t_s=t_s, end_s=end_s)
        if key <= _MARK_LIMIT and self._client is None:
            self._kept_marks[key] = mark
        elif key > _MARK_LIMIT or self._client is None or not self._client.offer(mark):
            with self._lock:
                self._dropped += 1

    def _read(self) -> Run:
        """The facts from the journal; where the recorder failed to write the end, it is added as the host knows it."""
        from footprint.ledger.reading import read_journal

        records = read_journal(self._journal, only_run=self.id).runs.get(self.id) if self._journal else None
        if records is None:
            if self._journal:
                self.warn(f"the run's journal {self._journal} cannot be read any more")
            return self._unrecorded()
        if self.is_over and (records.closed is None or records.closed.outcome != self._outcome):
            records.add(Close(run=self.id, t_s=self._end_s, outcome=self._outcome, work=self._work))
        run = records.run()
        warnings = tuple(dict.fromkeys((*run.warnings, *self._warnings)))
        parent = None if self._is_loose else run.parent
        return msgspec.structs.replace(run, warnings=warnings, parent=parent, account=self.account)

    def _leave_outer(self) -> None:
        """Settle what the run around this one is to it, and let go of it: runs that overlap on and on would keep all before."""
        outer, self._outer = self._outer, None
        self._is_loose = outer is not None and outer.is_over  # it ended first, and so does not contain this one after all
        if outer is not None and self.is_account_unstated:
            self.account = self.id if self._is_loose else outer.account
        if _current.get() is self:
            _current.set(None if self._is_loose else outer)

    def _unrecorded(self) -> Run:
        """What the host knows by itself of a run that no recorder has: no energy, and a warning that says why."""
        end_s = self._end_s if self.is_over else time.monotonic()
        uname: Any = os.uname() if hasattr(os, "uname") else None
        host = Host(
            name=uname.nodename if uname else "",
            os=f"{uname.sysname} {uname.release} {uname.machine}" if uname else os.name,
            cpu_name=None,
            logical_cpus=os.cpu_count() or 1,
            sockets=None,
            memory_bytes=None,
            boot_id=None,
        )
        start_s = self._start_s
        return Run(
            id=self.id,
            name=self._name,
            kind=self._kind,
            started_at=self._started_at,
            duration_s=max(0.0, end_s - start_s),
            outcome=self._outcome,
            account=self.account,
            host=host,
            place=self._place,
            work=dict(self._work),
            marks=tuple(
                Mark(name=mark.name, t_s=mark.t_s - start_s, end_s=None if mark.end_s is None else mark.end_s - start_s)
                for mark in self._kept_marks.values()
            ),
            labels=context.labels(self._labels, self._target),
            versions=context.versions(self._target),
            warnings=tuple(self._warnings),
        )


def finite(value: object) -> float | None:
    """A value of the user's, also one of numpy's or of a tensor library, as a finite number; null if it is none."""
    try:
        return float(value) if math.isfinite(value) else None  # type: ignore[arg-type]  # what is no number says so by raising
    except Exception:  # noqa: BLE001 - tensor libraries raise errors of their own
        return None


def _shown(name: object) -> str:
    """A name of the user's as it is recorded; what cannot be turned into text is named by its type."""
    try:
        return context.clean_name(str(name))
    except Exception:  # noqa: BLE001 - it is the program's own code that raises
        return context.clean_name(type(name).__name__)


def current_run() -> ActiveRun | None:
    """The open run of this context (thread, task), if it has one."""
    current = _current.get()
    return current if current in _open_runs else None


def _outer_run() -> ActiveRun | None:
    """The run that a new one lies in: that of this context, else (a worker thread) the one that is open for longest.

    A forked child has its parent's runs in mind; once these have ended they are nothing to it.
    """
    outer = current_run() or next(iter(_open_runs), None)
    return None if outer is not None and outer.is_inert and not client.forked_from_tracked() else outer
