"""NVIDIA GPUs through NVML: the energy counter of each, or its power where it has no counter.

Source: `nvmlDeviceGetTotalEnergyConsumption` of the NVML API (millijoules since the driver was loaded; Volta and newer),
else `nvmlDeviceGetPowerUsage` (milliwatts of the board), through NVIDIA's own `pynvml` module (PyPI `nvidia-ml-py`).

Which GPUs: those that `CUDA_VISIBLE_DEVICES` leaves to the program, as CUDA reads it: unset means all; names are indices,
UUIDs or beginnings of UUIDs; the list ends at the first name that names nothing (`-1`, `NoDevFiles`). Two limits, both
told in a warning: an index means what we think only where CUDA counts in bus order (`CUDA_DEVICE_ORDER=PCI_BUS_ID`) or
where all GPUs are of one model; and a slice of a GPU (MIG) has no reading of its own, so the whole GPU is read.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from footprint.errors import MeterError
from footprint.model import Device, Grade, Sample

_LIBRARY = "libnvidia-ml.so.1"
_J_PER_MJ = 1e-3
_W_PER_MW = 1e-3
# Some drivers answer with a pattern near the largest signed number when the counter is not available.
_IMPLAUSIBLE_MJ = 0x7FFFFFFFFFFFFFF0
_INDEX = re.compile(r"[0-9]{1,4}")
# How a list says that it names no GPU; Slurm writes NoDevFiles.
_NOTHING = {"", "-1", "NoDevFiles"}


class _Gpu:
    """One GPU as NVML knows it: its place in the list, and its handle (None while it is lost).

    One that did not answer when NVML was opened has no UUID, and says in its name why.
    """

    __slots__ = ("grade", "handle", "index", "name", "uuid")

    def __init__(self, index: int, uuid: str, name: str, grade: Grade | None, handle: Any = None) -> None:
        self.index = index
        self.uuid = uuid
        self.name = name
        self.grade = grade
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
        self._warnings: list[str] = []
        self._unread: list[str] = []
        try:
            self._gpus = self._chosen(self._list(), environ)
        except nvml.NVMLError:
            self.close()
            raise
        if not self._gpus:
            self.close()  # an open NVML keeps an idle GPU's driver loaded
        self.warnings: tuple[str, ...] = tuple(self._warnings)
        self.unread: tuple[str, ...] = tuple(self._unread)

    def devices(self) -> tuple[Device, ...]:
        """The GPUs that the program may use, by UUID, grade `counter` or `power`."""
        return tuple(device for device, _ in self._gpus)

    def read(self) -> tuple[Sample, ...]:
        """The counter (or power) of each GPU that answers; a lost GPU is left out and tried again next time."""
        if not self._open or os.getpid() != self._owner:
            return ()
        samples = (self._sample(device, gpu) for device, gpu in self._gpus)
        return tuple(sample for sample in samples if sample is not None)

    def close(self) -> None:
        """Shut NVML down; safe to call twice."""
        if not self._open or os.getpid() != self._owner:
            return
        self._open = False
        with contextlib.suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()

    def _list(self) -> list[_Gpu]:
        """All GPUs that NVML shows here, in NVML's order (that of the bus)."""
        nvml, gpus = self._nvml, []
        for index in range(nvml.nvmlDeviceGetCount()):
            try:
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                uuid, name = _string(nvml.nvmlDeviceGetUUID(handle)), _string(nvml.nvmlDeviceGetName(handle))
                grade = self._grade(handle)
            except nvml.NVMLError as error:
                gpus.append(_Gpu(index, "", f"does not answer: {error}", None))
            else:
                gpus.append(_Gpu(index, uuid, name, grade, handle))
        return gpus

    def _grade(self, handle: Any) -> Grade | None:
        """The strongest that the GPU tells: counter, power, or nothing (virtual GPUs of some hypervisors)."""
        nvml = self._nvml
        refusals = (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound, nvml.NVMLError_NoPermission)
        with contextlib.suppress(*refusals):
            if 0 <= nvml.nvmlDeviceGetTotalEnergyConsumption(handle) < _IMPLAUSIBLE_MJ:
                return "counter"
        with contextlib.suppress(*refusals):
            nvml.nvmlDeviceGetPowerUsage(handle)
            return "power"
        return None

    def _chosen(self, gpus: list[_Gpu], environ: Mapping[str, str]) -> list[tuple[Device, _Gpu]]:
        """The GPUs that the program may use and that can be read; what a reader should know of them becomes a warning."""
        visible, warnings = visible_gpus(gpus, environ, self._parent_uuid)
        self._warnings += warnings
        chosen = []
        for gpu in visible:
            if gpu.grade is None:
                self._leave_out(gpu)
                continue
            if self._is_sliced(gpu):
                self._warnings.append(
                    f"GPU {gpu.index} ({gpu.name}) is cut into slices (MIG), which have no reading of their own: "
                    "the whole GPU is read, with what others do on it"
                )
            device = Device(id=f"gpu:{gpu.uuid}", component="accelerators", name=gpu.name, meter=self.name, grade=gpu.grade)
            chosen.append((device, gpu))
        return chosen

    def _leave_out(self, gpu: _Gpu) -> None:
        """Name a GPU that the program may use and that cannot be read: its energy is unknown, not zero."""
        if gpu.uuid:
            self._warnings.append(f"GPU {gpu.index} ({gpu.name}) tells neither energy nor power and is not measured")
            self._unread.append(f"NVIDIA {gpu.name} (GPU {gpu.index})")
        else:
            self._warnings.append(f"GPU {gpu.index} {gpu.name}; it is not measured: see `nvidia-smi`")
            self._unread.append(f"NVIDIA GPU {gpu.index}")

    def _is_sliced(self, gpu: _Gpu) -> bool:
        try:
            return bool(self._nvml.nvmlDeviceGetMigMode(gpu.handle)[0])
        except self._nvml.NVMLError:
            return False

    def _parent_uuid(self, slice_uuid: str) -> str | None:
        """The UUID of the GPU that a MIG slice was cut from."""
        nvml = self._nvml
        try:
            handle = nvml.nvmlDeviceGetHandleByUUID(slice_uuid)
            return _string(nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)))
        except nvml.NVMLError:
            return None

    def _sample(self, device: Device, gpu: _Gpu) -> Sample | None:
        """One reading, stamped with the middle of the call (which takes milliseconds); None if the GPU does not answer."""
        nvml = self._nvml
        try:
            if gpu.handle is None:
                gpu.handle = nvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
            begin_s = time.monotonic()
            if gpu.grade == "power":
                power_mw = nvml.nvmlDeviceGetPowerUsage(gpu.handle)
                return Sample(device_id=device.id, t_s=(begin_s + time.monotonic()) / 2, power_w=power_mw * _W_PER_MW)
            energy_mj = nvml.nvmlDeviceGetTotalEnergyConsumption(gpu.handle)
            t_s = (begin_s + time.monotonic()) / 2
            return Sample(device_id=device.id, t_s=t_s, energy_j=energy_mj * _J_PER_MJ) if energy_mj < _IMPLAUSIBLE_MJ else None
        except nvml.NVMLError:
            gpu.handle = None  # a GPU that comes back has another handle
            return None


