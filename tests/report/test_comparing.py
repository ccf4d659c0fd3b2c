"""Ratios of two sums: what both share cancels, what they do not share does not."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.accounting.laws import Uncertain
from footprint.accounting.ranges import Quantity
from footprint.ledger import home
from footprint.ledger.journal import Journal
from footprint.ledger.records import Imported
from footprint.report import gather
from footprint.report.comparing import compare_periods, ratio_of
from footprint.report.data import Compared
from tests.report.examples import run, somewhere

AMOUNTS = st.floats(min_value=1e-3, max_value=1e6)


def uncertain(name: str, low: float = 0.8, central: float = 1.0, high: float = 1.25) -> Quantity:
    return Quantity(terms={(Uncertain(name, low, central, high),): 1.0})


@given(AMOUNTS, AMOUNTS)
def test_a_factor_of_both_sides_cancels(now: float, earlier: float) -> None:
    shared = uncertain("grid") * uncertain("pue")
    found = ratio_of(shared * now, shared * earlier)
    assert found is not None
    assert found.low == pytest.approx(found.high, rel=1e-9)
    assert found.central == pytest.approx(now / earlier)


@given(AMOUNTS, AMOUNTS)
def test_a_factor_of_one_side_does_not(now: float, earlier: float) -> None:
    found = ratio_of(uncertain("one") * now, uncertain("other") * earlier)
    assert found is not None
    assert found.low < 0.9 * now / earlier < 1.1 * now / earlier < found.high
    assert found.low <= found.central <= found.high


@given(AMOUNTS, AMOUNTS)
def test_exact_numbers_have_an_exact_ratio(now: float, earlier: float) -> None:
    found = ratio_of(Quantity(now), Quantity(earlier))
    assert found is not None
    assert found.low == found.central == found.high == pytest.approx(now / earlier)


def test_of_nothing_and_of_what_is_not_known_there_is_none() -> None:
    for now, earlier in ((None, Quantity(1.0)), (Quantity(1.0), None), (Quantity(1.0), Quantity()), (uncertain("a"), Quantity())):
        assert ratio_of(now, earlier) is None
    zero = ratio_of(Quantity(), uncertain("a"))
    assert zero is not None
    assert (zero.low, zero.high) == (0.0, 0.0)


@pytest.fixture
def months() -> datetime:
    """Some runs of two months on the same five machines, each run of another length."""
    machine = run().host
    journal = Journal(home())
    for month, count in ((4, 20), (5, 25)):
        for number in range(count):
            one = run(
                f"m{month}n{number}",
                started_at=f"2025-{month:02}-{1 + number:02}T00:00:00Z",
                duration_s=600.0 + 300.0 * ((7 * number) % 11),
                place=somewhere(),
                host=msgspec.structs.replace(machine, name=f"n{number % 5}", boot_id=f"b{number % 5}"),
            )
            assert journal.write(Imported(facts=one))
    journal.close()
    return datetime(2025, 6, 1, tzinfo=UTC)


def compared(now: datetime) -> tuple[str, Compared]:
    asked = gather.Asked(since=datetime(2025, 5, 1, tzinfo=UTC), until=now, now=now)
    found = gather.gather_with_sums(asked)
    return found.summary.how, compare_periods(asked, found, now)


def test_sums_of_groups_have_the_same_ratio_and_are_never_surer(months: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    how, one_by_one = compared(months)
    monkeypatch.setattr(gather, "MOST_DERIVED", 10)
    at_scale, grouped = compared(months)
    assert (how, at_scale) == ("runs", "groups")
    for name in ("energy_ratio", "emissions_ratio"):
        one, other = getattr(one_by_one, name), getattr(grouped, name)
        assert one.central == pytest.approx(other.central, rel=1e-6)
        assert other.low <= one.low
        assert other.high >= one.high
    # The grid's and the PUE's share of either side's range is still not in the ratio.
    emissions = grouped.now.amounts.emissions_g
    assert emissions is not None
    ratio = grouped.emissions_ratio
    assert ratio is not None
    assert (ratio.high - ratio.low) / ratio.central < 0.5 * (emissions.high - emissions.low) / emissions.central
    assert (grouped.before.label, grouped.now.label) == ("2025-04", "2025-05")
