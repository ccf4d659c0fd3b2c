from __future__ import annotations

from pathlib import Path

import pytest

from footprint.errors import LedgerError
from tests.ledger.importers.conftest import brought, joules

HEAD = """2026-11-03 10:00:00 - carbontracker version {version}
2026-11-03 10:00:00 - Only predicted and actual consumptions are multiplied by a PUE coefficient of 1.58.
2026-11-03 10:00:02 - The following components were found: GPU with device(s) {gpus}. CPU with device(s) {cpus}.
2026-11-03 10:00:02 - Monitoring thread started.
"""
EPOCHS = """2026-11-03 10:01:02 - Epoch 1:
2026-11-03 10:01:02 - Duration: 0:01:00.00
2026-11-03 10:01:02 - Average power usage (W) for gpu: {gpu}
2026-11-03 10:01:02 - Average power usage (W) for cpu: {cpu}
2026-11-03 10:03:02 - Epoch 2:
2026-11-03 10:03:02 - Duration: 0:01:00.00
2026-11-03 10:03:02 - Average power usage (W) for gpu: {gpu}
2026-11-03 10:03:02 - Average power usage (W) for cpu: None
2026-11-03 10:03:02 - Monitoring thread ended.
"""


def log(
    tmp_path: Path,
    *,
    version: str = "2.4.7",
    gpus: str = "NVIDIA A100, NVIDIA A100",
    cpus: str = "cpu:0",
    gpu: str = "300.0",
    cpu: str = "50.0",
) -> Path:
    path = tmp_path / "1.2_2026-11-03T100000Z_carbontracker.log"
    path.write_text(HEAD.format(version=version, gpus=gpus, cpus=cpus) + EPOCHS.format(gpu=gpu, cpu=cpu))
    return path


def test_each_measured_epoch_counts_and_what_lies_between_does_not(tmp_path: Path) -> None:
    (run,) = brought(log(tmp_path))
    assert joules(run) == {"accelerators": 2 * 300 * 120, "cpu": 50 * 60}
    assert run.duration_s == 180
    assert [one.read_s for one in run.devices] == [120, 60]
    assert run.devices[0].course == ((0, 0), (60, 36_000), (120, 36_000), (180, 72_000))
    assert run.versions == {"carbontracker": "2.4.7"}


@pytest.mark.parametrize(
    ("version", "gpu", "watts"),
    [
        ("2.4.7", "300.0", 600),  # the mean of the two
        ("1.2.5", "[300.0 200.0]", 500),
        ("1.2.5", "[300.0\n 200.0]", 500),  # as it wraps long lists
    ],
)
def test_all_gpus_count(tmp_path: Path, version: str, gpu: str, watts: float) -> None:
    (run,) = brought(log(tmp_path, version=version, gpu=gpu))
    assert joules(run)["accelerators"] == watts * 120


def test_a_cpu_without_a_sensor_is_an_assumption(tmp_path: Path) -> None:
    (read,) = brought(log(tmp_path, cpus="cpu:0"))
    (assumed,) = brought(log(tmp_path, cpus="AMD EPYC 7763 64-Core Processor"))
    assert (read.devices[1].device.grade, assumed.devices[1].device.grade) == ("power", "assumed")
    assert any("rated power" in warning for warning in assumed.warnings)


def test_a_folder_holds_several_runs(tmp_path: Path) -> None:
    first = log(tmp_path)
    first.rename(tmp_path / "a_carbontracker.log")
    log(tmp_path)
    (tmp_path / "empty_carbontracker.log").write_text(HEAD.format(version="2.4.7", gpus="A", cpus="b"))
    (tmp_path / "a_carbontracker_output.log").write_text("2026-11-03 10:00:00 - CarbonTracker: Predicted consumption\n")
    assert len({run.id for run in brought(tmp_path)}) == 2


def test_predictions_are_no_measurements(tmp_path: Path) -> None:
    path = tmp_path / "a_carbontracker_output.log"
    path.write_text("2026-11-03 10:00:00 - CarbonTracker: \nPredicted consumption for 4 epoch(s):\n\tEnergy:\t0.1 kWh\n")
    with pytest.raises(LedgerError, match="output log"):
        brought(path)


def test_a_log_without_epochs_holds_no_run(tmp_path: Path) -> None:
    path = tmp_path / "a_carbontracker.log"
    path.write_text(HEAD.format(version="2.4.7", gpus="A", cpus="b"))
    with pytest.raises(LedgerError, match="no epoch"):
        brought(path)


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("Duration: 0:01:00.00", "Duration: 0:0", 6, "no duration"),
        ("for gpu: 300.0", "for gpu: -300.0", 7, "below 0"),
        ("for gpu: 300.0", "for gpu: nan", 7, "no number"),
        ("for gpu: 300.0", "for gpu: 300000", 7, "above"),
        ("for gpu: 300.0", "for gpu: [300.0", 7, "torn"),
        ("2026-11-03 10:01:02 - Epoch", "torn", 5, "no line of a log"),
        ("2026-11-03 10:01:02 - Epoch 1:", "2026-11-03 10:01:02 - Epo", 6, "before the first epoch"),
        ("2026-11-03 10:01:02 - Epoch", "2026-13-33 10:01:02 - Epoch", 5, "no time"),
        ("carbontracker version 2.4.7", "carbontracker version unknown", 7, "no version"),
    ],
)
def test_an_impossible_line_is_refused_with_its_number(tmp_path: Path, old: str, new: str, line: int, word: str) -> None:
    path = log(tmp_path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(LedgerError) as caught:
        brought(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert word in str(caught.value)


def test_a_torn_end_is_refused(tmp_path: Path) -> None:
    path = log(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(LedgerError, match="the last line is torn"):
        brought(path)
