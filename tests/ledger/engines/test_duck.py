"""A ledger's home as one: journals and archives, each run once, whatever stands in them twice."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from footprint.errors import ConfigError, LedgerError
from footprint.ledger.archive.compacting import Policy, compact
from footprint.ledger.ask import ask
from footprint.ledger.engines import duck, open_ledger
from footprint.ledger.engines.duck import DuckEngine
from footprint.ledger.engines.engine import Answer
from footprint.ledger.engines.facts import read_runs
from footprint.ledger.journal import Journal
from footprint.ledger.records import Imported
from footprint.ledger.whole import Reading
from footprint.model import Run
from tests.derive.examples import run
from tests.ledger.questions.made import device


def write(home: Path, *runs: Run) -> Path:
    journal = Journal(home)
    for one in runs:
        journal.write(Imported(facts=one))
    journal.close()
    return journal.path


def of(run_id: str, energy_j: float = 100.0, **facts: object) -> Run:
    reading = device(((0.0, 0.0), (10.0, energy_j / 2), (20.0, energy_j)), f"gpu:GPU-{run_id}")
    return run(run_id, duration_s=20.0, devices=(reading,), **facts)


def total(home: Path) -> dict[str, object]:
    return ask("totals", ledger=str(home)).dicts()[0]


def test_a_home_that_nobody_wrote_to_is_an_empty_ledger(tmp_path: Path) -> None:
    with DuckEngine(tmp_path / "none") as engine:
        assert ask("totals", ledger=engine).dicts()[0]["runs"] == 0
    assert not (tmp_path / "none").exists()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger"):
        open_ledger(str(tmp_path / "none"))


def test_a_folder_that_may_not_be_read_is_said_to_be_one(tmp_path: Path) -> None:
    write(tmp_path, of("a"))
    code = (
        "import os, sys\nfrom footprint.errors import LedgerError\nfrom footprint.ledger.engines import duck, open_ledger\n"
        "os.setuid(65534)\ntry:\n    open_ledger(sys.argv[1])\nexcept LedgerError as error:\n    print(error)"
    )
    if os.getuid() != 0:
        pytest.skip("needs root, to become another user")
    tmp_path.chmod(0o700)
    told = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True).stdout
    assert told == f"the ledger at {tmp_path} cannot be read: Permission denied\n"


def test_journals_are_read_each_run_once(tmp_path: Path) -> None:
    first = write(tmp_path, of("a"), of("b", 50.0))
    write(tmp_path, of("c"), of("a"))  # a second import of the same
    copy = first.with_name("0123456789abcdef.jsonl")
    shutil.copy(first, copy)
    assert (total(tmp_path)["runs"], total(tmp_path)["energy_mj"]) == (3, 250_000)


def test_what_knows_more_of_a_run_counts(tmp_path: Path) -> None:
    write(tmp_path, of("a", 40.0, outcome="interrupted"))
    write(tmp_path, of("a", 100.0))
    write(tmp_path, of("a", 60.0, outcome="running"))
    assert (total(tmp_path)["runs"], total(tmp_path)["energy_mj"], total(tmp_path)["failed_runs"]) == (1, 100_000, 0)


def test_damage_costs_the_damaged_record_and_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, of("a"), of("b"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"GPU", b"GPX", 1))
    with DuckEngine(tmp_path) as engine:
        answer = ask("totals", ledger=engine)
    assert answer.dicts()[0]["runs"] == 1
    assert any("damaged" in problem for problem in answer.problems)


def test_the_newest_are_read_without_the_facts_of_all(tmp_path: Path) -> None:
    write(
        tmp_path,
        *(of(f"r{day}", name="even" if day % 2 == 0 else "odd", started_at=f"2026-01-0{day}T00:00:00Z") for day in range(1, 9)),
    )
    compact(tmp_path, Policy(older_than_s=0.0))
    asked: list[str] = []

    class Watched(DuckEngine):
        def query(self, sql: str) -> Answer:
            asked.append(sql)
            return super().query(sql)

    with Watched(tmp_path) as engine:
        reading = read_runs(engine, newest=3)
        named = read_runs(engine, newest=3, name="ev*", since=datetime(2026, 1, 3, tzinfo=UTC))
        assert read_runs(engine, newest=3, name="none") == Reading(runs=())
    assert ([one.id for one in reading.runs], reading.total) == (["r8", "r7", "r6"], 8)
    assert ([one.id for one in named.runs], named.total) == (["r8", "r6", "r4"], 3)
    assert all("WHERE id IN" in sql for sql in asked if "facts" in sql)


def test_archived_and_live_are_one_and_nothing_counts_twice(tmp_path: Path) -> None:
    kept = write(tmp_path, of("a"), of("b", 50.0))
    saved = kept.read_bytes()
    before = total(tmp_path)
    compact(tmp_path, Policy(older_than_s=0.0))
    assert list((tmp_path / "archive").iterdir())
    assert total(tmp_path) == before
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(saved)  # as a crash before the deletion leaves it
    assert total(tmp_path) == before
    write(tmp_path, of("a"), of("c", 10.0))
    assert (total(tmp_path)["runs"], total(tmp_path)["energy_mj"]) == (3, 160_000)


def test_it_spills_into_a_private_folder_that_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    home = tmp_path / "home"
    write(home, of("a"))
    with DuckEngine(home):
        (folder,) = tmp_path.glob("footprint-*")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not list(tmp_path.glob("footprint-*"))


LONG = "SELECT length(string_agg(repeat('x', 100000) || i, '')) FROM range({rows}) t(i)"
"""One value that no database can write down meanwhile."""


def test_what_does_not_fit_at_first_is_given_more_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duck, "MEMORY_BYTES", 300 * 2**20)
    write(tmp_path, of("a"))
    with DuckEngine(tmp_path) as engine:
        changes = engine.changes
        ((length,),) = engine.query(LONG.format(rows=1_500)).rows
        assert length > 150_000_000
        assert engine.changes > changes  # what was kept has to be made anew
        assert engine.query("SELECT id FROM runs").rows == [("a",)]


def test_what_never_fits_says_so_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duck, "MEMORY_BYTES", 300 * 2**20)
    monkeypatch.setattr(duck, "MOST_ROOM", 1)
    write(tmp_path, of("a"))
    with DuckEngine(tmp_path) as engine, pytest.raises(LedgerError, match="ask for fewer runs"):
        engine.query(LONG.format(rows=4_000))


def test_it_neither_loads_nor_installs_anything(tmp_path: Path) -> None:
    with DuckEngine(tmp_path) as engine:
        for name in ("autoinstall_known_extensions", "autoload_known_extensions", "allow_community_extensions"):
            assert engine.query(f"SELECT current_setting('{name}')").rows == [(False,)]
        with pytest.raises(LedgerError):
            engine.query("SET autoinstall_known_extensions = true")


def test_an_address_of_no_engine_is_refused() -> None:
    with pytest.raises((ConfigError, LedgerError)):
        open_ledger("nosuch://place")
