"""What holds of ranges whatever the factors, and what a million draws of the law say of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.accounting import laws
from footprint.accounting.groups import owned
from footprint.accounting.laws import MAX_SIDES_RATIO, Cumulants, Uncertain, averaged, cumulants, product, triple_of
from footprint.accounting.ranges import Quantity, draw, total
from footprint.model import Factor, Range
from tests.accounting import truth

ROUNDED = 1e-11
"""Bounds and middles are rounded to twelve digits."""


def factor(low: float, central: float, high: float, **facts: Any) -> Factor:
    known: dict[str, Any] = {
        "id": "f", "unit": "", "source": "a test", "year": None, "licence": "", "basis": "", "grade": "assumed",
        "error_family": "f", **facts,
    }  # fmt: skip
    return Factor(low=low, central=central, high=high, **known)


@st.composite
def factors(draw_from: st.DrawFn, family: str | None = None) -> Factor:
    """Any legal triple of what cannot be below zero."""
    central = draw_from(st.floats(1e-2, 1e4))
    below = draw_from(st.floats(0.01, 0.95)) * central
    above = below * draw_from(st.floats(1.01 / MAX_SIDES_RATIO, 0.99 * MAX_SIDES_RATIO))
    return factor(central - below, central, central + above, error_family=family or draw_from(st.sampled_from("abcdef")))


several = st.lists(factors(), min_size=1, max_size=4)


def polynomial(terms: list[tuple[float, list[Factor]]]) -> Quantity:
    return total(math.prod((draw(f) for f in product), start=Quantity(amount)) for amount, product in terms)


polynomials = st.lists(st.tuples(st.floats(0.1, 100.0), st.lists(factors(), min_size=1, max_size=3)), min_size=1, max_size=4)


def close(found: Range, expected: Range | tuple[float, float, float], rel: float = ROUNDED) -> bool:
    other = expected if isinstance(expected, tuple) else (expected.low, expected.central, expected.high)
    return bool(np.allclose((found.low, found.central, found.high), other, rel, 1e-300))


# -- Against a million draws -----------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(factors(), st.integers(0, 2**32))
def test_one_factor_is_its_law(f: Factor, seed: int) -> None:
    low, high = truth.bounds(truth.draws(f, np.random.default_rng(seed)))
    found = draw(f).range()
    assert found.low == pytest.approx(low, abs=0.01 * (high - low))
    assert found.high == pytest.approx(high, abs=0.01 * (high - low))


@settings(max_examples=15, deadline=None)
@given(polynomials, st.integers(0, 2**32))
def test_any_sum_of_products_is_what_independent_draws_give(terms: list[tuple[float, list[Factor]]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    # One variable for each family and triple: two triples of one family are two readings of one error, and move together.
    z = {family: rng.standard_normal(truth.N) for family in "abcdef"}
    true = np.zeros(truth.N)
    for amount, factors_ in terms:
        true += amount * math.prod(truth.law((f.low, f.central, f.high), z[f.error_family]) for f in factors_)
    low, high = truth.bounds(true)
    found = polynomial(terms).range()
    # Four thousand draws tell a percentile of 5 or 95 to about 1 % of the range, a skewed one to less: three of these.
    assert min(found.low, found.central) <= low + 0.05 * (high - low)
    assert found.low == pytest.approx(min(low, found.central), abs=0.05 * (high - low))
    assert found.high == pytest.approx(max(high, found.central), abs=0.12 * (high - low))


@settings(max_examples=12, deadline=None)
@given(st.lists(factors(), min_size=1, max_size=2), st.integers(0, 2**32))
def test_cumulants_are_those_of_the_law(some: list[Factor], seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = math.prod(truth.draws(f, rng) for f in some)
    found = product(cumulants(f.low, f.central, f.high) for f in some)
    assert found.mean == pytest.approx(math.prod(f.central for f in some), rel=1e-12)
    # The variance of a skewed law is told by its rarest draws: a million tell it to some per cent.
    assert found.k2 == pytest.approx(float(np.var(drawn)), rel=0.35)


# -- What always holds -----------------------------------------------------------------------------------------------------


@given(factors())
def test_the_cumulants_of_one_give_its_triple_back(f: Factor) -> None:
    law = cumulants(f.low, f.central, f.high)
    if laws._law(f.low, f.central, f.high, np.array([-16.0]))[0] >= 0:  # else its tail is at zero, and no log-normal has that
        assert triple_of(law) == pytest.approx((f.low, f.central, f.high), rel=1e-6)
        assert averaged(law, 7.0, 49.0, 343.0) == pytest.approx((f.low, f.central, f.high), rel=1e-6)


@given(factors(), st.integers(2, 10**6))
def test_an_average_is_narrower_by_the_root_of_how_many(f: Factor, n: int) -> None:
    law = cumulants(f.low, f.central, f.high)
    low, central, high = averaged(law, n, n, n)
    again = cumulants(low, central, high)
    assert central == f.central
    # A little less where the average's own tail would reach below zero, and is put at zero again.
    assert again.k2 == pytest.approx(law.k2 / n, rel=0.05)
    if n >= 10_000:
        assert high - low == pytest.approx(2 * laws.Z_95 * math.sqrt(law.k2 / n), rel=0.02)


@given(polynomials, st.floats(1e-6, 1e6))
def test_scaling_is_exact(terms: list[tuple[float, list[Factor]]], scale: float) -> None:
    one, scaled = polynomial(terms).range(), (polynomial(terms) * scale).range()
    assert close(scaled, (one.low * scale, one.central * scale, one.high * scale), 3 * ROUNDED)


@given(several, st.floats(1.0, 10.0), st.integers(0, 3))
def test_a_larger_factor_makes_a_larger_product_and_sum(some: list[Factor], larger: float, which: int) -> None:
    """All of a factor's law moves up: so does every draw of what it is a part of, and every bound, exactly."""
    at = which % len(some)
    f = some[at]
    bigger = [
        *some[:at],
        factor(f.low * larger, f.central * larger, f.high * larger, error_family=f.error_family),
        *some[at + 1 :],
    ]
    for make in (_product, _sum):
        before, after = make(some).range(), make(bigger).range()
        for bound in ("low", "central", "high"):
            assert getattr(after, bound) >= getattr(before, bound) * (1 - ROUNDED)


