from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from footprint.errors import ConfigError, LedgerError
from footprint.ledger.importers import promql
from tests.ledger.importers.conftest import brought

BEGIN_S = 1_762_160_400
WINDOW = {"start": "2025-11-03T09:00:00+00:00", "end": "2025-11-03T10:00:00+00:00"}
Sample = tuple[float, float]
Series = tuple[dict[str, str], list[Sample]]


class Api:
    """Prometheus' HTTP API as far as it is asked: range selectors at a time."""

    def __init__(self) -> None:
        self.metrics: dict[str, list[Series]] = {}
        self.asked: list[dict[str, str]] = []
        self.answer: Callable[[], tuple[int, bytes]] | None = None

    def respond(self, query: dict[str, str]) -> tuple[int, bytes]:
        self.asked.append(query)
        if self.answer is not None:
            return self.answer()
        selector, _, length = query["query"].rpartition("[")
        metric = selector.partition("{")[0]
        until_s, length_s = float(query["time"]), float(length[:-2])
        result: list[dict[str, Any]] = [
            {"metric": labels | {"__name__": metric}, "values": values}
            for labels, samples in self.metrics.get(metric, [])
            if (values := [[t_s, str(value)] for t_s, value in samples if until_s - length_s <= t_s <= until_s])
        ]
        return 200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


@pytest.fixture
def api() -> Iterator[tuple[Api, str]]:
    found = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            code, answer = found.respond(dict(urllib.parse.parse_qsl(body)))
            self.send_response(code)
            if code in {301, 302, 307}:
                self.send_header("Location", answer.decode())
                answer = b""
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield found, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def steadily(watts: float, *, scale: float = 1.0, step_s: int = 30, length_s: int = 3600) -> list[Sample]:
    return [(BEGIN_S + t_s, 7e6 + t_s * watts * scale) for t_s in range(0, length_s + 1, step_s)]


def gpu(uuid: str, **labels: str) -> dict[str, str]:
    return {
        "UUID": uuid,
        "gpu": "0",
        "Hostname": "node1",
        "modelName": "NVIDIA H100 80GB HBM3",
        "instance": "10.0.0.1:9400",
        **labels,
    }


def test_dcgms_counters_are_millijoules(api: tuple[Api, str]) -> None:
    known, address = api
    known.metrics["DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"] = [(gpu("GPU-1"), steadily(300, scale=1000))]
    known.metrics["DCGM_FI_DEV_POWER_USAGE"] = [
        (gpu("GPU-1"), [(BEGIN_S, 300.0)]),
        (gpu("GPU-2"), [(t, 100.0) for t, _ in steadily(1)]),
    ]
    (run,) = brought(address, source="dcgm", **WINDOW)
    assert {one.device.id: one.energy_j for one in run.devices} == {"gpu:GPU-1": 300 * 3600, "gpu:GPU-2": 100 * 3600}
    assert [one.device.grade for one in run.devices] == ["counter", "power"]
    assert (run.host.name, run.duration_s) == ("node1", 3600)
    assert run.labels["recorder"] == "node"


def test_pods_and_slices_that_repeat_a_gpu_are_one(api: tuple[Api, str]) -> None:
    known, address = api
    samples = steadily(300, scale=1000)
    known.metrics["DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"] = [
        (gpu("GPU-1", pod="a"), samples[:60]),
        (gpu("GPU-1", pod="b"), samples[60:]),
        (gpu("GPU-1", GPU_I_ID="3"), samples),
    ]
    (run,) = brought(address, source="dcgm", **WINDOW)
    assert [one.energy_j for one in run.devices] == [300 * 3600]


def test_blanks_and_what_is_no_number_are_no_readings(api: tuple[Api, str]) -> None:
    known, address = api
    samples = [(t_s, float(0x7FFFFFFFFFFFFFF0) if t_s == BEGIN_S + 60 else value) for t_s, value in steadily(300, scale=1000)]
    known.metrics["DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"] = [(gpu("GPU-1"), [*samples, (BEGIN_S + 90, float("nan"))])]
    (run,) = brought(address, source="dcgm", **WINDOW)
    assert run.devices[0].energy_j == 300 * 3600


def test_a_reset_and_a_gap_are_marked(api: tuple[Api, str]) -> None:
    known, address = api
    whole = steadily(300, scale=1000)
    known.metrics["DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"] = [
        (gpu("GPU-1"), [(t_s, value - 7e6 - 300 * 1800 * 1000 if t_s > BEGIN_S + 1800 else value) for t_s, value in whole])
    ]
    known.metrics["DCGM_FI_DEV_POWER_USAGE"] = [(gpu("GPU-2"), [(t, 100.0) for t, _ in whole if not 600 < t - BEGIN_S < 1200])]
    (run,) = brought(address, source="dcgm", **WINDOW)
    assert [one.energy_j for one in run.devices] == [300 * 3570, 100 * 3000]
    assert [one.gaps for one in run.devices] == [1, 1]
    assert any("600 of 3600 s" in warning for warning in run.warnings)


