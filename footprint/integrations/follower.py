"""The process that follows a run: reads its journal as it grows, derives, and says what is known of it, a line each time.

It is started by `following`, gives way to all that runs, and ends with the program that is measured, by whatever that ends.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from footprint.model import ComponentName, Coverage, Grade, Kind, Outcome, Range
from footprint.recorder import process

if TYPE_CHECKING:
    from footprint.model import Footprint, Run

NICE: Final = 10
LOOK_AGAIN_S: Final = 0.1
"""What the run's end was asked for may not be written yet when it is asked for."""
_CHUNK: Final = 2**16
_OUR_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGUSR1", "SIGUSR2")


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


def main(between: int) -> None:
    """Be the process that follows: its channel is what it has for standard input, its first parent was `between`."""
    for name in _OUR_SIGNALS:  # a terminal's or a scheduler's signals are for the host; its end is what ends us
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    host, journal, run_id, interval_s = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    channel = socket.socket(fileno=0)
    with suppress(OSError):
        os.chdir("/")  # hold no file system of the host busy
    with suppress(OSError):
        os.nice(NICE)
    try:
        if process.parent_after(between) == host:
            channel.sendall(b"%d\n" % os.getpid())
            return
        line = _Line(channel, os.pidfd_open(host), interval_s)
        for reading in readings(journal, run_id, line.pause):
            line.say(msgspec.json.encode(reading) + b"\n", to_the_end=reading.is_final)
    except OSError:  # the host has ended, or wants no more
        return


def tell() -> None:
    """Print what is known of a run that has ended: its journal and id are the arguments."""
    for reading in readings(Path(sys.argv[1]), sys.argv[2], lambda: False):
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
            time.sleep(LOOK_AGAIN_S)  # what the run's end was asked for may not be written yet
        return True

    def _check_host(self, ready: list[int]) -> None:
        if self._host in ready:
            raise ProcessLookupError("the host has ended")


def readings(journal: Path, run_id: str, pause: Callable[[], bool]) -> Iterator[Reading]:
    """What is known of a run, until it has ended or `pause` is false: of a run that has ended it is the last one."""
    from footprint.watching import Watching

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
