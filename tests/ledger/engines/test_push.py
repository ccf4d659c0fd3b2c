"""A ledger pushed to a real PostgreSQL: nothing lost, nothing twice, whatever happens on the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from footprint.errors import ConfigError, LedgerError
from footprint.ledger import outgoing
from footprint.ledger.archive.compacting import Policy, compact
from footprint.ledger.journal import Journal
from footprint.ledger.processes import identify
from footprint.ledger.push import Push, push
from footprint.ledger.reading import journal_paths, read_journal
from footprint.ledger.records import Close, Imported, Open, Tick
from footprint.ledger.rows import rows_of
from footprint.model import Device, Sample
from tests.ledger.archive.examples import AT_ONCE, fill
from tests.report.examples import record, run, runs
from tests.world.postgres import Postgres

pytestmark = pytest.mark.world

GPU = Device(id="gpu:GPU-1", component="accelerators", name="GPU", meter="nvml", grade="counter")
STATES = "SELECT id, outcome, ended_us FROM footprint.runs ORDER BY id"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def asked(database: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(sql.encode()).fetchall()


def content(database: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the ledger's tables."""
    tables = ("runs", "devices", "samples", "ticks")
    return {table: sorted(asked(database, f"SELECT * FROM footprint.{table}"), key=repr) for table in tables}


def energy_mj(*homes: Path) -> int:
    """The energy of all samples of ledgers, each run once."""
    found: dict[str, int] = {}
    for home in homes:
        for path in journal_paths(home):
            rows = rows_of(read_journal(path, keep_ticks=True))
            found |= {one[0]: sum(row[4] for row in rows.samples if row[0] == one[0]) for one in rows.runs}
    return sum(found.values())


def total(database: str) -> tuple[int, int, int]:
    """Runs, and the energy of samples and of devices."""
    (count,) = asked(database, "SELECT count(*) FROM footprint.runs")[0]
    (samples,) = asked(database, "SELECT coalesce(sum(energy_mj), 0)::bigint FROM footprint.samples")[0]
    (devices,) = asked(database, "SELECT coalesce(sum(energy_mj), 0)::bigint FROM footprint.devices")[0]
    return count, samples, devices


def long_run(home: Path, run_id: str, ticks: int, *, outcome: Any = "completed", close: bool = True, extra: int = 0) -> Journal:
    """A run with many readings of odd energies; the journal stays open where it is not closed."""
    journal = Journal(home)
    one = run(run_id)
    here = identify(os.getpid())
    recorder = msgspec.structs.replace(here, start_ticks=1) if close else here
    journal.write(
        Open(
            run=run_id, name="long", kind="other", account=run_id, started_at="2026-11-21T10:00:00.000+00:00", t_s=0.0,
            interval_s=1.0, recorder=recorder, tracked=recorder, host=one.host, devices=(GPU,), reserved_cpus=4.0,
        )
    )  # fmt: skip
    for second in range(ticks + extra):
        sample = Sample(device_id=GPU.id, t_s=float(second), energy_j=7.0 + 301.2345 * second)
        journal.write(Tick(runs=(run_id,), t_s=float(second), samples=(sample,), tree_s=second * 1.5, busy_s=second * 2.5))
    if close:
        journal.write(Close(run=run_id, t_s=float(ticks - 1), outcome=outcome))
        journal.close()
    return journal


def test_every_row_arrives_and_a_second_push_changes_nothing(database: str, home: Path) -> None:
    record(home, runs(12))
    long_run(home, "long", 300)
    first = push(database, home=home)
    assert (first.sources, first.runs, first.new, first.migrated) == (2, 13, 13, (0, 1))
    assert first.energy_mj == energy_mj(home)
    there = content(database)
    expected = [row for path in journal_paths(home) for row in rows_of(read_journal(path, keep_ticks=True)).samples]
    assert there["samples"] == sorted(expected, key=repr)
    assert total(database) == (13, energy_mj(home), energy_mj(home))
    again = push(database, home=home)
    assert (again.sources, again.unchanged_sources, again.runs, again.samples, again.migrated) == (0, 2, 0, 0, None)
    assert content(database) == there


