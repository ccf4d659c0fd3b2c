"""Memory: how much a program grows by being measured, what the helpers have, and whether a day changes it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import psutil

from tests.benchmarks import held
from tests.benchmarks.cpu_cost import recorder_pid
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import CARBONTRACKER, CODECARBON, OURS, PYJOULES, ZEUS, Tool, ToolError
from tests.benchmarks.rows import Row, failed, times

TITLE: Final = "memory: what the program grows by, what the helpers have, flat over a day"
HOST_MB: Final = 6.0
RECORDER_MB: Final = 25.0
FLAT_MB: Final = 0.5
DAY_S: Final = 86_400.0

_TOOLS: Final = (OURS, CODECARBON, ZEUS, CARBONTRACKER, PYJOULES)
_LIMIT_S: Final = 240.0
_MB: Final = 1e6
_CLOCKS: Final = Path(__file__).parents[1] / "faults" / "clocks.c"
# The recorder's waits are skipped, not the program's.
_DAY: Final = """
import os, sys, footprint
os.environ["FAULT_CLOCKS_RUN"] = "the recorder's"
with footprint.track("day"):
    print("tracked", flush=True)
    sys.stdin.readline()
"""


def run(effort: Effort) -> Iterator[Row]:
    """All tools side by side, and then a day."""

    def one(tool: Tool) -> tuple[held.Bytes, held.Bytes] | ToolError:
        try:
            return held.growth(tool, effort.hold_s)
        except ToolError as error:
            return error

    with ThreadPoolExecutor(len(_TOOLS)) as pool:
        found = dict(zip(_TOOLS, pool.map(one, _TOOLS), strict=True))
    ours_mb = 0.0
    for tool, grown in found.items():
        what = "what the program grows by"
        if isinstance(grown, ToolError):
            yield failed(what, tool.label, grown)
            continue
        host, helpers = grown
        host_mb = host.resident / _MB
        said = f"+{host_mb:.1f} MB ({host.unique / _MB:.1f} of its own)"
        if tool is OURS:
            ours_mb = host_mb
            yield Row(what, tool.label, said, f"<= +{HOST_MB:g} MB", host_mb <= HOST_MB)
        else:
            yield Row(what, tool.label, said, ratio=times(host_mb, ours_mb))
        if helpers.resident:
            recorder_mb = helpers.resident / _MB
            said = f"{recorder_mb:.1f} MB ({helpers.unique / _MB:.1f} of its own)"
            is_met, target = (recorder_mb <= RECORDER_MB, f"<= {RECORDER_MB:g} MB") if tool is OURS else (None, "")
            yield Row("helper processes, resident", tool.label, said, target, is_met)
    yield _day()


def _day() -> Row:
    """A day of readings in a real recorder, with its waits skipped."""
    what = f"recorder, growth from hour 2.4 to {DAY_S / 3600:g}, simulated at 1 Hz"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return failed(what, OURS.label, "no C compiler to make clocks that can be moved")
    from tests.faults.conftest import Clocks

    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "clocks.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, _CLOCKS, "-ldl"], check=True)
        clocks = Clocks(Path(folder) / "clocks", library)
        home = Path(folder) / "home"
        process = subprocess.Popen(
            [sys.executable, "-c", _DAY],
            env={**os.environ, **clocks.environment, "FOOTPRINT_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None, "it was started so"
            process.stdout.readline()
            recorder = psutil.Process(recorder_pid(home))
            sizes_mb = []
            for passed_s in (0.1 * DAY_S, DAY_S):
                deadline_s = time.monotonic() + _LIMIT_S
                while clocks.passed_s < passed_s:
                    if time.monotonic() > deadline_s:
                        return failed(what, OURS.label, f"after {_LIMIT_S:g} s only {clocks.passed_s / 3600:.1f} h had passed")
                    time.sleep(0.05)
                sizes_mb.append(recorder.memory_info().rss / _MB)
        finally:
            process.kill()
            process.communicate()
    grown_mb = sizes_mb[1] - sizes_mb[0]
    said = f"{grown_mb:+.2f} MB ({sizes_mb[1]:.1f} MB at the end)"
    return Row(what, OURS.label, said, f"flat (<= {FLAT_MB:g} MB)", grown_mb <= FLAT_MB)
