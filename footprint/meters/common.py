"""What every meter is: something that claims devices and reads them.

A meter never raises out of `read` for a device that it lost: it leaves the device out of the answer, and the recorder
sees the gap. Its opening function returns None where its sensor is not there, and raises `MeterError` where the sensor
is there and cannot be used, with the way to mend it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from footprint.model import Device, Sample

SYSFS_VARIABLE = "FOOTPRINT_SYSFS"


def sysfs() -> Path:
    """Where the kernel's `/sys` lies: a container may see its host's elsewhere, and says so by `FOOTPRINT_SYSFS`."""
    return Path(os.environ.get(SYSFS_VARIABLE) or "/sys")


class Meter(Protocol):
    """A source of joules or watts, or of the load that a model turns into joules."""

    name: str
    warnings: tuple[str, ...]
    """What a reader of its numbers should know, each with the way to mend it where there is one."""
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
