from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import footprint.reference as ref
from footprint.derive import run_footprint
from footprint.derive.hourly import Hourly, ask, hourly_footprint
from footprint.model import Basis, CpuTime, Device, DeviceEnergy, Footprint, Place, Range, Run
from footprint.place.intensity import Series, Slot, open_provider
from footprint.reference import evidence, grid
from tests.derive.examples import gpu, run

START = datetime(2024, 5, 1, tzinfo=UTC)
T0 = START.timestamp()
GBR = Place(zone="GBR", pue_ratio=1.25)
HOUR_S = 3600.0


def series(*figures: float | None, basis: Basis = "life-cycle", step_s: float = HOUR_S, **more: Any) -> Series:
    """Slots from the start of the runs on; None leaves a gap."""
    estimated = more.pop("estimated", ())
    at = more.pop("start_s", T0)
    slots = tuple(
        Slot(start_s=at + step_s * n, end_s=at + step_s * (n + 1), g_per_kwh=figure, estimated=n in estimated)
        for n, figure in enumerate(figures)
        if figure is not None
    )
    known: dict[str, Any] = {"provider": "test", "name": "Test", "zone": "GBR", "source": "a test", **more}
    return Series(basis=basis, slots=slots, **known)


def gpu_only(course: tuple[tuple[float, float], ...], **facts: Any) -> Run:
    """A run of a chip that reads all of its machine, as this course."""
    duration_s = facts.pop("duration_s", course[-1][0])
    return run(devices=(alone(gpu(course[-1][1], duration_s, course=course)),), duration_s=duration_s, place=GBR, **facts)


def alone(one: DeviceEnergy) -> DeviceEnergy:
    """A device whose sensor reads processors and memory, too: nothing is added to it."""
    return msgspec.structs.replace(one, device=msgspec.structs.replace(one.device, contains=("cpu", "memory")))


def central(found: Range | None) -> float:
    assert found is not None
    return found.central


def of_gpus(footprint: Footprint, g_per_kwh: float) -> float:
    energy = footprint.accelerator_energy_kwh
    assert energy is not None
    return energy.central * 1.25 * g_per_kwh


# -- The sum -----------------------------------------------------------------------------------------------------------


def full(place: Place | None = GBR, **facts: Any) -> Run:
    """Two hours with all components known: most of the GPU's energy in the first, of the CPU's in the second."""
    tree = ((0.0, 0.0), (3600.0, 10.0), (7200.0, 100.0))
    cpu = CpuTime(
        tree_s=100.0, busy_s=120.0, logical_cpus=8, reserved_cpus=8.0, read_s=7200.0, tree_course=tree, busy_course=tree
    )
    one = gpu(1_000_000.0, 7200.0, course=((0.0, 0.0), (3600.0, 900_000.0), (7200.0, 1_000_000.0)))
    return run(devices=(one,), cpu=cpu, duration_s=7200.0, place=place, **facts)


def test_emissions_are_the_sum_of_energy_in_the_slot_times_intensity_of_the_slot() -> None:
    """By hand, component by component."""
    found = hourly_footprint(full(), series(100, 300))
    footprint = found.footprint
    kwh = {one.component: central(one.energy_kwh) for one in footprint.breakdown}
    work = {"accelerators": 0.9 * 100 + 0.1 * 300}
    idle_kwh = kwh["cpu"]
    cpu_terms = {}
    from footprint.derive import terms

    for term in terms(full()):
        if term.component == "cpu":
            cpu_terms[term.name] = term.energy_kwh
    assert math.isclose(sum(cpu_terms.values()), idle_kwh)
    active_g = cpu_terms["CPU active"] * (0.1 * 100 + 0.9 * 300)
    expected_g = 1.25 * (kwh["accelerators"] * work["accelerators"] + active_g + (cpu_terms["CPU idle"] + kwh["memory"]) * 200)
    assert math.isclose(central(footprint.emissions_g), expected_g, rel_tol=1e-9)
    assert footprint.basis == "life-cycle"
    assert footprint.energy_kwh == run_footprint(full()).energy_kwh
    assert math.isclose(
        central(footprint.intensity_g_per_kwh) * central(footprint.energy_kwh), central(footprint.emissions_g), rel_tol=1e-9
    )
    assert any(
        step == "energy over time: accelerators as read; CPU evenly and by CPU time; memory evenly" for step in footprint.chain
    )
    assert found.match.time_mean_g_per_kwh == 200
    assert central(footprint.intensity_g_per_kwh) == pytest.approx(found.match.mean_g_per_kwh)


