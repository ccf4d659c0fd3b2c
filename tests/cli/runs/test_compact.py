from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from footprint.cli import call
from footprint.ledger import home, read_runs
from footprint.ledger.archive.manifest import archive_dir
from tests.ledger.archive.examples import fill, put
from tests.ledger.conftest import whole_run

DAY_S = 86_400.0


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "ledger"))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert call(["runs", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_compact_archives_what_is_old_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    put(home(), whole_run("old"), age_s=8 * DAY_S)
    put(home(), whole_run("new"))
    assert call(["runs", "compact", "--dry-run"]) == 0
    assert "would be done: up to 1 journal" in capsys.readouterr().out
    assert not archive_dir(home()).exists()
    assert call(["runs", "compact"]) == 0
    out = capsys.readouterr().out
    assert "1 journal with 1 run archived" in out
    assert "left as they are: 1 journal: written to lately" in out
    assert call(["runs", "compact", "--older-than", "0s", "--keep-samples", "never"]) == 0
    assert {run.id for run in read_runs().runs} == {"old", "new"}
    capsys.readouterr()
    assert call(["runs", "compact"]) == 0
    assert capsys.readouterr().out == "nothing to compact\n"


def test_compact_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    fill(home(), 2)
    found = told(capsys, "compact", "--older-than", "0s")
    assert found["dry_run"] is False
    assert found["compaction"] == {
        "journals": 2,
        "runs": 2,
        "batches": 1,
        "merged": 0,
        "thinned": 0,
        "finished": 0,
        "left": {},
        "problems": [],
    }


@pytest.mark.parametrize("option", ["--older-than", "--keep-samples", "--keep-minutes"])
@pytest.mark.parametrize("stated", ["soon", "-1d", "7", "1y", ""])
def test_a_time_that_is_none_is_refused(option: str, stated: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["runs", "compact", f"{option}={stated}"]) == 2
    err = capsys.readouterr().err
    assert "is no length of time" in err
    assert len(err.splitlines()) == 1


def test_listing_and_showing_are_the_same_after_compaction(capsys: pytest.CaptureFixture[str]) -> None:
    ids = fill(home(), 5)
    before = [told(capsys, "list"), told(capsys, "list", "--limit", "2"), told(capsys, "show", ids[3])]
    assert call(["runs", "compact", "--older-than", "0s"]) == 0
    assert [told(capsys, "list"), told(capsys, "list", "--limit", "2"), told(capsys, "show", ids[3])] == before
    assert call(["runs", "list", "--limit", "2"]) == 0
    assert "the newest 2 of 5 runs" in capsys.readouterr().out
    assert [run["id"] for run in told(capsys, "list", "--name", "a r*", "--limit", "1")["runs"]] == [ids[-1]]
    assert told(capsys, "list", "--name", "b*")["runs"] == []


def test_an_archive_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(home(), 1)
    archive_dir(home()).write_text("in the way")
    assert call(["runs", "compact", "--older-than", "0s"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    archive_dir(home()).unlink()
    assert len(read_runs().runs) == 1


def test_tracking_and_listing_a_ledger_without_archives_load_no_database() -> None:
    program = """
import sys
import footprint, footprint.tracking, footprint.ledger
from footprint.ledger import read_runs
read_runs()
assert "duckdb" not in sys.modules
import footprint.ledger.archive.manifest
assert "duckdb" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
