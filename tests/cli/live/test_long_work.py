from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from footprint.cli.long_work import long_work
from footprint.ledger import home, read_runs
from footprint.ledger.archive.compacting import Policy, compact
from footprint.ledger.archive.store import connect
from footprint.ledger.long_work import LongWork, Progress, StoppedError
from footprint.ledger.verify import verify
from tests.cli.terminal import Terminal
from tests.ledger.archive.examples import AT_ONCE, fill, left_over

FOOTPRINT = [sys.executable, "-m", "footprint.cli"]
ENDLESS = "SELECT count(*) FROM range(10000000000) a, range(10000000000) b"
LEDGER_RUNS = 30


def at_a_piece(words: list[str], piece: str) -> list[str]:
    """A command of ours that says on stderr when it comes to a piece of its work, and waits there for a signal."""
    code = f"""
import sys, time
import footprint.ledger.long_work as module
told = module.LongWork._tell
def tell(self, what, done, of):
    told(self, what, done, of)
    if what == {piece!r}:
        print("at the piece", file=sys.stderr, flush=True)
        while not self._is_stopped: time.sleep(0.01)
        told(self, what, done, of)
module.LongWork._tell = tell
from footprint.cli import main
main({words!r})
"""
    return [sys.executable, "-c", code]


def test_what_is_done_is_returned_and_what_fails_is_raised(capsys: pytest.CaptureFixture[str]) -> None:
    def work(told: Progress) -> int:
        told("counting", 1, 2)
        return 42

    def fail(_: Progress) -> int:
        raise ValueError("as it was")

    assert long_work(work, to_go_on="") == 42
    with pytest.raises(ValueError, match="as it was"):
        long_work(fail, to_go_on="")
    assert capsys.readouterr().err == "", "no bar where no terminal is"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_the_next_piece(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    handler = signal.getsignal(number)
    cleaned: list[str] = []

    def work(told: Progress) -> None:
        try:
            told("counting", 3, 7)
            os.kill(os.getpid(), number)
            while True:
                time.sleep(0.01)
                told("counting", 3, 7)
        finally:
            cleaned.append("yes")

    with pytest.raises(typer.Exit) as ended:
        long_work(work, to_go_on="do it again")
    assert ended.value.exit_code == 128 + number
    assert cleaned == ["yes"]
    assert capsys.readouterr().err == "footprint: stopped while counting, 3 of 7 done; do it again\n"
    assert signal.getsignal(number) == handler


def test_a_signal_that_comes_too_late_stops_nothing_and_nothing_is_said_to_be_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    """An export that is there must not be said not to be."""

    def work(told: Progress) -> int:
        told("writing", 0, 1)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        return 42

    assert long_work(work, to_go_on="nothing was done") == 42
    assert capsys.readouterr().err == ""


def test_work_that_takes_a_stopped_piece_in_its_stride_tells_its_end() -> None:
    """There it can be stopped: the last piece may have failed because it was told to."""
    fill(home(), 4)
    ends: dict[str, tuple[int, int]] = {}

    def tell(what: str, done: int, of: int) -> None:
        ends[what] = done, of

    for first in range(4):
        fill(home(), 1, first=10 + first)
        compact(home(), AT_ONCE, progress=tell)
    compact(home(), Policy(older_than_s=0, keep_samples_s=0), progress=tell)
    verify(progress=tell)
    assert {what: done for what, (done, of) in ends.items() if done == of} == {
        "merging batches": 0,
        "thinning readings": 1,
        "verifying batches": 1,
    }


def test_the_database_is_stopped_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    def work(_: Progress) -> object:
        with connect() as database:
            os.kill(os.getpid(), signal.SIGINT)
            return database.execute(ENDLESS).fetchall()

    with pytest.raises(typer.Exit):
        long_work(work, to_go_on="")
    assert "stopped before it began" in capsys.readouterr().err


def test_what_tells_nothing_is_broken_off() -> None:
    ended: list[BaseException] = []

    def work(_: Progress) -> None:
        try:
            while True:
                time.sleep(0.001)
        except BaseException as error:
            ended.append(error)
            raise

    thread = LongWork(work)
    thread.start()
    thread.stop()
    thread.break_off()
    assert thread.done.wait(30)
    assert isinstance(ended[0], StoppedError)


def test_a_second_signal_breaks_off_and_what_was_begun_is_cleared_away(capsys: pytest.CaptureFixture[str]) -> None:
    cleared: list[str] = []

    def work(_: Progress) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        try:
            while True:
                time.sleep(0.001)
        finally:
            time.sleep(0.2)
            cleared.append("yes")

    with pytest.raises(typer.Exit):
        long_work(work, to_go_on="")
    assert cleared == ["yes"]
    assert "stopped" in capsys.readouterr().err


def test_a_connection_of_the_main_thread_is_its_own() -> None:
    with connect() as database:
        assert database.execute("SELECT 1").fetchall() == [(1,)]


Made = Callable[[Path], list[str]]


def compacting(_: Path) -> list[str]:
    return ["runs", "compact", "--older-than", "0s"]


def exporting(folder: Path) -> list[str]:
    return ["runs", "export", "-o", str(folder / "export")]


def importing(folder: Path) -> list[str]:
    subprocess.run([*FOOTPRINT, "runs", "export", "-o", str(folder / "source")], check=True, capture_output=True)
    shutil.rmtree(home())
    return ["runs", "import", str(folder / "source")]


def pushing(folder: Path) -> list[str]:
    return ["ledger", "push", str(folder / "export")]


def verifying(_: Path) -> list[str]:
    return ["runs", "verify"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "piece", "runs"),
    [
        (compacting, "archiving journals", LEDGER_RUNS),
        (exporting, "reading the ledger", LEDGER_RUNS),
        (exporting, "writing runs", LEDGER_RUNS),
        (importing, "reading sources", 0),
        (importing, "writing runs", 0),
        (pushing, "reading the ledger", LEDGER_RUNS),
        (pushing, "pushing runs", LEDGER_RUNS),
        (verifying, "verifying journals", LEDGER_RUNS),
    ],
)
def test_ctrl_c_in_the_middle_leaves_the_ledger_whole(made: Made, piece: str, runs: int, tmp_path: Path) -> None:
    fill(home(), LEDGER_RUNS, ticks=50)
    words = made(tmp_path)
    with Terminal(at_a_piece(words, piece)) as terminal:
        terminal.until(b"at the piece")
        terminal.type(b"\x03")
        assert terminal.end() == 130
        said = terminal.shown.decode()
    assert f"footprint: stopped while {piece}, " in said
    assert said.count("footprint: ") == 1
    assert "Traceback" not in said
    assert said.rstrip().endswith(("run it again", "go on", "comes in once"))
    found = verify()
    assert (found.runs, found.findings) == (runs, ())
    assert len(read_runs().runs) == runs
    if (home() / "archive").is_dir():
        assert left_over(home()) == []
    assert not (tmp_path / "export" / "manifest.json").exists()
    assert not list(tmp_path.glob(".*"))
    assert subprocess.run([*FOOTPRINT, *words], check=False, capture_output=True).returncode == 0, "it goes on"
    assert len(read_runs().runs) == LEDGER_RUNS