@pytest.mark.parametrize("step_s", [900.0, 1800.0, 3600.0])
@pytest.mark.parametrize("offset_s", [-1000.0, 0.0, -86_400.0])
def test_a_constant_series_gives_what_the_constant_gives(step_s: float, offset_s: float) -> None:
    """To the digit: the same range, the same intensity, whatever the slots."""
    told = full(place=Place(zone="GBR", pue_ratio=1.25, intensity_g_per_kwh=217.4))
    annual = run_footprint(told)
    figures = [217.4] * int((7200 - offset_s) / step_s + 2)
    found = hourly_footprint(full(), series(*figures, basis="stated", step_s=step_s, start_s=T0 + offset_s)).footprint
    assert found.emissions_g == annual.emissions_g
    assert found.intensity_g_per_kwh == annual.intensity_g_per_kwh
    number = open_provider("217.4")
    assert hourly_footprint(full(), ask(full(), number)).footprint.emissions_g == annual.emissions_g


@pytest.mark.parametrize("duration_s", [7200.0, 7200.000_000_3, 7200.000_000_7])
def test_one_figure_holds_to_the_end_of_a_run_whose_end_no_date_can_name(duration_s: float) -> None:
    one = msgspec.structs.replace(full(), duration_s=duration_s)
    found = hourly_footprint(one, ask(one, open_provider("250")))
    assert found.footprint.intensity_g_per_kwh == Range(low=250, central=250, high=250)
    assert not any("no figure" in step for step in found.footprint.chain)


def test_direct_emissions_by_the_year_beside_others_by_the_hour_are_told_apart() -> None:
    where = Place(zone="US-VA", pue_ratio=1.25)
    by_hours = hourly_footprint(full(where), series(100, 300, zone="US-VA")).footprint
    assert by_hours.emissions_direct_g == run_footprint(full(where)).emissions_direct_g
    assert "the direct emissions are by the year's mean: Test has no direct figures" in by_hours.warnings
    directly = hourly_footprint(full(where), series(100, 300, zone="US-VA", basis="direct")).footprint
    assert not any("by the year's mean" in warning for warning in directly.warnings)


def test_a_constant_of_the_years_figure_is_the_years_result() -> None:
    annual = run_footprint(full())
    value = central(annual.intensity_g_per_kwh)
    found = hourly_footprint(full(), series(value, value)).footprint
    assert central(found.emissions_g) == central(annual.emissions_g)
    assert found.basis == annual.basis == "life-cycle"
    assert found.emissions_g is not None
    assert annual.emissions_g is not None
    # A mean over hours is as uncertain in its level as a year's figure: the rule is one.
    assert found.emissions_g.low == pytest.approx(annual.emissions_g.low, rel=2e-2)
    assert found.emissions_g.high == pytest.approx(annual.emissions_g.high, rel=2e-2)


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 2000)), min_size=1, max_size=12),
    st.lists(st.tuples(st.floats(1, 5000), st.floats(0, 1e7)), min_size=1, max_size=8),
    st.sampled_from([900.0, 1800.0, 3600.0]),
    st.floats(-7200, 7200),
)
def test_the_energy_of_all_slots_is_the_runs(
    figures: list[float | None], steps: list[tuple[float, float]], step_s: float, offset_s: float
) -> None:
    """Twice the intensity everywhere, gaps too, is twice the emissions; and the mean times the energy is the sum."""
    course = [(0.0, 0.0)]
    for length_s, energy_j in steps:
        course.append((round(course[-1][0] + length_s, 3), round(course[-1][1] + energy_j + 1.0, 3)))
    one = gpu_only(tuple(course))
    told = series(*figures, basis="stated", step_s=step_s, start_s=T0 + offset_s)
    fallback = msgspec.structs.replace(one, place=Place(zone="GBR", pue_ratio=1.25, intensity_g_per_kwh=50.0))
    found = hourly_footprint(fallback, told).footprint
    assert math.isclose(
        central(found.intensity_g_per_kwh) * central(found.energy_kwh), central(found.emissions_g), rel_tol=1e-9, abs_tol=1e-12
    )
    # The definition, without our machinery: energy between readings is spread evenly.
    grams = 0.0
    slots = told.slots
    for (a_s, a_j), (b_s, b_j) in pairwise(course):
        power = (b_j - a_j) / (b_s - a_s)
        covered_s = 0.0
        for slot in slots:
            inside_s = max(0.0, min(T0 + b_s, slot.end_s) - max(T0 + a_s, slot.start_s))
            covered_s += inside_s
            grams += power * inside_s / 3.6e6 * slot.g_per_kwh
        grams += power * (b_s - a_s - covered_s) / 3.6e6 * 50.0
    # Seconds since 1970 are known to a quarter of a microsecond.
    assert math.isclose(central(found.emissions_g), grams * 1.25, rel_tol=1e-6, abs_tol=1e-6 * course[-1][1] / 3.6e6 * 2000)


