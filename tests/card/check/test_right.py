"""Cards whose numbers agree: nothing is found, whatever calculator or meter they come from, and whatever they leave out."""

from __future__ import annotations

import itertools

import pytest

from footprint.card import content_from_declaration, fill, read_card
from footprint.derive import declared_footprint
from footprint.derive.compare import compare
from footprint.model import Declaration, Kind
from footprint.reference.grid import figures
from tests.card.check.claimed import card, codes, number_findings, table

CHIPS = (
    ("NVIDIA A100-SXM4-80GB", 400),
    ("A100 PCIe 40GB", 250),
    ("Tesla V100-SXM2-32GB", 300),
    ("Tesla T4", 70),
    ("RTX 3090", 350),
    ("NVIDIA H100 80GB HBM3", 700),
    ("Tesla P100-PCIE-16GB", 250),
    ("TPU v3", 283),
    ("MI250X", 500),
)
PLACES = (
    ("AWS", "us-east-1", "US-VA"),
    ("GCP", "us-central1", "US-IA"),
    ("Azure", "westeurope", "NLD"),
    ("", "France", "FRA"),
    ("", "Quebec, Canada", "CA-QC"),
    ("", "Germany", "DEU"),
    ("", "India", "IND"),
    ("", "Sweden", "SWE"),
    ("Private infrastructure", "", ""),
)
HOW_MUCH = (0.9, 1.12)


def mass(grams: float) -> str:
    return f"{grams / 1000:.4g} kg CO2eq" if grams >= 100 else f"{grams:.4g} g CO2eq"


@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: chip[0])
def test_what_we_would_write_is_right(chip: tuple[str, int]) -> None:
    for (provider, region, _), count, hours in itertools.product(PLACES, (1, 4), (0.4, 2000.0)):
        if not region or (provider and chip[0] == "TPU v3" and provider != "GCP"):
            continue
        facts = Declaration(hardware=chip[0], count=count, hours=hours, region=region, provider=provider or None, year=2023)
        emitted = declared_footprint(facts).emissions_g
        assert emitted is not None
        for value, times in itertools.product((emitted.low, emitted.central, emitted.high), HOW_MUCH):
            raw = card(f"{count} x {chip[0]}", f"{hours:g} hours", provider, region, mass(value * times))
            assert codes(raw) == [], (number_findings(raw), raw)


@pytest.mark.parametrize("chip", CHIPS, ids=lambda chip: chip[0])
def test_rated_watts_times_hours_times_a_grid_is_right(chip: tuple[str, int]) -> None:
    """As the ML CO2 calculator works, with the hours multiplied; and in each way to say the hours."""
    name, watts = chip
    for (provider, region, zone), count, hours, times in itertools.product(PLACES, (1, 8), (0.5, 72.0), HOW_MUCH):
        if provider and name == "TPU v3" and provider != "GCP":
            continue
        grids = [figure.central for figure in figures(zone) if figure.basis != "market"] if zone else [432.0]
        for grid in (min(grids), max(grids)):
            emitted = count * hours * watts * grid / 1000 * times
            wall, device = f"{hours:g} h wall-clock", f"{count * hours:g} device-hours"
            for said in (wall, device, f"{wall} ({device})", f"{hours:g}"):
                raw = card(f"{count} x {name}", said, provider, region, mass(emitted))
                assert codes(raw) == [], (number_findings(raw), raw)
            raw = card(name, f"{count * hours:g}", provider, region, mass(emitted))
            assert codes(raw) == [], (number_findings(raw), raw)


def test_what_the_calculator_says_for_device_hours_is_right() -> None:
    for hours in (12.0, 800.0, 150000.0):
        said = compare(Declaration(hardware="A100 PCIe 40GB", device_hours=hours, region="aws:us-east-1"), "mlco2").emissions_g
        assert said is not None
        for hardware in ("A100 PCIe 40GB", "8 x A100 PCIe 40GB"):
            assert codes(card(hardware, f"{hours:g} GPU hours", "AWS", "us-east-1", f"{said / 1000:.2f} kg")) == []


