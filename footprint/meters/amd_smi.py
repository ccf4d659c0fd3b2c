"""AMD's management library, as far as a GPU's energy counter and name are concerned.

`libamd_smi.so` comes with ROCm. Its Python package `amdsmi` is not used: it mirrors structures that change from release to
release, so that a package and a library of two releases misread each other; and PyPI's brings no library. The functions called
here take numbers, strings and handles only, and have been the same since the library's first release.

Source: `include/amd_smi/amdsmi.h`. The counter's unit is said to be 15.3 µJ by the library, which rounds the hardware's 2^-16 J
(the kernel's `kgd_pp_interface.h`: "15.259uJ (2^-16) units"); the hardware's is used.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from footprint.errors import MeterError

LIBRARY = "libamd_smi.so"
_GPUS = 2  # AMDSMI_INIT_AMD_GPUS
_ROUNDED_UJ, _EXACT_UJ = 15.3, 1e6 / 2**16
_ROUNDING_UJ = 0.01
_NO_COUNTER = (0, 2**64 - 1, 2**32 - 1)
# The name stands first in the structure, whatever else a release has in it; the room is for any release.
_ASIC_INFO_BYTES = 8192


class Library:
    """The library, opened.

    Attributes:
        boards: the library's handle of each board's first GPU, by PCI address without the function (`0000:c1:00`).

    Raises:
        OSError: if there is no such library here.
        MeterError: if it does not work.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._library = _load(environ)
        self._check("amdsmi_init", self._library.amdsmi_init(ctypes.c_uint64(_GPUS)))
        self._is_open = True
        self.boards: dict[str, ctypes.c_void_p] = {}
        for socket in self._handles("amdsmi_get_socket_handles"):
            for gpu in self._handles("amdsmi_get_processor_handles", socket):
                where = ctypes.c_uint64()
                if self._library.amdsmi_get_gpu_bdf_id(gpu, ctypes.byref(where)) == 0:
                    domain, bus, device = where.value >> 32, where.value >> 8 & 0xFF, where.value >> 3 & 0x1F
                    self.boards.setdefault(f"{domain:04x}:{bus:02x}:{device:02x}", gpu)

    def energy_j(self, gpu: ctypes.c_void_p) -> float | None:
        """The counter, J from an arbitrary origin; None if there is none."""
        count, unit_uj, stamp = ctypes.c_uint64(), ctypes.c_float(), ctypes.c_uint64()
        status = self._library.amdsmi_get_energy_count(gpu, ctypes.byref(count), ctypes.byref(unit_uj), ctypes.byref(stamp))
        if status != 0 or count.value in _NO_COUNTER or not unit_uj.value > 0:
            return None
        is_rounded = abs(unit_uj.value - _ROUNDED_UJ) < _ROUNDING_UJ
        return count.value * (_EXACT_UJ if is_rounded else unit_uj.value) * 1e-6

    def name(self, gpu: ctypes.c_void_p) -> str:
        """The GPU's name on the market; empty if it is not told."""
        info = ctypes.create_string_buffer(_ASIC_INFO_BYTES)
        status = self._library.amdsmi_get_gpu_asic_info(gpu, info)
        return info.value.decode("utf-8", "replace").strip() if status == 0 else ""

    def close(self) -> None:
        """Shut the library down; safe to call twice."""
        if self._is_open:
            self._is_open = False
            self._library.amdsmi_shut_down()

    def _handles(self, function: str, *of: ctypes.c_void_p) -> list[ctypes.c_void_p]:
        call, count = getattr(self._library, function), ctypes.c_uint32()
        self._check(function, call(*of, ctypes.byref(count), None))
        handles = (ctypes.c_void_p * count.value)()
        self._check(function, call(*of, ctypes.byref(count), handles))
        return [ctypes.c_void_p(handle) for handle in handles]

    def _check(self, function: str, status: int) -> None:
        if status != 0:
            raise MeterError(f"{LIBRARY} is there but does not work ({function} answers {status})")


def _load(environ: Mapping[str, str]) -> ctypes.CDLL:
    homes = [environ[name] for name in ("ROCM_HOME", "ROCM_PATH") if environ.get(name)]
    for folder in (*homes, "/opt/rocm"):
        with suppress(OSError):
            return ctypes.CDLL(os.fspath(Path(folder) / "lib" / LIBRARY))
    return ctypes.CDLL(LIBRARY)
