from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import footprint.reference as ref
from footprint.derive import declared_footprint
from footprint.derive.compare import PEERS, Beside, Comparison, codecarbon_data, compare
from footprint.derive.compare.codecarbon import memory_w, modules
from footprint.errors import ConfigError
from footprint.model import Declaration
from tests.accounting.published import shared_cases


def said(peer: str, beside: dict[str, float] | None = None, **facts: Any) -> Comparison:
    return compare(Declaration(**facts), peer, Beside(**(beside or {})))


def by_name(found: Comparison) -> dict[str, Any]:
    return {one.what: one for one in found.differences}


# -- ML CO2 Impact -----------------------------------------------------------------------------------------------------

# Hardware, hours, place, and what cards print: W, kWh, kg/kWh, kg.
PRINTED = [
    ("V100-SXM2-32GB", 500, {}, 150.0, 64.8),
    ("RTX A6000", 79, {}, 23.7, 10.24),
    ("A100 SXM4 80GB", 50_000, {}, 20_000.0, 8640.0),
    ("A100 PCIe 40GB", 234, {"region": "gcp:us-east1"}, 58.5, 21.64),
    ("RTX 3090", 1, {}, 0.35, 0.15),
    ("TPU v3", 8, {"region": "gcp:europe-west4"}, 2.26, 1.29),
    ("T4", 2, {"region": "gcp:europe-west1"}, 0.14, 0.04),
]


@pytest.mark.parametrize(("hardware", "hours", "place", "energy_kwh", "kg"), PRINTED, ids=[one[0] for one in PRINTED])
def test_mlco2_says_what_cards_print(hardware: str, hours: float, place: dict[str, Any], energy_kwh: float, kg: float) -> None:
    found = said("mlco2", hardware=hardware, count=1, hours=hours, **place)
    assert found.energy_kwh == energy_kwh
    assert found.emissions_g == pytest.approx(kg * 1000)


@pytest.mark.parametrize(
    ("hardware", "hours", "intensity", "unrounded_kg"),
    [
        ("V100-SXM2-32GB", 100, 566.3, 16.989),
        ("A100 SXM4 80GB", 500, 367.8, 73.56),
        ("T4", 12, 105, 0.0882),
        ("TPU v3", 1000, 569, 161.027),
        ("RTX 3090", 72, 432, 10.886),
    ],
)
def test_mlco2_before_its_rounding(hardware: str, hours: float, intensity: float, unrounded_kg: float) -> None:
    found = said("mlco2", hardware=hardware, count=1, hours=hours, intensity_g_per_kwh=intensity)
    rounding = by_name(found)["rounding"].ratio
    assert found.emissions_g is not None
    assert found.emissions_g / 1000 / rounding == pytest.approx(unrounded_kg, abs=5e-4)


def test_mlco2_has_no_count_and_says_so() -> None:
    found = said("mlco2", hardware="T4", count=8, hours=100, region="gcp:europe-west1")
    assert found.energy_kwh == 7.0
    assert "no count" in by_name(found)["accelerators"].why
    assert any("800 device-hours entered as its hours it says 56 kWh and 15.12 kg" in note for note in found.notes)


def test_mlco2_takes_its_own_watts_and_not_the_makers() -> None:
    swapped = said("mlco2", hardware="Tesla V100-SXM2-16GB", count=1, hours=100, region="gcp:europe-west2")
    assert swapped.energy_kwh == 25.0
    assert "its maker rates it 300 W" in by_name(swapped)["accelerators"].why
    assert by_name(swapped)["grid"].theirs == 623
    stated = said("mlco2", hardware="TPU v3", count=1, hours=1, power_w=245)
    assert any("the stated 245 W are not used" in note for note in stated.notes)


@pytest.mark.parametrize(
    ("region", "g_per_kwh"),
    [
        ("gcp:us-west2", 240.6),
        ("aws:eu-north-1", 47),
        ("azure:centralus", 736.6),
        ("azure:westus2", 297.6),
        ("aws:ap-south-1", 920),
    ],
)
def test_mlco2_lists_the_regions_of_its_table(region: str, g_per_kwh: float) -> None:
    found = said("mlco2", hardware="T4", count=1, hours=100, region=region)
    assert by_name(found)["grid"].theirs == g_per_kwh
    assert found.emissions_g == pytest.approx(7000 * math.floor(g_per_kwh / 10 + 0.5) / 100)


