"""One tool at work, in that tool's own interpreter: `python -P driver.py TOOL MODE [ARGUMENT …]`; see `peers.py`.

It has nothing but the standard library and the tool, and loads little before it, so that a cold start is one. Answers are lines
of JSON on what was stdout; what the tool prints goes to stderr. Energies are in joules, times are those of `time.monotonic()`.
"""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module

TYPE_CHECKING = False  # what type checkers take for true; `typing` itself would be part of a cold start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Say = Callable[[object], None]

INTERVAL_S = 1.0
TDP_W = 100
"""What CodeCarbon is told to take for the chip's power where it has no counters, so that its joules say its CPU-seconds."""


class Footprint:
    """Ours."""

    def __init__(self) -> None:
        self._tracker = import_module("footprint").track("benchmark", interval_s=INTERVAL_S)

    def begin(self) -> None:
        """Start measuring."""
        self._run = self._tracker.start()

    def end(self) -> None:
        """Stop measuring."""
        self._run.stop()

    def told(self) -> dict[str, float]:
        """What it says: joules of the counters; of what is derived from them; CPU-seconds."""
        run = self._run.facts
        parts = {"cpu:package-0": "package", "memory:dram-0": "dram"}
        said = {parts[one.device.id]: one.energy_j for one in run.devices if one.device.id in parts}
        if run.cpu is not None:
            said["tree_s"] = run.cpu.tree_s
        if said.keys() >= {"package", "dram"}:
            footprint = import_module("footprint.derive").run_footprint(run, attribution="machine")
            for component in footprint.breakdown:
                if component.component in {"cpu", "memory"} and component.energy_kwh is not None:
                    for bound in ("low", "central", "high"):
                        said[f"{component.component}_{bound}"] = getattr(component.energy_kwh, bound) * 3.6e6
        return said


class CodeCarbon:
    """CodeCarbon as its manual uses it; told to count DRAM too, which it does not where DRAM stands inside a package."""

    kind = "OfflineEmissionsTracker"
    options: tuple[tuple[str, object], ...] = (("country_iso_code", "FRA"),)

    def __init__(self) -> None:
        tracker = getattr(import_module("codecarbon"), self.kind)
        self._tracker = tracker(
            output_methods=[],
            log_level="critical",
            allow_multiple_runs=True,
            measure_power_secs=INTERVAL_S,
            rapl_include_dram=True,
            **dict(self.options),
        )

    def begin(self) -> None:
        """Start measuring."""
        self._tracker.start()

    def end(self) -> None:
        """Stop measuring."""
        self._tracker.stop()

    def told(self) -> dict[str, float]:
        """What it says of the CPU: joules, and what these are in CPU-seconds."""
        energy_j = self._tracker.final_emissions_data.cpu_energy * 3.6e6
        return {"package": energy_j, "tree_s": energy_j / TDP_W * (os.cpu_count() or 1)}


class CodeCarbonOnline(CodeCarbon):
    """CodeCarbon's first example, which asks the network where it is."""

    kind = "EmissionsTracker"
    options = ()


class CodeCarbonProcess(CodeCarbon):
    """CodeCarbon's process mode: the CPU time of the process and its children."""

    options = (
        *CodeCarbon.options,
        ("tracking_mode", "process"),
        ("force_cpu_power", TDP_W),
        ("force_mode_cpu_load", True),
    )


class Zeus:
    """Zeus, CPU alone."""

    def __init__(self) -> None:
        self._monitor = import_module("zeus.monitor").ZeusMonitor(gpu_indices=[])

    def begin(self) -> None:
        """Start measuring."""
        self._monitor.begin_window("benchmark", sync_execution=False)

    def end(self) -> None:
        """Stop measuring."""
        self._found = self._monitor.end_window("benchmark", sync_execution=False)

    def told(self) -> dict[str, float]:
        """What it says, in joules; nothing where it says nothing."""
        parts = {"package": self._found.cpu_energy, "dram": self._found.dram_energy}
        return {part: joules[0] for part, joules in parts.items() if joules}


class CarbonTracker:
    """carbontracker around one epoch."""

    def __init__(self) -> None:
        # With a second epoch to come, so that what it has found may still be asked for.
        kind = import_module("carbontracker.tracker").CarbonTracker
        self._tracker = kind(
            epochs=2, epochs_before_pred=0, monitor_epochs=2, components="cpu", verbose=0, update_interval=INTERVAL_S
        )

    def begin(self) -> None:
        """Start measuring."""
        self._tracker.epoch_start()

    def end(self) -> None:
        """Stop measuring."""
        self._tracker.epoch_end()
        self._joules = float(self._tracker.tracker.total_energy_per_epoch().sum()) * 3.6e6
        self._tracker.stop()

    def told(self) -> dict[str, float]:
        """What it says, in joules, without the PUE that it always applies."""
        return {"both": self._joules / import_module("carbontracker.constants").PUE_2023}


