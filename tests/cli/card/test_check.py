"""`footprint card check` and `card rules` as their users call them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from footprint.card.check.rules import RULES
from footprint.cli import call
from tests.card.samples import CORPUS

WRONG = b"---\nco2_eq_emissions: 1.5e-05\n---\n# A model\n"
HINT = b"---\nco2_eq_emissions: 0\n---\n# A model\n"
WARNED = b"---\nco2_emissions: 12\n---\n# A model\n"
RIGHT = b"---\nco2_eq_emissions: 12.5\n---\n# A model\n"


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    for name, raw in (("wrong", WRONG), ("hint", HINT), ("warned", WARNED), ("right", RIGHT)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_bytes(raw)
    return tmp_path


def test_a_finding_says_where_what_and_how_to_mend_it(cards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = cards / "wrong" / "README.md"
    assert call(["card", "check", str(wrong)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{wrong}:2: error emissions-exponent: co2_eq_emissions has an exponent: the Hub's client reads 1.5",
        "    write 0.000015",
        "1 card checked: 1 error",
    ]


def test_a_right_card_is_told_in_a_line(cards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "check", str(cards / "right")]) == 0
    assert capsys.readouterr().out == "1 card checked: nothing found\n"


def test_a_folder_stands_for_its_cards(cards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "check", str(cards), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["summary"] == {"cards": 4, "errors": 1, "warnings": 1, "infos": 1, "refused": 0}
    assert [(Path(one["path"]).parent.name, one["code"]) for one in said["findings"]] == [
        ("hint", "emissions-zero"),
        ("warned", "metadata-key"),
        ("wrong", "emissions-exponent"),
    ]
    assert said["findings"][2] == {
        "path": str(cards / "wrong" / "README.md"),
        "code": "emissions-exponent",
        "severity": "error",
        "line": 2,
        "message": "co2_eq_emissions has an exponent: the Hub's client reads 1.5",
        "stated": "1.5e-05",
        "expected": "0.000015",
        "fix": "write 0.000015",
    }


@pytest.mark.parametrize(
    ("card", "fail_on", "code"),
    [
        ("wrong", "error", 1),
        ("wrong", "never", 0),
        ("warned", "error", 0),
        ("warned", "warning", 1),
        ("hint", "warning", 0),
        ("hint", "info", 1),
        ("right", "info", 0),
    ],
)
def test_from_which_severity_on_it_fails(cards: Path, card: str, fail_on: str, code: int) -> None:
    assert call(["card", "check", str(cards / card), "--fail-on", fail_on]) == code


def test_a_rule_can_be_left_out(cards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "check", str(cards / "wrong"), "--ignore", "emissions-exponent"]) == 0
    assert call(["card", "check", str(cards / "wrong"), "--ignore", "emission-exponent"]) == 2
    assert "did you mean emissions-exponent?" in capsys.readouterr().err


def test_a_card_that_cannot_be_read_keeps_no_other(cards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cards / "binary").mkdir()
    (cards / "binary" / "README.md").write_bytes(b"\0\0")
    assert call(["card", "check", str(cards)]) == 2
    said = capsys.readouterr()
    assert "wrong/README.md:2: error emissions-exponent" in said.out
    assert said.out.endswith("5 cards checked: 1 error, 1 warning, 1 hint; 1 could not be read\n")
    assert said.err.splitlines() == [
        f"footprint: {cards / 'binary' / 'README.md'}: line 1: the card is binary, not text",
        "footprint: 1 of 5 cards could not be read",
    ]


def test_processes_find_what_one_finds(cards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for index in range(40):
        (cards / f"m{index}").mkdir()
        (cards / f"m{index}" / "README.md").write_bytes(WRONG if index % 3 else RIGHT)
    assert call(["card", "check", str(cards), "--json", "--jobs", "1"]) == 1
    alone = capsys.readouterr().out
    assert call(["card", "check", str(cards), "--json", "--jobs", "2"]) == 1
    assert capsys.readouterr().out == alone


def test_the_base_models_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card, base = tmp_path / "mine.md", tmp_path / "base.md"
    card.write_bytes(b"---\nco2_eq_emissions: 411.5\n---\n# Mine\n")
    base.write_bytes(b"---\nco2_eq_emissions:\n  emissions: 411.5\n---\n# Base\n")
    assert call(["card", "check", str(card)]) == 0
    assert call(["card", "check", str(card), "--base", str(base)]) == 1
    assert f"{card}:2: error base-copied" in capsys.readouterr().out
    assert call(["card", "check", str(card), "--base", str(tmp_path / "none.md")]) == 2


def test_names_of_files_are_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "a\x1b[31m\nb.md"
    odd.write_bytes(WRONG)
    assert call(["card", "check", str(odd)]) == 1
    assert "\x1b" not in capsys.readouterr().out
    undecodable = os.fsencode(tmp_path) + b"/\xff.md"
    Path(os.fsdecode(undecodable)).write_bytes(WRONG)
    assert call(["card", "check", os.fsdecode(undecodable), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["path"].endswith("/\\xff.md")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "name the cards to check"),
        (["x.md", "--fail-on", "wrong"], "unknown --fail-on 'wrong'"),
        (["x.md", "--hub", "org/one"], "name the cards to check"),
    ],
)
def test_what_makes_no_sense_is_refused(capsys: pytest.CaptureFixture[str], options: list[str], said: str) -> None:
    assert call(["card", "check", *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"footprint: {said}")
    assert error.count("\n") == 1


def test_the_corpus_has_no_errors(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(str(path) for path in CORPUS.iterdir() if path.suffix in {".md", ".txt"})
    call(["card", "check", *files, "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["summary"]["cards"] == len(files)
    assert said["summary"]["refused"] == 0


def test_rules_explain_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "rules"]) == 0
    out = capsys.readouterr().out
    for code, rule in RULES.items():
        assert f"{code} ({rule.severity}): {rule.title}\n\n{rule.doc}\n" in out
    assert call(["card", "rules", "emissions-list", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["rules"]
    assert one["code"] == "emissions-list"
    assert call(["card", "rules", "emission-list"]) == 2
    assert "did you mean emissions-list?" in capsys.readouterr().err


def test_a_mistaken_option_is_said_in_a_line(cards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["--revision", "v1"], "--revision is for cards on the Hub: name a model with --hub"),
        (["--ignore", "tpu"], "unknown rule 'tpu'; did you mean tpu-cores-as-chips? (`footprint card rules` lists them)"),
        (["--ignore", "nothing-like-it"], "unknown rule 'nothing-like-it' (`footprint card rules` lists them)"),
    ):
        assert call(["card", "check", str(cards), *words]) == 2
        assert capsys.readouterr() == ("", f"footprint: {said}\n")


def test_one_card_that_cannot_be_read_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "check", str(tmp_path / "none.md")]) == 2
    assert capsys.readouterr() == ("", f"footprint: {tmp_path / 'none.md'}: there is no such file\n")