# -- Bases -------------------------------------------------------------------------------------------------------------


def test_direct_hours_are_direct_and_the_headline_adds_what_life_cycle_adds() -> None:
    found = hourly_footprint(full(), series(100, 300, basis="direct", provider="uk")).footprint
    added = grid.add_on("GBR", 2024)
    assert found.basis == "life-cycle, estimated"
    direct, whole = central(found.emissions_direct_g), central(found.emissions_g)
    assert math.isclose(whole - direct, central(found.energy_kwh) * added.central, rel_tol=1e-9)
    assert added.id in [one.id for one in found.factors]
    assert not any(one.id.startswith("grid:GBR:life-cycle:") for one in found.factors)
    assert any(step.startswith("+ life-cycle less direct") for step in found.chain)


def test_market_based_hours_leave_the_headline_alone() -> None:
    annual = run_footprint(full())
    found = hourly_footprint(full(), series(100, 100, basis="market")).footprint
    assert found.emissions_g == annual.emissions_g
    assert math.isclose(central(found.emissions_market_g), central(found.energy_kwh) * 100, rel_tol=1e-9)
    assert hourly_footprint(full(), series(100, basis="market")).footprint.emissions_market_g is None  # never in part


def test_direct_emissions_are_never_those_of_a_part_of_the_time() -> None:
    """The United Kingdom has no yearly direct figure in the tables: an hour without one leaves the sum unknown."""
    found = hourly_footprint(full(), series(100, basis="direct", provider="uk")).footprint
    assert found.emissions_direct_g is None
    assert found.emissions_g is not None
    german = full(Place(zone="DEU", pue_ratio=1.25))
    partly = hourly_footprint(german, series(100, basis="direct", zone="DEU")).footprint
    year = ref.intensity(Place(zone="DEU"), 2024)
    assert year is not None
    assert year.direct is not None
    assert partly.emissions_direct_g is not None
    kwh = central(partly.energy_kwh)
    assert min(100, year.direct.central) * kwh < central(partly.emissions_direct_g) < max(100, year.direct.central) * kwh
    assert {"grid:DEU:life-cycle less direct:2024", year.direct.id, year.central.id} <= {one.id for one in partly.factors}


# -- Hours without a figure --------------------------------------------------------------------------------------------


def test_hours_without_a_figure_count_with_the_years_and_say_so() -> None:
    found = hourly_footprint(full(), series(None, 300))
    year = ref.intensity(GBR, 2024)
    assert year is not None
    assert (found.match.matched_s, found.match.missing_s) == (3600, 3600)
    chain = found.footprint.chain
    assert chain[0] == "Test (life-cycle): 1 h of 2 h matched in 1 slot"
    assert "1 h have no figure there and count with the year's" in chain
    assert year.central.id in [one.id for one in found.footprint.factors]
    low, high = sorted((year.central.central, 300))
    assert low < central(found.footprint.intensity_g_per_kwh) < high


def test_a_series_of_another_time_is_the_years_result_with_a_warning() -> None:
    found = hourly_footprint(full(), series(500, 500, start_s=T0 - 86_400 * 30))
    assert found.footprint.emissions_g == run_footprint(full()).emissions_g
    assert any("no figure for the time of the run" in one for one in found.footprint.warnings)
    assert found.match.mean_g_per_kwh is None