@pytest.mark.parametrize("peer", ["mlco2", "green-algorithms"])
def test_what_a_peer_takes_is_never_invented(peer: str) -> None:
    unlisted = said(peer, hardware="H100 SXM", count=1, hours=10, zone="FRA")
    assert unlisted.energy_kwh is None
    assert unlisted.emissions_g is None
    assert any("--power-w" in one for one in unlisted.missing)
    stated = said(peer, hardware="H100 SXM", count=1, hours=10, power_w=700, zone="FRA")
    assert stated.energy_kwh is not None
    # One name, several of its entries: none of them is taken.
    assert said("mlco2", hardware="V100", count=1, hours=10).energy_kwh is None
    nowhere = said(peer, hardware="T4", count=1, hours=10, region="aws:af-south-1")
    assert nowhere.emissions_g is None
    assert any("--intensity" in one for one in nowhere.missing)


# -- Green Algorithms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("beside", "facts", "energy_kwh", "grams"),
    [
        (
            {"cpu_cores": 32, "cpu_core_w": 4.4, "memory_gb": 256, "busy_ratio": 0.8},
            {"hardware": "A100 80GB PCIe", "count": 4, "hours": 72, "zone": "FRA"},
            134.3527,
            6889.61,
        ),
        ({"memory_gb": 128}, {"hardware": "V100", "count": 8, "hours": 100, "pue": 1.11, "zone": "US-IA"}, 271.6925, 79_836.84),
    ],
)
def test_green_algorithms_examples(beside: dict[str, float], facts: dict[str, Any], energy_kwh: float, grams: float) -> None:
    found = said("green-algorithms", beside, **facts)
    assert found.energy_kwh is not None
    assert found.emissions_g is not None
    assert round(found.energy_kwh, 4) == energy_kwh
    assert round(found.emissions_g, 2) == grams


def test_green_algorithms_for_processors_alone() -> None:
    """4 cores of 12 W, 64 GB, 12 h at 231.12 g/kWh: its example, entered as a device of the cores' watts."""
    found = said("green-algorithms", {"memory_gb": 64}, power_w=4 * 12, count=1, hours=12, pue=1.0, zone="GBR")
    assert found.energy_kwh is not None
    assert found.emissions_g is not None
    assert round(found.energy_kwh, 4) == 0.8621
    assert round(found.emissions_g, 2) == 199.24


def test_green_algorithms_cases_of_its_first_version() -> None:
    cases = [one for name, one in shared_cases().items() if "derived" in name]
    assert len(cases) == 2
    for case in cases:
        asked, printed = case["inputs"], case["outputs"]
        zone = {"US": "USA", "FR": "FRA"}[asked["region"]]
        facts = {"hardware": asked["hardware"], "count": asked["count"], "hours": asked["hours"], "zone": zone}
        found = said("green-algorithms-1.0", {"memory_gb": asked["memory_gb"]}, **facts)
        assert found.energy_kwh is not None
        assert found.emissions_g is not None
        assert round(found.energy_kwh, 6) == printed["energy_kwh"]
        assert round(found.emissions_g / 1000, 6) == printed["emissions_kg"]
        assert by_name(found)["PUE"].theirs == 1.67


def test_green_algorithms_says_what_it_lacks() -> None:
    found = said("green-algorithms", hardware="T4", count=2, hours=10, region="aws:us-east-1")
    assert found.energy_kwh == pytest.approx(2 * 70 * 10 / 1000 * 1.2)
    assert any("--memory-gb" in one for one in found.missing)
    assert any("--cpu-cores" in one for one in found.missing)
    assert by_name(found)["grid"].theirs == 308
    assert {one.id.split(":")[2] for one in found.figures} == {
        "power",
        "pue",
        "intensity",
    }  # and none of memory: it is not counted


HOST = {"memory_gb": 1000.0, "cpu_cores": 64.0, "cpu_core_w": 3.0}


def test_green_algorithms_counts_a_host_for_the_hours_on_the_wall() -> None:
    facts: dict[str, Any] = {"hardware": "A100 80GB PCIe", "zone": "FRA"}
    wall = said("green-algorithms", HOST, **facts, count=8, hours=120)
    assert wall.energy_kwh == pytest.approx(120 * (8 * 300 + 64 * 3 + 1000 * 0.3725) * 1.56 / 1000)
    assert said("green-algorithms", HOST, **facts, count=8, hours=120, device_hours=960).energy_kwh == wall.energy_kwh
    assert said("green-algorithms", HOST, **facts, hours=120, device_hours=960).energy_kwh == pytest.approx(wall.energy_kwh)
    # Of device-hours alone nobody knows how long the host worked.
    alone = said("green-algorithms", HOST, **facts, device_hours=960)
    assert alone.energy_kwh == pytest.approx(960 * 300 * 1.56 / 1000)
    assert [one for one in alone.missing if "give --hours" in one] == list(alone.missing)
    assert len(alone.missing) == 2


