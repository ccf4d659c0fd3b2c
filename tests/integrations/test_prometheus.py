"""Prometheus itself scrapes what `footprint metrics` serves; its client library exposes what a program's own runs are."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from footprint.errors import ConfigError
from footprint.ledger import home
from footprint.ledger.importers.prometheus import read
from footprint.model import Place
from tests.faults.conftest import settled_runs, wait_for
from tests.integrations.conftest import PAGES, Paste
from tests.integrations.libraries import AGES, Age
from tests.ledger.archive.examples import put
from tests.ledger.conftest import whole_run
from tests.world.packages import install, without
from tests.world.programs import ROOT, Program

pytestmark = pytest.mark.world

FLEET = ROOT / "docs" / "fleet"
ENERGY = "footprint_energy_joules_total"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


@pytest.mark.parametrize("age", AGES)
def test_the_lines_of_the_page(age: Age, paste: Paste) -> None:
    done = paste("prometheus.md", "prometheus", age)
    assert done.returncode == 0, done.stderr
    (run,) = settled_runs()
    assert (run.outcome, run.work) == ("completed", {"requests": 3.0})
    told = dict(re.findall(r"^(footprint_run_[a-z_]+)\{[^}]*\} (\S+)$", done.stdout, re.MULTILINE))
    assert float(told["footprint_run_energy_joules_total"]) > 0
    assert float(told["footprint_run_emissions_grams_total"]) > 0
    assert float(told["footprint_run_work_total"]) == 3
    assert float(told["footprint_run_running"]) == 0
    assert 'footprint_run_unknown{account="",kind="inference",name="serve",what="emissions"}' not in done.stdout


def test_a_programs_own_runs(program: Program) -> None:
    done = program(
        """
        import os, sys, footprint
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.parser import text_string_to_metric_families
        from footprint.integrations.prometheus import FootprintCollector
        try:
            FootprintCollector("no run")
        except footprint.FootprintError as error:
            print(error)
        registry, collector = CollectorRegistry(auto_describe=True), FootprintCollector(interval_s=0.2)
        registry.register(collector)
        try:
            registry.register(FootprintCollector())
        except ValueError as error:
            print("refused", str(error)[:10])
        for number in range(2):
            with footprint.track('a"\\n', kind="inference") as run:
                collector.add(run)
                collector.add(run)
                run.count(tokens=2)
        import socket
        from footprint.integrations.prometheus import MetricsServer
        socket.getfqdn = None  # which asks name servers
        assert MetricsServer("127.0.0.1", 0, list).port
        text = generate_latest(registry).decode()
        found = {s.name: s for f in text_string_to_metric_families(text) for s in f.samples}
        print(found["footprint_run_work_total"].value, found["footprint_run_work_total"].labels)
        whats = {s.labels["what"] for f in text_string_to_metric_families(text) for s in f.samples if "what" in s.labels}
        print("emissions" in whats, "footprint_run_emissions_grams_total" in found)
        sys.stdout.flush()
        if (pid := os.fork()) == 0:
            print(repr(generate_latest(registry).decode()), flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        """
    )
    assert done.stderr == ""
    no_run, refused, work, unknown, forked = done.stdout.splitlines()
    assert no_run.startswith("str is no run")
    assert refused == "refused Duplicated"
    assert work == "4.0 {'account': '', 'kind': 'inference', 'name': 'a\"', 'unit': 'tokens'}"
    assert unknown == "True False"
    assert forked == "''"


# -- The ledger, over HTTP ---------------------------------------------------------------------------------------------


def a_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def serving(port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "footprint", "metrics", "--serve", str(port), "--every", "1", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == f"footprint: metrics at http://127.0.0.1:{port}/metrics\n"
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, process.stderr.read()


def asked(address: str, **query: str) -> Any:
    with urllib.request.urlopen(f"{address}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
        return json.load(answer)["data"]


def scraped(port: int, accept: str = "") -> tuple[str, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """A port that Prometheus scrapes twice a second, and Prometheus' own address. Its configuration is that of the page."""
    if not install(lambda: shutil.which("prometheus") is None, "prometheus"):
        without("Prometheus", "prometheus")
    target, port = a_free_port(), a_free_port()
    block = re.search(r"^```yaml\n(.*?)^```", (PAGES / "prometheus.md").read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    shutil.copy(FLEET / "alerts.yml", tmp_path)
    config = tmp_path / "prometheus.yml"
    config.write_text(
        block[1].replace("127.0.0.1:9105", f"127.0.0.1:{target}").replace("30s", "500ms\n    scrape_timeout: 400ms")
    )
    for what in ("config", "rules"):
        file = config if what == "config" else tmp_path / "alerts.yml"
        done = subprocess.run(["promtool", "check", what, str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    options = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(["prometheus", *options], stdout=log, stderr=log)

    def is_ready() -> bool:
        assert server.poll() is None, (tmp_path / "log").read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2):
            return True
        return False

    try:
        wait_for(is_ready, "prometheus is ready")
        yield target, f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def test_a_real_prometheus_sees_counters_that_only_grow(prometheus: tuple[int, str]) -> None:
    port, address = prometheus
    api = f"{address}/api/v1/query"

    def last(query: str) -> float | None:
        found = asked(api, query=query)["result"]
        return float(found[0]["value"][1]) if found else None

    put(home(), whole_run("a", place=Place(zone="FRA"), labels={"project": 'p"\\'}))
    with serving(port):
        wait_for(lambda: last(ENERGY) is not None, "prometheus scrapes")
        first_j = last(ENERGY) or 0.0
        kind, text = scraped(port)
        assert kind.startswith("text/plain; version=")
        check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert (check.returncode, check.stdout, check.stderr) == (0, "", "")
        kind, text = scraped(port, OPEN_METRICS)
        assert kind.startswith("application/openmetrics-text")
        assert text.endswith("# EOF\n")
        exposed = set(re.findall(r"^# TYPE (\S+)", scraped(port)[1], re.MULTILINE))
        expressions = [
            one["expr"] for panel in json.loads((FLEET / "grafana.json").read_text())["panels"] for one in panel["targets"]
        ]
        rules = asked(f"{address}/api/v1/rules")["groups"][0]["rules"]
        assert len(expressions) > 10
        assert len(rules) == 4
        for expression in (*expressions, *(rule["query"] for rule in rules)):
            assert set(re.findall(r"footprint_[a-z_]+", expression)) <= exposed | {"footprint_running_read_ratio"}, expression
            asked(api, query=expression.replace("$__rate_interval", "5m").replace("$project", ".*").replace("$kind", ".*"))
        again = subprocess.run(
            [sys.executable, "-m", "footprint", "metrics", "--serve", str(port)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert again.returncode == 2
        assert again.stderr.startswith(f"footprint: --serve: cannot listen at 127.0.0.1 port {port}: Address already in use")
    (home() / "runs").rename(home() / "runs-away")  # the disk is late when the exporter starts again
    put(home(), whole_run("b", start_s=500.0, place=Place(zone="FRA"), labels={"project": 'p"\\'}))
    with serving(port):
        time.sleep(1)
        (home() / "runs").rename(home() / "runs-b")
        (home() / "runs-away").rename(home() / "runs")
        for file in (home() / "runs-b").rglob("*.jsonl"):
            shutil.copy(file, next((home() / "runs").rglob("*.jsonl")).parent)
        wait_for(lambda: (last(ENERGY) or 0.0) > 1.5 * first_j, "the second run is told")
        samples = asked(api, query=f"{ENERGY}[5m]")["result"]
        assert len(samples) == 1
        values = [float(value) for _, value in samples[0]["values"]]
        assert values == sorted(values)
        assert last(f"resets({ENERGY}[5m])") == 0
        assert last(f"sum({ENERGY})") == pytest.approx(last("sum(footprint_ledger_energy_joules)"))
        assert last("sum(footprint_ledger_runs)") == 2
    with pytest.raises(ConfigError, match="is a sum that `footprint metrics` tells of a ledger"):
        read(address, {"query": ENERGY, "start": "2026-11-03T10:00:00+00:00", "end": "2026-11-03T11:00:00+00:00"})
