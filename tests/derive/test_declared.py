from __future__ import annotations

from typing import Any

import pytest

from footprint.derive import declared_footprint, estimate
from footprint.errors import ConfigError, UnknownHardware, UnknownPlace
from footprint.model import Declaration, Footprint
from footprint.reference import tables
from footprint.reference.beyond import is_beyond
from tests.each import each


def central(footprint: Footprint, name: str) -> float:
    value = getattr(footprint, name)
    assert value is not None, f"{name} is unknown: {footprint.unknown} {footprint.warnings}"
    found: float = value.central
    return found


def test_stated_power_and_intensity_are_multiplied_and_nothing_is_added() -> None:
    found = estimate(hardware="V100 SXM2", count=8, hours=100, power_w=300, pue=1.11, intensity_g_per_kwh=293.85)
    assert found.scope == "accelerators"
    assert central(found, "energy_kwh") == pytest.approx(266.4)
    assert central(found, "emissions_g") == pytest.approx(78_281.64)
    assert found.emissions_g is not None
    assert found.emissions_g.low == found.emissions_g.high


def test_without_stated_power_the_range_includes_the_host_and_says_so() -> None:
    found = estimate(hardware="V100 SXM2", count=8, hours=100, pue=1.11, intensity_g_per_kwh=293.85)
    assert found.scope == "server"
    assert found.energy_kwh is not None
    assert found.energy_kwh.low < 266.4 < found.energy_kwh.high
    assert any("host" in w for w in found.warnings)
    assert central(found, "it_energy_kwh") > central(found, "accelerator_energy_kwh")


def test_switch_as_patterson_states_it() -> None:
    found = estimate(hardware="TPU v3", count=1024, hours=648, power_w=245, pue=1.10, intensity_g_per_kwh=403)
    assert central(found, "energy_kwh") == pytest.approx(178_800, rel=1e-3)
    assert central(found, "emissions_g") / 1e6 == pytest.approx(72.1, abs=0.05)


def test_device_hours_are_not_multiplied_again() -> None:
    by_count = estimate(hardware="A100 SXM4 80GB", count=8, hours=10, power_w=400)
    by_device_hours = estimate(hardware="A100 SXM4 80GB", device_hours=80, power_w=400)
    assert central(by_count, "it_energy_kwh") == central(by_device_hours, "it_energy_kwh") == pytest.approx(32.0)


def test_a_slice_counts_its_chips() -> None:
    whole = estimate(hardware="TPU v3-8", count=1, hours=10, power_w=200)
    assert central(whole, "it_energy_kwh") == pytest.approx(4 * 10 * 0.2)


def test_an_ambiguous_name_is_a_wider_range_and_a_warning() -> None:
    one = estimate(hardware="H100 SXM5 80GB", count=1, hours=1, scope="accelerators").it_energy_kwh
    ambiguous = estimate(hardware="H100", count=1, hours=1, scope="accelerators")
    several = ambiguous.it_energy_kwh
    assert one is not None
    assert several is not None
    assert several.low < one.low
    assert any("H100" in w for w in ambiguous.warnings)


def test_stated_energy_takes_the_place_of_hardware() -> None:
    found = estimate(energy_kwh=1000, pue=1.2, zone="FRA", year=2023)
    assert central(found, "energy_kwh") == pytest.approx(1200)
    assert found.emissions_g is not None
    assert found.basis == "life-cycle"


