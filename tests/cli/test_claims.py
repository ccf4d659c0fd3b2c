"""`footprint reconcile --card`: what a card claims, held against what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from footprint.card import fill, read_card
from footprint.card.content.declared import content_from_declaration
from footprint.cli import call
from footprint.derive import declared_footprint, run_footprint
from footprint.ledger import write_run_file
from footprint.model import Declaration
from tests.report.examples import run, somewhere

RUN = run("abc", place=somewhere())


@pytest.fixture
def file(tmp_path: Path) -> str:
    write_run_file(RUN, tmp_path / "run.json")
    return str(tmp_path / "run.json")


def a_card(tmp_path: Path, **fields: str) -> str:
    said = {"Hardware Type": "2 x A100 SXM4 80GB", "Hours used": "1 h wall-clock", "Compute Region": "europe-west1 (Belgium)"}
    said |= {"Cloud Provider": "GCP"} | {name.replace("_", " "): value for name, value in fields.items()}
    lines = "\n".join(f"- **{name}:** {value}" for name, value in said.items())
    path = tmp_path / "README.md"
    path.write_text(f"# M\n\n## Environmental Impact\n\n{lines}\n", encoding="utf-8")
    return str(path)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_card_that_claims_what_was_measured_agrees(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emissions = run_footprint(RUN).emissions_g
    assert emissions is not None
    card = a_card(tmp_path, Carbon_Emitted=f"{emissions.central:.1f} g")
    assert call(["reconcile", file, "--card", card, "--json"]) == 0
    found = told(capsys)
    facts = found["facts"]
    assert isinstance(facts, dict)
    assert {
        "hardware": "A100 SXM4 80GB",
        "count": 2,
        "hours": 1,
        "region": "europe-west1",
        "provider": "GCP",
    }.items() <= facts.items()
    (own,) = [one for one in found["findings"] if one["code"] == "card-emissions"]  # type: ignore[attr-defined]  # a list
    assert own["severity"] == "info"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Hardware_Type": "8 x A100 SXM4 80GB"}, "count"),
        ({"Carbon_Emitted": "7 kg"}, "card-emissions"),
    ],
)
def test_a_card_that_claims_something_else_does_not(
    fields: dict[str, str], code: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["reconcile", file, "--card", a_card(tmp_path, **fields)]) == 1
    assert f"error      {code}: " in capsys.readouterr().out


def test_our_own_earlier_values_are_claims_too(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declaration = Declaration(
        hardware="A100 SXM4 80GB", count=2, hours=1, region="gcp:europe-west1", year=2025, kind="fine-tuning"
    )
    plan = fill(read_card(b"# M\n"), content_from_declaration(declaration, declared_footprint(declaration)))
    path = tmp_path / "README.md"
    path.write_bytes(plan.after)
    assert call(["reconcile", file, "--card", str(path)]) == 0
    assert "verdict    they agree" in capsys.readouterr().out


def test_facts_beside_go_before_the_cards(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = a_card(tmp_path, Hardware_Type="A100 SXM4 80GB")
    assert call(["reconcile", file, "--card", card]) == 2
    assert "count missing" in capsys.readouterr().err
    assert call(["reconcile", file, "--card", card, "--count", "2"]) == 0


def test_what_of_a_card_was_not_used_is_said(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = a_card(tmp_path, Compute_Region="Middle Earth")
    assert call(["reconcile", file, "--card", card]) == 0
    assert "Middle Earth" in capsys.readouterr().err


def test_a_card_and_a_profile_are_not_both_what_was_declared(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["reconcile", file, "--card", a_card(tmp_path), "--profile", "p.toml"]) == 2
    assert "cannot be combined" in capsys.readouterr().err


def test_a_card_that_is_not_there(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["reconcile", file, "--card", "nowhere.md"]) == 2
    assert capsys.readouterr().err.count("nowhere.md") == 1