def test_who_pushed_what_and_when_stands_there(database: str, home: Path, postgres: Postgres) -> None:
    record(home, runs(3))
    push(database, home=home)
    ((source, digest, is_open, count, by, host),) = asked(
        database,
        "SELECT source, digest, is_open, runs, pushed_by, host FROM footprint.pushed WHERE pushed_at > now() - interval '1 h'",
    )
    assert source == f"journal:{journal_paths(home)[0].stem}"
    assert (len(digest), is_open, count, by, host) == (64, False, 3, "admin", socket.gethostname())
    assert postgres.password not in repr(content(database)) + repr(asked(database, "SELECT * FROM footprint.pushed"))


def test_a_run_that_goes_on_is_replaced_when_more_is_known(database: str, home: Path) -> None:
    journal = long_run(home, "open", 50, close=False)
    assert push(database, home=home).new == 1
    ((_, outcome, first_us),) = asked(database, STATES)
    assert outcome == "running"
    assert push(database, home=home).same == 1, "unchanged, but read again: its recorder may be gone"
    for second in range(50, 80):
        sample = Sample(device_id=GPU.id, t_s=float(second), energy_j=7.0 + 301.2345 * second)
        journal.write(Tick(runs=("open",), t_s=float(second), samples=(sample,)))
    journal.write(Close(run="open", t_s=79.0, outcome="completed"))
    journal.close()
    assert push(database, home=home).replaced == 1
    ((_, outcome, last_us),) = asked(database, STATES)
    assert outcome == "completed"
    assert last_us > first_us
    assert total(database) == (1, energy_mj(home), energy_mj(home))
    assert push(database, home=home).unchanged_sources == 1


def test_a_copy_that_knows_less_takes_nothing_away(database: str, home: Path, tmp_path: Path) -> None:
    """A backup of a ledger that was taken while a run went on, pushed from another machine, later."""
    journal = long_run(home, "one", 60)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    push(database, home=home)
    there = content(database)
    lost = (
        lines[:30],  # as long as it went on
        lines[:-1],  # as long, and without its end
        lines[:20] + lines[25:],  # with five readings lost
    )
    for number, kept in enumerate(lost):
        copy = tmp_path / f"copy{number}" / "runs" / "2026-11-21" / "aa" / f"{journal.id}.jsonl"
        copy.parent.mkdir(parents=True)
        copy.write_bytes(b"".join(kept))
        done = push(database, home=tmp_path / f"copy{number}")
        assert (done.new, done.replaced, done.kept) == (0, 0, 1), number
        assert content(database) == there
    assert push(database, home=home).unchanged_sources == 0, "the copies' bytes are others"
    assert content(database) == there


def test_since_leaves_older_runs_for_another_push(database: str, home: Path) -> None:
    record(home, runs(10))  # on ten days in May 2025
    since_us = 1_746_489_600_000_000  # 2025-05-06
    assert push(database, home=home, since_us=since_us).new == 5
    assert asked(database, "SELECT min(started_us) FROM footprint.runs")[0][0] >= since_us
    whole = push(database, home=home)
    assert (whole.new, whole.same) == (5, 5)
    assert total(database) == (10, energy_mj(home), energy_mj(home))


