"""Published footprints that nobody tuned the method to (`cases.toml`), in the same two ways as `test_published_cases`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from footprint.derive import estimate
from tests.accounting.published import G_PER_KG, Comparison, as_printed, central, coverage_table, in_kg

CASES: Final[list[dict[str, Any]]] = tomllib.loads((Path(__file__).parent / "cases.toml").read_text(encoding="utf-8"))["case"]
STATED: Final = [case for case in CASES if "stated" in case]
PLAIN: Final = [case for case in CASES if "plain" in case]
QUANTITIES: Final = {"energy_kwh": ("energy_kwh", 1.0), "emissions_kg": ("emissions_g", G_PER_KG)}


@pytest.mark.parametrize("case", STATED, ids=[case["id"] for case in STATED])
def test_with_every_input_stated_it_comes_out_as_printed(case: dict[str, Any]) -> None:
    found = estimate(**case["stated"])
    misses = []
    for name, printed in case["printed"].items():
        quantity, scale = QUANTITIES[name]
        ours = central(found, quantity) / scale
        if not as_printed(ours, printed):
            misses.append(abs(ours / printed - 1))
    if "off" in case:
        assert misses, f"it comes out as printed: take the explanation out ({case['why']})"
        assert max(misses) <= case["off"], case["why"]
        assert case["why"]
    else:
        assert not misses, case["id"]


def compared() -> list[Comparison]:
    found = []
    for case in PLAIN:
        footprint = estimate(**case["plain"])
        assert footprint.energy_kwh is not None
        assert footprint.emissions_g is not None, case["id"]
        ranges = {"energy_kwh": footprint.energy_kwh, "emissions_kg": in_kg(footprint.emissions_g)}
        found += [
            Comparison(case["id"], name.rpartition("_")[2], "the whole job, with PUE", printed, ranges[name])
            for name, printed in case["printed"].items()
        ]
    return found


def test_hardware_hours_and_place_alone_give_ranges_that_hold_what_was_published(capsys: pytest.CaptureFixture[str]) -> None:
    comparisons = compared()
    with capsys.disabled():
        print(f"\n{coverage_table(comparisons)}")
    assert len(comparisons) >= 30
    assert sum(one.holds for one in comparisons) >= 0.9 * len(comparisons)


def test_each_case_says_where_it_is_from() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) >= 12
    for case in CASES:
        assert case["source"]
        assert case["url"].startswith("https://")
