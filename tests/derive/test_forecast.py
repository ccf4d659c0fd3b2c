"""Forecasts of runs from their first part: against simulated trainings whose end is known, and by hand."""

from __future__ import annotations

import itertools
from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.derive import run_footprint
from footprint.derive.advance import BLOCKS_LEAST, BLOCKS_MOST, blocks, rest
from footprint.derive.forecast import forecast, until
from footprint.model import Run
from footprint.recorder.outlook import Forecast
from footprint.report.ahead import lines
from tests.derive.forecasting import (
    FORESEEABLE,
    SHARES,
    STEPS,
    epochs,
    everything,
    facts,
    score,
    steady,
    training,
    warm_up,
)
from tests.report.examples import run, somewhere

SEEDS = 40


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
def test_the_range_holds_the_truth_in_nine_of_ten_simulated_trainings(share: float) -> None:
    scores = [score(scenario, share, SEEDS) for scenario in FORESEEABLE]
    made = [one for one in scores if one.made]
    assert len(made) >= len(FORESEEABLE) - 1  # where progress is told twenty times it is too early at first
    for what in ("time_ratio", "energy_ratio"):
        held = [getattr(one, what) for one in made]
        assert sum(held) / len(held) >= 0.9, held
        assert min(held) >= 0.8, held


def test_a_range_is_no_wider_than_it_must_be() -> None:
    widths = [score(steady, share, 10).width for share in (0.1, 0.25, 0.5, 0.75)]
    assert widths == sorted(widths, reverse=True)
    assert all(width < most for width, most in zip(widths, (1.8, 1.35, 1.2, 1.1), strict=True)), widths


