"""A ledger on a store that fsspec reaches: pushed once, asked with no more read than needed, whole or not there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from footprint.cli import call
from footprint.errors import ConfigError, LedgerError
from footprint.ledger.engines import open_ledger, remote_write
from footprint.ledger.exchange.exporting import export
from footprint.ledger.push import push
from footprint.ledger.questions import question
from footprint.ledger.records import AnyRecord
from tests.ledger.conftest import whole_run

A, B = "a" * 16, "b" * 16
SUM = "SELECT count(*), sum(energy_mj)::BIGINT FROM samples"


@pytest.fixture(params=["memory", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield "memory://footprint test [1]/x" if request.param == "memory" else f"file://{tmp_path}/a store [1]*"
    fsspec.filesystem("memory").store.clear()


def asked(place: str | Path, sql: str = SUM) -> list[tuple[object, ...]]:
    with open_ledger(place) as engine:
        answer = engine.query(sql)
        assert answer.problems == ()
        return answer.rows


def test_a_push_is_whole_and_repeated_for_nothing(
    place: str, home: Path, write: Callable[[list[AnyRecord]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_write, "PIECE", 6)  # a batch a run
    write([*whole_run(A, labels={"team": "it's"}), *whole_run(B, start_s=200.0, ticks=3)])
    assert push(place, home=home, dry_run=True).samples == 10
    with pytest.raises(LedgerError, match="holds no ledger"):
        open_ledger(place)
    done = push(place, home=home)
    assert (done.new, done.samples, done.energy_mj) == (2, 10, 8 * 50_000)
    assert asked(place) == asked(home) == [(10, 8 * 50_000)]
    for name in ("totals", "devices"):
        assert asked(place, question(name)) == asked(home, question(name))
    before = {path: info["size"] for path, info in listing(place).items()}
    again = push(place, home=home)
    assert (again.new, again.same, again.samples) == (0, 2, 0)
    assert {path: info["size"] for path, info in listing(place).items()} == before
    assert len(before) == 2 * 5


def listing(place: str) -> dict[str, dict[str, int]]:
    fs, base = fsspec.core.url_to_fs(place)
    found: dict[str, dict[str, int]] = fs.find(base, detail=True)
    return found


def test_a_push_that_was_cut_off_goes_on(
    place: str, home: Path, write: Callable[[list[AnyRecord]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_write, "PIECE", 6)
    write([*whole_run(A), *whole_run(B, start_s=200.0, ticks=3)])
    put = remote_write.StoreWriter._put
    for objects in range(10):
        fs, base = fsspec.core.url_to_fs(place)
        for path in fs.find(base):
            fs.rm_file(path)
        left = [objects]

        def cut(self: remote_write.StoreWriter, path: str, data: bytes, left: list[int] = left) -> None:
            if not left[0]:
                raise LedgerError("the store went away")
            left[0] -= 1
            put(self, path, data)

        monkeypatch.setattr(remote_write.StoreWriter, "_put", cut)
        with pytest.raises(LedgerError, match="went away"):
            push(place, home=home)
        monkeypatch.setattr(remote_write.StoreWriter, "_put", put)
        if objects >= 5:  # what is whole counts, and nothing else
            assert asked(place) == [(6, 250_000)]
        push(place, home=home)
        assert asked(place) == [(10, 400_000)]


def test_of_a_run_that_went_on_the_later_record_counts(place: str, home: Path, write: Callable[[list[AnyRecord]], Path]) -> None:
    records = whole_run(A, ticks=9)
    path = write(records[:5])
    push(place, home=home)
    path.unlink()
    write(records)
    assert push(place, home=home).replaced == 1
    assert asked(place) == [(10, 450_000)]
    assert asked(place, "SELECT count(*), min(outcome) FROM runs") == [(1, "completed")]


def test_no_more_is_read_than_a_question_needs(home: Path, write: Callable[[list[AnyRecord]], Path]) -> None:
    write(whole_run(A, ticks=20_000))
    place = "memory://footprint-pruned"
    push(place, home=home)
    (path,) = [path for path in listing(place) if path.endswith("/samples.parquet")]
    file = fsspec.filesystem("memory").store[path]
    read: list[int] = []

    class Counting(type(file)):  # type: ignore[misc]
        def read(self, size: int = -1) -> bytes:
            data: bytes = super().read(size)
            read.append(len(data))
            return data

    file.__class__ = Counting
    assert asked(place, "SELECT count(*) FROM samples") == [(20_001,)]
    assert sum(read) < 50_000 < file.size
    fsspec.filesystem("memory").store.clear()


def test_an_export_is_a_ledger_too(home: Path, write: Callable[[list[AnyRecord]], Path], tmp_path: Path) -> None:
    write(whole_run(A))
    export(tmp_path / "out", "parquet", home=home)
    assert asked(f"file://{tmp_path}/out") == asked(home)


def test_what_is_torn_or_newer_is_left_out_and_said(home: Path, write: Callable[[list[AnyRecord]], Path], tmp_path: Path) -> None:
    write(whole_run(A))
    push(f"file://{tmp_path}/s", home=home)
    (batch,) = (tmp_path / "s" / "batches").iterdir()
    manifest = (batch / "manifest.json").read_bytes()
    for data, said in (
        (b"{", "damaged"),
        (manifest.replace(b'"tables":1', b'"tables":9'), "version 9"),
        (manifest.replace(b'"bytes":', b'"bytes":1'), "bytes, not the"),
    ):
        (batch / "manifest.json").write_bytes(data)
        with open_ledger(f"file://{tmp_path}/s") as engine:
            answer = engine.query("SELECT count(*) FROM samples")
        assert answer.rows == [(0,)]
        assert said in answer.problems[0]


@pytest.mark.parametrize(
    ("where", "said"),
    [("nosuch://x/y", "no place that can be reached"), ("file:///nowhere/at/all", "holds no ledger"), ("s3://b/x", "s3")],
)
def test_what_is_no_place_is_said_in_one_line(where: str, said: str) -> None:
    with pytest.raises((ConfigError, LedgerError), match=said) as raised:
        open_ledger(where)
    assert "\n" not in str(raised.value)


def test_the_command(
    home: Path,
    write: Callable[[list[AnyRecord]], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(whole_run(A))
    monkeypatch.setenv("FOOTPRINT_HOME", str(home))
    assert call(["ledger", "push", f"file://{tmp_path}/s", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["new"] == 1
    assert call(["ledger", "push", f"file://{tmp_path}/s", "--delete", A]) == 2


def test_a_folder_is_taken_for_what_is_in_it(home: Path, write: Callable[[list[AnyRecord]], Path], tmp_path: Path) -> None:
    write([*whole_run(A), *whole_run(B, start_s=200.0, ticks=3)])
    pushed, exported = str(tmp_path / "pushed"), tmp_path / "exported"
    assert push(pushed, home=home).new == 2
    export(exported, "parquet", home=home)
    for place in (pushed, str(exported), str(home), f"file://{home}", f"file://{pushed}"):
        assert asked(place) == [(10, 400_000)], place
    (tmp_path / "other").mkdir()
    with pytest.raises(LedgerError, match="holds no ledger"):
        open_ledger(str(tmp_path / "other"))


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_nothing_is_pushed_into_a_home(form: str, home: Path, write: Callable[[list[AnyRecord]], Path]) -> None:
    write(whole_run(A))
    with pytest.raises(ConfigError, match="folder of its own"):
        push(form.format(home), home=home)
    assert not (home / "batches").exists()


def test_an_export_as_csv_is_told_what_takes_it(home: Path, write: Callable[[list[AnyRecord]], Path], tmp_path: Path) -> None:
    write(whole_run(A))
    export(tmp_path / "out", "csv", home=home)
    with open_ledger(str(tmp_path / "out")) as engine:
        (problem,) = engine.query(SUM).problems
    assert "runs import" in problem


@pytest.mark.parametrize("where", ["lab", "spark:/srv/ledger", ""])
def test_a_word_is_no_folder_to_push_to(where: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="is pushed to postgresql"):
        push(where, home=home)
    assert not (tmp_path / "lab").exists()
