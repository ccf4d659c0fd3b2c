"""`footprint run` with a budget, and `runs show` of a run that goes on: real commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from footprint.cli import call
from footprint.ledger import read_runs
from footprint.model import Run

pytestmark = pytest.mark.slow

FOOTPRINT = [sys.executable, "-m", "footprint.cli", "run"]
NOTHING = ("--zone", "FRA", "--budget-g", "1e-9")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*FOOTPRINT, *words], capture_output=True, text=True, timeout=60, check=False)


def the_run() -> Run:
    (one,) = read_runs().runs
    return one


def test_a_spent_budget_stops_the_command_where_that_was_asked_for() -> None:
    done = run(*NOTHING, "--on-budget", "stop", "--", "sleep", "50")
    assert done.returncode == 143
    assert done.stdout == ""
    assert done.stderr.count("over its budget") == 1
    one = the_run()
    assert one.outcome == "interrupted"
    assert one.duration_s < 40
    assert any("over its budget" in warning for warning in one.warnings)


def test_a_command_that_saves_its_work_keeps_its_exit_code_and_is_interrupted_all_the_same(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    code = f"""
        import pathlib, signal, sys, time
        times = 0
        def save(*_):
            global times
            times += 1
            pathlib.Path({os.fspath(saved)!r}).write_text(str(times))
        signal.signal(signal.SIGTERM, save)
        while not times:
            time.sleep(0.05)
        time.sleep(2)
    """
    done = run(*NOTHING, "--on-budget", "stop", "--", sys.executable, "-c", textwrap.dedent(code))
    assert (done.returncode, saved.read_text()) == (0, "1")  # told once
    assert the_run().outcome == "interrupted"


def test_without_being_asked_a_budget_only_warns() -> None:
    words = [*FOOTPRINT, *NOTHING, "--", "sh", "-c", "read word; exit 3"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:
        assert command.stdin is not None
        assert command.stderr is not None
        said = command.stderr.readline()  # while it runs
        rest = command.communicate("go on\n", timeout=60)[1]
    assert "over its budget" in said
    assert (command.returncode, rest) == (3, "")
    one = the_run()
    assert (one.outcome, one.budget_g) == ("failed", 1e-9)


def test_a_budget_that_turns_out_spent_when_the_command_has_ended_has_stopped_nothing() -> None:
    code = """
        import os
        from footprint.cli.run import _SignalGate
        class Late:
            LOOK_S = 60.0
            after_the_end = 0
            def look(self):
                self.after_the_end += os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
                return False
        limit = Late()
        with _SignalGate() as gate:
            print(gate.run(["sh", "-c", "exit 4"], os.environ, limit), limit.after_the_end)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "(4, 'failed') 0\n"


def test_a_budget_that_is_not_spent_is_silent() -> None:
    done = run("--zone", "FRA", "--budget-kwh", "1000", "--on-budget", "stop", "--", "sh", "-c", "sleep 2.5; exit 5")
    assert (done.returncode, done.stdout, done.stderr) == (5, "", "")
    assert the_run().outcome == "failed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--budget-g", "5"), "budget_g needs a place"),
        (("--budget-kwh", "0"), "budget_kwh is 0.0: it must be a number above 0"),
        (("--on-budget", "stop"), "--on-budget stop without a budget"),
        (("--budget-kwh", "5", "--on-budget", "stopp"), "did you mean stop?"),
    ],
)
def test_bad_options_are_one_clear_line(words: tuple[str, ...], said: str) -> None:
    done = run(*words, "--", "echo", "it ran")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert not read_runs().runs


def test_a_running_run_shows_when_it_will_end(capsys: pytest.CaptureFixture[str]) -> None:
    code = """
        import time, footprint
        with footprint.track("work", zone="FRA", budget_kwh=5) as run:
            for step in range(1, 101):
                run.progress(step, 400)
                time.sleep(0.02)
            run.look()
            time.sleep(0.3)
            print(run.id, flush=True)
            input()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdin is not None
        run_id = program.stdout.readline().strip()
        assert call(["runs", "show", run_id, "--json"]) == 0
        shown: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert call(["runs", "show", run_id]) == 0
        lines = capsys.readouterr().out
        program.stdin.write("\n")
        program.stdin.close()
        program.wait()
    assert program.returncode == 0
    ahead = shown["forecast"]
    assert (ahead["run"], ahead["total"]) == (run_id, 400.0)
    assert ahead["at_s"] <= ahead["duration_s"]["low"] <= ahead["duration_s"]["central"] <= ahead["duration_s"]["high"]
    assert list(ahead["ends_at"]) == ["low", "central", "high"]
    assert ahead["emissions_g"]["central"] > ahead["spent_emissions_g"]["central"]
    assert ahead["unknown"] == []
    assert shown["run"]["budget_kwh"] == 5.0
    assert 90 <= ahead["done"] <= 100  # of words in haste the last may wait
    assert re.search(r"progress   (9\d|100) of 400 \(2[2-5]\.?\d* %\)\n", lines)
    assert "of 5 kWh\n" in lines
    assert "forecast   ends 20" in lines
    assert lines.count("forecast   ") == 3
    # Once it has ended there is nothing to foresee.
    assert call(["runs", "show", run_id, "--json"]) == 0
    ended = json.loads(capsys.readouterr().out)
    assert ended["forecast"] is None
    assert ended["run"]["outcome"] == "completed"
