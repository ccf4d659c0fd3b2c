"""Whatever interrupts us: signal handlers that use the tracker themselves, forks that Python does not hear of, Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from footprint.ledger import read_runs
from tests.faults.conftest import settled_runs, wait_for

pytestmark = pytest.mark.slow

Finish = Callable[..., tuple[int, str, str]]


def test_a_signal_handler_may_count_mark_start_and_stop_whenever_it_comes(finish: Finish) -> None:
    """A timer interrupts the program, and so us, a thousand times a second, inside our own code as well."""
    status, out, err = finish("""
        import signal, time, footprint
        seen = 0
        def handler(number, frame):
            global seen
            seen += 1
            run.count(handled=1, both=1)
            if seen % 50 == 0:
                run.mark("handled")
            if seen % 100 == 0:
                with footprint.track("in the handler"):
                    pass
        run = footprint.track("interrupted", interval_s=0.05).start()
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        counted, longest_s = 0, 0.0
        while seen < 1500:
            before_s = time.monotonic()
            run.count(mine=1, both=1)
            counted += 1
            if counted % 1000 == 0:
                with footprint.track("inner"):
                    run.mark("mine")
            longest_s = max(longest_s, time.monotonic() - before_s)
        signal.setitimer(signal.ITIMER_REAL, 0)
        run.stop()
        facts = run.facts
        assert facts.work == {"handled": seen, "mine": counted, "both": seen + counted}, (facts.work, seen, counted)
        assert longest_s < 9, longest_s  # nobody waited for a lock that he held himself
        print(facts.outcome)
    """)
    assert (status, out) == (0, "completed\n"), err
    runs = settled_runs()
    assert {run.outcome for run in runs if run.name != "in the handler"} == {"completed"}


def test_a_handler_that_ends_the_program_ends_its_run(finish: Finish) -> None:
    """As many do on SIGTERM: stop the run and exit, wherever the program is, also inside a start of ours."""
    status, out, err = finish("""
        import os, signal, sys, threading, footprint
        def handler(number, frame):
            run.stop("interrupted")
            sys.exit(7)
        run = footprint.track("outer").start()
        signal.signal(signal.SIGTERM, handler)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        while True:
            with footprint.track("inner"):
                pass
    """)
    assert (status, out) == (7, ""), err
    (outer,) = [run for run in settled_runs() if run.name == "outer"]
    assert outer.outcome == "interrupted"


def test_a_start_that_is_interrupted_leaves_no_run_open(finish: Finish) -> None:
    """The program catches Ctrl-C and goes on: what it did not get to hold must not be recorded until its end."""
    status, out, err = finish("""
        import os, signal, threading, time, footprint
        footprint.track("first").start().stop()
        caught = 0
        for number in range(400):
            timer, run = threading.Timer(number / 40_000, os.kill, (os.getpid(), signal.SIGINT)), None
            try:
                timer.start()
                run = footprint.track("interrupted").start()
                timer.join()
                time.sleep(0.001)
                run.stop()
            except KeyboardInterrupt:
                caught += 1
            timer.join()
            try:
                time.sleep(0.001)
                if run is not None:
                    run.stop()
            except KeyboardInterrupt:
                pass
        with footprint.track("last") as last:
            pass
        time.sleep(0.5)
        from footprint.ledger import read_runs
        print(caught > 0, [run.name for run in read_runs().runs if run.outcome == "running"], last.facts.outcome)
    """)
    assert (status, out) == (0, "True [] completed\n"), err
    settled_runs()


@pytest.mark.parametrize("recorder", ["process", "thread"])
def test_a_child_that_python_did_not_fork_leaves_its_parents_recorder_alone(finish: Finish, recorder: str) -> None:
    """A library in C forks; no hook of Python's runs, and the child has our channel and our locks as they were."""
    status, out, err = finish(
        """
        import ctypes, os, sys, footprint
        libc = ctypes.PyDLL(None)
        with footprint.track("parent", interval_s=0.05) as run:
            child = libc.fork()
            if child == 0:
                run.count(samples=1000)
                run.mark("child")
                run.stop()
                with footprint.track("child") as inner:
                    pass
                assert "covered" in inner.facts.warnings[0], inner.facts
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 0
            run.count(samples=1)
        print(run.facts.outcome, run.facts.work, run.facts.marks, run.facts.warnings)
        """,
        FOOTPRINT_RECORDER=recorder,
    )
    assert (status, out) == (0, "completed {'samples': 1.0} () ()\n"), err
    assert [run.name for run in settled_runs()] == ["parent"]


