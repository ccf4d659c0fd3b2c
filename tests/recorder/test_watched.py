"""Progress, forecasts and budgets in programs of their own: real recorders, real derivations."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from footprint.errors import ConfigError
from footprint.ledger import read_runs
from footprint.model import Run
from footprint.recorder import client
from footprint.recorder.foresight import Answer, Foresight
from footprint.recorder.messages import Foreseen
from footprint.recorder.outlook import Forecast
from footprint.tracking import track

NOTHING_G = 1e-9
MUCH_G = 1e9

HEAD = """
import json, os, sys, threading, time
import footprint
class Spent(Exception):
    pass
def work(run, seconds, of=1000):
    until = time.monotonic() + seconds
    for step in range(1, of + 1):
        end = time.process_time() + 0.005
        while time.process_time() < end:
            pass
        run.progress(step, of)
        if time.monotonic() > until:
            return step
    return of
def say(**told):
    print(json.dumps(told), flush=True)
"""


@pytest.fixture(autouse=True)
def _no_recorder_is_left() -> Iterator[None]:
    yield
    client.close_idle()
    assert not client._clients


def program(body: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = HEAD + textwrap.dedent(body)
    given = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, timeout=120, check=False)


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def the_run() -> Run:
    (run,) = read_runs().runs
    return run


# -- Progress ----------------------------------------------------------------------------------------------------------


def test_progress_is_a_fact_of_the_run() -> None:
    with track("work") as run:
        for step in range(1, 20_001):
            run.progress(step, 20_000)
    facts = run.facts
    assert facts.progress[0][1:] == (1.0, 20_000.0)
    assert facts.progress[-1][1:] == (20_000.0, 20_000.0)
    assert run._journal is not None
    assert 2 <= run._journal.read_bytes().count(b'"progress"') < 2_000  # what comes in haste is not sent, what comes last is
    assert all(0 <= t_s <= facts.duration_s + 0.001 for t_s, _, _ in facts.progress)
    assert not facts.warnings


@pytest.mark.parametrize(
    ("done", "total"),
    [(float("nan"), 5), (-1, 5), (6, 5), (1, 0), (1, -5), (1, float("inf")), ("one", 5), (None, None), ([1], 5), (1j, 5)],
)
def test_progress_that_cannot_be_is_a_warning(done: Any, total: Any) -> None:
    with track("work") as run:
        run.progress(1, 10)
        run.progress(done, total)
    assert [point[1:] for point in run.facts.progress] == [(1.0, 10.0)]
    assert len(run.facts.warnings) == 1
    assert "progress(done, total)" in run.facts.warnings[0]


def test_a_restart_and_another_total_are_no_errors() -> None:
    with track("work") as run:
        for done, total in ((1, 10), (2, 10), (1, 10), (2, 20)):
            run.progress(done, total)
            time.sleep(0.06)
    assert [point[1:] for point in run.facts.progress] == [(1.0, 10.0), (2.0, 20.0)]
    assert [warning.split(" ")[:4] for warning in run.facts.warnings] == [
        ["the", "progress", "went", "back"],
        ["the", "total", "of", "the"],
    ]


def test_threads_may_all_tell() -> None:
    with track("work") as run:

        def tell(first: int) -> None:
            for step in range(first, 400, 4):
                run.progress(step + 1, 400)
                run.count(steps=1)

        threads = [threading.Thread(target=tell, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert run.facts.work == {"steps": 400.0}
    assert run.facts.progress


@pytest.mark.slow
def test_a_forked_worker_tells_nothing() -> None:
    seen = told(
        program("""
        with footprint.track("boss", zone="FRA", budget_g=1e-9, on_budget=Spent) as run:
            run.progress(1, 10)
            pid = os.fork()
            if pid == 0:
                for step in range(60):
                    run.progress(9, 10)
                    run.check_budget()
                    time.sleep(0.05)
                os._exit(7 if run.forecast is None else 8)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        say(code=code, progress=run.facts.progress)
        """)
    )
    assert seen["code"] == 7
    assert [point[1:] for point in seen["progress"]] == [[1.0, 10.0]]


# -- Forecast ----------------------------------------------------------------------------------------------------------


def test_a_running_program_is_foreseen_and_loads_nothing_for_it() -> None:
    seen = told(
        program("""
        with footprint.track("work", zone="FRA") as run:
            first = run.forecast
            deadline = time.monotonic() + 60
            step = 0
            while time.monotonic() < deadline:
                step += 1
                run.progress(step, 4_000)
                time.sleep(0.01)
                known = run.forecast
                if known is not None and known.emissions_g is not None:
                    break
            heavy = sorted({"numpy", "pandas", "subprocess", "footprint.derive"} & set(sys.modules))
        say(first=first, heavy=heavy, done=known.done, at=known.at_s, duration=[known.duration_s.low, known.duration_s.high],
            spent=known.spent_emissions_g.central, whole=known.emissions_g.central, unknown=known.unknown)
        """)
    )
    assert seen["first"] is None
    assert seen["heavy"] == []
    assert seen["unknown"] == []
    # 4,000 steps of a little more than 10 ms.
    assert seen["at"] < seen["duration"][0] < seen["duration"][1]
    assert seen["duration"][1] > 36
    assert 0 < seen["spent"] < seen["whole"]


def test_nobody_who_does_not_ask_has_a_deriver() -> None:
    with track("work") as run:
        run.progress(1, 10)
        run.look()
        children = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        before = children.count("derive.foreseeing")
        assert run.check_budget() is False
        time.sleep(0.5)
        after = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert after.count("derive.foreseeing") <= before


# -- Budget ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recorder", ["process", "thread"])
def test_a_spent_budget_raises_the_users_exception_where_the_program_calls(recorder: str) -> None:
    environment = {"FOOTPRINT_RECORDER": "thread"} if recorder == "thread" else {}
    seen = told(
        program(
            """
        steps = 0
        try:
            with footprint.track("work", zone="FRA", budget_g=1e-9, on_budget=Spent) as run:
                try:
                    steps = work(run, 60, 10**6)
                except Spent as error:
                    kept = error
                    run.progress(1, 10**6)      # it is raised once: the program may save its work
                    run.check_budget()
                    raise
        except Spent as error:
            said, same = str(error), error is kept
        say(said=said, same=same, steps=steps, over=run.check_budget())
        """,
            **environment,
        )
    )
    assert seen["same"] is True
    assert seen["over"] is True
    assert "over its budget" in seen["said"]
    run = the_run()
    assert (run.outcome, run.budget_g, run.budget_kwh) == ("interrupted", 1e-9, None)
    assert seen["said"] in run.warnings


def test_the_exception_is_made_and_raised_once_whoever_else_calls_meanwhile() -> None:
    """What makes it may use the run itself, and other threads go on calling."""
    seen = told(
        program("""
        made, others = [], []
        class Late(Exception):
            def __init__(self, said):
                super().__init__(said)
                if "over its budget" in said:
                    made.append(said)
                    run.count(n=1)
                    thread = threading.Thread(target=other)
                    thread.start()
                    thread.join()
        def other():
            try:
                others.append(run.check_budget())
            except BaseException as error:
                others.append(type(error).__name__)
        try:
            with footprint.track("work", zone="FRA", budget_g=1e-9, on_budget=Late) as run:
                work(run, 60, 10**6)
        except Late as error:
            said = str(error)
        say(said=said, made=made, others=others)
        """)
    )
    assert seen["made"] == [seen["said"]]
    assert seen["others"] == [True]


def test_an_exception_that_cannot_be_made_ends_nothing() -> None:
    done = program("""
        class Broken(Exception):
            def __init__(self, said):
                if "over its budget" in said:
                    raise OSError("no space left")
        with footprint.track("work", zone="FRA", budget_g=1e-9, on_budget=Broken) as run:
            deadline = time.monotonic() + 60
            while not run.check_budget():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            for _ in range(10):
                run.progress(1, 10)
        say(outcome=run.facts.outcome, warnings=run.facts.warnings)
    """)
    seen = told(done)
    assert seen["outcome"] == "completed"
    assert sum("could not be made (OSError): the run goes on" in warning for warning in seen["warnings"]) == 1


def test_threads_that_listen_at_once_leave_each_other_what_was_said() -> None:
    """While one takes what the recorder said, another touches nothing: neither raises, and nothing is lost."""
    with track("work") as run:
        assert run._client is not None
        channel: client.Client = run._client
        between: list[Any] = []

        class Interrupted:
            def next_message(self) -> None:
                thread = threading.Thread(target=lambda: between.append(channel.news("other")))
                thread.start()
                thread.join()

        real, said = channel._channel, Foreseen(run="other", warning="said")
        channel._news.append(said)
        channel._channel = Interrupted()  # type: ignore[assignment]  # stands in
        try:
            assert channel.news(run.id) == []
        finally:
            channel._channel = real
        assert between == [[]]
        assert channel.news("other") == [said]


@pytest.mark.parametrize("call", ["run.count(n=1)", "run.check_budget()", "run.phase('x').__enter__()", "run.progress(1, 9)"])
def test_each_safe_point_tells(call: str) -> None:
    done = program(f"""
        with footprint.track("work", zone="FRA", budget_kwh=1e-12, on_budget=Spent("enough")) as run:
            end = time.monotonic() + 60
            while time.monotonic() < end:
                {call}
                time.sleep(0.05)
    """)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Spent: enough"
    assert the_run().outcome == "interrupted"


@pytest.mark.slow
def test_without_an_exception_a_budget_only_warns() -> None:
    done = program(f"""
        with footprint.track("work", zone="FRA", budget_g={NOTHING_G}) as run:
            deadline = time.monotonic() + 60
            while not run.check_budget():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            time.sleep(1.5)
            for _ in range(10):
                run.progress(1, 10)
        say(code=0)
    """)
    told(done)
    warnings = [line for line in done.stderr.splitlines() if "over its budget" in line]
    assert len(warnings) == 1
    run = the_run()
    assert run.outcome == "completed"
    assert sum("over its budget" in warning for warning in run.warnings) == 1


@pytest.mark.slow
def test_a_program_that_never_calls_is_warned_at_its_end() -> None:
    done = program(f"""
        with footprint.track("silent", zone="FRA", budget_g={NOTHING_G}, on_budget=Spent) as run:
            with footprint.track("asking", zone="FRA", budget_g={NOTHING_G}) as asking:
                deadline = time.monotonic() + 60
                while not asking.check_budget():  # which is looked at after the other
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
        say(outcome=run.facts.outcome)
    """)
    assert told(done)["outcome"] == "completed"  # nothing is raised where the program did not call
    assert done.stderr.count("over its budget") == 2
    assert all(any("over its budget" in warning for warning in one.warnings) for one in read_runs().runs)


@pytest.mark.slow
def test_what_is_foreseen_warns_and_does_not_stop() -> None:
    """The budget is a third of what all of the work would emit, which is stopped soon after its first twentieth."""
    seen = told(
        program("""
        def step(run, number):
            end = time.process_time() + 0.002
            while time.process_time() < end:
                pass
            run.progress(number, 40_000)
        with footprint.track("measure", zone="POL") as run:
            for number in range(1, 501):
                step(run, number)
        budget_g = run.footprint.emissions_g.central * 80 / 3
        with footprint.track("work", zone="POL", budget_g=budget_g, on_budget=Spent) as run:
            number = 0
            while not any("foreseen" in one for one in run._warnings):
                number += 1
                step(run, number)
            after = [run.check_budget() for _ in range(3)]
        say(after=after, warnings=run.facts.warnings, outcome=run.facts.outcome, number=number)
        """)
    )
    assert seen["outcome"] == "completed"
    assert seen["after"] == [False] * 3
    assert 2000 <= seen["number"] < 13_000
    assert sum("foreseen to go over its budget" in warning for warning in seen["warnings"]) == 1
    assert not any("is over its budget" in warning for warning in seen["warnings"])


@pytest.mark.slow
def test_a_budget_that_is_not_spent_changes_nothing() -> None:
    seen = told(
        program(f"""
        with footprint.track("work", zone="FRA", budget_g={MUCH_G}, budget_kwh=1e6, on_budget=Spent) as run:
            steps = work(run, 3, 10**6)
        say(steps=steps, warnings=run.facts.warnings, over=run.check_budget())
        """)
    )
    assert seen["steps"] > 10
    assert seen["over"] is False
    assert not any("budget" in warning for warning in seen["warnings"])
    assert the_run().outcome == "completed"


def test_a_recorder_that_dies_costs_the_check_and_no_more() -> None:
    done = program("""
        from footprint.ledger.reading import journal_paths, read_journal
        import signal
        with footprint.track("work", zone="FRA", budget_g=1e9, on_budget=Spent) as run:
            records = read_journal(run._journal).runs[run.id]
            os.kill(records.opened.recorder.pid, signal.SIGKILL)
            time.sleep(0.5)
            for step in range(50):
                run.progress(step + 1, 50)
                time.sleep(0.01)
        say(warnings=run.facts.warnings, outcome=run.facts.outcome)
    """)
    seen = told(done)
    assert seen["outcome"] == "completed"
    assert any("the budget is no longer checked" in warning for warning in seen["warnings"])
    assert done.stderr.count("no longer checked") == 1


@pytest.mark.slow
def test_a_deriver_that_dies_is_started_again(tmp_path: Path) -> None:
    def pids() -> set[int]:
        found = set()
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    words = (folder / "cmdline").read_bytes()
                    home = (folder / "environ").read_bytes()
                except OSError:
                    continue
                if b"footprint.derive.foreseeing" in words and os.fsencode(os.environ["FOOTPRINT_HOME"]) in home:
                    found.add(int(folder.name))
        return found

    with track("work", zone="FRA", budget_g=MUCH_G) as run:
        deadline_s = time.monotonic() + 60
        while not (first := pids()):
            assert time.monotonic() < deadline_s, "no deriver was started"
            time.sleep(0.05)
        os.kill(next(iter(first)), signal.SIGKILL)
        while not (pids() - first):
            assert time.monotonic() < deadline_s, "it was not started again"
            run.progress(1, 10)
            time.sleep(0.05)
    deadline_s = time.monotonic() + 60
    client.close_idle()
    while pids():
        assert time.monotonic() < deadline_s, "it outlives its recorder"
        time.sleep(0.05)
    assert not any("budget" in warning for warning in run.facts.warnings)


# -- What the recorder says --------------------------------------------------------------------------------------------


class _Deriver:
    """Answers with what it was given."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def fileno(self) -> None:
        return None

    def put(self, question: object) -> None:
        assert question

    def take(self) -> Answer | None:
        return self.answers.pop(0) if self.answers else None

    def close(self) -> None:
        self.answers.clear()