def test_without_a_place_emissions_are_unknown() -> None:
    found = estimate(hardware="T4", count=1, hours=1)
    assert found.emissions_g is None
    assert "place" in found.unknown


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"hardware": "T4", "count": 1, "hours": -1}, "hours"),
        ({"hardware": "T4", "count": 1, "hours": 0}, "hours"),
        ({"hardware": "T4", "count": 1, "hours": float("nan")}, "hours"),
        ({"hardware": "T4", "count": 1, "hours": 1e9}, "hours"),
        ({"hardware": "T4", "count": 0, "hours": 1}, "count"),
        ({"hardware": "T4", "hours": 1}, "count"),
        ({"hardware": "T4", "count": 1}, "hours"),
        ({"count": 1, "hours": 1}, "hardware"),
        ({}, "hardware"),
        ({"hardware": "T4", "count": 1, "hours": 1, "power_w": -5}, "power_w"),
        ({"hardware": "T4", "count": 1, "hours": 1, "pue": 0.9}, "PUE|pue"),
        ({"hardware": "T4", "count": 1, "hours": 1, "intensity_g_per_kwh": 5000}, "intensity"),
        ({"hardware": "T4", "count": 1, "hours": 1, "year": 1999}, "year"),
        ({"hardware": "T4", "count": 1, "hours": 1, "kind": "finetuning"}, "fine-tuning"),
        ({"hardware": "T4", "count": 1, "hours": 1, "scope": "planet"}, "scope"),
        ({"hardware": "T4", "count": 2, "hours": 10, "device_hours": 10}, "device_hours"),
        ({"hardware": "T4", "count": 1, "hours": 10, "power_w": 70, "energy_kwh": 7}, "energy_kwh"),
        ({"hardwear": "T4"}, "hardwear"),
    ],
)
def test_impossible_facts_get_one_clear_line(facts: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        estimate(**facts)
    assert "\n" not in str(caught.value)


def test_unknown_names_are_refused_with_near_ones() -> None:
    with pytest.raises(UnknownHardware) as hardware:
        estimate(hardware="A1000 SXM", count=1, hours=1)
    assert hardware.value.near
    with pytest.raises(UnknownPlace):
        estimate(hardware="T4", count=1, hours=1, region="aws:us-eats-1")


def test_a_declaration_may_be_silent_and_stays_unknown() -> None:
    found = declared_footprint(Declaration(hardware="V100", count=64))
    assert found.energy_kwh is None
    assert "hours" in found.unknown


def test_no_training_is_neither_zero_nor_a_number() -> None:
    found = declared_footprint(Declaration(training=False))
    assert found.energy_kwh is None
    assert found.emissions_g is None
    assert any("no training" in w for w in found.warnings)


def test_the_device_hours_of_an_instance_are_those_of_its_devices() -> None:
    found = estimate(hardware="p4d.24xlarge", count=1, hours=10, device_hours=80, power_w=400)
    assert central(found, "it_energy_kwh") == pytest.approx(32.0)
    with pytest.raises(ConfigError, match="8 devices"):
        estimate(hardware="p4d.24xlarge", count=1, hours=10, device_hours=10, power_w=400)
    with pytest.raises(ConfigError, match="energy_kwh"):
        estimate(hardware="p4d.24xlarge", count=1, hours=10, power_w=400, energy_kwh=4)


def test_an_instance_says_whose_region_is_meant() -> None:
    found = estimate(hardware="p4d.24xlarge", count=1, hours=10, region="us-east-1", year=2023)
    assert found.place is not None
    assert found.place.provider == "aws"
    assert central(found, "pue") == pytest.approx(1.15)
    bare = estimate(hardware="A100", count=8, hours=10, region="us-east-1", year=2023)
    assert bare.place is not None
    assert bare.place.provider is None
    assert any("PUE is not known" in w for w in bare.warnings)


def test_only_a_grid_has_a_newest_figure() -> None:
    says = "newest known grid figure"
    assert not any(says in w for w in estimate(hardware="T4", count=1, hours=1, provider="aws").warnings)
    assert any(says in w for w in estimate(hardware="T4", count=1, hours=1, zone="FRA").warnings)


def test_a_sites_default_is_not_offered_for_work_that_was_only_declared() -> None:
    assert not any("FOOTPRINT_REGION" in w for w in estimate(hardware="T4", count=1, hours=1).warnings)


def test_stated_numbers_have_ids_of_their_own() -> None:
    one = estimate(hardware="T4", count=1, hours=1, power_w=70, pue=1.1, intensity_g_per_kwh=50)
    two = estimate(hardware="T4", count=1, hours=1, power_w=60, pue=1.2, intensity_g_per_kwh=60)
    assert not {f.id for f in one.factors} & {f.id for f in two.factors}


@pytest.mark.parametrize(
    "facts",
    [
        {"hardware": "V100 SXM2", "count": 8, "hours": 100, "zone": "US-GA", "year": 2020, "kind": "pre-training"},
        {"hardware": "p4d.24xlarge", "count": 2, "hours": 10, "region": "us-east-1", "year": 2023},
        {"hardware": "TPU v3-8", "count": 4, "hours": 10, "zone": "SWE", "year": 2022},
        {"hardware": "H100", "device_hours": 10, "zone": "CA-QC", "year": 2003, "scope": "accelerators"},
        {"energy_kwh": 7.0, "zone": "BEL", "year": 2025},
    ],
)
def test_emissions_are_the_plain_product_of_the_listed_factors(facts: dict[str, Any]) -> None:
    found = estimate(**facts)
    product = {"device_hours": facts.get("device_hours"), "energy_kwh": facts.get("energy_kwh")}
    chips = {"p4d.24xlarge": 8, "TPU v3-8": 4}.get(facts.get("hardware", ""), 1)
    start = product["energy_kwh"] or (product["device_hours"] or facts["count"] * facts["hours"] * chips) / 1000
    expected = start
    for factor in found.factors:
        assert factor.low <= factor.central <= factor.high
        assert factor.source
        assert factor.grade
        if factor.basis not in {"direct", "market"} and not is_beyond(factor) and not factor.id.startswith("energy.stated"):
            expected *= factor.central
    assert central(found, "emissions_g") == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("facts", "energy_kwh", "emissions_kg", "rounding"),
    [
        # Strubell, Ganesh & McCallum 2019, table 3: watts of the whole job, PUE 1.58, 0.954 lb/kWh.
        ({"device_hours": 84, "power_w": 1515.43, "pue": 1.58, "intensity_g_per_kwh": 432.73}, 201, 87.09, 1e-3),
        ({"device_hours": 336, "power_w": 517.66, "pue": 1.58, "intensity_g_per_kwh": 432.73}, 275, 118.84, 1e-3),
        # Luccioni, Viguier & Ligozat 2022: BLOOM's dynamic consumption, PUE not applied.
        ({"device_hours": 1_082_990, "power_w": 400, "pue": 1.0, "intensity_g_per_kwh": 57}, 433_196, 24_690, 1e-4),
        # Llama 2's card; PUE and intensity are those of the LLaMA paper.
        ({"device_hours": 184_320, "power_w": 400, "pue": 1.1, "intensity_g_per_kwh": 385}, None, 31_220, 2e-4),
        ({"device_hours": 1_720_320, "power_w": 400, "pue": 1.1, "intensity_g_per_kwh": 385}, None, 291_420, 1e-4),
        # Dodge et al. 2022: energy of the GPUs alone.
        ({"count": 4, "hours": 216, "power_w": 275, "pue": 1.0}, 237.6, None, 1e-4),
    ],
)
def test_published_cases_come_out_as_printed(
    facts: dict[str, Any], energy_kwh: float | None, emissions_kg: float | None, rounding: float
) -> None:
    found = estimate(**facts)
    if energy_kwh is not None:
        assert central(found, "energy_kwh") == pytest.approx(energy_kwh, rel=rounding)
    if emissions_kg is not None:
        assert central(found, "emissions_g") / 1000 == pytest.approx(emissions_kg, rel=rounding)


