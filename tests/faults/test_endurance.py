"""Faults 19 to 21. Runs that are very short, very many, or very long."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from footprint.derive import run_footprint
from footprint.ledger import read_runs
from tests.faults.conftest import Clocks, Program, recorders, settled_runs, wait_for

pytestmark = pytest.mark.slow

Finish = Callable[..., tuple[int, str, str]]

DAY_S = 86_400.0
PATIENCE_S = 600.0


def entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_fault_19_a_run_of_5_ms_without_a_sample(finish: Finish) -> None:
    """No tick comes between its begin and its end: what is known is said, what is not known is no zero and no division by one."""
    status, out, err = finish("""
        import time, footprint
        for length_s in (0.005, 0.0):
            with footprint.track("short", interval_s=3600, zone="FRA") as run:
                until_s = time.monotonic() + length_s
                while time.monotonic() < until_s:
                    pass
            print(run.facts.outcome, run.footprint.energy_kwh is not None)
    """)
    assert (status, out, err) == (0, "completed True\n" * 2, "")
    for run in settled_runs():
        assert run.duration_s < 5
        derived = run_footprint(run)
        assert derived.energy_kwh is not None
        assert 0 < derived.energy_kwh.low <= derived.energy_kwh.high < 1e-3
        assert all(0 <= coverage.read_ratio <= 1 for coverage in derived.coverage)


def test_fault_20_ten_thousand_runs_in_a_row(start: Program) -> None:
    """Descriptors, threads and memory stay as they are, in the program and in its recorder."""
    process = start("""
        import os, sys, threading, footprint

        def some(count):
            for number in range(count):
                with footprint.track(f"run {number}") as run:
                    run.count(samples=1)
                    run.mark("here")
            assert run.facts.outcome == "completed" and not run.facts.warnings, run.facts

        some(1_000)
        print(len(os.listdir("/proc/self/fd")), threading.active_count(), flush=True)
        sys.stdin.readline()
        some(9_000)
        print(len(os.listdir("/proc/self/fd")), threading.active_count(), flush=True)
        sys.stdin.readline()
    """)
    assert process.stdout is not None
    assert process.stdin is not None

    def held() -> list[tuple[int, int, int]]:
        """Of the program and its recorder: descriptors, threads, memory."""
        (recorder,) = recorders()
        pids = (process.pid, recorder.pid)
        return [(entries(f"/proc/{pid}/fd"), entries(f"/proc/{pid}/task"), resident_bytes(pid)) for pid in pids]

    def no_more() -> bool:
        """Whether neither holds more than it did: a sync, which takes a thread, may be under way at any one moment."""
        return all(now[0] <= then[0] and now[1] <= then[1] for now, then in zip(held(), after_thousand, strict=True))

    before = process.stdout.readline()
    assert before, process.communicate()
    after_thousand = held()
    process.stdin.write("go\n")
    process.stdin.flush()
    after = process.stdout.readline()
    assert before == after, process.communicate()
    wait_for(no_more, "no more descriptors and threads than after a thousand runs")
    for (_, _, memory_bytes), (_, _, later_bytes) in zip(after_thousand, held(), strict=True):
        assert later_bytes - memory_bytes < 2_000_000
    assert process.communicate("end\n") == ("", "")
    assert process.returncode == 0
    runs = settled_runs()
    assert len(runs) == 10_000
    assert {run.outcome for run in runs} == {"completed"}
    assert len({run.journal_id for run in runs}) == 1


def test_fault_21_a_day_at_one_reading_a_second(
    start: Program, clocks: Clocks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recorder as it is, through 24 hours of readings; only its waits between them are skipped."""
    sensors = tmp_path / "sys/class/hwmon/hwmon0"
    sensors.mkdir(parents=True)
    for name, text in {"name": "apm_xgene", "power1_label": "CPU power", "power2_label": "IO power"}.items():
        (sensors / name).write_text(f"{text}\n")
    for number, power_w in ((1, 100), (2, 20)):
        (sensors / f"power{number}_input").write_text(f"{power_w * 1_000_000}\n")
    process = start(
        """
        import os, sys, footprint
        os.environ["FAULT_CLOCKS_RUN"] = "the recorder's"  # ours has not seen it
        with footprint.track("day", zone="FRA") as run:
            print("tracked", flush=True)
            sys.stdin.readline()
            run.count(samples=1)
        print(run.facts.outcome, *run.facts.warnings)
        """,
        **clocks.environment,
        FOOTPRINT_SYSFS=str(tmp_path / "sys"),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "tracked\n"
    (recorder,) = recorders()
    wait_for(lambda: clocks.passed_s > 0.1 * DAY_S, "the first tenth of the day", PATIENCE_S)
    early_s, early_cpu_s, early_bytes = clocks.passed_s, cpu_s(recorder.pid), resident_bytes(recorder.pid)
    wait_for(lambda: clocks.passed_s > DAY_S, "the rest of the day", PATIENCE_S)
    late_s, late_cpu_s, late_bytes = clocks.passed_s, cpu_s(recorder.pid), resident_bytes(recorder.pid)
    out, err = process.communicate("go\n")
    assert (process.returncode, out, err) == (0, "completed\n", "")
    tick_ms = 1e3 * (late_cpu_s - early_cpu_s) / (late_s - early_s)
    with capsys.disabled():
        print(f"\n24 h at 1 Hz: {tick_ms:.2f} ms CPU a tick, {late_bytes / 1e6:.1f} MB at the end")
    assert late_bytes - early_bytes < 500_000
    (run,) = settled_runs()
    assert run.duration_s > DAY_S
    assert run.cpu is not None
    assert run.cpu.read_s == pytest.approx(run.duration_s, abs=1)
    energies_j = [reading.energy_j or 0 for reading in run.devices if reading.device.meter == "hwmon"]
    assert sum(energies_j) == pytest.approx(120 * run.duration_s, rel=1e-4)
    assert read_runs().problems == ()
    assert run_footprint(run).energy_kwh is not None