def test_a_budget_that_cannot_be_checked_says_why_once(tmp_path: Path) -> None:
    ahead = Foresight(in_thread=False)
    unknown = Forecast(run="r", at_s=1.0, unknown=("emissions: the energy is not known",))
    ahead._deriver = _Deriver(Answer(forecast=unknown), Answer(forecast=unknown))  # type: ignore[assignment]  # stands in
    ahead.watch("r", 5.0, None)
    for _ in range(2):
        ahead.ask("r")
        said = ahead.step(tmp_path)
        assert len(said) == 1
        assert not said[0].over
    assert ahead.forget("r") == ("its budget of 5 g CO2eq cannot be checked: emissions: the energy is not known",)


def test_who_asks_often_is_answered_as_often_as_a_hundredth_of_a_cpu_allows(tmp_path: Path) -> None:
    ahead = Foresight(in_thread=False)
    known = Forecast(run="r", at_s=1.0)
    ahead._deriver = _Deriver(Answer(forecast=known, took_s=50.0), Answer(forecast=known))  # type: ignore[assignment]  # stands in
    for answers in (1, 0):
        ahead.ask("r")
        assert len(ahead.step(tmp_path)) == answers
    due_s = ahead.due_s()
    assert due_s is not None
    assert due_s > time.monotonic() + 3600  # 5,000 s after the answer
    ahead.ask("s")
    assert [one.run for one in ahead.step(tmp_path)] == ["s"]  # nobody else waits for that
    ahead.forget("r")
    assert ahead.step(tmp_path) == []
    assert ahead.due_s() is None


