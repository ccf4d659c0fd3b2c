"""Real processes, repeated and measured; and what goes wrong with them."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from footprint.errors import ConfigError
from footprint.ledger import read_runs
from footprint.profiling import conditions
from footprint.profiling.engine import Measured, measure
from footprint.profiling.plan import plans_of
from footprint.profiling.results import Result, as_json
from footprint.profiling.summing import result_of

from .programs import INSIDE, LOOP, PROCESS, profile


def _measured(path: Path) -> tuple[Measured, Result, list[str]]:
    (plan,) = plans_of(path)
    before, told = conditions.read(), list[str]()
    found = measure(plan, tell=lambda what, _so_far: told.append(what))
    return found, result_of(plan, found, (before, conditions.read())), told


def test_repeats_inside_a_process(tmp_path: Path) -> None:
    measured, result, told = _measured(profile(tmp_path))
    assert told == ["idle", *["warm-up", "repeat", "repeat", "session"] * 3]
    assert result.is_complete
    assert result.protocol.ended_by == "most repeats"
    assert [one.session for one in result.repeats] == [1, 1, 2, 2, 3, 3]
    assert {one.amount for one in result.repeats} == {10.0}
    assert [one.notes["turn"] for one in result.repeats] == [1, 2] * 3
    energy = result.statistics["energy_j"].all
    assert energy is not None
    assert energy.low is not None
    assert energy.sessions == 3
    whole = result.statistics["machine_energy_j"].all
    assert whole is not None
    assert 0 < energy.mean <= whole.mean
    assert result.idle is not None
    assert result.idle.power_w is not None
    assert result.idle.power_w > 0
    # Above idle is told of a machine that was idle.
    (plan,) = plans_of(tmp_path / "profile.toml")
    for others, is_told in ((0.0, True), (0.5, False)):
        idle = msgspec.structs.replace(result.idle, others_ratio=others, stolen_ratio=0.0)
        again = result_of(plan, dataclasses.replace(measured, idle=idle), (conditions.read(), conditions.read()))
        assert (again.statistics["above_idle_j"].all is not None) == is_told
        assert next(one for one in again.checks if one.name == "quiet before").verdict == ("ok" if is_told else "doubtful")
    by_hand = sum((one.energy_j or 0) / one.amount for one in result.repeats) / 6
    assert energy.mean == pytest.approx(by_hand)
    assert result.it_energy_kwh_per_1000 is not None
    assert result.it_energy_kwh_per_1000.central * 3.6e6 / 1000 == pytest.approx(
        sum(one.energy_j or 0 for one in result.repeats) / 60, rel=0.01
    )
    assert result.emissions_g_per_1000 is None
    assert "place" in result.unknown
    assert {check.name for check in result.checks} >= {"quiet before", "drift", "stolen time", "interval", "amounts"}

    runs = {run.id: run for run in read_runs().runs}
    sessions = [run for run in runs.values() if run.name == "busy session"]
    assert {run.account for run in runs.values()} == {measured.account}
    assert len(sessions) == 3
    assert all(run.outcome == "completed" for run in runs.values())
    for one in result.repeats:
        assert runs[one.run].work == {"items": 10.0}
        assert runs[one.run].parent in {run.id for run in sessions}
    host = os.uname().nodename
    assert host not in as_json(result).decode()
    assert str(tmp_path) not in as_json(result).decode()
    assert msgspec.json.decode(as_json(result), type=Result) == result


def test_one_process_a_repeat(tmp_path: Path) -> None:
    work = "import sys\nsum(i * i for i in range(int(sys.argv[1])))\n"
    _, result, told = _measured(profile(tmp_path, PROCESS, work))
    assert told == ["repeat"] * 3
    assert result.idle is None
    assert result.statistics["above_idle_j"].all is None
    assert next(one for one in result.checks if one.name == "quiet before").verdict == "unknown"
    energy = result.statistics["energy_j"].all
    assert energy is not None
    assert energy.sessions == 3
    assert energy.low is not None
    assert {run.outcome for run in read_runs().runs} == {"completed"}


def test_alone_the_program_runs_as_it_is(tmp_path: Path) -> None:
    profile(tmp_path, work=LOOP + "print(repeat.number)\n")
    done = subprocess.run([sys.executable, "work.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"
    assert done.stderr == ""
    assert not read_runs().runs


COUNTLESS = LOOP.replace("        repeat.count(items=10)\n", "")
FAILURES = {
    "fails in a repeat": (
        LOOP.replace("sum(", "repeat.number == 2 and exit('no more\\nmemory is full'); sum("),
        "repeat 2.*exit code 1: memory is full",
    ),
    "fails before": ("raise SystemExit('the model is missing')", "before its first repeat: exit code 1: the model is missing"),
    "never repeats": ("pass", r"without footprint.profiling.repeats\(\)"),
    "never counts": (COUNTLESS, r"did not count items \(it counted nothing\)"),
    "counts something else": (LOOP.replace("items=10", "tokens=10"), r"did not count items \(it counted tokens\)"),
    "without with": (LOOP.replace("with repeat:", "if True:"), "exit code 1: .*write `with repeat:`"),
    "repeats twice": (LOOP + LOOP, "exit code 1: .*called twice"),
    "counts nonsense": (LOOP.replace("items=10", "items=-1"), "exit code 1: .*not a finite number above zero"),
    "is killed": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "killed by signal 9"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_command_that(tmp_path: Path, name: str) -> None:
    work, message = FAILURES[name]
    path = profile(tmp_path, INSIDE.replace("idle_s = 0.2", "idle_s = 0"), work)
    with pytest.raises(ConfigError, match=message):
        _measured(path)
    outcomes = [run.outcome for run in read_runs().runs if run.name == "busy session"]
    assert outcomes.count("failed") == 1, "the ledger keeps the run that failed"


def test_a_command_that_is_killed_is_not_waited_for_because_a_child_lives_on(tmp_path: Path) -> None:
    """The child has the connection that its parent had open, so that nobody hears its end."""
    child = """
