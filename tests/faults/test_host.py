"""The host program is sacred: what it can notice of us is nothing."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Program, recorders, settled_runs, ticks_written, wait_for

pytestmark = pytest.mark.slow

Finish = Callable[..., tuple[int, str, str]]


def test_a_loop_on_wait_meets_no_process_of_ours(finish: Finish) -> None:
    status, out, err = finish("""
        import os, footprint
        with footprint.track("waiter"):
            mine = {os.posix_spawnp("true", ["true"], os.environ) for _ in range(3)}
            met = set()
            while True:
                try:
                    met.add(os.wait()[0])
                except ChildProcessError:
                    break
            assert met == mine, (met, mine)
        print("done")
    """)
    assert (status, out) == (0, "done\n"), err


@pytest.mark.parametrize("setting", ["signal.SIG_IGN", "lambda *_: seen.append(1)"])
def test_settings_of_sigchld_are_kept(finish: Finish, setting: str) -> None:
    status, _, err = finish(f"""
        import signal, footprint
        seen = []
        handler = {setting}
        signal.signal(signal.SIGCHLD, handler)
        with footprint.track("x") as run:
            pass
        assert signal.getsignal(signal.SIGCHLD) == handler
        # Children that nobody waits for take their CPU time along: that is said, and nothing else is.
        assert ["SIGCHLD" in warning for warning in run.facts.warnings] == [True] * (handler == signal.SIG_IGN), run.facts
    """)
    assert (status, err) == (0, "")


def test_a_subreaper_does_not_adopt_the_recorder(finish: Finish) -> None:
    """As the first process of a container, or under PR_SET_CHILD_SUBREAPER, orphans become our children."""
    status, out, err = finish("""
        import ctypes, os, footprint
        assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
        with footprint.track("reaper", interval_s=0.05) as run:
            try:
                print(os.wait())
            except ChildProcessError:
                print("no child")
        assert run.facts.outcome == "completed" and run.facts.cpu, run.facts
        assert not run.facts.warnings, run.facts.warnings
    """)
    assert (status, out, err) == (0, "no child\n", "")


def test_no_zombie_is_left(finish: Finish) -> None:
    status, out, err = finish("""
        import pathlib, os, footprint
        with footprint.track("x"):
            children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        print(repr(children + pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text()))
    """)
    assert (status, out, err) == (0, "''\n", "")


def test_many_runs_leave_descriptors_and_threads_as_they_were(finish: Finish) -> None:
    status, _, err = finish("""
        import os, threading, footprint
        def state():
            return len(os.listdir("/proc/self/fd")), threading.active_count()
        with footprint.track("first"):
            pass
        before = state()
        for number in range(200):
            with footprint.track(f"run {number}") as run:
                run.count(samples=1)
        assert state() == before, (before, state())
        recorder = run.facts.journal_id
        with footprint.track("last") as run:
            pass
        assert run.facts.journal_id == recorder
    """)
    assert (status, err) == (0, "")
    runs = settled_runs()
    assert len(runs) == 202
    assert {run.outcome for run in runs} == {"completed"}


def test_the_recorder_holds_nothing_of_the_host_open(start: Program, tmp_path: Path) -> None:
    process = start(f"""
        import os, sys, footprint
        held = os.open({str(tmp_path / "held")!r}, os.O_CREAT | os.O_RDWR)
        os.set_inheritable(held, True)
        with footprint.track("x"):
            print("tracked", flush=True)
            sys.stdin.readline()
    """)
    assert process.stdout is not None
    process.stdout.readline()
    (recorder,) = recorders()
    held = [str(path.readlink()) for path in Path(f"/proc/{recorder.pid}/fd").iterdir()]
    assert held.count("/dev/null") == 3
    assert not [path for path in held if str(tmp_path / "held") in path or "pipe" in path]
    assert Path(f"/proc/{recorder.pid}/cwd").readlink() == Path("/")
    assert os.getsid(recorder.pid) != os.getsid(process.pid)
    process.communicate("\n")


def test_substituted_output_is_not_held_open(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text("import footprint, os\nfootprint.track('x').start()\nprint('out', flush=True)\nos._exit(0)\n")
    shell = f'out=$({sys.executable} {script}); echo "[$out]"'
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("[out]\n", "")
    settled_runs()


def test_a_host_that_closes_our_channel_is_not_written_to(finish: Finish) -> None:
    """A daemon closes all descriptors that it knows nothing of; the numbers then name its own files."""
    status, out, err = finish("""
        import os, socket, footprint
        with footprint.track("daemon", interval_s=0.05) as run:
            os.closerange(3, 256)
            mine = [socket.socketpair() for _ in range(8)]
            run.count(samples=1)
            run.mark("here")
        for pair in mine:
            for end in pair:
                end.setblocking(False)
                try:
                    print(end.recv(100))
                except BlockingIOError:
                    pass
        assert run.facts.outcome == "completed"
        assert run.facts.warnings
        footprint.track("again").start().stop()
        for pair in mine:
            pair[0].send(b"x")
            assert pair[1].recv(1) == b"x"
            pair[0].close(), pair[1].close()
        print("clean")
    """)
    assert (status, out) == (0, "clean\n"), err
    settled_runs()


def test_sigpipe_by_default_does_not_kill(start: Program) -> None:
    process = start("""
        import os, signal, sys, footprint
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        with footprint.track("x", interval_s=0.05) as run:
            print("tracked", flush=True)
            sys.stdin.readline()
            for _ in range(100):
                run.mark("mark")
        print("alive")
    """)
    assert process.stdout is not None
    process.stdout.readline()
    (recorder,) = recorders()
    os.kill(recorder.pid, 9)
    out, _ = process.communicate("\n")
    assert (process.returncode, out) == (0, "alive\n")


def test_closed_standard_streams(finish: Finish, tmp_path: Path) -> None:
    result = tmp_path / "result"
    status, _, _ = finish(f"""
        import os, footprint
        for descriptor in (0, 1, 2):
            os.close(descriptor)
        with footprint.track("x") as run:
            pass
        facts = run.facts
        with open({str(result)!r}, "w") as file:
            file.write(f"{{facts.outcome}} {{facts.warnings}}")
        os._exit(0)
    """)
    assert status == 0
    assert result.read_text() == "completed ()"
    settled_runs()


def test_a_stopped_recorder_drops_marks_and_stops_in_time(start: Program) -> None:
    process = start("""
        import sys, footprint
        with footprint.track("x", interval_s=0.05) as run:
            print("tracked", flush=True)
            sys.stdin.readline()
            for number in range(9_000):
                run.mark("a mark with a long name " * 4)
        print(*run.facts.warnings, sep="\\n")
    """)
    assert process.stdout is not None
    process.stdout.readline()
    (recorder,) = recorders()
    os.kill(recorder.pid, signal.SIGSTOP)
    out, _ = process.communicate("\n")
    os.kill(recorder.pid, signal.SIGCONT)
    assert process.returncode == 0
    assert "marks dropped" in out
    assert "not recorded" in out


def test_what_is_written_to_closed_streams_is_no_message(tmp_path: Path) -> None:
    """Libraries print to descriptor 1 whether it is open or not: none of ours may take its place."""
    result, script = tmp_path / "result", tmp_path / "program.py"
    script.write_text(
        "import os, footprint\n"
        "with footprint.track('x') as run:\n"
        "    for descriptor in (0, 1, 2):\n"
        "        try:\n"
        "            os.write(descriptor, b'output\\n')\n"
        "        except OSError:\n"
        "            pass\n"
        "    os.closerange(0, 3)\n"
        f"with open({str(result)!r}, 'w') as file:\n"
        "    print(run.facts.outcome, run.facts.warnings, file=file)\n"
        "os._exit(0)\n"
    )
    for closed in ("<&-", ">&-", "<&- >&- 2>&-"):
        subprocess.run(["sh", "-c", f"{sys.executable} {script} {closed}"], capture_output=True, timeout=60, check=True)
        assert result.read_text() == "completed ()\n", closed
    settled_runs()


def test_a_stop_at_the_very_end_is_recorded(finish: Finish) -> None:
    """What a program registered before it imported us runs after all that we did register."""
    status, out, err = finish(
        """
        import atexit
        runs = []
        atexit.register(lambda: print(runs[0].stop().facts.outcome))
        import footprint
        runs.append(footprint.track("x").start())
    """,
        PYTHONWARNINGS="error",
    )
    assert (status, out, err) == (0, "completed\n", "")
    assert [run.outcome for run in settled_runs()] == ["completed"]


def test_what_cannot_be_read_for_want_of_descriptors_is_unknown_and_not_zero(finish: Finish) -> None:
    status, out, err = finish("""
        import resource, footprint
        import footprint.ledger.reading
        resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6))  # what the recorder holds, and none to look with
        with footprint.track("x") as run:
            sum(range(100_000))
        print(run.facts.cpu, len(run.facts.warnings))
    """)
    assert (status, out, len(err.splitlines())) == (0, "None 1\n", 1)


def test_what_cannot_be_read_any_more_for_want_of_descriptors_is_a_gap(start: Program) -> None:
    process = start("""
        import sys, footprint
        with footprint.track("x", interval_s=0.05):
            print("tracked", flush=True)
            sys.stdin.readline()
    """)
    assert process.stdout is not None
    process.stdout.readline()
    (recorder,) = recorders()
    for limit in (3, 256):  # what is open stays open, and nothing else can be
        enough = ticks_written() + 5
        wait_for(lambda enough=enough: ticks_written() >= enough, "five more ticks")  # type: ignore[misc]
        resource.prlimit(recorder.pid, resource.RLIMIT_NOFILE, (limit, 256))
    out, err = process.communicate("\n")
    assert (process.returncode, out, len(err.splitlines())) == (0, "", 1)
    (run,) = settled_runs()
    assert run.outcome == "completed"
    assert any("readings failed" in warning for warning in run.warnings)
    assert run.cpu is not None
    assert 0 < run.cpu.tree_s < 10


def test_another_pid_namespaces_proc_is_not_believed(finish: Finish) -> None:
    """Process 1 of the old namespace is not the program that is process 1 of the new one."""
    code = """
        import ctypes, os, sys, footprint
        if ctypes.CDLL(None).unshare(0x20000000) != 0 and ctypes.CDLL(None).unshare(0x30000000) != 0:
            sys.exit(77)
        child = os.fork()
        if child:
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        assert os.getpid() == 1
        with footprint.track("x") as run:
            sum(range(100_000))
        print(run.facts.outcome, run.facts.cpu, *run.facts.warnings)
    """
    status, out, _ = finish(code)
    if status == 77:
        pytest.skip("no pid namespace may be made here")
    assert (status, out[:15]) == (0, "completed None ")
    assert "/proc does not show" in out


def test_a_stopped_recorder_is_waited_for_once_and_told_all(start: Program) -> None:
    process = start("""
        import sys, threading, footprint
        runs = [footprint.track(f"run {number}").start() for number in range(8)]
        print("tracked", flush=True)
        sys.stdin.readline()
        threads = [threading.Thread(target=run.stop) for run in runs[4:]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for run in reversed(runs[:4]):
            run.stop()
        print(len([run for run in runs if any("did not answer within" in warning for warning in run.facts.warnings)]))
    """)
    assert process.stdout is not None
    process.stdout.readline()
    (recorder,) = recorders()
    os.kill(recorder.pid, signal.SIGSTOP)
    out, _ = process.communicate("\n")
    os.kill(recorder.pid, signal.SIGCONT)
    assert (process.returncode, out) == (0, "1\n")
    assert [run.outcome for run in settled_runs()] == ["completed"] * 8


def test_a_ctrl_c_while_we_are_loaded_does_no_harm_later(finish: Finish) -> None:
    status, out, err = finish("""
        import sys

        def interrupt(frame, event, argument):
            if frame.f_code.co_filename.endswith("datetime.py"):
                sys.settrace(None)
                raise KeyboardInterrupt
            return interrupt

        sys.settrace(interrupt)
        try:
            import footprint
            footprint.track
        except KeyboardInterrupt:
            print("interrupted")
        sys.settrace(None)
        import footprint
        with footprint.track("x") as run:
            pass
        print(run.facts.outcome)
    """)
    assert (status, out) == (0, "interrupted\ncompleted\n"), err
