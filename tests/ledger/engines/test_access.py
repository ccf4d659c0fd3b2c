"""Who may read a ledger: by the modes of a folder, and by the grants of a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from footprint.cli import call
from footprint.errors import ConfigError, LedgerError
from footprint.ledger.access import access
from footprint.ledger.push import push
from tests.report.examples import record, runs
from tests.world.postgres import Postgres


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if folder != Path("/tmp"):
            folder.chmod(0o755)
    record(tmp_path / "ledger", runs(2))
    return tmp_path / "ledger"


def readers(home: Path) -> dict[str, tuple[bool, bool]]:
    return {one.kind: (one.reads, one.writes) for one in access(str(home)).parties}


def test_our_own_folders_are_the_owners_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert readers(home) == {"owner": (True, True), "group": (False, False), "others": (False, False)}
    assert call(["ledger", "access", "--ledger", str(home), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["mode"], told["open_files"], told["foreign_files"]) == ("folder", "0700", 0, 0)


def test_an_open_folder_in_a_closed_one_is_closed(home: Path) -> None:
    home.chmod(0o777)
    assert readers(home)["others"] == (True, True)
    home.parent.chmod(0o700)
    assert readers(home) == {"owner": (True, True), "group": (False, False), "others": (False, False)}
    home.parent.chmod(0o755)
    home.chmod(0o750)
    assert readers(home) == {"owner": (True, True), "group": (True, False), "others": (False, False)}


def test_an_open_file_is_read_by_its_name(home: Path) -> None:
    home.chmod(0o711)
    assert readers(home)["others"] == (False, False)
    next(home.rglob("*.jsonl")).chmod(0o644)
    assert readers(home)["others"] == (True, False)
    assert access(str(home)).open_files == 1


def test_what_is_no_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="No such file"):
        access(str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="store"):
        access("s3://bucket/ledger")


@pytest.mark.world
def test_roles_of_a_database(database: str, tmp_path: Path, postgres: Postgres, role: Callable[[str], tuple[str, str]]) -> None:
    record(tmp_path / "ledger", runs(2))
    push(database, home=tmp_path / "ledger")
    name = database.rpartition("/")[2]
    (reader, _), (writer, _), (nobody, _) = role("reader"), role("writer"), role("nobody")
    for grantee, rights in ((reader, "SELECT"), (writer, "SELECT, INSERT, UPDATE, DELETE")):
        postgres.sql(f'GRANT USAGE ON SCHEMA footprint TO "{grantee}"', name)
        postgres.sql(f'GRANT {rights} ON ALL TABLES IN SCHEMA footprint TO "{grantee}"', name)
    found = access(database)
    known = {one.name: (one.reads, one.writes, one.why) for one in found.parties}
    assert known[reader] == (True, False, "grant")
    assert known[writer] == (True, True, "grant")
    assert known["admin"] == (True, True, "superuser")
    assert nobody not in known
    assert postgres.password not in repr(found)
    with psycopg.connect(database, autocommit=True) as connection:
        for grantee in (reader, writer):
            connection.execute(f'DROP OWNED BY "{grantee}"'.encode())
