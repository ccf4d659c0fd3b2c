"""One door from a ledger to the data of a report, in the user's own ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from footprint.derive.working import range_of
from footprint.report.gather import Asked, gather, gather_with_sums
from tests.report import examples


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path))
    return tmp_path


def test_sums_are_those_that_the_summary_states(home: Path) -> None:
    examples.record(home, examples.runs(7, placed=2))
    found = gather_with_sums(Asked())
    assert found.summary.total.runs == 7
    assert range_of(found.energy) == found.summary.total.energy_kwh
    assert range_of(found.emissions) == found.summary.total.emissions_g
    assert gather(Asked()).total == found.summary.total


def test_nothing_recorded_has_no_sums(home: Path) -> None:
    found = gather_with_sums(Asked())
    assert (found.summary.all_runs, found.energy, found.emissions) == (0, None, None)
