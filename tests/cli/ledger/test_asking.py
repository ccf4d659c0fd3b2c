"""`footprint ledger totals, over-time, shares, devices, lineage`: what they print, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from footprint.cli import call
from tests.ledger.engines.test_duck import of, write

COMMANDS = (["totals"], ["over-time"], ["shares"], ["devices"])


@pytest.fixture
def said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path))
    write(
        tmp_path,
        of("a", 3_600_000.0, name="=cmd()", labels={"team": "nlp", "model": "m1"}),
        of("b", 1_800_000.0, name="\x1b[31mred", outcome="failed", labels={"fine_tuned_from": "m1"}),
    )

    def run(*arguments: str) -> tuple[int, str, str]:
        code = call(["ledger", *arguments])
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


Said = Callable[..., tuple[int, str, str]]


def test_totals_tell_joules_and_footprints(said: Said) -> None:
    code, out, _ = said("totals", "--by", "label:team", "--json")
    told: dict[str, Any] = json.loads(out)
    assert code == 0
    assert [(row["label:team"], row["energy_mj"]) for row in told["totals"]] == [("nlp", 3_600_000_000), (None, 1_800_000_000)]
    assert told["totals"][0]["energy_kwh"]["central"] > 1.0
    assert told["totals"][0]["emissions_g"] is None
    assert told["schema"] == 1


def test_shares_are_of_what_was_read(said: Said) -> None:
    row = json.loads(said("shares", "--json")[1])["shares"][0]
    assert row["failed_ratio"] == pytest.approx(1 / 3)


def test_a_lineage_has_sums(said: Said) -> None:
    told = json.loads(said("lineage", "m1", "--json")[1])
    assert [(row["id"], row["relation"]) for row in told["runs"]] == [("a", "asked"), ("b", "after")]
    assert told["sums"]["all"]["energy_mj"] == 5_400_000_000


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_table_and_csv_are_safe_to_open(command: list[str], said: Said) -> None:
    _, table, _ = said(*command, "--by", "name")
    assert "\x1b" not in table
    assert "=cmd()" in table
    code, out, _ = said(*command, "--by", "name", "--format", "csv")
    cells = [cell for row in csv.reader(io.StringIO(out)) for cell in row]
    assert code == 0
    assert "'=cmd()" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["totals", "--by", "acount"], "did you mean account"),
        (["totals", "--by", "name", "--by", "name"], "twice"),
        (["totals", "--where", "team"], "KEY=VALUE"),
        (["totals", "--where", "teem=x"], "did you mean team"),
        (["totals", "--since", "soon"], "--since"),
        (["totals", "--until", "soon"], "--until"),
        (["totals", "--since", "2024-05-02", "--until", "2024-05-01"], "not after"),
        (["totals", "--format", "xml"], "--format"),
        (["totals", "--ledger", "/nowhere/at/all"], "no ledger"),
        (["over-time", "--bucket", "week"], "bucket"),
        (["shares", "--idle-ratio", "0.5"], "--idle-ratio"),
        (["shares", "--idle-ratio", "nan"], "--idle-ratio"),
        (["lineage", "nothing"], "no run, account or model"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "told",
)
def test_bad_input_is_one_line_and_code_2(arguments: list[str], told: str, said: Said) -> None:
    code, out, err = said(*arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1
