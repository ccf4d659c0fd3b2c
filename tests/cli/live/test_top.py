from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from footprint.cli import call
from footprint.cli.live.table import table
from footprint.ledger import home
from footprint.ledger.processes import Process, identify
from footprint.ledger.records import Close, Open, Tick, line_of
from footprint.ledger.running import Running
from footprint.model import Coverage, Host, Range
from footprint.recorder.outlook import Moments
from footprint.watching import Row, Watching
from tests.cli.terminal import Terminal
from tests.ledger.conftest import gone

TOP = [sys.executable, "-m", "footprint.cli", "top"]
HOSTILE = "<b>\x1b[31m\u202egnp\n\x07" + "x" * 10_000
PROGRAM = """
import sys, time, footprint
with footprint.track(sys.argv[1], zone=sys.argv[2] or None, interval_s=0.1) as run:
    print("ready", flush=True)
    step = 0
    while True:
        step += 1
        run.progress(step, 3000)
        time.sleep(0.02)
"""


def recording(stack: ExitStack, name: str, zone: str = "FRA") -> subprocess.Popen[bytes]:
    process = stack.enter_context(subprocess.Popen([sys.executable, "-c", PROGRAM, name, zone], stdout=subprocess.PIPE))
    stack.callback(process.kill)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def row(number: int, **facts: object) -> Row:
    base = {"name": f"run {number}", "host": "node", "kind": "other", "account": "a", "parent": None, "at_s": 60.0}
    return Row(id=str(number), pid=1000 + number, started_at="2026-11-22T04:00:00+00:00", **base | facts)  # type: ignore[arg-type]


def full(number: int, **facts: object) -> Row:
    known = {
        "power_w": 100.0 + number,
        "energy_kwh": Range(low=1, central=2, high=3),
        "emissions_g": Range(low=10, central=20, high=30),
        "coverage": (Coverage(component="cpu", grade="counter", read_ratio=0.5),),
        "done": 1.0,
        "total": 4.0,
        "ends_at": Moments(
            low="2026-11-22T05:00:00+00:00", central="2026-11-22T05:10:00+00:00", high="2026-11-22T05:20:00+00:00"
        ),
    }
    return row(number, **known | facts)


