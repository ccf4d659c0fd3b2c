"""What every meter is: something that claims devices and reads them.

A meter never raises out of `read` for a device that it lost: it leaves the device out of the answer, and the recorder
sees the gap. Its opening function returns None where its sensor is not there, and raises `MeterError` where the sensor
is there and cannot be used, with the way to mend it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from footprint.model import Device, Sample

SYSFS_VARIABLE = "FOOTPRINT_SYSFS"
ALL_GPUS = "gpu:all"
"""The device of a meter that reads all GPUs of the machine together."""


def sysfs() -> Path:
    """Where the kernel's `/sys` lies: a container may see its host's elsewhere, and says so by `FOOTPRINT_SYSFS`."""
    return Path(os.environ.get(SYSFS_VARIABLE) or "/sys")


def text_of(path: Path) -> str:
    """A small file's text without its last newline; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


class Trouble(NamedTuple):
    """What keeps a sensor from being read, and the way to mend it where there is one."""

    message: str
    remedy: str | None = None

    def __str__(self) -> str:
        """Both as one sentence, as a run's warnings hold it."""
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


def said_once(warnings: tuple[str, ...], message: str) -> tuple[str, ...]:
    """The warnings with one added that a meter may meet at every reading, and that is said once."""
    return warnings if message in warnings else (*warnings, message)


class Attribute:
    """A file of sysfs that holds one whole number, kept open: to read it again is one system call.

    The kernel answers each read at the file's beginning anew (`fs/seq_file.c`). A file that went away with its device is looked
    for again at the next reading.

    Raises:
        OSError: if it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = os.open(path, os.O_RDONLY)

    def value(self) -> int | None:
        """What it says now; None if it does not answer."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDONLY)
            return int(os.pread(self._descriptor, 64, 0))
        except (OSError, ValueError):
            self.close()
            return None

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


class Meter(Protocol):
    """A source of joules or watts, or of the load that a model turns into joules.

    A meter may have an attribute `max_interval_s: float | None`: readings further apart than this many seconds lose energy (a
    counter may have wrapped unseen in between), so that it wants to be read at least as often whatever the user's interval is.
    """

    name: str
    warnings: tuple[str, ...]
    """What a reader of its numbers should know, each with the way to mend it where there is one. It may grow while the meter is
    read: a sensor that vanishes is told here."""
    unread: tuple[str, ...]
    """Accelerators that the program may use and that this meter knows of but cannot read: their energy is unknown."""

    def devices(self) -> tuple[Device, ...]:
        """The devices that this meter can read here; the first meter to claim a device's id wins."""
        ...

    def read(self) -> tuple[Sample, ...]:
        """One reading of each device that answers, stamped with `time.monotonic()` right at the reading.

        A modelled device has no reading of its own (its input, CPU-seconds or bytes, is recorded with every tick): it
        is left out.
        """
        ...

    def close(self) -> None:
        """Release what the meter holds; safe to call twice."""
        ...


@runtime_checkable
class KnowsHolders(Protocol):
    """A meter whose driver tells which processes hold a device."""

    def holders(self) -> Mapping[str, frozenset[int]]:
        """The pids, as the driver counts them, of the processes that hold each device; devices that do not tell are left out."""
        ...