def test_a_slow_beginning_is_left_out() -> None:
    """What a forecast from the first tenth, taken as it is, makes of a slow beginning."""
    plain = []
    for seed in range(SEEDS):
        whole = training(warm_up, seed)
        plain.append(abs(whole.times_s[STEPS // 10 - 1] * 10 / whole.times_s[-1] - 1))
    ours = score(warm_up, 0.1, SEEDS)
    assert ours.error_ratio < 0.05 < sorted(plain)[SEEDS // 2]


@pytest.mark.parametrize("scenario", [steady, epochs, everything])
def test_a_runs_facts_are_forecast_from_a_quarter_of_them(scenario: object) -> None:
    held = 0
    for seed in range(10):
        whole = facts(training(scenario, seed), somewhere())  # type: ignore[arg-type]  # one of the scenarios
        quarter = until(whole, next(t_s for t_s, done, _ in whole.progress if done >= STEPS / 4))
        ahead, truth = forecast(quarter), run_footprint(whole)
        assert ahead.duration_s is not None
        assert ahead.energy_kwh is None  # the host's part is not known: no total is made up
        assert any(reason.startswith("energy") for reason in ahead.unknown)
        assert quarter.duration_s <= ahead.duration_s.low
        held += ahead.duration_s.low <= whole.duration_s <= ahead.duration_s.high
        assert truth.energy_kwh is None
    assert held >= 9


def measured(seed: int = 1) -> Run:
    """A simulated training on a machine whose host was read, too."""
    whole = facts(training(steady, seed), somewhere())
    cpu = run().cpu
    assert cpu is not None
    time_s = whole.duration_s
    return msgspec.structs.replace(
        whole,
        cpu=msgspec.structs.replace(
            cpu,
            tree_s=time_s,
            busy_s=2 * time_s,
            read_s=time_s,
            tree_course=((0.0, 0.0), (time_s, time_s)),
            busy_course=((0.0, 0.0), (time_s, 2 * time_s)),
        ),
    )


def test_energy_and_emissions_of_a_measured_run() -> None:
    whole = measured()
    quarter = until(whole, whole.duration_s / 4)
    ahead, truth = forecast(quarter), run_footprint(whole)
    assert ahead.unknown == ()
    assert ahead.energy_kwh is not None
    assert ahead.emissions_g is not None
    assert truth.energy_kwh is not None
    assert truth.emissions_g is not None
    assert ahead.energy_kwh.central == pytest.approx(truth.energy_kwh.central, rel=0.05)
    assert ahead.emissions_g.central == pytest.approx(truth.emissions_g.central, rel=0.05)
    # What the factors leave open stays open, and what is to come adds to it.
    for name in ("energy_kwh", "emissions_g"):
        told, spent = getattr(ahead, name), getattr(ahead, f"spent_{name}")
        assert spent.low <= told.low <= told.central <= told.high
        assert told.high / told.low >= 0.99 * spent.high / spent.low
    assert ahead.ends_at is not None
    assert ahead.duration_s is not None
    after_s = (datetime.fromisoformat(ahead.ends_at.central) - datetime.fromisoformat(whole.started_at)).total_seconds()
    assert after_s == pytest.approx(ahead.duration_s.central, abs=1)


@pytest.mark.parametrize("words", range(BLOCKS_LEAST + 2))
def test_too_early_is_unknown(words: int) -> None:
    whole = measured()
    few = msgspec.structs.replace(whole, progress=tuple((10.0 * (i + 1), 20.0 * (i + 1), 1000.0) for i in range(words)))
    ahead = forecast(few)
    known = words > BLOCKS_LEAST
    assert (ahead.duration_s is not None, ahead.energy_kwh is not None, ahead.ends_at is not None) == (known,) * 3
    assert ahead.spent_energy_kwh == run_footprint(few).energy_kwh
    assert known or ahead.unknown[0].startswith("end: the program" if not words else "end: it is too early")


def test_a_twentieth_or_ten_minutes_must_be_done() -> None:
    """What may all be a slow beginning is no ground for a forecast."""
    whole = measured()

    def after(steps: int, apart_s: float) -> Forecast:
        words = tuple((apart_s * i, float(i), 1000.0) for i in range(1, steps + 1))
        return forecast(msgspec.structs.replace(until(whole, 200.0), duration_s=apart_s * steps, progress=words))

    assert after(50, 1.0).duration_s is None
    assert after(51, 1.0).duration_s is not None
    assert after(20, 29.0).duration_s is None
    assert after(20, 32.0).duration_s is not None


def test_without_a_place_the_energy_is_forecast_all_the_same() -> None:
    ahead = forecast(msgspec.structs.replace(until(measured(), 100.0), place=None))
    assert ahead.energy_kwh is not None
    assert ahead.emissions_g is None
    assert ahead.unknown == ("emissions: the place is not known",)


def test_a_program_that_has_done_all_has_no_rest() -> None:
    ahead = forecast(measured())
    assert ahead.duration_s is not None
    assert ahead.energy_kwh is not None
    assert ahead.spent_energy_kwh is not None
    assert ahead.duration_s.low == ahead.duration_s.high == ahead.at_s
    assert ahead.energy_kwh.central == pytest.approx(ahead.spent_energy_kwh.central, rel=0.01)


def test_a_program_that_has_fallen_silent_is_told_of() -> None:
    whole = measured()
    silent = msgspec.structs.replace(whole, progress=tuple(one for one in whole.progress if one[0] < whole.duration_s / 3))
    ahead = forecast(silent)
    assert ahead.duration_s is not None
    assert ahead.duration_s.low > whole.duration_s
    assert "no progress was told for" in ahead.warnings[0]


def test_progress_after_the_last_reading_waits_for_the_next() -> None:
    part = until(measured(), 100.0)
    later = msgspec.structs.replace(part, progress=(*part.progress, (100.9, 1900.0, 2000.0)))
    assert forecast(later) == forecast(part)


@given(
    st.lists(st.floats(0.01, 100), min_size=BLOCKS_LEAST, max_size=BLOCKS_MOST),
    st.floats(1e-3, 1e6),
    st.floats(1e-6, 1e6),
    st.data(),
)
def test_the_rest_scales_with_what_it_is_told_in(work: list[float], remaining: float, scale: float, data: st.DataObject) -> None:
    cost = [data.draw(st.floats(0.01, 100)) for _ in work]
    plain, scaled = rest(work, cost, remaining), rest(work, [one * scale for one in cost], remaining)
    in_other_units = rest([one * 7 for one in work], cost, remaining * 7)
    assert (plain is None) == (scaled is None) == (in_other_units is None)
    if plain is None or scaled is None or in_other_units is None:
        return
    assert 0 < plain.low <= plain.central <= plain.high
    for name in ("low", "central", "high"):
        assert getattr(scaled, name) == pytest.approx(getattr(plain, name) * scale, rel=1e-6)
        assert getattr(in_other_units, name) == pytest.approx(getattr(plain, name), rel=1e-6)


@given(st.lists(st.floats(0, 1e9), max_size=200).map(sorted))
def test_blocks_are_whole_and_never_empty(done: list[float]) -> None:
    cuts = blocks(done)
    assert cuts == sorted(set(cuts))
    assert len(cuts) <= BLOCKS_MOST + 2
    assert all(done[earlier] < done[later] for earlier, later in itertools.pairwise(cuts))
    assert not done or done[cuts[-1]] == done[-1]


@pytest.mark.parametrize("total", [2.0**63, 1e300])
def test_a_total_that_stands_for_no_end_costs_neither_the_forecast_nor_the_budget(total: float) -> None:
    progress = tuple((20.0 * at, float(at), total) for at in range(1, 101))
    one = run("stream", duration_s=2500.0, place=somewhere(), progress=progress)
    found = forecast(one)
    assert found.ends_at is None
    assert found.unknown[0] == "end: at this pace it comes after the year 9999"
    assert found.spent_emissions_g is not None
    assert msgspec.json.decode(msgspec.json.encode(found), type=Forecast) == found
    assert [line for line in lines(one, run_footprint(one), found) if "year 9999" in line]


@pytest.mark.parametrize("unit", [1e-300, 1e-3, 1e300])
def test_the_unit_of_the_work_is_of_no_account(unit: float) -> None:
    work, cost = [1.0, 2.0, 1.0, 1.5, 1.0], [10.0, 21.0, 9.0, 16.0, 11.0]
    plain, scaled = rest(work, cost, 7.0), rest([one * unit for one in work], cost, 7.0 * unit)
    assert plain is not None
    assert scaled is not None
    assert msgspec.structs.astuple(scaled) == pytest.approx(msgspec.structs.astuple(plain), rel=1e-9)
