from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from footprint.cli import call
from footprint.ledger import home, write_run_file
from tests.report.examples import HOSTILE, record, run, runs, somewhere

CONTRACT = [
    "id",
    "name",
    "kind",
    "outcome",
    "started_at",
    "duration_s",
    "energy_kwh",
    "emissions_g",
    "coverage",
    "labels",
    "account",
]


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert call(["runs", "list", "--json", *options]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["runs"]
    return found


def test_list_json_is_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(5, placed=2))
    found = listed(capsys)
    assert [list(one) for one in found] == [CONTRACT] * 5
    assert [one["started_at"] for one in found] == sorted((one["started_at"] for one in found), reverse=True)
    newest = found[0]
    assert list(newest["energy_kwh"]) == ["low", "central", "high"]
    assert list(newest["coverage"][0]) == ["component", "grade", "read_ratio"]
    assert [one["emissions_g"] is None for one in found] == [False, True, False, True, False]
    assert [one["labels"] for one in found][:2] == [{}, {"team": "vision"}]


def test_every_object_says_its_schema_last(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc")])
    for command in (["runs", "list"], ["runs", "show", "abc"], ["runs", "show", "abc", "--explain"], ["report"]):
        assert call([*command, "--json"]) == 0
        assert list(json.loads(capsys.readouterr().out).items())[-1] == ("schema", 1)


def test_list_is_cut_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(5))
    assert len(listed(capsys, "--limit", "2")) == 2
    assert len(listed(capsys, "--limit", "0")) == 5
    assert [one["name"] for one in listed(capsys, "--name", "nightly-*")] == ["nightly-2"]
    assert call(["runs", "list", "--limit", "2"]) == 0
    assert "the newest 2 of 5 runs" in capsys.readouterr().out


def test_an_empty_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys) == []
    assert call(["runs", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_hostile_names_stay_on_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(len(HOSTILE), names=HOSTILE))
    assert call(["runs", "list"]) == 0
    out = capsys.readouterr().out
    assert not set("\x1b\x07\u202e\u2028") & set(out)
    assert len(out.splitlines()) == len(HOSTILE) + 2
    assert call(["runs", "show", "run00002", "--explain"]) == 0
    assert not set("\x1b\x07\u202e") & set(capsys.readouterr().out)


def test_show_states_facts_and_what_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc123"), run("abd456", place=somewhere())])
    assert call(["runs", "show", "abc"]) == 0
    out = capsys.readouterr().out
    assert "2 × NVIDIA A100-SXM4-80GB" in out
    assert re.search(r"emissions +unknown", out)
    assert "--region" in out
    assert call(["runs", "show", "abd456"]) == 0
    assert "gcp:europe-west1" in capsys.readouterr().out


def test_explain_can_be_followed_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), [run("abc", place=somewhere())])
    assert call(["runs", "show", "abc", "--explain", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    steps = "\n".join(shown["steps"]).replace(",", "")
    products = re.findall(r"([\d.]+) kWh × ([\d.]+) \S+ = ([\d.]+) (kWh|g)", steps)
    assert [unit for *_, unit in products] == ["kWh", "g"]
    for left, right, result, _ in products:
        assert float(left) * float(right) == pytest.approx(float(result), rel=2e-5)
    parts, total = re.findall(r"sum: ([\d.+ ]+) = ([\d.]+) kWh", steps)[0]
    assert sum(map(float, parts.split("+"))) == pytest.approx(float(total), rel=2e-5)
    assert float(products[0][0]) == pytest.approx(float(total))
    assert shown["footprint"]["emissions_g"]["central"] == pytest.approx(float(products[1][2]), rel=1e-5)
    for factor in shown["footprint"]["factors"]:
        assert factor["id"] in steps


def test_explain_names_what_stops_it(capsys: pytest.CaptureFixture[str]) -> None:
    write_run_file(run("abc", devices=(), cpu=None), Path(home().parent / "run.json"))
    assert call(["runs", "show", str(home().parent / "run.json"), "--explain"]) == 0
    out = capsys.readouterr().out
    assert "sum: unknown" in out
    assert out.count("unknown, because") == 3


@pytest.mark.parametrize(
    "command",
    [
        ["show", "nowhere"],
        ["show", ""],
        ["show", "missing.json"],
        ["list", "--limit", "-1"],
        ["list", "--since", "soon"],
        ["paint"],
    ],
    ids=" ".join,
)
def test_bad_input_is_one_clear_line(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["runs", *command]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert len(err.splitlines()) == 1


def test_a_terminal_without_unicode_shows_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    record(home(), [run("abc", name="Übung")])
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, encoding="ascii", write_through=True))
    for command in (["runs", "list"], ["runs", "show", "abc", "--explain"], ["report", "--format", "table"]):
        assert call(command) == 0
    assert b"?bung" in out.getvalue()
