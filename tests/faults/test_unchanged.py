"""The same program with and without `track`, under each fault: exit code, output, signals, children, descriptors are the same.

What a tracked program may say more than an untracked one is one line on stderr.
"""

from __future__ import annotations

import os
import signal
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from footprint.ledger.processes import is_alive
from footprint.testing import SyntheticRapl, Zone, steady
from tests.faults.conftest import LIMIT_S, Clocks, Program, recorders, ticks_written, wait_for

pytestmark = pytest.mark.slow

# `tracked()` is the real thing or nothing; `observed()` is what the program can tell of its own state.
PRELUDE = """
import contextlib, ctypes, json, os, signal, sys, threading, time
if os.environ.pop("TRACKED") == "yes":
    import footprint
    def tracked():
        return footprint.track("host", interval_s=0.05)
else:
    def tracked():
        return contextlib.nullcontext()

def observed():
    try:
        waited = os.wait()
    except ChildProcessError:
        waited = "no child"
    return json.dumps({
        "signals": {number: str(signal.getsignal(number)) for number in range(1, signal.NSIG)},
        "mask": [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        "children": waited,
        "threads": threading.active_count(),
        "directory": os.getcwd(),
        "environment": dict(os.environ),
        "umask": os.umask(0o022),
        "streams": [os.readlink(f"/proc/self/fd/{number}").partition(":")[0] for number in range(3)],
        "hooks": [sys.excepthook is sys.__excepthook__, threading.excepthook is threading.__excepthook__],
        "limit": os.sysconf("SC_OPEN_MAX"),
        "subreaper": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
    }, sort_keys=True)

def pause():
    print("ready", flush=True)
    sys.stdin.readline()
"""

RICH = """
before = observed()
with contextlib.suppress(LookupError):
    with tracked():
        pause()
        children = {os.posix_spawnp("true", ["true"], os.environ) for _ in range(3)}
        print(children == {os.wait()[0] for _ in children})
        raise LookupError
assert observed() == before, (observed(), before)
print(before, flush=True)
with tracked():
    print("again")
sys.exit(3)
"""

ENDS = {
    "at its end": "with tracked(): pause()",
    "fault_03: an exception": "with tracked():\n    pause()\n    raise LookupError('of its own')",
    "fault_03: a group of exceptions": (
        "with tracked():\n    pause()\n    raise BaseExceptionGroup('several', [KeyError(1), KeyboardInterrupt()])"
    ),
    "fault_03: sys.exit": "with tracked():\n    pause()\n    sys.exit('a reason')",
    "fault_04: os._exit": "with tracked():\n    pause()\n    os._exit(5)",
    "fault_04: abort": "with tracked():\n    pause()\n    os.abort()",
    "fault_04: a segmentation fault": "with tracked():\n    pause()\n    ctypes.string_at(0)",
    "fault_02: SIGTERM": "with tracked():\n    pause()\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(60)",
    "fault_03: SIGINT": "with tracked():\n    pause()\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(60)",
    "fault_02: SIGTERM with a handler": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "with tracked():\n    pause()\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(60)"
    ),
    "fault_04: exec": "with tracked():\n    pause()\n    os.execv('/bin/sh', ['sh', '-c', 'echo other; exit 6'])",
    "fault_04: never stopped": "tracked().__enter__()\npause()",
}


class Seen(NamedTuple):
    code: int
    out: str
    err: str


def play(start: Program, program: str, environment: dict[str, str], meanwhile: Callable[[], None], *, tracked: bool) -> Seen:
    """Run a program; once it is ready, and under way if it is tracked, something happens, and then it goes on."""
    process = start(f"{PRELUDE}\n{program}", TRACKED="yes" if tracked else "no", **environment)
    assert process.stdout is not None
    ready = process.stdout.readline()
    meanwhile()
    out, err = process.communicate("go on\n", timeout=LIMIT_S)
    # The files of two programs have different names.
    return Seen(process.returncode, ready + out, err.replace(str(process.args[1]), "program.py"))  # type: ignore[index]


def assert_unchanged(start: Program, program: str, environment: dict[str, str], meanwhile: Callable[[], None]) -> list[str]:
    """Play a program with and without tracking; what the tracked one said more."""
    without = play(start, program, environment, lambda: None, tracked=False)
    tracked = play(start, program, environment, meanwhile, tracked=True)
    ours = [line for line in tracked.err.splitlines(keepends=True) if line.startswith("footprint: ")]
    theirs = "".join(line for line in tracked.err.splitlines(keepends=True) if not line.startswith("footprint: "))
    assert tracked._replace(err=theirs) == without
    assert len(ours) <= 1
    return ours


@pytest.mark.parametrize("end", ENDS)
def test_every_end_is_the_same(start: Program, end: str) -> None:
    assert not assert_unchanged(start, ENDS[end], {}, lambda: None)


class Fault(NamedTuple):
    """What is wrong from the start, what happens in mid-run, and whether a line may say so."""

    environment: dict[str, str]
    meanwhile: Callable[[], None]
    told: bool


def kill_recorder() -> None:
    (recorder,) = recorders()
    os.kill(recorder.pid, signal.SIGKILL)
    wait_for(lambda: is_alive(recorder) is False, "the recorder dies")


def after_ticks(action: Callable[[], None]) -> Callable[[], None]:
    """Do it between two ticks, and wait until the recorder has met it."""

    def wait() -> None:
        enough = ticks_written() + 3
        ended = "three ticks more, unless there is no recorder any more"
        wait_for(lambda: ticks_written() >= enough or not any(map(is_alive, recorders())), ended)

    def act() -> None:
        wait()
        action()
        wait()

    return act


@pytest.fixture
def rapl(tmp_path: Path) -> Iterator[SyntheticRapl]:
    zones = {"intel-rapl:0": Zone("package-0", steady(50)), "intel-rapl:0:0": Zone("dram", steady(5))}
    with SyntheticRapl(tmp_path / "sys", zones) as counting:
        yield counting


FAULTS: dict[str, Callable[[SyntheticRapl, Clocks], Fault]] = {
    "nothing": lambda _r, _c: Fault({}, lambda: None, told=False),
    "fault_01: the recorder is killed": lambda _r, _c: Fault({}, after_ticks(kill_recorder), told=True),
    "fault_06: no home": lambda _r, _c: Fault({"FOOTPRINT_HOME": "/dev/null/x"}, lambda: None, told=True),
    "fault_12: RAPL is reset": lambda r, _c: Fault(r.environment, after_ticks(lambda: r.reset("intel-rapl:0")), told=False),
    "fault_12: RAPL is denied": lambda r, _c: Fault(r.environment, after_ticks(r.deny), told=False),
    "fault_12: RAPL vanishes": lambda r, _c: Fault(r.environment, after_ticks(lambda: r.vanish("intel-rapl:0:0")), told=False),
    "fault_13: the clock is set": lambda _r, c: Fault(c.environment, after_ticks(lambda: c.set_wall_clock(-3600)), told=False),
    "fault_14: the machine sleeps": lambda _r, c: Fault(c.environment, after_ticks(lambda: c.suspend(600)), told=False),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_program_is_the_same_under(start: Program, rapl: SyntheticRapl, clocks: Clocks, name: str) -> None:
    fault = FAULTS[name](rapl, clocks)
    said = assert_unchanged(start, textwrap.dedent(RICH), fault.environment, fault.meanwhile)
    assert bool(said) <= fault.told
