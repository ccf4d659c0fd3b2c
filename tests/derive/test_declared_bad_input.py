"""Facts that cannot be, or contradict each other: one clear line, and no number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.derive import declared_footprint, estimate
from footprint.errors import ConfigError, UnknownHardware
from footprint.model import Declaration

JOB: dict[str, Any] = {"hardware": "A100 SXM4 80GB", "count": 8, "hours": 100}


def refusal(**facts: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        estimate(**facts)
    told = str(caught.value)
    assert "\n" not in told
    assert len(told) < 400
    return told


@pytest.mark.parametrize(
    "name", ["hours", "device_hours", "energy_kwh", "power_w", "pue", "intensity_g_per_kwh", "flops", "mfu_ratio"]
)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -1.0, pytest.param(10**400, id="huge")])
def test_no_number_that_is_none_passes(name: str, value: float) -> None:
    assert name.partition("_")[0].upper() in refusal(**{**JOB, name: value}).upper()


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"hours": 0}, "hours is 0"),
        ({"hours": 1e6}, "device_hours"),
        ({"count": 0}, "count is 0"),
        ({"count": 2.5}, "count is 2.5; it must be a whole number"),
        ({"power_w": "300 W"}, "power_w is '300 W'; it must be a number, in W a device"),
        ({"power_w": "0.3 kW"}, "it must be a number"),
        ({"hours": "100"}, "hours is '100'"),
        ({"count": True}, "count is 'True'"),
        ({"pue": "1.2"}, "pue is '1.2'"),
        ({"hardware": 100}, "hardware is '100'; it must be a text"),
        ({"pue": 0.99}, "PUE of 0.99"),
        ({"pue": 12}, "PUE of 12"),
        ({"year": 1999}, "year is 1999"),
        ({"year": 2300}, "year is 2300"),
        ({"year": 2020.5}, "year is 2020.5"),
        ({"intensity_g_per_kwh": 2_001}, "kg or lb"),
        ({"intensity_g_per_kwh": 403_000}, "kg or lb"),
        ({"intensity_g_per_kwh": 0.403}, "if it is in kg/kWh, give 403, if in lb/kWh, 182.798"),
        ({"mfu_ratio": 40}, "40 % are 0.4"),
        ({"parameters": 7, "tokens": 2e12}, "7 billion are 7e9"),
        ({"flops": 314}, "PFLOP"),
        ({"workload": "transformers"}, "did you mean transformer"),
        ({"kind": "pretraining"}, "pre-training"),
        ({"life_years": 0.1}, "life_years is 0.1"),
        ({"use_ratio": 1.5}, "use_ratio is 1.5"),
        ({"price_per_kwh": -0.1, "currency": "EUR"}, "price_per_kwh is -0.1"),
        ({"price_per_kwh": 0.1}, "price_per_kwh says nothing without currency"),
        ({"currency": "EUR"}, "currency says nothing without price_per_kwh"),
        ({"price_per_kwh": 0.1, "currency": "a very long name"}, "short text"),
    ],
)
def test_what_cannot_be_is_refused(facts: dict[str, Any], says: str) -> None:
    assert says in refusal(**JOB | facts)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"energy_kwh": 320, "power_w": 300}, "energy_kwh is 320 but power_w x device-hours gives 240"),
        ({"energy_kwh": 253, "power_w": 300}, "energy_kwh is 253"),
        ({"energy_kwh": 900, "power_w": 300, "scope": "server"}, "for the accelerators alone"),
        ({"device_hours": 100}, "device_hours is 100 but hours x count gives 800"),
        ({"count": None, "device_hours": 60}, "less than the 100 hours"),
        ({"hardware": "64 Volta GPUs"}, "counts 64 but count is 8: give the name alone ('Volta GPUs'), or the same count"),
        ({"hardware": "p4d.24xlarge", "device_hours": 800}, "8 devices in each"),
        ({"energy_kwh": 300_000}, "in another unit"),  # Wh
        ({"energy_kwh": 0.3}, "in another unit"),  # MWh
        ({"power_w": 0.4}, "is it in kW?"),
        ({"power_w": 3200}, "if it is the power of all 8, give 400"),
        ({"flops": 1e24, "parameters": 7e9, "tokens": 1e12}, "6 x parameters x tokens gives 4.2e+22"),
        ({"flops": 1e24}, "of the peak"),  # 1113 % of it
        ({"flops": 1e17}, "of the peak"),  # 0.0001 % of it
        ({"flops": 3e20, "mfu_ratio": 0.9}, "mfu_ratio is 0.9 but the stated work and time give 33.4 %"),
        ({"region": "gcp:europe-west1", "hardware": "p4d.24xlarge"}, "Google"),
        ({"region": "aws:us-east-1", "zone": "FRA"}, "give one of them"),
    ],
)
def test_contradictions_are_refused_with_both_readings(facts: dict[str, Any], says: str) -> None:
    assert says in refusal(**JOB | facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"energy_kwh": 250, "power_w": 300},  # 4 %: rounding
        {"energy_kwh": 400, "power_w": 300, "scope": "server"},  # the host
        {"device_hours": 790},
        {"hardware": "8 A100 SXM4 80GB"},
        {"flops": 3e20, "parameters": 1e9, "tokens": 4.2e10},  # attention, and what else papers count
        {"flops": 3e20, "mfu_ratio": 0.33},
        {"flops": 1e17, "kind": "inference"},  # a server may wait
        {"energy_kwh": 500},
        {"power_w": 450},
        {"intensity_g_per_kwh": 0},
        {"intensity_g_per_kwh": 1_999},
    ],
)
def test_what_agrees_is_taken(facts: dict[str, Any]) -> None:
    assert estimate(**JOB | facts).energy_kwh is not None


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"count": 1, "hours": 274_120}, "more than 20 years"),
        ({"power_w": 650}, "is it the power of a whole job"),
        ({"intensity_g_per_kwh": 0}, "contracts"),
        ({"flops": 3e20}, "33.4 % of the peak in the stated time"),
        ({"mfu_ratio": 0.4}, "says nothing without flops"),
        ({"tokens": 1e12}, "tokens say nothing without parameters"),
        ({"hours": None, "energy_kwh": 9, "parameters": 1e9}, "parameters say nothing without tokens"),
        ({"year": 2012}, "came out in 2020"),
        ({"hardware": "8 A100 SXM4 80GB", "count": None}, "the hardware's name counts 8"),
    ],
)
def test_what_may_be_a_slip_is_said(facts: dict[str, Any], says: str) -> None:
    assert any(says in warning for warning in estimate(**JOB | facts).warnings)


def test_an_expected_value_of_decades_is_no_contradiction() -> None:
    """Strubell et al. 2019: 274,120 hours on eight boards, of a search that nobody ran in full."""
    found = estimate(hardware="P100", count=8, hours=274_120, power_w=189.42875, pue=1.58)
    assert found.energy_kwh is not None
    assert round(found.energy_kwh.central) == 656_347


def test_unknown_hardware_is_told_before_what_is_missing() -> None:
    with pytest.raises(UnknownHardware, match="H10"):
        estimate(hardware="H10", hours=3)
    with pytest.raises(UnknownHardware):
        declared_footprint(Declaration(hardware="H10"))


def test_unknown_hardware_is_no_matter_where_energy_is_stated() -> None:
    assert estimate(hardware="a cluster of ours", energy_kwh=10).it_energy_kwh is not None


def test_numbers_of_a_table_are_numbers() -> None:
    found = estimate(hardware="T4", count=np.float64(2.0), hours=np.float32(3.0), year=np.int64(2023), power_w=np.int32(70))
    assert found.it_energy_kwh is not None
    assert found.it_energy_kwh.central == pytest.approx(0.42)


@given(st.floats(0.001, 1e5), st.integers(1, 10_000), st.floats(1.0, 3.0), st.floats(1.0, 2_000.0))
def test_stated_numbers_are_multiplied_exactly(hours: float, count: int, pue: float, grid: float) -> None:
    found = estimate(hardware="T4", count=count, hours=hours, power_w=70.0, pue=pue, intensity_g_per_kwh=grid)
    assert found.emissions_g is not None
    assert found.emissions_g.central == pytest.approx(hours * count * 0.07 * pue * grid, rel=1e-9)
    assert found.emissions_g.low == found.emissions_g.high
