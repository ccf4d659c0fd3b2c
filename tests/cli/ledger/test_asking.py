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
from tests.derive.examples import gpu, run
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

    def ask(*arguments: str) -> tuple[int, str, str]:
        code = call(["ledger", *arguments])
        out = capsys.readouterr()
        return code, out.out, out.err

    return ask


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
        (["lineage", "nothing"], "no run's id, account or model"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "told",
)
def test_bad_input_is_one_line_and_code_2(arguments: list[str], told: str, said: Said) -> None:
    code, out, err = said(*arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1


def test_keys_are_parted_by_commas_as_well(said: Said) -> None:
    assert (
        said("totals", "--by", "label:team,outcome", "--json")[1]
        == said("totals", "--by", "label:team", "--by", "outcome", "--json")[1]
    )
    code, _, err = said("totals", "--by", "team,")
    assert (code, "lacks a key" in err) == (2, True)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_ledger_without_runs_is_said_to_be_without(
    command: list[str], said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no run of" in said(*command, "--where", "team=none")[1]
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "empty"))
    code, out, _ = said(*command)
    assert (code, len(out.splitlines())) == (0, 1)
    assert "no runs are recorded" in out


@pytest.mark.parametrize("command", ["over-time", "shares"])
def test_runs_that_no_meter_read_are_counted_where_they_are_left_out(command: str, said: Said, tmp_path: Path) -> None:
    write(tmp_path, run("c", name="c", duration_s=20.0, devices=(gpu(None, 0.0, "GPU-c"),)))
    code, out, err = said(command)
    assert (code, "1 of 3 runs have no joules" in err) == (0, True)
    assert len(out.splitlines()) > 1
    assert json.loads(said(command, "--json")[1])["notes"] == [err.strip().removeprefix("note: ")]
    code, out, err = said(command, "--where", "name=c")
    assert (out, "the run has no joules" in err) == ("nothing was read\n", True)


def test_a_device_that_nobody_read_has_no_share_of_time(said: Said, tmp_path: Path) -> None:
    write(tmp_path, run("c", name="c", duration_s=20.0, devices=(gpu(None, 0.0, "GPU-c"),)))
    (row,) = json.loads(said("devices", "--where", "name=c", "--json")[1])["devices"]
    assert (row["read_ratio"], row["energy_mj"], row["unread_runs"]) == (None, None, 1)


def test_runs_without_a_known_energy_or_outcome_are_counted_in_a_note(said: Said, tmp_path: Path) -> None:
    write(tmp_path, of("u", 600_000.0, name="u", outcome="unknown", cpu=None))
    assert "1 of 3 runs have an unknown outcome" in said("shares")[2]
    _, out, err = said("totals", "--where", "name=u")
    assert "unknown" in out
    assert "the run has an energy that is not known" in err
    assert "--attribution machine" in err