def test_nothing_recorded_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["top"]) == 0
    assert capsys.readouterr().out.startswith(f"nothing is being recorded into {home()}")
    assert call(["top", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runs": [], "problems": [], "schema": 1}


def test_an_interval_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["top", "--interval", "0"]) == 2
    assert "--interval 0 is not between" in capsys.readouterr().err


@pytest.mark.parametrize("width", [1, 8, 20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [1, 2, 5, 24, 300])
def test_the_table_fits_any_terminal(width: int, height: int) -> None:
    rows = [full(number, name=HOSTILE if number % 3 else "模型模型模型模型模型模型") for number in range(200)]
    lines = table(rows, width, height)
    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)
    assert not any(set("\x1b\u202e\n\x07") & set(line) for line in lines)
    if height >= 3 and height < 200 and width >= 20:
        assert lines[-1] == f"and {200 - (height - 2)} runs more"


def test_a_wide_table_says_all_and_what_is_unknown() -> None:
    head, first, second = table([row(1), full(2)])
    assert head.split() == ["NAME", "PID", "HOST", "TIME", "POWER", "ENERGY", "CO2EQ", "DONE", "ENDS", "KNOWN", "BY"]
    assert first.startswith("run 2"), "the most power comes first"
    assert "102 W" in first
    assert "CPU counter 50 %" in first
    assert second.count("unknown") == 3


@pytest.mark.slow
def test_runs_are_shown_while_they_are_recorded() -> None:
    with ExitStack() as stack:
        known, nowhere = recording(stack, HOSTILE), recording(stack, "nowhere", "")
        with Terminal([*TOP, "--interval", "0.3"], columns=130) as terminal:
            terminal.until(b" W ")
            terminal.until(b"place unknown")
            shown = terminal.until(str(known.pid).encode())
            assert b"2 runs being recorded" in shown
            assert b"\x07" not in shown
            assert b"\x1b[31m" not in shown
            terminal.type(b"q")
            assert terminal.end() == 0
            assert terminal.shown.startswith(b"\x1b[?1049h\x1b[?25l")
            assert terminal.shown.endswith(b"\x1b[?25h\x1b[?1049l")
            assert terminal.modes_now() == terminal.modes
        assert nowhere.poll() is None


@pytest.mark.slow
def test_json_tells_the_contracts_fields() -> None:
    with ExitStack() as stack:
        process = recording(stack, "a run")
        watching = Watching()
        while not (rows := watching.look()) or rows[0].power_w is None or rows[0].done is None:
            assert process.poll() is None
        (one,) = told()["runs"]
    names = "id name kind account parent host pid started_at duration_s power_w power_over_s energy_kwh emissions_g coverage"
    assert list(one) == [*names.split(), "progress", "forecast", "unknown"]
    assert one["pid"] == process.pid
    assert one["power_w"] > 0
    assert one["progress"]["total"] == 3000
    assert one["energy_kwh"]["low"] < one["energy_kwh"]["central"] < one["energy_kwh"]["high"]


def told() -> dict[str, list[dict[str, Any]]]:
    done = subprocess.run([*TOP, "--json"], capture_output=True, check=True)
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("number", "keys"), [(signal.SIGINT, b"\x03"), (signal.SIGTERM, b"")])
def test_a_signal_ends_it_with_the_terminal_as_it_was(number: int, keys: bytes) -> None:
    with Terminal(TOP, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0") as terminal:
        terminal.until(b"nothing is being recorded")
        if keys:
            terminal.type(keys)
        else:
            os.kill(terminal.pid, number)
        assert terminal.end() == 128 + number
        assert terminal.shown.endswith(b"\x1b[?25h\x1b[?1049l")
        assert terminal.modes_now() == terminal.modes


@pytest.mark.slow
def test_ctrl_z_gives_the_terminal_back_until_it_goes_on() -> None:
    with Terminal(["bash", "--norc", "--noprofile", "-i"], PS1="$ ") as terminal:
        terminal.until(b"$ ")
        terminal.type((" ".join(TOP) + "\n").encode())
        terminal.until(b"nothing is being recorded")
        terminal.type(b"\x1a")
        stopped = terminal.until(b"Stopped")
        assert b"\x1b[?1049l" in stopped
        terminal.shown = b""
        terminal.type(b"fg\n")
        terminal.until(b"nothing is being recorded")
        assert b"\x1b[?1049h" in terminal.shown
        terminal.type(b"q")
        terminal.until(b"\x1b[?1049l")
        terminal.type(b"exit $?\n")
        assert terminal.end() == 0


# -- Following -----------------------------------------------------------------------------------------------------------


class Written:
    """A journal of runs, written by hand."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.seq = path, 0

    def write(self, *records: Open | Tick | Close) -> None:
        with self.path.open("ab") as file:
            for record in records:
                file.write(line_of(record, self.path.stem, self.seq))
                self.seq += 1


@pytest.fixture
def journal() -> Written:
    written = Written(home() / "runs" / "2026-11-22" / "node" / "0123456789abcdef.jsonl")
    written.write(opened("first", identify(os.getpid())), tick("first", 1.0))
    return written


def opened(run: str, recorder: Process) -> Open:
    host = Host(name="node", os="Linux", cpu_name="CPU", logical_cpus=2, sockets=1, memory_bytes=2**30, boot_id="b")
    return Open(
        run=run,
        name=run,
        kind="other",
        account=run,
        started_at="2026-11-22T04:00:00+00:00",
        t_s=0.0,
        interval_s=1.0,
        recorder=recorder,
        tracked=recorder,
        host=host,
    )


def tick(run: str, t_s: float) -> Tick:
    return Tick(runs=(run,), t_s=t_s, tree_s=t_s, busy_s=t_s)


def ages(running: Running) -> dict[str, float]:
    return {one.run.id: one.run.duration_s for one in running.look()}


def test_only_what_is_new_is_read(journal: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Running()
    assert ages(running) == {"first": 1.0}
    journal.path.write_bytes(journal.path.read_bytes().replace(b"first", b"FIRST", 1))  # what was read is not read again
    journal.write(tick("first", 2.0))
    assert ages(running) == {"first": 2.0}


def test_a_line_that_is_being_written_waits(journal: Written) -> None:
    running = Running()
    whole = line_of(tick("first", 5.0), journal.path.stem, 2)
    with journal.path.open("ab") as file:
        file.write(whole[:20])
    assert ages(running) == {"first": 1.0}
    with journal.path.open("ab") as file:
        file.write(whole[20:])
    assert ages(running) == {"first": 5.0}


def test_a_damaged_line_costs_itself_and_an_ended_run_goes(journal: Written) -> None:
    running = Running()
    with journal.path.open("ab") as file:
        file.write(b'{"v":1,"torn' + line_of(tick("first", 3.0), journal.path.stem, 2) + b"\x00\xff\n")
    assert ages(running) == {"first": 3.0}
    journal.write(Close(run="first", t_s=4.0, outcome="completed"))
    assert ages(running) == {}


def test_a_journal_that_goes_or_is_another_is_begun_anew(journal: Written) -> None:
    running = Running(only=journal.path)
    assert ages(running) == {"first": 1.0}
    journal.path.unlink()
    assert ages(running) == {}
    journal.write(opened("second", identify(os.getpid())), tick("second", 7.0))
    assert ages(running) == {"second": 7.0}


def test_a_recorder_that_is_gone_records_nothing(journal: Written) -> None:
    journal.write(opened("lost", gone()), tick("lost", 3.0))
    assert ages(Running()) == {"first": 1.0}


def test_what_was_used_a_while_ago_is_known_at_the_first_look(journal: Written) -> None:
    journal.write(*(tick("first", float(second)) for second in range(2, 60)))
    (one,) = Running().look()
    assert one.before is not None
    assert one.run.duration_s - one.before.duration_s == pytest.approx(10.0, abs=2.0)


def test_a_journal_that_cannot_be_read_is_a_problem(journal: Written) -> None:
    target = journal.path.with_name("link.jsonl")
    target.symlink_to(journal.path)
    running = Running()
    assert ages(running) == {"first": 1.0}
    assert re.search(r"link\.jsonl: not read", running.problems[0])
