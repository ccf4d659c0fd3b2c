"""What a total compares with: reproducible by hand, no surer than both of its parts, and silent about what is unknown."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from footprint.accounting.laws import draws_of
from footprint.accounting.ranges import Uncertain, bounds_of
from footprint.model import Factor, Range
from footprint.reference import equivalences as ref
from footprint.reference import tables, using_edition
from footprint.report import exports, lines, terminal
from footprint.report.data import Amounts
from footprint.report.equivalences import equivalences, quotient
from tests.report.examples import run, runs, somewhere, summary

NOTHING = summary([]).total
HOME = 10715


def of(emissions_g: Range | None = None, energy_kwh: Range | None = None) -> Amounts:
    return msgspec.structs.replace(NOTHING, runs=1, emissions_g=emissions_g, energy_kwh=energy_kwh)


def exact(value: float) -> Range:
    return Range(low=value, central=value, high=value)


def test_the_middle_is_the_total_by_the_factor() -> None:
    car, home = equivalences(of(exact(24_850.0), exact(10_715.0)), ["life-cycle"])
    assert (car.code, car.unit, home.code, home.unit) == ("car", "km", "household", "years")
    assert car.amount.central == pytest.approx(100)
    assert home.amount.central == pytest.approx(1)
    assert car.amount.low == pytest.approx(24_850 / 287.7)
    assert car.amount.high == pytest.approx(24_850 / 209.4)
    assert (car.factor.unit, home.factor.unit) == ("g/km", "kWh/year")


@pytest.mark.parametrize(
    ("emissions_g", "unit"), [(1e-3, "mm"), (1.0, "m"), (200.0, "m"), (250.0, "km"), (1e6, "km"), (1e9, "million km")]
)
def test_a_distance_is_told_in_the_unit_that_fits(emissions_g: float, unit: str) -> None:
    (car,) = equivalences(of(exact(emissions_g)))
    assert car.unit == unit
    assert 0.1 < car.amount.central < 1e6


@pytest.mark.parametrize(
    ("energy_kwh", "unit"),
    [(1e-3, "seconds"), (0.1, "minutes"), (2, "hours"), (50, "days"), (2e4, "years"), (2e10, "million years")],
)
def test_a_time_is_told_in_the_unit_that_fits(energy_kwh: float, unit: str) -> None:
    (home,) = equivalences(of(energy_kwh=exact(energy_kwh)))
    assert home.unit == unit
    years = {"seconds": 8760 * 3600, "minutes": 8760 * 60, "hours": 8760, "days": 365, "years": 1, "million years": 1e-6}
    assert home.amount.central == pytest.approx(energy_kwh / HOME * years[unit])


def test_what_is_unknown_or_nothing_compares_with_nothing() -> None:
    assert equivalences(NOTHING) == ()
    assert equivalences(of(exact(0.0), exact(0.0))) == ()
    assert [one.code for one in summary(runs(2, placed=0)).equivalences] == ["household"]
    assert [one.code for one in summary(runs(2)).equivalences] == ["car", "household"]


def test_a_range_from_nothing_on_stays_one() -> None:
    (car,) = equivalences(of(Range(low=0.0, central=100.0, high=250.0)))
    assert car.amount.low == 0
    assert car.amount.low < car.amount.central < car.amount.high


@given(*2 * [st.floats(0.3, 0.95)], *2 * [st.floats(1.05, 2.5)], st.floats(1e-6, 1e9))
def test_a_quotient_is_no_surer_than_either_of_its_parts(down: float, less: float, up: float, more: float, size: float) -> None:
    value = Range(low=size * down, central=size, high=size * up)
    factor = msgspec.structs.replace(_car(), low=_car().central * less, high=_car().central * more)
    found = quotient(value, factor)
    assert found.central == size / factor.central
    assert found.low / found.central <= min(down, 1 / more) * (1 + 1e-9)
    assert found.high / found.central >= max(up, 1 / less) * (1 - 1e-9)


@pytest.mark.parametrize("sides", [(0.9, 1.1), (0.7, 1.4), (0.5, 1.8)])
def test_its_sides_are_those_of_draws_to_a_tenth(sides: tuple[float, float]) -> None:
    value = Range(low=sides[0], central=1.0, high=sides[1])
    drawn = msgspec.structs.replace(_car(), low=value.low, central=1.0, high=value.high, error_family="of the total")
    low, high = bounds_of(_draws(drawn) / _draws(_car()))
    found = quotient(value, _car())
    assert found.low == pytest.approx(low, rel=0.1)
    assert found.high == pytest.approx(high, rel=0.1)


def _car() -> Factor:
    found = ref.driving()
    assert found is not None
    return found


def _draws(factor: Factor) -> NDArray[np.float64]:
    return draws_of(Uncertain(key=factor.error_family, low=factor.low, central=factor.central, high=factor.high))


def test_each_factor_is_cited_and_stays_out_of_every_footprint() -> None:
    for factor in (ref.driving(), ref.household()):
        assert factor is not None
        assert factor.source
        assert factor.url.startswith("https://")
        assert factor.licence
        assert factor.year
        assert "Rule:" in factor.note
    used = {use.factor.id for use in summary(runs(2)).factors}
    assert not {row["id"] for row in tables.table("equivalences")} & used


def test_an_edition_before_them_compares_with_nothing() -> None:
    with using_edition("2026.11"):
        assert ref.driving() is None
        assert ref.household() is None
        assert equivalences(of(exact(1.0), exact(1.0))) == ()


def test_what_is_unlike_is_said() -> None:
    car, home = equivalences(of(exact(1e3), exact(1.0)), ["life-cycle", "life-cycle, estimated"])
    assert "tailpipe" in car.note
    assert "life-cycle" in car.note
    assert "electricity alone" in home.note
    assert "several bases" in equivalences(of(exact(1e3)), ["life-cycle", "stated"])[0].note


def test_text_says_it_with_its_source_and_whom_a_partial_sum_covers() -> None:
    found = summary([run("a", place=somewhere()), run("b")])
    for shown in (exports.to_markdown(found), terminal.render(found)):
        assert "of driving a typical US car, covers 1 of 2 runs" in shown
        assert "EPA-420-F-23-014" in shown
        assert "of the electricity of an average US home" in shown


def test_one_of_a_unit_is_said_in_the_singular() -> None:
    (home,) = equivalences(of(energy_kwh=exact(10_715.0)))
    assert lines.equivalence(home).startswith("1 year (")
    (car,) = equivalences(of(exact(0.2485)))
    assert lines.equivalence(car).startswith("1 m (")
