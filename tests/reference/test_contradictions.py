"""Where two sources contradict each other the range holds both, and the note says so: neither is chosen in silence."""

from __future__ import annotations

import pytest

from footprint.reference import tables

UNSETTLED = {
    "Belgium's newest figure, two copies of one release": ("grid", "grid:BEL:life-cycle:2025", (149.8, 109.3), "disagree"),
    "Belgium, a direct figure above the life-cycle one": ("grid", "grid:BEL:life-cycle:2024", (117.6, 155.0), "cannot be"),
    "Venezuela against its year before": ("grid", "grid:VEN:life-cycle:2024", (85.9, 180.3), "jump"),
    "Montenegro against its year before": ("grid", "grid:MNE:life-cycle:2025", (264.2, 413.5), "jump"),
    "Hong Kong, production without imports": ("grid", "grid:HKG:life-cycle:2024", (675.0, 360.0), "imports left out"),
    "the power of the MI308X": ("accelerators", "power:amd-mi308x", (600.0, 750.0, 900.0), "unsettled"),
    "the power of TPU v3, with its host or alone": (
        "accelerators",
        "power:google-tpu-v3",
        (220.0, 245.0, 310.0),
        "245 to 310",
    ),
    "the industry's PUE, Uptime or IDC": ("pue", "pue.unknown:2025", (1.54, 1.63), "sources disagree"),
    "the industry's PUE in 2011": ("pue", "pue.unknown:2011", (1.8, 1.91, 1.98), "another of its surveys"),
    "the fleet of AWS in 2021": ("pue", "pue:aws:2021", (1.135, 1.15), "holds both"),
    "memory, by four calculators": ("components", "memory.declared", (0.08, 0.20, 0.392, 0.645), "origins"),
    "making an A100 80 GB": ("embodied", "embodied:a100-80gb", (150.0, 162.0, 127.6), "no assessment of the 80 GB"),
    "making an H100, the maker or a model": ("embodied", "embodied:h100", (164.0, 273.0), "Boavizta"),
}


@pytest.mark.parametrize("what", UNSETTLED)
def test_a_range_holds_all_that_sources_say_and_its_note_tells_it(what: str) -> None:
    name, row_id, said, words = UNSETTLED[what]
    row = next(row for row in tables.table(name) if row_id in {row["id"], row["error_family"]})
    for value in said:
        assert float(row["low"]) - 5e-3 <= value <= float(row["high"]) + 5e-3, (what, value)
    assert words in row["note"]


@pytest.mark.parametrize("source", ["aib-2025", "eccc-2026", "eea-2024", "nga-2026"])
def test_figures_that_were_read_second_hand_say_so(source: str) -> None:
    rows = [row for row in tables.table("grid") if row["source"] == source]
    assert rows
    assert all("second-hand" in row["note"] or "second-hand" in tables.sources()[source]["what"] for row in rows)


def test_figures_of_unconfirmed_sources_are_assumed_and_wide() -> None:
    rows = [row for name in tables.factor_tables() for row in tables.table(name) if row["source"] == "unconfirmed"]
    assert len(rows) > 10
    for row in rows:
        assert row["grade"] == "assumed", row["id"]
        low, central, high = (float(row[column]) for column in ("low", "central", "high"))
        assert high - low >= 0.1 * abs(central) > 0 or central == 0, row["id"]
