"""Work that two sources tell of: what comes second is left out, or told of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from footprint.cli import call
from footprint.ledger import read_runs
from footprint.ledger.exchange.exporting import export
from footprint.ledger.exchange.importing import Outcome, bring_in
from tests.ledger.archive.examples import put
from tests.ledger.conftest import whole_run
from tests.ledger.importers.conftest import CODECARBON, codecarbon_row, written
from tests.ledger.importers.test_sacct import JOB

MEASURED = "a" * 16
OURS = {"footprint": "1.0", "python": "3.11"}


def measured(home: Path, account: str, **facts: Any) -> None:
    """A run that began at 2026-11-21 10:00 UTC, and took less than a minute."""
    put(home, whole_run(MEASURED, account=account, versions=OURS, started_at="2026-11-21T10:00:00.000+00:00", **facts))


def listing(tmp_path: Path, *rows: dict[str, str]) -> str:
    return str(written(tmp_path / "jobs.txt", [JOB | row for row in rows], "|"))


def codecarbon(tmp_path: Path, **cells: str) -> str:
    row = codecarbon_row(timestamp="2026-11-21T10:30:00", duration="3600", **cells)
    return str(written(tmp_path / "emissions.csv", [{name: row[name] for name in CODECARBON}], ","))


@pytest.mark.parametrize("account", ["slurm:big:100", "slurm:100"])
def test_a_job_that_was_measured_is_not_counted_from_sacct_too(home: Path, tmp_path: Path, account: str) -> None:
    measured(home, account)
    jobs = listing(tmp_path, {"JobID": "100"}, {"JobID": "101"})
    done = bring_in([jobs], home=home)
    assert (len(done.new), len(done.measured), done.measured_accounts) == (1, 1, ("slurm:big:100",))
    assert sorted(run.account for run in read_runs(home).runs) == sorted([account, "slurm:big:101"])
    assert "--also-measured" in done.lines()[1]
    assert "slurm:big:100" in done.lines()[1]
    again = bring_in([jobs], home=home, also_measured=True)
    assert again.new == done.measured
    assert bring_in([jobs], home=home).known == (*again.new, *done.new)


def test_another_cluster_and_another_task_of_an_array_are_other_work(home: Path, tmp_path: Path) -> None:
    measured(home, "slurm:big:100", labels={"array_task": "3"})
    done = bring_in(
        [listing(tmp_path, {"JobID": "100_2"}, {"JobID": "100_3"}, {"JobID": "100_3", "Cluster": "small"})], home=home
    )
    assert (len(done.new), len(done.measured)) == (2, 1)


def test_two_tools_that_tell_of_one_account_at_one_time(home: Path, tmp_path: Path) -> None:
    measured(home, "llama")
    early = codecarbon(tmp_path)
    assert bring_in([early], stated={"account": "llama"}, home=home).measured_accounts == ("llama",)
    assert len(bring_in([early], stated={"account": "llama", "timezone": "+05:00"}, home=home).new) == 1  # hours before


def test_it_is_said_where_only_the_time_tells(home: Path, tmp_path: Path) -> None:
    measured(home, MEASURED)
    (run,) = read_runs(home).runs
    done = bring_in([codecarbon(tmp_path, cpu_model=run.host.cpu_name or "")], home=home)
    assert (len(done.new), len(done.measured)) == (1, 0)
    assert [note for note in done.notes if "may" not in note and "counts twice" in note]
    other = bring_in([codecarbon(tmp_path, cpu_model="another", run_id="2")], home=home)
    assert not [note for note in other.notes if "counts twice" in note]


def test_a_measured_run_comes_in_and_what_it_doubles_is_named(home: Path, tmp_path: Path) -> None:
    bring_in([listing(tmp_path, {"JobID": "100"})], home=home)
    elsewhere = tmp_path / "elsewhere"
    measured(elsewhere, "slurm:big:100")
    export(tmp_path / "out", "csv", home=elsewhere)
    done: Outcome = bring_in([str(tmp_path / "out")], home=home)
    assert done.new == (MEASURED,)
    assert any("slurm:big:100" in note for note in done.notes)


def test_the_command_says_so(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", str(home))
    measured(home, "slurm:big:100")
    jobs = listing(tmp_path, {})
    assert call(["runs", "import", jobs, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (len(told["measured"]), told["measured_accounts"], told["new"]) == (1, ["slurm:big:100"], [])
    assert call(["runs", "import", jobs, "--also-measured", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["new"]) == 1
