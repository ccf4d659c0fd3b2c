"""Fault 12. The energy counters of CPUs as they misbehave, read by a real recorder: wraps, resets, denied, gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from footprint.ledger.reading import journal_paths, read_journal
from footprint.model import DeviceEnergy, Run
from footprint.testing import SyntheticRapl, Zone, square, steady, without_root
from tests.faults.conftest import Program, settled_runs, ticks_written, wait_for

pytestmark = pytest.mark.slow

WATCHED = """
    import sys, footprint
    with footprint.track("watched", interval_s=0.05):
        print("tracked", flush=True)
        sys.stdin.readline()
    print("done")
"""


def more_ticks(number: int) -> None:
    enough = ticks_written() + number
    wait_for(lambda: ticks_written() >= enough, f"{number} more ticks")


def watch(start: Program, rapl: SyntheticRapl, *steps: Callable[[], None], before: list[str] | None = None) -> Run:
    """Track a program while something happens to the counters, with a few ticks before, between and after."""
    process = start(WATCHED, before=before, **rapl.environment)
    more_ticks(6)
    for step in steps:
        step()
        more_ticks(6)
    assert process.communicate("go\n") == ("tracked\ndone\n", "")
    assert process.returncode == 0
    (run,) = settled_runs()
    assert run.outcome == "completed"
    return run


def reading(run: Run, device_id: str) -> DeviceEnergy:
    (found,) = [reading for reading in run.devices if reading.device.id == device_id]
    return found


def span_s(run: Run) -> tuple[float, float]:
    """When the run began and ended, by the monotonic clock."""
    (records,) = [journal.runs[run.id] for path in journal_paths() if run.id in (journal := read_journal(path)).runs]
    return records.opened.t_s, records.opened.t_s + run.duration_s


def test_fault_12_each_zone_wraps_at_its_own_range(start: Program, tmp_path: Path) -> None:
    zones = {
        "intel-rapl:0": Zone("package-0", square(100, 20, 0.1), range_j=61.0, start_j=60.5, max_power_w=50),
        "intel-rapl:0:0": Zone("dram", steady(40), range_j=29.0, start_j=28.9, max_power_w=20),
        "intel-rapl:1": Zone("package-1", steady(90), range_j=67.0, start_j=66.0, max_power_w=50),
        "intel-rapl:1:0": Zone("dram", steady(30), start_j=5.0),
    }
    with SyntheticRapl(tmp_path / "sys", zones) as rapl:
        run = watch(start, rapl, *(lambda: None,) * 8)
        begin_s, end_s = span_s(run)
        assert run.duration_s * 90 > 2 * 67  # the second package went round more than once
        for zone, device_id in (
            ("intel-rapl:0", "cpu:package-0"),
            ("intel-rapl:1", "cpu:package-1"),
            ("intel-rapl:0:0", "memory:dram-0"),
            ("intel-rapl:1:0", "memory:dram-1"),
        ):
            found = reading(run, device_id)
            assert found.read_s == pytest.approx(run.duration_s, abs=0.01)
            # The driver may come late on a loaded machine.
            assert found.energy_j == pytest.approx(rapl.truth_j(begin_s, end_s, zone), abs=0.05 * zones[zone].wave.high_w)


def test_fault_12_a_reset_is_a_gap_and_no_wrap(start: Program, tmp_path: Path) -> None:
    with SyntheticRapl(tmp_path / "sys", {"intel-rapl:0": Zone("package-0", steady(80), start_j=1e4)}) as rapl:
        run = watch(start, rapl, lambda: rapl.reset("intel-rapl:0"))
    found = reading(run, "cpu:package-0")
    assert found.energy_j is not None
    assert 0 < found.read_s < run.duration_s
    assert found.energy_j == pytest.approx(80 * found.read_s, abs=80 * 0.05)


def test_fault_12_denied_from_the_start_a_model_takes_over_and_says_how_to_mend_it(start: Program, tmp_path: Path) -> None:
    with SyntheticRapl(tmp_path / "sys", {"intel-rapl:0": Zone("package-0", steady(80), start_j=1)}) as rapl:
        rapl.deny()
        run = watch(start, rapl, before=without_root())
    assert {found.device.id for found in run.devices} >= {"cpu", "memory"}
    assert not [found for found in run.devices if found.device.meter == "rapl"]
    (warning,) = [text for text in run.warnings if "RAPL" in text]
    assert "chmod" in warning


def test_fault_12_denied_in_mid_run_is_no_zero(start: Program, tmp_path: Path) -> None:
    """Who has the file open may read on, who has not sees a gap: no energy is missing from the time that was read."""
    with SyntheticRapl(tmp_path / "sys", {"intel-rapl:0": Zone("package-0", steady(80), start_j=1)}) as rapl:
        run = watch(start, rapl, rapl.deny, rapl.allow, before=without_root())
    found = reading(run, "cpu:package-0")
    assert found.energy_j == pytest.approx(80 * found.read_s, abs=80 * 0.05)


def test_fault_12_a_zone_that_vanishes_is_not_read_on(start: Program, tmp_path: Path) -> None:
    zones = {"intel-rapl:0": Zone("package-0", steady(80), start_j=1), "intel-rapl:0:0": Zone("dram", steady(8), start_j=1)}
    with SyntheticRapl(tmp_path / "sys", zones) as rapl:
        run = watch(start, rapl, lambda: rapl.vanish("intel-rapl:0:0"))
    package, memory = reading(run, "cpu:package-0"), reading(run, "memory:dram-0")
    assert package.read_s == pytest.approx(run.duration_s, abs=0.01)
    assert 0 < memory.read_s < run.duration_s
    assert memory.energy_j == pytest.approx(8 * memory.read_s, abs=8 * 0.05)
    assert any("memory" in text for text in run.warnings)
