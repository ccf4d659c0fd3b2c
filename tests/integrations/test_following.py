from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import footprint
from footprint.errors import ConfigError
from footprint.integrations import following
from footprint.integrations.following import Reading, follow

LIMIT_S = 60.0
OFTEN_S = 0.2
ROOT = Path(footprint.__file__).parents[1]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def followers(run_id: str) -> list[int]:
    """The processes that follow a run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"integrations.follower" in (told := (folder / "cmdline").read_bytes()) and run_id.encode() in told.split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def program(code: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


FOLLOWED = """
    import json, os, sys, threading, time
    import footprint
    from footprint.integrations.following import follow
    seen, second = [], threading.Event()
    def publish(reading):
        seen.append(reading)
        if len(seen) > 1 and reading.power_w:  # it takes two readings some time apart
            second.set()
    with footprint.track("followed", zone="FRA", interval_s=0.1) as run:
        following = follow(run, publish, interval_s=0.2)
        try:
            while True:  # a launcher that waits for all that it started
                os.wait()
        except ChildProcessError:
            pass
        assert second.wait(60)
        run.count(steps=3)
    assert following.last is seen[-1]
    heavy = sorted({"numpy", "pandas", "duckdb", "footprint.derive"} & set(sys.modules))
    end = run.footprint.energy_kwh
    print(json.dumps({
        "id": run.id, "final": [one.is_final for one in seen], "work": seen[-1].work, "outcome": seen[-1].outcome,
        "power": max(one.power_w or 0.0 for one in seen), "place": seen[-1].place, "heavy": heavy,
        "same": seen[-1].energy_kwh == end,
        "rising": all(a.energy_kwh.central <= b.energy_kwh.central for a, b in zip(seen, seen[1:])),
        "warnings": run.facts.warnings, "threads": [one.name for one in threading.enumerate()],
    }))
