from __future__ import annotations

import math
from hashlib import blake2b
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from footprint.accounting import laws
from footprint.accounting.ranges import MAX_SIDES_RATIO, N_DRAWS, Quantity, check_triple, draw, draw_key, tidied, tidy, total
from footprint.model import Factor

numbers = st.floats(min_value=1e-3, max_value=1e6)


def factor(low: float, central: float, high: float, **facts: Any) -> Factor:
    given_facts: dict[str, Any] = {
        "id": "f",
        "unit": "W",
        "source": "a test",
        "year": 2024,
        "licence": "",
        "basis": "",
        "grade": "assumed",
        "error_family": "f",
        **facts,
    }
    return Factor(low=low, central=central, high=high, **given_facts)


@st.composite
def factors(draw_from: st.DrawFn) -> Factor:
    """Any legal triple, of one of a few error families."""
    central = draw_from(numbers)
    below = draw_from(st.floats(min_value=0.01, max_value=0.5)) * central
    above = below * draw_from(st.floats(min_value=1.01 / MAX_SIDES_RATIO, max_value=0.99 * MAX_SIDES_RATIO))
    return factor(central - below, central, central + above, error_family=draw_from(st.sampled_from("abcd")))


@given(factors())
def test_a_factor_gives_back_its_own_triple(f: Factor) -> None:
    found = draw(f).range()
    width = f.high - f.low
    assert found.low == pytest.approx(f.low, abs=2e-3 * width)
    assert found.high == pytest.approx(f.high, abs=2e-3 * width)
    assert found.central == pytest.approx(f.central, rel=1e-11)
    draws = draw(f).draws
    assert draws is not None
    # A tail that would reach below zero is put at zero: that can only raise the mean of the draws, and only a little.
    assert -2e-3 * width <= draws.mean() - f.central <= (5e-2 if draws.min() == 0 else 2e-3) * width


@given(st.lists(factors(), min_size=1, max_size=6))
def test_sums_and_products_keep_their_order(several: list[Factor]) -> None:
    product, summed = Quantity(1.0), Quantity(0.0)
    for f in several:
        product, summed = product * draw(f), summed + draw(f)
    for quantity, central in (
        (product, math.prod(f.central for f in several)),
        (summed, math.fsum(f.central for f in several)),
    ):
        found = quantity.range()
        assert found.low <= found.central <= found.high
        assert found.central == pytest.approx(central, rel=1e-9)


@given(factors(), st.floats(min_value=1e-6, max_value=1e6))
def test_scaling_is_exact(f: Factor, scale: float) -> None:
    one, scaled = draw(f).range(), (draw(f) * scale).range()
    for bound in ("low", "central", "high"):
        assert getattr(scaled, bound) == pytest.approx(scale * getattr(one, bound), rel=1e-9)


@given(factors(), factors())
def test_a_sum_contains_its_parts(a: Factor, b: Factor) -> None:
    assume(a.low > 0 and b.low > 0)
    summed = (draw(a) + draw(b)).range()
    assert summed.high >= max(a.central, b.central)
    assert summed.central == pytest.approx(a.central + b.central, rel=1e-11)


def test_what_is_shared_moves_together_and_what_varies_does_not() -> None:
    runs = [f"run-{i}" for i in range(100)]
    shared, own = factor(0.5, 1.0, 1.5), factor(0.5, 1.0, 1.5, varies="run")
    widths = {}
    for name, f in (("shared", shared), ("own", own)):
        found = total(draw(f, run=run) for run in runs).range()
        widths[name] = (found.high - found.low) / found.central
    assert widths["shared"] == pytest.approx(1.0, rel=0.01)
    assert widths["own"] == pytest.approx(1.0 / math.sqrt(len(runs)), rel=0.1)


def test_draws_of_different_families_are_independent() -> None:
    a, b = draw(factor(1, 2, 3, error_family="a")).draws, draw(factor(1, 2, 3, error_family="b")).draws
    assert a is not None
    assert b is not None
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / math.sqrt(N_DRAWS)


def test_the_generator_is_the_one_written_down() -> None:
    # Worked out again in Python's own integers: the same on every numpy and machine.
    key = draw_key(factor(1, 2, 3, error_family="grid.FRA"))
    modulus = 2**64
    state = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little")
    values = []
    for _ in range(N_DRAWS):
        state = (state + 0x9E3779B97F4A7C15) % modulus
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % modulus
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % modulus
        values.append(z ^ (z >> 31))
    assert laws.permutation(key).tolist() == sorted(range(N_DRAWS), key=values.__getitem__)


@pytest.mark.parametrize(
    ("low", "central", "high", "why"),
    [
        (1, 1, 2, "lies on a bound"),
        (1, 2, 2, "lies on a bound"),
        (1, 1.1, 9, "sides differ"),
        (0, 8, 9, "sides differ"),
        (2, 1, 3, "not low <= central <= high"),
        (1, float("nan"), 3, "not finite"),
    ],
)
def test_a_triple_that_no_law_fits_is_refused(low: float, central: float, high: float, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_triple(low, central, high)


def test_exact_numbers_stay_exact() -> None:
    product = draw(factor(300, 300, 300)) * 1.11 * Quantity(0.8)
    assert product.draws is None
    found = product.range()
    assert found.low == found.central == found.high == pytest.approx(300 * 1.11 * 0.8)


def test_what_cannot_be_negative_never_is() -> None:
    found = draw(factor(2.6, 49.6, 96.0)) * draw(factor(0.27, 0.7, 1.0, error_family="u"))
    assert found.draws is not None
    assert found.draws.min() >= 0
    assert found.range().low >= 0


def test_ranges_show_no_noise_of_binary_arithmetic() -> None:
    assert (Quantity(240.0) * 1.11).range().central == 266.4


def test_a_lone_factor_has_its_own_bounds() -> None:
    found = draw(factor(1.0, 1.29, 1.58)).range()
    assert (found.low, found.high) == pytest.approx((1.0, 1.58), rel=1e-6)


@given(st.lists(st.floats(allow_nan=False) | st.floats(1e-3, 1e9), min_size=1))
def test_many_values_are_tidied_as_each_is(values: list[float]) -> None:
    each = [tidy(value) for value in values]
    assert tidied(np.array(values)).tolist() == pytest.approx(each, rel=1.1e-11, abs=0.0)


def test_decimals_are_told_to_their_last_digit_and_unknown_stays_unknown() -> None:
    values = np.array([240 * 1.11, 0.1 + 0.2, 1e-30 / 3, 0.0, -7.0, 123_456_789_012_345.0, np.nan, np.inf])
    found = tidied(values).tolist()
    assert found[:6] == [266.4, 0.3, 3.33333333333e-31, 0.0, -7.0, 123_456_789_012_000.0]
    assert math.isnan(found[6])
    assert found[7] == math.inf
