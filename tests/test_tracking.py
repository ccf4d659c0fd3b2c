from __future__ import annotations

import asyncio
import gc
import os
import stat
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import footprint
from footprint.errors import ConfigError, UnknownPlace
from footprint.ledger import find_run, read_run_file, read_runs
from footprint.recorder import client
from footprint.tracking import outcome_of, track
from tests.card.samples import CORPUS


@pytest.fixture(autouse=True)
def _no_recorder_is_left() -> Iterator[None]:
    yield
    client.close_idle()
    assert not client._clients


def outcomes() -> dict[str, str]:
    return {run.name: run.outcome for run in read_runs().runs}


def test_a_run_is_measured_and_kept() -> None:
    with track("work", kind="evaluation", labels={"team": "a"}, account="mine") as run:
        total = sum(number * number for number in range(300_000))
        run.count(samples=2, tokens=10)
        run.count(samples=3)
        with run.phase("eval"):
            run.mark("best")
    assert total > 0
    facts = run.facts
    assert (facts.name, facts.kind, facts.outcome, facts.account) == ("work", "evaluation", "completed", "mine")
    assert facts.labels["team"] == "a"
    assert facts.work == {"samples": 5.0, "tokens": 10.0}
    assert [mark.name for mark in facts.marks] == ["eval", "best"]
    phase, mark = facts.marks
    assert phase.end_s is not None
    assert 0 <= phase.t_s <= mark.t_s <= phase.end_s <= facts.duration_s
    assert facts.cpu is not None
    assert facts.cpu.tree_s > 0
    assert facts.host.logical_cpus >= 1
    assert facts.versions["footprint"] == footprint.__version__
    assert find_run(run.id) == facts
    assert not facts.warnings


def test_a_run_of_next_to_nothing_is_a_number() -> None:
    with track("nothing") as run:
        pass
    assert 0 <= run.facts.duration_s < 60
    assert run.facts.cpu is not None
    assert run.facts.cpu.tree_s >= 0


def test_facts_are_there_while_the_run_lasts() -> None:
    with track("going on") as run:
        assert run.facts.duration_s >= 0
        assert read_runs().runs[0].outcome == "running"
    assert run.facts.outcome == "completed"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError("x"), "failed"),
        (SystemExit(), "completed"),
        (SystemExit(0), "completed"),
        (SystemExit(3), "failed"),
        (SystemExit("message"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(False), "completed"),
        (SystemExit(0.0), "failed"),  # Python prints it and exits with 1
        (SystemExit(["not", "hashable"]), "failed"),
        (GeneratorExit(), "interrupted"),
        (asyncio.CancelledError(), "interrupted"),
    ],
)
def test_exceptions_pass_through_unchanged(error: BaseException, outcome: str) -> None:
    with pytest.raises(type(error)) as raised, track("body") as run:
        raise error
    assert raised.value is error
    assert run.facts.outcome == outcome
    assert outcome_of(None) == "completed"


def test_each_call_of_a_decorated_function_is_a_run() -> None:
    @track("called")
    def double(number: int) -> int:
        """Twice."""
        if number < 0:
            raise ValueError(number)
        return number * 2

    assert (double(2), double(number=3)) == (4, 6)
    with pytest.raises(ValueError, match="-1"):
        double(-1)
    assert (double.__name__, double.__doc__) == ("double", "Twice.")
    assert sorted(run.outcome for run in read_runs().runs) == ["completed", "completed", "failed"]


def test_coroutine_functions_stay_coroutine_functions() -> None:
    @track("awaited")
    async def work(wait_s: float) -> float:
        await asyncio.sleep(wait_s)
        return wait_s

    async def all_of_it() -> list[float]:
        return await asyncio.gather(*(work(number / 100) for number in range(4)))

    assert asyncio.run(all_of_it()) == [0.0, 0.01, 0.02, 0.03]
    runs = read_runs().runs
    assert len(runs) == 4
    assert all(run.outcome == "completed" and run.duration_s >= 0 for run in runs)


def test_a_generator_function_is_refused_rather_than_measured_as_nothing() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    async def later() -> AsyncIterator[int]:
        yield 1

    for function in (numbers, later):
        with pytest.raises(ConfigError, match="generator"):
            track("x")(function)


def test_start_and_stop() -> None:
    tracker = track("by hand")
    with pytest.raises(ConfigError, match="without start"):
        tracker.stop()
    run = tracker.start()
    assert tracker.stop() is run
    assert run.stop("failed") is run  # once is enough
    assert run.facts.outcome == "completed"
    with tracker as first, tracker as second:
        assert first.id != second.id
    assert {first.facts.outcome, second.facts.outcome} == {"completed"}


