"""Importers on what the real tools write, each run here."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.importers.conftest import brought, joules
from tests.ledger.importers.test_wandb import framed
from tests.world.packages import install, without
from tests.world.programs import Program

pytestmark = pytest.mark.world


def test_carbontrackers_epochs(program: Program, tmp_path: Path) -> None:
    done = program("""
        import time
        from carbontracker.tracker import CarbonTracker
        tracker = CarbonTracker(
            epochs=3, epochs_before_pred=1, monitor_epochs=2, log_dir="logs", ignore_errors=True,
            sim_cpu="AMD EPYC 7763", sim_cpu_tdp=280.0, sim_cpu_util=0.5,
            sim_gpu="NVIDIA A100", sim_gpu_watts=300.0, sim_gpu_util=0.5,
        )
        for _ in range(3):
            tracker.epoch_start()
            time.sleep(1.2)
            tracker.epoch_end()
        tracker.stop()
    """)
    assert done.returncode == 0, done.stderr
    (run,) = brought(tmp_path / "logs", timezone="UTC")
    assert run.labels["epochs"] == "2"  # the third is predicted, and not measured
    read_s = run.devices[0].read_s
    assert read_s == pytest.approx(2.4, abs=0.4)
    assert joules(run) == pytest.approx({"accelerators": 150 * read_s, "cpu": 140 * read_s})
    assert run.versions["carbontracker"].startswith("2.")


def test_mlflows_system_metrics(program: Program, tmp_path: Path) -> None:
    done = program(
        """
        import os, time, mlflow
        mlflow.set_tracking_uri("file:" + os.path.abspath("mlruns"))
        mlflow.set_experiment("vision")
        mlflow.set_system_metrics_sampling_interval(1)
        with mlflow.start_run(run_name="fit", log_system_metrics=True) as run:
            time.sleep(4)
            client, begun = mlflow.MlflowClient(), run.info.start_time
            for step in range(4):  # as its monitor of GPUs logs them
                client.log_metric(run.info.run_id, "system/gpu_0_power_usage_watts", 250.0, begun + 1000 * step, step)
        with mlflow.start_run(run_name="without"):
            pass
        """,
        MLFLOW_ALLOW_FILE_STORE="true",
    )
    assert done.returncode == 0, done.stderr
    (run,) = brought(tmp_path / "mlruns")
    assert (run.name, run.labels["project"], run.outcome) == ("fit", "vision", "completed")
    assert joules(run) == {"accelerators": 750}
    assert float(run.labels["cpu_utilisation_percent"]) >= 0
    assert any("readings are missing" in warning for warning in run.warnings)


def test_weights_and_biases_offline_runs(program: Program, tmp_path: Path) -> None:
    done = program(
        """
        import time, wandb
        run = wandb.init(project="proj", name="nice", mode="offline", settings=wandb.Settings(x_stats_sampling_interval=1.0))
        time.sleep(2)
        run.finish()
        # What it writes beside a GPU, by its own messages.
        from wandb.proto.wandb_internal_pb2 import Record
        with open("gpu", "wb") as file:
            for second in range(3):
                record = Record()
                record.stats.timestamp.GetCurrentTime()
                record.stats.timestamp.seconds += second - 3
                item = record.stats.item.add()
                item.key, item.value_json = "gpu.0.powerWatts", "100"
                data = record.SerializeToString()
                file.write(len(data).to_bytes(4, "little") + data)
        """,
        WANDB_SILENT="true",
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    (run,) = brought(folder)
    assert (run.name, run.labels["project"], run.outcome, run.devices) == ("nice", "proj", "completed", ())
    assert run.host.name == socket.gethostname()
    assert run.host.logical_cpus == os.cpu_count()
    assert run.versions["wandb"] != "unknown"
    (file,) = folder.glob("*.wandb")
    readings, data = [], (tmp_path / "gpu").read_bytes()
    while data:
        length = int.from_bytes(data[:4], "little")
        readings.append(data[4 : 4 + length])
        data = data[4 + length :]
    file.write_bytes(file.read_bytes() + framed(readings)[7:])
    (other,) = brought(folder)
    assert other.id == run.id
    assert joules(other)["accelerators"] == pytest.approx(200, abs=100)  # as far as it lies in the run


class Exporter:
    """A GPU of 300 W whose counter falls once, as dcgm-exporter tells it."""

    def __init__(self) -> None:
        self.begun_s = time.monotonic()
        self.reset_mj = 0.0
        self.silent = False
        self.asked = threading.Event()
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = exporter.text().encode()
                exporter.asked.set()
                self.send_response(500 if exporter.silent else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def text(self) -> str:
        labels = 'gpu="0",UUID="GPU-1",modelName="NVIDIA H100 80GB HBM3",Hostname="node1"'
        energy_mj = (time.monotonic() - self.begun_s) * 300_000 - self.reset_mj
        counter = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
        return (
            f"# TYPE {counter} counter\n{counter}{{{labels}}} {energy_mj:.0f}\n"
            f"# TYPE DCGM_FI_DEV_POWER_USAGE gauge\nDCGM_FI_DEV_POWER_USAGE{{{labels}}} 300\n"
        )


def _prometheus() -> str:
    """Debian's, installed where it is missing and that is possible."""
    if not install(lambda: shutil.which("prometheus") is None, "prometheus"):
        without("Prometheus", "prometheus")
    return str(shutil.which("prometheus"))


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[tuple[Exporter, str]]:
    program = _prometheus()
    exporter = Exporter()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 500ms, scrape_timeout: 400ms}\nscrape_configs:\n- job_name: dcgm\n  static_configs:\n"
        f"  - targets: ['127.0.0.1:{exporter.server.server_port}']\n"
    )
    address = f"127.0.0.1:{port}"
    options = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}", f"--web.listen-address={address}"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([program, *options], stdout=log, stderr=log)
    try:
        until_s = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://{address}/-/ready", timeout=2):
                    break
            except OSError:
                assert server.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < until_s, "no prometheus within a minute"
                time.sleep(0.1)
        yield exporter, f"http://{address}"
    finally:
        server.terminate()
        server.wait(30)
        exporter.server.shutdown()
        exporter.server.server_close()


def test_a_real_prometheus_and_its_gpu(prometheus: tuple[Exporter, str]) -> None:
    exporter, address = prometheus
    print(subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0])
    assert exporter.asked.wait(60)  # it looks for its targets each five seconds
    begin = datetime.now(UTC)
    time.sleep(5)
    exporter.silent = True
    time.sleep(4)
    exporter.silent = False
    exporter.reset_mj = (time.monotonic() - exporter.begun_s) * 300_000
    time.sleep(5)
    window = {"start": begin.isoformat(), "end": datetime.now(UTC).isoformat()}
    (counted,) = brought(address, source="dcgm", **window)
    (powered,) = brought(address, query='DCGM_FI_DEV_POWER_USAGE{Hostname="node1"}', **window)
    for run in (counted, powered):
        (one,) = run.devices
        assert one.device.id == "gpu:GPU-1"
        assert one.gaps == 1
        assert 7 < one.read_s < 11  # neither the silence nor the reset within it counts
        assert one.energy_j == pytest.approx(300 * one.read_s, rel=0.15)
    assert [run.devices[0].device.grade for run in (counted, powered)] == ["counter", "power"]
    assert brought(address, source="dcgm", **window) == [counted]
