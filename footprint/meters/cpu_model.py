"""The CPU, modelled from CPU-seconds: idle watts of the machine's CPUs plus extra watts of each busy one.

The meter only claims the device: its input is the CPU-seconds of the process tree and of the machine, which the recorder
stores with every tick, and the watts are found when a footprint is derived (`footprint.reference.cpu_power`), so that
better factors restate old runs.

Limits, which the range of the factor has to carry:

- Linear in CPU-seconds: a busy second is a busy second. Vector width, frequency, turbo and stalls on memory are not seen;
  two hyper-threads of one core count as two.
- CPU-seconds are the kernel's. In a virtual machine the hypervisor's own work and stolen time are not seen.
- The idle share is that of the machine as it shows itself: a virtual machine's CPUs, not the chip that they are cut from.
"""

from __future__ import annotations

from pathlib import Path

from footprint.model import Device, Sample


class CpuModel:
    """Claims the device `cpu`; its load is recorded with every tick, so it has no reading of its own."""

    name = "cpu-model"
    warnings: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def devices(self) -> tuple[Device, ...]:
        """All CPUs of the machine as one device."""
        return (Device(id="cpu", component="cpu", name="CPU", meter=self.name, grade="model"),)

    def read(self) -> tuple[Sample, ...]:
        """Nothing: the model's input is not a reading of joules or watts."""
        return ()

    def close(self) -> None:
        """Nothing is held."""


def open_meter(proc: Path = Path("/proc")) -> CpuModel | None:
    """The CPU model, where the kernel tells CPU times (`/proc/stat`, Linux); None elsewhere."""
    try:
        with (proc / "stat").open("rb") as stat:
            return CpuModel() if stat.read(4) == b"cpu " else None
    except OSError:
        return None