def test_a_long_time_is_asked_for_in_pieces_below_the_limit(api: tuple[Api, str]) -> None:
    known, address = api
    known.metrics["DCGM_FI_DEV_POWER_USAGE"] = [(gpu("GPU-1"), [(t, 100.0) for t, _ in steadily(1, length_s=10 * 3600)])]
    window = WINDOW | {"end": "2025-11-03T19:00:00+00:00"}
    (run,) = brought(address, query='DCGM_FI_DEV_POWER_USAGE{Hostname="node1"}', **window)
    assert run.devices[0].energy_j == 100 * 36_000
    assert len(known.asked) == 4
    assert all(int(one["query"].rpartition("[")[2][:-2]) <= promql.CHUNK_S < 11_000 for one in known.asked)
    assert all('{Hostname="node1"}[' in one["query"] for one in known.asked)


def test_keplers_nodes_count_zones_that_do_not_contain_each_other(api: tuple[Api, str]) -> None:
    known, address = api
    node = {"instance": "node1", "source": "intel_rapl"}
    known.metrics["kepler_node_package_joules_total"] = [
        (node | {"mode": "idle", "package": "0"}, steadily(20)),
        (node | {"mode": "dynamic", "package": "0"}, steadily(30)),
    ]
    known.metrics["kepler_node_dram_joules_total"] = [(node | {"mode": "dynamic"}, steadily(5))]
    known.metrics["kepler_node_cpu_joules_total"] = [
        ({"node_name": "node2", "zone": "package", "path": "/sys/class/powercap/intel-rapl:0"}, steadily(40)),
        ({"node_name": "node2", "zone": "core"}, steadily(35)),
    ]
    first, second = brought(address, source="kepler", **WINDOW)
    assert sum(one.energy_j or 0 for one in first.devices if one.device.component == "cpu") == 50 * 3600
    assert [one.energy_j for one in second.devices] == [40 * 3600]
    assert {one.device.meter for one in (*first.devices, *second.devices)} == {"rapl"}


def test_what_is_a_containers_is_a_model_of_its_own(api: tuple[Api, str]) -> None:
    known, address = api
    labels = {"container_namespace": "ml", "pod_name": "train-0", "container_name": "main", "mode": "dynamic"}
    known.metrics["kepler_container_package_joules_total"] = [(labels, steadily(12))]
    (run,) = brought(address, query='kepler_container_package_joules_total{pod_name="train-0"}', **WINDOW)
    assert run.name == "ml/train-0/main"
    assert "recorder" not in run.labels
    assert [(one.energy_j, one.device.grade, one.held_ratio) for one in run.devices] == [(12 * 3600, "model", 1.0)]


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"source": "dcgm"},
        {"source": "dcgm", "start": "2025-11-03", "end": "2025-11-02"},
        {"source": "dcgm", "start": "soon", "end": "later"},
        {"source": "nvidia", **WINDOW},
        {"query": "sum(DCGM_FI_DEV_POWER_USAGE)", **WINDOW},
        {"query": "DCGM_FI_DEV_POWER_USAGE[5m]", **WINDOW},
        {"query": "node_cpu_seconds_total", **WINDOW},
        {"query": 'DCGM_FI_DEV_POWER_USAGE{a="b"}) or vector(1', **WINDOW},
        dict(WINDOW),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anybody_is_asked(api: tuple[Api, str], stated: dict[str, str]) -> None:
    known, address = api
    with pytest.raises(ConfigError):
        brought(address, **stated)
    assert known.asked == []


@pytest.mark.parametrize(
    ("code", "answer", "word"),
    [
        (400, b'{"status":"error","error":"too many\\nsamples"}', "HTTP 400: too many samples"),
        (200, b"<html>", "not Prometheus"),
        (200, b'{"status":"success","data":{"resultType":"vector","result":[]}}', "no samples but vector"),
        (
            200,
            b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{}, "values":[[1,"x"]]}]}}',
            "cannot be read",
        ),
        (200, b'{"status":"success","data":{"resultType":"matrix","result":[7]}}', "cannot be read"),
        (200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}', "has no samples"),
        (200, b"[" * 100_000, "not Prometheus"),
        (302, b"http://127.0.0.1:9/elsewhere", "HTTP 302"),
    ],
)
def test_an_answer_that_is_none_is_refused_in_one_line(api: tuple[Api, str], code: int, answer: bytes, word: str) -> None:
    known, address = api
    known.answer = lambda: (code, answer)
    with pytest.raises(LedgerError) as caught:
        brought(address, source="dcgm", **WINDOW)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nobody_there_and_no_address_are_said_so() -> None:
    with pytest.raises(LedgerError, match="does not answer"):
        brought("http://user:secret@127.0.0.1:9", source="dcgm", **WINDOW)
    with pytest.raises(LedgerError, match="no address"):
        brought("http://", source="dcgm", **WINDOW)
    with pytest.raises(LedgerError, match="no number"):
        brought("http://a:b:c", source="dcgm", **WINDOW)


def test_a_password_in_the_address_is_never_shown() -> None:
    with pytest.raises(LedgerError) as caught:
        brought("http://user:secret@127.0.0.1:9", source="dcgm", **WINDOW)
    assert "secret" not in str(caught.value)
