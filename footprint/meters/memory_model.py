"""The memory, modelled from its size: watts a gigabyte installed, drawn all the time.

The meter only claims the device: its input is the machine's memory (`Host.memory_bytes`), and the watts are found when a
footprint is derived (`footprint.reference.memory_power`).

Limits, which the range of the factor has to carry:

- DRAM draws most of its power for refresh and background, whether used or not; reads and writes are not seen.
- The number, kind and voltage of the modules are not known: what the factor ranges over.
- A virtual machine shows the memory that it was given, which is the share that it answers for.
"""

from __future__ import annotations

from pathlib import Path

from footprint.model import Device, Sample


class MemoryModel:
    """Claims the device `memory`; its size is a fact of the host, so it has no reading of its own."""

    name = "memory-model"
    warnings: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def devices(self) -> tuple[Device, ...]:
        """All memory of the machine as one device."""
        return (Device(id="memory", component="memory", name="Memory", meter=self.name, grade="model"),)

    def read(self) -> tuple[Sample, ...]:
        """Nothing: the model's input is not a reading of joules or watts."""
        return ()

    def close(self) -> None:
        """Nothing is held."""


def open_meter(proc: Path = Path("/proc")) -> MemoryModel | None:
    """The memory model, where the kernel tells the memory's size (`/proc/meminfo`, Linux); None elsewhere."""
    try:
        with (proc / "meminfo").open("rb") as meminfo:
            return MemoryModel() if meminfo.read(9) == b"MemTotal:" else None
    except OSError:
        return None
