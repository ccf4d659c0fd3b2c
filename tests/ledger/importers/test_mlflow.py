from __future__ import annotations

from pathlib import Path

import pytest

from footprint.derive import run_footprint
from footprint.errors import LedgerError
from footprint.ledger.exchange.registry import read_source
from tests.ledger.importers.conftest import brought, joules

BEGIN_MS = 1_762_160_400_000


def store(tmp_path: Path, **metrics: list[float]) -> Path:
    """A file store with one run; of each metric a value each ten seconds."""
    run = tmp_path / "mlruns" / "123" / "abc"
    system = run / "metrics" / "system"
    system.mkdir(parents=True)
    (run / "tags").mkdir()
    (run / "tags" / "mlflow.user").write_text("ada")
    (run.parent / "meta.yaml").write_text("experiment_id: '123'\nname: vision\n")
    (run / "meta.yaml").write_text(
        f"run_id: abc\nrun_name: r1\nstart_time: {BEGIN_MS}\nend_time: {BEGIN_MS + 60_000}\nstatus: 3\nlifecycle_stage: active\n"
    )
    for name, values in metrics.items():
        lines = [f"{BEGIN_MS + 10_000 * step} {value} {step}" for step, value in enumerate(values)]
        (system / name).write_text("\n".join(lines) + "\n")
    return tmp_path / "mlruns"


def test_power_of_each_gpu_is_integrated(tmp_path: Path) -> None:
    path = store(
        tmp_path,
        gpu_0_power_usage_watts=[100.0] * 7,
        gpu_1_power_usage_watts=[50.0] * 7,
        gpu_0_power_usage_percentage=[33.0] * 7,
        cpu_utilization_percentage=[50.0, 100.0],
    )
    (run,) = brought(path)
    assert [one.energy_j for one in run.devices] == [6000, 3000]
    assert (run.name, run.outcome, run.duration_s) == ("r1", "completed", 60)
    assert run.labels == {"user": "ada", "project": "vision", "mlflow_run_id": "abc", "cpu_utilisation_percent": "75"}
    footprint = run_footprint(run)
    assert footprint.accelerator_energy_kwh is not None
    assert footprint.accelerator_energy_kwh.central == pytest.approx(9000 / 3.6e6, rel=0.01)
    it = footprint.it_energy_kwh
    assert it is not None  # nobody knows what the CPU drew: it is taken by the overhead of a host
    assert it.low > footprint.accelerator_energy_kwh.central
    assert {one.component: one.grade for one in footprint.coverage} == {
        "accelerators": "model",
        "rest": "assumed",
    }  # who held them is unknown


def test_a_run_or_an_experiment_may_be_named_alone(tmp_path: Path) -> None:
    path = store(tmp_path, gpu_0_power_usage_watts=[100.0] * 7)
    assert brought(path) == brought(path / "123") == brought(path / "123" / "abc")


def test_without_power_nothing_is_invented(tmp_path: Path) -> None:
    (run,) = brought(store(tmp_path, cpu_utilization_percentage=[50.0]))
    assert joules(run) == {}
    assert run_footprint(run).energy_kwh is None
    assert any("no readings of power" in warning for warning in run.warnings)


def test_runs_without_system_metrics_are_left_out_and_counted(tmp_path: Path) -> None:
    path = store(tmp_path, gpu_0_power_usage_watts=[100.0] * 7)
    other = path / "123" / "def"
    (other / "tags").mkdir(parents=True)
    (other / "meta.yaml").write_text("run_id: def\nstart_time: 1\n")
    _, incoming = read_source(str(path))
    assert len(incoming.runs) == 1
    assert incoming.notes == ("1 runs without system metrics were left out",)


def test_a_run_that_nobody_closed_ends_with_its_last_reading(tmp_path: Path) -> None:
    path = store(tmp_path, gpu_0_power_usage_watts=[100.0] * 4)
    (path / "123" / "abc" / "meta.yaml").write_text(f"run_id: abc\nstart_time: {BEGIN_MS}\nend_time: null\nstatus: 1\n")
    (run,) = brought(path)
    assert (run.duration_s, run.outcome) == (30, "unknown")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("1762160400000 1", "the line is torn"),
        ("1762160400000 -5 1", "below 0"),
        ("1762160400000 nan 1", "no number"),
        ("1762160400000 90000 1", "above 5000"),
        ("x 1 1", "no number"),
    ],
)
def test_an_impossible_line_is_refused_with_its_number(tmp_path: Path, line: str, word: str) -> None:
    path = store(tmp_path, gpu_0_power_usage_watts=[100.0])
    file = path / "123" / "abc" / "metrics" / "system" / "gpu_0_power_usage_watts"
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(LedgerError) as caught:
        brought(path)
    assert str(caught.value).startswith(f"{file}:2: ")
    assert word in str(caught.value)


@pytest.mark.parametrize(
    "meta",
    [
        "a: [",
        "- 1",
        "start_time: soon",
        "run_id: x",
        "start_time: -5",
        "start_time: 1" + "0" * 40,
        "a: &a [*a]\n",
        "x" * 100_000,
        "\x00",
    ],
)
def test_impossible_metadata_is_refused(tmp_path: Path, meta: str) -> None:
    path = store(tmp_path, gpu_0_power_usage_watts=[100.0])
    (path / "123" / "abc" / "meta.yaml").write_text(meta)
    with pytest.raises(LedgerError):
        brought(path)
