"""What recording costs: CPU time of host and recorder together, at one reading a second, beside a tree of many processes.

`python -m tests.benchmarks.cpu_cost` prints a table. Both sides are read from their own CPU clocks; the host program does
nothing meanwhile, so that all that it uses is ours.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

SIZES: Final = (10, 2_000)
SECONDS: Final = 20.0
_SETTLE_S: Final = 3.0

# A process that forks the others; they sleep for good, or wake once a second. None outlives its parent (PR_SET_PDEATHSIG).
FOREST: Final = """
import ctypes, os, signal, sys, time
prctl = ctypes.CDLL(None).prctl
prctl(1, signal.SIGKILL)
for _ in range(int(sys.argv[1]) - 1):
    if os.fork() == 0:
        prctl(1, signal.SIGKILL)
        while sys.argv[2] == "awake":
            time.sleep(1)
        signal.pause()
        os._exit(0)
print("grown", flush=True)
signal.pause()
"""
_HOST: Final = """
import sys
import footprint
footprint.track("cost", interval_s=1.0).start()
print("recording", flush=True)
sys.stdin.readline()
"""


class Cost(NamedTuple):
    """CPU milliseconds in each second."""

    host: float
    recorder: float

    @property
    def both(self) -> float:
        """Host and recorder together."""
        return self.host + self.recorder


def cost(processes: int, seconds: float = SECONDS, *, awake: bool = False) -> Cost:
    """Record a program with that many processes, itself among them, for some seconds.

    Args:
        processes: in the tree: the host program and its sleeping children.
        seconds: how long, after the first readings.
        awake: whether each of the children wakes up once a second.
    """
    with tempfile.TemporaryDirectory() as home, _host(processes, home, awake=awake) as host:
        recorder = recorder_pid(Path(home))
        time.sleep(_SETTLE_S)
        begin_s, before = time.monotonic(), (clock_s(host), clock_s(recorder))
        time.sleep(seconds)
        lasted_s = time.monotonic() - begin_s
        used = [after - first for after, first in zip((clock_s(host), clock_s(recorder)), before, strict=True)]
    return Cost(*(1000 * used_s / lasted_s for used_s in used))


@contextmanager
def _host(processes: int, home: str, *, awake: bool) -> Iterator[int]:
    """A host program that is being recorded; its pid."""
    forest = [sys.executable, "-I", "-S", "-c", FOREST, str(processes - 1), "awake" if awake else "asleep"]
    start = f"import subprocess\nforest = subprocess.Popen({forest!r}, stdout=subprocess.PIPE)\nforest.stdout.readline()\n"
    process = subprocess.Popen(
        [sys.executable, "-c", start + _HOST],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "FOOTPRINT_HOME": home},
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "recording\n":
            raise RuntimeError("the host program did not start")
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def recorder_pid(home: Path, run: str = "") -> int:
    """The recorder's pid, as the journal's record of that run's beginning tells it; of the only one there is if none is named."""
    lines = [line for journal in home.rglob("*.jsonl") for line in journal.read_text(encoding="utf-8").splitlines()]
    opened = [record for record in map(json.loads, lines) if record["type"] == "open" and run in record["run"]]
    return int(opened[-1]["recorder"]["pid"])


def clock_s(pid: int) -> float:
    """The CPU time of a process so far."""
    return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3)


def main(repeats: int = 3) -> None:
    """Measure and print."""
    print("| processes | host | recorder | together |\n|---|---|---|---|")
    for awake in (False, True):
        for processes in SIZES:
            costs = [cost(processes, awake=awake) for _ in range(repeats)]
            host, recorder = (statistics.median(side) for side in zip(*costs, strict=True))
            both = statistics.median(one.both for one in costs)
            what = "each awake once a second" if awake else "asleep"
            print(f"| {processes}, {what} | {host:.2f} ms/s | {recorder:.2f} ms/s | {both:.2f} ms/s |", flush=True)


if __name__ == "__main__":
    main()
