"""Questions and reports on a real PostgreSQL: the same answers as at home, and one clear line for what goes wrong."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from footprint.cli import call
from footprint.errors import ConfigError, LedgerError
from footprint.ledger import home as own_home
from footprint.ledger import read_runs
from footprint.ledger.engines import facts, open_ledger
from footprint.ledger.engines.postgres import Address, in_postgres
from footprint.ledger.engines.postgres_schema import MIGRATIONS, VERSION, Migration, migrate, version_of
from footprint.ledger.push import push
from footprint.ledger.tables import TABLES, Column
from tests.report.examples import HOSTILE, record, run, runs
from tests.world.postgres import Postgres

pytestmark = pytest.mark.world

TYPES = {"text": "text", "bigint": "bigint", "double": "double precision", "boolean": "boolean"}


@pytest.fixture
def ledger(database: str) -> str:
    """A database with runs of the user's own ledger, some with names that mean harm."""
    record(own_home(), runs(20, names=HOSTILE, placed=2))
    record(own_home(), runs(32)[20:])
    push(database)
    return database


# -- Tables ---------------------------------------------------------------------------------------------------------------


def columns(database: str, table: str) -> list[tuple[str, str, bool, str | None]]:
    with psycopg.connect(database) as connection:
        return connection.execute(
            "SELECT column_name, data_type, is_nullable = 'YES', collation_name FROM information_schema.columns "
            "WHERE table_schema = 'footprint' AND table_name = %s ORDER BY ordinal_position",
            [table],
        ).fetchall()


def test_the_tables_are_the_ledgers(ledger: str) -> None:
    def expected(column: Column) -> tuple[str, str, bool, str | None]:
        return column.name, TYPES[column.type], column.null, "C" if column.type == "text" else None

    for table, known in TABLES.items():
        assert columns(ledger, table) == [expected(column) for column in known]


def test_an_older_ledger_is_renewed_once_by_whoever_comes_first(ledger: str) -> None:
    newer = (*MIGRATIONS, Migration(VERSION + 1, ("ALTER TABLE runs ADD COLUMN later text", "UPDATE runs SET later = name")))

    def renew(_: int) -> tuple[int, int]:
        with psycopg.connect(ledger, autocommit=True) as connection:
            return migrate(connection, newer)

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(renew, range(6)))
    assert sorted(set(done)) in ([(VERSION, VERSION + 1), (VERSION + 1, VERSION + 1)], [(VERSION, VERSION + 1)])
    with psycopg.connect(ledger) as connection:
        assert version_of(connection) == VERSION + 1
        assert connection.execute("SELECT count(*) FROM footprint.runs WHERE later = name").fetchone() == (32,)
        assert connection.execute("SELECT count(*) FROM footprint.schema_versions").fetchone() == (2,)


def test_a_migration_that_fails_leaves_everything_as_it_was(ledger: str) -> None:
    broken = (*MIGRATIONS, Migration(VERSION + 1, ("ALTER TABLE runs ADD COLUMN later text", "UPDATE runs SET no_such = 1")))
    with psycopg.connect(ledger, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.UndefinedColumn):
            migrate(connection, broken)
        assert version_of(connection) == VERSION
    assert "later" not in {name for name, *_ in columns(ledger, "runs")}


def test_a_newer_ledger_is_refused(ledger: str) -> None:
    with psycopg.connect(ledger, autocommit=True) as connection:
        connection.execute("INSERT INTO footprint.schema_versions (version) VALUES (%s)", [VERSION + 1])
    assert "upgrade footprint" in refusal(lambda: open_ledger(ledger))
    assert "upgrade footprint" in refusal(lambda: push(ledger))


# -- Questions and reports -------------------------------------------------------------------------------------------------


