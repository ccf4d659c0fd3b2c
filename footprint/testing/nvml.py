"""NVIDIA GPUs that are not there: a stand-in for the driver's library, compiled here, that the real `pynvml` loads.

A program finds it through `LD_LIBRARY_PATH`, and so it must be started with it::

    with TemporaryDirectory() as folder:
        gpus = SyntheticNvml(folder, count=2, wave=square(400, 40, 0.5))
        subprocess.run(command, env={**os.environ, **gpus.environment})
        gpus.truth_j(begin_s, end_s)     # of each GPU, by `time.monotonic()`

What it can be told besides (a GPU that is lost, a call that hangs, one that takes the process along, slices, processes)
stands at the top of `stub_nvml.c`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from footprint.errors import MeterError
from footprint.testing.waves import Wave, steady

SOURCE: Final = Path(__file__).with_name("stub_nvml.c")
LIBRARY: Final = "libnvidia-ml.so.1"


def compiler() -> str | None:
    """The C compiler of this machine; None where there is none."""
    return shutil.which("cc") or shutil.which("gcc")


def build_stub(folder: str | os.PathLike[str]) -> Path:
    """Compile the stand-in into a folder, which is to stand in `LD_LIBRARY_PATH`; the library's path.

    Raises:
        MeterError: where there is no compiler, or it fails.
    """
    if (found := compiler()) is None:
        raise MeterError("there is no C compiler (cc, gcc) to build the stand-in for NVIDIA's library with: install one")
    library = Path(folder) / LIBRARY
    library.parent.mkdir(parents=True, exist_ok=True)
    command = [found, "-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(SOURCE), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MeterError(f"{found} did not build {SOURCE}: {done.stderr.strip()[-200:]}")
    return library


class SyntheticNvml:
    """GPUs that all draw the same known power.

    Args:
        folder: where the library is built, unless it is there already.
        count: how many GPUs.
        wave: the power of each.
        controls: what else the library is to do: its `STUB_…` variables.

    Raises:
        MeterError: where it cannot be built.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        count: int = 1,
        wave: Wave | None = None,
        controls: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.wave = wave or steady(250)
        self._count = count
        self._controls = dict(controls or {})
        if not (self.folder / LIBRARY).exists():
            build_stub(self.folder)

    @property
    def environment(self) -> dict[str, str]:
        """What a program's environment needs for its meters to find these GPUs."""
        paths = [str(self.folder), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        return {
            "LD_LIBRARY_PATH": os.pathsep.join(paths),
            "STUB_GPUS": str(self._count),
            "STUB_POWER_W": repr(self.wave.high_w),
            "STUB_LOW_W": repr(self.wave.low_w),
            "STUB_SQUARE_S": repr(self.wave.period_s),
            "STUB_HIGH_RATIO": repr(self.wave.high_ratio),
            **self._controls,
        }

    def truth_j(self, begin_s: float, end_s: float) -> float:
        """What each GPU drew between two times of `time.monotonic()`, in joules."""
        return self.wave.energy_j(begin_s, end_s)
