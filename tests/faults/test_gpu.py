"""GPUs that are lost, drivers that hang and libraries that crash: the recorder reads on, and the program does not notice."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from footprint.ledger import read_runs
from footprint.ledger.processes import is_alive
from footprint.model import DeviceEnergy, Run
from tests.faults.conftest import LIMIT_S, Program, recorders, settled_runs, ticks_written, wait_for
from tests.meters.conftest import SOURCE, compiled

pytestmark = pytest.mark.slow

POWER_W = 300.0
TRACKED = """
    import sys, footprint
    with footprint.track("victim", interval_s=0.05) as run:
        print("tracked", flush=True)
        sys.stdin.readline()
    assert run.facts.outcome == "completed", run.facts
    print("done")
"""


class Gpus:
    """Two GPUs of known power, and what happens to them."""

    def __init__(self, start: Program, library: Path, faults: Path) -> None:
        self._start, self._faults = start, faults
        faults.mkdir()
        self._settings = {
            "LD_LIBRARY_PATH": str(library),
            "STUB_FAULTS": str(faults),
            "STUB_GPUS": "2",
            "STUB_POWER_W": f"{POWER_W},{POWER_W}",
        }

    def track(self, **settings: str) -> Callable[[], tuple[int, str, str]]:
        """Start a tracked program, and wait for its first readings; call what comes back to let it end."""
        process = self._start(TRACKED, **self._settings, **settings)
        self.ticks(3)

        def end() -> tuple[int, str, str]:
            out, err = process.communicate("go\n", timeout=LIMIT_S)
            return process.returncode, out, err

        end.process = process  # type: ignore[attr-defined]  # for the tests that kill it
        return end

    def suffer(self, fault: str) -> None:
        (self._faults / fault).touch()

    def recover(self, fault: str) -> None:
        (self._faults / fault).unlink()

    def ticks(self, more: int) -> None:
        """Wait until so many more readings are written."""
        wanted = ticks_written() + more
        wait_for(lambda: ticks_written() >= wanted, f"{more} more ticks")


@pytest.fixture
def gpus(start: Program, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Gpus:
    library = compiled(SOURCE, tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1")
    return Gpus(start, library.parent, tmp_path / "faults")


def gpus_of(run: Run) -> list[DeviceEnergy]:
    found = [one for one in run.devices if one.device.meter == "nvml"]
    assert len(found) == 2
    return found


def told(run: Run) -> list[str]:
    return [text for text in run.warnings if text.startswith("nvml")]


def is_right(one: DeviceEnergy) -> bool:
    """Whether the energy is the true one of the time that was read."""
    return one.energy_j == pytest.approx(POWER_W * one.read_s, rel=0.02, abs=1.0)


def assert_cpu_was_read_throughout(run: Run) -> None:
    assert run.cpu is not None
    assert run.cpu.read_s == pytest.approx(run.duration_s, abs=0.2)


def test_fault_11_a_gpu_that_is_lost_and_reset_comes_back_after_a_gap(gpus: Gpus) -> None:
    end = gpus.track()
    gpus.suffer("lost")
    gpus.ticks(10)
    gpus.recover("lost")
    gpus.ticks(10)
    assert end()[:2] == (0, "tracked\ndone\n")
    (run,) = settled_runs()
    for one in gpus_of(run):
        assert is_right(one)
        assert 0 < one.read_s < run.duration_s - 8 * 0.05
    assert_cpu_was_read_throughout(run)


@pytest.mark.parametrize("recorder", ["process", "thread"])
def test_fault_11_a_driver_that_hangs_holds_up_neither_readings_nor_the_end(gpus: Gpus, recorder: str) -> None:
    end = gpus.track(FOOTPRINT_RECORDER=recorder)
    gpus.suffer("hang")
    gpus.ticks(20)
    assert end() == (0, "tracked\ndone\n", "")
    gpus.recover("hang")
    (run,) = settled_runs()
    assert run.outcome == "completed"
    assert all(is_right(one) and one.read_s < run.duration_s - 15 * 0.05 for one in gpus_of(run))
    assert_cpu_was_read_throughout(run)
    (warning,) = told(run)
    assert "stopped answering" in warning


def test_fault_11_a_driver_that_answers_again_has_lost_nothing(gpus: Gpus) -> None:
    end = gpus.track()
    gpus.suffer("hang")
    gpus.ticks(20)
    gpus.recover("hang")
    gpus.ticks(10)
    assert end()[:2] == (0, "tracked\ndone\n")
    (run,) = settled_runs()
    for one in gpus_of(run):
        assert is_right(one)  # its counter counted on
        assert one.read_s == pytest.approx(run.duration_s, abs=0.2)


def test_fault_11_a_library_that_crashes_takes_nothing_along(gpus: Gpus) -> None:
    end = gpus.track()
    (recorder,) = recorders()
    gpus.suffer("crash")
    gpus.ticks(20)
    assert is_alive(recorder)
    assert end()[:2] == (0, "tracked\ndone\n")
    (run,) = settled_runs()
    assert run.outcome == "completed"
    assert all(is_right(one) and one.read_s < run.duration_s - 15 * 0.05 for one in gpus_of(run))
    assert_cpu_was_read_throughout(run)
    (warning,) = told(run)
    assert "signal 11" in warning


@pytest.mark.parametrize("how", ["crash", "hang"])
def test_fault_11_a_driver_that_cannot_be_opened_costs_its_gpus_only(gpus: Gpus, how: str) -> None:
    end = gpus.track(STUB_INIT=how)
    gpus.ticks(5)
    assert end()[:2] == (0, "tracked\ndone\n")
    (run,) = settled_runs()
    assert not [one for one in run.devices if one.device.meter == "nvml"]
    assert_cpu_was_read_throughout(run)
    (warning,) = told(run)
    assert "its devices are not measured" in warning


def test_fault_11_a_program_that_dies_while_the_driver_hangs_is_closed(gpus: Gpus) -> None:
    end = gpus.track()
    gpus.suffer("hang")
    gpus.ticks(5)
    end.process.send_signal(signal.SIGKILL)  # type: ignore[attr-defined]
    (run,) = settled_runs()
    assert run.outcome == "interrupted"
    assert_cpu_was_read_throughout(run)


def test_fault_11_the_reader_of_a_driver_is_gone_with_its_recorder(gpus: Gpus) -> None:
    end = gpus.track()
    (recorder,) = recorders()
    children = Path(f"/proc/{recorder.pid}/task/{recorder.pid}/children").read_text().split()
    assert len(children) == 1
    os.kill(recorder.pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{children[0]}").exists(), "the reader ends")
    assert end()[:2] == (0, "tracked\ndone\n")
    (run,) = read_runs().runs
    assert all(is_right(one) for one in gpus_of(run))
