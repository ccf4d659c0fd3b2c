"""`footprint runs import` of other tools' files: all or nothing, once, in one clear line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from footprint.cli import call
from footprint.ledger.importers import IMPORTERS
from footprint.ledger.whole import read_runs
from tests.ledger.importers.conftest import codecarbon_row, written


def test_what_was_imported_once_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "emissions.csv", [codecarbon_row(), codecarbon_row(run_id="run-2")])
    assert call(["runs", "import", str(path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["new"]) == 2
    first = read_runs().runs
    assert {run.place.name for run in first if run.place} == {"France"}
    assert call(["runs", "import", str(path), "--from", "codecarbon", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["new"], len(told["known"]), told["formats"]) == ([], 2, ["codecarbon"])
    assert read_runs().runs == first


def test_of_a_file_with_one_bad_line_nothing_is_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = written(tmp_path / "good.csv", [codecarbon_row()])
    bad = written(tmp_path / "bad.csv", [codecarbon_row(run_id="run-2"), codecarbon_row(run_id="run-3", cpu_energy="-1")])
    assert call(["runs", "import", str(good), str(bad)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"footprint: {bad}:3: cpu_energy is -1, which is below 0\n"
    assert read_runs().runs == ()


@pytest.mark.parametrize(
    ("stated", "word"),
    [
        (["--set", "region=aws:atlantis-1"], "atlantis-1"),
        (["--set", "regoin=x"], "did you mean region"),
        (["--set", "kind"], "not key=value"),
        (["--from", "codcarbon"], "did you mean codecarbon"),
        (["--from", "sacct"], "no column JobID"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], stated: list[str], word: str) -> None:
    path = written(tmp_path / "emissions.csv", [codecarbon_row()])
    assert call(["runs", "import", str(path), *stated]) == 2
    told = capsys.readouterr().err
    assert word in told
    assert told.count("\n") == 1
    assert read_runs().runs == ()


def test_what_was_left_out_is_told_beside_the_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = codecarbon_row(duration="1800", cpu_energy="0.05", gpu_energy="0.1", ram_energy="0.01", energy_consumed="0.16")
    assert call(["runs", "import", str(written(tmp_path / "emissions.csv", [half, codecarbon_row()]))]) == 0
    told = capsys.readouterr()
    steps, machine = told.err.splitlines()
    assert steps == "note: 1 rows are steps on the way of a run: its last one counts"
    assert "--attribution machine" in machine  # else a report of nothing but unknown energies looks like a failed import
    assert told.out.startswith("1 run: 1 new")


@pytest.mark.parametrize("name", ["\x1b[31mred.csv", "no such.csv", "a\nb.csv"])
def test_hostile_paths_are_shown_on_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["runs", "import", name, "--from", "codecarbon"]) == 2
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert told.count("\n") == 1


def test_each_importer_is_named_once_and_recognises_no_strangers_file(tmp_path: Path) -> None:
    names = [one.name for one in IMPORTERS]
    assert len(set(names)) == len(names)
    strange = [tmp_path / "empty", tmp_path / "noise", tmp_path / "table.csv", tmp_path, tmp_path / "missing"]
    strange[0].write_bytes(b"")
    strange[1].write_bytes(bytes(range(256)) * 40)
    strange[2].write_text("a,b\n1,2\n")
    for path in strange:
        assert [one.name for one in IMPORTERS if one.recognises(str(path))] == []


def test_a_folder_or_a_pipe_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("codecarbon", "sacct", "billing"):
        assert call(["runs", "import", str(tmp_path), "--from", form]) == 2
        assert "no regular file" in capsys.readouterr().err
