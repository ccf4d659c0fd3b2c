"""Sums over very many runs by groups: against each run drawn by itself, and against true draws of the law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.accounting import groups
from footprint.accounting.groups import KEPT, MOST_APART, Weights, lumped
from footprint.accounting.laws import averaged, cumulants
from footprint.accounting.ranges import Group, Quantity, draw, sum_groups, total
from footprint.model import Factor, Range
from tests.accounting import truth
from tests.accounting.test_laws import factor

# As our tables have them.
UTILISATION = factor(0.3, 0.7445, 1.0, error_family="utilisation", varies="run")
HOST = factor(1.2, 1.5, 1.8, error_family="host", varies="run")
SENSOR = factor(0.95, 1.0, 1.05, error_family="sensor", varies="device")
LAG = factor(-0.5, 0.0, 0.5, error_family="lag", varies="run")
MEMORY = factor(0.4, 1.0, 2.5, error_family="memory", varies="device")
IDLE = factor(0.0, 0.4914, 1.867, error_family="idle", varies="device")
SITES = [factor(1.02, 1.1 + 0.03 * i, 1.25 + 0.08 * i, error_family=f"site:{i}") for i in range(3)]
GRIDS = [factor(300, 400, 520, error_family=f"grid:{i}") for i in range(4)]


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Each run drawn by itself, however many there are."""
    monkeypatch.setattr(groups, "MOST_APART", 10**9)
    return monkeypatch


def jobs(weights: np.ndarray, *own: Factor) -> Quantity:
    """A sum over runs on a few sites and grids."""
    return total(
        math.prod((draw(f, run=f"r{i}", device=f"d{i}") for f in (*own, SITES[i % 3], GRIDS[i % 4])), start=Quantity(float(w)))
        for i, w in enumerate(weights)
    )


def width(found: Range) -> float:
    return (found.high - found.low) / found.central


# -- Against true draws ----------------------------------------------------------------------------------------------------

WEIGHTS = {
    "2 alike": [1.0, 1.0],
    "10 alike": [1.0] * 10,
    "100 alike": [1.0] * 100,
    "3 to 1 to 1": [3.0, 1.0, 1.0],
    "60 of 1/i": [1 / i for i in range(1, 61)],
}


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize(
    ("f", "most"),
    [(UTILISATION, 0.05), (HOST, 0.01), (SENSOR, 0.01), (LAG, 0.01), (MEMORY, 0.09), (IDLE, 0.13)],
    ids=lambda value: value.error_family if isinstance(value, Factor) else "",
)
def test_an_average_is_as_wide_as_true_draws_to_what_is_stated(f: Factor, most: float, name: str) -> None:
    """`averaged` says: within 5 % of the width for the priors of declared work, 13 % for the most skewed law that there is."""
    rng, w = np.random.default_rng(20), np.array(WEIGHTS[name])
    n = truth.N if len(w) < 20 else truth.N // 5
    true = np.zeros(n)
    for one in w:
        drawn = truth.draws(f, rng, n)
        true += one * (drawn - drawn.mean() + f.central)  # the mean is the factor's, also where a tail is put at zero
    low, high = truth.bounds(true / w.sum())
    found = averaged(cumulants(f.low, f.central, f.high), *Weights.of(w)[1:])
    most = min(most, 0.05) if name == "100 alike" else most
    assert (found[0] - low) / (high - low) == pytest.approx(0, abs=most)
    assert (found[2] - high) / (high - low) == pytest.approx(0, abs=most)