@pytest.mark.slow
def test_sigterm_at_any_moment_of_a_compaction_leaves_the_ledger_whole() -> None:
    fill(home(), LEDGER_RUNS, ticks=200)
    for wait_s in (0.4, 0.6, 0.8, 1.0, 1.3):
        with subprocess.Popen([*FOOTPRINT, *compacting(Path())], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            time.sleep(wait_s)
            process.terminate()
            _, told = process.communicate()
        assert process.returncode in {0, 143, -15}, told  # the last where it had not begun
        found = verify()
        assert (found.runs, [one for one in found.findings if one.severity == "error"]) == (LEDGER_RUNS, [])


@pytest.mark.slow
def test_a_bar_is_shown_at_a_terminal_only_and_wiped() -> None:
    fill(home(), LEDGER_RUNS, ticks=50)
    code = "import footprint.cli.long_work as w; w._SHOWN_FROM_S = 1e-9; from footprint.cli import main; main(['runs', 'verify'])"
    with Terminal([sys.executable, "-c", code]) as terminal:
        assert terminal.end() == 0
        assert b"verifying journals" in terminal.shown
        assert terminal.shown.rstrip().endswith(b"all is whole")
        assert b"\x1b[2K" in terminal.shown.splitlines()[-1] or b"\x1b[1A" in terminal.shown
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b""
    assert b"\x1b" not in done.stdout