"""
ADOPTING = """
    import ctypes
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: where orphans end up
"""


@pytest.mark.parametrize(
    ("before", "environment"),
    [("", {}), ("", {"FOOTPRINT_RECORDER": "thread"}), (ADOPTING, {})],
    ids=["process", "thread", "where orphans end up"],
)
def test_a_run_is_followed_to_its_end(before: str, environment: dict[str, str]) -> None:
    done = program(before + FOLLOWED, **environment)
    out, err = done.communicate(timeout=LIMIT_S)
    assert done.returncode == 0, err
    told = json.loads(out)
    assert told["final"][-1]
    assert not any(told["final"][:-1])
    assert (told["work"], told["outcome"], told["place"]) == ({"steps": 3}, "completed", "FRA")
    assert told["same"]
    assert told["rising"]
    assert told["power"] > 0
    assert told["warnings"] == []
    assert "footprint-follow" not in told["threads"]
    if not before and not environment:
        assert told["heavy"] == []
    assert followers(told["id"]) == []


def test_a_process_that_is_killed_costs_a_warning_and_the_end_is_published_all_the_same() -> None:
    seen: list[Reading] = []
    held, ours = os.pipe()
    os.set_inheritable(ours, True)  # as a launcher's pipe is: who reads it waits for its end
    pipe = Path(f"/proc/self/fd/{ours}").readlink()
    with footprint.track("followed", interval_s=0.1) as run:
        follow(run, seen.append, interval_s=OFTEN_S)
        wait_for(lambda: bool(seen))
        (pid,) = followers(run.id)
        assert pipe not in {one.readlink() for one in Path(f"/proc/{pid}/fd").iterdir()}
        os.close(held)
        os.close(ours)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: any("followed no longer" in warning for warning in run.facts.warnings))
    assert seen[-1].is_final
    assert seen[-1].emissions_g is None
    assert "place" in seen[-1].unknown
    assert len(run.facts.warnings) == 1


def test_the_process_ends_with_a_host_that_is_killed() -> None:
    host = program("""
        import footprint, os, time
        from footprint.integrations.following import follow
        run = footprint.track("killed", interval_s=0.1).start()
        follow(run, lambda reading: print(run.id, flush=True), interval_s=3600)
        if os.fork() == 0:  # a worker that has copies of all that is open
            time.sleep(30)
            os._exit(0)
        time.sleep(60)
    """)
    with host:
        assert host.stdout is not None
        run_id = host.stdout.readline().strip()
        assert len(followers(run_id)) == 1
        worker = int(Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()[0])
        host.kill()
        wait_for(lambda: not followers(run_id))
        os.kill(worker, signal.SIGKILL)


def test_what_publishes_may_fail_and_the_run_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[Reading] = []

    def publish(reading: Reading) -> None:
        asked.append(reading)
        raise OSError("the server does not answer")

    with footprint.track("offline", interval_s=0.1) as run:
        follow(run, publish, interval_s=OFTEN_S)
        wait_for(lambda: len(asked) > 1)
    assert asked[-1].is_final
    assert run.facts.outcome == "completed"
    assert len(run.facts.warnings) == 1
    assert "not published: OSError: the server does not answer" in run.facts.warnings[0]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("is_killed", [False, True])
def test_what_publishes_and_never_returns_is_waited_for_no_longer_than_said(
    is_killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, answers = threading.Event(), threading.Event()
    asked: list[Reading] = []

    def publish(reading: Reading) -> None:
        asked.append(reading)
        if not is_killed or reading.is_final:
            begun.set()
            answers.wait(LIMIT_S)

    with footprint.track("hangs", interval_s=0.1) as run:
        follow(run, publish, interval_s=OFTEN_S)
        if is_killed:  # then nobody is left to publish the end but the program itself
            wait_for(lambda: bool(asked))
            os.kill(followers(run.id)[0], signal.SIGKILL)
            wait_for(lambda: bool(run.facts.warnings))
            monkeypatch.setattr(following, "FINAL_LIMIT_S", 3.0)
        else:
            assert begun.wait(LIMIT_S)
            monkeypatch.setattr(following, "FINAL_LIMIT_S", 0.1)
    answers.set()
    assert run.facts.outcome == "completed"
    assert "not waited for any longer" in run.facts.warnings[-1]
    assert len(run.facts.warnings) == 1 + is_killed
    wait_for(lambda: not followers(run.id))


def test_a_process_that_cannot_be_started_costs_a_warning_and_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> object:
        raise OSError("no process more")

    seen: list[Reading] = []
    with footprint.track("full", interval_s=0.1) as run:
        monkeypatch.setattr(following, "_spawn", refused)
        follow(run, seen.append)
    assert [one.is_final for one in seen] == [True]
    assert ["no process more" in warning for warning in run.facts.warnings] == [True]


def test_only_the_end_of_a_run_that_is_over_is_published() -> None:
    seen: list[Reading] = []
    with footprint.track("early", interval_s=0.1) as run:
        pass
    follow(run, seen.append)
    assert [one.is_final for one in seen] == [True]
    assert seen[0].run == run.id
    assert seen[0].coverage_ratio is not None


def test_a_run_that_nobody_follows_any_more_goes_on() -> None:
    seen: list[Reading] = []
    with footprint.track("left", interval_s=0.1) as run:
        followed = follow(run, seen.append, interval_s=OFTEN_S)
        wait_for(lambda: bool(seen))
        followed.close()
        wait_for(lambda: not followers(run.id))
    assert not any(one.is_final for one in seen)
    assert run.facts.warnings == ()


def test_a_run_that_is_not_recorded_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", "/proc/nowhere")
    seen: list[Reading] = []
    with footprint.track("nowhere") as run:
        follow(run, seen.append)
    assert seen == []
    assert len(run.facts.warnings) == 1


@pytest.mark.parametrize("interval_s", [0, -1, float("nan"), "10", True, 1e9])
def test_an_interval_that_cannot_be_is_refused(interval_s: float) -> None:
    with footprint.track("x") as run, pytest.raises(ConfigError, match="interval_s"):
        follow(run, print, interval_s=interval_s)


def test_what_is_no_run_is_refused() -> None:
    with pytest.raises(ConfigError, match="track is no run"):
        follow(footprint.track("x"), print)  # type: ignore[arg-type]