def test_nested_runs_know_their_parent_and_account() -> None:
    with track("outer", account="job") as outer:
        with track("inner") as inner, track("innermost", account="own") as innermost:
            pass
        with ThreadPoolExecutor(1) as pool:
            threaded = pool.submit(lambda: track("threaded").start().stop()).result()
    with track("after") as after:
        pass
    parents = {run.name: run.parent for run in read_runs().runs}
    assert parents == {"outer": None, "inner": outer.id, "innermost": inner.id, "threaded": outer.id, "after": None}
    assert (inner.facts.account, innermost.facts.account, after.facts.account) == ("job", "own", after.id)
    assert threaded.facts.parent == outer.id
    assert {run.journal_id for run in read_runs().runs} == {outer.facts.journal_id}


def test_runs_that_overlap_without_nesting_have_no_parent() -> None:
    first = track("first").start()
    second = track("second").start()
    first.stop()
    with second.phase("on its own"):
        threading.Event().wait(0.1)
    second.stop()
    assert second.facts.parent is None
    assert [run.parent for run in read_runs().runs] == [None, None]


def test_runs_that_overlap_on_and_on_keep_accounts_of_their_own_and_nothing_alive() -> None:
    """A server whose requests overlap is never without a run: what ended must not live on in those that came after."""
    before = track("request").start()
    ended = weakref.ref(before)
    for _ in range(3):
        after = track("request").start()
        before.stop()
        before = after
    with track("part of the last") as part:
        pass
    before.stop()
    gc.collect()
    assert ended() is None
    assert before.facts.account == before.account == before.id
    runs = {run.id: run for run in read_runs().runs}
    assert len({run.account for run in runs.values()}) == 4
    assert (runs[part.id].parent, runs[part.id].account) == (before.id, before.id)
    assert [run.parent for run in runs.values() if run.id != part.id] == [None] * 4


