"""The recorder's loop: read at each tick, write, listen to the host, notice its death.

The same loop runs in the recorder's own process and, where that cannot be, in a thread of the host.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from footprint.errors import LedgerError
from footprint.ledger import live
from footprint.ledger.journal import SYNC_EVERY_S, Journal
from footprint.ledger.processes import Process, identify
from footprint.ledger.records import AnyRecord, Close, Marked, Open, Progress, Tick, Work
from footprint.model import Outcome
from footprint.recorder import messages
from footprint.recorder.channel import Channel, ChannelClosedError
from footprint.recorder.pace import reading_gap_s
from footprint.recorder.procfs import resolution_s
from footprint.recorder.readings import Readings, moment
from footprint.recorder.watch import Watch

if TYPE_CHECKING:
    from footprint.recorder.foresight import Foresight

IDLE_S: Final = 300.0
"""A recorder without a run ends after this long; the host starts another when it needs one."""
_ANSWER_S: Final = 1.0
_SYNC_SOON_S: Final = 0.2
"""A run's beginning and end are synced this much later, so that many short runs share a sync and no host waits for one."""
_UNSTOPPED: Final = "the program ended, or closed the recorder's channel, without stopping the run"
_LEFT: Final = "`footprint attach` was killed; the program that it recorded may have gone on"
_MADE_ANEW: Final = (
    "the ledger was deleted during the run and made anew: the run's marks, and its readings but the first, before that are lost"
)
_WATCH_S: Final = 1.0
"""Where the kernel has no pidfd, the host is looked for this often."""
_LAST_LOOK_S: Final = 1.0
"""At a run's end its devices' holders are asked for once more, unless that was so lately."""
_OWED_LIMIT: Final = 100