def test_the_same_report_as_at_home(ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
    def summary(*more: str) -> dict[str, Any]:
        assert call(["report", "--json", *more]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert found["options"].pop("generated_at")
        return found

    for asked in ([], ["--since", "2025-05-06"], ["--group-by", "outcome"]):
        assert summary(*asked, "--ledger", ledger) == summary(*asked)


@pytest.mark.parametrize("name", ["tokenizer-*", "*-22", "sweep-?", "nightly-[0-9]*", "tokenizer-22"])
def test_a_name_fits_as_at_home(ledger: str, capsys: pytest.CaptureFixture[str], name: str) -> None:
    record(own_home(), [run("extra", name="sweep-1"), run("other", name="nightly-2")])
    push(ledger)
    listed = []
    for where in ([], ["--ledger", ledger]):
        assert call(["runs", "list", "--json", "--name", name, *where]) == 0
        listed.append(json.loads(capsys.readouterr().out)["runs"])
    assert listed[0] == listed[1] != []


def test_one_run_is_shown_by_the_beginning_of_its_id(ledger: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for where in ([], ["--ledger", ledger]):
        assert call(["runs", "show", "run00003", "--json", "--explain", *where]) == 0
        shown.append(json.loads(capsys.readouterr().out))
    assert shown[0] == shown[1]
    with open_ledger(ledger) as engine:
        assert "fits 10 runs" in refusal(lambda: facts.find_run(engine, "run0000"))
        assert "no run" in refusal(lambda: facts.find_run(engine, "'; DROP TABLE runs; --\0%_"))


def test_facts_come_back_as_they_were(ledger: str) -> None:
    with open_ledger(ledger) as engine:
        assert facts.read_runs(engine).runs == read_runs().runs
        for hostile in HOSTILE:
            mine = facts.read_runs(engine, account=hostile).runs
            assert mine == tuple(one for one in read_runs().runs if one.account == hostile)


def test_facts_that_somebody_wrote_by_hand_are_told_and_left_out(ledger: str) -> None:
    with psycopg.connect(ledger, autocommit=True) as connection:
        connection.execute("UPDATE footprint.runs SET facts = %s WHERE id = 'run00001'", ['{"id": 3}'])
        connection.execute(
            "UPDATE footprint.runs SET facts = replace(facts, '\"schema\":1', '\"schema\":99') WHERE id = 'run00002'"
        )
    with open_ledger(ledger) as engine:
        reading = facts.read_runs(engine)
    assert len(reading.runs) == 30
    assert [("run00001" in line, "newer version" in line) for line in sorted(reading.problems)] == [(True, False), (False, True)]


def test_a_question_cannot_write(ledger: str) -> None:
    with open_ledger(ledger) as engine:
        assert "read-only" in refusal(lambda: engine.query("DELETE FROM runs"))
        assert engine.query("SELECT count(*) AS n FROM runs").rows == [(32,)]


def test_numbers_are_pythons_and_text_is_sorted_by_its_bytes(ledger: str) -> None:
    with open_ledger(ledger) as engine:
        answer = engine.query("SELECT sum(energy_mj) AS mj, avg(energy_mj) AS mean, count(*) AS n, 7 / 2 AS half FROM samples")
        ((mj, mean, n, half),) = answer.rows
        assert [type(value) for value in (mj, mean, n, half)] == [int, float, int, float]
        assert (answer.columns, half) == (("mj", "mean", "n", "half"), 3.5)
        names = [name for (name,) in engine.query("SELECT DISTINCT name FROM runs ORDER BY name").rows]
        assert names == sorted(names)


def test_a_label_is_read_from_its_text() -> None:
    asked = """SELECT json_extract_string(r.labels, '$."a b"') AS k, r."user" FROM runs r ORDER BY k DESC NULLS LAST"""
    assert 'CAST("r"."labels" AS JSON)' in in_postgres(asked)


# -- What goes wrong -------------------------------------------------------------------------------------------------------


def refusal(doing: Callable[[], Any]) -> str:
    with pytest.raises((LedgerError, ConfigError)) as told:
        doing()
    line = str(told.value)
    assert "\n" not in line
    return line


def test_who_asks_needs_to_read_and_no_more(ledger: str, postgres: Postgres, role: Callable[[str], tuple[str, str]]) -> None:
    name, password = role("reader")
    database = ledger.rpartition("/")[2]
    address = postgres.url(database, name, password)
    assert "permission denied" in refusal(lambda: open_ledger(address))
    for grant in ("USAGE ON SCHEMA footprint", "SELECT ON ALL TABLES IN SCHEMA footprint"):
        postgres.sql(f'GRANT {grant} TO "{name}"', database)
    with open_ledger(address) as engine:
        assert len(facts.read_runs(engine).runs) == 32
        assert password not in engine.where
    postgres.sql(f'DROP OWNED BY "{name}"', database)


def test_a_password_is_never_told(ledger: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    database, secret = ledger.rpartition("/")[2], "s3cr3t-t0ken"
    wrong = refusal(lambda: open_ledger(postgres.url(database, password=secret)))
    assert "PGPASSWORD" in wrong
    without = postgres.url(database, password="")
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    assert "password" in refusal(lambda: open_ledger(without))
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    with open_ledger(without) as engine:
        assert engine.query("SELECT count(*) AS n FROM runs").rows == [(32,)]
    monkeypatch.delenv("PGPASSWORD")
    kept = tmp_path / "pgpass"
    kept.write_text(f"127.0.0.1:{postgres.port}:*:admin:{postgres.password}\n")
    kept.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(kept))
    with open_ledger(without) as engine:
        assert engine.where == f"postgresql://admin@127.0.0.1:{postgres.port}/{database}"
    spelled = (
        f"postgresql://admin:{secret}@x@127.0.0.1:1/db",
        f"postgresql://admin:a:{secret}@127.0.0.1:1/db",
        f"postgresql://admin:{secret}%@127.0.0.1:1/db",
        f"postgresql://admin:{secret}/x@127.0.0.1:1/db",
        f"postgresql://admin@127.0.0.1:1/db?password={secret}",
        f"postgresql://admin@127.0.0.1:1/db?password={secret}&no_such=1",
        f"postgresql://admin:{secret}@127.0.0.1:1/db?sslmode=nonsense",
        f"postgresql://127.0.0.1:1/?user=a&passw%6Frd={secret}",
    )
    for address in spelled:
        assert secret not in refusal(lambda address=address: open_ledger(address)), address  # type: ignore[misc]
    assert all(secret not in line for line in (wrong, Address(f"postgresql://u:{secret}@h/d").shown))


def test_what_cannot_be_connected_to_is_one_line(database: str, postgres: Postgres) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
    assert "refused" in refusal(lambda: open_ledger(f"postgresql://x@127.0.0.1:{port}/db"))
    assert "does not exist" in refusal(lambda: open_ledger(postgres.url("no_such_database")))
    assert "holds no ledger" in refusal(lambda: open_ledger(database))
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA footprint")
        connection.execute("CREATE TABLE footprint.tables_of_somebody (n int)")
    assert "other tables" in refusal(lambda: open_ledger(database))
    assert "other tables" in refusal(lambda: push(database))


def test_a_database_that_cannot_hold_every_name_is_refused(postgres: Postgres) -> None:
    postgres.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    assert "ENCODING 'UTF8'" in refusal(lambda: push(postgres.url("latin")))
    postgres.sql("DROP DATABASE latin WITH (FORCE)")


def test_a_server_that_goes_away_between_questions(ledger: str) -> None:
    with open_ledger(ledger) as engine:
        assert engine.query("SELECT count(*) AS n FROM runs").rows == [(32,)]
        with psycopg.connect(ledger, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'footprint'")
        assert "went away" in refusal(lambda: engine.query("SELECT count(*) AS n FROM runs"))


def test_tables_of_others_do_not_take_the_place_of_ours(ledger: str) -> None:
    with psycopg.connect(ledger, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.runs (id text); INSERT INTO public.runs VALUES ('theirs')")
    with open_ledger(ledger) as engine:
        assert engine.query("SELECT count(*) AS n FROM runs").rows == [(32,)]
