"""A question that is given up: at once, whatever DuckDB makes of it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from footprint.ledger.engines.aside import aside

LIMIT_S = 60.0
ENDLESS = """
import sys, threading
from functools import partial
from pathlib import Path
from footprint import cli
from footprint.ledger.engines.duck import DuckEngine

def endless(*_args, **_more):
    threading.Timer(0.5, print, ("asking",), {"flush": True}).start()
    with DuckEngine(Path(sys.argv[1])) as engine:
        return engine.query("SELECT count(*) FROM range(1000000000000) a WHERE a.range % 7 = 3")

import footprint.ledger.ask
footprint.ledger.ask.ask = endless
sys.exit(cli.call(["ledger", "devices"]))
"""


@pytest.mark.slow
def test_ctrl_c_ends_a_question_each_time(tmp_path: object) -> None:
    for _ in range(5):  # DuckDB by itself hangs in half of them
        with subprocess.Popen(
            [sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as asking:
            assert asking.stdout is not None
            assert asking.stderr is not None
            assert asking.stdout.readline() == "asking\n"
            asking.send_signal(signal.SIGINT)
            try:
                assert asking.wait(LIMIT_S) == 130
            finally:
                asking.kill()
            assert asking.stderr.read() == ""


def test_what_goes_wrong_aside_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        aside(lambda: 1 // 0, lambda: None)
    assert aside(lambda: "done", lambda: None) == "done"