import os, pathlib, time

def outlive():
    for _ in range(900):
        if pathlib.Path("over").exists():
            break
        time.sleep(0.05)
    pathlib.Path("gone").touch()
    os._exit(0)
"""
    work = child + LOOP.replace("sum(", "os.fork() or outlive(); os.kill(os.getpid(), 9); sum(")
    with pytest.raises(ConfigError, match="killed by signal 9"):
        _measured(profile(tmp_path, INSIDE.replace("idle_s = 0.2", "idle_s = 0"), work))
    assert not (tmp_path / "gone").exists()
    (tmp_path / "over").touch()


def test_a_process_that_fails_in_its_second_repeat(tmp_path: Path) -> None:
    work = "import pathlib, sys\np = pathlib.Path('seen')\nif p.exists(): sys.exit('worn out')\np.touch()\n"
    with pytest.raises(ConfigError, match="failed in repeat 2 of busy: exit code 1: worn out"):
        _measured(profile(tmp_path, PROCESS, work))
    assert sorted(run.outcome for run in read_runs().runs) == ["completed", "failed"]


def test_amounts_that_differ_or_are_counted_late_are_said(tmp_path: Path) -> None:
    work = LOOP.replace("        repeat.count(items=10)", "    repeat.count(items=10 + repeat.number)")
    _, result, _ = _measured(profile(tmp_path, INSIDE.replace("idle_s = 0.2", "idle_s = 0"), work))
    check = next(one for one in result.checks if one.name == "amounts")
    assert check.verdict == "doubtful"
    assert "between 11 and 12 items" in check.message
    assert [one for one in result.warnings if "counted after the `with`" in one]
    assert {run.name for run in read_runs().runs if run.work} == set()
    assert "accelerators" not in {one.component for one in result.components}


def test_without_the_time_for_an_interval_it_is_unknown(tmp_path: Path) -> None:
    workload = INSIDE.replace("time_limit_s = 60", "time_limit_s = 0.001").replace("idle_s = 0.2", "idle_s = 0")
    _, result, _ = _measured(profile(tmp_path, workload))
    assert result.protocol.ended_by == "time"
    assert result.protocol.sessions == 1
    energy = result.statistics["energy_j"].all
    assert energy is not None
    assert energy.low is None
    assert energy.half_ratio is None
    assert "interval" in result.unknown


def test_a_socket_of_nobody_is_one_line(tmp_path: Path) -> None:
    profile(tmp_path)
    environment = {**os.environ, "FOOTPRINT_PROFILE": str(tmp_path / "gone")}
    done = subprocess.run([sys.executable, "work.py"], cwd=tmp_path, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert "names no profile that is being measured" in done.stderr.splitlines()[-1]
