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
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from footprint.errors import ConfigError
from footprint.model import ComponentName, Coverage, Grade, Kind, Outcome, Range
from footprint.recorder import process
from footprint.tracking import TrackedRun, aside

if TYPE_CHECKING:
    from footprint.model import Footprint, Run

INTERVAL_S: Final = 10.0
FINAL_LIMIT_S: Final = 10.0
_INTERVALS_S: Final = (0.2, 3600.0)
_NICE: Final = 10
_CHUNK: Final = 2**16
_LOOK_AGAIN_S: Final = 0.1
_OUR_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGUSR1", "SIGUSR2")
_ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_FOLLOW: Final = "from footprint.integrations.following import main; main(between)"
_TELL: Final = "from footprint.integrations.following import tell; tell()"
_LOST: Final = "the run is followed no longer: the process that did it has ended; the run's end is published all the same"

Publish = Callable[["Reading"], object]


class DeviceReading(msgspec.Struct, frozen=True, kw_only=True):
    """A device of a run: what it has drawn since the run began, whoever used it; J, null where that is not known."""

    id: str
    component: ComponentName
    name: str
    grade: Grade
    energy_j: float | None


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run so far, or in the end (`is_final`). Null is unknown, and `unknown` names what is.

    `power_w` is the mean of the facility's power over the last seconds, and null in the end. `energy_kwh` is the facility's,
    `it_energy_kwh` that at the plug; quantities are 90 % ranges as in a `Footprint`. `place` is where, in a word, `edition` that
    of the factors. `grades` are how the run's devices are known, the best first.
    """

    run: str
    name: str
    kind: Kind
    account: str
    outcome: Outcome
    at_s: float
    is_final: bool = False
    power_w: float | None = None
    energy_kwh: Range | None = None
    it_energy_kwh: Range | None = None
    accelerator_energy_kwh: Range | None = None
    emissions_g: Range | None = None
    embodied_g: Range | None = None
    water_l: Range | None = None
    intensity_g_per_kwh: Range | None = None
    coverage: tuple[Coverage, ...] = ()
    grades: tuple[Grade, ...] = ()
    devices: tuple[DeviceReading, ...] = ()
    work: dict[str, float] = {}
    done: float | None = None
    total: float | None = None
    place: str | None = None
    edition: str = ""
    unknown: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def coverage_ratio(self) -> float | None:
        """The mean share of the time for which the expected components were read; one of which nothing is known counts as 0."""
        if not self.coverage:
            return None
        return sum(0.0 if one.grade is None else one.read_ratio for one in self.coverage) / len(self.coverage)


def follow(run: TrackedRun, publish: Publish, *, interval_s: float = INTERVAL_S) -> Following:
    """Have something called with what is known of a run: now and then while it goes on, and once more when it has ended.

    The end of the run waits for the last of these, at most `FINAL_LIMIT_S`.

    Args:
        run: a run that goes on; of one that has ended, only the last is published.
        publish: called on a thread of ours, the last time on the thread that ends the run if need be. What it raises is a
            warning of the run.
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
        self._lock = threading.Lock()
        self._is_closed = False
        self._wake = threading.Event()
        self._over = threading.Event()
        self._ours: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="footprint-follow", daemon=True)
        if run.is_recorded and run.journal is not None and not run.is_inert:
            run.attempt("the run is not followed", self._start)
        else:
            self._over.set()
        run.when_over("the end of the run was not published", self.finish)

    def finish(self) -> None:
        """Publish the last reading, once the run has ended; nothing if that is done, or if it is followed no more."""
        if self._is_closed or self._pid != os.getpid() or not self.run.is_recorded:
            return
        self._wake_up()
        if threading.current_thread() is not self._thread:
            is_in_time = self._over.wait(FINAL_LIMIT_S)
            if not is_in_time:
                self.run.warn(f"the end of the run was not published within {FINAL_LIMIT_S:g} s; that is not waited for")
            elif self.last is None or not self.last.is_final:
                told = aside(_TELL, str(self.run.journal), self.run.id)
                self._take(msgspec.json.decode(told, type=Reading))
        self.close()

    def close(self) -> None:
        """Follow no more; the run goes on."""
        self._is_closed = True
        self._wake_up()
        with self._lock:
            if self._ours is not None and self._pid == os.getpid():
                with suppress(OSError):  # also where a forked worker has a copy of it
                    self._ours.shutdown(socket.SHUT_RDWR)

    # -- Inside --------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if os.environ.get("FOOTPRINT_RECORDER") != "thread" and process.can_spawn():
            self._ours = _spawn(str(self.run.journal), self.run.id, self._interval_s)
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
            if self._ours is None or not self._listen(self._ours):
                self._derive_here()
        except Exception as error:  # noqa: BLE001 - an exception in a thread would be printed, and the run goes on
            self.run.warn(f"the run is followed no longer: {type(error).__name__}: {error}")
        finally:
            self._over.set()
            with self._lock:
                ours, self._ours = self._ours, None
                if ours is not None:
                    ours.close()

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
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)

        def pause() -> bool:
            if self._wake.wait(self._interval_s) and not self._is_closed:
                self._wake.clear()
                time.sleep(_LOOK_AGAIN_S)
            return not self._is_closed

        for reading in _readings(Path(str(self.run.journal)), self.run.id, pause):
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