class PyJoules:
    """pyJoules, with all RAPL domains that it finds."""

    def __init__(self) -> None:
        devices = import_module("pyJoules.device").DeviceFactory.create_devices()
        self._meter = import_module("pyJoules.energy_meter").EnergyMeter(devices)

    def begin(self) -> None:
        """Start measuring."""
        self._meter.start()

    def end(self) -> None:
        """Stop measuring."""
        self._meter.stop()

    def told(self) -> dict[str, float]:
        """What it says, in joules."""
        return {name.partition("_")[0]: joules / 1e6 for name, joules in self._meter.get_trace()[0].energy.items()}


TOOLS: dict[str, Callable[[], Any]] = {
    "footprint": Footprint,
    "codecarbon": CodeCarbon,
    "codecarbon-online": CodeCarbonOnline,
    "codecarbon-process": CodeCarbonProcess,
    "zeus": Zeus,
    "carbontracker": CarbonTracker,
    "pyjoules": PyJoules,
}


def starts(tool: Callable[[], Any], say: Say) -> None:
    """Seconds from nothing to the first reading, of a stop, and of a later start."""
    begin_s = time.perf_counter()
    first = tool()
    first.begin()
    first_s = time.perf_counter()
    first.end()
    end_s = time.perf_counter()
    second = tool()
    second.begin()
    later_s = time.perf_counter()
    second.end()
    say({"first_s": first_s - begin_s, "stop_s": end_s - first_s, "later_s": later_s - end_s})


def body(tool: Callable[[], Any], say: Say, length: str, trackers: str = "1") -> None:
    """Measure a stretch of sleep, by one tracker or by some that begin and end inside each other, a third of it apart."""
    inside = [tool() for _ in range(int(trackers))]
    say("ready")
    sys.stdin.readline()
    step_s = float(length) / (2 * len(inside) - 1)
    inside[0].begin()
    begin_s = time.monotonic()
    for one in inside[1:]:
        time.sleep(step_s)
        one.begin()
    for one in reversed(inside):
        time.sleep(step_s)
        end_s = time.monotonic()
        one.end()
    say({"begin_s": begin_s, "end_s": end_s, "told": [one.told() for one in inside]})


def short(tool: Callable[[], Any], say: Say, length: str, count: str) -> None:
    """Measure some stretches one after the other, each by a tracker of its own."""
    found = []
    for number in range(int(count)):
        time.sleep(0.37 * (number % 3) + 0.05)  # in step with no wave
        one = tool()
        one.begin()
        begin_s = time.monotonic()
        time.sleep(float(length))
        end_s = time.monotonic()
        one.end()
        found.append({"begin_s": begin_s, "end_s": end_s, "told": one.told()})
    say(found)


def children(tool: Callable[[], Any], say: Say, count: str, each: str) -> None:
    """Measure children that use CPU time, two at once, and their own clocks beside."""
    one, (read, write) = tool(), os.pipe()
    one.begin()
    own_s = time.process_time()
    for number in range(int(count)):
        if not os.fork():
            until_s = time.process_time() + float(each)
            while time.process_time() < until_s:
                pass
            os.write(write, b"%.9f\n" % time.process_time())
            os._exit(0)
        if number % 2:
            os.wait(), os.wait()
    own_s = time.process_time() - own_s
    one.end()
    os.close(write)
    with os.fdopen(read) as told:
        clocks_s = sum(map(float, told))
    say({"children_s": clocks_s, "own_s": own_s, "told": one.told()})


def hold(tool: Callable[[], Any], say: Say, *forest: str) -> None:
    """Measure until told to stop, beside a forest of processes (its command), if there is one."""
    forest_pid = 0
    if forest:
        import subprocess

        grown = subprocess.Popen(forest, stdout=subprocess.PIPE, text=True)
        assert grown.stdout is not None, "it was started so"
        grown.stdout.readline()
        forest_pid = grown.pid
    say({"forest": forest_pid})
    sys.stdin.readline()
    one = tool()
    one.begin()
    say("measuring")
    sys.stdin.readline()
    one.end()
    say("over")
    sys.stdin.readline()


MODES: dict[str, Callable[..., None]] = {"starts": starts, "body": body, "short": short, "children": children, "hold": hold}


def main() -> None:
    """Do one of these."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(what: object) -> None:
        import json

        answers.write(json.dumps(what) + "\n")
        answers.flush()

    name, mode, *rest = sys.argv[1:]
    MODES[mode](TOOLS[name], say, *rest)


if __name__ == "__main__":
    main()