@pytest.mark.parametrize(
    ("grid", "place"), [(1.2, "Canada"), (2.0, "Quebec"), (30.0, "France"), (380.0, "Germany"), (700.0, "India")]
)
def test_what_a_meter_says_is_right(grid: float, place: str) -> None:
    """Energy, emission and place as CodeCarbon prints them, also in the front matter, with a busy GPU and with an idle one."""
    for energy, gpu_share in itertools.product((0.0101, 1.64, 110.0, 5200.0), (0.3, 1.0)):
        hours = energy / 0.3 / gpu_share
        grams = energy * grid
        yaml = (
            f"co2_eq_emissions:\n  emissions: {grams:.6f}\n  source: CodeCarbon\n  energy_consumed: {energy}\n"
            f"  geographical_location: {place}\n  hours_used: {hours:.3f}\n  hardware_used: 1 x NVIDIA RTX 3090\n"
        )
        more = f"- **Emissions:** {grams / 1000:.6f} KgCO2 ({place})\n- **Total Energy Consumption:** {energy} kWh\n"
        assert codes(card(yaml=yaml, more=more)) == []
        assert codes(card(yaml=yaml)) == []
        assert codes(card("1 x NVIDIA RTX 3090", f"{hours:.3f}", "", place, mass(grams))) == []


