from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from footprint.cli.live.terminal import SharedTerminal, has_title
from footprint.ledger import read_runs
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.slow

FOOTPRINT = [sys.executable, "-m", "footprint.cli"]
RUN = [*FOOTPRINT, "run", "--zone", "FRA"]
OURS = re.compile(rb"\x1b\]2;[^\x07]*\x07|\x1b\[2[23];2t|footprint: [^\n]*\n")
TITLE = re.compile(rb"\x1b\]2;([^\x07]*)\x07")
PAUSED = "for i in 1 2 3 4; do printf 'line %s\\n' $i; sleep 1; done"


def own_bytes(command: list[str]) -> bytes:
    with Terminal(command) as terminal:
        assert terminal.end() == 0
        return terminal.shown


def test_the_title_shows_the_run_and_nothing_of_the_commands_is_changed() -> None:
    with Terminal([*RUN, "--", "sh", "-c", PAUSED]) as terminal:
        assert terminal.end() == 0
        shown = terminal.shown
    titles = TITLE.findall(shown)
    assert titles
    assert re.fullmatch(rb"[\d.]+ m?W, [\d.,]+ \w+, [\d.,]+ \w+ \([\d.,-]+\) CO2eq, .*CPU.*, [\d.]+ m?s - sh", titles[-1])
    assert OURS.sub(b"", shown) == own_bytes(["sh", "-c", PAUSED])
    assert shown.count(b"\x1b[22;2t") == shown.count(b"\x1b[23;2t") == 1, "the title that was there is put back"
    assert shown.index(b"\x1b[22;2t") < shown.index(titles[0]) < shown.index(b"\x1b[23;2t")


def test_without_a_place_the_title_says_so() -> None:
    with Terminal([*FOOTPRINT, "run", "--", "sleep", "2.5"]) as terminal:
        assert terminal.end() == 0
        assert b"place unknown" in TITLE.findall(terminal.shown)[-1]


@pytest.mark.parametrize(
    ("words", "kind"),
    [(["--live", "off"], "xterm"), (["--quiet"], "xterm"), ([], "dumb"), ([], "linux")],
)
def test_no_title_where_none_is_wanted_or_known(words: list[str], kind: str) -> None:
    with Terminal([*RUN, *words, "--", "sleep", "2.2"], kind=kind) as terminal:
        assert terminal.end() == 0
        assert b"\x1b" not in terminal.shown


