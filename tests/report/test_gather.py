"""One door from a ledger to the data of a report, in the user's own ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from footprint.derive.working import range_of
from footprint.model import Device, DeviceEnergy
from footprint.report import gather as door
from footprint.report import lines
from footprint.report.data import Summary
from footprint.report.gather import Asked, gather, gather_with_sums
from tests.ledger.questions.made import Made
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


def test_idling_is_told_as_a_share_of_all_that_accelerators_used() -> None:
    """Of two that used as much, one was seen idling for a third of its joules; of the other nobody knows what idling takes."""

    def read(number: int, course: tuple[tuple[float, float], ...], floor_w: float) -> DeviceEnergy:
        device = Device(id=f"gpu:GPU-{number}", component="accelerators", name="A100", meter="nvml", grade="counter")
        return DeviceEnergy(
            device=device, energy_j=course[-1][1], read_s=course[-1][0], floor_w=floor_w, held_ratio=1.0, course=course
        )

    seen = read(0, ((0.0, 0.0), (100.0, 5_000.0), (130.0, 15_000.0)), 50.0)
    busy = read(1, ((0.0, 0.0), (130.0, 15_000.0)), 115.0)

    def told(*devices: DeviceEnergy) -> Summary:
        with Made([examples.run("r", duration_s=130.0, devices=devices)]) as made:
            return door._of_ledger(made, Asked()).summary

    both, one = told(seen, busy), told(seen)
    assert (both.idle_ratio, both.idle_seen_ratio) == pytest.approx((1 / 6, 0.5))
    assert "at least 16.7 % of the accelerators' joules into idling" in lines.sure(both)
    assert (one.idle_ratio, one.idle_seen_ratio) == pytest.approx((1 / 3, 1.0))
    assert "33.3 % of the accelerators' joules into idling" in lines.sure(one)
    assert told(busy).idle_ratio is None
