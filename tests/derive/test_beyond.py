"""Embodied emissions, water and cost: their laws, what each needs, and that none is part of operational emissions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint import text
from footprint.accounting.impact import embodied_g, making_g
from footprint.accounting.ranges import Quantity
from footprint.card.content.explain import explain_footprint
from footprint.derive import Account, estimate, run_footprint, worked
from footprint.errors import ConfigError
from footprint.model import GHG_SCOPES, Attribution, Declaration, Device, DeviceEnergy, Footprint, Place, Range, Run
from footprint.place import resolve
from footprint.reference import using_edition
from footprint.reference.beyond import is_beyond
from tests.derive.examples import HOUR_S, gpu, host, run

A100 = {"hardware": "A100 SXM4 80GB", "count": 8, "region": "aws:us-east-1", "year": 2024}
# 156 kg, of 4 years and 0.85 of them, by the table; 481.8 kg of a server.
CHIP_G_PER_H = 156_000 * 0.25 * 1.176 / 8760
SERVER_G_PER_H = 481_800 * 0.25 * 1.176 / 8760
BLOOM_HOURS = 1_082_990


def central(value: Range | None) -> float:
    assert value is not None
    return value.central


def on_gpu(run_id: str, begin_s: float, length_s: float, **facts: Any) -> Run:
    """A run whose GPU draws more and more, so that its joules and its hours are not in proportion."""
    course = tuple((share * length_s, 300.0 * length_s * share**2) for share in (0.0, 0.25, 0.5, 0.75, 1.0))
    reading = gpu(300.0 * length_s, read_s=length_s, course=course)
    return run(run_id, monotonic_s=begin_s, duration_s=length_s, **{"devices": (reading,), **facts})


def total(runs: list[Run], attribution: Attribution = "share") -> Footprint:
    return Account(runs, attribution).total([one.id for one in runs]).footprint


# -- Making: declared --------------------------------------------------------------------------------------------------


def test_the_embodied_emissions_of_bloom_are_those_that_were_printed() -> None:
    made = making_g(Quantity(150e3), Quantity(2500e3), 8)
    assert embodied_g(BLOOM_HOURS, made, Quantity(1 / 6), Quantity(1 / 0.85)).central == pytest.approx(11.2e6, abs=0.05e6)
    found = estimate(
        hardware="A100 SXM4 80GB", device_hours=BLOOM_HOURS, embodied_g_per_device=462_500, life_years=6, use_ratio=0.85
    )
    assert central(found.embodied_g) == pytest.approx(BLOOM_HOURS / (6 * 8760 * 0.85) * 462_500)
    assert found.embodied_g is not None
    assert found.embodied_g.low == found.embodied_g.high
    # By the tables alone the range holds it, too.
    assert (by_tables := estimate(hardware="A100 SXM4 80GB", device_hours=BLOOM_HOURS).embodied_g) is not None
    assert by_tables.low < 11.2e6 < by_tables.high


def test_the_scope_says_whether_the_server_is_counted() -> None:
    assert central(estimate(**A100, hours=100).embodied_g) == pytest.approx(800 * (CHIP_G_PER_H + SERVER_G_PER_H), rel=1e-3)
    assert central(estimate(**A100, hours=100, scope="accelerators").embodied_g) == pytest.approx(800 * CHIP_G_PER_H, rel=1e-3)


def test_a_figure_that_holds_the_host_gets_no_server_and_says_so() -> None:
    whole, chips = (estimate(hardware="TPU v6e", count=4, hours=10, scope=scope) for scope in ("server", "accelerators"))
    assert whole.embodied_g == chips.embodied_g
    assert "embodied:server-share" not in {factor.id for factor in whole.factors}
    assert any("includes its share of the host" in warning for warning in chips.warnings)


def test_a_slice_counts_as_its_chips() -> None:
    one = estimate(hardware="TPU v3-8", count=1, hours=10).embodied_g
    assert central(one) == pytest.approx(central(estimate(hardware="TPU v3", count=4, hours=10).embodied_g))


@given(hours=st.floats(0.1, 1e4), times=st.floats(1.1, 50))
def test_embodied_emissions_are_linear_in_hours(hours: float, times: float) -> None:
    once, more = (estimate(**A100, hours=one).embodied_g for one in (hours, hours * times))
    assert once is not None
    assert more is not None
    for bound in ("low", "central", "high"):
        assert getattr(more, bound) == pytest.approx(times * getattr(once, bound), rel=1e-9)


@given(years=st.floats(1, 20), use=st.floats(0.05, 1))
def test_a_longer_or_busier_life_makes_each_hour_lighter(years: float, use: float) -> None:
    found = central(estimate(**A100, hours=100, life_years=years, use_ratio=use).embodied_g)
    assert found == pytest.approx(central(estimate(**A100, hours=100, life_years=1, use_ratio=1).embodied_g) / years / use)


def test_what_is_beyond_is_never_in_operational_emissions() -> None:
    plain = estimate(**A100, hours=100)
    heavy = estimate(
        **A100, hours=100, embodied_g_per_device=1e9, life_years=0.5, use_ratio=0.01, price_per_kwh=9, currency="EUR"
    )
    assert central(heavy.embodied_g) > 1000 * central(plain.embodied_g)
    for name in ("it_energy_kwh", "energy_kwh", "emissions_g", "emissions_direct_g", "emissions_market_g"):
        assert getattr(plain, name) == getattr(heavy, name)
    with using_edition("2026.11"):
        old = estimate(**A100, hours=100)
    assert old.embodied_g is None
    assert not [factor for factor in old.factors if is_beyond(factor)]


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"hardware": "T4", "count": 1, "hours": 1}, "what making Tesla T4 emitted is not published"),
        ({"energy_kwh": 10.0}, "no device-hours are known"),
        ({"energy_kwh": 10.0, "hardware": "A100"}, "no device-hours are known"),
        ({"power_w": 300.0, "device_hours": 10.0}, "the hardware is unknown"),
    ],
)
def test_unknown_embodied_emissions_are_named_with_a_reason(facts: dict[str, Any], why: str) -> None:
    sheet = worked(Declaration(**facts))
    assert sheet.footprint().embodied_g is None
    assert "embodied" in sheet.unknown
    assert why in sheet.reasons["embodied"]


def test_an_old_edition_can_still_take_what_is_stated() -> None:
    with using_edition("2026.11"):
        assert estimate(**A100, hours=1, embodied_g_per_device=1e5).embodied_g is None  # no life is known
        found = estimate(**A100, hours=876, embodied_g_per_device=1e5, life_years=1, use_ratio=1)
        assert central(found.embodied_g) == pytest.approx(8 * 1e5 / 10)


# -- Making: measured --------------------------------------------------------------------------------------------------


def test_a_run_carries_the_hours_of_the_devices_that_it_held() -> None:
    held, left = gpu(1e6, uuid="GPU-1"), gpu(1e6, uuid="GPU-2", held_ratio=0.0)
    mine, whole = (run_footprint(run(devices=(held, left)), attribution=policy) for policy in ("share", "machine"))
    assert central(mine.embodied_g) == pytest.approx(CHIP_G_PER_H + SERVER_G_PER_H, rel=1e-3)
    assert central(whole.embodied_g) == pytest.approx(2 * central(mine.embodied_g))


def test_a_gap_in_the_readings_is_no_gap_in_the_use() -> None:
    whole, half = (run_footprint(run(devices=(gpu(1e6, read_s=read_s),))).embodied_g for read_s in (HOUR_S, HOUR_S / 2))
    assert whole == half


def test_slices_of_a_gpu_carry_their_part() -> None:
    some = run_footprint(run(devices=(gpu(1e6, slices=(2, 7)),))).embodied_g
    assert central(some) == pytest.approx((CHIP_G_PER_H + SERVER_G_PER_H) * 2 / 7, rel=1e-3)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"host": host(unmetered_accelerators=("a card",))},
        {"host": host(os="Darwin 23 arm64")},
        {"devices": (gpu(1e6, held_ratio=0.0),)},
        {
            "devices": (
                gpu(1e6),
                DeviceEnergy(
                    device=Device(id="gpu:x", component="accelerators", name="Tesla T4", meter="nvml", grade="counter"),
                    energy_j=1e6,
                    read_s=HOUR_S,
                ),
            )
        },
    ],
)
def test_a_machine_of_which_making_is_not_published_is_unknown_and_not_zero(facts: dict[str, Any]) -> None:
    found = run_footprint(run(**facts))
    assert found.embodied_g is None
    assert "embodied" in found.unknown


@given(cut=st.floats(0.05, 0.95), length_s=st.floats(10, 1e6))
def test_splitting_a_run_conserves_what_it_carries(cut: float, length_s: float) -> None:
    whole = on_gpu("whole", 0.0, length_s)
    parts = [on_gpu("first", 0.0, length_s * cut), on_gpu("second", length_s * cut, length_s * (1 - cut))]
    together, alone = total(parts).embodied_g, total([whole]).embodied_g
    assert together is not None
    assert alone is not None
    for bound in ("low", "central", "high"):
        assert getattr(together, bound) == pytest.approx(getattr(alone, bound), rel=1e-6)


@given(starts=st.lists(st.floats(0, 5000), min_size=1, max_size=5), length_s=st.floats(10, 5000))
def test_each_device_hour_counts_once_in_a_sum(starts: list[float], length_s: float) -> None:
    runs = [on_gpu(f"r{i}", begin_s, length_s) for i, begin_s in enumerate(starts)]
    union_s, until_s = 0.0, 0.0
    for begin_s in sorted(starts):
        union_s += max(0.0, begin_s + length_s - max(until_s, begin_s))
        until_s = begin_s + length_s
    expected = central(run_footprint(on_gpu("x", 0.0, union_s)).embodied_g)
    assert central(total(runs).embodied_g) == pytest.approx(expected, rel=1e-6)


def test_hours_count_once_where_the_energy_is_not_known() -> None:
    """Two runs that overlap on one GPU, on machines whose CPU times nobody read: no energy, but the hours are known."""
    runs = [on_gpu(f"r{i}", 0.0, HOUR_S, cpu=None) for i in range(2)]
    found = total(runs)
    assert found.energy_kwh is None
    assert central(found.embodied_g) == pytest.approx(CHIP_G_PER_H + SERVER_G_PER_H, rel=1e-3)


def test_a_nested_run_adds_nothing() -> None:
    outer, inner = on_gpu("outer", 0.0, HOUR_S), on_gpu("inner", 100.0, 600.0, parent="outer")
    assert total([outer, inner]).embodied_g == total([outer]).embodied_g


def test_a_sum_says_of_how_many_runs_it_is() -> None:
    found = total([on_gpu("a", 0.0, HOUR_S), run("b", monotonic_s=2 * HOUR_S)])
    assert central(found.embodied_g) == pytest.approx(CHIP_G_PER_H + SERVER_G_PER_H, rel=1e-3)
    assert "the embodied emissions are those of 1 of 2 runs: none are known of the others" in found.warnings
    assert "embodied" in found.unknown


# -- Water -------------------------------------------------------------------------------------------------------------


def test_water_is_the_site_s_and_its_electricity_s() -> None:
    found = estimate(**A100, hours=100)
    assert central(found.water_onsite_l) == pytest.approx(0.15 * central(found.it_energy_kwh))
    assert central(found.water_offsite_l) == pytest.approx(3.132 * central(found.energy_kwh), rel=1e-3)
    assert central(found.water_l) == pytest.approx(central(found.water_onsite_l) + central(found.water_offsite_l))
    assert not {"water", "water_onsite", "water_offsite"} & set(found.unknown)


@pytest.mark.parametrize(
    ("facts", "known", "unknown"),
    [
        ({"zone": "FRA"}, {"water_offsite_l"}, {"water", "water_onsite"}),
        ({"region": "gcp:africa-south1"}, {"water_onsite_l"}, {"water", "water_offsite"}),
        (
            {"region": "aws:eu-west-1", "intensity_g_per_kwh": 5.0},
            {"water_onsite_l", "water_offsite_l", "water_l"},
            set(),
        ),
        ({}, set(), {"water"}),
    ],
)
def test_what_is_known_of_the_water_keeps_its_value(facts: dict[str, Any], known: set[str], unknown: set[str]) -> None:
    found = estimate(energy_kwh=100.0, year=2024, **facts)
    fields = {"water_onsite_l", "water_offsite_l", "water_l"}
    assert {field for field in fields if getattr(found, field) is not None} == known
    assert {name for name in found.unknown if name.startswith("water")} == unknown


def test_runs_of_one_site_share_the_error_of_its_water() -> None:
    place = resolve("gcp:europe-west1")
    runs = [on_gpu(f"r{i}", i * HOUR_S, HOUR_S, place=place) for i in range(10)]
    one, ten = run_footprint(runs[0]).water_offsite_l, total(runs).water_offsite_l
    assert one is not None
    assert ten is not None
    assert ten.central == pytest.approx(10 * one.central)
    assert (ten.high - ten.low) == pytest.approx(10 * (one.high - one.low), rel=0.05)


def test_a_sum_says_of_how_many_runs_its_water_is() -> None:
    runs = [on_gpu("a", 0.0, HOUR_S, place=resolve("gcp:europe-west1")), on_gpu("b", 2 * HOUR_S, HOUR_S, place=Place(zone="FRA"))]
    found = total(runs)
    assert central(found.water_l) == pytest.approx(central(run_footprint(runs[0]).water_l))
    assert any("litres of water are those of 1 of 2 runs" in warning for warning in found.warnings)


# -- Market-based, cost, scopes ----------------------------------------------------------------------------------------


def test_market_based_emissions_stand_where_a_residual_mix_is_known_and_nowhere_else() -> None:
    belgium, virginia = (estimate(energy_kwh=100.0, year=2025, region=region) for region in ("gcp:europe-west1", "aws:us-east-1"))
    assert belgium.emissions_market_g is not None
    assert virginia.emissions_market_g is None
    residual = next(factor for factor in belgium.factors if factor.basis == "market")
    # What the provider buys is subtracted from nothing: the residual mix stands for all that nobody claims.
    assert central(belgium.emissions_market_g) == pytest.approx(central(belgium.energy_kwh) * residual.central)
    runs = [on_gpu(f"r{i}", i * HOUR_S, HOUR_S, place=resolve(place)) for i, place in enumerate(("gcp:europe-west1", "USA"))]
    both = total(runs)
    assert both.emissions_market_g == run_footprint(runs[0]).emissions_market_g
    assert "the market-based emissions are those of 1 of 2 runs: none is known of the others" in both.warnings


def test_cost_is_the_facility_s_energy_at_the_stated_price() -> None:
    found = estimate(energy_kwh=100.0, pue=1.2, price_per_kwh=0.25, currency="EUR")
    assert found.cost == Range(low=30.0, central=30.0, high=30.0)
    assert found.currency == "EUR"
    assert "price.stated:0.25" in {factor.id for factor in found.factors}
    assert estimate(energy_kwh=100.0, pue=1.2).cost is None
    with pytest.raises(ConfigError):
        estimate(energy_kwh=100.0, price_per_kwh=-1.0, currency="EUR")


def test_a_cost_that_cannot_be_worked_out_is_named() -> None:
    sheet = worked(Declaration(hardware="T4", price_per_kwh=0.25, currency="EUR"))
    assert sheet.footprint().cost is None
    assert "cost" in sheet.unknown


def test_each_mass_of_a_footprint_has_its_scope() -> None:
    masses = {name for name in Footprint.__struct_fields__ if name.endswith("_g")}
    assert set(GHG_SCOPES) == masses
    assert GHG_SCOPES["emissions_g"] == "scope 2, location-based"
    assert GHG_SCOPES["emissions_market_g"] == "scope 2, market-based"
    assert GHG_SCOPES["embodied_g"].startswith("scope 3")


def test_a_card_says_what_is_beyond_apart_from_the_emissions_with_its_factors() -> None:
    footprint = estimate(**A100, hours=100, price_per_kwh=0.2, currency="EUR")
    assert [factor for factor in footprint.factors if is_beyond(factor)]
    lines = explain_footprint(footprint)
    assert footprint.embodied_g is not None
    (emissions,) = [line for line in lines if line.startswith("Emissions: ")]
    (apart,) = [line for line in lines if line.startswith("Not part of the emissions: ")]
    assert text.span(footprint.embodied_g.low / 1000, footprint.embodied_g.high / 1000) in apart
    assert "water" in apart
    assert "making the hardware" not in emissions
    for factor in footprint.factors:
        cited = factor.id.partition(".stated:")[0]
        assert any(cited in line for line in lines), factor.id
