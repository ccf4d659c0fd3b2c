"""How a tracked program can end, and what is kept of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from footprint.ledger import read_runs
from footprint.ledger.processes import is_alive
from tests.faults.conftest import Program, recorders, settled_runs, ticks_written, wait_for

pytestmark = pytest.mark.slow

Finish = Callable[..., tuple[int, str, str]]

FOREVER = """
    import time, footprint
    with footprint.track("victim", interval_s=0.05) as run:
        print("tracked", flush=True)
        while True:
            sum(range(1000))
"""


def wait_until_tracked(ticks: int = 5) -> None:
    wait_for(lambda: ticks_written() >= ticks, f"{ticks} ticks")


def test_killed_in_mid_run_it_is_interrupted_with_all_that_was_read(start: Program) -> None:
    process = start(FOREVER)
    wait_until_tracked()
    (running,) = read_runs().runs
    assert running.outcome == "running"
    process.kill()
    process.wait()
    (run,) = settled_runs()
    assert run.outcome == "interrupted"
    assert run.duration_s >= 4 * 0.05
    assert run.cpu is not None
    assert run.cpu.tree_s > 0
    assert run.devices
    assert all(device.read_s > 0 for device in run.devices)


def test_killed_together_with_its_recorder_readers_infer_it(start: Program) -> None:
    """A container that is stopped takes the recorder with it."""
    process = start(FOREVER)
    wait_until_tracked()
    (recorder,) = recorders()
    os.kill(recorder.pid, signal.SIGKILL)
    wait_for(lambda: is_alive(recorder) is False, "the recorder dies")
    process.kill()
    process.wait()
    (run,) = settled_runs()
    assert run.outcome == "interrupted"
    assert run.duration_s >= 4 * 0.05
    assert any("without closing" in warning for warning in run.warnings)


def test_a_recorder_that_dies_harms_nobody(start: Program) -> None:
    process = start("""
        import sys, footprint
        with footprint.track("survivor", interval_s=0.05) as run:
            print("tracked", flush=True)
            sys.stdin.readline()
            run.count(samples=1)
            run.mark("after")
        facts = run.facts
        assert facts.outcome == "completed", facts
        assert facts.work == {"samples": 1.0}
        assert any("recorder" in warning for warning in facts.warnings), facts.warnings
        with footprint.track("next") as run:
            pass
        assert not run.facts.warnings, run.facts.warnings
        print("done")
    """)
    wait_until_tracked()
    (recorder,) = recorders()
    os.kill(recorder.pid, signal.SIGKILL)
    wait_for(lambda: is_alive(recorder) is False, "the recorder dies")
    out, err = process.communicate("go\n")
    assert (process.returncode, out) == (0, "tracked\ndone\n"), err
    assert len(err.splitlines()) == 1


def test_sigterm_by_default(start: Program) -> None:
    process = start(FOREVER)
    wait_until_tracked()
    process.terminate()
    assert process.wait() == -signal.SIGTERM
    (run,) = settled_runs()
    assert run.outcome == "interrupted"


def test_sigterm_with_the_users_handler(start: Program) -> None:
    process = start("""
        import signal, sys, time, footprint
        def stop(number, frame):
            print("handler", flush=True)
            sys.exit(7)
        signal.signal(signal.SIGTERM, stop)
        with footprint.track("victim", interval_s=0.05):
            while True:
                time.sleep(0.01)
    """)
    wait_until_tracked()
    process.terminate()
    out, err = process.communicate()
    assert (process.returncode, out, err) == (7, "handler\n", "")
    (run,) = settled_runs()
    assert run.outcome == "failed"


def test_keyboard_interrupt_passes_through(start: Program) -> None:
    process = start(FOREVER)
    wait_until_tracked()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")
    (run,) = settled_runs()
    assert run.outcome == "interrupted"
    assert not run.warnings


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("import os; os._exit(5)", 5),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import os; os.execv('/bin/sh', ['sh', '-c', 'exit 6'])", 6),
    ],
)
def test_sudden_ends_are_closed_by_the_recorder(finish: Finish, end: str, code: int) -> None:
    status, _, _ = finish(f"""
        import footprint
        with footprint.track("victim") as run:
            sum(range(100_000))
            {end}
    """)
    assert status == code
    (run,) = settled_runs()
    assert run.outcome == "interrupted"
    assert run.cpu is not None
    assert any("the program" in warning for warning in run.warnings)


def test_a_run_that_is_never_stopped(finish: Finish) -> None:
    status, out, err = finish("""
        import footprint
        run = footprint.track("endless").start()
        print("end")
    """)
    assert (status, out, err) == (0, "end\n", "")
    (run,) = settled_runs()
    assert run.outcome == "interrupted"
    assert "without stopping" in run.warnings[0]


def test_a_thread_records_too_and_ends_with_the_program(finish: Finish) -> None:
    status, out, err = finish(
        """
        import footprint, time
        with footprint.track("threaded", interval_s=0.05) as run:
            time.sleep(0.2)
        assert run.facts.outcome == "completed" and not run.facts.warnings, run.facts
        footprint.track("endless").start()
        print("end")
        """,
        FOOTPRINT_RECORDER="thread",
    )
    assert (status, out, err) == (0, "end\n", "")
    runs = {run.name: run for run in settled_runs()}
    assert runs["threaded"].outcome == "completed"
    assert runs["threaded"].cpu is not None
    assert runs["endless"].outcome == "interrupted"
