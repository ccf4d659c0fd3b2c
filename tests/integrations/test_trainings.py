from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from footprint.errors import ConfigError
from footprint.integrations import trainings
from footprint.integrations.trainings import LABEL, members, whole
from footprint.model import Host, Outcome, Run
from footprint.tracking import track

HOST = Host(name="node", os="Linux", cpu_name=None, logical_cpus=2, sockets=1, memory_bytes=None, boot_id="boot")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def run(
    run_id: str, rank: int | None, *, at_s: float = 0, account: str = "job", outcome: Outcome = "completed", training: str = "t"
) -> Run:
    labels = {} if rank is None else {"rank": str(rank), "world_size": "2", LABEL: training}
    return Run(
        id=run_id,
        name="x",
        kind="fine-tuning",
        started_at=(BEGIN + timedelta(seconds=at_s)).isoformat(),
        duration_s=10.0,
        outcome=outcome,
        account=account,
        host=HOST,
        labels=labels,
    )


FIRST, SECOND = run("a0", 0), run("a1", 1, at_s=2)


def ids(known: list[Run], firsts: list[str], ranks: int = 2) -> tuple[set[str], bool]:
    found, missing = members(known, firsts, ranks)
    return {one.id for one in found}, missing is None


def test_a_training_is_the_runs_of_its_ranks() -> None:
    assert ids([FIRST, SECOND], ["a0"]) == ({"a0", "a1"}, True)
    assert ids([run("b", None)], ["b"], ranks=1) == ({"b"}, True)


@pytest.mark.parametrize(
    "other",
    [
        run("x", 1, account="another"),
        run("x", 1, training="another, at the same time"),
        run("x", 1, at_s=11),
        run("x", 1, at_s=-11),
        run("x", 0),
        run("x", None),
        run("x", 1, outcome="running"),
    ],
    ids=["account", "training", "later", "earlier", "rank", "no rank", "running"],
)
def test_what_is_not_another_rank_of_it_is_left_out_and_missed(other: Run) -> None:
    found, missing = members([FIRST, other], ["a0"], 2)
    assert (found, missing) == ([], "the runs of 1 of 2 ranks are in this ledger")
    assert ids([FIRST, SECOND, other], ["a0"]) == ({"a0", "a1"}, True)


def test_what_was_trained_before_it_was_resumed_is_part_of_it() -> None:
    earlier = [run("e0", 0, at_s=-100, outcome="failed"), run("e1", 1, at_s=-99, outcome="interrupted")]
    assert ids([FIRST, SECOND, *earlier], ["e0", "a0"]) == ({"e0", "e1", "a0", "a1"}, True)
    # It may have had another number of ranks, or none.
    assert ids([run("e", None, at_s=-100), FIRST, SECOND], ["e", "a0"]) == ({"e", "a0", "a1"}, True)
    assert ids([FIRST, SECOND, earlier[0]], ["e0", "a0"]) == (set(), False)
    _, missing = members([FIRST, SECOND], ["gone", "a0"], 2)
    assert missing == "run gone, from before the training was resumed, is not in this ledger"


@pytest.mark.parametrize(
    ("known", "firsts", "ranks", "patience_s"),
    [
        ([FIRST, run("x", 1, outcome="running")], ["a0"], 2, trainings.RANKS_LIMIT_S),
        ([FIRST], ["a0"], 2, trainings.UNSEEN_LIMIT_S),
        ([FIRST, SECOND], ["gone", "a0"], 2, trainings.UNSEEN_LIMIT_S),
        ([run("b", None)], ["gone", "b"], 1, 0.0),
    ],
    ids=["goes on", "never seen", "earlier", "alone"],
)
def test_it_is_waited_for_what_may_come(known: list[Run], firsts: list[str], ranks: int, patience_s: float) -> None:
    assert trainings._patience_s(known, firsts, ranks) == patience_s


def test_one_process_that_goes_on_in_another_ledger_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with track("x") as tracked:
        pass

    def sleep(_: float) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(time, "sleep", sleep)
    assert "0123456789abcdef" in (trainings._settled(["0123456789abcdef", tracked.id], 1).missing or "")


@pytest.mark.slow
def test_it_is_summed_up_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with track("first", zone="FRA") as first:
        sum(range(1_000_000))
    with track("second", zone="FRA") as second:
        sum(range(1_000_000))
    told = whole(second.id, [first.id], 1)
    assert (set(told.runs), told.missing) == ({first.id, second.id}, None)
    energies = [one.footprint.energy_kwh for one in (first, second)]
    assert told.energy_kwh == pytest.approx(sum(energy.central for energy in energies if energy))
    assert told.emissions_g is not None
    monkeypatch.setattr(sys, "executable", "/opt/frozen-program")
    with pytest.raises(ConfigError, match="no interpreter"):
        whole(second.id, [], 1)


def test_without_a_place_the_energy_is_known_and_the_emissions_are_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with track("x") as tracked:
        sum(range(1_000_000))
    monkeypatch.setattr(sys, "argv", ["-c", tracked.id, "1"])
    trainings.main()
    out = capsys.readouterr().out
    assert f'"runs":["{tracked.id}"]' in out
    assert '"emissions_g":null' in out
    assert '"energy_kwh":null' not in out
