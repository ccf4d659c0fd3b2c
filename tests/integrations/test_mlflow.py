from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from footprint.ledger.exchange.importing import bring_in
from footprint.ledger.runfile import read_run_file
from tests.faults.conftest import settled_runs
from tests.integrations.conftest import Paste
from tests.integrations.libraries import AGES, Age
from tests.world.programs import ROOT, Program

pytestmark = pytest.mark.world

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


@pytest.mark.parametrize("age", AGES)
def test_the_lines_of_the_page(paste: Paste, age: Age, tmp_path: Path) -> None:
    done = paste("mlflow.md", "mlflow", age, **QUIET)
    assert done.returncode == 0, done.stderr
    (run,) = settled_runs()
    assert (run.outcome, run.warnings) == ("completed", ())
    told = dict(line.split() for line in done.stdout.splitlines())
    assert float(told["footprint/energy_kwh"]) > 0
    assert (
        float(told["footprint/emissions_g_low"])
        < float(told["footprint/emissions_g"])
        < float(told["footprint/emissions_g_high"])
    )
    assert told["footprint/coverage_ratio"] == "1"
    (theirs,) = tmp_path.glob("mlruns/0/*/tags/footprint.run_id")
    assert theirs.read_text() == run.id
    assert theirs.with_name("footprint.place").read_text() == "aws:eu-west-1"
    (file,) = tmp_path.glob("mlruns/0/*/artifacts/footprint/run.json")
    kept = read_run_file(file)
    assert (kept.id, kept.devices) == (run.id, run.devices)


def test_whatever_an_mlflow_run_does_the_program_goes_on(program: Program, tmp_path: Path) -> None:
    done = program(
        """
        import json, time
        import mlflow, footprint
        from footprint.errors import ConfigError
        from footprint.integrations.mlflow import autolog, log_run
        from footprint.integrations.mlflow_context import FootprintContext
        told = {}
        mlflow.set_tracking_uri("file:mlruns")
        assert not FootprintContext().in_context()
        with footprint.track("refused") as run:
            try:
                log_run(run)
            except ConfigError as error:
                told["refused"] = str(error)
        # Ended before ours, the same twice, and another one.
        with footprint.track("first", interval_s=0.1) as first:
            with mlflow.start_run() as theirs:
                following = log_run(first, interval_s=0.2)
                mlflow.log_metric("system/gpu_0_power_usage_watts", 100.0)
                assert log_run(first) is following
                with footprint.track("second", interval_s=0.1) as second:
                    log_run(second)
                deadline = time.monotonic() + 60
                while following.last is None:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
        data = mlflow.get_run(theirs.info.run_id).data
        told |= {"first": first.id, "second": second.id, "metrics": data.metrics, "tags": data.tags, "mlflow": theirs.info.run_id}
        told["warnings"] = first.facts.warnings, second.facts.warnings
        # By itself, the outer run alone; the MLflow run is a nested one.
        autolog(interval_s=0.2)
        with mlflow.start_run(), mlflow.start_run(nested=True) as nested, footprint.track("outer") as outer:
            with footprint.track("inner") as inner:
                pass
        autolog(disable=True)
        with mlflow.start_run() as not_logged, footprint.track("not logged"):
            pass
        told |= {"outer": outer.id, "auto": mlflow.get_run(nested.info.run_id).data.tags}
        told["not"] = list(mlflow.get_run(not_logged.info.run_id).data.metrics)
        # A server that is not there.
        mlflow.set_tracking_uri("http://user:secret@127.0.0.1:9")
        with footprint.track("offline", interval_s=0.1) as run:
            log_run(run, run_id="0" * 32, interval_s=0.2)
            time.sleep(0.7)
        told["offline"] = run.facts.warnings
        print(json.dumps(told))
        """,
        **QUIET,
        PYTHONPATH=plugged_in(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert "call mlflow.start_run() before" in told["refused"]
    assert told["tags"]["footprint.run_id"] == told["first"]
    assert told["tags"]["footprint.place"] == "unknown"
    assert "footprint/energy_kwh_high" in told["metrics"]
    assert not [name for name in told["metrics"] if "emissions" in name]
    assert f"footprint/{told['second']}/energy_kwh" in told["metrics"]
    assert [len(one) for one in told["warnings"]] == [1, 1]
    assert told["auto"]["footprint.run_id"] == told["outer"]
    assert told["not"] == []
    (offline,) = told["offline"]
    assert "MLflow did not take it" in offline
    assert "secret" not in offline + done.stderr
    assert done.stderr.count("did not take it") == 1
    assert len(settled_runs()) == 7
    # The plug-in tags what begins within a tracked run, before anything is logged.
    theirs = tmp_path / "mlruns" / "0" / told["mlflow"]
    assert (theirs / "tags" / "footprint.account").read_text() == told["first"]
    # What the store knows of the GPUs is of work that was measured: read back, it is not counted twice.
    brought = bring_in([str(tmp_path / "mlruns")])
    assert (brought.new, len(brought.measured)) == ((), 1)
    assert len(settled_runs()) == 7


def plugged_in(folder: Path) -> str:
    """A path on which MLflow finds our plug-in as our package, once installed, tells of it."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    info = folder / "path" / "footprint_here-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: footprint-here\nVersion: 1\n")
    (group,) = points
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "\n".join(f"{name} = {home}" for name, home in points[group].items()))
    return f"{info.parent}:{ROOT}"
