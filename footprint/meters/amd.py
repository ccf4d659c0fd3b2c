"""AMD GPUs: the energy counter of each board through AMD's library, or its power as the kernel tells it.

Sources: `amdsmi_get_energy_count` (see `amd_smi`), else the kernel's hwmon files of `amdgpu` (Documentation/gpu/amdgpu/thermal:
`power1_average`, else `power1_input`, microwatts of the GPU's socket), which need no library and no right.

Counters of AMD's are known to stand still (ROCm 6.0 and 6.1 told a process the same value for all its life), to count in another
unit (MI100) and, on MI200, to run backwards now and then. So a counter is used only if, as the meter is opened, it moves by what
the power says, within a factor of two; else the power is. A step backwards later on is a gap.

Which GPUs: those that `ROCR_VISIBLE_DEVICES`, then `HIP_VISIBLE_DEVICES` or `CUDA_VISIBLE_DEVICES` leave to the program (see
`kfd`). A board is one device, by its `unique_id`, however many GPUs it shows; how many of these the run may use stands beside it.
An MI300A reads its CPU cores and memory together with its GPU, and so does the graphics of an APU, without its memory, where that
has so much memory set apart that it counts as an accelerator: the kernel shows the northbridge's voltage of APUs only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from footprint.errors import MeterError
from footprint.meters import kfd
from footprint.meters.common import Attribute, sysfs, text_of
from footprint.model import ComponentName, Device, Grade, Sample

if TYPE_CHECKING:
    import ctypes

    from footprint.meters.amd_smi import Library

_NODE = Path("/dev/kfd")
_W_PER_UW = 1e-6
_POWER_FILES = ("power1_average", "power1_input")
_PROOF_S = 0.1
_PROOF_RATIO = 2.0
_APU = "MI300A"
_APUS_ONLY = "in1_input"


class _Gpu(NamedTuple):
    """A board's sensor: the kernel's power file, the library's handle if its counter is used."""

    device: Device
    power: Attribute | None
    counter: ctypes.c_void_p | None


class _Reading(NamedTuple):
    """What a counter and the power beside it said at a moment."""

    t_s: float
    energy_j: float | None
    power_w: float | None


