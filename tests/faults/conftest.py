"""Programs that are tracked and then hurt: real processes, real signals.

Each fault has a number, which stands in the names of its tests: `pytest tests/faults -v -k fault_13`.

====  ============================================================  ================================
 1    kill -9 sixty times: nothing that was acknowledged is lost    test_death, test_unchanged
 2    SIGTERM, by default and with the user's handler               test_death, test_unchanged
 3    KeyboardInterrupt and exceptions propagate unchanged          test_death, test_unchanged
 4    os._exit, a segmentation fault: the recorder closes the run   test_death, test_unchanged
 5    a full disk                                                   test_disk
 6    a read-only file system, no home                              test_disk, test_unchanged
 7    two mounts that know nothing of each other, four writers      test_journals
 8    a journal torn at every byte; every byte of it flipped        test_journals
 9    kill -9 at each step of a compaction, a merge, a deletion     test_compaction
10    records of this version, the next and an unknown one          test_journals
11    a GPU that is lost, hangs or takes its reader along           test_gpu
12    RAPL: wraps of each zone, a reset to 0, EACCES                test_rapl, test_unchanged
13    the clock on the wall set by an hour, forward and back        test_clocks, test_unchanged
14    the machine suspended                                         test_clocks, test_unchanged
15    fork with a lock held, a pool                                 test_forks
16    spawn, forkserver                                             test_forks
17    nested and overlapping trackers                               test_overlaps, test_forks
18    eight ranks on one machine's GPUs; the leader killed          test_ranks, world/test_torchrun
19    a run of 5 ms, without a sample                               test_endurance
20    ten thousand runs in a row                                    test_endurance
21    a day at one reading a second, simulated                      test_endurance
24    links, dots, names made before, a hostile folder              test_journals
25    secrets in arguments and environment; a umask of 000          test_secrets
26    kill -9 of a fill of many cards, at any moment                test_cards
27    two fills at once, of one card and of a folder                test_cards
28    a fill of many cards stopped by Ctrl-C or SIGTERM             test_cards
====  ============================================================  ================================
"""

from __future__ import annotations

import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from footprint.ledger import read_runs
from footprint.ledger.processes import Process, is_alive
from footprint.ledger.reading import journal_paths, read_journal
from footprint.model import Run

LIMIT_S = 60.0

Program = Callable[..., "subprocess.Popen[str]"]


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait until something has happened; failing says what did not."""
    deadline_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"did not happen within {limit_s:g} s: {what}")
        time.sleep(0.02)


def recorders() -> list[Process]:
    """The recorders that wrote into this test's ledger."""
    runs = [records for path in journal_paths() for records in read_journal(path).runs.values()]
    return list({records.opened.recorder.pid: records.opened.recorder for records in runs}.values())


def settled_runs() -> tuple[Run, ...]:
    """The runs of this test's ledger, once all of its recorders have ended."""
    wait_for(lambda: not any(is_alive(recorder) for recorder in recorders()), "the recorders end with their hosts")
    return read_runs().runs


def ticks_written() -> int:
    """The ticks in this test's ledger so far."""
    return sum(path.read_bytes().count(b'"type":"tick"') for path in journal_paths())


class Clocks:
    """The clocks of the programs that are started with `environment`, which a test can move; see clocks.c."""

    def __init__(self, file: Path, library: Path) -> None:
        file.write_bytes(bytes(24))
        self.environment = {"FAULT_CLOCKS": str(file), "LD_PRELOAD": str(library)}
        with file.open("r+b") as opened:
            self._moved = mmap.mmap(opened.fileno(), 24)

    def suspend(self, for_s: float) -> None:
        """Let the machine have slept."""
        self._move(1, for_s)

    def set_wall_clock(self, by_s: float) -> None:
        """Set the clock on the wall forward or back."""
        self._move(2, by_s)

    @property
    def passed_s(self) -> float:
        """The seconds that a program with FAULT_CLOCKS_RUN set has skipped."""
        return int(struct.unpack_from("q", self._moved)[0]) / 1e9

    def _move(self, which: int, by_s: float) -> None:
        (before_ns,) = struct.unpack_from("q", self._moved, 8 * which)
        struct.pack_into("q", self._moved, 8 * which, before_ns + round(by_s * 1e9))


@pytest.fixture(scope="session")
def clocks_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: clocks cannot be moved here")
    library = tmp_path_factory.mktemp("clocks") / "clocks.so"
    source = Path(__file__).with_name("clocks.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.fixture
def clocks(tmp_path: Path, clocks_library: Path) -> Clocks:
    """Clocks that the test moves."""
    return Clocks(tmp_path / "clocks", clocks_library)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Program]:
    """Start a Python program, by the command `before` it if there is one; its output is caught."""
    started: list[subprocess.Popen[str]] = []

    def starter(code: str, before: Sequence[str] | None = None, **environment: str) -> subprocess.Popen[str]:
        script = tmp_path / f"program{len(started)}.py"
        script.write_text(textwrap.dedent(code))
        process = subprocess.Popen(
            [*(before or ()), sys.executable, str(script)],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield starter
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    for recorder in recorders():
        if recorder.pid != os.getpid():
            wait_for(lambda recorder=recorder: is_alive(recorder) is not True, "a recorder ends with its host")  # type: ignore[misc]


@pytest.fixture
def finish(start: Program) -> Callable[..., tuple[int, str, str]]:
    """Run a Python program to its end: exit code, stdout, stderr."""

    def finisher(code: str, **environment: str) -> tuple[int, str, str]:
        process = start(code, **environment)
        out, err = process.communicate(timeout=LIMIT_S)
        return process.returncode, out, err

    return finisher
