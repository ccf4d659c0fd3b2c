from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from footprint.ledger import read_run_file, read_runs
from footprint.ledger.reading import journal_paths
from tests.cli.terminal import rest_of

pytestmark = pytest.mark.slow

FOOTPRINT = [sys.executable, "-m", "footprint.cli", "run"]
LIMIT_S = 60


def run(*words: str, **facts: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*FOOTPRINT, *words], capture_output=True, text=True, timeout=LIMIT_S, check=False, **facts)  # type: ignore[call-overload,no-any-return]


def signal_sets(status: str) -> dict[str, int]:
    """The sets of signals in `/proc/PID/status`, without the two that glibc keeps for its threads."""
    lines = (line.split(":") for line in status.splitlines())
    return {name: int(bits, 16) & ~(0b11 << 31) for name, bits in lines}


def wait_until(text: str, path: Path) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not path.exists() or text not in path.read_text():
        assert time.monotonic() < deadline_s, f"{text!r} was not written"
        time.sleep(0.02)


@pytest.mark.parametrize("code", [0, 1, 3, 125, 255])
def test_the_exit_code_is_the_commands(code: int) -> None:
    done = run("--", "sh", "-c", f"exit {code}")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
    (recorded,) = read_runs().runs
    assert recorded.outcome == ("completed" if code == 0 else "failed")
    assert recorded.name == "sh"


@pytest.mark.parametrize(("number", "outcome"), [(9, "interrupted"), (15, "interrupted"), (11, "failed"), (13, "failed")])
def test_killed_by_a_signal(number: int, outcome: str) -> None:
    assert run("--", "sh", "-c", f"kill -{number} $$").returncode == 128 + number
    assert [recorded.outcome for recorded in read_runs().runs] == [outcome]


def test_arguments_are_not_touched() -> None:
    words = ["--output", "x", "--", "--name", "-h", "a b", "$HOME", "", "--help", "é\n"]
    done = run("--", sys.executable, "-c", "import sys; print(sys.argv[1:])", *words)
    assert done.stdout == f"{words!r}\n"
    assert run("printf", "%s\n", "--output", "x").stdout == "--output\nx\n"
    assert run("--name", "mine", "printf", "%s\n", "--name", "its").stdout == "--name\nits\n"
    assert [recorded.name for recorded in read_runs().runs] == ["mine", "printf", Path(sys.executable).name]
    stored = b"".join(path.read_bytes() for path in journal_paths())
    assert b"--output" not in stored


