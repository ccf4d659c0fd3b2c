from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from footprint.cli import call
from footprint.ledger import home, write_run_file
from footprint.report.html import is_ours
from tests.report.examples import record, run, runs, somewhere


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def said(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert not err
    return out


def test_a_page_lands_here_or_in_reports(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(4))
    assert call(["report"]) == 0
    assert said(capsys).splitlines()[-1] == "footprint.html"
    Path("reports").mkdir()
    assert call(["report"]) == 0
    assert said(capsys).splitlines()[-1] == "reports/footprint.html"
    for page in (Path("footprint.html"), Path("reports/footprint.html")):
        assert is_ours(page.read_bytes()[:4096])
    assert not list(Path().glob(".*.tmp"))


def test_our_page_is_renewed_and_another_file_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(2))
    assert call(["report"]) == 0
    assert call(["report"]) == 0
    Path("footprint.html").write_text("mine")
    capsys.readouterr()
    assert call(["report"]) == 2
    assert "-o" in capsys.readouterr().err
    assert Path("footprint.html").read_text() == "mine"
    assert call(["report", "-o", "footprint.html"]) == 0
    assert is_ours(Path("footprint.html").read_bytes()[:4096])


def test_an_empty_ledger_is_one_clear_line_and_a_page_that_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["report"]) == 0
    assert said(capsys).startswith("no runs to report")
    assert "No runs are recorded yet." in Path("footprint.html").read_text()
    assert call(["report", "--format", "table"]) == 0
    assert said(capsys) == "No runs are recorded.\n"


def test_the_same_selection_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(6))
    assert call(["report", "--json", "--name", "sweep-*", "--group-by", "name"]) == 0
    data = json.loads(said(capsys))
    assert [row["name"] for row in data["rows"]] == ["sweep-3", "sweep-0"]
    assert call(["report", "--format", "csv", "--name", "sweep-*"]) == 0
    rows = list(csv.DictReader(said(capsys).splitlines()))
    assert [row["name"] for row in rows] == ["sweep-3", "sweep-0"]
    assert float(rows[0]["energy_kwh"]) == data["rows"][0]["energy_kwh"]["central"]
    for name in ("table", "md"):
        assert call(["report", "--format", name, "--name", "sweep-*"]) == 0
        assert "2 runs emitted" in said(capsys)


def test_the_output_says_its_format(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(2))
    for name, start in (("a.csv", "id,name"), ("a.json", "{"), ("a.md", "**2 runs"), ("a.html", "<!doctype html>")):
        assert call(["report", "-o", name]) == 0
        assert said(capsys).endswith(f"\n{name}\n")
        assert Path(name).read_text().startswith(start)
    assert call(["report", "-o", "-", "--format", "md"]) == 0
    assert said(capsys).startswith("**2 runs")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--name", "nothing*"], "no run fits --name 'nothing*' (the ledger has 9 runs)"),
        (["--since", "1h"], "no run fits --since '1h' (the ledger has 9 runs)"),
        (
            ["--since", "1h", "--name", "x", "--format", "table"],
            "no run fits --name 'x' and --since '1h' (the ledger has 9 runs)",
        ),
        (["--name", "x", "--run", "run00001", "--json"], "no run fits --name 'x' (of the 1 run that --run names)"),
    ],
)
def test_a_filter_that_leaves_nothing_leaves_the_page(options: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(9))
    assert call(["report"]) == 0
    before = Path("footprint.html").read_bytes()
    capsys.readouterr()
    assert call(["report", *options]) == 2
    assert capsys.readouterr() == ("", f"footprint: {why}\n")
    assert Path("footprint.html").read_bytes() == before


@pytest.mark.parametrize("name", ["x.pdf", "report.xlsx", "page.HTML5"])
def test_an_ending_that_no_format_has_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["report", "-o", name]) == 2
    assert ".html, .htm, .md, .markdown, .csv, .json, .txt" in capsys.readouterr().err
    assert not Path(name).exists()
    assert call(["report", "-o", name, "--format", "md"]) == 0
    assert Path(name).exists()


def test_since_takes_a_day_or_a_time_ago(capsys: pytest.CaptureFixture[str]) -> None:
    recent = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    record(home(), [run("old", name="old"), run("new", name="new", started_at=recent)])
    for since, count in (("7d", 1), ("1w", 1), ("2025-05-01", 2), ("2025-05-02", 1)):
        assert call(["report", "--json", "--since", since]) == 0
        assert len(json.loads(said(capsys))["rows"]) == count


def test_one_run_by_id_or_from_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(3))
    write_run_file(run("portable", place=somewhere()), Path("pod.json"))
    assert call(["report", "--json", "--run", "run00001", "--run", "pod.json", "--run", "run00001"]) == 0
    assert {row["id"] for row in json.loads(said(capsys))["rows"]} == {"run00001", "portable"}


def test_attribution_of_the_whole_machine_is_more(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(1))
    found = []
    for policy in ("share", "machine"):
        assert call(["report", "--json", "--attribution", policy]) == 0
        found.append(json.loads(said(capsys))["total"]["energy_kwh"]["central"])
    assert found[0] < found[1]


@pytest.mark.parametrize(
    "options",
    [
        ["--format", "pdf"],
        ["--json", "--format", "csv"],
        ["--group-by", "colour"],
        ["--group-by", "label:"],
        ["--since", "soon"],
        ["--since", "99999999w"],
        ["--since", "999999w"],
        ["--since", "2025-13-01"],
        ["--attribution", "all"],
        ["--run", "nowhere"],
        ["--run", "missing.json"],
        ["-o", "no/such/folder/page.html"],
        ["-o", "."],
        ["--colour"],
    ],
    ids=" ".join,
)
def test_bad_input_is_one_clear_line(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["report", *options]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("footprint")
    assert len(err.splitlines()) == 1
    assert not list(Path().iterdir())


def test_what_cannot_be_written_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("no folder")
    assert call(["report", "-o", "file/page.html"]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_link_keeps_being_one() -> None:
    Path("real.html").write_text("old")
    Path("link.html").symlink_to("real.html")
    assert call(["report", "-o", "link.html"]) == 0
    assert Path("link.html").is_symlink()
    assert is_ours(Path("real.html").read_bytes()[:4096])


def test_a_damaged_ledger_is_shown_with_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    record(home(), runs(2))
    journal = next(home().rglob("*.jsonl"))
    journal.write_bytes(journal.read_bytes() + b'{"v":1,"torn\n')
    assert call(["report", "--json"]) == 0
    data = json.loads(said(capsys))
    assert len(data["rows"]) == 2
    assert data["warnings"][0]["runs"] == 0
    assert msgspec.json.encode(data["warnings"][0])
