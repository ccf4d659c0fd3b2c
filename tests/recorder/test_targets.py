from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from footprint.errors import ConfigError
from footprint.ledger.processes import identify
from footprint.recorder import targets
from footprint.recorder.watch import Watch

LIMIT_S = 60.0


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A program that ends with the exit code, or by the signal, that it is told."""
    code = """
import os, sys
print(flush=True)
word = sys.stdin.readline().strip()
os.kill(os.getpid(), int(word[1:])) if word.startswith("s") else sys.exit(int(word))
"""
    environ = {**os.environ, "SLURM_JOB_ID": "12", "ODD": "a=b"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_process_that_can_be_recorded(child: subprocess.Popen[bytes]) -> None:
    target = targets.find(child.pid)
    assert target.process == identify(child.pid)
    assert target.name == Path(f"/proc/{child.pid}/comm").read_text().strip()
    assert target.environ is not None
    assert (target.environ["SLURM_JOB_ID"], target.environ["ODD"]) == ("12", "a=b")


def test_what_cannot_be_recorded_is_one_clear_line(child: subprocess.Popen[bytes]) -> None:
    free = 4_194_304  # the kernel's largest pid is one less
    thread = threading.Thread(target=(event := threading.Event()).wait)
    thread.start()
    kernel = next((int(path.name) for path in Path("/proc").glob("[0-9]*") if path.name == "2"), None)
    cases = {free: "there is no process", os.getpid(): "is this footprint itself", 0: "there is no process", -1: "there is no"}
    cases[thread.native_id or 0] = f"is a thread of process {os.getpid()}"
    if kernel is not None and "kthreadd" in Path("/proc/2/comm").read_text():
        cases[kernel] = "thread of the kernel"
    try:
        for pid, message in cases.items():
            with pytest.raises(ConfigError, match=message) as raised:
                targets.find(pid)
            assert "\n" not in str(raised.value)
    finally:
        event.set()
        thread.join()
    child.communicate(b"0\n")


def test_a_zombie_has_ended_already(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.write(b"0\n")
    child.stdin.flush()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ConfigError, match="has ended already"):
        targets.find(child.pid)


@pytest.mark.parametrize(("word", "code"), [(b"0", 0), (b"7", 7), (b"s9", -9), (b"s11", -11)])
@pytest.mark.parametrize("waited", [False, True])
def test_how_a_process_ended_if_it_can_be_had(child: subprocess.Popen[bytes], word: bytes, code: int, waited: bool) -> None:
    process = identify(child.pid)
    watch = Watch(process)
    assert watch.descriptor is not None
    assert child.stdin is not None
    child.stdin.write(word + b"\n")
    child.stdin.flush()
    if waited:
        child.wait(LIMIT_S)
        assert targets.exit_code(process, watch.descriptor, 0.0) in {code, None}  # older kernels do not tell it
        assert targets.exit_code(process, None, 0.0) is None
    else:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert watch.gone()
        assert targets.exit_code(process, watch.descriptor, 0.0) == code
    watch.close()
    watch.close()


def test_the_kernel_tells_how_a_process_ended_that_was_waited_for(child: subprocess.Popen[bytes]) -> None:
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    process = identify(child.pid)
    watch = Watch(process)
    child.communicate(b"7\n")
    told = targets.exit_code(process, watch.descriptor, 0.0)
    assert told == (7 if release >= (6, 15) else None)
    watch.close()


def test_a_living_process_has_not_ended(child: subprocess.Popen[bytes]) -> None:
    watch = Watch(identify(child.pid))
    assert not watch.gone()
    assert targets.exit_code(identify(child.pid), watch.descriptor, 0.0) is None
    child.send_signal(signal.SIGKILL)
    child.wait(LIMIT_S)
    assert watch.gone()
    watch.close()


def test_a_number_that_another_process_has_taken_over_is_gone() -> None:
    watch = Watch(msgspec.structs.replace(identify(os.getpid()), start_ticks=1))
    assert watch.descriptor is None
    assert watch.gone()
