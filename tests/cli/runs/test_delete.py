from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from footprint.cli import call
from footprint.ledger import home, read_runs
from footprint.ledger.processes import identify
from tests.ledger.archive.examples import fill, put
from tests.ledger.conftest import whole_run

OLD = "2020-01-01T10:00:00.000+00:00"


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "ledger"))


def ids() -> set[str]:
    return {run.id for run in read_runs().runs}


def test_without_yes_nothing_is_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = fill(home(), 2)
    assert call(["runs", "delete", first]) == 0
    assert "would delete 1 run, out of 1 journal and 0 archived batches: --yes does it" in capsys.readouterr().out
    assert ids() == {first, second}
    assert call(["runs", "delete", first, "--yes"]) == 0
    assert "deleted 1 run, out of 1 journal" in capsys.readouterr().out
    assert ids() == {second}


def test_runs_by_name_and_age(capsys: pytest.CaptureFixture[str]) -> None:
    put(home(), whole_run("old-llm", name="llm-1", started_at=OLD))
    put(home(), whole_run("old-x", name="x", started_at=OLD))
    put(home(), whole_run("new-llm", name="llm-2"))
    assert call(["runs", "compact", "--older-than", "0s"]) == 0
    assert call(["runs", "delete", "--name", "llm-*", "--older-than", "52w", "--yes"]) == 0
    assert ids() == {"old-x", "new-llm"}
    capsys.readouterr()
    assert call(["runs", "delete", "--older-than", "52w", "--yes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["deleted"] is True
    assert [run["id"] for run in found["runs"]] == ["old-x"]
    assert ids() == {"new-llm"}
    assert call(["runs", "delete", "--name", "nobody"]) == 0
    assert "no run fits" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name what is to be deleted"),
        (["zz"], "no run 'zz'"),
        (["0"], "fits 2 runs"),
        (["run.json"], "is a file and no run"),
        (["--older-than", "soon"], "is no length of time"),
    ],
)
def test_what_cannot_be_deleted_is_one_line(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    fill(home(), 2)
    assert call(["runs", "delete", *arguments, "--yes"]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert len(err.splitlines()) == 1
    assert len(ids()) == 2


def test_a_run_that_is_recorded_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    put(home(), whole_run("live", recorder=identify(os.getpid()))[:-1])
    assert call(["runs", "delete", "live", "--yes"]) == 2
    assert "its recorder lives" in capsys.readouterr().err
    assert ids() == {"live"}