def test_input_and_output_are_not_touched() -> None:
    assert run("--", "cat", input="in\n").stdout == "in\n"
    done = run("--", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    shell = f'out=$({" ".join(FOOTPRINT)} -- echo hi); echo "[$out]"'
    assert subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout == "[hi]\n"


def test_inherited_descriptors_reach_the_command() -> None:
    read, write = os.pipe()
    try:
        done = run("--", sys.executable, "-c", f"import os; os.write({write}, b'through\\n')", pass_fds=[write])
        assert done.returncode == 0
        assert os.read(read, 100) == b"through\n"
    finally:
        os.close(read)
        os.close(write)


def test_signal_dispositions_are_as_without_us() -> None:
    shown = ["grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"]
    plain = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    assert signal_sets(run("--", *shown).stdout) == signal_sets(plain)


def test_what_cannot_be_started(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("text")
    cases = {"no-such-program-here": 127, str(tmp_path / "none"): 127, str(script): 126, str(tmp_path): 126, "": 127}
    for command, code in cases.items():
        done = run("--", command)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (code, "", 1), command
    assert read_runs().runs == ()  # what never ran is not an account's


@pytest.mark.parametrize(
    "words",
    [
        ["--kind", "fine-tunning"],
        ["--region", "aws:eu-wst-1"],
        ["--label", "novalue"],
        ["--card", "no-such-card.md"],
        ["--pue", "0.2"],
        ["--nonsense"],
    ],
)
def test_bad_options_stop_us_before_the_command(words: list[str], tmp_path: Path) -> None:
    done = run(*words, "--", "touch", "started", cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert not (tmp_path / "started").exists()


def test_without_a_command_it_is_a_usage_error() -> None:
    assert run().returncode == 2


def test_an_unwritable_ledger_costs_one_line() -> None:
    done = run("--", "sh", "-c", "echo out; exit 4", env={**os.environ, "FOOTPRINT_HOME": "/dev/null/x"})
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (4, "out\n", 1)


def test_the_command_is_measured_with_its_children(tmp_path: Path) -> None:
    record = tmp_path / "run.json"
    busy = f"{sys.executable} -c 'sum(i * i for i in range(3_000_000))'"
    done = run("--record", str(record), "--label", "a=b=c", "--kind", "evaluation", "--", "sh", "-c", f"{busy}; {busy}")
    assert done.returncode == 0
    recorded = read_run_file(record)
    usage = os.times()
    assert usage.children_user > 0
    assert recorded.cpu is not None
    assert recorded.cpu.tree_s > 0.1
    assert (recorded.labels["a"], recorded.kind) == ("b=c", "evaluation")


def test_a_tracker_inside_is_nested() -> None:
    code = "import footprint\nwith footprint.track('inner'): pass"
    assert run("--name", "outer", "--", sys.executable, "-c", code).returncode == 0
    runs = {recorded.name: recorded for recorded in read_runs().runs}
    assert runs["inner"].parent == runs["outer"].id
    assert runs["inner"].account == runs["outer"].account


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT", "USR1", "USR2", "QUIT"])
def test_a_signal_to_us_goes_on_once(name: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = f"""
import signal, sys, time
def note(number, frame):
    with open({str(log)!r}, "a") as file: file.write("got\\n")
    raise SystemExit(42)
signal.signal(signal.SIG{name}, note)
with open({str(log)!r}, "a") as file: file.write("ready\\n")
while True: time.sleep(1)
"""
    with subprocess.Popen([*FOOTPRINT, "--", sys.executable, "-c", code]) as process:
        wait_until("ready", log)
        process.send_signal(getattr(signal, f"SIG{name}"))
        assert process.wait(LIMIT_S) == 42
    assert log.read_text() == "ready\ngot\n"


def test_ctrl_c_at_a_terminal_reaches_the_command_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = f"""
import signal, time
count = 0
def note(number, frame):
    global count
    count += 1
    with open({str(log)!r}, "a") as file: file.write("got\\n")
signal.signal(signal.SIGINT, note)
with open({str(log)!r}, "a") as file: file.write("ready\\n")
while not count: time.sleep(0.05)
time.sleep(0.5)
raise SystemExit(count)
"""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(FOOTPRINT[0], [*FOOTPRINT, "--", sys.executable, "-c", code])
    try:
        wait_until("ready", log)
        os.write(terminal, b"\x03")
        output = rest_of(terminal, LIMIT_S)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    finally:
        os.close(terminal)
    assert log.read_text() == "ready\ngot\n"
    assert b"footprint runs show" in output


def test_killed_ourselves_the_run_is_interrupted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with subprocess.Popen([*FOOTPRINT, "--", "sh", "-c", f"echo ready > {log}; sleep 0.5"]) as process:
        wait_until("ready", log)
        process.kill()
    deadline_s = time.monotonic() + LIMIT_S
    while [recorded.outcome for recorded in read_runs().runs] != ["interrupted"]:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_card_that_cannot_be_filled_is_found_before_the_work(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("<!-- footprint:begin -->\n", encoding="utf-8")
    done = run("--card", str(card), "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "without its beginning or end" in done.stderr
    assert read_runs().runs == ()


def test_a_full_disk_behind_our_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "footprint.cli", "estimate", "--hardware", "T4", "--count", "1", "--hours", "1"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr
