from __future__ import annotations

import json
from typing import Any

import pytest

from footprint.cli import call
from footprint.derive.compare import PEERS
from tests.cli.test_explain import recomputed, value_of

TPU = ["--hardware", "TPU v3", "--count", "1", "--hours", "8", "--region", "gcp:europe-west2", "--year", "2023"]
FIELDS = [
    "peer",
    "version",
    "energy_kwh",
    "emissions_g",
    "steps",
    "differences",
    "energy_ratio",
    "emissions_ratio",
    "missing",
    "notes",
    "figures",
]


def estimate(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert call(["estimate", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_json_is_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert "compared" not in estimate(capsys, *TPU)
    found = estimate(capsys, *TPU, *(word for peer in PEERS for word in ("--as", peer)), "--memory-gb", "64")
    assert [one["peer"] for one in found["compared"]] == ["mlco2", "green-algorithms", "green-algorithms", "codecarbon"]
    for one in found["compared"]:
        assert list(one) == FIELDS
        for difference in one["differences"]:
            assert list(difference) == ["what", "theirs", "ours", "unit", "ratio", "why"]
        for step in one["steps"]:
            formula, equals, result = step.partition(" = ")
            if equals:
                assert value_of(formula) == pytest.approx(value_of(" ".join(result.split()[:2])), rel=1e-2), step
    # 283 W and 623 g/kWh for the one, 220 W and 231.12 g/kWh for the other.
    figures = [{f["id"].split(":")[2]: f["central"] for f in one["figures"]} for one in found["compared"]]
    assert (figures[0]["power"], figures[0]["intensity"]) == (283, 623)
    assert (figures[1]["power"], figures[1]["intensity"]) == (220, 231.12)
    assert (figures[2]["power"], figures[2]["intensity"]) == (200, 277.3)


def test_a_reader_sees_theirs_beside_ours_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["estimate", *TPU, "--as", "mlco2"]) == 0
    out = capsys.readouterr().out
    assert "as mlco2 (page and tables of 2022) would say" in out
    assert "283 W × 8 h ÷ 1,000 = 2.26 kWh" in out
    assert "PUE: 1 for our 1.11 ratio (× 0.9); no PUE" in out
    assert "outside our range" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--as", "carbontracker"], "mlco2"),
        (["--memory-gb", "64"], "--as"),
        (["--as", "green-algorithms", "--memory-gb", "-1"], "memory_gb is -1"),
        (["--factors", "2025.1"], "2026.11"),
    ],
)
def test_bad_input_is_one_clear_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["estimate", *TPU, *words]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert says in err
    assert err.count("\n") == 1


def test_an_estimate_by_an_earlier_edition(capsys: pytest.CaptureFixture[str]) -> None:
    earlier = estimate(capsys, *TPU, "--factors", "2026.11")
    assert earlier["factors_version"] == "2026.11"
    assert earlier["embodied_g"] is None
    assert estimate(capsys, *TPU)["factors_version"] != "2026.11"


DECLARED = {
    "rated power": ["--hardware", "A100", "--count", "8", "--hours", "120", "--region", "aws:us-east-1", "--year", "2024"],
    "stated power": ["--power-w", "300", "--device-hours", "800", "--zone", "FRA", "--pue", "1.1"],
    "stated energy": ["--energy-kwh", "1000", "--zone", "US-VA"],
    "operations": [
        "--hardware",
        "H100 SXM",
        "--parameters",
        "7e9",
        "--tokens",
        "1e12",
        "--kind",
        "pre-training",
        "--zone",
        "FRA",
    ],
    "processors": ["--hardware", "EPYC 7763", "--count", "2", "--hours", "100", "--region", "gcp:europe-west1"],
    "a host inside": TPU,
    "a price": [*TPU, "--price", "0.2", "--currency", "EUR"],
    "no place": ["--hardware", "T4", "--count", "1", "--hours", "2"],
}


@pytest.mark.parametrize("which", DECLARED)
def test_an_explained_estimate_can_be_followed_by_hand(which: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["estimate", *DECLARED[which], "--explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = recomputed(lines[lines.index("the equipment's energy") :])
    assert any("PUE" in formula for formula in found)
    assert any("g/kWh" in formula for formula in found) == (which != "no place")
    told = estimate(capsys, *DECLARED[which], "--explain")
    of = {step["of"]: step for step in told["explanation"]["steps"]}
    for name in ("it_energy_kwh", "energy_kwh", "emissions_g"):
        assert of[name]["result"] == (told[name] and told[name]["central"])
    for step in told["explanation"]["steps"]:
        if step["formula"]:
            assert value_of(step["formula"]) == pytest.approx(step["result"], rel=1e-4), step
    # Every factor that stands in our own numbers stands in a formula.
    formulas = " ".join(step["formula"] for step in told["explanation"]["steps"])
    assert all(f"[{factor['id']}]" in formulas for factor in told["factors"])