@pytest.mark.parametrize("peer", ["green-algorithms", "codecarbon"])
def test_of_processors_a_peer_counts_what_is_stated_of_them(peer: str) -> None:
    facts: dict[str, Any] = {"hardware": "AMD EPYC 7763", "count": 2, "hours": 10, "zone": "FRA", "intensity_g_per_kwh": 50}
    found = said(peer, HOST, **facts)
    assert found.energy_kwh is not None
    assert found.emissions_ratio == pytest.approx(math.prod(one.ratio or 0 for one in found.differences))
    assert [one.what for one in found.differences] == ["equipment", "PUE", "grid"]
    bare = said(peer, **facts)
    assert bare.energy_kwh is None
    assert not any("GPU" in one for one in bare.missing)


def test_a_reason_is_not_given_for_watts_that_nobody_knows() -> None:
    for peer in ("mlco2", "green-algorithms"):
        assert "not known to us" in by_name(said(peer, hardware="H100 SXM", count=8, hours=10, zone="FRA"))["accelerators"].why


# -- CodeCarbon --------------------------------------------------------------------------------------------------------

PLACES: list[tuple[str, dict[str, str | None]]] = [
    ("FRA", {"country_iso_code": "FRA"}),
    ("USA", {"country_iso_code": "USA"}),
    ("US-VA", {"country_iso_code": "USA", "region": "virginia"}),
    ("CA-QC", {"country_iso_code": "CAN", "region": "quebec"}),
    ("SE-SE3", {"country_iso_code": "SWE", "region": "se3"}),
    ("CN-BJ", {"country_iso_code": "CHN", "region": "beijing"}),
    ("egrid:SRVC", {"country_iso_code": "USA"}),
    ("DEU", {"country_iso_code": "DEU"}),
]


def codecarbons() -> tuple[Any, Any, Any]:
    """What the installed package makes emissions of, a kilowatt-hour of its, and its types of places."""
    emissions: Any = pytest.importorskip("codecarbon.core.emissions")
    data: Any = pytest.importorskip("codecarbon.input")
    units: Any = pytest.importorskip("codecarbon.core.units")
    geography: Any = pytest.importorskip("codecarbon.external.geography")
    return emissions.Emissions(data.DataSource()), units.Energy.from_energy(kWh=1.0), geography


@pytest.mark.parametrize(("zone", "given"), PLACES, ids=[one[0] for one in PLACES])
def test_codecarbons_place_is_what_codecarbon_takes(zone: str, given: dict[str, Any]) -> None:
    emissions, one_kwh, geography = codecarbons()
    kg = emissions.get_private_infra_emissions(one_kwh, geography.GeoMetadata(**given))
    assert codecarbon_data.of_zone(zone).g_per_kwh == pytest.approx(kg * 1000)


@pytest.mark.parametrize(("provider", "region"), [("gcp", "europe-west1"), ("aws", "us-east-1"), ("azure", "francecentral")])
def test_codecarbons_cloud_is_what_codecarbon_takes(provider: str, region: str) -> None:
    emissions, one_kwh, geography = codecarbons()
    nowhere = geography.GeoMetadata(country_iso_code=None)
    kg = emissions.get_cloud_emissions(one_kwh, geography.CloudMetadata(provider=provider, region=region), nowhere)
    assert codecarbon_data.of_cloud(provider, region).g_per_kwh == pytest.approx(kg * 1000)


@pytest.mark.parametrize(
    "gb", [1.0, 4.0, 16.0, 17.0, 32.0, 64.0, 65.0, 128.0, 200.0, 256.0, 500.0, 512.0, 1000.0, 2048.0, 9000.0]
)
def test_codecarbons_memory_is_what_codecarbon_takes(gb: float) -> None:
    ram = pytest.importorskip("codecarbon.external.ram").RAM()
    ram.is_arm_cpu = False
    assert modules(gb) == ram._estimate_dimm_count(gb)
    assert memory_w(gb) == pytest.approx(ram._calculate_ram_power(gb))


def test_two_letters_are_the_world_to_codecarbon() -> None:
    pytest.importorskip("codecarbon")
    letters = said("codecarbon", hardware="T4", count=1, hours=10, zone="FR")
    code = said("codecarbon", hardware="T4", count=1, hours=10, zone="FRA")
    assert by_name(letters)["grid"].theirs == 475
    assert "has no FR: in silence its world average" in by_name(letters)["grid"].why
    theirs = by_name(code)["grid"].theirs
    assert theirs < 100
    assert any(note.startswith(f"given FRA instead of FR it would take {theirs:g}") for note in letters.notes)
    cloud = said("codecarbon", hardware="T4", count=1, hours=10, region="aws:us-east-1")
    assert by_name(cloud)["grid"].theirs == 475