def visible_gpus(
    gpus: Sequence[_Gpu], environ: Mapping[str, str], parent_uuid: Callable[[str], str | None]
) -> tuple[list[_Gpu], list[str]]:
    """The GPUs that `CUDA_VISIBLE_DEVICES` leaves to a program, and warnings where that is not certain.

    Args:
        gpus: all GPUs, in NVML's order.
        environ: the program's environment.
        parent_uuid: finds the GPU that a MIG slice was cut from.
    """
    stated = environ.get("CUDA_VISIBLE_DEVICES")
    if stated is None:
        return list(gpus), []
    warnings: list[str] = []
    chosen: list[_Gpu] = []
    names = [name.strip() for name in stated.split(",")]
    for name in names:
        gpu = _named(name, gpus, parent_uuid)
        if gpu is None:
            if name not in _NOTHING:
                warnings.append(
                    f"CUDA_VISIBLE_DEVICES names {name[:60]!r}, which is no GPU here: CUDA leaves it and all "
                    "that follows out, and so do we"
                )
            break
        if gpu not in chosen:
            chosen.append(gpu)
    by_index = any(_INDEX.fullmatch(name) for name in names)
    several_models = len({gpu.name for gpu in gpus if gpu.uuid}) > 1
    if by_index and several_models and len(chosen) < len(gpus) and environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        warnings.append(
            "CUDA counts GPUs of several models by speed and NVML by bus, so CUDA_VISIBLE_DEVICES may mean other GPUs than those "
            "read: set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name the GPUs by UUID"
        )
    return chosen, warnings


def _named(name: str, gpus: Sequence[_Gpu], parent_uuid: Callable[[str], str | None]) -> _Gpu | None:
    """The GPU of an index, a UUID, the beginning of one, or a MIG slice (`MIG-…`, or the older `MIG-GPU-…/1/0`)."""
    if _INDEX.fullmatch(name):
        return next((gpu for gpu in gpus if gpu.index == int(name)), None)
    if name.startswith("MIG-GPU-"):
        name = name.removeprefix("MIG-").partition("/")[0]
    elif name.startswith("MIG-") and name.isascii():
        name = parent_uuid(name) or ""
    found = [gpu for gpu in gpus if gpu.uuid.startswith(name)] if name.startswith("GPU-") else []
    return found[0] if len(found) == 1 else None


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
        return NvmlMeter(pynvml, environ)
    except pynvml.NVMLError as error:
        raise MeterError(
            f"{_LIBRARY} is there but does not work ({error}): NVIDIA GPUs are not measured; make `nvidia-smi` work here first"
        ) from error
