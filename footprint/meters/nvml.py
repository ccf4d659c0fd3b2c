"""NVIDIA GPUs through NVML: the energy counter of each, or its power where it has no counter.

Source: `nvmlDeviceGetTotalEnergyConsumption` of the NVML API (millijoules since the driver was loaded; Volta and newer), else
`nvmlDeviceGetPowerUsage` (milliwatts of the board: on Ampere other than GA100 and newer the mean of the last second, on GA100
and older the power of the moment), through NVIDIA's own `pynvml` module (PyPI `nvidia-ml-py`). The mean is what readings a
second apart want, so the field of the instantaneous power that newer drivers have beside it is not used.

What the numbers are worth: NVIDIA states 5 % either way. The sensors of A100 and H100 look for a quarter of the time only (arXiv
2312.02741): a load that swings in step with them is misread, one that does not is read right on average. Neither is known here
of a load, and nothing is corrected: the range is in the factors `meter.nvml` and `meter.nvml.lag`.

Which GPUs: those that `CUDA_VISIBLE_DEVICES` leaves to the program, as CUDA reads it: unset means all; names are indices, UUIDs
or beginnings of UUIDs, of GPUs or of their slices (MIG). An index means what we think only where CUDA counts in bus order
(`CUDA_DEVICE_ORDER=PCI_BUS_ID`) or where all GPUs are of one model; else a warning says so.

A slice has no reading of its own. The whole GPU is read, and the device says which part of it the run may use, counted in
compute slices. Boards with two GPUs (K80, M60) have a UUID and a sensor for each, and each is a device. Guests of a hypervisor
that are told neither energy nor power, or a zero for both, have nothing to read: their GPUs are named as unread.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from footprint.errors import MeterError
from footprint.meters.common import text_of
from footprint.meters.cuda import Gpu, Slice, visible_units
from footprint.model import Device, Grade, Sample

_LIBRARY = "libnvidia-ml.so.1"
_J_PER_MJ = 1e-3
_W_PER_MW = 1e-3
# Some drivers answer with a pattern near the largest signed number when the counter is not available.
_IMPLAUSIBLE_MJ = 0x7FFFFFFFFFFFFFF0
_RENEW_AFTER_S = 5.0
_MPS_SERVER = "nvidia-cuda-mps"  # as much of its name as the kernel keeps


class NvmlMeter:
    """Reads the energy counter (or the power) of each GPU that the program may use.

    It must be opened in the process that reads it: NVML does not survive a fork, and a forked copy reads nothing.
    """

    name = "nvml"

    def __init__(self, nvml: ModuleType, environ: Mapping[str, str]) -> None:
        self._nvml = nvml
        self._owner = os.getpid()
        self._open = True
        self._renew_s = 0.0
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
        if not self._is_ours():
            return ()
        samples = [sample for device, gpu in self._gpus if (sample := self._sample(device, gpu)) is not None]
        if not samples:
            self._renew()
        return tuple(samples)

    def holders(self) -> dict[str, frozenset[int]]:
        """The pids, as the driver counts them, of the processes that hold each GPU; of a cut one, those of all its slices."""
        if not self._is_ours():
            return {}
        found = {device.id: self._holders_of(gpu) for device, gpu in self._gpus if gpu.handle is not None}
        return {device_id: pids for device_id, pids in found.items() if pids is not None}

    def close(self) -> None:
        """Shut NVML down; safe to call twice."""
        if not self._is_ours():
            return
        self._open = False
        with contextlib.suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()

    def _is_ours(self) -> bool:
        return self._open and os.getpid() == self._owner

    # -- Which GPUs ----------------------------------------------------------------------------------------------------

    def _list(self) -> list[Gpu]:
        """All GPUs that NVML shows here, in NVML's order (that of the bus)."""
        nvml, gpus = self._nvml, []
        for index in range(nvml.nvmlDeviceGetCount()):
            try:
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                uuid, name = _string(nvml.nvmlDeviceGetUUID(handle)), _string(nvml.nvmlDeviceGetName(handle))
                gpu = Gpu(index, uuid, name, self._grade(handle), handle)
                if self._is_cut(handle):
                    gpu.whole, gpu.slices = self._slices(handle)
            except nvml.NVMLError as error:
                gpu = Gpu(index, "", f"does not answer: {error}", None)
            gpus.append(gpu)
        return gpus

    def _grade(self, handle: Any) -> Grade | None:
        """The strongest that the GPU tells: counter, power, or nothing (virtual GPUs of some hypervisors).

        A zero is nothing: a driver that is loaded has drawn some millijoules, and no board draws no power.
        """
        nvml = self._nvml
        refusals = (nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound, nvml.NVMLError_NoPermission)
        with contextlib.suppress(*refusals):
            if 0 < nvml.nvmlDeviceGetTotalEnergyConsumption(handle) < _IMPLAUSIBLE_MJ:
                return "counter"
        with contextlib.suppress(*refusals):
            if nvml.nvmlDeviceGetPowerUsage(handle) > 0:
                return "power"
        return None

    def _is_cut(self, handle: Any) -> bool:
        try:
            return bool(self._nvml.nvmlDeviceGetMigMode(handle)[0])
        except self._nvml.NVMLError:
            return False

    def _slices(self, handle: Any) -> tuple[int, tuple[Slice, ...]]:
        """How many compute slices a cut GPU has, and the slices of it that programs here may use: a container sees its own."""
        nvml, found = self._nvml, []
        whole = nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
        for index in range(whole):
            with contextlib.suppress(nvml.NVMLError):
                part = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
                place = f"{nvml.nvmlDeviceGetGpuInstanceId(part)}/{nvml.nvmlDeviceGetComputeInstanceId(part)}"
                parts = nvml.nvmlDeviceGetAttributes_v2(part).computeInstanceSliceCount
                found.append(Slice(_string(nvml.nvmlDeviceGetUUID(part)), place, parts))
        return whole, tuple(found)

    def _chosen(self, gpus: list[Gpu], environ: Mapping[str, str]) -> list[tuple[Device, Gpu]]:
        """The GPUs that the program may use and that can be read; what a reader should know of them becomes a warning."""
        units, warnings = visible_units(gpus, environ)
        self._warnings += warnings
        chosen: dict[str, tuple[Device, Gpu]] = {}
        for gpu in dict.fromkeys(gpu for gpu, _ in units):
            if gpu.grade is None:
                self._leave_out(gpu)
                continue
            parts = [part.parts for unit, part in units if unit is gpu and part is not None]
            device = Device(
                id=f"gpu:{gpu.uuid}",
                component="accelerators",
                name=gpu.name,
                meter=self.name,
                grade=gpu.grade,
                slices=self._share(gpu, parts) if gpu.slices is not None else None,
            )
            chosen.setdefault(device.id, (device, gpu))
        return list(chosen.values())

    def _share(self, gpu: Gpu, parts: Sequence[int]) -> tuple[int, int] | None:
        """The part of a cut GPU that the run may use; None if it is all of it, or not known."""
        if all(parts):
            return (sum(parts), gpu.whole) if sum(parts) < gpu.whole else None
        self._warnings.append(
            f"GPU {gpu.index} ({gpu.name}) is cut into slices (MIG), which have no reading of their own, and how large the run's "
            "are is not told: the whole GPU is read, with what others do on it"
        )
        return None

    def _leave_out(self, gpu: Gpu) -> None:
        """Name a GPU that the program may use and that cannot be read: its energy is unknown, not zero."""
        if gpu.uuid:
            self._warnings.append(f"GPU {gpu.index} ({gpu.name}) tells neither energy nor power and is not measured")
            self._unread.append(f"NVIDIA {gpu.name} (GPU {gpu.index})")
        else:
            self._warnings.append(f"GPU {gpu.index} {gpu.name}; it is not measured: see `nvidia-smi`")
            self._unread.append(f"NVIDIA GPU {gpu.index}")

    # -- Reading -------------------------------------------------------------------------------------------------------

    def _sample(self, device: Device, gpu: Gpu) -> Sample | None:
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

    def _renew(self) -> None:
        """Where no GPU answers any more the driver may have been loaded anew, which an open NVML does not see: open it again."""
        now_s = time.monotonic()
        if now_s < self._renew_s:
            return
        self._renew_s = now_s + _RENEW_AFTER_S
        for _, gpu in self._gpus:
            gpu.handle = None
        with contextlib.suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()
        with contextlib.suppress(self._nvml.NVMLError):
            self._nvml.nvmlInit()

    def _holders_of(self, gpu: Gpu) -> frozenset[int] | None:
        """Who computes, draws, or computes through MPS on a GPU; None if the driver does not tell.

        Of the server of MPS, which holds the GPU for its clients, nothing is counted where clients are listed.
        """
        nvml = self._nvml
        try:
            pids = self._pids(gpu.handle, "Compute")
            for kind in ("Graphics", "MPSCompute"):
                with contextlib.suppress(nvml.NVMLError_NotSupported, nvml.NVMLError_FunctionNotFound):
                    more = self._pids(gpu.handle, kind)
                    if kind == "MPSCompute" and more:
                        pids = {pid for pid in pids if not text_of(Path(f"/proc/{pid}/comm")).startswith(_MPS_SERVER)}
                    pids |= more
        except nvml.NVMLError:
            return None
        return frozenset(pids)

    def _pids(self, handle: Any, kind: str) -> set[int]:
        """One of NVML's three lists; drivers before 510 have its second version only."""
        nvml = self._nvml
        try:
            listed = getattr(nvml, f"nvmlDeviceGet{kind}RunningProcesses_v3")(handle)
        except nvml.NVMLError_FunctionNotFound:
            listed = getattr(nvml, f"nvmlDeviceGet{kind}RunningProcesses_v2")(handle)
        return {process.pid for process in listed}


def _string(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def is_there() -> bool:
    """Whether this machine has an NVML library, hence an NVIDIA driver."""
    import ctypes

    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        return False
    return True


def open_meter(environ: Mapping[str, str]) -> NvmlMeter | None:
    """The GPUs of this machine; None where there is no NVML library.

    Args:
        environ: the environment of the program that is measured.

    Raises:
        MeterError: where the library is there and does not work.
    """
    if not is_there():
        return None
    import pynvml

    try:
        pynvml.nvmlInit()
        return NvmlMeter(pynvml, environ)
    except pynvml.NVMLError as error:
        raise MeterError(
            f"{_LIBRARY} is there but does not work ({error}): NVIDIA GPUs are not measured; make `nvidia-smi` work here first"
        ) from error
