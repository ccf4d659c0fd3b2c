from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from footprint.ledger.processes import identify
from footprint.ledger.reading import journal_paths
from footprint.ledger.records import Held, Open, Tick, record_of
from footprint.recorder import client
from footprint.recorder.readings import Readings, moment
from footprint.testing.nvml import SyntheticNvml
from footprint.tracking import track


def records() -> list[object]:
    lines = [line for path in journal_paths() for line in path.read_bytes().splitlines()]
    return [record_of(line) for line in lines]


def test_the_clocks_are_read_at_one_moment() -> None:
    before_s, wall_s = time.monotonic(), time.time()
    t_s, boot_s, there_s = moment()
    assert boot_s is not None
    assert before_s <= t_s <= time.monotonic()
    assert boot_s >= t_s  # it also counts what was slept through
    assert there_s - wall_s == pytest.approx(t_s - before_s, abs=0.05)


def test_every_reading_carries_all_clocks_and_a_young_run_is_read_often() -> None:
    with track("x"):
        time.sleep(1.0)
    client.close_idle()
    ticks = [record for record in records() if isinstance(record, Tick)]
    (opened,) = [record for record in records() if isinstance(record, Open)]
    offsets = {round(tick.boot_s - tick.t_s, 2) for tick in ticks if tick.boot_s is not None}
    assert len(offsets) <= 2  # one, or two neighbours
    assert all(tick.wall_s is not None and tick.wall_s > 1.7e9 for tick in ticks)
    assert opened.boot_s is not None
    assert len(ticks) >= 4  # the start, the end, and some of the half dozen between that a loaded machine leaves
    assert ticks[1].t_s - ticks[0].t_s < 0.9


def test_a_stated_interval_below_that_is_kept() -> None:
    with track("x", interval_s=0.05):
        time.sleep(1.0)
    client.close_idle()
    ticks = [record for record in records() if isinstance(record, Tick)]
    assert min(after.t_s - before.t_s for before, after in itertools.pairwise(ticks)) < 0.09


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One GPU; the folder in which a file says who holds it."""
    faults = tmp_path / "faults"
    faults.mkdir()
    stub = SyntheticNvml(tmp_path / "nvml", controls={"STUB_FAULTS": str(faults)})
    for name, value in stub.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return faults


def test_who_holds_a_gpu_is_recorded(gpu: Path) -> None:
    (gpu / "compute").write_text(f"0:{os.getpid()},0:1")
    with track("held"):
        time.sleep(0.3)
        (gpu / "compute").write_text("0:1")
        time.sleep(0.5)
    client.close_idle()
    held = [record for record in records() if isinstance(record, Held)]
    assert (held[0].ours, held[0].others) == (True, 1)
    assert (held[-1].ours, held[-1].others) == (False, 1)
    assert {record.device_id.split(":")[0] for record in held} == {"gpu"}


def test_a_run_of_next_to_nothing_has_seen_who_holds_the_gpu(gpu: Path) -> None:
    (gpu / "compute").write_text(f"0:{os.getpid()}")
    for name in ("first", "second", "third"):
        with track(name):
            pass
    client.close_idle()
    opened = {record.run for record in records() if isinstance(record, Open)}
    assert {run for record in records() if isinstance(record, Held) and record.ours for run in record.runs} == opened


def test_what_fails_is_counted_and_costs_nothing_else() -> None:
    readings = Readings(identify(os.getpid()), attached=False, in_thread=True)
    try:
        assert readings.tick(("r",), whole=True).tree_s is not None
        assert readings.failed == 0
        assert readings._try(lambda: 1 / 0) is None
        assert readings.failed == 1
        assert readings.reserved_cpus() == pytest.approx(readings.reserved_cpus())
        assert readings.held({}) == ()
    finally:
        readings.close()


@pytest.mark.parametrize("attached", [False, True])
def test_of_a_program_that_has_ended_already_nothing_is_said_that_is_not_so(attached: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        ended = identify(child.pid)
    before = Readings(identify(os.getpid()), attached=False, in_thread=True)
    after = Readings(ended, attached=attached, in_thread=True)
    try:
        assert after.warnings() == before.warnings()
        assert after.tick(("r",), whole=True).tree_s is None
    finally:
        before.close()
        after.close()


def test_a_lent_notebooks_ledger_is_warned_of_unless_the_run_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On Colab, by its variable, with the ledger in memory, as `/dev/shm` is everywhere."""
    shared = Path("/dev/shm")
    if "tmpfs" not in [
        line.split()[2] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[1] == "/dev/shm"
    ]:
        pytest.skip("/dev/shm is no memory here")
    ledger = shared / f"footprint-test-{os.getpid()}-{tmp_path.name}"
    monkeypatch.setenv("FOOTPRINT_HOME", str(ledger))
    monkeypatch.delenv("FOOTPRINT_EPHEMERAL")
    try:
        with track("a plain machine's") as plain:
            pass
        client.close_idle()
        monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")
        with track("lost") as lost:
            pass
        with track("kept", record=tmp_path / "run.json") as kept:
            pass
        client.close_idle()
        monkeypatch.setenv("FOOTPRINT_EPHEMERAL", "1")
        with track("known") as known:
            pass
        client.close_idle()
        said = [any("will vanish" in warning for warning in run.facts.warnings) for run in (plain, lost, kept, known)]
        assert said == [plain.facts.host.container is not None, True, False, False]
    finally:
        shutil.rmtree(ledger)