@pytest.mark.parametrize(
    ("facts", "emissions_kg"),
    [
        ({"hardware": "V100", "count": 64, "hours": 79, "zone": "USA", "year": 2019}, 652.27),
        ({"hardware": "A100-80GB", "device_hours": 1_082_990, "zone": "FRA", "year": 2022}, 24_690),
        ({"hardware": "A100-80GB", "device_hours": 1_720_320, "zone": "USA", "year": 2023}, 291_420),
    ],
)
def test_hardware_hours_and_country_alone_give_a_range_with_the_published_figure(
    facts: dict[str, Any], emissions_kg: float
) -> None:
    found = estimate(**facts, kind="pre-training").emissions_g
    assert found is not None
    assert found.low < emissions_kg * 1000 < found.high


@each(tables.table("accelerators"), lambda row: row["id"])
def test_every_central_is_the_plain_product_of_the_centrals_before_it(row: tables.Row) -> None:
    """Of each accelerator: watts, hours, host, PUE and grid, by hand; and no number is null without its name."""
    region = "aws:us-west-2" if row["vendor"] == "AWS" else "gcp:us-central1"
    found = estimate(hardware=row["id"], count=3, hours=7, region=region, year=2024, kind="pre-training")
    null = {"power": found.power_w, "embodied": found.embodied_g, "water": found.water_l, "energy": found.it_energy_kwh}
    assert {name for name, value in null.items() if value is None} - {"energy"} == set(found.unknown)
    if found.power_w is None:
        assert found.it_energy_kwh is found.emissions_g is None
        return
    assert found.it_energy_kwh is not None
    assert found.energy_kwh is not None
    assert found.emissions_g is not None
    assert found.pue is not None
    assert found.intensity_g_per_kwh is not None
    host = next((factor.central for factor in found.factors if factor.id.startswith("overhead.host")), 1.0)
    it = found.power_w.central * 3 * 7 / 1000 * host
    assert found.it_energy_kwh.central == pytest.approx(it, rel=1e-9)
    assert found.energy_kwh.central == pytest.approx(it * found.pue.central, rel=1e-9)
    assert found.emissions_g.central == pytest.approx(it * found.pue.central * found.intensity_g_per_kwh.central, rel=1e-9)
    chip = row["power_scope"] == "chip"
    assert (found.accelerator_energy_kwh is not None) == chip == (host > 1)


def test_hardware_that_one_provider_alone_has_stands_at_its_sites() -> None:
    found = estimate(hardware="TPU v3", count=8, hours=6, zone="US-GA", year=2022)
    assert found.pue is not None
    assert found.pue.high < 1.2  # Google's fleet, not any site
    with pytest.raises(UnknownPlace, match="or the hardware, is Google Cloud's"):
        estimate(hardware="TPU v3", count=8, hours=6, region="aws:us-east-1")


@pytest.mark.parametrize(("name", "host"), [("M1 Max", 1.0), ("Cerebras CS-3", 1.0), ("A100 SXM4 40GB", 1.5)])
def test_no_host_is_added_to_the_stated_watts_of_a_whole_machine(name: str, host: float) -> None:
    rated = {"M1 Max": 60, "Cerebras CS-3": 20_000}.get(name, 300)
    found = estimate(hardware=name, count=1, hours=10, power_w=rated, scope="server")
    assert central(found, "it_energy_kwh") == pytest.approx(rated * 10 / 1000 * host)
    assert any("whole machine" in warning for warning in found.warnings) == (host == 1)