class Recorder:
    """Records the runs of one process.

    Args:
        channel: our end of the channel to the host.
        hello: who the host is, and where the ledger lies.
        in_thread: whether this is a thread of the host itself, which then needs no watching.
    """

    def __init__(self, channel: Channel[messages.ToRecorder], hello: messages.Hello, *, in_thread: bool = False) -> None:
        self._channel = channel
        self._tracked = hello.tracked
        self._speaker = hello.host or hello.tracked
        self._attached = hello.host is not None
        self._home = Path(os.fsdecode(hello.home))
        self._in_thread = in_thread
        self._identity: Process = identify(os.getpid())
        self._readings = Readings(hello.tracked, attached=self._attached, in_thread=in_thread, steps=hello.steps)
        self._journal: Journal | None = None
        self._open: dict[str, _OpenRun] = {}
        self._owed: deque[Close] = deque(maxlen=_OWED_LIMIT)
        self._foresight: Foresight | None = None
        self._announced: str | None = None
        self._next_tick_s = 0.0
        self._sync_at_s: float | None = None
        self._idle_since_s = time.monotonic()
        self._ended = False

    def run(self) -> None:
        """Record until the host is gone, says goodbye, or has had no run for long."""
        host = Watch(self._speaker) if not self._in_thread else None
        try:
            self._read_messages()  # what came together with the hello lies in the channel's buffer, where no poll sees it
            while not self._ended:
                self._wait(host)
                if host is not None and host.gone():
                    self._read_messages()  # a stop that the host sent before it ended counts
                    self._end()
                    return
                self._read_messages()
                now_s = time.monotonic()
                if self._open and now_s >= self._next_tick_s:
                    self._tick()
                if self._sync_at_s is not None and now_s >= self._sync_at_s:
                    self._sync()
                self._foresee()
                if not self._open and now_s - self._idle_since_s > IDLE_S:
                    return
        finally:
            if host is not None:
                host.close()
            self._close()

    def _wait(self, host: Watch | None) -> None:
        """Sleep until a message, the host's end, or the next thing that is due."""
        due_s = [self._idle_since_s + IDLE_S] if not self._open else [self._next_tick_s]
        if self._sync_at_s is not None:
            due_s.append(self._sync_at_s)
        ahead = self._foresight
        if ahead is not None and (at_s := ahead.due_s()) is not None:
            due_s.append(at_s)
        wait_s = max(0.0, min(due_s) - time.monotonic())
        ends: list[int] = [self._channel.fileno()]
        if host is not None and host.descriptor is not None:
            ends.append(host.descriptor)
        elif host is not None:
            wait_s = min(wait_s, _WATCH_S)
        if ahead is not None and (answers := ahead.fileno()) is not None:
            ends.append(answers)
        if hasattr(select, "poll"):
            poll = select.poll()
            for end in ends:
                poll.register(end, select.POLLIN)
            poll.poll(int(wait_s * 1000) + 1)
        else:
            select.select(ends, [], [], wait_s)

    def _read_messages(self) -> None:
        try:
            while not self._ended and (message := self._channel.next_message()) is not None:
                self._handle(message)
        except ChannelClosedError:
            self._end()  # the kernel closes the channel of a dying host before it tells of the death

    def _handle(self, message: messages.ToRecorder) -> None:
        match message:
            case messages.Start():
                self._start(message)
            case messages.Stop():
                self._stop(message)
            case Work() | Marked() | Progress():
                if self._journal is not None and message.run in self._open:
                    self._write(message)
            case messages.Look():
                self._tick(whole=True)
            case messages.Ask():
                if message.run in self._open:
                    self._ahead().ask(message.run)
            case messages.Bye():
                self._end()
            case messages.Hello():
                pass

    # -- Runs ----------------------------------------------------------------------------------------------------------

    def _start(self, start: messages.Start) -> None:
        try:
            if self._journal is None:
                self._journal = Journal(self._home)
            self._replace_deleted()
        except LedgerError as error:
            self._answer(messages.Failed(run=start.run, reason=_printable(error)))
            return
        self._readings.claim_steps_by(lambda process: live.claim(self._home, self._live(start.run, start.account, process)))
        baseline = self._readings.tick((*self._open, start.run), whole=True)
        t_s, boot_s, wall_s = moment()
        opened = Open(
            run=start.run,
            name=start.name,
            kind=start.kind,
            account=start.account,
            started_at=datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds"),
            t_s=t_s,
            boot_s=boot_s,
            interval_s=start.interval_s,
            recorder=self._identity,
            tracked=self._tracked,
            host=self._readings.host,
            devices=self._readings.devices,
            reserved_cpus=self._readings.reserved_cpus(),
            resolution_s=resolution_s(),
            place=start.place,
            parent=start.parent,
            labels=start.labels,
            versions=start.versions,
            warnings=start.warnings + self._readings.warnings() + (() if start.kept else self._readings.warnings_of(self._home)),
            budget_g=start.budget_g,
            budget_kwh=start.budget_kwh,
        )
        if not self._write(opened):
            reason = f"the ledger cannot be written at {self._journal.path}: {self._journal.last_error}"
            self._answer(messages.Failed(run=start.run, reason=_printable(reason)))
            return
        self._write(baseline)
        self._open[start.run] = _OpenRun(opened, baseline, self._journal.path, self._journal.lost, self._readings.failed)
        if start.budget_g is not None or start.budget_kwh is not None:
            self._ahead().watch(start.run, start.budget_g, start.budget_kwh)
        self._announce()
        self._look()
        self._next_tick_s = t_s + self._gap_s(t_s)
        self._sync_soon()
        self._answer(messages.Started(run=start.run, t_s=t_s, journal=os.fsencode(self._journal.path)))

    def _stop(self, stop: messages.Stop) -> None:
        if stop.run not in self._open:
            self._answer(messages.Failed(run=stop.run, reason="the recorder does not know the run"))
            return
        begun = self._open[stop.run]
        with suppress(LedgerError):  # the run says so at its end
            self._replace_deleted()  # before the last reading, which would go with the deleted file
        self._tick(whole=True, looking=False)
        self._look(unless_within_s=_LAST_LOOK_S)
        warnings = self._finish(stop.run, stop.t_s, stop.outcome, stop.work, stop.warnings)
        assert self._journal is not None, "a run was open"
        moved = os.fsencode(self._journal.path) if self._journal.path != begun.path else None
        self._answer(messages.Stopped(run=stop.run, warnings=warnings, journal=moved))

    def _finish(
        self, run: str, t_s: float, outcome: Outcome, work: dict[str, float], warnings: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Write the last record of a run; what the ledger did not take of it."""
        assert self._journal is not None, "a run is open"
        begun = self._open.pop(run)
        self._announce()
        own = self._wrong_with(begun, self._journal) + (() if self._foresight is None else self._foresight.forget(run))
        seen = tuple(text for text in self._readings.warnings() if text not in begun.opened.warnings)
        close = Close(run=run, t_s=t_s, outcome=outcome, work=work, warnings=warnings + seen + own)
        if not self._write(close):
            self._owed.append(close)
            if self._journal.lost == begun.lost_before + 1:
                own += (f"the end of the run could not be written to the ledger: {self._journal.last_error}",)
        self._idle_since_s = time.monotonic()
        self._sync_soon()
        return own

    def _wrong_with(self, begun: _OpenRun, journal: Journal) -> tuple[str, ...]:
        """What went wrong in recording a run."""
        found: tuple[str, ...] = ()
        if self._readings.failed > begun.failed_before:
            found += (f"{self._readings.failed - begun.failed_before} readings failed",)
        if journal.is_deleted():
            found += (f"the ledger's file {_printable(journal.path)} was deleted during the run, and no new one can be made",)
        elif journal.lost > begun.lost_before:
            lost = journal.lost - begun.lost_before
            found += (f"{lost} records could not be written to the ledger: {journal.last_error}",)
        elif journal.sync_error is not None:
            found += (
                f"the ledger cannot be synced to its disk ({journal.sync_error}): a crash of the machine may cost it the run",
            )
        return found

    def _end(self) -> None:
        """The host is gone or wants no more: what is still open was interrupted, or let go where we were only attached."""
        self._ended = True
        if not self._open:
            return
        with suppress(LedgerError):
            self._replace_deleted()
        self._tick(whole=True, looking=False)
        end_s = time.monotonic()  # the same for all: a run does not outlast the one that it is nested in
        outcome: Outcome = "unknown" if self._attached else "interrupted"
        for run in list(self._open):
            self._finish(run, end_s, outcome, {}, (_LEFT if self._attached else _UNSTOPPED,))

    def _announce(self) -> None:
        """Let programs inside the host know the run that is open for longest, in which theirs are nested."""
        oldest = next(iter(self._open.values()), None)
        if oldest is None:
            if self._announced is not None:
                live.withdraw(self._home, self._tracked, attached=self._attached)
            self._announced = None
        elif oldest.opened.run != self._announced and not self._is_taken():
            self._announced = oldest.opened.run
            live.announce(self._home, self._live(oldest.opened.run, oldest.opened.account, self._tracked))

    def _live(self, run: str, account: str, tracked: Process) -> live.Live:
        return live.Live(run=run, account=account, tracked=tracked, recorder=self._identity, attached=self._attached)

    def _is_taken(self) -> bool:
        """Whether somebody else has attached to the same process already: the one that came first stands."""
        return self._attached and live.open_run(self._home, self._tracked, attached=True) is not None

    # -- Readings and records ------------------------------------------------------------------------------------------

    def _gap_s(self, now_s: float) -> float:
        gaps_s = [reading_gap_s(now_s - run.opened.t_s, run.opened.interval_s) for run in self._open.values()]
        longest_s = self._readings.max_gap_s  # a counter that wraps, or power, must not be left alone for longer
        return min(gaps_s if longest_s is None else [*gaps_s, longest_s], default=IDLE_S)

    def _tick(self, *, whole: bool = False, looking: bool = True) -> None:
        self._write(self._readings.tick(tuple(self._open), whole=whole))
        if looking:
            self._look()
        # The reading at a run's start or end is a tick for all the others; a late tick is not made up for.
        now_s = time.monotonic()
        self._next_tick_s = now_s + self._gap_s(now_s)

    def _look(self, *, unless_within_s: float | None = None) -> None:
        """Write down who holds the devices."""
        begun_s = {run: begun.opened.t_s for run, begun in self._open.items()}
        for record in self._readings.held(begun_s, unless_within_s=unless_within_s):
            self._write(record)

    def _write(self, record: AnyRecord) -> bool:
        assert self._journal is not None, "records are written once a run was opened"
        written = self._journal.write(record)
        due_s = self._journal.sync_in_s()
        if due_s is not None and self._sync_at_s is None:
            self._sync_at_s = time.monotonic() + due_s
        return written

    def _sync_soon(self) -> None:
        soon_s = time.monotonic() + _SYNC_SOON_S
        self._sync_at_s = soon_s if self._sync_at_s is None else min(self._sync_at_s, soon_s)

    def _sync(self) -> None:
        self._sync_at_s = None
        if self._journal is None:
            return
        with suppress(LedgerError):  # tried again at the next sync
            self._replace_deleted()
        self._write_owed()
        self._journal.sync_aside()

    def _write_owed(self) -> None:
        """Write the ends of runs that the disk had no room for."""
        while self._owed and self._write(self._owed[0]):
            self._owed.popleft()
        if self._owed:
            self._sync_at_s = time.monotonic() + SYNC_EVERY_S

    def _replace_deleted(self) -> None:
        """Go on in a new journal where somebody has deleted ours: the open runs begin in it anew, with their first reading.

        Raises:
            LedgerError: if no new one can be made.
        """
        before = self._journal
        if before is None or not before.is_deleted():
            return
        self._journal = journal = Journal(self._home)
        before.close()
        journal.lost, journal.last_error = before.lost, before.last_error
        for run, begun in self._open.items():
            opened = msgspec.structs.replace(begun.opened, warnings=(*begun.opened.warnings, _MADE_ANEW))
            self._write(opened)
            self._write(msgspec.structs.replace(begun.baseline, runs=(run,)))
        self._announced = None  # that file is gone, too
        self._announce()

    def _ahead(self) -> Foresight:
        if self._foresight is None:
            from footprint.recorder.foresight import Foresight  # for who asks: it starts a process

            self._foresight = Foresight(in_thread=self._in_thread)
        return self._foresight

    def _foresee(self) -> None:
        """Say what has been foreseen; a host that does not listen is not waited for."""
        if self._foresight is None or self._journal is None:
            return
        for message in self._foresight.step(self._journal.path):
            with suppress(ChannelClosedError):
                self._channel.offer(message)

    def _answer(self, message: messages.ToHost) -> None:
        with suppress(ChannelClosedError, TimeoutError):  # a host that no longer listens goes on without the answer
            self._channel.send(message, _ANSWER_S)

    def _close(self) -> None:
        if self._journal is not None:
            self._write_owed()
            self._journal.close()
        for process in self._readings.steps:
            live.withdraw(self._home, process, attached=True)
        self._readings.close()
        if self._foresight is not None:
            self._foresight.close()
        self._channel.close()


class _OpenRun(NamedTuple):
    """What is kept of an open run: how it began, where that was written, and how much had gone wrong before it."""

    opened: Open
    baseline: Tick
    path: Path
    lost_before: int
    failed_before: int


def _printable(reason: object) -> str:
    """A reason with the paths in it, which may hold bytes that are no text, as messages can carry it."""
    return str(reason).encode(errors="replace").decode()
