from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from footprint.integrations.watching import Watch

LIMIT_S = 30.0
Told = list[BaseException | None]


def begin(told: Told) -> Watch:
    """Watch the function that calls this."""
    return Watch(sys._getframe(1), told.append)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_function_that_runs_is_left_alone_however_deep_it_is() -> None:
    told: Told = []

    def deeper(levels: int, watch: Watch) -> None:
        if levels:
            deeper(levels - 1, watch)
        else:
            deadline_s = time.monotonic() + 1.0
            while time.monotonic() < deadline_s:
                assert watch.look()

    watch = begin(told)
    deeper(200, watch)
    watch.stop()
    assert not watch.look()
    assert told == []


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
def test_the_exception_that_left_a_function_is_seen_while_it_is_handled(error: BaseException) -> None:
    told: Told = []

    def fails() -> None:
        begin(told)
        raise error

    def wraps() -> None:
        try:
            fails()
        except BaseException as inner:
            raise RuntimeError("wrapped") from inner

    try:
        wraps()
    except RuntimeError:
        wait_for(lambda: bool(told))
    assert told == [error]


def test_an_exception_that_did_not_pass_through_the_function_is_not_taken_for_its_own() -> None:
    told: Told = []

    def fails(kind: type[Exception], *, watched: bool) -> None:
        if watched:
            begin(told)
        raise kind

    with pytest.raises(ZeroDivisionError):
        fails(ZeroDivisionError, watched=True)
    try:
        fails(KeyError, watched=False)
    except KeyError:
        wait_for(lambda: bool(told))
    assert told == [None]


def test_it_is_told_once_and_nothing_is_kept() -> None:
    told: Told = []

    class Large:
        pass

    kept: list[weakref.ref[Large]] = []

    def ends() -> None:
        large = Large()
        kept.append(weakref.ref(large))
        watches.append(begin(told))

    watches: list[Watch] = []
    ends()
    askers = [threading.Thread(target=watches[0].look) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    wait_for(lambda: told == [None])
    gc.collect()
    assert kept[0]() is None
    assert not watches[0].look()
    wait_for(lambda: not any(thread.name == "footprint-watch" for thread in threading.enumerate()))
    assert told == [None]


PROGRAM = """
import os, sys
from footprint.integrations.watching import Watch
def train():
    Watch(sys._getframe(), lambda error: print("left by", type(error).__name__, flush=True))
    {body}
train()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "status", "out"),
    [
        ("raise ValueError", 1, "left by ValueError\n"),
        ("raise KeyboardInterrupt", -2, "left by KeyboardInterrupt\n"),
        ("sys.exit(3)", 3, "left by NoneType\n"),
        ("os._exit(4)", 4, ""),
        # A forked child has neither the thread nor the function; what it does is not told.
        ("child = os.fork(); sys.exit(0) if not child else (os.waitpid(child, 0), os._exit(5))", 5, ""),
    ],
)
def test_the_end_of_the_program_tells(body: str, status: int, out: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM.format(body=body)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert (done.returncode, done.stdout) == (status, out)
