"""Faults 13 and 14. Clocks that jump while a program is tracked: somebody sets them, or the machine sleeps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from footprint.model import Run
from footprint.testing import SyntheticRapl, Zone, steady
from tests.faults.conftest import Clocks, Program, settled_runs, ticks_written, wait_for

pytestmark = pytest.mark.slow

HOUR_S = 3600.0
POWER_W = 100.0

# It says how long it was tracked by a clock that nobody moves.
WATCHED = """
    import sys, time, footprint
    begin_s = time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
    with footprint.track("watched", interval_s=0.05):
        print("tracked", flush=True)
        sys.stdin.readline()
    print(time.clock_gettime(time.CLOCK_MONOTONIC_RAW) - begin_s)
"""


class Watched(NamedTuple):
    run: Run
    lasted_s: float
    energy_j: float
    read_s: float


class Jumps:
    """A program that reads a counter of 100 W, in mid-run; `clocks` can be moved."""

    def __init__(self, start: Program, clocks: Clocks, rapl: SyntheticRapl) -> None:
        self.clocks = clocks
        self._process = start(WATCHED, **clocks.environment, **rapl.environment)
        self.wait()

    def wait(self) -> None:
        """Wait for a few more ticks, so that what was done to the clocks stands between two of them."""
        enough = ticks_written() + 5
        wait_for(lambda: ticks_written() >= enough, "five more ticks")

    def end(self) -> Watched:
        out, err = self._process.communicate("go\n")
        assert (self._process.returncode, err) == (0, "")
        (run,) = settled_runs()
        (package,) = [reading for reading in run.devices if reading.device.id == "cpu:package-0"]
        assert package.energy_j is not None
        return Watched(run, float(out.splitlines()[1]), package.energy_j, package.read_s)


@pytest.fixture
def jumps(start: Program, clocks: Clocks, tmp_path: Path) -> Iterator[Jumps]:
    with SyntheticRapl(tmp_path / "sys", {"intel-rapl:0": Zone("package-0", steady(POWER_W))}) as rapl:
        yield Jumps(start, clocks, rapl)


def test_the_clocks_of_python_are_moved(clocks: Clocks) -> None:
    """What the other tests here stand on: no clock of Python goes past the library that moves them."""
    code = "import time, datetime as d; b = time.CLOCK_BOOTTIME; "
    code += "print(time.time(), d.datetime.now(d.UTC).timestamp(), time.clock_gettime(b), time.monotonic())"

    def told() -> list[float]:
        done = subprocess.run([sys.executable, "-c", code], env=clocks.environment, capture_output=True, text=True, check=True)
        return [float(word) for word in done.stdout.split()]

    before = told()
    clocks.suspend(1000)
    clocks.set_wall_clock(HOUR_S)
    moved = [later - earlier for later, earlier in zip(told(), before, strict=True)]
    assert moved == [pytest.approx(by_s, abs=60) for by_s in (4600, 4600, 1000, 0)]


@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S])
def test_fault_13_clock_steps_change_nothing_but_a_warning(jumps: Jumps, by_s: float) -> None:
    jumps.clocks.set_wall_clock(by_s)
    jumps.wait()
    run, lasted_s, energy_j, read_s = jumps.end()
    assert run.outcome == "completed"
    assert 0 < run.duration_s <= lasted_s
    assert read_s == pytest.approx(run.duration_s, abs=0.01)
    assert energy_j == pytest.approx(POWER_W * run.duration_s, abs=POWER_W * 0.1)
    assert run.suspended_s == 0
    (warning,) = [text for text in run.warnings if "clock" in text]
    assert "1 h" in warning
    assert ("forward" if by_s > 0 else "back") in warning


def test_fault_13_a_clock_that_is_set_forward_and_back_again(jumps: Jumps) -> None:
    for by_s in (HOUR_S, -HOUR_S):
        jumps.clocks.set_wall_clock(by_s)
        jumps.wait()
    run, lasted_s, energy_j, read_s = jumps.end()
    assert 0 < run.duration_s <= lasted_s
    assert read_s == pytest.approx(run.duration_s, abs=0.01)
    assert energy_j == pytest.approx(POWER_W * run.duration_s, abs=POWER_W * 0.1)
    assert len([text for text in run.warnings if "clock" in text]) == 2


def test_fault_14_suspended_time_is_marked_and_not_integrated(jumps: Jumps) -> None:
    jumps.clocks.suspend(600)
    jumps.wait()
    run, lasted_s, energy_j, read_s = jumps.end()
    assert run.outcome == "completed"
    assert run.suspended_s == pytest.approx(600, abs=1)
    assert 0 < run.duration_s <= lasted_s
    assert 0 < read_s < run.duration_s
    assert energy_j == pytest.approx(POWER_W * read_s, abs=POWER_W * 0.1)
    (warning,) = [text for text in run.warnings if "suspended" in text]
    assert "10 min" in warning
    assert not [text for text in run.warnings if "clock was set" in text]