def test_codecarbon_sees_no_tpu_and_measures_gpus() -> None:
    tpu = said("codecarbon", hardware="TPU v3", count=4, hours=10, zone="FRA")
    assert tpu.energy_kwh is None  # it would count a CPU and memory, and nobody stated them
    assert "count as nothing" in by_name(tpu)["equipment"].why
    hosted = said("codecarbon", {"memory_gb": 64}, hardware="TPU v3", count=4, hours=10, zone="FRA")
    assert hosted.energy_kwh == pytest.approx(10 * 20 / 1000)
    assert any(one.endswith("give --cpu-cores and --cpu-core-w") for one in hosted.missing)
    ours = declared_footprint(Declaration(hardware="T4", count=4, hours=10, zone="FRA"))
    gpu = said("codecarbon", {"memory_gb": 64, "cpu_cores": 8, "cpu_core_w": 10}, hardware="T4", count=4, hours=10, zone="FRA")
    assert ours.accelerator_energy_kwh is not None
    assert gpu.energy_kwh == pytest.approx(ours.accelerator_energy_kwh.central + 10 * (80 * 0.5 + 20) / 1000)
    with_pue = said("codecarbon", hardware="T4", count=4, hours=10, zone="FRA", pue=1.5)
    assert with_pue.energy_kwh == pytest.approx(1.5 * ours.accelerator_energy_kwh.central)


def test_without_codecarbon_its_place_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecarbon_data, "installed", lambda: None)
    found = said("codecarbon", hardware="T4", count=4, hours=10, zone="FRA")
    assert found.version == "not installed"
    assert found.emissions_g is None
    assert any("not installed" in one for one in found.missing)


# -- All of them -------------------------------------------------------------------------------------------------------


FACTS = st.fixed_dictionaries(
    {
        "hardware": st.sampled_from(["T4", "V100", "A100 SXM4 80GB", "TPU v3", "H100"]),
        "power_w": st.one_of(st.none(), st.floats(10, 70)),
        "count": st.integers(1, 1000),
        "hours": st.floats(0.1, 10_000),
        "pue": st.one_of(st.none(), st.floats(1, 2)),
        "intensity_g_per_kwh": st.one_of(st.none(), st.floats(20, 1000)),
    }
)
SOMEWHERE = st.sampled_from([{}, {"zone": "FRA"}, {"zone": "FR"}, {"region": "aws:us-east-1"}, {"region": "gcp:europe-west2"}])


@settings(max_examples=40, deadline=None)
@given(peer=st.sampled_from(PEERS), facts=FACTS, place=SOMEWHERE, memory_gb=st.one_of(st.none(), st.floats(1, 1000)))
def test_the_named_differences_are_the_whole_difference(
    peer: str, facts: dict[str, Any], place: dict[str, Any], memory_gb: float | None
) -> None:
    assume(facts["hardware"] != "TPU v3" or place != {"region": "aws:us-east-1"})  # where there are none
    found = compare(Declaration(**facts, **place), peer, Beside(memory_gb=memory_gb))
    if found.emissions_ratio is None or not found.emissions_g:
        return
    ratios = [one.ratio for one in found.differences if one.ratio is not None]
    assert len(ratios) == len(found.differences)
    assert math.prod(ratios) == pytest.approx(found.emissions_ratio, rel=1e-6)


def test_an_edition_without_their_figures_says_so() -> None:
    with ref.using_edition("2026.11"):
        found = said("mlco2", hardware="T4", count=1, hours=10, region="gcp:europe-west1")
        assert found.energy_kwh is None
        found = said("green-algorithms", hardware="T4", count=1, hours=10, region="gcp:europe-west1", power_w=70, pue=1.2)
        assert found.energy_kwh is not None
        assert said("green-algorithms", hardware="T4", count=1, hours=10, power_w=70).energy_kwh is None


@pytest.mark.parametrize("bad", [{"memory_gb": -1.0}, {"cpu_cores": math.nan}, {"busy_ratio": 1.5}, {"cpu_core_w": math.inf}])
def test_facts_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Beside(**bad)


def test_an_unknown_peer_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="mlco2"):
        compare(Declaration(hardware="T4", count=1, hours=1), "carbontracker")