SILENT = {
    "hours of many devices that nobody counts": card("A100 PCIe 40GB", "150000", "AWS", "US-east", "11250 kg CO2 eq."),
    "hours below a bound": card("NVIDIA RTX3090", "< 36", "", "", "5.44 kg CO2 equivalent per model"),
    "several works in one field": card(
        "Nvidia A100",
        "22,000 for the large one, 4,500 for the small one, 5,300 for the base one",
        "Private infra",
        "USA",
        "7t CO2eq",
    ),
    "weeks in words": card("V100", "Roughly 1-2 week(s). Roughly 1 hour for the last step.", "No cloud.", "Germany.", ""),
    "zero on paper": card("64 x MI250X", "300,000 GPU hours", "LUMI", "Finland", "0 kg (hydropower)"),
    "net of certificates": card(
        more=table(
            " | GPU hours | Power (W) | Location-Based Emissions (tCO2eq) | Market-Based Emissions (tCO2eq) ",
            "Lark 8B | 1.46M | 700 | 420 | 0",
            "Lark 70B | 7.0M | 700 | 2,040 | 0",
            "Lark 405B | 30.84M | 700 | 8,930 | 0",
            "Total | 39.3M | | 11,390 | 0",
        )
    ),
    "rows and a total that round": card(
        more=table(
            " | Emissions (t) | GPU hours ",
            "A | 1.4 | 33",
            "B | 2.4 | 33",
            "Total | 3.9 | 67",
        )
    ),
    "a table of scores": card(
        more=table(
            "Model | Accuracy | Time (s)",
            "A | 81.2 | 12",
            "Total | 99.0 | 11",
        )
    ),
    "a table of latency and power": card(
        more=table(
            "Device | Latency (ms) | Power (W)",
            "T4 | 12 | 70",
            "A100 | 3 | 400",
            "Total | 1 | 1",
        )
    ),
    "energy times intensity with its PUE": card(
        more=table(
            " | GPU Type | Power Consumption From GPUs | Carbon Intensity (kg CO₂e/KWh) | Carbon Emissions (tCO₂eq) ",
            "Lark Twin | MI250X | 135 MWh | 0* | 0*",
            "Lark | A100-40GB | 104 MWh | 0.656 | 75.05",
        )
    ),
    "a PUE applied once": card(
        more=table(
            " | Energy (MWh) | PUE | Intensity (g/kWh) | Emissions (tCO2eq) ",
            "Lark | 131 | 1.2 | 332 | 52",
            "Finch | 230 | 1.12 | 351 | 90.4",
        )
    ),
    "a facility's energy, no PUE in the product": card(
        more=table(
            " | GPU hours | Power (W) | Energy (MWh) | PUE | Intensity (g/kWh) | Emissions (tCO2eq) ",
            "Lark | 500000 | 460 | 276 | 1.2 | 350 | 96.6",
        )
    ),
    "thousands or decimals, nobody can tell": card("8 x A100", "2", "", "", "1.234 kg", yaml="co2_eq_emissions: 1234\n"),
    "the front matter is the sum of two models": card(
        yaml="co2_eq_emissions: 30000\n",
        more=table(
            " | GPU hours | Emissions (kg) ",
            "A | 100 | 10",
            "B | 200 | 20",
            "Total | 300 | 30",
        ),
    ),
    "the front matter rounds": card("", "", "", "", "42 kg", yaml="co2_eq_emissions: 42270\n"),
    "a line of AutoTrain": card(yaml="co2_eq_emissions: 23.966933198902527\n", more="- CO2 Emissions (in grams): 23.9669\n"),
    "a provider that is none": card("TPU v3-8", "10", "Private infrastructure", "us-central1", ""),
    "two providers": card("8 x A100", "10", "AWS or GCP", "us-east-1", ""),
    "a zone of a region": card("1 x T4", "10", "GCP", "us-central1-a", ""),
    "a zone of AWS": card("1 x T4", "10", "AWS", "us-east-1b", ""),
    "a place in words": card("1 x T4", "10", "AWS", "Somewhere in the United States", ""),
    "an unknown chip": card("4 x Zebra 9000", "10000000", "AWS", "us-east-1", "1 g"),
    "a cluster's own name": card("512 x H100", "550,000 GPU hours", "Jean Zay", "France", "20 t"),
    "chips of a slice": card("TPU v3-8 (4 chips)", "72", "GCP", "us-east1", "30.16 kg"),
    "TPU v5e counts chips": card("TPU v5e-8 (8 chips)", "72", "GCP", "us-east1", ""),
    "long and right": card("1024 V100 GPUs", "24 hours (one day)", "", "", ""),
    "a power that is asked for": card("", "", "", "", "", more="- **Power consumption:** 0.3 kW\n"),
    "an emission saved, and a budget": card(
        "", "", "", "", "10 kg", yaml="co2_eq_emissions: 10000\n", more="- **CO2 saved:** 3 t\n- **CO2 budget:** 5 t\n"
    ),
    "a region of another cloud's form": card("8 x A100", "10", "Lambda Labs", "us-east-1", ""),
    "a small chip in a large server": card(
        "1 x Tesla T4", "10 h", "", "Germany", "1.9 kg", more="- **Energy consumed:** 5 kWh\n"
    ),
    "rows of different hardware": card(
        more=table(
            " | GPU hours | Emissions (kg)",
            "on T4 | 100 | 3",
            "on T4 too | 200 | 6",
            "on A100 | 100 | 17",
            "on T4 again | 300 | 9",
        )
    ),
    "a total of more than the rows, in words": card(
        more=table(" | GPU hours | Emissions (kg)", "Lark | 100 | 3", "Finch | 200 | 6", "Total with experiments | 900 | 27")
    ),
    "a table with an average": card(
        more=table(" | GPU hours | Emissions (kg)", "Lark | 100 | 3", "Finch | 200 | 6", "Average | 150 | 4.5", "Total | 300 | 9")
    ),
    "the nine questions": card(
        more=table(
            "Lark | ",
            "2. How much time does the training of the final model take? | 14 days",
            "4. What was the power of GPU and CPU? | 0.7 kW",
            "6. What was the energy mix at the geo location? | 400 gCO2eq/kWh",
            "7. How much CO2eq was emitted to train the final model? | 94.08 kg",
            "8. How much CO2eq was emitted for all experiments? | 900 kg",
        )
    ),
    "a column of shares": card(
        more=table(
            "Model | Training time | Energy (kWh) | CO2 (kg)",
            "a | 1 h | 1.5 | 10%",
            "b | 2 h | 3 | 20%",
            "Total | 3 h | 4.5 | 100%",
        )
    ),
    "an emission with the energy that it is of": card("8 x A100", "24", "AWS", "us-east-1", "120 kWh, 45 kg CO2"),
    "hours in both ways": card("32 x A100-SXM4-80GB", "21 days (16,128 GPU hours)", "AWS", "us-east-1", "2.5 t"),
    "a decimal comma": card("1 x T4", "0,5 Stunden", "", "Deutschland", "0,012 kg"),
    "per request": card("", "", "", "", "10 kg", yaml="co2_eq_emissions: 10000\n", more="- **CO2 per request:** 0.3 g\n"),
}


@pytest.mark.parametrize("name", SILENT)
def test_nothing_is_found_where_nothing_is_wrong(name: str) -> None:
    assert codes(SILENT[name]) == [], number_findings(SILENT[name])


@pytest.mark.parametrize("kind", ["fine-tuning", "pre-training"])
def test_what_our_own_fill_writes_is_right(kind: Kind) -> None:
    for hardware, count, hours, region in (
        ("NVIDIA A100-SXM4-80GB", 8, 100.0, "aws:us-east-1"),
        ("TPU v3-8", 1, 72.0, "gcp:us-east1"),
        ("RTX 3090", 1, 0.4, "France"),
        ("p4d.24xlarge", 2, 30.0, "aws:eu-west-1"),
    ):
        facts = Declaration(kind=kind, hardware=hardware, count=count, hours=hours, year=2023, region=region)
        empty = card(*["[More Information Needed]"] * 5, yaml="tags: [birds]\n")
        plan = fill(read_card(empty), content_from_declaration(facts, declared_footprint(facts)))
        assert plan.after != empty
        assert codes(plan.after) == [], (number_findings(plan.after), plan.after)