@pytest.mark.slow
def test_a_million_runs_in_groups_are_as_wide_as_true_draws() -> None:
    """10^6 runs on three sites and four grids, log-normal in size: every cell's true sum is drawn from 2,000 runs of it, which
    is what a sum of more tends to; shared factors 10^6 times."""
    rng = np.random.default_rng(4)
    w = rng.lognormal(0, 1, 1_000_000)
    cell = rng.integers(0, 12, len(w))
    shared = [truth.draws(f, rng) for f in (*SITES, *GRIDS)]
    true = np.zeros(truth.N)
    sums = []
    for at in range(12):
        mine = w[cell == at]
        each = draw(UTILISATION) * draw(HOST) * draw(SITES[at % 3]) * draw(GRIDS[at // 3])
        sums.append(Group(f"cell {at}", each, Weights.of(mine)))
        # The central limit: each cell holds more than 80,000 independent runs.
        law = [cumulants(f.low, f.central, f.high) for f in (UTILISATION, HOST)]
        variance = math.prod(c.k2 + c.mean**2 for c in law) - math.prod(c.mean**2 for c in law)
        own = rng.normal(mine.sum() * 0.7445 * 1.5, math.sqrt(variance * (mine**2).sum()), truth.N)
        true += own * shared[at % 3] * shared[3 + at // 3]
    low, high = truth.bounds(true)
    found = sum_groups(sums).range()
    assert found.low == pytest.approx(low, abs=0.03 * (high - low))
    assert found.high == pytest.approx(high, abs=0.03 * (high - low))
    assert found.central == pytest.approx(float(w.sum()) * 0.7445 * 1.5 * np.mean([
        SITES[at % 3].central * GRIDS[at // 3].central * w[cell == at].sum() / w.mean() for at in range(12)
    ]) * 12 / len(w), rel=1e-9)  # fmt: skip


# -- Against each run drawn by itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "own", [(UTILISATION, HOST), (SENSOR,), (LAG,), (MEMORY,), (SENSOR, UTILISATION)], ids=lambda own: own[0].error_family
)
@pytest.mark.parametrize("sizes", ["alike", "log-normal", "a few large"])
def test_grouped_is_ungrouped(own: tuple[Factor, ...], sizes: str, apart: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(11)
    w = {"alike": np.ones(600), "log-normal": rng.lognormal(0, 1.5, 600), "a few large": np.r_[np.ones(595), np.full(5, 200.0)]}[
        sizes
    ]
    if own == (LAG,):  # an error about zero is added to something
        w_kwh = jobs(w)
    every = jobs(w, *own)
    every = every + w_kwh if own == (LAG,) else every
    plain = every.range()
    apart.undo()
    assert len(lumped(every.terms)) < len(every.terms)
    found = every.range()
    assert found.central == pytest.approx(plain.central, rel=1e-11)
    # A clipped tail moves the mean of draws that are not averaged by up to 0.6 % of it.
    moved = 0.006 * plain.central if UTILISATION in own else 0.0
    assert found.low == pytest.approx(plain.low, abs=0.04 * (plain.high - plain.low) + moved)
    assert found.high == pytest.approx(plain.high, abs=0.04 * (plain.high - plain.low) + moved)


def test_small_sums_are_left_as_they_are() -> None:
    few = jobs(np.ones(MOST_APART), SENSOR)
    assert lumped(few.terms) is few.terms
    more = jobs(np.ones(MOST_APART + 1), SENSOR)
    assert len(lumped(more.terms)) <= KEPT + 12


def test_what_is_left_by_itself_are_the_largest() -> None:
    w = np.r_[np.ones(400), 50.0]
    kept = {v.key for term in lumped(jobs(w, SENSOR).terms) for v in term if v.key.startswith("sensor\x1fdevice")}
    assert len(kept) == KEPT
    assert any(key.endswith("d400") for key in kept)


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_groups_do_not_hang_on_the_order(rng: object) -> None:
    w = np.random.default_rng(5).lognormal(0, 1, 300)
    terms = list(jobs(w, UTILISATION, HOST).terms.items())
    rng.shuffle(terms)  # type: ignore[attr-defined]
    one, other = jobs(w, UTILISATION, HOST).range(), Quantity(terms=dict(terms)).range()
    assert (other.low, other.central, other.high) == pytest.approx((one.low, one.central, one.high), rel=1e-9)


def test_energy_and_emissions_of_the_same_runs_move_together() -> None:
    energy = total(draw(UTILISATION, run=str(i)) * 2.0 for i in range(500))
    emissions = energy * draw(factor(300, 300, 300))
    assert energy.draws is not None
    assert emissions.draws is not None
    assert np.corrcoef(energy.draws, emissions.draws)[0, 1] == pytest.approx(1.0)
    others = total(draw(UTILISATION, run=f"other {i}") * 2.0 for i in range(500))
    assert others.draws is not None
    assert abs(np.corrcoef(energy.draws, others.draws)[0, 1]) < 0.08


def test_a_difference_of_sums_cancels_run_by_run() -> None:
    server = total(draw(UTILISATION, run=str(i)) * draw(HOST, run=str(i)) for i in range(400))
    chips = total(draw(UTILISATION, run=str(i)) for i in range(400))
    rest = (server + chips * -1.0).range()
    assert rest.central == pytest.approx(400 * 0.7445 * 0.5, rel=1e-9)
    assert 0.05 < width(rest) < 0.12  # the host's own error, 1.2 to 1.8 over 0.5, and the root of 400
    nothing = (chips + chips * -1.0).range()
    assert (nothing.low, nothing.high) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_runs_on_many_sites_are_still_few_variables(apart: pytest.MonkeyPatch) -> None:
    sites = [factor(1.05, 1.1, 1.2, error_family=f"s{i}") for i in range(400)]
    every = total(draw(SENSOR, device=f"d{i}") * draw(sites[i % 400]) for i in range(1200))
    plain = every.range()
    apart.undo()
    found = {v for term in lumped(every.terms) for v in term if "sensor" in v.key}
    assert len(found) <= KEPT + groups.MOST_GROUPS + 2
    assert width(every.range()) == pytest.approx(width(plain), rel=0.04)


# -- Sums that somebody else made --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [300, 5000])
def test_sums_by_group_are_sums_of_runs(n: int) -> None:
    w = np.random.default_rng(8).lognormal(0, 1, n)
    runs = jobs(w, UTILISATION, HOST).range()
    at = np.arange(n)
    found = sum_groups(
        Group(
            f"{i} {j}",
            draw(UTILISATION) * draw(HOST) * draw(SITES[i]) * draw(GRIDS[j]),
            Weights.of(w[(at % 3 == i) & (at % 4 == j)]),
        )
        for i in range(3)
        for j in range(4)
    ).range()
    assert found.central == pytest.approx(runs.central, rel=1e-9)
    assert found.low == pytest.approx(runs.low, abs=0.03 * (runs.high - runs.low))
    assert found.high == pytest.approx(runs.high, abs=0.03 * (runs.high - runs.low))


def test_a_group_of_one_is_that_run() -> None:
    one = draw(UTILISATION, run="r7") * draw(GRIDS[0]) * 3.0
    assert sum_groups([Group("r7", draw(UTILISATION) * draw(GRIDS[0]), Weights.of([3.0]))]).range() == one.range()
    assert sum_groups([]).range() == Quantity(0.0).range()


def test_errors_of_devices_are_averaged_over_devices() -> None:
    """A thousand runs on two devices err like two devices, not like a thousand."""
    w = np.ones(1000)
    each = draw(SENSOR) * draw(LAG) + draw(SENSOR)
    found = sum_groups([Group("g", draw(SENSOR), Weights.of(w), Weights.of([500.0, 500.0]))]).range()
    true = total(draw(SENSOR, device=f"d{i % 2}") for i in range(1000)).range()
    assert width(found) == pytest.approx(width(true), rel=0.05)
    assert sum_groups([Group("g", each, Weights.of(w), Weights.of([500.0, 500.0]))]).central == pytest.approx(1000.0)
    with pytest.raises(ValueError, match="sums of the weights by device are needed"):
        sum_groups([Group("g", draw(SENSOR), Weights.of(w))])
    with pytest.raises(ValueError, match="runs weigh 1000 together, devices 999"):
        sum_groups([Group("g", draw(SENSOR), Weights.of(w), Weights.of([999.0]))])


def test_devices_of_two_years_are_the_same_devices() -> None:
    devices = Weights.of([1.0] * 10)
    years = [Group(f"{year}", draw(SENSOR), Weights.of([1.0] * 10), devices, "rack 5") for year in (2023, 2024)]
    alone = [one._replace(device_key="") for one in years]
    assert width(sum_groups(years).range()) == pytest.approx(math.sqrt(2) * width(sum_groups(alone).range()), rel=0.05)


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=50))
def test_sums_of_weights_are_taken_for_what_they_are(weights: list[float]) -> None:
    Weights.of(weights).check("any weights")


@pytest.mark.parametrize(
    "sums",
    [
        Weights(0, 0.0, 0.0, 0.0), Weights(2, -1.0, 1.0, 1.0), Weights(2, math.nan, 1.0, 1.0), Weights(2, 2.0, 1.0, 1.0),
        Weights(2, 2.0, 5.0, 5.0), Weights(3, 3.0, 3.0, 1.0), Weights(3, 3.0, 3.0, 9.0),
    ],
)  # fmt: skip
def test_sums_that_no_weights_have_are_refused(sums: Weights) -> None:
    with pytest.raises(ValueError, match="g: "):
        sum_groups([Group("g", draw(UTILISATION), sums)])
