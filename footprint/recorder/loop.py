"""The recorder's loop: read at each tick, write, listen to the host, notice its death.

The same loop runs in the recorder's own process and, where that cannot be, in a thread of the host.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from footprint.errors import LedgerError
from footprint.ledger import live
from footprint.ledger.journal import Journal
from footprint.ledger.processes import Process, identify, is_alive
from footprint.ledger.records import Close, Marked, Open, Tick, Work
from footprint.meters import open_meters
from footprint.meters.host import read_host
from footprint.model import Outcome
from footprint.recorder import messages, tree
from footprint.recorder.channel import Channel, ChannelClosedError

Reading = TypeVar("Reading")

IDLE_S: Final = 300.0
"""A recorder without a run ends after this long; the host starts another when it needs one."""
_ANSWER_S: Final = 1.0
_SYNC_SOON_S: Final = 0.2
"""A run's beginning and end are synced this much later, so that many short runs share a sync and no host waits for one."""
_UNSTOPPED: Final = "the program ended, or closed the recorder's channel, without stopping the run"
_NO_TREE: Final = "/proc does not show this program (is it another pid namespace's?): its CPU time is not known"
_WATCH_S: Final = 1.0
"""Where the kernel has no pidfd, the host is looked for this often."""


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
        self._home = Path(os.fsdecode(hello.home))
        self._in_thread = in_thread
        self._identity: Process = identify(os.getpid())
        self._meters = open_meters()
        self._host = read_host(self._meters.meters)
        self._tree = tree.ProcessTree(hello.tracked.pid, hello.tracked.start_ticks)
        self._journal: Journal | None = None
        self._open: dict[str, _OpenRun] = {}
        self._announced: str | None = None
        self._next_tick_s = 0.0
        self._sync_at_s: float | None = None
        self._idle_since_s = time.monotonic()
        self._failed_readings = 0
        self._ended = False

    def run(self) -> None:
        """Record until the host is gone, says goodbye, or has had no run for long."""
        host = _Watch(self._tracked) if not self._in_thread else None
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
                if not self._open and now_s - self._idle_since_s > IDLE_S:
                    return
        finally:
            if host is not None:
                host.close()
            self._close()

    def _wait(self, host: _Watch | None) -> None:
        """Sleep until a message, the host's end, or the next thing that is due."""
        due_s = [self._idle_since_s + IDLE_S] if not self._open else [self._next_tick_s]
        if self._sync_at_s is not None:
            due_s.append(self._sync_at_s)
        wait_s = max(0.0, min(due_s) - time.monotonic())
        ends: list[int] = [self._channel.fileno()]
        if host is not None and host.descriptor is not None:
            ends.append(host.descriptor)
        elif host is not None:
            wait_s = min(wait_s, _WATCH_S)
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
            case Work() | Marked():
                if self._journal is not None and message.run in self._open:
                    self._write(message)
            case messages.Bye():
                self._end()
            case messages.Hello():
                pass

    # -- Runs ----------------------------------------------------------------------------------------------------------

    def _start(self, start: messages.Start) -> None:
        try:
            if self._journal is None:
                self._journal = Journal(self._home)
        except LedgerError as error:
            self._answer(messages.Failed(run=start.run, reason=_printable(error)))
            return
        baseline = self._reading((*self._open, start.run))
        opened = Open(
            run=start.run,
            name=start.name,
            kind=start.kind,
            account=start.account,
            started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            t_s=time.monotonic(),
            boot_s=_boot_s(),
            interval_s=start.interval_s,
            recorder=self._identity,
            tracked=self._tracked,
            host=self._host,
            devices=self._meters.devices,
            reserved_cpus=self._try(lambda: tree.reserved_cpus(self._tracked.pid)),
            resolution_s=tree.resolution_s(),
            place=start.place,
            parent=start.parent,
            labels=start.labels,
            versions=start.versions,
            warnings=start.warnings + self._meters.warnings + (() if self._tree.is_found else (_NO_TREE,)),
        )
        if not self._write(opened):
            reason = f"the ledger cannot be written at {self._journal.path}: {self._journal.last_error}"
            self._answer(messages.Failed(run=start.run, reason=_printable(reason)))
            return
        self._write(baseline)
        self._open[start.run] = _OpenRun(start.account, start.interval_s, self._journal.lost, self._failed_readings)
        self._announce()
        self._next_tick_s = opened.t_s + self._interval_s()
        self._sync_soon()
        self._answer(messages.Started(run=start.run, t_s=opened.t_s, journal=os.fsencode(self._journal.path)))

    def _stop(self, stop: messages.Stop) -> None:
        if stop.run not in self._open:
            self._answer(messages.Failed(run=stop.run, reason="the recorder does not know the run"))
            return
        self._tick()
        warnings = self._finish(stop.run, stop.t_s, stop.outcome, stop.work, stop.warnings)
        self._answer(messages.Stopped(run=stop.run, warnings=warnings))

    def _finish(
        self, run: str, t_s: float, outcome: Outcome, work: dict[str, float], warnings: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Write the last record of a run; what the ledger did not take of it."""
        assert self._journal is not None, "a run is open"
        opened = self._open.pop(run)
        self._announce()
        own: tuple[str, ...] = ()
        if self._failed_readings > opened.failed_before:
            own += (f"{self._failed_readings - opened.failed_before} readings failed",)
        lost = self._journal.lost - opened.lost_before
        if lost:
            own += (f"{lost} records could not be written to the ledger: {self._journal.last_error}",)
        if not self._write(Close(run=run, t_s=t_s, outcome=outcome, work=work, warnings=warnings + own)) and not lost:
            own += (f"the end of the run could not be written to the ledger: {self._journal.last_error}",)
        self._idle_since_s = time.monotonic()
        self._sync_soon()
        return own

    def _end(self) -> None:
        """The host is gone or wants no more: what is still open was interrupted."""
        self._ended = True
        if not self._open:
            return
        self._tick()
        end_s = time.monotonic()  # the same for all: a run does not outlast the one that it is nested in
        for run in list(self._open):
            self._finish(run, end_s, "interrupted", {}, (_UNSTOPPED,))

    def _announce(self) -> None:
        """Let programs inside the host know the run that is open for longest, in which theirs are nested."""
        oldest = next(iter(self._open.items()), None)
        if oldest is None:
            live.withdraw(self._home, self._tracked)
        elif oldest[0] != self._announced:
            run, opened = oldest
            live.announce(self._home, live.Live(run=run, account=opened.account, tracked=self._tracked, recorder=self._identity))
        self._announced = oldest[0] if oldest else None

    # -- Reading and writing -------------------------------------------------------------------------------------------

    def _interval_s(self) -> float:
        return min(run.interval_s for run in self._open.values())

    def _tick(self) -> None:
        self._write(self._reading(tuple(self._open)))
        # The reading at a run's start or end is a tick for all the others; a late tick is not made up for.
        self._next_tick_s = time.monotonic() + self._interval_s()

    def _reading(self, runs: tuple[str, ...]) -> Tick:
        return Tick(
            runs=runs,
            tree_s=self._try(self._tree.cpu_s) if self._tree.is_found else None,
            busy_s=self._try(tree.machine_busy_s),
            t_s=time.monotonic(),
            boot_s=_boot_s(),
            samples=self._try(self._meters.read) or (),
        )

    def _try(self, read: Callable[[], Reading]) -> Reading | None:
        """A reading, or null: none may stop the others' record; the count of failures stands in the run."""
        try:
            return read()
        except Exception:  # noqa: BLE001 - drivers and libraries fail in ways of their own
            self._failed_readings += 1
            return None

    def _write(self, record: Open | Tick | Work | Marked | Close) -> bool:
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
        if self._journal is not None:
            self._journal.sync()

    def _answer(self, message: messages.ToHost) -> None:
        with suppress(ChannelClosedError, TimeoutError):  # a host that no longer listens goes on without the answer
            self._channel.send(message, _ANSWER_S)

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
        self._meters.close()
        self._tree.close()
        self._channel.close()


class _OpenRun(NamedTuple):
    """What is kept of an open run: its account, its interval, and how much had gone wrong before it."""

    account: str
    interval_s: float
    lost_before: int
    failed_before: int


class _Watch:
    """Tells the host's end by its pidfd, and by its start time where there is none or the pid was reused."""

    def __init__(self, host: Process) -> None:
        self._host = host
        self.descriptor: int | None = None
        with suppress(OSError, AttributeError):
            self.descriptor = os.pidfd_open(host.pid)
        if is_alive(host) is False:
            self.close()

    def gone(self) -> bool:
        """Whether the host process has ended."""
        if self.descriptor is None:
            return is_alive(self._host) is False
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self.descriptor, select.POLLIN)
            return bool(poll.poll(0))
        return False

    def close(self) -> None:
        """Close the descriptor; safe to call twice."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def _printable(reason: object) -> str:
    """A reason with the paths in it, which may hold bytes that are no text, as messages can carry it."""
    return str(reason).encode(errors="replace").decode()


def _boot_s() -> float | None:
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return None if clock is None else time.clock_gettime(clock)