def test_what_derives_and_fails_thrice_is_given_up(tmp_path: Path) -> None:
    ahead = Foresight(in_thread=False)
    failed = Answer(problem="ValueError: no")
    ahead._deriver = _Deriver(*[failed] * 9)  # type: ignore[assignment]  # stands in
    ahead.watch("r", 5.0, None)
    warnings = []
    for _ in range(4):
        ahead.ask("r")
        warnings += [one.warning for one in ahead.step(tmp_path) if one.warning]
    assert warnings == ["the budget is no longer checked: ValueError: no"]
    assert ahead.due_s() is None
    ahead.watch("s", 5.0, None)  # another run's is
    ahead._deriver = _Deriver(Answer(forecast=Forecast(run="s", at_s=1.0)))  # type: ignore[assignment]  # stands in
    ahead.ask("s")
    assert [one.forecast is not None for one in ahead.step(tmp_path)] == [True]


class Nothing(Exception):  # noqa: N818 - a name of a user's
    """A class that makes something else."""

    def __new__(cls, said: str) -> Any:
        return said


def test_what_a_library_prints_is_no_answer() -> None:
    code = """
        import os, footprint.derive.foreseeing as beside
        class Loud(beside.Deriver):
            def answer(self, question):
                print("a word of warning", flush=True)
                os.write(1, b"and another")
                return super().answer(question)
        beside.Deriver = Loud
        beside.main()
    """
    question = b'{"run":"r","journal":"L25vd2hlcmU="}\n'
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], input=question, capture_output=True, check=True, timeout=120
    )
    answer = msgspec.json.decode(done.stdout, type=Answer)
    assert answer.problem.startswith("FileNotFoundError")


