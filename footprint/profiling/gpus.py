"""Whether NVIDIA's GPUs were slowed: the driver's own counters of the time for which they were (NVML, violation status)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import msgspec

NS_PER_S: Final = 1e9


class Slowed(msgspec.Struct, frozen=True, kw_only=True):
    """Since the driver was loaded, summed over GPUs: seconds slowed for warmth and at the limit of power; the warmest of them."""

    gpus: int
    warmth_s: float
    power_s: float
    celsius: float | None = None


def read(nvml: Any = None) -> Slowed | None:
    """How it is now; null where there is no such GPU, or its driver does not tell.

    Args:
        nvml: NVIDIA's module; the installed one if None.
    """
    try:
        if nvml is None:
            import pynvml

            nvml = pynvml
        nvml.nvmlInit()
    except Exception:  # noqa: BLE001 - a driver that is missing or of another version raises errors of its own
        return None
    try:
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        times_ns = [
            [nvml.nvmlDeviceGetViolationStatus(handle, policy).violationTime for handle in handles]
            for policy in (nvml.NVML_PERF_POLICY_THERMAL, nvml.NVML_PERF_POLICY_POWER)
        ]
        celsius = [nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU) for handle in handles]
    except Exception:  # noqa: BLE001 - as above
        return None
    finally:
        with suppress(Exception):
            nvml.nvmlShutdown()
    if not handles:
        return None
    warmth_s, power_s = (sum(one) / NS_PER_S for one in times_ns)
    return Slowed(gpus=len(handles), warmth_s=warmth_s, power_s=power_s, celsius=float(max(celsius)))