def test_a_dry_run_writes_nothing(database: str, home: Path) -> None:
    record(home, runs(4))
    dry = push(database, home=home, dry_run=True)
    assert (dry.dry_run, dry.sources, dry.runs, dry.new, dry.migrated) == (True, 1, 4, None, None)
    assert (dry.samples, dry.energy_mj) == (16, energy_mj(home))
    assert asked(database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'footprint'") == [(0,)]
    push(database, home=home)
    assert push(database, home=home, dry_run=True).unchanged_sources == 1


def test_what_is_deleted_here_stays_there_until_it_is_named(database: str, home: Path) -> None:
    record(home, runs(2))
    long_run(home, "gone", 20)
    push(database, home=home)
    with pytest.raises(LedgerError, match="still in this ledger"):
        push(database, home=home, delete=["gone"])
    next(path for path in journal_paths(home) if b"gone" in path.read_bytes()).unlink()
    assert push(database, home=home).deleted == ()
    assert total(database)[0] == 3
    done = push(database, home=home, delete=["gone", "never-was"])
    assert (done.deleted, done.problems) == (("gone",), ("never-was is no run there: --delete takes whole ids",))
    assert total(database) == (2, energy_mj(home), energy_mj(home))
    for table in ("devices", "samples", "ticks"):
        assert asked(database, f"SELECT count(*) FROM footprint.{table} WHERE run_id = 'gone'") == [(0,)]


def test_hosts_that_push_at_once_bring_each_run_once(database: str, tmp_path: Path) -> None:
    """Four ledgers, two of them copies of each other and all with some run ids in common, each pushed twice, all at once."""
    homes = [tmp_path / f"host{number}" for number in range(4)]
    for number, home in enumerate(homes):
        record(home, [*runs(30), *(run(f"own{number}-{i}") for i in range(10))] if number < 3 else runs(30)[::-1])
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda home: push(database, home=home), homes * 2))
    assert sum(one.new or 0 for one in done) == 60
    assert total(database) == (60, energy_mj(*homes), energy_mj(*homes))
    assert asked(database, "SELECT count(*), count(DISTINCT (run_id, device_id, t_s)) FROM footprint.samples") == [(240, 240)]


