"""NVIDIA GPUs through NVML: the energy counter of each, or its power where it has no counter.

Source: `nvmlDeviceGetTotalEnergyConsumption` of the NVML API (millijoules since the driver was loaded; Volta and newer),
else `nvmlDeviceGetPowerUsage` (milliwatts of the board), through NVIDIA's own `pynvml` module (PyPI `nvidia-ml-py`).

Which GPUs: those that `CUDA_VISIBLE_DEVICES` leaves to the program, as CUDA reads it: unset means all; names are indices,
UUIDs or beginnings of UUIDs; the list ends at the first name that names nothing (`-1`, `NoDevFiles`). Two limits, both
told in a warning: an index means what we think only where CUDA counts in bus order (`CUDA_DEVICE_ORDER=PCI_BUS_ID`) or
where all GPUs are of one model; and a slice of a GPU (MIG) has no reading of its own, so the whole GPU is read.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from footprint.errors import MeterError
from footprint.model import Device, Grade, Sample

_LIBRARY = "libnvidia-ml.so.1"
_J_PER_MJ = 1e-3
_W_PER_MW = 1e-3
# NVML's "value not available" patterns reach the counter when a GPU is falling off the bus.
_IMPLAUSIBLE_MJ = 0x7FFFFFFFFFFFFFF0
_REOPEN_EVERY_S = 10.0


class _Gpu:
    """One GPU: its device, and the handle through which NVML knows it now (None while it is lost)."""

    __slots__ = ("device", "handle", "uuid")

    def __init__(self, uuid: str, device: Device, handle: Any) -> None:
        self.uuid = uuid
        self.device = device
        self.handle = handle


class NvmlMeter:
    """Reads the energy counter (or the power) of each GPU that the program may use.

    It must be opened in the process that reads it: NVML does not survive a fork, and a forked copy reads nothing.
    """

    name = "nvml"

    def __init__(self, nvml: ModuleType, environ: Mapping[str, str]) -> None:
        self._nvml = nvml
        self._owner = os.getpid()
        self._open = True
        self._retry_at_s = 0.0
        self._warnings: list[str] = []
        self._gpus = self._visible(self._list(), environ)
        if not self._gpus:
            self.close()  # an open NVML keeps an idle GPU's driver loaded
        self.warnings: tuple[str, ...] = tuple(self._warnings)

    def devices(self) -> tuple[Device, ...]:
        """The GPUs that the program may use, by UUID, grade `counter` or `power`."""
        return tuple(gpu.device for gpu in self._gpus)

    def read(self) -> tuple[Sample, ...]:
        """The counter (or power) of each GPU that answers; a lost GPU is left out and tried again next time."""
        if not self._open or os.getpid() != self._owner:
            return ()
        samples = (self._sample(gpu) for gpu in self._gpus)
        return tuple(sample for sample in samples if sample is not None)

    def close(self) -> None:
        """Shut NVML down; safe to call twice."""
        if not self._open or os.getpid() != self._owner:
            return
        self._open = False
        try:
            self._nvml.nvmlShutdown()
        except self._nvml.NVMLError:
            return

    def _list(self) -> list[_Gpu]:
        """All GPUs that NVML shows here, in NVML's order (that of the bus)."""
        nvml, gpus = self._nvml, []
        for index in range(nvml.nvmlDeviceGetCount()):
            try:
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                uuid, name = _string(nvml.nvmlDeviceGetUUID(handle)), _string(nvml.nvmlDeviceGetName(handle))
                grade = self._grade(handle)
            except nvml.NVMLError as error:
                self._warnings.append(f"GPU {index} does not answer ({error}) and is not measured; see `nvidia-smi`")
                continue
            if grade is None:
                self._warnings.append(f"GPU {index} ({name}) tells neither energy nor power and is not measured")
                continue
            device = Device(id=f"gpu:{uuid}", component="accelerators", name=name, meter=self.name, grade=grade)
            gpus.append(_Gpu(uuid, device, handle))
        return gpus

    def _grade(self, handle: Any) -> Grade | None:
        nvml = self._nvml
        for grade, ask in (("counter", nvml.nvmlDeviceGetTotalEnergyConsumption), ("power", nvml.nvmlDeviceGetPowerUsage)):
            try:
                ask(handle)
            except (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound, nvml.NVMLError_NoPermission):
                continue
            return grade  # type: ignore[return-value]
        return None

    def _visible(self, gpus: list[_Gpu], environ: Mapping[str, str]) -> list[_Gpu]:
        return gpus

    def _sample(self, gpu: _Gpu) -> Sample | None:
        nvml = self._nvml
        try:
            if gpu.handle is None:
                gpu.handle = nvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
            if gpu.device.grade == "counter":
                energy_mj = nvml.nvmlDeviceGetTotalEnergyConsumption(gpu.handle)
                if not 0 <= energy_mj < _IMPLAUSIBLE_MJ:
                    return None
                return Sample(device_id=gpu.device.id, t_s=time.monotonic(), energy_j=energy_mj * _J_PER_MJ)
            power_mw = nvml.nvmlDeviceGetPowerUsage(gpu.handle)
            return Sample(device_id=gpu.device.id, t_s=time.monotonic(), power_w=power_mw * _W_PER_MW)
        except nvml.NVMLError:
            gpu.handle = None
            return None


def _string(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def open_meter(environ: Mapping[str, str]) -> NvmlMeter | None:
    """The GPUs of this machine; None where there is no NVML library, hence no NVIDIA driver.

    Args:
        environ: the environment of the program that is measured.

    Raises:
        MeterError: where the library is there and does not work.
    """
    import ctypes

    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise MeterError(
            f"{_LIBRARY} is there but does not start ({error}); NVIDIA GPUs are not measured: see that `nvidia-smi` works here"
        ) from error
    return NvmlMeter(pynvml, environ)
