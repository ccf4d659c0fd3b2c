from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from footprint.ledger import find_run
from footprint.ledger.journal import new_id
from footprint.ledger.records import Marked, Work
from footprint.recorder import client, messages, process


@pytest.fixture(params=["process", "thread"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FOOTPRINT_RECORDER", request.param)
    yield tmp_path / "ledger"
    client.close_idle()


def start_of(run: str) -> messages.Start:
    return messages.Start(run=run, name="a run", kind="other", account=run, interval_s=0.05)


def test_runs_share_a_recorder_and_its_journal(home: Path) -> None:
    first, second = new_id(), new_id()
    recorder, started = client.start(home, start_of(first))
    same, also = client.start(home, start_of(second))
    assert same is recorder
    assert also.journal == started.journal
    assert also.t_s >= started.t_s
    recorder.offer(Work(run=first, t_s=started.t_s, work={"samples": 2.0}))
    recorder.offer(Marked(run=second, key=1, name="here", t_s=also.t_s))
    for run in (first, second):
        recorder.stop(messages.Stop(run=run, t_s=also.t_s + 0.001, outcome="completed"))
    assert find_run(first, home).work == {"samples": 2.0}
    assert [mark.name for mark in find_run(second, home).marks] == ["here"]


def test_stopping_what_is_not_there_is_an_error(home: Path) -> None:
    run = new_id()
    recorder, started = client.start(home, start_of(run))
    recorder.stop(messages.Stop(run=run, t_s=started.t_s, outcome="completed"))
    with pytest.raises(client.RecorderError, match="does not know"):
        recorder.stop(messages.Stop(run=run, t_s=started.t_s, outcome="completed"))


def test_an_interpreter_that_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to("/bin/false")
    for executable in ("/no/such/python", str(tmp_path / "python")):
        monkeypatch.setattr("sys.executable", executable)
        with pytest.raises(client.RecorderError, match="did not start"):
            client.start(tmp_path / "ledger", start_of(new_id()))
    assert client._clients.get(tmp_path / "ledger") is None


def test_where_no_process_can_be_a_thread_records(monkeypatch: pytest.MonkeyPatch) -> None:
    assert process.can_spawn()
    for name, value in (("frozen", True), ("executable", ""), ("executable", "/opt/app/server")):
        with monkeypatch.context() as patch:
            patch.setattr(sys, name, value, raising=False)
            assert not process.can_spawn()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert not process.can_spawn()


def test_our_code_runs_isolated_in_a_new_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('the host\\'s folder was looked into')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = process.isolated("import msgspec, footprint; print(*sys.argv[1:])", "--run", "x")
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "--run x\n"