def test_a_pipe_gets_the_commands_bytes_and_no_other() -> None:
    code = "import sys, time; sys.stderr.write('to err\\r'); sys.stdout.write('to out'); sys.stdout.flush(); time.sleep(2.2)"
    done = subprocess.run([*RUN, "--live", "title", "--", sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"to out", b"to err\r")


@pytest.mark.parametrize("mode", ["raw", "unseen"])
def test_a_terminal_in_the_commands_own_modes_is_left_alone(mode: str) -> None:
    """As of a curses program, or while a password is typed."""
    change = (
        "tty.setraw(0)"
        if mode == "raw"
        else "modes = termios.tcgetattr(0); modes[3] &= ~termios.ECHO; termios.tcsetattr(0, 0, modes)"
    )
    code = f"import termios, tty, time; saved = termios.tcgetattr(0); {change}; time.sleep(3); termios.tcsetattr(0, 0, saved)"
    with Terminal([*RUN, "--", sys.executable, "-c", code]) as terminal:
        assert terminal.end() == 0
        assert not TITLE.search(terminal.shown)


def test_a_command_that_writes_all_the_time_is_not_interrupted() -> None:
    code = """
import time
end_s = time.monotonic() + 3
while time.monotonic() < end_s:
    print("\\x1b[3", end="", flush=True)
    time.sleep(0.01)
    print("1m", end="", flush=True)
"""
    with Terminal([*RUN, "--", sys.executable, "-c", code]) as terminal:
        assert terminal.end() == 0
        assert not re.search(rb"\x1b\[3\x1b\]", terminal.shown)


def test_lines_of_their_own_are_printed_where_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import footprint.cli.live.showing as s; s.LINES_S = 1.0; from footprint.cli import main; main()"
    words = ["run", "--live", "lines", "--zone", "FRA", "--", "sleep", "3"]
    with Terminal([sys.executable, "-c", code, *words], columns=40) as terminal:
        assert terminal.end() == 0
        lines = re.findall(rb"\r\x1b\[K(footprint: [^\r\n]*)\r\n", terminal.shown)
    assert lines
    assert all(len(line) < 40 for line in lines)
    assert b"\x1b]2" not in terminal.shown


def test_ctrl_c_and_ctrl_z_are_the_commands(tmp_path: Path) -> None:
    with Terminal([*RUN, "--", sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]) as terminal:
        terminal.until(b"ready")
        terminal.until(b"\x1b]2;")
        terminal.type(b"\x03")
        assert terminal.end() == 130
        assert terminal.shown.count(b"KeyboardInterrupt") == 1
    assert read_runs().runs[0].outcome == "interrupted"


def test_a_mode_that_is_none_is_refused_before_the_command() -> None:
    done = subprocess.run([*RUN, "--live", "tittle", "--", "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--live" in done.stderr
    assert "title" in done.stderr


def test_attach_shows_a_line_and_wipes_it() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        with Terminal([*FOOTPRINT, "attach", str(process.pid), "--zone", "FRA"], columns=60) as terminal:
            terminal.until(b"CO2eq")
            assert terminal.modes_now() == terminal.modes
            terminal.type(b"\x03")
            assert terminal.end() == 0
            lines = re.findall(rb"\r\x1b\[K(footprint: [^\r\n\x1b]*)", terminal.shown)
            assert all(len(line) < 60 for line in lines[:-1])
            assert b"\r\x1b[Kfootprint: " in terminal.shown
            assert b"runs show" in terminal.shown.splitlines()[-1]
        process.kill()


def test_attach_draws_nothing_where_the_process_writes_itself() -> None:
    code = """
import subprocess, sys, time
process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3)"])
sys.exit(subprocess.call([sys.executable, "-m", "footprint.cli", "attach", str(process.pid), "--quiet"]))
"""
    with Terminal([sys.executable, "-c", code]) as terminal:
        assert terminal.end() == 0
        assert b"\x1b[K" not in terminal.shown


@pytest.mark.parametrize(("kind", "is_titled"), [("xterm-256color", True), ("tmux", True), ("dumb", False), ("", False)])
def test_which_terminals_have_a_title(kind: str, is_titled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", kind)
    assert has_title() is is_titled


def test_a_shared_terminal_needs_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        with pytest.raises(OSError, match=r".+"):
            SharedTerminal(1, threading.Event())


def test_ctrl_z_stops_the_command_and_the_shell_takes_it_up_again() -> None:
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell, PS1="$ ") as terminal:
        terminal.until(b"$ ")
        terminal.type((" ".join([*RUN, "--", "sh", "-c", "'echo be''gun; sleep 3; echo do''ne'"]) + "\n").encode())
        terminal.until(b"begun\r")
        terminal.until(b"\x1b]2;")
        terminal.type(b"\x1a")
        terminal.until(b"Stopped")
        terminal.type(b"fg\n")
        terminal.until(b"done\r")
        terminal.until(b"runs show")
        terminal.type(b"exit $?\n")
        assert terminal.end() == 0


def test_the_title_is_put_back_after_a_command_that_leaves_its_own_modes() -> None:
    """As a curses program does that is killed."""
    with Terminal([*RUN, "--", "sh", "-c", "sleep 2.5; stty raw"]) as terminal:
        assert terminal.end() == 0
        assert terminal.shown.count(b"\x1b[22;2t") == terminal.shown.count(b"\x1b[23;2t") == 1


def test_the_title_is_put_back_when_the_command_ends_behind_the_shells_prompt() -> None:
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell, PS1="$ ") as terminal:
        terminal.until(b"$ ")
        terminal.type((" ".join([*RUN, "--", "sh", "-c", "'sleep 3'"]) + "\n").encode())
        terminal.until(b"\x1b]2;")
        terminal.type(b"\x1a")
        terminal.until(b"Stopped")
        terminal.type(b"bg\n")
        terminal.until(b"runs show")
        assert terminal.shown.count(b"\x1b[22;2t") == terminal.shown.count(b"\x1b[23;2t") == 1
        terminal.type(b"exit\n")
        assert terminal.end() == 0
