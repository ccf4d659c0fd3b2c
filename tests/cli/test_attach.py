from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from footprint.ledger import read_run_file, read_runs
from footprint.ledger.processes import is_alive
from footprint.ledger.reading import journal_paths, read_journal
from footprint.model import Run
from footprint.recorder import targets
from tests.cli.terminal import rest_of

pytestmark = pytest.mark.slow

FOOTPRINT = [sys.executable, "-m", "footprint.cli"]
ATTACH = [*FOOTPRINT, "attach"]
LIMIT_S = 60
# The exit code of a process that its parent has waited for.
KERNEL_TELLS = tuple(int(part) for part in os.uname().release.split(".")[:2]) >= (6, 15)

BUSY = """
import os, sys
print(flush=True)
for line in sys.stdin:
    sum(number * number for number in range(int(line)))
sys.exit(3)
"""

Start = Callable[..., "subprocess.Popen[str]"]


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s, f"did not happen: {what}"
        time.sleep(0.02)


def ticks_of(name: str) -> int:
    """How often a run was read so far."""
    found = 0
    for path in journal_paths():
        for run in read_journal(path, keep_ticks=True).runs.values():
            found += len(run.points()) if run.opened.name == name else 0
    return found


def attach(*words: object, **facts: object) -> subprocess.CompletedProcess[str]:
    command = [*ATTACH, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False, **facts)  # type: ignore[call-overload,no-any-return]


def signals_and_tracer(pid: int) -> list[str]:
    """What of a process's state would show that somebody meddled with it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return [line for line in lines if line.startswith(("SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "TracerPid"))]


def run_named(name: str) -> Run:
    (run,) = [run for run in read_runs().runs if run.name == name]
    return run


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program that says a line when it is there; the rest of its input is ours to write."""
    started: list[subprocess.Popen[str]] = []

    def starter(code: str = BUSY, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield starter
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def attached() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Attach, and wait until the run has begun."""
    started: list[subprocess.Popen[str]] = []

    def starter(pid: int, *words: str) -> subprocess.Popen[str]:
        name = words[words.index("--name") + 1]
        process = subprocess.Popen(
            [*ATTACH, str(pid), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        wait_for(lambda: ticks_of(name) > 0 or process.poll() is not None, "the run begins")
        return process

    yield starter
    for process in started:
        process.kill()
        process.communicate()


def test_a_process_is_measured_until_its_end(start: Start, attached: Start, tmp_path: Path) -> None:
    target = start(SLURM_JOB_ID="12", RANK="5")
    record = tmp_path / "run.json"
    words = ["--name", "seen", "--kind", "evaluation", "--label", "a=b", "--record", str(record), "--region", "aws:eu-west-1"]
    process = attached(target.pid, *words)
    before = ticks_of("seen")
    assert target.stdin is not None
    target.stdin.write("20000000\n")
    target.stdin.flush()
    wait_for(lambda: ticks_of("seen") > before, "another reading")
    _, err = target.communicate()
    assert (target.returncode, err) == (3, "")
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out, err) == (0, "", "")
    run = run_named("seen")
    assert read_run_file(record) == run
    assert run.outcome == "failed" or (not KERNEL_TELLS and run.outcome == "unknown")
    assert run.warnings == (() if run.outcome == "failed" else (targets.UNSEEN_END,))
    assert run.cpu is not None
    assert 0.1 < run.cpu.tree_s < run.duration_s * os.cpu_count()  # type: ignore[operator]
    assert (run.account, run.kind, run.parent) == ("slurm:12", "evaluation", None)
    assert run.labels == {"a": "b", "rank": "5", "job": "12", "attempt": "1"}
    assert run.place is not None


def test_the_name_is_the_processs_own_and_nothing_of_it_is_stored(start: Start) -> None:
    target = start(SECRET="hunter2")
    comm = Path(f"/proc/{target.pid}/comm").read_text().strip()
    process = subprocess.Popen([*ATTACH, str(target.pid)])
    wait_for(lambda: ticks_of(comm), "the run begins")
    target.communicate("")
    assert process.wait(LIMIT_S) == 0
    assert all(b"hunter2" not in path.read_bytes() for path in journal_paths())


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
def test_detaching_leaves_the_process_as_it_is(start: Start, attached: Start, name: str) -> None:
    target = start()
    before = signals_and_tracer(target.pid)
    process = attached(target.pid, "--name", "let go")
    assert Path(f"/proc/{target.pid}/task/{target.pid}/children").read_text() == ""
    process.send_signal(getattr(signal, f"SIG{name}"))
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out, err) == (0, "", "")
    run = run_named("let go")
    assert (run.outcome, run.warnings) == ("unknown", (targets.DETACHED,))
    assert signals_and_tracer(target.pid) == before
    target.communicate("")
    assert target.returncode == 3


def test_killed_ourselves_the_run_ends_and_its_outcome_is_unknown(start: Start, attached: Start) -> None:
    target = start()
    process = attached(target.pid, "--name", "cut off")
    (recorder,) = [run.opened.recorder for path in journal_paths() for run in read_journal(path).runs.values()]
    process.kill()
    wait_for(lambda: is_alive(recorder) is False, "the recorder ends with who attached")
    run = run_named("cut off")
    assert run.outcome == "unknown"
    assert "may have gone on" in run.warnings[0]
    target.communicate("")
    assert target.returncode == 3


def test_ctrl_c_at_a_terminal_detaches_with_one_line(start: Start) -> None:
    target = start()
    child, terminal = pty.fork()
    if child == 0:
        os.execv(ATTACH[0], [*ATTACH, str(target.pid), "--name", "at a terminal"])
    try:
        wait_for(lambda: ticks_of("at a terminal"), "the run begins")
        os.write(terminal, b"\x03")
        output = rest_of(terminal, LIMIT_S)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        os.close(terminal)
    shown = output.replace(b"^C", b"").strip().splitlines()
    assert len(shown) == 1
    assert b"footprint runs show" in shown[0]


def test_programs_inside_and_the_process_itself_are_nested(start: Start, attached: Start) -> None:
    """Whatever tracks inside adds nothing to a total that holds both; a worker of its own goes on recording itself."""
    target = start("""
import multiprocessing, subprocess, sys, footprint
def work(): footprint.track("worker").start().stop()
if __name__ == "__main__":
    print(flush=True)
    sys.stdin.readline()
    with footprint.track("its own"):
        subprocess.run([sys.executable, "-c", "import footprint\\nfootprint.track('inner').start().stop()"], check=True)
    worker = multiprocessing.get_context("fork").Process(target=work)
    worker.start(); worker.join()
    footprint.track("its second").start().stop()
    print(flush=True)
    sys.stdin.readline()
    footprint.track("its last").start().stop()
""")
    process = attached(target.pid, "--name", "outer", "--account", "job")
    assert target.stdin is not None
    assert target.stdout is not None
    target.stdin.write("\n")
    target.stdin.flush()
    target.stdout.readline()
    process.terminate()
    assert process.wait(LIMIT_S) == 0
    target.communicate("\n")
    outer, own = run_named("outer"), run_named("its own")
    assert {name: run_named(name).parent for name in ("its own", "inner", "worker", "its second", "its last")} == {
        "its own": outer.id,
        "inner": own.id,
        "worker": outer.id,
        "its second": outer.id,
        "its last": None,
    }
    assert (own.account, run_named("inner").account, run_named("its second").account) == ("job", "job", "job")
    assert not any(run.warnings for run in read_runs().runs if run.name != "outer")


def test_attaching_inside_a_recorded_program_is_nested(start: Start, attached: Start) -> None:
    target = start("""
import subprocess, sys, footprint
run = footprint.track("recorded", account="job").start()
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.readline()
child.communicate(b"\\n")
run.stop()
""")
    child = int(Path(f"/proc/{target.pid}/task/{target.pid}/children").read_text().split()[0])
    first = attached(target.pid, "--name", "on it")
    second = attached(target.pid, "--name", "on it again")
    third = attached(child, "--name", "on its child")
    target.communicate("\n")
    assert [process.wait(LIMIT_S) for process in (first, second, third)] == [0, 0, 0]
    recorded = run_named("recorded")
    assert run_named("on it").parent == recorded.id
    assert run_named("on it again").parent == recorded.id
    assert run_named("on its child").parent == recorded.id
    assert {run.account for run in read_runs().runs} == {"job"}


def test_the_environment_of_the_process_says_which_gpus_are_its(
    start: Start, attached: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from footprint.testing.nvml import SyntheticNvml

    for name, value in SyntheticNvml(tmp_path / "nvml", count=3).environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # ours, which is not asked for
    target = start(CUDA_VISIBLE_DEVICES="1,2")
    process = attached(target.pid, "--name", "gpus")
    target.communicate("")
    assert process.wait(LIMIT_S) == 0
    run = run_named("gpus")
    assert len([reading for reading in run.devices if reading.device.component == "accelerators"]) == 2


def test_what_cannot_be_read_of_another_users_process_is_said() -> None:
    """As a user who may not look into others' processes: root without these rights is one."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root may start another user's process")
    target = subprocess.Popen(["setpriv", "--reuid=65534", "--clear-groups", "cat"], stdin=subprocess.PIPE)
    command = ["setpriv", "--bounding-set=-sys_ptrace,-perfmon,-sys_admin", *ATTACH, str(target.pid), "--name", "not mine"]
    wait_for(lambda: Path(f"/proc/{target.pid}/comm").read_text() == "cat\n", "the program starts")
    process = subprocess.Popen(command)
    wait_for(lambda: ticks_of("not mine") or process.poll() is not None, "the run begins")
    target.communicate(b"\n")
    assert process.wait(LIMIT_S) == 0
    run = run_named("not mine")
    assert targets.UNREADABLE in run.warnings
    assert run.cpu is not None
    assert run.outcome == ("completed" if KERNEL_TELLS else "unknown")


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    here = os.getpid()
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    cases: list[tuple[list[object], str]] = [
        ([4_194_304], "there is no process"),
        (["none"], "PID"),
        ([zombie.pid], "has ended already"),
        ([], "Missing argument"),
        ([here, "--kind", "fine-tunning"], "did you mean fine-tuning"),
        ([here, "--label", "novalue"], "key=value"),
        ([here, "--interval", "0"], "interval_s"),
        ([here, "--record", str(tmp_path / "no" / "run.json")], "no folder"),
        ([here, "--region", "aws:eu-wst-1"], "eu-west-1"),
    ]
    if Path("/proc/2/comm").exists() and "kthreadd" in Path("/proc/2/comm").read_text():
        cases.append(([2], "thread of the kernel"))
    for words, message in cases:
        done = attach(*words)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), words
        assert message in done.stderr
    zombie.wait()
    shell = subprocess.run(["sh", "-c", f"exec {' '.join(ATTACH)} $$"], capture_output=True, text=True, check=False)
    assert (shell.returncode, len(shell.stderr.splitlines())) == (2, 1)
    assert "footprint itself" in shell.stderr
    assert read_runs().runs == ()


def test_a_ledger_that_cannot_be_written_is_one_line_and_nothing_is_waited_for() -> None:
    done = attach(os.getpid(), env={**os.environ, "FOOTPRINT_HOME": "/dev/null/x"})
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "cannot be written" in done.stderr


def test_help_says_what_it_is() -> None:
    done = attach("--help")
    assert done.returncode == 0
    assert "Ctrl-C detaches" in " ".join(done.stdout.split())
