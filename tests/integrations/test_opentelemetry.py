"""OpenTelemetry's real SDK, its readers, and its exporter by OTLP over HTTP, to a collector that reads the protobuf."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from footprint.testing import SyntheticRapl, Zone, steady
from tests.faults.conftest import settled_runs
from tests.integrations.conftest import Paste
from tests.integrations.libraries import AGES, Age
from tests.world.programs import Program

pytestmark = pytest.mark.world

TOLD = """
import json
def told(reader):
    data = reader.get_metrics_data()
    found = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for one in scope.metrics:
                kind = type(one.data).__name__ + ("+" if getattr(one.data, "is_monotonic", False) else "")
                points = [[dict(point.attributes), point.value] for point in one.data.data_points]
                found[one.name] = [kind, one.unit, points]
    return found
"""


@pytest.mark.parametrize("age", AGES)
def test_the_lines_of_the_page(age: Age, paste: Paste) -> None:
    done = paste("opentelemetry.md", "opentelemetry", age)
    assert done.returncode == 0, done.stderr
    (run,) = settled_runs()
    assert (run.outcome, run.work) == ("completed", {"requests": 3.0})
    exported = json.loads(done.stdout)
    metrics = {one["name"]: one for one in exported["resource_metrics"][0]["scope_metrics"][0]["metrics"]}
    (work,) = metrics["footprint.work"]["data"]["data_points"]
    assert (work["value"], work["attributes"]["footprint.unit"]) == (3, "requests")
    for name in ("footprint.energy", "footprint.emissions"):
        (point,) = metrics[name]["data"]["data_points"]
        assert point["value"] > 0
        assert metrics[name]["data"]["is_monotonic"] is True


def test_devices_by_the_conventions_for_hardware(program: Program, tmp_path: Path) -> None:
    """A processor of 80 W, two runs beside each other on it, a fork, a provider that is shut down, and one that is set late."""
    with SyntheticRapl(tmp_path / "sys", {"intel-rapl:0": Zone("package-0", steady(80))}) as rapl:
        done = program(
            TOLD
            + """
import logging, os, time, footprint
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from footprint.integrations.opentelemetry import instrument, resource_attributes
reader = InMemoryMetricReader()
provider = MeterProvider([reader])
begun_s = time.monotonic()
with footprint.track("outer", region="aws:eu-west-3", interval_s=0.1) as run:
    first = instrument(run, provider, interval_s=0.2)
    with footprint.track("inner", interval_s=0.1) as inner:
        assert instrument(inner, provider) is first is instrument(run, provider)
        while "hw.power" not in (going := told(reader)) or time.monotonic() < begun_s + 1.5:
            time.sleep(0.05)
    place = resource_attributes(run)
passed_s = time.monotonic() - begun_s
ended = told(reader)
print(json.dumps([passed_s, going, ended, place]), flush=True)
if (pid := os.fork()) == 0:
    print(json.dumps(told(reader)), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
provider.shutdown()
with footprint.track("without"):
    pass
with footprint.track("nowhere") as run:
    early = instrument(run)
    assert instrument(run) is early
metrics.set_meter_provider(MeterProvider([reader := InMemoryMetricReader()]))
with footprint.track("later") as later:
    assert instrument(later) is instrument(later, metrics.get_meter_provider()) is early
print(sorted(point[0]["footprint.run.name"] for point in told(reader)["footprint.energy"][2]))
for wrong in (("no run", provider), (run, "no provider")):
    try:
        instrument(*wrong)
    except footprint.FootprintError as error:
        print(error)
""",
            **rapl.environment,
        )
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert "no MeterProvider of OpenTelemetry is set yet" in line
    first, forked, late, no_run, no_provider = done.stdout.splitlines()
    passed_s, going, ended, place = json.loads(first)
    assert json.loads(forked).keys() <= going.keys()
    assert not any(points for _, _, points in json.loads(forked).values())
    assert late == "['later', 'nowhere']"
    assert no_run.startswith("str is no run")
    assert no_provider == "meter_provider=str is no MeterProvider of OpenTelemetry"
    assert (place["cloud.provider"], place["cloud.region"]) == ("aws", "eu-west-3")
    kind, unit, ((attributes, energy_j),) = ended["hw.energy"]
    assert (kind, unit) == ("Sum+", "J")
    assert (attributes["hw.type"], attributes["hw.id"]) == ("cpu", attributes["hw.id"])
    assert 0.5 * 80 <= energy_j <= 80 * (passed_s + 0.5)  # of two runs, once
    kind, unit, ((_, power_w),) = going["hw.power"]
    assert (kind, unit) == ("Gauge", "W")
    assert power_w == pytest.approx(80, rel=0.3)
    assert not ended.get("hw.power", [0, 0, []])[2]
    assert {point[0]["footprint.run.name"] for point in ended["footprint.energy"][2]} == {"outer", "inner"}
    assert {point[0]["footprint.run.name"] for point in ended["footprint.emissions"][2]} == {"outer"}
    unknown = {(point[0]["footprint.run.name"], point[0]["footprint.unknown"]) for point in ended["footprint.unknown"][2]}
    assert ("inner", "emissions") in unknown
    assert ("outer", "emissions") not in unknown
    assert all(value == 0 for _, value in ended["footprint.running"][2])


class Collector:
    """A collector's address for metrics, which keeps the requests that it is sent."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                requests.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/v1/metrics"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_a_collector_is_sent_otlp(collector: Collector, program: Program) -> None:
    done = program(
        f"""
        import footprint
        from opentelemetry import metrics
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from footprint.integrations.opentelemetry import instrument, resource_attributes
        for address in ({collector.address!r}, "http://127.0.0.1:9/v1/metrics"):
            with footprint.track("serve", kind="inference", zone="FRA") as run:
                resource = Resource.create({{"service.name": "serve", **resource_attributes(run)}})
                reader = PeriodicExportingMetricReader(OTLPMetricExporter(address, timeout=1))
                provider = MeterProvider([reader], resource=resource)
                instrument(run, provider)
                run.count(requests=5)
            provider.shutdown(timeout_millis=1_000)
        print("goes on", run.facts.outcome)
        """
    )
    assert done.stdout == "goes on completed\n", done.stderr
    assert [run.outcome for run in settled_runs()] == ["completed"] * 2
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    sent = ExportMetricsServiceRequest()
    sent.ParseFromString(collector.requests[-1])
    (resource,) = sent.resource_metrics
    attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert attributes["service.name"] == "serve"
    assert attributes["host.name"]
    (scope,) = resource.scope_metrics
    assert scope.scope.name == "footprint"
    metrics = {one.name: one for one in scope.metrics}
    (point,) = metrics["footprint.work"].sum.data_points
    assert point.as_double == 5
    assert metrics["footprint.energy"].sum.is_monotonic
    assert metrics["footprint.energy"].sum.data_points[0].as_double > 0
    assert metrics["footprint.emissions"].unit == "g"