# -- In the process that follows ---------------------------------------------------------------------------------------


def main(between: int) -> None:
    """Be the process that follows: its channel is what it has for standard input, its first parent was `between`."""
    for name in _OUR_SIGNALS:  # a terminal's or a scheduler's signals are for the host; its end is what ends us
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    host, journal, run_id, interval_s = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    channel = socket.socket(fileno=0)
    with suppress(OSError):
        os.chdir("/")  # hold no file system of the host busy
    with suppress(OSError):
        os.nice(_NICE)
    try:
        if process.parent_after(between) == host:
            channel.sendall(b"%d\n" % os.getpid())
            return
        line = _Line(channel, os.pidfd_open(host), interval_s)
        for reading in _readings(journal, run_id, line.pause):
            line.say(msgspec.json.encode(reading) + b"\n", to_the_end=reading.is_final)
    except OSError:  # the host has ended, or wants no more
        return


def tell() -> None:
    """Print what is known of a run that has ended: its journal and id are the arguments."""
    for reading in _readings(Path(sys.argv[1]), sys.argv[2], lambda: False):
        if reading.is_final:
            print(msgspec.json.encode(reading).decode())
            return
    raise SystemExit("footprint: the run is not found in its journal as one that has ended")


class _Line:
    """The channel to the host, from the side of the process that follows: whatever the host does not take in time is left out."""

    def __init__(self, channel: socket.socket, host: int, interval_s: float) -> None:
        self._channel, self._host, self._interval_s = channel, host, interval_s
        self._unsaid = b""
        channel.setblocking(False)

    def say(self, line: bytes, *, to_the_end: bool) -> None:
        """Say a line, unless the one before is still waiting to be taken; the last is waited for."""
        self._unsaid = self._unsaid + line if to_the_end or not self._unsaid else self._unsaid
        while self._unsaid:
            with suppress(BlockingIOError):
                self._unsaid = self._unsaid[self._channel.send(self._unsaid) :]
                continue
            if not to_the_end:
                return
            ready, _, _ = select.select([self._host], [self._channel], [])
            self._check_host(ready)

    def pause(self) -> bool:
        """Wait until it is time for the next look, or the host asks for one; false where nobody is there to look for."""
        ready, _, _ = select.select([self._host, self._channel.fileno()], [], [], self._interval_s)
        self._check_host(ready)
        if self._channel.fileno() in ready:
            if not self._channel.recv(_CHUNK):
                return False
            time.sleep(_LOOK_AGAIN_S)  # what the run's end was asked for may not be written yet
        return True

    def _check_host(self, ready: list[int]) -> None:
        if self._host in ready:
            raise ProcessLookupError("the host has ended")


def _readings(journal: Path, run_id: str, pause: Callable[[], bool]) -> Iterator[Reading]:
    """What is known of a run, until it has ended or `pause` is false: of a run that has ended it is the last one."""
    from footprint.derive.watching import Watching

    watching = Watching(only=journal)
    while True:
        rows = {row.id: row for row in watching.look()}
        row, known = rows.get(run_id), watching.known(run_id)
        if row is None or known is None:
            if (run := _ended(journal, run_id)) is not None:
                from footprint.derive import run_footprint

                yield _reading(run, run_footprint(run))
                return
        else:
            run, footprint = known
            yield msgspec.structs.replace(
                _reading(run, footprint), power_w=row.power_w, done=row.done, total=row.total, unknown=row.unknown
            )
        if not pause():
            return


def _ended(journal: Path, run_id: str) -> Run | None:
    """A run that has ended, from its journal, or from wherever in the ledger it has been moved to; null if it goes on."""
    from footprint.ledger import read_runs
    from footprint.ledger.reading import read_journal

    with suppress(OSError):
        records = read_journal(journal, only_run=run_id).runs.get(run_id)
        if records is not None:
            run = records.run()
            return None if run.outcome == "running" else run
    return next((run for run in read_runs().runs if run.id == run_id and run.outcome != "running"), None)


def _reading(run: Run, known: Footprint) -> Reading:
    from footprint.model import GRADES

    grades = {one.device.grade for one in run.devices}
    return Reading(
        run=run.id,
        name=run.name,
        kind=run.kind,
        account=run.account,
        outcome=run.outcome,
        at_s=run.duration_s,
        is_final=run.outcome != "running",
        energy_kwh=known.energy_kwh,
        it_energy_kwh=known.it_energy_kwh,
        accelerator_energy_kwh=known.accelerator_energy_kwh,
        emissions_g=known.emissions_g,
        embodied_g=known.embodied_g,
        water_l=known.water_l,
        intensity_g_per_kwh=known.intensity_g_per_kwh,
        coverage=known.coverage,
        grades=tuple(grade for grade in GRADES if grade in grades),
        devices=tuple(
            DeviceReading(
                id=one.device.id,
                component=one.device.component,
                name=one.device.name,
                grade=one.device.grade,
                energy_j=one.energy_j,
            )
            for one in run.devices
        ),
        work=run.work,
        place=_where(run),
        edition=known.factors_version,
        unknown=known.unknown,
        warnings=run.warnings,
    )


def _where(run: Run) -> str | None:
    place = run.place
    if place is None:
        return None
    if place.provider and place.region:
        return f"{place.provider}:{place.region}"
    return place.zone or place.name
