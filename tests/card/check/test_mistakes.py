"""The mistakes that are known from public cards, each in a card of its own, and each found with its arithmetic."""

from __future__ import annotations

import pytest

from footprint.card.check.registry import RULES
from tests.card.check.claimed import FILES, card, codes, number_findings, table

GRAMS = "co2_eq_emissions:\n  emissions: {}\n  source: ML CO2 Impact\n"

MISTAKES = {
    "kg in the front matter": (
        card("1 x NVIDIA A100-SXM4-40GB", "5", "AWS", "us-east-1", "0.8 kg CO2eq", yaml=GRAMS.format(0.8)),
        "emissions-not-in-grams",
        "0.8 × 1,000 = 800 g",
    ),
    "tonnes in the front matter": (
        card("", "", "", "", "12.5 tCO2eq", yaml="co2_eq_emissions: 12.5\n"),
        "emissions-not-in-grams",
        "12.5 × 1,000,000 = 12500000 g",
    ),
    "kg by the card's own facts": (
        card("8 x NVIDIA A100-SXM4-80GB", "100 h", "GCP", "us-central1", "", yaml=GRAMS.format(153)),
        "emissions-not-in-grams",
        "153 g is less than",
    ),
    "a fix that wrote ten times as much": (
        card("", "", "", "", "41.1 kg", yaml=GRAMS.format(411000)),
        "body-and-metadata-disagree",
        "41100 g ÷ 411000 g = 0.1",
    ),
    "the front matter in kg, a list of 2021": (
        card("", "", "", "", "41.1 kg", yaml="co2_eq_emissions:\n- emissions: 41.1\n- source: CodeCarbon\n"),
        "emissions-not-in-grams",
        "41.1 × 1,000 = 41100 g",
    ),
    "an energy as the emission": (
        card("1 x T4", "0.1", "", "", "0.000618 kWh"),
        "energy-as-carbon",
        "0.000618 kWh × 20 to 1,000 g/kWh = 12.4 mg to 618 mg",
    ),
    "Llama 3.3: 12.9 t for 7.0 M H100-hours": (
        card(
            more=table(
                "|Training Time (GPU hours)|Training Power Consumption (W)|Location-Based Greenhouse Gas Emissions (tons CO2eq)",
                "Lark 70B|7.0M|700|12.9",
            )
        ),
        "emissions-out-of-range",
        "7,000,000 h × 700 W × 0.3 (least share of a peak)",
    ),
    "Llama 2: a row that the total holds and the table does not": (
        card(
            more=table(
                "|Time (GPU hours)|Power Consumption (W)|Carbon Emitted(tCO<sub>2</sub>eq)",
                "Lark 7B|200000|400|33.88",
                "Lark 13B|400000|400|67.76",
                "Total|1100000||170.00",
            )
        ),
        "total-not-the-sum",
        "200,000 + 400,000 = 600,000 h, the total says 1,100,000: 500,000 h more than the rows",
    ),
    "GPU count not multiplied: 8 x A100, 72 h, 7.78 kg": (
        card("8 x A100 PCIe 40GB", "72 hours", "Private Infrastructure", "", "7.78 kg CO2 eq."),
        "count-not-multiplied",
        "250 W × 72 h ÷ 1,000 = 18 kWh and 18 kWh × 0.432 kg/kWh = 7.78 kg",
    ),
    "count multiplied twice: 439 GPU hours x 3": (
        card("3 x A100 PCIe 40GB", "439 GPU hours", "Private Infrastructure", "", "142.24 kg"),
        "count-multiplied-twice",
        "250 W × 1,317 h ÷ 1,000 = 329.25 kWh and 329.25 kWh × 0.432 kg/kWh = 142.24 kg for one; ÷ 3 = 47.4 kg",
    ),
    "PUE applied twice: squared": (
        card(
            more=table(
                " | GPU Energy (MWh) | Power Usage Effectiveness | Carbon Intensity (kg CO2e/kWh) | Carbon Emissions (tCO2eq) ",
                "Lark 13B | 230 | 1.2 | 0.351 | 116.25",
            )
        ),
        "pue-twice",
        "230 MWh × 351 g/kWh × 1.2 × 1.2 = 116 t",
    ),
    "PUE applied twice: on an energy that holds it": (
        card(
            more=table(
                " | GPU hours | GPU Power (W) | Energy (MWh) | PUE | Carbon Intensity (g/kWh) | Emissions (tCO2eq) ",
                "Lark 13B | 500000 | 460 | 276 | 1.2 | 350 | 115.92",
            )
        ),
        "pue-twice",
        "276 MWh × 350 g/kWh × 1.2 = 116 t, as stated, and the energy holds the PUE already: it gives 96.6 t",
    ),
    "watts summed and multiplied by seconds twice: 305 kWh in 44 minutes": (
        card("1 x Tesla T4", "44 minutes", "", "", "", more="- **Energy Consumed:** 305 kWh\n"),
        "energy-beyond-hardware",
        "305 kWh in 0.7333333 device-hours",
    ),
    "TPU v3-8 counted as eight chips": (
        card("TPU v3-8 (8 chips)", "72", "GCP", "us-east1", ""),
        "tpu-cores-as-chips",
        "8 ÷ 2 = 4 chips",
    ),
    "TPU v3-8 counted as one": (
        card("TPU v3-8", "72 (3 days)", "GCP", "us-east1", "7.54 kg CO2 eq."),
        "count-not-multiplied",
        "× 4 = 30.2 kg",
    ),
    "a fine-tune in France with the world's average": (
        card("8 x A100 SXM4 80GB", "100 h wall-clock (800 device-hours)", "", "France", "152 kg"),
        "emissions-out-of-range",
        "the most known of France",
    ),
    "the same of a measured energy": (
        card("", "", "", "France", "4.75 kg", more="- **Energy consumed:** 10 kWh\n- **Carbon intensity:** 475 gCO2eq/kWh\n"),
        "grid-not-of-place",
        "475 g/kWh is not of France",
    ),
    "hours edited but not the carbon": (
        card(
            more=table(
                "Model | GPU hours | GPU Power (W) | Emissions (tCO2eq)",
                "Lark S | 100,000 | 700 | 29.4",
                "Lark M | 200,000 | 700 | 58.8",
                "Lark L | 900,000 | 700 | 58.8",
            )
        ),
        "row-unlike-the-others",
        "58.8 t ÷ (900,000 h × 700 W) = 93.3 g/kWh, the other rows 420 g",
    ),
    "energy times intensity is another number": (
        card("", "", "", "", "4.2 kg", more="- **Energy consumed:** 110 kWh\n- **Carbon intensity:** 381 gCO2eq/kWh\n"),
        "emissions-out-of-range",
        "110 kWh × 381 g/kWh (as stated) = 41.9 kg",
    ),
    "energy times PUE times intensity is another number": (
        card(more=table(" | Energy (MWh) | PUE | Intensity (g/kWh) | Emissions (tCO2eq)", "Lark | 131 | 1.2 | 332 | 75")),
        "emissions-not-the-product",
        "131 MWh × 1.2 × 332 g/kWh = 52.2 t, not 75 t",
    ),
    "the front matter of one of several devices": (
        card("TPU v3-8", "72", "GCP", "us-east1", "30.16 kg", yaml=GRAMS.format(7540)),
        "body-and-metadata-disagree",
        "30160 g ÷ 7540 g = 4: the front matter's is that of one of 4 devices",
    ),
    "a TPU in Azure": (
        card("TPU v3-8", "10", "Azure", "", ""),
        "hardware-not-of-provider",
        "Google Cloud's: Microsoft Azure has none",
    ),
    "an instance of AWS in Google's cloud": (
        card("p4d.24xlarge", "10", "GCP", "", ""),
        "hardware-not-of-provider",
        "p4d.24xlarge is Amazon Web Services (AWS)'s",
    ),
    "a region of Google's in AWS": (
        card("1 x T4", "10", "AWS", "us-central1", ""),
        "region-of-another-provider",
        "us-central1 is a region of Google Cloud",
    ),
    "a region that is none": (card("1 x T4", "10", "AWS", "us-east-9", ""), "region-unknown", "has no region us-east-9"),
    "the nine questions: watts times hours times the grid's": (
        card(
            more=table(
                "Lark | ",
                "2. How much time does the training of the final model take? | 14 days",
                "4. What was the power of GPU and CPU? | 0.7 kW",
                "6. What was the energy mix at the geo location? | 400 gCO2eq/kWh",
                "7. How much CO2eq was emitted to train the final model? | 94,080 kg",
            )
        ),
        "emissions-not-in-grams",
        "336 h × 700 W × 1.8 (host) × 1.6 (PUE) = 677 kWh × 400 g/kWh (as stated) = 271 kg; 94.1 kg would fit",
    ),
    "two places": (
        card(
            yaml="co2_eq_emissions:\n  emissions: 330\n  geographical_location: United States of America\n",
            more="- **Emissions:** 0.33 KgCO2 (Netherlands)\n- **Total Energy Consumption:** 0.85 kWh\n",
        ),
        "place-disagrees",
        "says Netherlands, the front matter United States of America",
    ),
    "hours before the launch": (
        card("8 x H100 SXM", "60,000 hours wall-clock", "", "", ""),
        "hours-before-launch",
        "60,000 h cannot be: since the start of 2022",
    ),
    "device-hours before the launch": (
        card("2 x H200", "150,000 GPU hours", "", "", ""),
        "hours-before-launch",
        "× 2 =",
    ),
    "a power as an energy": (
        card("", "", "", "", "1.6 g", more="- **Energy consumed:** 0.0074 kW\n"),
        "power-as-energy",
        "0.0074 kW",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_known_mistake_is_found_with_its_arithmetic(name: str) -> None:
    raw, code, told = MISTAKES[name]
    found = [finding for finding in number_findings(raw) if finding.code == code]
    assert found, (name, codes(raw))
    assert told in found[0].message, found[0].message
    assert "\n" not in found[0].message
    assert found[0].line is not None
    assert found[0].fix


def test_every_rule_on_numbers_has_a_mistake_that_it_finds() -> None:
    mine = {code for code, rule in RULES.items() if rule.test.__module__.rpartition(".")[2] in FILES}
    assert {code for _, code, _ in MISTAKES.values()} == mine
