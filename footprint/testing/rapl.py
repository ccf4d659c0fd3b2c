"""A RAPL tree as the kernel's powercap shows it, whose counters follow known powers in real time.

`FOOTPRINT_SYSFS` leads the real meter to it::

    with SyntheticRapl(folder, {"intel-rapl:0": Zone("package-0", steady(80))}) as rapl:
        subprocess.run(command, env={**os.environ, **rapl.environment})
        rapl.truth_j(begin_s, end_s)     # of `time.monotonic()`, in any process

The files are real ones: what the kernel does when it is asked, a small process does here about every millisecond, and each
write is one `pwrite` of a fixed length, so that no reader meets half of a number. Layout and meaning of the files:
https://docs.kernel.org/power/powercap/powercap.html
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from footprint.errors import ConfigError
from footprint.testing.waves import Wave

RANGE_J: Final = 262_143.328850
"""Where the counters of most processors wrap: 2^32 steps of 61 microjoules."""

_POWERCAP: Final = "class/powercap"
_ZONES: Final = "devices/virtual/powercap/intel-rapl"
_NAME: Final = re.compile(r"intel-rapl(:\d+)+")
_READABLE: Final = 0o444
_NOBODYS: Final = 0o000


class Zone(NamedTuple):
    """One zone of the tree.

    `label` is what its file `name` says: `package-0`, `core`, `dram`, `psys`. The counter stands at `start_j` when the tree is
    made and wraps at `range_j`; `max_power_w` is what the zone says of its limit.
    """

    label: str
    wave: Wave
    range_j: float = RANGE_J
    start_j: float = 0.0
    max_power_w: float = 250.0


class SyntheticRapl:
    """A tree of RAPL zones under a folder; a context manager, inside which the counters run.

    Args:
        folder: stands for `/sys`.
        zones: the zones by the kernel's names for them, which say what lies in what: `intel-rapl:0`, `intel-rapl:0:1`.

    Raises:
        ConfigError: if the folder holds such a tree already, a zone is not named so, or nothing can count as it is to.
    """

    def __init__(self, folder: str | os.PathLike[str], zones: Mapping[str, Zone]) -> None:
        self.folder = Path(folder)
        self.zones = dict(zones)
        self._driver: subprocess.Popen[str] | None = None
        self._check()
        _link(self.folder, "intel-rapl", self.folder / _ZONES)
        for name, zone in self.zones.items():
            path = self.path(name)
            path.mkdir(parents=True)
            _link(self.folder, name, path)
            for file, text in (
                ("name", zone.label),
                ("max_energy_range_uj", f"{zone.range_j * 1e6:.0f}"),
                ("constraint_0_name", "long_term"),
                ("constraint_0_max_power_uw", f"{zone.max_power_w * 1e6:.0f}"),
                ("energy_uj", f"{zone.start_j * 1e6:.0f}"),
            ):
                (path / file).write_text(f"{text}\n", encoding="ascii")
                (path / file).chmod(_READABLE)

    @property
    def environment(self) -> dict[str, str]:
        """What a program's environment needs for its meters to find this tree in the place of the machine's."""
        return {"FOOTPRINT_SYSFS": str(self.folder)}

    def __enter__(self) -> Self:
        from footprint.recorder.process import isolated

        if self._driver is not None:
            raise ConfigError(f"the counters of {self.folder} run already")
        self._driver = subprocess.Popen(
            isolated("from footprint.testing.rapl_driver import main; main()"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        zones = {name: (str(self.path(name) / "energy_uj"), zone) for name, zone in self.zones.items()}
        self._tell(json.dumps(zones))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._driver is not None, "it was entered"
        self._driver.communicate()  # the end of its input ends it
        self._driver = None

    def truth_j(self, begin_s: float, end_s: float, zone: str = "intel-rapl:0") -> float:
        """What a zone drew between two times of `time.monotonic()`, in joules, whatever became of its counter."""
        self._check_known(zone)
        return self.zones[zone].wave.energy_j(begin_s, end_s)

    def reset(self, zone: str) -> None:
        """Let a counter begin again at zero, as after firmware took it over."""
        self._check_known(zone)
        self._tell(f"reset {zone}")

    def vanish(self, zone: str) -> None:
        """Take a zone away, as when its driver is unloaded: who holds its file open reads nothing from it any more."""
        self._check_known(zone)
        self._tell(f"vanish {zone}")
        (self.folder / _POWERCAP / zone).unlink()
        shutil.rmtree(self.path(zone))

    def deny(self) -> None:
        """Take the right to read the counters away (EACCES); root needs `without_root` to notice."""
        self._set_modes(_NOBODYS)

    def allow(self) -> None:
        """Give the right to read the counters back."""
        self._set_modes(_READABLE)

    def path(self, zone: str) -> Path:
        """The folder of a zone: one inside another's lies in that one's folder."""
        parts = zone.split(":")
        return self.folder.joinpath(_ZONES, *(":".join(parts[:length]) for length in range(2, len(parts) + 1)))

    def _check(self) -> None:
        if (self.folder / _POWERCAP).exists():
            raise ConfigError(f"{self.folder} holds a tree of RAPL already: give this one a folder of its own")
        for name, zone in self.zones.items():
            if not _NAME.fullmatch(name):
                raise ConfigError(f"a zone is named as the kernel names it, intel-rapl:0 or intel-rapl:0:1, and not {name!r}")
            if not (0 <= zone.start_j < zone.range_j and zone.wave.is_possible()):
                raise ConfigError(
                    f"{name} cannot count: it starts at {zone.start_j:g} of {zone.range_j:g} J and draws {zone.wave}"
                )

    def _check_known(self, zone: str) -> None:
        if zone not in self.zones:
            raise ConfigError(f"there is no zone {zone!r} here (there are {', '.join(self.zones)})")

    def _set_modes(self, mode: int) -> None:
        for zone in self.zones:
            if (file := self.path(zone) / "energy_uj").exists():
                file.chmod(mode)

    def _tell(self, line: str) -> None:
        """Have the driver do something, and wait until it has."""
        if self._driver is None:
            raise ConfigError("the counters run inside `with` only")
        assert self._driver.stdin is not None, "it was started so"
        assert self._driver.stdout is not None, "it was started so"
        self._driver.stdin.write(f"{line}\n")
        self._driver.stdin.flush()
        if self._driver.stdout.readline() != "done\n":
            raise RuntimeError(f"the driver of {self.folder} ended: exit code {self._driver.wait()}")


def _link(folder: Path, name: str, target: Path) -> None:
    link = folder / _POWERCAP / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(target, link.parent))


# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7): what lets root read files that their modes deny it. They leave
# the bounding set (PR_CAPBSET_DROP of prctl(2)), and with the next exec the process.
_DROP: Final = """\
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def without_root(*command: str) -> list[str]:
    """A command that runs another as if it were not root's: denied files are denied to it. Others run it as it is."""
    return [sys.executable, "-I", "-S", "-c", _DROP, *command]
