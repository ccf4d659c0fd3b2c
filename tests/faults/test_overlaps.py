"""Fault 17. Nested and overlapping trackers, in one program and in eight: together they add up to what the device drew, once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from footprint.derive import Account
from footprint.derive.portions import portions
from footprint.ledger.reading import journal_paths, read_journal
from footprint.model import Run
from footprint.testing import SyntheticRapl, Zone, square
from footprint.units import kwh_from_j
from tests.faults.conftest import Program, settled_runs

pytestmark = pytest.mark.slow

Finish = Callable[..., tuple[int, str, str]]

# Each of these reads the same package for more than a second; the wave is not in step with anything that they do.
ZONES = {"intel-rapl:0": Zone("package-0", square(100, 20, 0.7), start_j=1.0)}

NESTED = """
    import time, footprint
    with footprint.track("outer", interval_s=0.1):
        time.sleep(0.4)
        with footprint.track("middle", interval_s=0.1):
            time.sleep(0.4)
            with footprint.track("inner", interval_s=0.1):
                time.sleep(0.4)
        time.sleep(0.4)
"""

OVERLAPPING = """
    import time, footprint
    runs = []
    for number in range(4):
        runs.append(footprint.track(f"run {number}", interval_s=0.1).start())
        time.sleep(0.4)
        if number > 1:
            runs[number - 2].stop()
            time.sleep(0.2)
    for run in runs:
        run.stop()
"""

RANK = """
    import sys, time, footprint
    with footprint.track("rank", interval_s=0.1, account="job"):
        print("tracked", flush=True)
        sys.stdin.readline()
        time.sleep(float(sys.stdin.readline()))
"""


@pytest.fixture
def rapl(tmp_path: Path) -> Iterator[SyntheticRapl]:
    with SyntheticRapl(tmp_path / "sys", ZONES) as counting:
        yield counting


def drawn_j(rapl: SyntheticRapl) -> float:
    """What the package drew while any run lasted."""
    runs = [records for path in journal_paths() for records in read_journal(path).runs.values()]
    total_j, until_s = 0.0, 0.0
    for begin_s, end_s in sorted((records.opened.t_s, records.opened.t_s + records.run().duration_s) for records in runs):
        if end_s > until_s:
            total_j += rapl.truth_j(max(begin_s, until_s), end_s)
            until_s = end_s
    return total_j


def counted_j(runs: tuple[Run, ...]) -> float:
    """What the package's reading is counted as, in all runs together: the facts, before any factor."""
    contained = {run.id for run in runs if any(other.id == run.parent for other in runs)}
    counted = portions([run for run in runs if run.id not in contained], {run.id: run for run in runs}, "machine")
    energy_j = 0.0
    for run in runs:
        if run.id in contained:
            continue
        for reading in run.devices:
            if reading.device.id == "cpu:package-0":
                assert reading.energy_j is not None
                energy_j += reading.energy_j * (counted[run.id].of(reading.device.id) if run.id in counted else 1)
    return energy_j


def assert_once(rapl: SyntheticRapl, runs: tuple[Run, ...]) -> None:
    truth_j = drawn_j(rapl)
    assert counted_j(runs) == pytest.approx(truth_j, rel=0.01)
    cpu = next(
        one for one in Account(runs, "machine").total(run.id for run in runs).footprint.breakdown if one.component == "cpu"
    )
    assert cpu.energy_kwh is not None
    assert cpu.energy_kwh.low <= kwh_from_j(truth_j) <= cpu.energy_kwh.high
    # Its range is a meter's, not that of several runs.
    assert cpu.energy_kwh.central == pytest.approx(kwh_from_j(truth_j), rel=0.05)


@pytest.mark.parametrize(("code", "count"), [(NESTED, 3), (OVERLAPPING, 4)], ids=["nested", "overlapping"])
def test_fault_17_trackers_of_one_program(finish: Finish, rapl: SyntheticRapl, code: str, count: int) -> None:
    assert finish(code, **rapl.environment) == (0, "", "")
    runs = settled_runs()
    assert len(runs) == count
    assert_once(rapl, runs)


def test_fault_17_eight_programs_on_one_device(start: Program, rapl: SyntheticRapl) -> None:
    ranks = [start(RANK, **rapl.environment) for _ in range(8)]
    for rank in ranks:
        assert rank.stdout is not None
        assert rank.stdout.readline() == "tracked\n"
    for number, rank in enumerate(ranks):
        assert rank.stdin is not None
        rank.stdin.write(f"go\n{0.6 + 0.1 * number}\n")
        rank.stdin.flush()
    assert [(*rank.communicate(), rank.returncode) for rank in ranks] == [("", "", 0)] * 8
    runs = settled_runs()
    assert len(runs) == 8
    assert_once(rapl, runs)
    told = json.loads(
        subprocess.run(
            [sys.executable, "-m", "footprint", "report", "--json", "--attribution", "machine"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    total = Account(runs, "machine").total(run.id for run in runs).footprint.energy_kwh
    assert total is not None
    assert told["total"]["energy_kwh"]["central"] == pytest.approx(total.central, rel=1e-6)


def test_fault_17_a_tracking_program_under_footprint_run(start: Program, rapl: SyntheticRapl, tmp_path: Path) -> None:
    process = start(
        NESTED,
        before=[sys.executable, "-m", "footprint", "run", "--interval", "0.1", "--name", "around", "--"],
        **rapl.environment,
    )
    assert process.communicate() == ("", "")
    assert process.returncode == 0
    runs = settled_runs()
    assert sorted(run.name for run in runs) == ["around", "inner", "middle", "outer"]
    assert_once(rapl, runs)
