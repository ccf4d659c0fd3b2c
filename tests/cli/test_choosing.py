"""`--since` and `--until` of the commands that list, restate, export and push runs: one way of reading them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from footprint.cli import call
from footprint.ledger import home
from footprint.ledger.journal import Journal
from footprint.ledger.records import Imported
from tests.report.examples import run, somewhere


@pytest.fixture(autouse=True)
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Three runs of last month and five of this one; its first day."""
    monkeypatch.chdir(tmp_path)
    this = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last = (this - timedelta(days=1)).replace(day=1)
    journal = Journal(home())
    for name, month, count in (("last", last, 3), ("this", this, 5)):
        for number in range(count):
            started = month + timedelta(minutes=number)
            facts = run(f"{name}{number}", started_at=f"{started:%Y-%m-%dT%H:%M:%SZ}", duration_s=30.0, place=somewhere())
            assert journal.write(Imported(facts=facts))
    journal.close()
    return this


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert call([*words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert call(list(words)) == 2
    out, err = capsys.readouterr()
    assert not out
    assert len(err.splitlines()) == 1
    return err


def test_the_newest_runs_of_a_month_that_has_ended_are_listed(first: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    """Not those of the newest runs of all that happen to be of that month: there are none."""
    found = told(capsys, "runs", "list", "--since", "last-month", "--limit", "2")
    assert [one["id"] for one in found["runs"]] == ["last2", "last1"]
    assert call(["runs", "list", "--since", "last-month", "--limit", "2"]) == 0
    assert "the newest 2 of 3 runs" in capsys.readouterr().out
    found = told(capsys, "runs", "list", "--until", f"{first:%Y-%m}")
    assert [one["id"] for one in found["runs"]] == ["last2", "last1", "last0"]
    assert len(told(capsys, "runs", "list", "--since", "this-year", "--ledger", str(home()))["runs"]) in {5, 8}


def test_a_month_is_restated_and_exported_alone(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "restate", "--since", "last-month")
    assert [one["id"] for one in found["runs"]] == ["last0", "last1", "last2"]
    found = told(capsys, "runs", "export", "--since", "last-month", "-o", "month.jsonl")
    assert found["counts"]["runs"] == 3
    found = told(capsys, "runs", "export", "--until", "this-month", "-o", "until.jsonl")
    assert found["counts"]["runs"] == 3
    assert "fits --since and --until" in refused(capsys, "runs", "export", "--since", "2001", "--until", "2002", "-o", "n.jsonl")


def test_totals_of_a_month(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = told(capsys, "ledger", "totals", "--since", "last-month")["totals"]
    assert row["runs"] == 3
    (row,) = told(capsys, "ledger", "totals", "--since", "this-month", "--where", "outcome=completed")["totals"]
    assert row["runs"] == 5


def test_a_push_takes_no_period_that_has_ended(first: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    """It has no end: all that came later would go with it."""
    last = first - timedelta(days=1)
    err = refused(capsys, "ledger", "push", "there", "--since", "last-month")
    assert f"is {last:%Y-%m}, which has ended" in err
    assert f"--since {last:%Y-%m}-01" in err
    assert not Path("there").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["runs", "list"],
        ["restate"],
        ["runs", "export", "-o", "n.jsonl"],
        ["ledger", "totals"],
        ["ledger", "push", "there"],
        ["report"],
    ],
    ids=" ".join,
)
def test_each_names_the_nearest_name(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean last-month?" in refused(capsys, *words, "--since", "lastmonth")
    assert not list(Path().glob("*.*"))
