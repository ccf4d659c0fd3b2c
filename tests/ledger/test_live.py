from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from footprint.ledger.live import Live, announce, enclosing, withdraw
from footprint.ledger.processes import Process, identify
from tests.ledger.conftest import gone


def live(recorder: Process | None = None, tracked: Process | None = None) -> Live:
    parent = identify(os.getppid())
    return Live(run="r", account="a", tracked=tracked or parent, recorder=recorder or identify(os.getpid()))


def test_the_nearest_recorded_ancestor_is_found_and_forgotten(home: Path) -> None:
    assert enclosing(home) is None
    announce(home, live())
    assert enclosing(home) == live()
    assert [path.stat().st_mode & 0o777 for path in (home / "live").iterdir()] == [0o600]
    withdraw(home, live().tracked)
    withdraw(home, live().tracked)
    assert enclosing(home) is None


def test_ones_own_runs_enclose_only_children(home: Path) -> None:
    announce(home, live(tracked=identify(os.getpid())))
    assert enclosing(home) is None
    code = f"from pathlib import Path; from footprint.ledger.live import enclosing; print(enclosing(Path({str(home)!r})).run)"
    for command in ([sys.executable, "-c", code], ["sh", "-c", '"$0" -c "$1"; true', sys.executable, code]):
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "r\n"


@pytest.mark.parametrize("change", [{"boot_id": "another"}, {"host": "another"}, {"pid_namespace": "pid:[1]"}])
def test_another_machines_process_of_the_same_number_is_no_ancestor(home: Path, change: dict[str, str]) -> None:
    announce(home, live(tracked=msgspec.structs.replace(identify(os.getppid()), **change)))
    assert enclosing(home) is None


def test_what_a_dead_recorder_left_is_no_sign(home: Path) -> None:
    announce(home, live(recorder=gone()))
    assert enclosing(home) is None
    for path in (home / "live").iterdir():
        path.write_bytes(b"{")
    assert enclosing(home) is None


def test_an_unwritable_ledger_is_passed_over() -> None:
    announce(Path("/dev/null/x"), live())
    withdraw(Path("/dev/null/x"), live().tracked)
    assert enclosing(Path("/dev/null/x")) is None


def test_what_is_attached_from_outside_stands_beside_what_the_process_says_itself(home: Path) -> None:
    here = identify(os.getpid())
    own, attached = live(tracked=here), msgspec.structs.replace(live(tracked=here), run="attached", attached=True)
    announce(home, attached)
    assert enclosing(home) == attached  # what this process begins lies in the run that somebody attached to it
    announce(home, own)
    assert enclosing(home) == attached
    assert enclosing(home, here.pid) == own  # and so would another attached run
    withdraw(home, here)
    assert enclosing(home, here.pid) == attached
    withdraw(home, here, attached=True)
    assert enclosing(home, here.pid) is None


def test_what_killed_recorders_left_does_not_pile_up(home: Path) -> None:
    def left() -> int:
        return len(list((home / "live").iterdir()))

    announce(home, live())
    for number in range(600):
        tracked = msgspec.structs.replace(live().tracked, pid=10_000_000 + number)
        elsewhere = msgspec.structs.replace(gone(), host="another")
        announce(home, live(recorder=elsewhere if number % 100 == 0 else gone(), tracked=tracked))
    assert left() <= 260
    assert enclosing(home) == live()
    kept = {path.name.split("-")[0] for path in (home / "live").iterdir()}
    assert {f"{10_000_000 + number}" for number in range(0, 600, 100)} <= kept  # whether these live cannot be told from here
