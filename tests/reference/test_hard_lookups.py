"""The hardest look-ups and what they give: `docs/lookups.md` is written from here, so that it cannot go stale.

``python -m tests.reference.test_hard_lookups`` writes it anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from footprint import text
from footprint.errors import ConfigError
from footprint.place import resolve
from footprint.reference import CpuMatch, accelerator_power, find_hardware, intensity

PAGE: Final = Path(__file__).parents[2] / "docs" / "lookups.md"
YEAR: Final = 2023
HARDWARE: Final = (
    "64 Volta GPUs",
    "32 x 8 x A100 GPUs",
    "A100-SXM4-80GB x8",
    "NVIDIA® A100™ 80 GB",
    "8x 2080 Ti",
    "TITAN X 12GB + 2x E5-2630v3 + 256 GB",
    "TPU v3 or v4 pods",
    "256 cores of a Cloud TPU v3 Pod",
    "TPU v3-512 pod",
    "p4d.24xlarge (8 x A100)",
    "p4d.24xlarge (4 x V100)",
    "4 DGX A100 nodes",
    "HGX H100",
    "MI250X",
    "Ampere",
    "2080S",
    "RTX 3080 24GB",
    "RTX 3080 Laptop GPU",
    "8 A100 + 4 V100",
    "about 64 V100",
    "dual AMD EPYC 7742",
    "A10O",
)
PLACES: Final = (
    "us-west-2",
    "europe-west4-a",
    "us-west-2-lax-1a",
    "US East (N. Virginia)",
    "Canada Central",
    "Québec",
    "Quebeck, Canada",
    "US average (EPA 2018)",
    "Paris, France",
    "Montreal, Canada",
    "San Francisco, CA, USA",
    "CA",
    "Georgia",
    "Georgia (US)",
    "England",
    "EU",
    "Frankfurt",
    "azure:East US 2",
    "aws:us-iso-east-1",
)


def hardware(query: str) -> str:
    """What a piece of hardware is found to be, in a cell of a table."""
    try:
        found = find_hardware(query)
    except ConfigError as error:
        return f"refused: {error}"
    count = f"{found.count_in_text} x " if found.count_in_text else ""
    if isinstance(found, CpuMatch):
        return f"{count}the CPU {found.name}"
    per_unit = f"{found.instance}: {found.devices_per_unit} x " if found.instance else ""
    power = accelerator_power(found)
    watts = f"{text.span(power.low, power.high)} W each" if power else "power not published"
    which = found.candidates[0].name if len(found.candidates) == 1 else f"any of {len(found.candidates)} chips"
    return "; ".join([f"{count}{per_unit}{which}, {watts}", *(text.clean(warning, limit=130) for warning in found.warnings)])


def place(query: str) -> str:
    """What a place is found to be, in a cell of a table."""
    try:
        found = resolve(query)
    except ConfigError as error:
        return f"refused: {error}"
    assert found is not None
    grid = intensity(found, YEAR)
    assert grid is not None
    label = f"{found.provider}:{found.region}, " if found.provider else ""
    figure = f"{text.number(grid.central.central)} g/kWh ({text.span(grid.central.low, grid.central.high)}; {grid.basis})"
    return "; ".join([f"{label}{found.zone}, {found.name}: {figure}", *grid.warnings])


def page() -> str:
    """The page of the documentation."""
    lines = [
        "# Hard look-ups",
        "",
        "A name means one thing, or all that it may mean (a range, with a warning that names them), or it is refused with what",
        "to do. Nothing is guessed. `footprint reference hardware|cpu|region|grid NAME` shows any other, with its sources. This",
        "page is written by `python -m tests.reference.test_hard_lookups` and compared with the code by a test; its grid figures",
        f"are those of {YEAR}.",
        "",
        "| hardware | what it gives |",
        "|---|---|",
        *(f"| `{query}` | {hardware(query)} |" for query in HARDWARE),
        "",
        "| place | what it gives |",
        "|---|---|",
        *(f"| `{query}` | {place(query)} |" for query in PLACES),
    ]
    return "\n".join(lines) + "\n"


def test_the_page_says_what_the_look_ups_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("64 Volta GPUs", ("64 x any of 7 chips", "architecture")),
        ("32 x 8 x A100 GPUs", ("256 x any of 4 chips", "250–400 W")),
        ("256 cores of a Cloud TPU v3 Pod", ("128 x Google TPU v3",)),
        ("p4d.24xlarge (4 x V100)", ("refused", "is not '4 x V100'")),
        ("RTX 3080 Laptop GPU", ("refused", "RTX 3080")),
        ("dual AMD EPYC 7742", ("2 x the CPU AMD EPYC 7742",)),
    ],
)
def test_hardware_gives_what_it_must(query: str, words: tuple[str, ...]) -> None:
    said = hardware(query)
    for word in words:
        assert word in said.replace("-400", "–400")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("us-west-2", ("refused", "Oregon", "Arizona")),
        ("Québec", ("CA-QC", "life-cycle, estimated")),
        ("US average (EPA 2018)", ("USA", "'(EPA 2018)' is left out")),
        ("England", ("GB-ENG", "that of GBR stands for it")),
        ("CA", ("refused", "CAN", "US-CA")),
    ],
)
def test_a_place_gives_what_it_must(query: str, words: tuple[str, ...]) -> None:
    said = place(query)
    for word in words:
        assert word in said


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