@given(several, st.floats(1.0, 3.0), st.integers(0, 3))
def test_a_less_certain_factor_makes_a_less_certain_product_and_sum(some: list[Factor], wider: float, which: int) -> None:
    """A factor whose two sides both grow: the width of what it is a part of does not shrink by more than the noise of draws."""
    some = [factor(f.low, f.central, f.high, error_family=str(i)) for i, f in enumerate(some)]
    at = which % len(some)
    f = some[at]
    wider = min(wider, f.central / (f.central - f.low))
    less = factor(
        f.central - wider * (f.central - f.low), f.central, f.central + wider * (f.high - f.central), error_family=f.error_family
    )
    for make in (_product, _sum):
        before, after = make(some).range(), make([*some[:at], less, *some[at + 1 :]]).range()
        width = before.high - before.low
        assert after.high - after.low >= width * (1 - 0.04)


def _product(some: list[Factor]) -> Quantity:
    return math.prod((draw(f) for f in some), start=Quantity(1.0))


def _sum(some: list[Factor]) -> Quantity:
    return total(draw(f) for f in some)


@given(polynomials, polynomials)
def test_a_sum_contains_its_parts(some: list[tuple[float, list[Factor]]], more: list[tuple[float, list[Factor]]]) -> None:
    """Of what is not below zero: every bound of the sum is at least that of each part; the middles add exactly."""
    a, b = polynomial(some), polynomial(more)
    parts, whole = (a.range(), b.range()), (a + b).range()
    assert whole.central == pytest.approx(parts[0].central + parts[1].central, rel=ROUNDED)
    for bound in ("low", "high"):
        assert getattr(whole, bound) >= max(getattr(part, bound) for part in parts) * (1 - ROUNDED)


@given(factors(), st.floats(0.01, 0.99))
def test_a_run_in_parts_is_the_whole_run(f: Factor, share: float) -> None:
    """Parts of one run have its errors in common: they add up draw by draw, and so do their bounds."""
    own = factor(f.low, f.central, f.high, varies="run")
    parts = [draw(own, run="r") * 100.0 * share, draw(own, run="r") * 100.0 * (1 - share)]
    whole = (draw(own, run="r") * 100.0).range()
    assert close(total(parts).range(), whole, 3 * ROUNDED)
    assert sum(part.range().low for part in parts) == pytest.approx(whole.low, rel=3 * ROUNDED)


@given(polynomials, st.randoms(use_true_random=False))
def test_a_sum_does_not_hang_on_its_order(terms: list[tuple[float, list[Factor]]], rng: Any) -> None:
    mixed = [(amount, rng.sample(some, len(some))) for amount, some in rng.sample(terms, len(terms))]
    assert close(polynomial(terms).range(), polynomial(mixed).range(), 3 * ROUNDED)


@given(polynomials)
def test_the_middle_is_the_plain_sum_of_products(terms: list[tuple[float, list[Factor]]]) -> None:
    plain = math.fsum(amount * math.prod(f.central for f in some) for amount, some in terms)
    assert polynomial(terms).range().central == pytest.approx(plain, rel=ROUNDED)


def test_products_and_powers_of_symmetric_laws() -> None:
    law = Cumulants(2.0, 0.25, 0.0)
    assert product([law, law]) == pytest.approx((4.0, 2.0625, 2 * 3 * 2 * 2 * 0.25 * 0.25))
    assert triple_of(Cumulants(1.0, 0.0, 0.0)) == (1.0, 1.0, 1.0)


def test_the_same_digits_everywhere() -> None:
    """Worked out once and written down: another numpy, or machine, gives the same."""
    power, grid = factor(0.3, 0.7445, 1.0, error_family="u"), factor(490.4, 585.1, 690.5, error_family="grid")
    drawn = draw(power).draws
    assert drawn is not None
    assert drawn[:4].tolist() == pytest.approx([0.882741162647, 0.72930631726, 0.936005297662, 0.804021135811], rel=1e-11)
    assert close((draw(power) * draw(grid)).range(), (178.703081324, 435.60695, 618.962956932))
    assert close((draw(power) * 100.0 + draw(grid)).range(), (555.625414153, 659.55, 769.799744298))


def test_an_error_of_no_run_becomes_that_of_one() -> None:
    shared, own = Uncertain("g\x1fshared\x1f", 1, 2, 3), Uncertain("u\x1frun\x1f", 1, 2, 3)
    assert owned(shared, "r7") == shared
    assert owned(own, "r7").key == "u\x1frun\x1fr7"
