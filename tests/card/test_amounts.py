"""Quantities as cards write them: what is read, what is not sure, and what is no quantity."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.card.words.amount_words import number_readings
from footprint.card.words.amounts import MOST, find_amounts, read_energy, read_hours, read_mass, read_power

HOURS = (
    ("72 (3 days)", "unsaid", 72, 72),
    ("100 h wall-clock (800 device-hours)", "wall", 100, 100),
    ("100 h wall-clock (800 device-hours)", "device", 800, 800),
    ("960 - 1080 hours (40-45 days)", "unsaid", 960, 1080),
    ("439 GPU hours", "device", 439, 439),
    ("14.8 days", "unsaid", 355.2, 355.2),
    ("2:30:00", "unsaid", 2.5, 2.5),
    ("2h30", "unsaid", 2.5, 2.5),
    ("2 h 30 min", "unsaid", 2.5, 2.5),
    ("1 day, 4 hours", "unsaid", 28, 28),
    ("Approximately 336 hours (2 weeks)", "unsaid", 336, 336),
    ("24 hours (one day)", "unsaid", 24, 24),
    ("~127 hours, 50800 GPU-hours", "unsaid", 127, 127),
    ("~127 hours, 50800 GPU-hours", "device", 50800, 50800),
    ("200000", "unsaid", 200000, 200000),
    ("184,320 GPU hours", "device", 184320, 184320),
    ("3.3M GPU hours", "device", 3.3e6, 3.3e6),
    ("7.0M H100-hours", "device", 7e6, 7e6),
    ("550\\,000 GPU hours", "device", 550000, 550000),
    ("12 NVIDIA A100 GPU hours", "device", 12, 12),
    ("30 V100 GPU-days", "device", 720, 720),
    ("1804.6 s", "unsaid", 1804.6 / 3600, 1804.6 / 3600),
    ("< 36", "unsaid", 0, 36),
    ("more than 36 hours", "unsaid", 36, math.inf),
    ("a week", "unsaid", 168, 168),
    ("half a day", "unsaid", 12, 12),
    ("between 3 and 4 days", "unsaid", 72, 96),
    ("12 heures", "unsaid", 12, 12),
    ("3 Tage", "unsaid", 72, 72),
    ("12 小时", "unsaid", 12, 12),
    ("wall-clock time: 5 hours", "wall", 5, 5),
    ("10 hours of GPU time", "device", 10, 10),
)


@pytest.mark.parametrize(("text", "counted", "low", "high"), HOURS)
def test_hours_are_read(text: str, counted: str, low: float, high: float) -> None:
    found = read_hours(text)
    assert found is not None
    amount = getattr(found, counted)
    assert (amount.low, amount.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    "text",
    [
        "22,000 for ViT-g, 4,500 for ViT-S distillation",
        "72 (4 days)",
        "2 hours per epoch",
        "8 x 3 h",
        "3 h x 8",
        "1.234 hours",
        "100 node-hours",
        "5 epochs",
        "a learning rate of 5e-5",
        "",
        "TPU v3-8",
        "8 x A100",
        "2 hours for pre-training and 9 hours for fine-tuning",
    ],
)
def test_hours_that_are_not_sure_are_none(text: str) -> None:
    assert read_hours(text) is None


MASSES = (
    ("30.16 kg CO2 eq.", 30160),
    ("149200 g", 149200),
    ("5,521,000 kg", 5.521e9),
    ("539 tCO2eq", 5.39e8),
    ("539 tCO<sub>2</sub>eq", 5.39e8),
    ("0.80 KgCO2 (Singapore)", 800),
    ("0.43 gCO2e", 0.43),
    ("7t CO2eq", 7e6),
    ("0.03898 tons of CO2 in total for the training process", 38980),
    ("12.5 metric tons", 12.5e6),
    ("100 lbs", 45359.237),
    ("41 ± 2 kg", 41000),
    ("153 kg CO2eq (90 % range 131-178; location-based, life-cycle)", 153000),
    ("1.234,5 kg", 1234500),
    ("24_700_000 g", 2.47e7),
    ("1 234 567 g", 1234567),
    ("1.5e3 kg", 1.5e6),
    ("1.2 × 10^3 kg", 1.2e6),
    ("500 mg", 0.5),
)


@pytest.mark.parametrize(("text", "grams"), MASSES)
def test_masses_are_read(text: str, grams: float) -> None:
    found = read_mass(text)
    assert found is not None
    assert found.middle == pytest.approx(grams)


@pytest.mark.parametrize(
    "text",
    [
        "1.234 kg",
        "12.9",
        "0.000618 kWh",
        "429 gCO2eq/kWh",
        "5.44 kg per model",
        "16 G",
        "8 200 g",
        "2 kg or 9 kg",
        "unknown",
        "1.2.3 kg",
    ],
)
def test_masses_that_are_not_sure_are_none(text: str) -> None:
    assert read_mass(text) is None


def test_what_is_known_of_the_marks_settles_them() -> None:
    read = {mark: found.low for mark in (".", ",") if (found := read_mass("1.234 kg", decimal=mark)) is not None}
    assert read == {".": 1234, ",": 1234000}
    assert read_mass("12.9", unit_g=1e6).low == pytest.approx(12.9e6)  # type: ignore[union-attr] # it is read


def test_energy_and_power_are_told_apart() -> None:
    assert read_energy("0.000618 kWh").low == pytest.approx(0.000618)  # type: ignore[union-attr] # it is read
    assert read_energy("1.5 MWh").low == pytest.approx(1500)  # type: ignore[union-attr] # it is read
    assert read_energy("3.6 MJ").low == pytest.approx(1)  # type: ignore[union-attr] # it is read
    assert read_energy("0.3 kW") is None
    assert read_energy("5 mWh") is None  # thousandths of a Wh, or a sloppy MWh
    assert read_power("0.3 kW").low == pytest.approx(300)  # type: ignore[union-attr] # it is read
    assert read_power("350-400W").high == pytest.approx(400)  # type: ignore[union-attr] # it is read
    assert read_power("400 kWh") is None


def test_an_intensity_is_no_mass() -> None:
    assert [(one.kind, one.low) for one in find_amounts("0.385 kgCO2eq/KWh at a PUE of 1.1")] == [
        ("intensity", 385.0),
        ("bare", 1.1),
    ]


@pytest.mark.parametrize(
    ("digits", "values"),
    [
        ("0.618", (0.618,)),
        ("23.9669", (23.9669,)),
        ("1,234", (1234.0,)),
        ("1.234", (1.234, 1234.0)),
        ("1,234.5", (1234.5,)),
        ("1.234.567", (1234567.0,)),
        ("2,5", (2.5,)),
        ("1'234", (1234.0,)),
        ("12,34,567", None),
        ("1.2.3", None),
    ],
)
def test_marks_of_numbers(digits: str, values: tuple[float, ...] | None) -> None:
    assert number_readings(digits) == values


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for amount in find_amounts(text):
        assert 0 <= amount.low <= amount.high
        assert text[amount.start : amount.end]
    read_hours(text)
    read_mass(text, unit_g=1.0)


@pytest.mark.parametrize(
    "part", ["1", "1,", "1.234.", "9 h ", "1-", "half a ", "1 x ", "1 GPU ", "12:59:", "1\u202f", "a b c d GPU "]
)
def test_long_texts_are_read_as_far_as_they_are_worth_it(part: str) -> None:
    assert len(find_amounts(part * 300_000)) <= MOST