def test_a_daemon_is_not_nested_in_a_run_that_has_ended(finish: Finish) -> None:
    """It has its parent's run in mind, which was over before its own began."""
    status, _, err = finish("""
        import os, footprint
        from footprint.recorder import client
        run = footprint.track("launcher", account="launch").start()
        read, write = os.pipe()
        if os.fork():
            run.stop()
            os.write(write, b"x")
            os._exit(0)
        os.read(read, 1)
        with footprint.track("daemon"):
            pass
        os._exit(0)
    """)
    assert (status, err) == (0, "")
    wait_for(lambda: {run.name for run in read_runs().runs} == {"launcher", "daemon"}, "both runs are written")
    (daemon,) = [run for run in settled_runs() if run.name == "daemon"]
    assert (daemon.parent, daemon.account) == (None, daemon.id)


def test_children_of_posix_spawn_and_of_executors_write_once(finish: Finish) -> None:
    """An executor's workers that were there before the run are its program's too, and one that is spawned is nested."""
    status, out, err = finish("""
        import os, sys, footprint
        from concurrent.futures import ProcessPoolExecutor
        def work(number):
            with footprint.track("worker"):
                return number * number
        if __name__ == "__main__":
            with ProcessPoolExecutor(2) as pool:
                list(pool.map(abs, range(4)))
                with footprint.track("outer"):
                    print(sum(pool.map(work, range(10))))
                    code = "import footprint\\nfootprint.track('spawned').start().stop()"
                    child = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)
                    assert os.waitpid(child, 0)[1] == 0
    """)
    assert (status, out, err) == (0, "285\n", "")
    runs = {run.name: run for run in settled_runs()}
    assert set(runs) == {"outer", "spawned"}
    assert runs["spawned"].parent == runs["outer"].id


def test_threads_that_mark_while_others_start_and_stop_lose_no_mark(finish: Finish) -> None:
    status, out, err = finish("""
        import threading, footprint
        done = threading.Event()
        def busy():
            while not done.is_set():
                with footprint.track("busy"):
                    pass
        def mark():
            for number in range(300):
                run.mark("m")
                run.count(samples=1)
        with footprint.track("marked") as run:
            others = [threading.Thread(target=busy) for _ in range(2)]
            mine = [threading.Thread(target=mark) for _ in range(4)]
            for thread in others + mine:
                thread.start()
            for thread in mine:
                thread.join()
            done.set()
            for thread in others:
                thread.join()
        facts = run.facts
        print(len(facts.marks), facts.work, facts.warnings)
    """)
    assert (status, out) == (0, "1200 {'samples': 1200.0} ()\n"), err
    settled_runs()


def test_what_a_handler_raises_while_we_wait_reaches_the_program(finish: Finish) -> None:
    """A timeout of the program's own, also of the class that ours are of, comes while a recorder does not answer."""
    status, out, err = finish("""
        import functools, os, signal, threading, time, footprint
        from footprint.ledger.reading import journal_paths, read_journal

        def handler(number, frame):
            raise TimeoutError("the program's own")

        class Handler:
            def __call__(self, number, frame):
                raise TimeoutError("the program's own")

        for each in (handler, Handler(), functools.partial(handler)):
            run = footprint.track("waited for", interval_s=0.05).start()
            (recorder,) = [
                records.opened.recorder.pid
                for path in journal_paths()
                for records in read_journal(path, only_run=run.id).runs.values()
            ]
            signal.signal(signal.SIGALRM, each)
            for ask in (footprint.track("begun").start, run.stop):
                os.kill(recorder, signal.SIGSTOP)
                signal.setitimer(signal.ITIMER_REAL, 0.2)
                try:
                    ask()
                except TimeoutError as error:
                    print(error, end="; ")
                os.kill(recorder, signal.SIGCONT)

        def later():
            with footprint.track("later") as run:
                pass
            print(run.facts.outcome, run.facts.warnings)

        later()
        thread = threading.Thread(target=later)
        thread.start()
        thread.join()
    """)
    assert (status, out) == (0, "the program's own; " * 6 + "completed ()\n" * 2), err
    assert {run.name: run.outcome for run in settled_runs()} == {
        "waited for": "completed",
        "begun": "interrupted",
        "later": "completed",
    }