class AmdMeter:
    """Reads each board that the program may use.

    Args:
        environ: the environment of the program that is measured.
        sys: where the kernel's `/sys` lies.

    The library must be opened in the process that reads it; a forked copy reads nothing.
    """

    name = "amd"

    def __init__(self, environ: Mapping[str, str], sys: Path) -> None:
        self._sys = sys
        self._owner = os.getpid()
        self._open = True
        nodes = kfd.nodes(sys)
        seen, warnings = kfd.visible(nodes, environ)
        self._warnings = list(warnings)
        self._unread: list[str] = []
        self._boards = {board: set(board.nodes) & set(seen) for board in kfd.boards(sys, nodes)}
        ours = [board for board, used in self._boards.items() if used]
        self._library = self._open_library(environ) if ours else None
        self._gpus = self._sensors(ours)
        self.warnings: tuple[str, ...] = tuple(self._warnings)
        self.unread: tuple[str, ...] = tuple(self._unread)

    def devices(self) -> tuple[Device, ...]:
        """The boards that the program may use, by the kernel's unique id, grade `counter` or `power`."""
        return tuple(gpu.device for gpu in self._gpus.values())

    def read(self) -> tuple[Sample, ...]:
        """The counter (or power) of each board that answers."""
        if not self._open or os.getpid() != self._owner:
            return ()
        return tuple(sample for gpu in self._gpus.values() if (sample := self._sample(gpu)) is not None)

    def holders(self) -> dict[str, frozenset[int]]:
        """The pids, as the kernel counts them, of the processes that have memory or queues on each board."""
        found = {}
        for board, gpu in self._gpus.items():
            with suppress(OSError):
                found[gpu.device.id] = kfd.holders(self._sys, board)
        return found

    def close(self) -> None:
        """Close files and library; safe to call twice."""
        if not self._open or os.getpid() != self._owner:
            return
        self._open = False
        for gpu in self._gpus.values():
            if gpu.power is not None:
                gpu.power.close()
        if self._library is not None:
            self._library.close()

    def _open_library(self, environ: Mapping[str, str]) -> Library | None:
        from footprint.meters import amd_smi

        try:
            return amd_smi.Library(environ)
        except OSError:
            trouble = f"ROCm's {amd_smi.LIBRARY} is not here (package `amd-smi-lib`; or say by ROCM_PATH where ROCm is)"
        except MeterError as error:
            trouble = f"{error}: make `amd-smi` work here first"
        self._warnings.append(f"the energy counters of AMD GPUs are not read, their power is, as the kernel tells it: {trouble}")
        return None

    def _sensors(self, boards: list[kfd.Board]) -> dict[kfd.Board, _Gpu]:
        """The sensor of each board; one that has none is named: its energy is unknown, not zero."""
        candidates = [(board, *self._die(board)) for board in boards]
        before = [self._reading(power, counter) for _, power, counter in candidates]
        if any(reading.energy_j is not None for reading in before):
            time.sleep(_PROOF_S)
        found = {}
        for (board, power, counter), earlier in zip(candidates, before, strict=True):
            later = self._reading(power, counter)
            name = self._name(board, counter)
            is_proven = _agree(earlier, later)
            if later.energy_j is not None and not is_proven:
                self._warnings.append(f"the energy counter of {name} does not move as its power says, which is read instead")
            if is_proven or later.power_w:
                device = self._device(board, name, "counter" if is_proven else "power")
                found[board] = _Gpu(device, power, counter if is_proven else None)
            else:
                self._warnings.append(f"{name} at {board.folders[0].name} tells neither energy nor power and is not measured")
                self._unread.append(f"{name} at {board.folders[0].name}")
        return found

    def _die(self, board: kfd.Board) -> tuple[Attribute | None, ctypes.c_void_p | None]:
        """The power file and the counter of a board: of two dies, those of the one that tells a power, which is that of both."""
        files = [(folder, _power_file(folder)) for folder in board.folders]
        folder, power = next((pair for pair in files if pair[1] is not None), files[0])
        counter = self._library.boards.get(folder.name.rpartition(".")[0]) if self._library is not None else None
        return power, counter

    def _name(self, board: kfd.Board, counter: ctypes.c_void_p | None) -> str:
        folder = board.folders[0]
        told = self._library.name(counter) if self._library is not None and counter is not None else ""
        return told or text_of(folder / "product_name") or f"AMD GPU 1002:{text_of(folder / 'device').removeprefix('0x')}"

    def _device(self, board: kfd.Board, name: str, grade: Grade) -> Device:
        ours = len(self._boards[board])
        contains: tuple[ComponentName, ...] = ()
        if _APU in name:
            contains = ("cpu", "memory")
            self._warnings.append(f"{name} reads the CPU cores and the memory of its package together with the GPU")
        elif any(any(folder.glob(f"hwmon/hwmon*/{_APUS_ONLY}")) for folder in board.folders):
            contains = ("cpu",)
            self._warnings.append(f"{name} reads the CPU cores of its package together with the GPU")
        return Device(
            id=f"gpu:{_uuid(board)}",
            component="accelerators",
            name=name,
            meter=self.name,
            grade=grade,
            contains=contains,
            slices=(ours, board.parts) if ours < board.parts else None,
        )

    def _reading(self, power: Attribute | None, counter: ctypes.c_void_p | None) -> _Reading:
        begin_s = time.monotonic()
        energy_j = self._library.energy_j(counter) if self._library is not None and counter is not None else None
        t_s = (begin_s + time.monotonic()) / 2
        power_uw = power.value() if power is not None else None
        return _Reading(t_s, energy_j, None if power_uw is None else power_uw * _W_PER_UW)

    def _sample(self, gpu: _Gpu) -> Sample | None:
        """One reading, stamped at the middle of the call; None if the board does not answer."""
        if gpu.counter is not None:
            reading = self._reading(None, gpu.counter)
            return (
                None if reading.energy_j is None else Sample(device_id=gpu.device.id, t_s=reading.t_s, energy_j=reading.energy_j)
            )
        reading = self._reading(gpu.power, None)
        return None if reading.power_w is None else Sample(device_id=gpu.device.id, t_s=reading.t_s, power_w=reading.power_w)


def _agree(earlier: _Reading, later: _Reading) -> bool:
    """Whether a counter moved as the power beside it says; where there is no power to compare with, whether it moved."""
    if earlier.energy_j is None or later.energy_j is None or later.energy_j <= earlier.energy_j:
        return False
    mean_w = (later.energy_j - earlier.energy_j) / (later.t_s - earlier.t_s)
    powers_w = [reading.power_w for reading in (earlier, later) if reading.power_w]
    return not powers_w or min(powers_w) / _PROOF_RATIO <= mean_w <= max(powers_w) * _PROOF_RATIO


def _power_file(folder: Path) -> Attribute | None:
    """The file that tells a board's power; none if none does, or if it says zero as the second of two dies does."""
    for path in (path for name in _POWER_FILES for path in sorted(folder.glob(f"hwmon/hwmon*/{name}"))):
        with suppress(OSError):
            power = Attribute(path)
            if power.value():
                return power
            power.close()
    return None


def _uuid(board: kfd.Board) -> str:
    """The kernel's unique id of a board, else where it is plugged in: the same whether a library is here or not."""
    unique = text_of(board.folders[0] / "unique_id")
    return f"GPU-{unique:0>16}" if unique.strip("0") else f"AMD-{board.folders[0].name}"


def is_there() -> bool:
    """Whether programs here can use an AMD GPU: the compute driver's node is here, and may be opened."""
    return os.access(_NODE, os.R_OK | os.W_OK) and bool(kfd.nodes(sysfs()))


def open_meter(environ: Mapping[str, str]) -> AmdMeter | None:
    """The AMD GPUs of this machine; None where programs cannot use any.

    Args:
        environ: the environment of the program that is measured.
    """
    return AmdMeter(environ, sysfs()) if is_there() else None
