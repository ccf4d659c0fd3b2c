"""Whatever stands in a card, checking it ends without an error, and every finding is one line with its place."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.card.check.claimed import card, number_findings, table

WORDS = st.sampled_from(
    [
        *(
            "8 x A100",
            "TPU v3-8",
            "2x p4d.24xlarge",
            "100",
            "72 h",
            "439 GPU hours",
            "(3 days)",
            "1.234",
            "1,234",
            "1e-9",
            "1e999",
            "9" * 300,
        ),
        *(
            "kg",
            "CO2eq",
            "g",
            "t",
            "kWh",
            "MWh",
            "W",
            "g/kWh",
            "AWS",
            "GCP",
            "us-east-1",
            "us-central1",
            "France",
            "per model",
            "×",
            "-",
        ),
        *("<", "~", "|", ":", "**", "`", "0", "-5", "nan", "∞", "２", "PUE", "1.2", "\u202e", "[More Information Needed]"),
    ]
)
VALUES = st.lists(WORDS, max_size=6).map(" ".join)
LABELS = st.sampled_from(
    ["GPU hours", "Power (W)", "Emissions (tCO2eq)", "Energy (MWh)", "PUE", "Carbon Intensity (g/kWh)", "Model", "GPUs", ""]
)

YAML = st.sampled_from(["9" * 400, "1.5e+3", "[1, 2]", "{emissions: 3, hours_used: .inf}", "{emissions: 0.8}", "12"])


@settings(max_examples=150)
@given(
    fields=st.lists(VALUES, min_size=5, max_size=5),
    emissions=st.one_of(YAML, VALUES.map(lambda value: "'" + value.replace("'", "''") + "'")),
    items=st.lists(st.tuples(LABELS, VALUES), max_size=4),
    head=st.lists(LABELS, min_size=2, max_size=5),
    rows=st.lists(st.lists(VALUES, min_size=2, max_size=5), max_size=4),
)
def test_any_card_is_checked(
    fields: list[str], emissions: str, items: list[tuple[str, str]], head: list[str], rows: list[list[str]]
) -> None:
    lines = "".join(f"- **{label}:** {value}\n" for label, value in items)
    grid = table(*(" | ".join(row) for row in [head, *rows])) if rows else ""
    raw = card(*fields, yaml=f"co2_eq_emissions: {emissions}\n", more=f"{lines}\n{grid}")
    for finding in number_findings(raw):
        assert "\n" not in finding.message
        assert not re.search(r"= (?:nan|inf|unknown)\b", finding.message)
        assert finding.line is not None
        assert 1 <= finding.line <= raw.count(b"\n") + 1
