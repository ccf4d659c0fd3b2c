from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable

import pytest

from footprint.ledger.records import Held
from footprint.recorder import holders
from footprint.recorder.holders import Holders
from footprint.recorder.pace import YOUNG_S

STRANGER = 1


class Driver:
    """Tells of one GPU whatever it is set to."""

    def __init__(self, *pids: int) -> None:
        self.told: dict[str, frozenset[int]] = {"gpu": frozenset(pids)}

    def hold(self, *pids: int) -> None:
        self.told = {"gpu": frozenset(pids)}

    def __call__(self) -> dict[str, frozenset[int]]:
        return self.told


def states(records: Iterable[Held]) -> list[tuple[tuple[str, ...], bool, int]]:
    return [(record.runs, record.ours, record.others) for record in records]


@pytest.fixture
def driver() -> Driver:
    return Driver()


@pytest.fixture
def looker(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Holders:
    monkeypatch.setattr(holders, "in_first_namespace", lambda: True)  # the tests may run in a container
    return Holders(driver, lambda: frozenset({os.getpid()}))


def test_ours_theirs_both_and_nobodys(driver: Driver, looker: Holders) -> None:
    seen = []
    for number, pids in enumerate([(), (os.getpid(),), (os.getpid(), STRANGER), (STRANGER,)]):
        driver.hold(*pids)
        seen += states(looker.look(float(number), {"r": 0.0}))
    assert seen == [(("r",), False, 0), (("r",), True, 0), (("r",), True, 1), (("r",), False, 1)]


def test_what_the_tree_started_since_it_was_looked_at_is_ours(driver: Driver, looker: Holders) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        driver.hold(child.pid)
        assert states(looker.look(0.0, {"r": 0.0})) == [(("r",), True, 0)]
        child.communicate(b"\n")


def test_after_the_first_minute_only_changes_are_written_and_a_young_run_has_its_own(driver: Driver, looker: Holders) -> None:
    driver.hold(STRANGER)
    old = {"old": 0.0}
    assert looker.look(0.0, old)
    assert looker.look(YOUNG_S - 1, old)
    assert looker.look(YOUNG_S, old) == []
    later = {"old": 0.0, "new": 100.0}
    assert states(looker.look(101.0, later)) == [(("new",), False, 1)]
    driver.hold(os.getpid())
    assert states(looker.look(102.0, later)) == [(("old", "new"), True, 0)]
    driver.told = {}
    assert looker.look(200.0, later) == []
    driver.hold(os.getpid())  # it answers again, and whoever reads must know since when
    assert states(looker.look(210.0, later)) == [(("old", "new"), True, 0)]


def test_pids_of_another_namespace_are_not_compared(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose driver counts by the host's pids, until one of them turns out to be ours."""
    monkeypatch.setattr(holders, "in_first_namespace", lambda: False)
    looker = Holders(driver, lambda: frozenset({os.getpid()}))
    for pids in ((), (STRANGER,)):
        driver.hold(*pids)
        assert looker.look(0.0, {"r": 0.0}) == []
    driver.hold(os.getpid())
    assert states(looker.look(1.0, {"r": 0.0})) == [(("r",), True, 0)]
    driver.hold(STRANGER)
    assert states(looker.look(2.0, {"r": 0.0})) == [(("r",), False, 1)]


def test_a_tree_that_cannot_be_seen_is_compared_with_nothing(driver: Driver) -> None:
    driver.hold(os.getpid())
    assert Holders(driver, frozenset).look(0.0, {"r": 0.0}) == []


def test_when_it_is_time_to_look(looker: Holders) -> None:
    assert looker.is_due(0.0, 0.0)
    assert looker.unseen(0.0)
    looker.look(0.0, {"r": 0.0})
    assert not looker.unseen(0.0)
    assert not looker.is_due(0.05, 0.0)
    assert looker.is_due(0.15, 0.0)
    assert not looker.is_due(9.0, -YOUNG_S)
    assert looker.is_due(10.0, -YOUNG_S)
