"""Faults 1 to 4. How a tracked program can end, and what is kept of it."""

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


def test_fault_01_sixty_kills_lose_nothing_that_was_acknowledged(finish: Finish) -> None:
    """What a program was told is recorded stays so, whoever is killed with SIGKILL and when: it alone, or with its recorder."""
    status, out, err = finish("""
        import os, signal, footprint
        from footprint.ledger.reading import read_journal

        def track_until_killed(told, number):
            while True:
                with footprint.track(f"victim {number}", interval_s=0.05) as run:
                    recorder = read_journal(run._journal).runs[run.id].opened.recorder.pid
                    os.write(told, f"started {run.id} {recorder}\\n".encode())
                    run.count(samples=number)
                os.write(told, f"stopped {run.id} {number}\\n".encode())

        for number in range(60):
            read, told = os.pipe()
            victim = os.fork()
            if not victim:
                os.close(read)
                track_until_killed(told, number)
            os.close(told)
            with os.fdopen(read) as pipe:
                lines = [pipe.readline() for _ in range(1 + number % 6)]
                if number % 2:
                    os.kill(int(lines[0].split()[2]), signal.SIGKILL)
                os.kill(victim, signal.SIGKILL)
                lines += pipe.readlines()
            os.waitpid(victim, 0)
            print(*lines, sep="", end="")
    """)
    assert (status, err) == (0, "")
    told = [line.split() for line in out.splitlines()]
    runs = {run.id: run for run in settled_runs()}
    assert {run for what, run, _ in told if what == "started"} <= set(runs)
    stopped = {run: float(number) for what, run, number in told if what == "stopped"}
    assert len(stopped) >= 90
    for run_id, number in stopped.items():
        assert runs[run_id].outcome == "completed"
        assert runs[run_id].work == {"samples": number}
    # One that was being stopped when the kill came may have been recorded as completed without anybody having been told.
    cut_off = [run for run in runs.values() if run.outcome != "completed"]
    assert {run.outcome for run in cut_off} == {"interrupted"}  # and there are some
    assert len(cut_off) <= 60


def test_fault_01_killed_in_mid_run_it_is_interrupted_with_all_that_was_read(start: Program) -> None:
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


def test_fault_01_killed_together_with_its_recorder_readers_infer_it(start: Program) -> None:
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


def test_fault_01_a_recorder_that_is_killed_harms_nobody(start: Program) -> None:
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


def test_fault_02_sigterm_by_default(start: Program) -> None:
    process = start(FOREVER)
    wait_until_tracked()
    process.terminate()
    assert process.wait() == -signal.SIGTERM
    (run,) = settled_runs()
    assert run.outcome == "interrupted"


def test_fault_02_sigterm_with_the_users_handler(start: Program) -> None:
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


def test_fault_03_keyboard_interrupt_passes_through(start: Program) -> None:
    process = start(FOREVER)
    wait_until_tracked()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")
    (run,) = settled_runs()
    assert run.outcome == "interrupted"
    assert not run.warnings


def test_fault_03_an_exception_passes_through(finish: Finish) -> None:
    status, out, err = finish("""
        import footprint
        with footprint.track("victim"):
            raise LookupError("of the program's own")
    """)
    assert (status, out) == (1, "")
    assert err.startswith("Traceback")
    assert err.endswith("LookupError: of the program's own\n")
    assert "footprint/" not in err
    (run,) = settled_runs()
    assert (run.outcome, run.warnings) == ("failed", ())


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("import os; os._exit(5)", 5),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("import os; os.abort()", -signal.SIGABRT),
        ("import os; os.execv('/bin/sh', ['sh', '-c', 'exit 6'])", 6),
    ],
)
def test_fault_04_sudden_ends_are_closed_by_the_recorder(finish: Finish, end: str, code: int) -> None:
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


def test_fault_04_a_run_that_is_never_stopped(finish: Finish) -> None:
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