# -- What the user states ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"budget_g": 0}, "budget_g is 0: it must be a number above 0"),
        ({"budget_g": float("nan"), "zone": "FRA"}, "budget_g is nan"),
        ({"budget_kwh": "5"}, "budget_kwh is '5'"),
        ({"budget_kwh": 10**400}, "budget_kwh is 1000"),
        ({"budget_kwh": 5, "on_budget": np.array(["warn", "stop"])}, "neither 'warn' nor an exception"),
        ({"budget_g": True, "zone": "FRA"}, "budget_g is True"),
        ({"budget_g": 5}, "budget_g needs a place"),
        ({"budget_g": 5, "pue": 1.2}, "budget_g needs a place"),
        ({"on_budget": ValueError}, "on_budget without a budget"),
        ({"budget_kwh": 5, "on_budget": "stop"}, "neither 'warn' nor an exception"),
        ({"budget_kwh": 5, "on_budget": int}, "neither 'warn' nor an exception"),
        ({"budget_kwh": 5, "on_budget": UnicodeDecodeError}, "cannot be made of a sentence"),
        ({"budget_kwh": 5, "on_budget": Nothing}, "on_budget=Nothing makes str, which is no exception"),
    ],
)
def test_a_budget_that_cannot_be_is_refused_before_the_body(stated: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        track("work", **stated)


def test_a_limit_may_be_any_kind_of_float() -> None:
    with track("work", budget_kwh=np.float64(5)) as run:
        pass
    assert run.is_recorded
    assert (run.facts.budget_kwh, run.facts.warnings) == (5.0, ())


def test_a_sites_default_place_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_REGION", "gcp:europe-west1")
    with track("work", budget_g=MUCH_G) as run:
        pass
    assert run.facts.place is not None
    assert run.facts.place.zone == "BEL"
    assert run.facts.budget_g == MUCH_G


def test_a_run_that_is_not_recorded_says_that_its_budget_is_not_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("FOOTPRINT_HOME", str(blocked / "home"))
    with track("work", budget_kwh=1.0, on_budget=ValueError) as run:
        run.progress(3, 4)
    assert run.facts.progress[0][1:] == (3.0, 4.0)
    assert run.facts.budget_kwh == 1.0
    assert any("the budget is not checked" in warning for warning in run.facts.warnings)
