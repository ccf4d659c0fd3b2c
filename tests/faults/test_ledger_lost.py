"""Ledgers that are taken away, fill up and empty again, or do not sync: the program goes on, and the run says so."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from footprint.ledger import read_runs
from footprint.ledger.reading import journal_paths
from tests.faults.conftest import Program, settled_runs, ticks_written, wait_for

pytestmark = pytest.mark.slow

Finish = Callable[..., tuple[int, str, str]]

WORK = """
    import sys, footprint
    with footprint.track("before"):
        pass
    with footprint.track("x", interval_s=0.05) as run:
        print("tracked", flush=True)
        sys.stdin.readline()
        total = sum(number * number for number in range(2_000_000))
        run.count(samples=2)
        print("worked", flush=True)
        sys.stdin.readline()
    facts = run.facts
    assert (facts.outcome, facts.work) == ("completed", {"samples": 2.0}), facts
    print(facts.cpu is not None and facts.cpu.tree_s > 0.02, *facts.warnings, sep="|")
    with footprint.track("after") as run:
        pass
    assert not run.facts.warnings, run.facts.warnings
"""


def talk(process: subprocess.Popen[str], between: Callable[[], object]) -> tuple[str, str]:
    """Let the program work, and do something to it between two of its lines; what it then says."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "tracked\n"
    wait_for(lambda: ticks_written() >= 4, "some readings")
    between()
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == "worked\n"
    return process.communicate("go\n")


def test_a_ledger_that_is_deleted_is_made_anew_with_the_run(start: Program) -> None:
    ledger = Path(os.environ["FOOTPRINT_HOME"])
    process = start(WORK)
    out, err = talk(process, lambda: shutil.rmtree(ledger))
    assert (process.returncode, err) == (0, ""), err
    assert out.startswith("True|the ledger was deleted during the run and made anew"), out
    runs = {run.name: run for run in settled_runs()}
    assert set(runs) == {"x", "after"}
    assert runs["x"].outcome == "completed"
    assert not read_runs().problems


def test_the_last_reading_of_a_program_that_is_killed_after_its_ledger_was_deleted_is_kept(start: Program) -> None:
    ledger = Path(os.environ["FOOTPRINT_HOME"])
    process = start(WORK)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "tracked\n"
    wait_for(lambda: ticks_written() >= 4, "some readings")
    process.stdin.write("go\n")
    process.stdin.flush()
    assert process.stdout.readline() == "worked\n"
    so_far = ticks_written()
    wait_for(lambda: ticks_written() >= so_far + 2, "readings of the work")
    shutil.rmtree(ledger)
    process.kill()
    process.communicate()
    wait_for(lambda: any(run.outcome == "interrupted" for run in read_runs().runs), "the end of the run in a new ledger")
    (run,) = settled_runs()
    assert run.cpu is not None
    assert run.cpu.tree_s > 0.02


def test_a_ledger_that_is_deleted_and_cannot_be_made_anew(start: Program, tmp_path: Path) -> None:
    ledger = tmp_path / "parent" / "ledger"
    ledger.parent.mkdir()

    def delete() -> None:
        shutil.rmtree(ledger)
        ledger.write_text("a file in its place")

    process = start(WORK.replace("assert not run.facts.warnings", "assert run.facts.warnings"), FOOTPRINT_HOME=str(ledger))
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    wait_for(lambda: len(list(ledger.rglob("*.jsonl"))) > 0, "the journal is there")
    delete()
    out, err = process.communicate("go\ngo\n")
    assert process.returncode == 0, err
    assert "was deleted during the run, and no new one can be made" in out
    assert len(err.splitlines()) <= 3  # the deletion, the journal that cannot be read, the next run that cannot be recorded
    assert ledger.read_text() == "a file in its place"


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("only root may mount")
    return folder


