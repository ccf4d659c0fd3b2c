"""`footprint metrics`: printed, as a file for node_exporter, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from footprint.cli import call
from footprint.ledger import home
from footprint.model import Place
from tests.faults.conftest import wait_for
from tests.ledger.archive.examples import put
from tests.ledger.conftest import whole_run

ENERGY = "footprint_energy_joules_total"


@pytest.fixture(autouse=True)
def ledger() -> None:
    put(home(), whole_run("a", place=Place(zone="FRA"), labels={"project": "nlp"}))


def energy(text: str) -> float:
    (line,) = [line for line in text.splitlines() if line.startswith(f'{ENERGY}{{project="nlp",kind="other"}}')]
    return float(line.rpartition(" ")[2])


def test_it_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["metrics"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert energy(printed.out) > 0
    assert call(["metrics", "--json", "--by", "kind"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["metrics", "problems", "schema"]
    (one,) = [one for one in found["metrics"] if one["name"] == ENERGY]
    assert not (home() / "metrics.json").exists()  # who only looks changes nothing
    assert one["type"] == "counter"
    assert one["samples"] == [{"labels": {"kind": "other"}, "value": energy(printed.out)}]


def test_a_file_that_another_user_may_read(tmp_path: Path) -> None:
    file, before = tmp_path / "footprint.prom", os.umask(0o077)
    try:
        assert call(["metrics", "--textfile", str(file)]) == 0
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o644
    assert (home() / "metrics.json").stat().st_mode & 0o777 == 0o600
    assert energy(file.read_text()) > 0
    assert {path.name for path in tmp_path.iterdir()} == {file.name, home().name}
    assert call(["runs", "verify"]) == 0  # the counters' own file is no stranger in the ledger


def test_a_file_that_is_kept_up_to_date(tmp_path: Path) -> None:
    file = tmp_path / "footprint.prom"
    command = [sys.executable, "-m", "footprint", "metrics", "--textfile", str(file), "--every", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(file.exists, "the file is written")
            before_j = energy(file.read_text())
            put(home(), whole_run("b", start_s=500.0, labels={"project": "nlp"}))
            wait_for(lambda: energy(file.read_text()) > before_j, "it is written again")
            away = home().rename(tmp_path / "away")
            wait_for(lambda: "footprint_exporter_up 0.0" in file.read_text(), "it is written without a ledger")
            assert energy(file.read_text()) > before_j
            away.rename(home())
            wait_for(lambda: "footprint_exporter_up 1.0" in file.read_text(), "the ledger is back")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        lines = process.stderr.read().splitlines()
    assert all(line.startswith("note: ") for line in lines)  # of what vanished while it was read, too
    assert sum(line.startswith("note: the ledger at ") for line in lines) >= 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--textfile", "x.prom", "--serve", "9105"], "two ways"),
        (["--textfile", "metrics.txt"], "does not end in .prom"),
        (["--textfile", "nowhere/x.prom"], "there is no folder"),
        (["--textfile", "/proc/x.prom"], "/proc/x.prom"),
        (["--textfile", "folder.prom"], "is a folder"),
        (["--every", "5"], "goes with --textfile or --serve"),
        (["--textfile", "x.prom", "--every", "nan"], "is not between 1 and 86,400 seconds"),
        (["--textfile", "x.prom", "--every", "-1"], "is not between"),
        (["--textfile", "x.prom", "--every", "soon"], "Invalid value for '--every'"),
        (["--textfile", "x.prom", "--json"], "leave out"),
        (["--serve", "99999"], "is no address: say 9105"),
        (["--serve", "localhost"], "is no address"),
        (["--serve", "::1:80"], "is no address"),
        (["--limit", "0"], "is not between 1 and 1,000"),
        (["--by", "outcome"], "--by outcome"),
        (["--by", "projekt"], "project"),
        (["--state", "nowhere/state.json"], "--state nowhere/state.json"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.prom").mkdir()
    assert call(["metrics", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert told in line
    assert not (tmp_path / "x.prom").exists()


@pytest.mark.parametrize(
    ("missing", "code", "told"),
    [
        ("prometheus_client", "from footprint.cli import main; main(['metrics', '--serve', '0'])", "footprint[prometheus]"),
        ("prometheus_client", "import footprint.integrations.prometheus", "footprint[prometheus]"),
        ("opentelemetry", "import footprint.integrations.opentelemetry", "footprint[opentelemetry]"),
    ],
)
def test_a_library_that_is_missing_is_told_with_its_extra(missing: str, code: str, told: str) -> None:
    without = f"import sys; sys.modules[{missing!r}] = None; {code}"
    done = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True, check=False)
    assert done.returncode == (2 if "main" in code else 1)
    assert f"pip install '{told}'" in done.stderr.splitlines()[-1]


def test_a_ledger_that_nobody_wrote_to_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path / "none", tmp_path / "empty"):
        monkeypatch.setenv("FOOTPRINT_HOME", str(folder))
        assert call(["metrics", "--textfile", str(tmp_path / "x.prom")]) == 0
        text = (tmp_path / "x.prom").read_text()
        assert "footprint_exporter_up 1.0" in text
        assert ENERGY not in text
        (tmp_path / "empty").mkdir(exist_ok=True)
    assert not (tmp_path / "none").exists()
    assert not list((tmp_path / "empty").iterdir())


def test_a_ledger_that_cannot_be_read_leaves_the_file_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "footprint.prom"
    file.write_text("before\n")
    (home() / "runs").rename(tmp_path / "runs")
    (home() / "runs").write_text("")
    assert call(["metrics", "--textfile", str(file)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert file.read_text() == "before\n"
