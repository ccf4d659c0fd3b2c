"""A vendor's driver at arm's length: its meter works in a process of its own, and what happens to it there happens only there.

To read a GPU is to call its vendor's library, which calls the vendor's kernel module. Either may hang (a GPU that has fallen off
the bus can leave a call in the kernel for ever, where no signal reaches it) or crash. `Apart` asks over a socket and waits no
longer than a fraction of a second; a driver that does not answer is left out until it does, one that crashed is opened anew a
few times, and the run is told of both. Where no process can be had (the recorder is a thread of its host) a thread stands in: it
bounds the waiting, and a crash is the host's.

A counter that comes back after a silence may have been reset meanwhile and have grown past its old value, which no difference
tells. It is joined to what was read before only if it cannot have been: see `_Counter`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import msgspec

from footprint.errors import MeterError
from footprint.meters.farside import HOLDERS, READ, Answer, Line, Opener, Place, answer_of, begin
from footprint.model import Device, Sample

OPEN_LIMIT_S: Final = 6.0
"""A driver that is not kept loaded takes a second or two for each GPU; the host waits ten seconds for its first reading."""
READ_LIMIT_S: Final = 0.5
REOPEN_AFTER_S: Final = 10.0
_OPENINGS: Final = 5
_MOST_W: Final = 3_000.0
"""More than any accelerator draws: boards of 2025 are rated 1,400 W."""
_TOOLS: Final = {"nvml": "nvidia-smi", "amd": "amd-smi"}


def open_meter(name: str, opener: Opener, environ: Mapping[str, str], place: Place) -> Apart | None:
    """Open a meter on the far side; None where it finds nothing to read.

    Args:
        name: the meter's name.
        opener: opens it, over there.
        environ: the environment of the program that is measured.
        place: whether the far side is a process or a thread.

    Raises:
        MeterError: if it could not be opened, or not in time.
    """
    meter = Apart(name, lambda: begin(opener, environ, place))
    try:
        return meter if meter.open() else None
    except MeterError:
        meter.close()
        raise


class Apart:
    """A meter whose opener runs, and whose readings are taken, on the far side of a line.

    Args:
        name: the meter's name.
        far_side: starts a far side; the line to it.
    """

    def __init__(self, name: str, far_side: Callable[[], Line]) -> None:
        self.name = name
        self.warnings: tuple[str, ...] = ()
        self.unread: tuple[str, ...] = ()
        self._begin = far_side
        self._line: Line | None = None
        self._waiting = False
        self._openings_left = _OPENINGS
        self._reopen_s = 0.0
        self._devices: tuple[Device, ...] = ()
        self._counters: dict[str, _Counter] = {}
        self._hung, self._crashed = "", ""
        self._see = f"see `{_TOOLS.get(name, 'dmesg')}`"

    def open(self) -> bool:
        """Open the meter, and wait for that; false if it finds nothing to read.

        Raises:
            MeterError: if it cannot be opened, or not in time.
        """
        self._openings_left -= 1
        self._line = self._begin()
        answer = self._receive(OPEN_LIMIT_S)
        if answer is None:
            reason = self._crashed or f"the driver did not answer within {OPEN_LIMIT_S:g} s"
            raise MeterError(f"{reason}; its devices are not measured, {self._see}")
        if answer.failed:
            raise MeterError(answer.failed)
        self._devices, self.warnings, self.unread = answer.devices, answer.warnings, answer.unread
        if answer.absent:
            self.close()
        return not answer.absent

    def devices(self) -> tuple[Device, ...]:
        """The devices that the meter had as it opened first."""
        return self._devices

    def read(self) -> tuple[Sample, ...]:
        """The meter's reading, or nothing while its driver does not answer."""
        answer = self._ask(READ)
        samples = answer.samples if answer else ()
        for silent in self._counters.keys() - {sample.device_id for sample in samples}:
            self._counters[silent].was_silent = True
        return tuple(self._joined(sample) for sample in samples)

    def holders(self) -> dict[str, frozenset[int]]:
        """Who holds each device; empty while the driver does not answer."""
        answer = self._ask(HOLDERS)
        return answer.holders if answer else {}

    def close(self) -> None:
        """End the far side without waiting for it; safe to call twice."""
        self._openings_left = 0
        if self._line is not None:
            self._line.close()
            self._line = None

    def _ask(self, ask: bytes) -> Answer | None:
        if self._line is None:
            self._reopen()
            return None
        if self._waiting and self._receive(0.0) is None:
            return None
        if self._line is None:
            return None
        with suppress(OSError):  # that it has ended is seen when its answer is waited for
            self._line.send(ask)
        return self._receive(READ_LIMIT_S)

    def _receive(self, limit_s: float) -> Answer | None:
        """The far side's next word; None if it stays silent, which makes it late, or has ended."""
        assert self._line is not None, "somebody is asked"
        try:
            data = self._line.receive(limit_s)
        except (EOFError, OSError):
            self._end(self._line.close())
            return None
        if data is None and limit_s > 0 and not self._hung:
            self._hung = f"{self.name}: the driver stopped answering for a time, in which its devices were not read; {self._see}"
            self.warnings += (self._hung,)
        self._waiting = data is None
        return answer_of(data) if data is not None else None

    def _end(self, how: str) -> None:
        """Note that the far side has ended."""
        self._line, self._waiting = None, False
        self._reopen_s = time.monotonic() + REOPEN_AFTER_S
        if not self._crashed:
            self._crashed = f"the driver's library ended the process that read it{how}"
            self.warnings += (f"{self.name}: {self._crashed}; until it could be opened anew its devices were not read",)

    def _reopen(self) -> None:
        """Try once more, some time after a crash; the devices are those of the first time, under the same ids."""
        if self._openings_left > 0 and time.monotonic() >= self._reopen_s:
            self._openings_left -= 1
            with suppress(OSError):
                self._line, self._waiting = self._begin(), True  # it says by itself that it is open: a word to wait for

    def _joined(self, sample: Sample) -> Sample:
        if sample.energy_j is None:
            return sample
        energy_j = self._counters.setdefault(sample.device_id, _Counter()).joined(sample.t_s, sample.energy_j)
        return msgspec.structs.replace(sample, energy_j=energy_j)


class _Counter:
    """One device's counter, as a series that falls wherever it may have been reset: readers take a fall for a gap.

    After a silence of t seconds a counter that reads more than before was not reset if it stood above what the device can draw
    in t seconds: from zero it could not have come so far. A step that no device can draw is no energy either.
    """

    def __init__(self) -> None:
        self.was_silent = False
        self._last: tuple[float, float] | None = None
        self._origin_j = 0.0

    def joined(self, t_s: float, energy_j: float) -> float:
        """What the counter says, from an origin that moves on where nobody can tell what was drawn."""
        if self._last is not None:
            last_s, last_j = self._last
            possible_j = _MOST_W * max(1.0, t_s - last_s)
            was_reset = self.was_silent and last_j <= possible_j
            if energy_j >= last_j and (was_reset or energy_j - last_j > possible_j):
                self._origin_j += energy_j - last_j + 1.0
        self._last, self.was_silent = (t_s, energy_j), False
        return energy_j - self._origin_j
