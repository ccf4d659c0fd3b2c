"""Faults 15 and 16. Children of tracked programs: they neither write, nor stop, nor start recorders of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from footprint.ledger import read_runs
from tests.faults.conftest import settled_runs, wait_for

pytestmark = pytest.mark.slow

Finish = Callable[..., tuple[int, str, str]]


def test_fault_15_a_forked_child_is_inert(finish: Finish) -> None:
    status, out, err = finish("""
        import os, footprint
        with footprint.track("parent") as run:
            child = os.fork()
            run.count(samples=1 if child else 1000)
            run.mark("parent" if child else "child")
            if not child:
                with footprint.track("inner") as inner:
                    pass
                assert "covered" in inner.facts.warnings[0], inner.facts
                run.stop()
                os._exit(0)
            os.waitpid(child, 0)
        facts = run.facts
        assert facts.work == {"samples": 1.0}, facts.work
        assert [mark.name for mark in facts.marks] == ["parent"]
        assert facts.outcome == "completed"
        print("done")
    """)
    assert (status, out, err) == (0, "done\n", "")
    assert [run.name for run in settled_runs()] == ["parent"]


def test_fault_15_a_child_that_outlives_its_parent_keeps_nothing_open(finish: Finish) -> None:
    """A forked worker may hold the channel's descriptor: the host's death is not seen by end of file."""
    status, _, _ = finish("""
        import os, time, footprint
        run = footprint.track("parent", interval_s=0.05).start()
        if not os.fork():
            for descriptor in (0, 1, 2):
                os.close(descriptor)
            time.sleep(3)
            os._exit(0)
        os._exit(1)
    """)
    assert status == 1
    (run,) = settled_runs()
    assert run.outcome == "interrupted"
    assert run.duration_s < 2.5


def test_fault_15_a_fork_after_the_run_may_track_on_its_own(finish: Finish) -> None:
    status, out, err = finish("""
        import os, footprint
        with footprint.track("before"):
            pass
        child = os.fork()
        with footprint.track("after" if child else "in the child") as run:
            pass
        assert not run.facts.warnings, run.facts
        if not child:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)
    assert (status, out, err) == (0, "", "")
    assert sorted(run.name for run in settled_runs()) == ["after", "before", "in the child"]


def pool(method: str) -> str:
    """A program whose workers run a function that is tracked, with a tracker at its top besides."""
    return f"""
        import multiprocessing, footprint
        run = footprint.track("at the top").start()

        @footprint.track("work")
        def work(number):
            return number * number

        if __name__ == "__main__":
            with multiprocessing.get_context({method!r}).Pool(3) as pool:
                print(sum(pool.map(work, range(20))))
                pool.close()
                pool.join()
            run.stop()
    """


def test_fault_15_a_pool_starts_no_recorders(finish: Finish) -> None:
    assert finish(pool("fork")) == (0, "2470\n", "")
    assert [run.name for run in settled_runs()] == ["at the top"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_fault_16_workers_that_import_the_program_again_start_no_recorders(finish: Finish, method: str) -> None:
    assert finish(pool(method)) == (0, "2470\n", "")
    assert [run.name for run in settled_runs()] == ["at the top"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_fault_16_workers_that_outlive_the_run_may_track_on_their_own(finish: Finish, method: str) -> None:
    """A worker is covered by the run of the program that started it while that run lasts, and no longer."""
    status, out, err = finish(f"""
        import multiprocessing, footprint

        def work(name):
            with footprint.track(name) as run:
                pass
            return run.is_recorded

        if __name__ == "__main__":
            with multiprocessing.get_context({method!r}).Pool(1) as pool:
                with footprint.track("covers"):
                    print(pool.apply(work, ("during",)))
                print(pool.apply(work, ("after",)))
                pool.close()
                pool.join()
    """)
    assert (status, out, err) == (0, "False\nTrue\n", "")
    assert sorted(run.name for run in settled_runs()) == ["after", "covers"]


def test_fault_15_a_fork_with_our_locks_held(finish: Finish) -> None:
    status, out, err = finish("""
        import os, threading, footprint
        done = threading.Event()
        def busy():
            while not done.is_set():
                with footprint.track("busy") as run:
                    run.mark("x")
        threads = [threading.Thread(target=busy) for _ in range(3)]
        with footprint.track("outer") as outer:
            for thread in threads:
                thread.start()
            for _ in range(20):
                child = os.fork()
                if not child:
                    with footprint.track("child"):
                        outer.mark("child")
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
            done.set()
            for thread in threads:
                thread.join()
        print("done")
    """)
    assert (status, out, err) == (0, "done\n", "")
    assert {run.name for run in settled_runs()} == {"outer", "busy"}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_fault_16_ranks_of_a_launcher_that_is_not_tracked_are_recorded(finish: Finish, method: str) -> None:
    """`torch.multiprocessing.spawn` starts ranks that track themselves, and nobody else records them."""
    status, out, err = finish(f"""
        import multiprocessing, footprint

        def rank(number):
            with footprint.track(f"rank {{number}}"):
                sum(range(10_000))

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            ranks = [context.Process(target=rank, args=(number,)) for number in range(2)]
            for process in ranks:
                process.start()
            for process in ranks:
                process.join()
    """)
    assert (status, out, err) == (0, "", "")
    assert sorted((run.name, run.parent, run.outcome) for run in settled_runs()) == [
        ("rank 0", None, "completed"),
        ("rank 1", None, "completed"),
    ]


def test_fault_17_a_program_started_by_a_tracked_one_is_nested(finish: Finish) -> None:
    status, out, err = finish("""
        import subprocess, sys, footprint
        inner = "import footprint\\nwith footprint.track('inner'): pass"
        with footprint.track("outer", account="job"):
            subprocess.run(["sh", "-c", '"$0" -c "$1"; true', sys.executable, inner], check=True)
        subprocess.run([sys.executable, "-c", inner.replace("inner", "after")], check=True)
    """)
    assert (status, out, err) == (0, "", "")
    runs = {run.name: run for run in settled_runs()}
    assert runs["inner"].parent == runs["outer"].id
    assert runs["inner"].account == "job"
    assert (runs["after"].parent, runs["after"].account) == (None, runs["after"].id)


def test_fault_15_a_daemon_that_outlives_the_tracked_program_tracks_on_its_own(finish: Finish, tmp_path: Path) -> None:
    """The record of the program that it was forked from covers it only as long as there is one."""
    status, _, err = finish(f"""
        import os, footprint
        from footprint.recorder import client
        run = footprint.track("launcher").start()
        read, write = os.pipe()
        if os.fork():
            os.close(write)
            os._exit(0)
        os.close(write)
        os.read(read, 1)  # ends with the launcher
        while client.forked_from_tracked():
            os.sched_yield()
        with footprint.track("daemon") as run:
            pass
        open({str(tmp_path / "result")!r}, "w").write(f"{{run.facts.outcome}} {{run.facts.warnings}}")
        os._exit(0)
    """)
    assert (status, err) == (0, "")
    ended = {"launcher": "interrupted", "daemon": "completed"}
    wait_for(lambda: {run.name: run.outcome for run in read_runs().runs} == ended, "both runs end")
    result = tmp_path / "result"
    wait_for(lambda: result.exists() and result.read_text() == "completed ()", "the daemon ends")
    settled_runs()