def test_trackers_shared_by_threads_keep_their_runs_apart() -> None:
    tracker = track("shared")
    everyone = threading.Barrier(4)

    def work(number: int) -> bool:
        everyone.wait()
        with tracker as run:
            everyone.wait()
            run.count(number=number)
        return run.facts.work == {"number": float(number)} and run.facts.outcome == "completed"

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"kind": "fine-tunning"}, "did you mean fine-tuning"),
        ({"kind": None}, "unknown kind"),
        ({"interval_s": 0}, "interval_s=0"),
        ({"interval_s": float("nan")}, "interval_s=nan"),
        ({"interval_s": "1"}, "interval_s='1'"),
        ({"account": ""}, "account"),
        ({"card": "missing.md"}, "no such file; make it first"),
        ({"record": "no/such/folder/run.json"}, "no folder"),
        ({"labels": {"": "x"}}, "label"),
        ({"labels": ["user"]}, "labels"),
        ({"card": 3}, "card=3"),
        ({"record": "run\0.json"}, "record"),
        ({"pue": "1.2"}, "pue='1.2'"),
        ({"pue": -(10**400)}, "pue=-1000"),
        ({"region": 3}, "region=3"),
        ({"zone": 3}, "zone=3"),
    ],
)
def test_bad_configuration_raises_before_the_body(facts: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        track("x", **facts)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    assert outcomes() == {}


@pytest.mark.parametrize("name", ["", "   ", None, 7])
def test_a_run_has_a_name(name: object) -> None:
    with pytest.raises(ConfigError, match="name"):
        track(name)  # type: ignore[arg-type]


def test_an_unknown_region_raises_with_near_matches() -> None:
    with pytest.raises(UnknownPlace, match="aws:eu-west-1"):
        track("x", region="aws:eu-wst-1")


def test_a_stated_region_is_kept() -> None:
    with track("x", region="aws:eu-west-1", pue=1.2) as run:
        pass
    assert run.facts.place is not None
    assert (run.facts.place.provider, run.facts.place.pue_ratio) == ("aws", 1.2)


def test_hostile_names_are_tamed() -> None:
    with track("a\x1b[31m\nb\x00" + "x" * 500, labels={"k\r": "v\x07"}) as run:
        run.mark("m\x1b")
    facts = run.facts
    assert len(facts.name) == 200
    assert facts.name.isprintable()
    assert facts.labels["k"] == "v"
    assert facts.marks[0].name == "m"


def test_what_cannot_be_counted_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with track("x") as run:
        run.count(good=1, bad=float("nan"), worse="many", worst=None)  # type: ignore[arg-type]
        for number in range(100):
            run.count(**{f"counter{number}": 1})
    assert run.facts.work["good"] == 1.0
    assert len(run.facts.work) == 64
    assert any("bad" in warning for warning in run.facts.warnings)
    run.count(late=1)
    run.mark("late")
    with run.phase("late"):
        pass
    assert "late" not in run.facts.work


def test_what_a_program_counts_and_marks_never_raises() -> None:
    class Hostile:
        def __float__(self) -> float:
            raise RuntimeError("a tensor of two elements")

        def __str__(self) -> str:
            raise RuntimeError("no text")

    with track("x") as run:
        run.count(samples=1e308)
        run.count(samples=1e308, tensor=Hostile())  # type: ignore[arg-type]
        run.count(**{"\udc80odd\n": 2.0})
        run.mark(Hostile())  # type: ignore[arg-type]
        run.mark("\udcff here")
    assert run.facts.outcome == "completed"
    assert run.facts.work == {"samples": 1e308, "odd": 2.0}
    assert [mark.name for mark in run.facts.marks] == ["Hostile", "here"]
    assert len(run.facts.warnings) == 2


def test_a_program_that_changes_its_directory_keeps_its_ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("FOOTPRINT_HOME", f"ledger-{tmp_path.name}")
    monkeypatch.chdir(tmp_path / "first")
    with track("before"):
        monkeypatch.chdir(tmp_path / "second")
    with track("after"):
        pass
    assert outcomes() == {"before": "completed", "after": "completed"}


def test_a_ledger_whose_path_is_no_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", f"{tmp_path}/\udcff\nx")
    with track("x") as run:
        pass
    assert (run.facts.outcome, run.facts.warnings) == ("completed", ())
    assert outcomes() == {"x": "completed"}
    monkeypatch.setenv("FOOTPRINT_HOME", "/dev/null/\udcff")
    with track("y") as run:
        pass
    assert any("cannot be written" in warning for warning in run.facts.warnings)


def test_facts_that_cannot_be_read_here_raise_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a program that has changed its root or its user, and loads no module any more."""
    with track("x") as run:
        pass
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "footprint.ledger.reading", None)
        assert run.facts.cpu is None
        assert any("cannot be read here" in warning for warning in run.facts.warnings)
    assert run.facts.cpu is not None


def test_the_record_is_a_portable_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with track("x", record=path) as run:
        pass
    assert read_run_file(path) == run.facts == find_run(str(path))
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600


def test_a_record_that_cannot_be_written_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with track("x", record=folder / "run.json") as run:
        folder.rmdir()
    assert any("could not be written" in record.getMessage() for record in caplog.records)
    assert run.facts.outcome == "completed"


def test_an_unwritable_ledger_is_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", "/dev/null/ledger")
    with track("x") as run:
        run.count(samples=1)
        run.mark("here")
    assert run.facts.outcome == "completed"
    assert run.facts.work == {"samples": 1.0}
    assert [mark.name for mark in run.facts.marks] == ["here"]
    assert run.facts.cpu is None
    assert "/dev/null/ledger" in run.facts.warnings[0]
    assert len(caplog.records) == 1


def test_ledgers_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with track("first") as first:
        monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "other"))
        with track("second") as second:
            pass
        assert [run.id for run in read_runs().runs] == [second.id]
    assert first.facts.outcome == "completed"


def test_ranks_and_jobs_become_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "SLURM_JOB_ID": "77", "SECRET": "hunter2"}.items():
        monkeypatch.setenv(name, value)
    with track("rank") as run:
        pass
    facts = run.facts
    assert facts.account == "slurm:77"
    assert {key: facts.labels[key] for key in ("rank", "local_rank", "world_size")} == {
        "rank": "3",
        "local_rank": "1",
        "world_size": "8",
    }
    ledger = Path(os.environ["FOOTPRINT_HOME"])
    assert all(b"hunter2" not in path.read_bytes() for path in ledger.rglob("*.jsonl"))


@pytest.mark.parametrize("recorder", ["thread", "process"])
def test_both_recorders_tell_the_same(monkeypatch: pytest.MonkeyPatch, recorder: str) -> None:
    monkeypatch.setenv("FOOTPRINT_RECORDER", recorder)
    with track("x", interval_s=0.05) as run:
        threading.Event().wait(0.2)
        run.count(samples=1)
    facts = run.facts
    assert (facts.outcome, facts.work, facts.warnings) == ("completed", {"samples": 1.0}, ())
    assert facts.cpu is not None
    assert {device.device.component for device in facts.devices} >= {"cpu", "memory"}
    assert all(device.read_s == pytest.approx(facts.duration_s) for device in facts.devices if device.device.grade == "model")


def test_the_sites_default_place_is_taken_where_none_is_stated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "footprint.toml").write_text('region = "gcp:europe-west1"\n')
    with track("by file") as by_file:
        pass
    monkeypatch.setenv("FOOTPRINT_REGION", "aws:eu-west-1")
    with track("by environment") as by_environment, track("stated", region="aws:us-east-1") as stated:
        pass
    places = [run.facts.place for run in (by_file, by_environment, stated)]
    assert [(place.provider, place.known_by) for place in places if place] == [
        ("gcp", "config"),
        ("aws", "environment"),
        ("aws", "stated"),
    ]


def test_a_stated_pue_joins_the_sites_default_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_REGION", "aws:eu-west-1")
    with track("stated-pue", pue=np.float64(1.2)) as run:  # as any float
        pass
    place = run.facts.place
    assert place is not None
    assert (place.region, place.pue_ratio) == ("eu-west-1", 1.2)
    assert run.footprint.emissions_g is not None


def test_a_default_place_that_cannot_be_used_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FOOTPRINT_REGION", "aws:eu-wst-1")
    for _ in range(2):
        with track("x") as run:
            pass
        assert run.facts.place is None
        assert "aws:eu-west-1" in run.facts.warnings[0]
        assert run.facts.cpu is not None
    assert len(caplog.records) == 1


TEMPLATE = (CORPUS / "template.md").read_text(encoding="utf-8")


def test_a_card_is_filled_once_the_run_has_completed(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(TEMPLATE)
    with pytest.raises(RuntimeError), track("x", kind="fine-tuning", card=card):
        raise RuntimeError
    assert card.read_text() == TEMPLATE
    with track("x", kind="fine-tuning", region="aws:eu-west-1", card=card) as run:
        sum(range(100_000))
        assert card.read_text() == TEMPLATE
    assert run.facts.warnings == ()
    assert run.id in card.read_text()


def test_a_card_states_the_whole_of_a_named_account_failed_attempts_included(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(TEMPLATE)
    failed = track("x", kind="fine-tuning", account="ad").start()
    failed.stop("failed")
    with track("x", kind="fine-tuning", account="ad", card=card) as run:
        sum(range(100_000))
    assert run.facts.warnings == ()
    text = card.read_text()
    assert "2 runs of x (1 completed, 1 failed)" in text
    assert run.id in text
    assert failed.id in text
    assert "Not counted here" not in text


def test_a_card_that_states_one_of_a_jobs_runs_says_that_there_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    card = tmp_path / "README.md"
    card.write_text(TEMPLATE)
    other = track("the other model", kind="fine-tuning").start()
    other.stop()
    with track("x", kind="fine-tuning", card=card) as run:
        sum(range(100_000))
    assert run.facts.warnings == ()
    text = card.read_text()
    assert f"runs={run.id} " in text
    assert "Not counted here, though recorded as part of slurm:4711: 1 run of the other model (completed)" in text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<!-- footprint:begin -->\n", "without its beginning or end"),
        (b"\x00\x01", "binary"),
        (b"x" * 5_000_001, "larger than 5 MB"),
    ],
)
def test_a_card_that_cannot_be_filled_is_refused_before_the_work(tmp_path: Path, content: bytes, says: str) -> None:
    card = tmp_path / "README.md"
    card.write_bytes(content)
    with pytest.raises(ConfigError, match=says) as caught:
        track("x", card=card)
    assert str(card) in str(caught.value)
    assert card.read_bytes() == content


def test_a_card_that_was_spoilt_during_the_run_is_one_warning(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(TEMPLATE)
    with track("x", card=card) as run:
        card.write_text("<!-- footprint:begin -->\n")
    assert len(run.facts.warnings) == 1
    assert "the card was not filled" in run.facts.warnings[0]
    assert card.read_text() == "<!-- footprint:begin -->\n"


def test_the_footprint_is_derived_from_the_facts() -> None:
    with track("x", region="aws:eu-west-1") as run:
        sum(range(100_000))
    assert run.footprint.it_energy_kwh is not None
    assert run.footprint.emissions_g is not None
    assert run.footprint.it_energy_kwh.central > 0
