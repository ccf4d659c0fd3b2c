from __future__ import annotations

from typing import Any

import pytest

import footprint.reference as ref
from footprint.derive.when import Advice, advise
from footprint.errors import ConfigError, FootprintError
from footprint.model import Place
from footprint.place.intensity import Series, Slot
from footprint.reference import hourly

NOW_S = 1_795_176_000.0  # a full hour


def forecast(*figures: float, step_s: float = 1800.0, start_s: float = NOW_S, **more: Any) -> Series:
    slots = tuple(
        Slot(start_s=start_s + step_s * at, end_s=start_s + step_s * (at + 1), g_per_kwh=figure, estimated=True)
        for at, figure in enumerate(figures)
    )
    known: dict[str, Any] = {"provider": "uk", "name": "Test", "zone": "GBR", "basis": "direct", "is_forecast": True, **more}
    return Series(slots=slots, **known)


def find(series: Series, hours: float = 1.0, within_h: float = 48.0, **more: Any) -> Advice:
    return advise(series, more.pop("now_s", NOW_S), hours, within_h, **more)


def test_what_the_mean_shares_with_the_cleanest_hours_cancels() -> None:
    """All hours but one are taken: that the one is dirty is sure, however far off a forecast is."""
    gain = find(forecast(*[100] * 47, 1000, step_s=3600.0), hours=47).against_mean
    assert gain.less_g_per_kwh.central == pytest.approx(900 / 48)
    assert gain.is_sure
    assert not find(forecast(*[100] * 24, *[120] * 24, step_s=3600.0), hours=24).against_mean.is_sure


def test_the_cleanest_window_against_now_and_the_mean() -> None:
    found = find(forecast(300, 300, 200, 50, 50, 250))
    assert (found.best.g_per_kwh, found.best.start) == (50, "2026-11-20T13:30Z")
    assert found.starting_now is not None
    assert found.starting_now.g_per_kwh == 300
    assert found.mean_g_per_kwh == pytest.approx(1150 / 6)
    gain = found.against_now
    assert gain is not None
    assert gain.less_g_per_kwh.central == pytest.approx(250)
    assert gain.less_ratio == pytest.approx(250 / 300)
    assert gain.is_sure
    assert found.against_mean.less_g_per_kwh.central == pytest.approx(1150 / 6 - 50)


def test_a_gain_within_the_error_of_a_forecast_is_said_to_be_that() -> None:
    """With windows that err by 23 % each, a tenth less may well be none; two thirds less is not."""
    for low, is_sure in ((180, False), (150, False), (60, True)):
        gain = find(forecast(200, 200, low, low)).against_now
        assert gain is not None
        assert gain.is_sure == is_sure
        assert (gain.less_g_per_kwh.low > 0) == is_sure
    # 90 % of the gain by hand: the two errors are independent, near enough normal.
    gain = find(forecast(200, 200, 150, 150)).against_now
    assert gain is not None
    sigma = hourly.FORECAST_SIGMA * (200**2 + 150**2) ** 0.5
    assert gain.less_g_per_kwh.low == pytest.approx(50 - 1.645 * sigma, abs=8)


def test_what_two_windows_share_cancels_with_its_error() -> None:
    """Half an hour later, of eight: only the hours that differ can err."""
    overlapping = find(forecast(300, *[200] * 15, 100), hours=8).against_now
    assert overlapping is not None
    assert overlapping.less_g_per_kwh.central == pytest.approx(200 / 16)
    assert overlapping.is_sure


def test_now_is_as_clean_as_it_gets() -> None:
    found = find(forecast(50, 50, 300))
    assert found.starting_now == found.best
    assert found.against_now is not None
    assert (found.against_now.less_ratio, found.against_now.is_sure) == (0, False)
    flat = find(forecast(*[100] * 20))
    assert flat.best.start == "2026-11-20T12:00Z"
    assert not flat.against_mean.is_sure


def test_a_window_that_begins_off_the_edges() -> None:
    """At 20 past: the first window begins now, and a window of 80 minutes ends with the cleanest slot or begins with it."""
    found = find(forecast(300, 100, 90, 200, 200), hours=4 / 3, now_s=NOW_S + 1200)
    # 20 minutes of 100, 30 of 100, 30 of 90 would need 80 minutes ending at the edge.
    assert found.best.g_per_kwh == pytest.approx((20 * 200 + 30 * 90 + 30 * 100) / 80)
    assert found.starting_now is not None
    assert found.starting_now.start == "2026-11-20T12:20Z"


def test_grams_saved_are_those_of_the_facility() -> None:
    place = Place(zone="GBR", pue_ratio=1.5)
    found = find(forecast(300, 300, 100, 100), energy_kwh=10.0, place=place)
    assert found.against_now is not None
    assert found.against_now.saved_g is not None
    assert found.against_now.saved_g.central == pytest.approx(10 * 1.5 * 200)
    by_power = find(forecast(300, 300, 100, 100), power_w=10_000.0, place=place)
    assert by_power.against_now == found.against_now
    unknown = find(forecast(300, 300, 100, 100), energy_kwh=10.0, place=Place(zone="GBR"))
    assert unknown.against_now is not None
    assert unknown.against_now.saved_g is not None
    assert unknown.against_now.saved_g.central == pytest.approx(10 * 200 * ref.pue(Place(zone="GBR"), 2026).central)


def test_a_forecast_that_ends_early_or_has_gaps_says_so() -> None:
    short = find(forecast(100, 90, 80), within_h=48)
    assert any("the forecast ends at 2026-11-20T13:30Z" in one for one in short.warnings)
    gap = forecast(100, 90, 80, 70)
    gap = Series(**{name: getattr(gap, name) for name in gap.__struct_fields__} | {"slots": gap.slots[:1] + gap.slots[2:]})
    assert any("gaps" in one for one in find(gap, hours=0.5).warnings)


def test_a_forecast_that_begins_later_has_no_now() -> None:
    found = find(forecast(100, 90, 80, start_s=NOW_S + 3600))
    assert found.starting_now is None
    assert found.against_now is None


@pytest.mark.parametrize(
    ("hours", "within_h", "more", "said"),
    [
        (0, 48, {}, "--hours must be above zero"),
        (-1, 48, {}, "--hours must be above zero"),
        (float("nan"), 48, {}, "--hours"),
        (float("inf"), 48, {}, "--hours"),
        (49, 48, {}, "do not fit within"),
        (4, 48, {}, r"the forecast ends at 2026-11-20T13:30Z, in 1 h 30 min, or has gaps: no 4 h in a row"),
        (1, 48, {"energy_kwh": 1.0, "power_w": 1.0}, "not both"),
        (1, 48, {"energy_kwh": 0.0}, "--energy-kwh must be above zero"),
        (1, 48, {"power_w": float("nan")}, "--power-w must be above zero"),
    ],
)
def test_what_cannot_be_is_one_clear_line(hours: float, within_h: float, more: dict[str, float], said: str) -> None:
    with pytest.raises(FootprintError, match=said):
        find(forecast(100, 90, 80), hours, within_h, **more)


def test_an_empty_forecast_is_none() -> None:
    with pytest.raises(FootprintError, match="the forecast is empty"):
        find(forecast())
    assert issubclass(ConfigError, FootprintError)