def test_a_disk_that_is_full_for_a_while(start: Program, small_disk: Path) -> None:
    """What did not fit is lost and told; what comes after is recorded, and the run's end is written once there is room."""
    ballast = small_disk / "ballast"
    try:
        process = start(
            """
            import sys, time, footprint
            run = footprint.track("x", interval_s=0.05).start()
            print("tracked", flush=True)
            sys.stdin.readline()
            run.stop()
            print(any("could not be written" in said for said in run.facts.warnings), run.facts.outcome, flush=True)
            sys.stdin.readline()
            """,
            FOOTPRINT_HOME=str(small_disk / "ledger"),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        (path,) = journal_paths(small_disk / "ledger")

        def is_full() -> bool:
            size = path.stat().st_size
            time.sleep(0.5)  # ten readings
            return size == path.stat().st_size

        wait_for(is_full, "the journal cannot grow any more")
        process.stdin.write("stop\n")
        process.stdin.flush()
        assert process.stdout.readline() == "True completed\n"
        ballast.unlink()
        process.communicate("end\n")
        wait_for(lambda: b'"type":"close"' in path.read_bytes(), "the run's end is written")
        (run,) = read_runs(small_disk / "ledger").runs
        assert run.outcome == "completed"
        assert any("could not be written" in warning for warning in run.warnings)
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=True)


@pytest.fixture
def disk_that_does_not_sync(tmp_path: Path) -> str:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = tmp_path / "slow_sync.so"
    source = Path(__file__).with_name("slow_sync.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source], check=True)
    return str(library)


@pytest.mark.parametrize(("number", "told"), [(errno.EIO, True), (errno.EINVAL, False)])
def test_a_disk_that_cannot_sync(finish: Finish, disk_that_does_not_sync: str, number: int, told: bool) -> None:
    """An error of the disk is told; a file system that knows no sync is none."""
    status, out, err = finish(
        """
        import time, footprint
        for _ in range(2):
            with footprint.track("x", interval_s=0.05) as run:
                time.sleep(0.6)
        print(any("cannot be synced" in warning for warning in run.facts.warnings), run.facts.outcome)
        """,
        LD_PRELOAD=disk_that_does_not_sync,
        SYNC_ERRNO=str(number),
    )
    assert (status, out) == (0, f"{told} completed\n")
    assert len(err.splitlines()) == int(told)
    assert len(settled_runs()) == 2


def test_a_sync_that_hangs_holds_up_neither_readings_nor_answers(finish: Finish, disk_that_does_not_sync: str) -> None:
    status, out, err = finish(
        """
        import time, footprint
        with footprint.track("x", interval_s=0.05) as run:
            time.sleep(1.5)
        print(run.facts.outcome, *run.facts.warnings)
        with footprint.track("y") as run:
            pass
        print(run.facts.outcome, *run.facts.warnings)
        """,
        LD_PRELOAD=disk_that_does_not_sync,
        SYNC_SLEEP_S="6",
    )
    assert (status, out, err) == (0, "completed\ncompleted\n", "")
    assert ticks_written() > 20
    assert {run.outcome for run in read_runs().runs} == {"completed"}


def test_a_program_that_has_no_descriptor_left(finish: Finish) -> None:
    status, out, err = finish("""
        import os, resource, footprint
        from footprint import track
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
        held = []
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        for _ in range(3):
            with footprint.track("x", labels={"a": "b"}) as run:
                run.count(samples=2)
                run.mark("m")
        kept = run
        for descriptor in held:
            os.close(descriptor)
        print(kept.facts.outcome, kept.facts.work, bool(kept.facts.warnings))
        with footprint.track("later") as run:
            pass
        print(run.facts.outcome, run.facts.warnings)
    """)
    assert (status, out) == (0, "completed {'samples': 2.0} True\ncompleted ()\n"), err
    assert len(err.splitlines()) <= 2, err
    assert [run.name for run in settled_runs()] == ["later"]


def test_ten_runs_on_a_full_disk_are_one_warning(finish: Finish) -> None:
    status, out, err = finish("""
        import resource, signal, time, footprint
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        runs = [footprint.track(f"{number}", interval_s=0.05).start() for number in range(10)]
        time.sleep(1.5)
        for run in runs:
            run.stop()
            time.sleep(0.1)
        print({run.facts.outcome for run in runs}, all(run.facts.warnings for run in runs))
    """)
    assert (status, out) == (0, "{'completed'} True\n"), err
    assert len(err.splitlines()) == 1, err
