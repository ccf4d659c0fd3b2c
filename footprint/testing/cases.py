"""What `footprint doctor --self-test` does: each meter, in a real recorder, against a sensor whose truth is known.

Every case runs a command under `footprint run` in processes of its own, with a ledger, a `/sys` and a driver's library that
exist for it alone, and compares what the run says with what was drawn. What the command does (its output, its exit code)
must be the same as without us in every case.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from footprint.derive import run_footprint
from footprint.ledger import read_runs
from footprint.model import Run
from footprint.testing.nvml import SyntheticNvml
from footprint.testing.programs import CHILDREN, TREE
from footprint.testing.rapl import RANGE_J, SyntheticRapl, Zone, without_root
from footprint.testing.waves import Wave, square, steady

LENGTH_S: Final = 3.0
EXACT_RATIO: Final = 0.005
CPU_RATIO: Final = 0.05
_INTERVAL_S: Final = 0.1
_LIMIT_S: Final = 60.0
_CODE: Final = 7
"""What the command of most cases exits with; anybody who swallows it is found out."""
_SAYS: Final = ("begun", "ended")
_PACKAGE: Final = "intel-rapl:0"


class CaseError(Exception):
    """What a case found wrong, in a line."""


class Result(NamedTuple):
    """What was drawn and what was read, in joules or CPU-seconds (null where a case is not about a number), and a remark."""

    truth: float | None
    reading: float | None
    detail: str
    allowed_ratio: float = EXACT_RATIO


class Case(NamedTuple):
    """One thing that is tried.

    `busy` cases load the CPU and run one at a time; the others mostly sleep.
    """

    name: str
    unit: str
    act: Callable[[Lab], Result]
    needs_compiler: bool = False
    busy: bool = False


class Measured(NamedTuple):
    """A run of a case, its begin and end by `time.monotonic()`, and what its command printed after it had begun."""

    run: Run
    begin_s: float
    end_s: float
    out: str

    def energy_j(self, *device_ids: str) -> float:
        """The energy of some devices, in joules."""
        found = {one.device.id: one.energy_j for one in self.run.devices}
        energies_j = [found.get(device_id) for device_id in device_ids]
        known_j = [energy_j for energy_j in energies_j if energy_j is not None]
        if len(known_j) < len(energies_j):
            told = "; ".join(self.run.warnings) or f"devices {', '.join(found) or 'none'}"
            raise CaseError(f"{' and '.join(device_ids)}: no energy ({told})")
        return sum(known_j)

    def read_s(self, device_id: str) -> float:
        """The time for which a device was read."""
        return next(one.read_s for one in self.run.devices if one.device.id == device_id)


class Lab:
    """A folder in which one case has everything that it needs to itself.

    Args:
        folder: empty, or not there yet.
        stub: the folder of NVIDIA's stand-in, if there is one.
    """

    def __init__(self, folder: Path, stub: Path | None) -> None:
        self.folder = folder
        self._stub = stub
        (folder / "sys").mkdir(parents=True)

    def gpus(self, wave: Wave, **controls: str) -> SyntheticNvml:
        """A GPU that draws this power."""
        if self._stub is None:
            raise CaseError("there is no stand-in for NVIDIA's library")
        return SyntheticNvml(self._stub, wave=wave, controls={"STUB_FAULTS": str(self.folder), **controls})

    def rapl(self, zones: Mapping[str, Zone]) -> SyntheticRapl:
        """A RAPL tree, in the place of this machine's."""
        return SyntheticRapl(self.folder / "sys", zones)

    def measure(
        self,
        environment: Mapping[str, str],
        *,
        during: Callable[[], None] | None = None,
        command: Sequence[str] = (),
        before: Sequence[str] = (),
    ) -> Measured:
        """Run a command (one that sleeps, by default) under `footprint run`.

        Args:
            environment: where it finds the sensors.
            during: what happens in the middle of it.
            command: prints a line when it has begun.
            before: the command that starts ours.

        Raises:
            CaseError: if the command was not what it is without us, or no run was recorded.
        """
        from footprint.recorder.process import isolated

        sleeper = ["sh", "-c", f"echo {_SAYS[0]}; sleep {LENGTH_S}; echo {_SAYS[1]}; exit {_CODE}"]
        options = ["run", "--quiet", "--name", "self-test", "--interval", str(_INTERVAL_S), "--", *(command or sleeper)]
        with subprocess.Popen(
            [*before, *isolated("from footprint.cli import main; main()", *options)],
            env=self._environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            watchdog = threading.Timer(_LIMIT_S, process.kill)
            watchdog.start()
            try:
                assert process.stdout is not None, "it was started so"
                first = process.stdout.readline()
                if during is not None:
                    time.sleep(LENGTH_S / 2)
                    during()
                out, err = process.communicate()
            finally:
                watchdog.cancel()
        self._check(first, out, err, process.returncode, is_sleeper=not command)
        runs = read_runs(self.folder / "home").runs
        if len(runs) != 1 or runs[0].monotonic_s is None:
            raise CaseError(f"{len(runs)} runs were recorded in the place of one ({err.strip() or 'and nothing was said'})")
        return Measured(runs[0], runs[0].monotonic_s, runs[0].monotonic_s + runs[0].duration_s, out)

    def _environment(self, sensors: Mapping[str, str]) -> dict[str, str]:
        ours = ("FOOTPRINT_", "CUDA_", "STUB_")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
            "FOOTPRINT_HOME": str(self.folder / "home"),
            "FOOTPRINT_SYSFS": str(self.folder / "sys"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            **sensors,
        }

    @staticmethod
    def _check(first: str, out: str, err: str, code: int, *, is_sleeper: bool) -> None:
        if is_sleeper and (first + out, code) != ("".join(f"{word}\n" for word in _SAYS), _CODE):
            raise CaseError(f"the command was changed: exit code {code}, output {(first + out)!r} {err.strip()}")
        if not is_sleeper and code:
            raise CaseError(f"the command failed: exit code {code} {err.strip()}")
        if len(err.splitlines()) > 1:
            raise CaseError(f"more than one line was said to the user: {err!r}")


# -- CPU counters ------------------------------------------------------------------------------------------------------


def _rapl(wave: Wave, *, range_j: float = RANGE_J, start_j: float = 1.0) -> Callable[[Lab], Result]:
    def act(lab: Lab) -> Result:
        # Its stated limit lets the meter tell a wrap from a reset also where readings come late.
        zone = Zone("package-0", wave, range_j=range_j, start_j=start_j, max_power_w=60)
        with lab.rapl({_PACKAGE: zone}) as rapl:
            seen = lab.measure(rapl.environment)
        truth_j = rapl.truth_j(seen.begin_s, seen.end_s)
        return Result(truth_j, seen.energy_j("cpu:package-0"), "")

    return act


def _rapl_memory(lab: Lab) -> Result:
    zones = {
        _PACKAGE: Zone("package-0", square(90, 30, 0.4), start_j=1),
        f"{_PACKAGE}:0": Zone("core", steady(20), start_j=1),
        f"{_PACKAGE}:1": Zone("dram", steady(10), start_j=1),
    }
    with lab.rapl(zones) as rapl:
        seen = lab.measure(rapl.environment)
    truth_j = sum(rapl.truth_j(seen.begin_s, seen.end_s, zone) for zone in (_PACKAGE, f"{_PACKAGE}:1"))
    return Result(truth_j, seen.energy_j("cpu:package-0", "memory:dram-0"), "package and memory; cores lie in the package")


def _rapl_reset(lab: Lab) -> Result:
    with lab.rapl({_PACKAGE: Zone("package-0", steady(80), start_j=10_000)}) as rapl:
        seen = lab.measure(rapl.environment, during=lambda: rapl.reset(_PACKAGE))
    return _with_gap(seen, "cpu:package-0", 80)


def _rapl_denied(lab: Lab) -> Result:
    with lab.rapl({_PACKAGE: Zone("package-0", steady(80), start_j=1)}) as rapl:
        rapl.deny()
        seen = lab.measure(rapl.environment, before=without_root())
    if not any(one.device.id == "cpu" and one.device.grade == "model" for one in seen.run.devices):
        raise CaseError("no model stands in for the counters")
    if not any("chmod" in warning for warning in seen.run.warnings):
        raise CaseError(f"nothing says how to mend it: {seen.run.warnings}")
    return Result(None, None, "a model stands in, and the run says how to mend it")


def _with_gap(seen: Measured, device_id: str, power_w: float) -> Result:
    """A device of steady power that was not read for a while: what it drew while it was read, and a gap that is known."""
    read_s, length_s = seen.read_s(device_id), seen.run.duration_s
    if not LENGTH_S / 4 < read_s < length_s - _INTERVAL_S / 4:
        raise CaseError(f"no gap is known: read for {read_s:.2f} of {length_s:.2f} s")
    component = next(one.device.component for one in seen.run.devices if one.device.id == device_id)
    coverage = run_footprint(seen.run, attribution="machine").coverage  # nobody holds the stand-in's GPU
    if not any(one.component == component and one.read_ratio < 1 for one in coverage):
        raise CaseError(f"the coverage of {component} does not show the gap")
    return Result(power_w * read_s, seen.energy_j(device_id), f"read for {read_s:.2f} of {length_s:.2f} s, and the gap is known")


# -- GPUs --------------------------------------------------------------------------------------------------------------


def _gpu_id(seen: Measured) -> str:
    found = [one.device.id for one in seen.run.devices if one.device.meter == "nvml"]
    if len(found) != 1:
        raise CaseError(f"{len(found)} GPUs were found in the place of one: {'; '.join(seen.run.warnings)}")
    return found[0]


def _nvml(wave: Wave, detail: str = "", allowed_ratio: float = EXACT_RATIO, **controls: str) -> Callable[[Lab], Result]:
    def act(lab: Lab) -> Result:
        gpus = lab.gpus(wave, **controls)
        seen = lab.measure(gpus.environment)
        return Result(gpus.truth_j(seen.begin_s, seen.end_s), seen.energy_j(_gpu_id(seen)), detail, allowed_ratio)

    return act


def _nvml_fault(name: str, *, comes_back: bool) -> Callable[[Lab], Result]:
    """A fault of the driver in the middle of a run: what was read before (and after) it counts, and nothing else."""

    def act(lab: Lab) -> Result:
        def happen() -> None:
            (lab.folder / name).touch()
            if comes_back:
                time.sleep(LENGTH_S / 6)
                (lab.folder / name).unlink()

        seen = lab.measure(lab.gpus(steady(250)).environment, during=happen)
        if seen.run.cpu is None or seen.run.cpu.read_s < 0.9 * seen.run.duration_s:
            raise CaseError("the rest of the machine was not read on")
        return _with_gap(seen, _gpu_id(seen), 250)

    return act


# -- CPU time ----------------------------------------------------------------------------------------------------------


def _cpu_time(program: str, detail: str) -> Callable[[Lab], Result]:
    def act(lab: Lab) -> Result:
        seen = lab.measure({}, command=[sys.executable, "-I", "-S", "-c", program])
        if seen.run.cpu is None:
            raise CaseError(f"the CPU time is not known: {'; '.join(seen.run.warnings)}")
        return Result(float(seen.out), seen.run.cpu.tree_s, detail, CPU_RATIO)

    return act


CASES: Final = (
    Case("RAPL, steady", "J", _rapl(steady(80))),
    Case("RAPL, square wave", "J", _rapl(square(100, 20, 0.5))),
    Case("RAPL, 1 wrap", "J", _rapl(steady(80), start_j=RANGE_J - 80 * LENGTH_S / 2)),
    Case("RAPL, 6 wraps", "J", _rapl(steady(100), range_j=100 * LENGTH_S / 6)),
    Case("RAPL, package and memory", "J", _rapl_memory),
    Case("RAPL, reset to zero", "J", _rapl_reset),
    Case("RAPL, not readable", "J", _rapl_denied),
    Case("NVML, steady", "J", _nvml(steady(250)), needs_compiler=True),
    Case("NVML, square wave", "J", _nvml(square(400, 40, 0.3)), needs_compiler=True),
    Case(
        "NVML, power only",
        "J",
        _nvml(square(300, 200, 1.0), f"a card without a counter, read each {_INTERVAL_S:g} s", 0.03, STUB_NO_COUNTER="0"),
        needs_compiler=True,
    ),
    Case("NVML, lost and back", "J", _nvml_fault("lost", comes_back=True), needs_compiler=True),
    Case("NVML, hangs", "J", _nvml_fault("hang", comes_back=False), needs_compiler=True),
    Case("NVML, crashes", "J", _nvml_fault("crash", comes_back=False), needs_compiler=True),
    Case("CPU time, 50 short children", "s", _cpu_time(CHILDREN, "against their own clocks"), busy=True),
    Case("CPU time, a tree of processes", "s", _cpu_time(TREE, "13 at once, against their own clocks"), busy=True),
)
"""All of them, in the order in which they are shown."""