def test_a_gap_over_new_year_takes_each_years_figure() -> None:
    course = ((0.0, 0.0), (7200.0, 7200.0))
    late = gpu_only(course, started_at="2023-12-31T23:00:00Z")
    found = hourly_footprint(late, series(start_s=T0)).footprint
    ids = {one.id for one in found.factors}
    assert {"grid:GBR:life-cycle:2023", "grid:GBR:life-cycle:2024"} <= ids
    years = [ref.intensity(GBR, year) for year in (2023, 2024)]
    expected = sum(one.central.central for one in years if one is not None) / 2
    assert central(found.intensity_g_per_kwh) == pytest.approx(expected)


def test_slots_over_midnight_and_new_year_are_one_clock() -> None:
    late = gpu_only(((0.0, 0.0), (7200.0, 7200.0)), started_at="2023-12-31T23:00:00Z")
    start_s = datetime(2023, 12, 31, 23, tzinfo=UTC).timestamp()
    found = hourly_footprint(late, series(100, 300, start_s=start_s))
    assert central(found.footprint.emissions_g) == pytest.approx(of_gpus(found.footprint, 200))


def test_without_a_place_a_series_of_a_zone_says_where_and_a_file_does_not() -> None:
    nowhere = full(place=None)
    said = hourly_footprint(nowhere, series(100, 300, provider="uk", basis="direct")).footprint
    assert said.emissions_g is not None
    assert "place" not in said.unknown
    assert said.place == Place(zone="GBR", known_by="stated")
    assert not any("the place is unknown" in one for one in said.warnings)
    matched = hourly_footprint(nowhere, series(100, 300, provider="file", zone=None)).footprint
    assert matched.emissions_g is not None
    direct = hourly_footprint(nowhere, series(100, 300, provider="file", zone=None, basis="direct")).footprint
    assert direct.emissions_g is None
    assert direct.emissions_direct_g is not None
    gap = hourly_footprint(nowhere, series(100, provider="file", zone=None)).footprint
    assert gap.emissions_g is None
    assert "place" in gap.unknown
    assert any("1 h have no figure in Test" in one for one in gap.warnings)


def test_unknown_energy_stays_unknown() -> None:
    unread = run(devices=(gpu(None, 0.0),), place=GBR, duration_s=7200.0)
    found = hourly_footprint(unread, series(100, 300)).footprint
    assert found.emissions_g is None
    assert any("the energy of the run is unknown" in one for one in found.warnings)


# -- Time --------------------------------------------------------------------------------------------------------------


def test_a_run_shorter_than_a_slot_and_one_of_no_length() -> None:
    short = gpu_only(((0.0, 0.0), (60.0, 9000.0)))
    found = hourly_footprint(short, series(123)).footprint
    assert central(found.emissions_g) == pytest.approx(of_gpus(found, 123))
    none = run(devices=(), duration_s=0.0, place=GBR, cpu=CpuTime(tree_s=0, busy_s=0, logical_cpus=8, reserved_cpus=8, read_s=0))
    assert central(hourly_footprint(none, series(123)).footprint.emissions_g) == 0


def test_a_device_without_a_course_is_spread_evenly_and_the_chain_says_so() -> None:
    flat = run(devices=(alone(gpu(7200.0, 7200.0)),), duration_s=7200.0, place=GBR)
    found = hourly_footprint(flat, series(100, 300)).footprint
    assert central(found.emissions_g) == pytest.approx(of_gpus(found, 200))
    assert "energy over time: accelerators evenly" in found.chain


def test_where_the_machine_slept_is_not_known_and_widens_the_range() -> None:
    """Two hours of work and four asleep: the work lies in the first two hours, or in the last, or between."""
    course = ((0.0, 0.0), (7200.0, 7200.0))
    awake = hourly_footprint(gpu_only(course), series(100, 100, 100, 100, 400, 400)).footprint
    slept = hourly_footprint(gpu_only(course, suspended_s=14_400.0), series(100, 100, 100, 100, 400, 400))
    found = slept.footprint
    assert awake.emissions_g is not None
    assert found.emissions_g is not None
    assert slept.match.matched_s == 21_600
    assert central(awake.emissions_g) == pytest.approx(of_gpus(awake, 100))
    assert central(found.emissions_g) == pytest.approx(of_gpus(found, 250))  # as likely at the end as at the begin
    assert found.emissions_g.low < of_gpus(found, 100)
    assert found.emissions_g.high > of_gpus(found, 400)
    assert any("asleep at an unknown time" in one.note for one in found.factors)


