"""Programs that are tracked and then hurt: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from footprint.ledger import read_runs
from footprint.ledger.processes import Process, is_alive
from footprint.ledger.reading import journal_paths, read_journal
from footprint.model import Run

LIMIT_S = 60.0

Program = Callable[..., "subprocess.Popen[str]"]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something has happened; failing says what did not."""
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"did not happen within {LIMIT_S:g} s: {what}")
        time.sleep(0.02)


def recorders() -> list[Process]:
    """The recorders that wrote into this test's ledger."""
    runs = [records for path in journal_paths() for records in read_journal(path).runs.values()]
    return list({records.opened.recorder.pid: records.opened.recorder for records in runs}.values())


def settled_runs() -> tuple[Run, ...]:
    """The runs of this test's ledger, once all of its recorders have ended."""
    wait_for(lambda: not any(is_alive(recorder) for recorder in recorders()), "the recorders end with their hosts")
    return read_runs().runs


def ticks_written() -> int:
    """The ticks in this test's ledger so far."""
    return sum(path.read_bytes().count(b'"type":"tick"') for path in journal_paths())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Program]:
    """Start a Python program; its output is caught."""
    started: list[subprocess.Popen[str]] = []

    def starter(code: str, **environment: str) -> subprocess.Popen[str]:
        script = tmp_path / f"program{len(started)}.py"
        script.write_text(textwrap.dedent(code))
        process = subprocess.Popen(
            [sys.executable, str(script)],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield starter
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    for recorder in recorders():
        if recorder.pid != os.getpid():
            wait_for(lambda recorder=recorder: is_alive(recorder) is not True, "a recorder ends with its host")  # type: ignore[misc]


@pytest.fixture
def finish(start: Program) -> Callable[..., tuple[int, str, str]]:
    """Run a Python program to its end: exit code, stdout, stderr."""

    def finisher(code: str, **environment: str) -> tuple[int, str, str]:
        process = start(code, **environment)
        out, err = process.communicate(timeout=LIMIT_S)
        return process.returncode, out, err

    return finisher
