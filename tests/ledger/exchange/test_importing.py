"""Runs that come from elsewhere: each once, all or nothing, the more complete record wins."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from footprint.cli import call
from footprint.errors import LedgerError
from footprint.ledger import read_run_file, read_runs, series, write_run_file
from footprint.ledger.exchange.exporting import export, gathered
from footprint.ledger.exchange.importing import bring_in
from footprint.ledger.records import AnyRecord
from footprint.ledger.rows import Rows
from tests.ledger.conftest import HOST, whole_run

A, B, C = "a" * 16, "b" * 16, "c" * 16
FORMATS = ("parquet", "csv", "jsonl")
Write = Callable[[list[AnyRecord]], Path]


def rows_at(home: Path) -> Rows:
    problems: list[str] = []
    rows = gathered(problems, home=home)
    assert not problems
    return rows


def snapshot(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere"


@pytest.fixture
def two_runs(write: Write) -> None:
    write([*whole_run(A, name="=1+1", labels={"team": 'a,"b"'}), *whole_run(B, start_s=200.0, ticks=3, name="../../x")])


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_exported_is_imported_whole(form: str, home: Path, elsewhere: Path, two_runs: None, tmp_path: Path) -> None:
    done = export(tmp_path / "out", form, home=home)
    outcome = bring_in([done.path], home=elsewhere)
    assert sorted(outcome.new) == [A, B]
    assert read_runs(elsewhere).runs == read_runs(home).runs
    assert rows_at(elsewhere) == rows_at(home)
    for run in (A, B):
        assert series(run, elsewhere) == series(run, home)
    told = json.loads(next((elsewhere / "archive").glob("*/manifest.json")).read_bytes())
    assert told["energy_mj"]["samples"] == done.counts.energy_mj == 50_000 * (5 + 3)
    assert {oct(path.stat().st_mode & 0o777) for path in elsewhere.rglob("*.parquet")} == {"0o600"}
    # And on, by the other formats, it stays what it was.
    again = tmp_path / "again"
    for number, other in enumerate(FORMATS):
        path = tmp_path / f"copy{number}"
        export(path, other, home=elsewhere)
        bring_in([str(path)], home=again)
        assert rows_at(again) == rows_at(home)
        shutil.rmtree(again)


@pytest.mark.parametrize("form", FORMATS)
def test_a_second_import_changes_nothing_and_says_so(
    form: str, home: Path, elsewhere: Path, two_runs: None, tmp_path: Path
) -> None:
    export(tmp_path / "out", form, home=home)
    bring_in([str(tmp_path / "out")], home=elsewhere)
    before = snapshot(elsewhere)
    outcome = bring_in([str(tmp_path / "out"), str(tmp_path / "out")], home=elsewhere)
    assert outcome.lines() == ["2 runs, all known already: nothing was changed"]
    assert snapshot(elsewhere) == before
    # Nor does it where the journals themselves are.
    before = snapshot(home)
    assert bring_in([str(tmp_path / "out")], home=home).known == (A, B)
    assert snapshot(home) == before


def test_only_what_is_new_comes_in(home: Path, elsewhere: Path, two_runs: None, write: Write, tmp_path: Path) -> None:
    export(tmp_path / "one", "jsonl", home=home, run_ids=[A[:4]])
    assert bring_in([str(tmp_path / "one")], home=elsewhere).new == (A,)
    export(tmp_path / "both", "parquet", home=home)
    outcome = bring_in([str(tmp_path / "both")], home=elsewhere)
    assert (outcome.new, outcome.known) == ((B,), (A,))
    assert outcome.samples == 4
    assert rows_at(elsewhere) == rows_at(home)


def test_the_more_complete_record_of_a_run_counts(home: Path, elsewhere: Path, write: Write, tmp_path: Path) -> None:
    records = whole_run(A, ticks=9)
    path = write(records[:5])
    export(tmp_path / "early", "jsonl", home=home)
    path.unlink()
    write(records)
    export(tmp_path / "late", "csv", home=home)
    bring_in([str(tmp_path / "early")], home=elsewhere)
    assert read_runs(elsewhere).runs[0].outcome == "interrupted"
    outcome = bring_in([str(tmp_path / "late")], home=elsewhere)
    assert outcome.completed == (A,)
    assert "more complete" in outcome.lines()[1]
    assert read_runs(elsewhere).runs == read_runs(home).runs
    assert series(A, elsewhere) == series(A, home)
    assert rows_at(elsewhere) == rows_at(home)
    before = snapshot(elsewhere)
    assert bring_in([str(tmp_path / "early")], home=elsewhere).behind == (A,)
    assert snapshot(elsewhere) == before
    # Both at once, in either order.
    for number, order in enumerate((("early", "late"), ("late", "early"))):
        other = tmp_path / f"other{number}"
        bring_in([str(tmp_path / name) for name in order], home=other)
        assert rows_at(other) == rows_at(home)


def test_two_hosts_of_one_name_stay_apart(home: Path, elsewhere: Path, write: Write, tmp_path: Path) -> None:
    for run, boot in ((A, "boot-1"), (B, "boot-2")):
        write(whole_run(run, host=msgspec.structs.replace(HOST, boot_id=boot)))
    export(tmp_path / "out", "csv", home=home)
    bring_in([str(tmp_path / "out")], home=elsewhere)
    assert {(run.host.name, run.host.boot_id) for run in read_runs(elsewhere).runs} == {("node", "boot-1"), ("node", "boot-2")}
    assert rows_at(elsewhere) == rows_at(home)


def test_a_run_file_comes_in_once(home: Path, elsewhere: Path, two_runs: None, tmp_path: Path) -> None:
    run = next(run for run in read_runs(home).runs if run.id == A)
    write_run_file(run, tmp_path / "run.json")
    assert bring_in([str(tmp_path / "run.json")], home=elsewhere).new == (A,)
    assert bring_in([str(tmp_path / "run.json")], home=elsewhere).known == (A,)
    assert read_runs(elsewhere).runs == (read_run_file(tmp_path / "run.json"),)


def test_of_several_sources_all_come_or_none(home: Path, elsewhere: Path, two_runs: None, tmp_path: Path) -> None:
    export(tmp_path / "good", "csv", home=home)
    (tmp_path / "bad.jsonl").write_text('{"format":"footprint-ledger","version":1,"tables":1}\n')
    with pytest.raises(LedgerError, match=r"bad.jsonl:1: the export is torn"):
        bring_in([str(tmp_path / "good"), str(tmp_path / "bad.jsonl")], home=elsewhere)
    assert not elsewhere.exists()


def edited(path: Path, before: str, after: str) -> None:
    text = path.read_bytes().decode()
    changed, times = re.subn(before, after, text, count=1)
    assert times == 1, f"{before} is not in {path}"
    path.write_bytes(changed.encode())


@pytest.mark.parametrize(
    ("form", "file", "before", "after", "said"),
    [
        ("csv", "samples.csv", r",50000,2\.0,", ",-50000,2.0,", r"samples\.csv:4: energy_mj=-50000 is not possible"),
        ("csv", "samples.csv", r",50000,2\.0,", ",50001,2.0,", r"samples\.csv:\d+: the stretches of .* add up to 250001 mJ"),
        ("csv", "samples.csv", r",50000,2\.0,", ",5e4,2.0,", r"samples\.csv:4: energy_mj='5e4' is no bigint"),
        ("csv", "samples.csv", r",50000,2\.0,", ",50000,nan,", r"samples\.csv:4: t_s=nan is not possible"),
        ("csv", "samples.csv", r",50000,2\.0,", ",50000,", r"samples\.csv:4: 7 cells, and there are 8 columns"),
        ("csv", "samples.csv", r"^run_id", "id", r"samples\.csv:1: the columns are not"),
        ("csv", "samples.csv", r"b{16},[^\n]*\n", "", r"out: the export is not whole|add up"),
        ("csv", "samples.csv", r",50000,2\.0,", ",99999999999999999999,2.0,", r"samples\.csv:4: energy_mj="),
        ("csv", "devices.csv", r",250000,", ",,", r"devices\.csv:2: energy_mj=None is not what the run's facts say"),
        ("csv", "devices.csv", r"a{16},cpu,[^\n]*\n", "", r"devices\.csv:4: the device 'cpu' of the run a{16} is missing"),
        ("csv", "runs.csv", r"completed", "failed", r"runs\.csv:2: outcome='failed' is not what"),
        ("csv", "runs.csv", r'""duration_s"":5', '""duration_s"":-5', r"runs\.csv:2: duration_s=-5.0 is not possible"),
        ("csv", "runs.csv", r'""schema"":1', '""schema"":2', r"runs\.csv:2: the run is of a newer version"),
        ("csv", "runs.csv", r"^", "", r"cannot be read: No such file"),
        ("csv", "ticks.csv", r"\na{16}", "\nqqqq", r"ticks\.csv:2: the run 'qqqq' is not in the export"),
        ("csv", "manifest.json", r'"version": 1', '"version": 2', r"manifest\.json: .* of version 2.*upgrade"),
        ("csv", "manifest.json", r'"tables": 1', '"tables": 0', r"manifest\.json: .* of tables 0.*export it again"),
        ("jsonl", "", r'"version":1', '"version":9', r"out:1: the export is of version 9"),
        ("jsonl", "", r'\n\{"end".*\n', "\n", r"out:\d+: the export is torn: its last line is missing"),
        ("jsonl", "", r'"energy_mj":\d+\}\}\n', '"energy', r"out:\d+: the line is torn off"),
        ("jsonl", "", r'"energy_mj":50000', '"energy_mj":true', r"out:\d+: energy_mj=True is no bigint"),
        ("jsonl", "", r'"energy_mj":50000', '"energy":50000', r"out:\d+: the columns of samples are others: energy, energy_mj"),
        ("jsonl", "", r'\{"table":"devices"', '{"table":"../x"', r"out:\d+: this is no row of a table"),
        (
            "jsonl",
            "",
            r'"id":"a{16}"(.*)"id":"a{16}"',
            r'"id":"../../../x"\1"id":"../../../x"',
            r"out:2: .* is no id of a run",
        ),
    ],
)
def test_what_somebody_broke_is_refused_in_one_line(  # noqa: PLR0917
    form: str, file: str, before: str, after: str, said: str, home: Path, elsewhere: Path, two_runs: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    export(tmp_path / "out", form, home=home)
    path = tmp_path / "out" / file if file else tmp_path / "out"
    if before == "^":
        path.unlink()
        (path.with_name("runs.csv")).symlink_to(tmp_path / "nowhere")
        said = "it is a link"
        path.with_name("manifest.json").exists()
    else:
        edited(path, before, after)
    monkeypatch.setenv("FOOTPRINT_HOME", str(elsewhere))
    assert call(["runs", "import", "--from", form, str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert re.search(said, told), told
    assert told.count("\n") == 1
    assert not elsewhere.exists()


def test_a_torn_or_foreign_parquet_is_refused(home: Path, elsewhere: Path, two_runs: None, tmp_path: Path) -> None:
    def broken(change: Callable[[Path], object], said: str) -> None:
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        export(out, "parquet", home=home)
        change(out)
        with pytest.raises(LedgerError, match=said) as raised:
            bring_in([str(out)], form="parquet", home=elsewhere)
        assert "\n" not in str(raised.value)
        assert not elsewhere.exists()

    def sql(text: str) -> Callable[[Path], object]:
        return lambda out: duckdb.sql(text.replace("OUT", str(out)))

    broken(lambda out: os.truncate(out / "samples.parquet", 300), "samples.parquet is torn, or no Parquet")
    broken(lambda out: (out / "samples.parquet").write_bytes(b""), "samples.parquet is torn, or no Parquet")
    broken(sql("COPY (SELECT 1 AS id) TO 'OUT/runs.parquet'"), "columns are not those of version 1")
    broken(sql("COPY (FROM 'OUT/ticks.parquet' LIMIT 2) TO 'OUT/ticks.parquet'"), "not whole: 2 rows of ticks")
    negative = "COPY (SELECT * REPLACE (-energy_mj AS energy_mj) FROM 'OUT/samples.parquet') TO 'OUT/samples.parquet'"
    broken(sql(negative), r"samples.parquet, row 2: energy_mj=-50000 is not possible")
    empty = "COPY (SELECT * REPLACE (NULL::BIGINT AS end_us) FROM 'OUT/samples.parquet') TO 'OUT/samples.parquet'"
    broken(sql(empty), r"samples.parquet, row 1: end_us is missing")
    twice = "COPY (FROM 'OUT/runs.parquet' UNION ALL FROM 'OUT/runs.parquet') TO 'OUT/runs.parquet'"
    broken(sql(twice), r"runs.parquet, row 3: the run a{16} stands twice")


def test_links_and_what_is_no_file_are_refused(home: Path, elsewhere: Path, two_runs: None, tmp_path: Path) -> None:
    export(tmp_path / "out.jsonl", "jsonl", home=home)
    (tmp_path / "link").symlink_to(tmp_path / "out.jsonl")
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("link", "it is a link"), ("pipe", "no regular file"), ("none", "No such file"), ("a\0b", "no path")):
        with pytest.raises(LedgerError, match=said):
            bring_in([str(tmp_path / name)], home=elsewhere)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "to").symlink_to(victim)
    for form in FORMATS:
        with pytest.raises(LedgerError, match=r"link|there already"):
            export(tmp_path / "to", form, home=home)
    with pytest.raises(LedgerError, match="there already"):
        export(victim, "csv", home=home)
    assert victim.read_text() == "mine"
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_the_commands(home: Path, two_runs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("FOOTPRINT_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    assert call(["runs", "export", "-o", "x.jsonl", "--name", "=*", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["counts"]["runs"], told["counts"]["energy_mj"]) == ("jsonl", 1, 250_000)
    assert call(["runs", "export", "--since", "2030-01-01"]) == 2
    assert "fits --since: nothing is exported" in capsys.readouterr().err
    assert not Path("footprint-export").exists()
    assert call(["runs", "export"]) == 0
    assert call(["runs", "export", "--run", "zz", "-o", "y"]) == 2
    assert call(["runs", "export", "--format", "xml", "-o", "y"]) == 2
    assert call(["runs", "export", "-o", "footprint-export"]) == 2  # it is there
    monkeypatch.setenv("FOOTPRINT_HOME", str(tmp_path / "elsewhere"))
    capsys.readouterr()
    assert call(["runs", "import", "x.jsonl", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["new"], told["known"], told["formats"], told["samples"]) == ([A], [], ["jsonl"], 6)
    assert call(["runs", "import", "x.jsonl"]) == 0
    assert "1 run, all known already" in capsys.readouterr().out
    assert call(["runs", "import", "x.jsonl", "--from", "xml"]) == 2
    assert call(["runs", "import", "x.jsonl", "--set", "region"]) == 2
    assert call(["runs", "import", "x.jsonl", "--set", "region=x"]) == 2
    assert call(["runs", "import", "--from", "csv", "x.jsonl"]) == 2
    assert call(["runs", "import", "../elsewhere-not"]) == 2


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_exported_is_for_its_owner_alone_whatever_the_umask(
    form: str, home: Path, two_runs: None, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        export(tmp_path / "out", form, home=home)
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in [tmp_path / "out", *(tmp_path / "out").rglob("*")] if path.is_file()}
    assert modes == {0o600}


def test_of_another_ledgers_folder_it_is_said_how_its_runs_are_brought_in(home: Path, elsewhere: Path, two_runs: None) -> None:
    with pytest.raises(LedgerError, match=r"is a ledger's own folder: .*runs export"):
        bring_in([str(home)], home=elsewhere)
