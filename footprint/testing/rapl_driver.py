"""The process behind a `SyntheticRapl`: it writes the counters about every millisecond, and does as it is told.

Its input is one line of JSON, `{name: [file, zone]}`, and then commands, each answered by `done` when it has been done:
`reset NAME`, `vanish NAME`. It ends with its input, and so with whoever started it.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from contextlib import suppress
from typing import Any, Final

from footprint.testing.waves import Wave

_EVERY_MS: Final = 1
# As long as the longest counter: one write then replaces all of what stood there. The first line is what the kernel prints.
_LENGTH_BYTES: Final = 20


class _Counter:
    """One file `energy_uj`."""

    def __init__(self, file: str, wave: Wave, range_uj: int, start_uj: float) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
        self._wave = wave
        self._range_uj = range_uj
        self._start_uj = start_uj
        self._since_s = time.monotonic()

    def write(self) -> None:
        """Bring the file to this moment."""
        if self._descriptor >= 0:
            energy_uj = self._start_uj + 1e6 * self._wave.energy_j(self._since_s, time.monotonic())
            os.pwrite(self._descriptor, b"%d" % (energy_uj % self._range_uj) + b"\n" * _LENGTH_BYTES, 0)

    def reset(self) -> None:
        """Begin at zero."""
        self._since_s, self._start_uj = time.monotonic(), 0.0

    def vanish(self) -> None:
        """Leave nothing to be read, also to who holds the file open."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = -1


def main() -> None:
    """Be the driver."""
    with suppress(OSError, AttributeError):  # where it may, it comes before others: late counters are wrong counters
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    counters = {name: _counter(file, *zone) for name, (file, zone) in json.loads(sys.stdin.readline()).items()}
    for counter in counters.values():
        counter.write()
    print("done", flush=True)
    told = select.poll()
    told.register(sys.stdin, select.POLLIN)
    while True:
        for counter in counters.values():
            counter.write()
        if told.poll(_EVERY_MS):
            words = sys.stdin.readline().split()
            if not words:
                return
            getattr(counters[words[1]], words[0])()
            print("done", flush=True)


def _counter(file: str, _label: str, wave: list[Any], range_j: float, start_j: float, _max_power_w: float) -> _Counter:
    return _Counter(file, Wave(*wave), round(range_j * 1e6), start_j * 1e6)
