"""`footprint node`, as a service manager starts and ends it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from footprint.ledger import read_runs
from footprint.ledger.reading import journal_paths
from tests.faults.conftest import Clocks, clocks, clocks_library, recorders, settled_runs, wait_for

__all__ = ["clocks", "clocks_library"]

pytestmark = pytest.mark.slow
DAY_S = 86_400
Node = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def node() -> Iterator[Node]:
    started: list[subprocess.Popen[str]] = []

    def start(*options: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "footprint", "node", "--interval", "0.1", *options]
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_records_the_machine_until_it_is_asked_to_end(node: Node, number: signal.Signals) -> None:
    process = node("--label", "team=ops", "--label", "recorder=mine")
    wait_for(lambda: any(run.duration_s > 0.3 for run in read_runs().runs), "a run begins")
    process.send_signal(number)
    assert process.wait(20) == 0
    (run,) = settled_runs()
    host = socket.gethostname()
    assert (run.name, run.kind, run.outcome, run.account) == ("node", "other", "completed", f"node:{host}")
    assert run.labels == {"team": "ops", "recorder": "node", "node": host}
    assert run.is_background
    assert run.cpu is not None


def test_a_day_is_a_run_and_a_journal(node: Node, clocks: Clocks) -> None:
    """At midnight in UTC one run ends and the next begins, in a journal of its own."""
    clocks.set_wall_clock(DAY_S - time.time() % DAY_S - 4)
    process = node(**clocks.environment)
    wait_for(lambda: len([run for run in read_runs().runs if run.duration_s > 0.2]) == 2, "the next day begins")
    process.terminate()
    assert process.wait(20) == 0
    today, before = settled_runs()
    assert (before.outcome, today.outcome) == ("completed", "completed")
    assert today.started_at[:10] > before.started_at[:10]
    assert len(journal_paths()) == 2
    assert before.monotonic_s is not None
    assert today.monotonic_s is not None
    assert 0 <= today.monotonic_s - (before.monotonic_s + before.duration_s) < 3


def test_a_recorder_that_was_killed_is_replaced(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    process = node()
    wait_for(lambda: bool(recorders()), "a run begins")
    (recorder,) = recorders()
    os.kill(recorder.pid, signal.SIGKILL)
    wait_for(lambda: len(read_runs().runs) == 2, "the next begins")
    process.terminate()
    assert process.wait(20) == 0
    assert sorted(run.outcome for run in settled_runs()) == ["completed", "interrupted"]


def test_a_ledger_that_cannot_be_written_is_said_at_once(node: Node) -> None:
    process = node(FOOTPRINT_HOME="/proc/nowhere")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "not recorded" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("options", [["--interval", "0"], ["--label", "x"], ["--region", "aws:nowhere"]])
def test_bad_options_are_refused_in_a_line(node: Node, options: list[str], tmp_path: Path) -> None:
    process = node(*options)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert len(said.splitlines()) == 1