def test_the_machines_own_meter_follows_its_readings() -> None:
    package = Device(id="cpu:package-0", component="cpu", name="x", meter="rapl", grade="counter")
    course = ((0.0, 0.0), (3600.0, 9e5), (7200.0, 1e6))
    read = DeviceEnergy(device=package, energy_j=1e6, read_s=7200.0, floor_w=20.0, course=course)
    one = msgspec.structs.replace(full(), devices=(read,))
    whole = hourly_footprint(one, series(0, 1000), attribution="machine")
    cpu_kwh = next(central(part.energy_kwh) for part in whole.footprint.breakdown if part.component == "cpu")
    rest_kwh = next(central(part.energy_kwh) for part in whole.footprint.breakdown if part.component == "rest")
    memory_kwh = next(central(part.energy_kwh) for part in whole.footprint.breakdown if part.component == "memory")
    chips = 0.1 * cpu_kwh + 0.5 * memory_kwh  # in the second hour
    expected_g = 1.25 * 1000 * (chips + rest_kwh * chips / (cpu_kwh + memory_kwh))
    assert central(whole.footprint.emissions_g) == pytest.approx(expected_g)
    share = hourly_footprint(one, series(1000, 1000))
    assert central(share.footprint.emissions_g) == pytest.approx(central(share.footprint.energy_kwh) * 1000)
    for figures in ((0, 1000), (1000, 0)):  # never less than nothing in an hour, though idle power is taken away
        assert central(hourly_footprint(one, series(*figures)).footprint.emissions_g) >= 0


# -- How sure ----------------------------------------------------------------------------------------------------------


def width(found: Hourly) -> float:
    emissions = found.footprint.emissions_g
    assert emissions is not None
    return emissions.high / emissions.low


def test_hours_are_no_surer_than_years_and_estimates_less_sure() -> None:
    sure = hourly_footprint(full(), series(200, 200))
    doubtful = hourly_footprint(full(), series(200, 200, estimated=(0, 1)))
    partly = hourly_footprint(full(), series(200, 200, estimated=(1,)))
    assert width(sure) < width(partly) < width(doubtful)
    assert {central(one.footprint.emissions_g) for one in (sure, doubtful, partly)} == {central(sure.footprint.emissions_g)}
    factor = next(one for one in sure.footprint.factors if one.id.startswith("intensity:"))
    assert math.log(factor.high / factor.low) / 2 / 1.6448536 == pytest.approx(evidence.NATIONAL_SIGMA)
    assert (factor.grade, factor.basis, factor.unit) == ("declared", "life-cycle", "g/kWh")
    estimate = next(one for one in doubtful.footprint.factors if one.id == "intensity.estimated")
    assert estimate.varies == "run"
    assert (doubtful.match.estimated_s, partly.match.estimated_s) == (7200, 3600)


def test_a_direct_level_is_as_uncertain_as_a_direct_figure_of_a_year() -> None:
    found = hourly_footprint(full(), series(200, 200, basis="direct", provider="uk")).footprint
    factor = next(one for one in found.factors if one.id.startswith("intensity:"))
    assert math.log(factor.high / factor.low) / 2 / 1.6448536 == pytest.approx(evidence.direct_sigma())


def test_zero_intensity_is_a_zero_that_somebody_knows() -> None:
    found = hourly_footprint(full(), series(0, 0))
    assert found.footprint.emissions_g == Range(low=0, central=0, high=0)


# -- Asking ------------------------------------------------------------------------------------------------------------


def test_a_provider_is_asked_for_the_runs_zone_and_time() -> None:
    asked: list[Any] = []

    class Recorder:
        name = "recorder"

        def history(self, zone: str | None, start: datetime, end: datetime) -> Series:
            asked.append((zone, start, end))
            return series(100)

        def forecast(self, zone: str | None, start: datetime, hours: float) -> Series:
            raise NotImplementedError

    ask(msgspec.structs.replace(full(), suspended_s=60.0), Recorder())
    assert asked == [("GBR", START, START + timedelta(seconds=7260))]


def test_it_can_be_told_as_json() -> None:
    found = hourly_footprint(full(), series(100, 300, estimated=(1,)))
    told = json.loads(msgspec.json.encode(found.match))
    assert told["matched_s"] == 7200
    assert told["basis"] == "life-cycle"
    assert list(told["annual_emissions_g"]) == ["low", "central", "high"]
