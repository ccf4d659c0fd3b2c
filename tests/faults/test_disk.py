"""Faults 5 and 6. Ledgers that cannot be written: the program goes on, one line says why."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import settled_runs

pytestmark = pytest.mark.slow

Finish = Callable[..., tuple[int, str, str]]

SHORT = """
    import footprint
    for _ in range(2):
        with footprint.track("x", region=None) as run:
            run.count(samples=2)
            run.mark("m")
    facts = run.facts
    assert facts.outcome == "completed" and facts.work == {"samples": 2.0}, facts
    assert facts.warnings and facts.cpu is None, facts
    print("done", facts.duration_s >= 0)
"""


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null/x", "/sys/footprint"])
def test_fault_06_an_unwritable_home(finish: Finish, home: str) -> None:
    status, out, err = finish(SHORT, FOOTPRINT_HOME=home)
    assert (status, out) == (0, "done True\n")
    assert len(err.splitlines()) == 1
    assert "set FOOTPRINT_HOME to a writable folder" in err


def test_fault_06_no_home_at_all(finish: Finish, tmp_path: Path) -> None:
    status, out, err = finish(SHORT, FOOTPRINT_HOME="~no-such-user-here/x")
    assert (status, out) == (0, "done True\n")
    assert len(err.splitlines()) == 1
    assert "FOOTPRINT_HOME" in err


def test_fault_06_a_home_that_cannot_be_written(finish: Finish) -> None:
    """As of an account without a home: what `HOME` says does not exist and cannot be made."""
    status, out, err = finish(SHORT, FOOTPRINT_HOME="", XDG_DATA_HOME="", HOME="/proc/nowhere")
    assert (status, out) == (0, "done True\n")
    assert len(err.splitlines()) == 1
    assert "set FOOTPRINT_HOME to a writable folder" in err


def test_fault_05_a_disk_that_fills_up(finish: Finish) -> None:
    """A limit on the file's size is a full disk to the recorder: the last line is torn, then nothing more fits."""
    status, out, err = finish("""
        import resource, signal, time, footprint
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        with footprint.track("x", interval_s=0.05) as run:
            time.sleep(1.5)
            run.count(samples=2)
        facts = run.facts
        assert facts.outcome == "completed" and facts.work == {"samples": 2.0}, facts
        assert facts.duration_s >= 1.5
        assert 0 < facts.cpu.read_s < facts.duration_s, facts
        print("done")
    """)
    assert (status, out) == (0, "done\n")
    assert len(err.splitlines()) == 1
    assert "could not be written" in err
    settled_runs()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; needs the right to mount."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("only root may mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_fault_05_a_full_file_system(finish: Finish, tiny_disk: Path) -> None:
    (tiny_disk / "ballast").write_bytes(bytes(56 * 1024))
    status, out, err = finish(
        """
        import time, footprint
        with footprint.track("x", interval_s=0.05) as run:
            time.sleep(3)
        assert run.facts.outcome == "completed"
        print("done")
        """,
        FOOTPRINT_HOME=str(tiny_disk),
    )
    assert (status, out) == (0, "done\n")
    assert len(err.splitlines()) == 1
    assert "could not be written" in err


def test_fault_06_a_read_only_file_system(finish: Finish, tiny_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    status, out, err = finish(SHORT, FOOTPRINT_HOME=str(tiny_disk))
    assert (status, out) == (0, "done True\n")
    assert "Read-only file system" in err
