"""What memory and drives draw where only their size is known: calculators' constants, with the range over which they disagree.

A measured host's memory is not these: `cpu.memory_power` holds what memory adds to a server, fitted together with its CPUs. Nor
is a declared run's, whose server is in its overhead factor: adding memory on top of that counts it twice.
"""

from __future__ import annotations

from typing import Literal

from footprint.model import Factor
from footprint.reference import tables

Drive = Literal["ssd", "hdd"]


def memory_power_declared() -> Factor | None:
    """Watts of a gigabyte (10^9 bytes) of installed memory of a server that nobody describes; None in editions without it."""
    return _of("memory.declared")


def storage_power(drive: Drive) -> Factor | None:
    """Watts of a terabyte (10^12 bytes) that is stored once, by the kind of drive; None in editions without it.

    Copies that a service keeps for safety (often three) each draw the same.
    """
    return _of(f"storage.{drive}")


def _of(row_id: str) -> Factor | None:
    return tables.factor(tables.by_id("components")[row_id]) if tables.has_id("components", row_id) else None
