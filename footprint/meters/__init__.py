"""Sources of joules and watts, one file each.

`open_meters` tries them in order, strongest first, and never raises: what cannot be read becomes a warning that says
what it is and how to mend it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from footprint.errors import MeterError
from footprint.meters.common import KnowsHolders, Meter
from footprint.model import Device, Sample

Opener = Callable[[Mapping[str, str]], Meter | None]
"""Opens one meter, given the environment of the program that is measured; None where there is nothing to read."""


class OpenMeters:
    """The meters of this machine, each device claimed by the first that can read it.

    Attributes:
        meters: every meter that opened, also one that claims no device here.
        devices: the claimed devices, in the order of the meters.
        warnings: what could not be opened, and what the meters say of themselves.
    """

    def __init__(self, meters: Sequence[Meter], warnings: Sequence[str] = ()) -> None:
        self.meters = tuple(meters)
        owners: dict[str, Meter] = {}
        devices: list[Device] = []
        for meter in self.meters:
            for device in meter.devices():
                if device.id not in owners:
                    owners[device.id] = meter
                    devices.append(device)
        self._owners = owners
        self.devices = tuple(devices)
        self.warnings = tuple(warnings) + tuple(text for meter in self.meters for text in meter.warnings)

    def read(self) -> tuple[Sample, ...]:
        """One reading of each device that answers; a device that was lost is left out."""
        return tuple(sample for meter in self.meters for sample in meter.read() if self._owners.get(sample.device_id) is meter)

    def holders(self) -> dict[str, frozenset[int]]:
        """Which processes hold each device, as their drivers count pids; devices of which nobody tells are left out."""
        return {
            device_id: pids
            for meter in self.meters
            if isinstance(meter, KnowsHolders)
            for device_id, pids in meter.holders().items()
            if self._owners.get(device_id) is meter
        }

    def close(self) -> None:
        """Release all meters; safe to call twice."""
        for meter in self.meters:
            meter.close()


def _open_nvml(environ: Mapping[str, str]) -> Meter | None:
    from footprint.meters import nvml

    return nvml.open_meter(environ)


def _open_cpu(_environ: Mapping[str, str]) -> Meter | None:
    from footprint.meters import cpu_model

    return cpu_model.open_meter()


def _open_memory(_environ: Mapping[str, str]) -> Meter | None:
    from footprint.meters import memory_model

    return memory_model.open_meter()


ORDER: tuple[tuple[str, Opener], ...] = (("nvml", _open_nvml), ("cpu-model", _open_cpu), ("memory-model", _open_memory))
"""Counters before models: the first to claim a device wins."""


def open_meters(environ: Mapping[str, str] | None = None, order: Sequence[tuple[str, Opener]] = ORDER) -> OpenMeters:
    """Open every meter that this machine has.

    Args:
        environ: the environment of the program that is measured (`CUDA_VISIBLE_DEVICES`); this process's own if None.
        order: names and openers, strongest first.

    Returns:
        What opened. Never raises: a meter that fails becomes a warning.
    """
    seen = os.environ if environ is None else environ
    meters: list[Meter] = []
    warnings: list[str] = []
    for name, opener in order:
        try:
            meter = opener(seen)
        except MeterError as error:
            warnings.append(f"{name}: {error}")
        except Exception as error:  # noqa: BLE001 - a broken driver or library must not stop the program that is measured
            warnings.append(f"{name}: failed to open ({type(error).__name__}: {error}); its devices are not measured")
        else:
            if meter is not None:
                meters.append(meter)
    return OpenMeters(meters, warnings)