def test_archived_runs_arrive_to_the_last_digit(database: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was pushed from journals and compacted then is the same; what was compacted first arrives like from journals."""
    for number in range(9):
        long_run(home, f"run{number}", 100 + number)
    push(database, home=home)
    from_journals = content(database)
    compact(home, Policy(older_than_s=0))
    assert not journal_paths(home)
    archived = push(database, home=home)
    assert (archived.sources, archived.new, archived.same, archived.samples) == (1, 0, 9, 0)
    assert content(database) == from_journals
    assert push(database, home=home).unchanged_sources == 1
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA footprint CASCADE")
    monkeypatch.setattr(outgoing, "PIECE", 250)
    assert push(database, home=home, since_us=2_000_000_000_000_000).new == 0, "none began after 2033"
    assert push(database, home=home, dry_run=True).samples == len(from_journals["samples"])
    assert push(database, home=home).new == 9
    assert content(database) == from_journals


def test_what_is_compacted_meanwhile_is_pushed_from_where_it_is_then(database: str, home: Path) -> None:
    for number in range(4):
        fill(home, 1, first=number)
    compacted: list[int] = []

    def progress(_: str, done: int, __: int) -> None:
        if not compacted:
            compacted.append(done)
            compact(home, AT_ONCE)

    told = push(database, home=home, progress=progress)
    assert (told.new, told.problems, compacted) == (4, (), [1])
    assert asked(database, "SELECT count(DISTINCT run_id), sum(energy_mj) FROM footprint.samples") == [(4, 4 * 250_000)]


def test_thinner_samples_do_not_take_the_place_of_fine_ones(database: str, home: Path) -> None:
    long_run(home, "old", 400)
    push(database, home=home)
    fine = content(database)
    compact(home, Policy(older_than_s=0, keep_samples_s=0))
    done = push(database, home=home)
    assert (done.same, done.samples) == (1, 0)
    assert content(database) == fine
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA footprint CASCADE")
    push(database, home=home)
    thin = content(database)
    assert len(thin["samples"]) < len(fine["samples"]) / 10
    assert sum(row[4] for row in thin["samples"]) == sum(row[4] for row in fine["samples"])


def test_names_that_a_text_of_the_database_cannot_hold(database: str, home: Path) -> None:
    journal = Journal(home)
    odd = run(
        "odd", name="a\0b", labels={"project": "p\0q", "k": "\\u0000 \\\0", "'; DROP TABLE runs --": '"'}, account="é\U0001f642"
    )
    huge = run("huge", started_at="2025-05-01T00:00:00Z", duration_s=1e14)
    many = run(
        "dev",
        devices=tuple(msgspec.structs.replace(run().devices[0], device=msgspec.structs.replace(GPU, id="g\0")) for _ in range(1)),
    )
    for one in (odd, huge, many):
        journal.write(Imported(facts=one))
    journal.close()
    done = push(database, home=home)
    assert done.new == 2
    assert any("huge" in problem for problem in done.problems)
    ((name, project, account, labels),) = asked(
        database, "SELECT name, project, account, labels FROM footprint.runs WHERE id = 'odd'"
    )
    assert asked(database, "SELECT DISTINCT device_id FROM footprint.samples WHERE run_id = 'dev'") == [("g\ufffd",)]
    assert (name, project, account) == ("a\ufffdb", "p\ufffdq", "é\U0001f642")
    assert json.loads(labels) == {"project": "p\ufffdq", "k": "\\u0000 \\\ufffd", "'; DROP TABLE runs --": '"'}
    assert push(database, home=home).unchanged_sources == 1


# -- What goes wrong on the way -----------------------------------------------------------------------------------------


PUSH = "import sys; from pathlib import Path; from footprint.ledger.push import push; push(sys.argv[1], home=Path(sys.argv[2]))"


def many(home: Path, journals: int = 12, ticks: int = 400) -> None:
    for number in range(journals):
        long_run(home, f"run{number:02}", ticks)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many transactions from few rows."""
    monkeypatch.setattr("footprint.ledger.push.PIECE", 1000)
    monkeypatch.setattr(outgoing, "PIECE", 1000)


@contextmanager
def cut_after(port: int, limit_bytes: int) -> Iterator[int]:
    """A way to the server that is cut after so many bytes; its port. Later connections get through."""
    cut = threading.Event()
    ends: list[socket.socket] = [socket.create_server(("127.0.0.1", 0))]
    threads: list[threading.Thread] = []

    def start(target: Callable[..., None], *arguments: Any) -> None:
        threads.append(threading.Thread(target=target, args=arguments))
        threads[-1].start()

    def through(source: socket.socket, target: socket.socket, is_counted: bool) -> None:
        sent = 0
        with suppress(OSError):
            while block := source.recv(4096):
                sent += len(block)
                if is_counted and not cut.is_set() and sent > limit_bytes:
                    cut.set()
                    break
                target.sendall(block)
        hang_up(source, target)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = ends[0].accept()
                server = socket.create_connection(("127.0.0.1", port))
                ends.extend((client, server))
                start(through, client, server, True)
                start(through, server, client, False)

    start(serve)
    try:
        yield ends[0].getsockname()[1]
    finally:
        hang_up(*ends)
        for thread in threads:
            thread.join()
        for end in ends:
            end.close()


def hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("limit_bytes", [2_000, 20_000, 60_000, 120_000, 200_000, 300_000])
def test_a_connection_that_is_cut_loses_nothing(
    database: str, home: Path, postgres: Postgres, small_pieces: None, limit_bytes: int
) -> None:
    many(home)
    with cut_after(postgres.port, limit_bytes) as port:
        through = database.replace(f":{postgres.port}/", f":{port}/")
        with pytest.raises(LedgerError) as told:
            push(through, home=home)
        assert "\n" not in str(told.value)
        assert postgres.password not in str(told.value)
        if asked(database, "SELECT to_regclass('footprint.runs')") != [(None,)]:
            count, samples, devices = total(database)
            assert samples == devices, "a run is there whole or not at all"
            assert count < 12
        push(through, home=home)
    assert total(database) == (12, energy_mj(home), energy_mj(home))
    assert push(database, home=home).unchanged_sources == 12


@pytest.mark.slow
def test_a_server_that_is_killed_in_mid_push(home: Path, tmp_path: Path) -> None:
    """Its power is cut at five moments; each push after it goes on, and what it says to be there is there."""
    from tests.world.postgres import server

    many(home, journals=24, ticks=4000)
    with server() as postgres:
        postgres.sql("CREATE DATABASE ledger")
        database = postgres.url("ledger")
        cut_off = 0
        for _ in range(5):
            with ThreadPoolExecutor(1) as pool:
                pushing = pool.submit(push_in_pieces, database, home)
                _wait_for_growth(database)
                postgres.kill()
                cut_off += pushing.exception(60) is not None
            postgres.start()
            _, samples, devices = total(database)
            assert samples == devices, "a run is there whole or not at all"
        assert cut_off >= 3
        push(database, home=home)
        assert total(database) == (24, energy_mj(home), energy_mj(home))
        assert push(database, home=home).unchanged_sources == 24


def push_in_pieces(database: str, home: Path) -> Push:
    from unittest import mock

    with mock.patch("footprint.ledger.push.PIECE", 3000):
        return push(database, home=home)


def _wait_for_growth(database: str) -> None:
    """Until a push has committed something that was not there before, or half a second is over."""
    before, deadline_s = _count(database), time.monotonic() + 0.5
    while _count(database) == before and time.monotonic() < deadline_s:
        time.sleep(0.01)


def _count(database: str) -> int:
    with suppress(psycopg.Error):
        return int(asked(database, "SELECT count(*) FROM footprint.runs")[0][0])
    return 0


@pytest.mark.slow
def test_a_push_that_is_killed_leaves_whole_runs(database: str, home: Path) -> None:
    many(home, journals=8, ticks=3000)
    for delay_s in (0.2, 0.4, 0.6):
        pushing = subprocess.Popen([sys.executable, "-c", PUSH, database, str(home)])
        time.sleep(delay_s)
        pushing.send_signal(signal.SIGKILL)
        pushing.wait()
    push(database, home=home)
    assert total(database) == (8, energy_mj(home), energy_mj(home))


# -- Who may not ---------------------------------------------------------------------------------------------------------


def refused(database: str, home: Path) -> str:
    with pytest.raises((LedgerError, ConfigError)) as told:
        push(database, home=home)
    line = str(told.value)
    assert "\n" not in line
    return line


def test_a_role_that_may_only_read_is_told_so(
    database: str, home: Path, postgres: Postgres, role: Callable[[str], tuple[str, str]]
) -> None:
    record(home, runs(2))
    push(database, home=home)
    record(home, [run("later")])
    name, password = role("reader")
    asked_of = database.rpartition("/")[2]
    postgres.sql(f'GRANT USAGE ON SCHEMA footprint TO "{name}"', asked_of)
    postgres.sql(f'GRANT SELECT ON ALL TABLES IN SCHEMA footprint TO "{name}"', asked_of)
    told = refused(postgres.url(asked_of, name, password), home)
    assert "permission denied" in told
    assert password not in told
    postgres.sql(f'GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA footprint TO "{name}"', asked_of)
    assert push(postgres.url(asked_of, name, password), home=home).new == 1
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f'DROP OWNED BY "{name}"'.encode())


def test_a_role_without_rights_makes_no_ledger(
    database: str, home: Path, postgres: Postgres, role: Callable[[str], tuple[str, str]]
) -> None:
    record(home, runs(2))
    name, password = role("nobody")
    told = refused(postgres.url(database.rpartition("/")[2], name, password), home)
    assert "permission denied" in told


def test_a_ledger_is_not_pushed_into_itself(home: Path) -> None:
    with pytest.raises(ConfigError, match="folder of its own"):
        push(str(home), home=home)
