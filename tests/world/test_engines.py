"""One ledger of a million samples, asked where it lies as files, on a real PostgreSQL, and on a real Spark of two executors.

The answers are equal: whole numbers and texts, and doubles to 1e-12. They are, too, when an executor is killed half-way, and
after a server has ended a connection half-way, which is told in one line.
"""

from __future__ import annotations

import math
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from footprint.derive import group_totals
from footprint.errors import LedgerError
from footprint.ledger.ask import ask
from footprint.ledger.engines import Answer, Engine, open_ledger
from footprint.ledger.engines.engine import Closing
from footprint.ledger.journal import Journal
from footprint.ledger.push import push
from footprint.ledger.records import Close, Tick
from footprint.model import Sample
from tests.ledger.conftest import GPU, HOST, opened
from tests.world.postgres import Postgres, postgres
from tests.world.spark import EXECUTORS, cluster, java

__all__ = ["java", "postgres"]

pytestmark = [pytest.mark.world, pytest.mark.slow]

FOOTPRINT = Path(sys.executable).with_name("footprint")
RUNS, SAMPLES = 40, 1_000_000
SECONDS = SAMPLES // RUNS
QUESTIONS: Final[dict[str, dict[str, Any]]] = {
    "totals": {"by": ["label:team", "month", "outcome"]},
    "over-time": {"by": ["label:team"], "bucket": "day"},
    "shares": {"by": ["label:team"]},
    "devices": {"attribution": "machine"},
    "lineage": {"of": f"{1:016x}"},
}


class Places(NamedTuple):
    """Where the ledger is: on a store, and in a database."""

    store: str
    database: str


class Listening(Closing):
    """An engine, and what it was asked and answered."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.where = engine.where
        self.heard: list[tuple[str, Answer]] = []

    def query(self, sql: str) -> Answer:
        answer = self._engine.query(sql)
        self.heard.append((sql, answer))
        return answer


def energy_j(t_s: float) -> float:
    """What the GPU has used: 40 W, and 75.5 W more in every other of some minutes."""
    cycles, rest_s = divmod(t_s, 700.0)
    return 7_000 + 40 * t_s + 75.5 * (350.0 * cycles + min(rest_s, 350.0))


def write(home: Path) -> None:
    """Runs of seven hours, four of which overlap at a time on the GPU of each of two hosts; some restarted, some failed."""
    for number in range(RUNS):
        run, begin_s = f"{number:016x}", 100.25 + SECONDS * (0.4 * number + 1.6 * (number // 8))
        journal = Journal(home)
        restarted = {"restart_of": f"{number - 1:016x}"} if number % 5 else {}
        name = f"node-{number % 2}"
        facts = {"host": msgspec.structs.replace(HOST, name=name, boot_id=f"boot of {name}"), "t_s": begin_s, "interval_s": 1.0}
        at = f"2026-11-{20 + number // 10:02}T{10 + number % 10:02}:00:00.000+00:00"
        assert journal.write(opened(run, started_at=at, labels={"team": f"team {number % 3}", **restarted}, **facts))
        for second in range(SECONDS):
            t_s = begin_s + second
            sample = Sample(device_id=GPU.id, t_s=t_s, energy_j=energy_j(t_s))
            assert journal.write(Tick(runs=(run,), t_s=t_s, samples=(sample,), tree_s=t_s, busy_s=2 * t_s))
        assert journal.write(Close(run=run, t_s=begin_s + SECONDS - 1, outcome="failed" if number % 7 == 0 else "completed"))
        journal.close()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Places:
    """The ledger, pushed to a store and, at the same time, to a database."""
    home, there, name = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("there") / "ledger", f"t_{secrets.token_hex(6)}"
    write(home)
    postgres.sql(f'CREATE DATABASE "{name}"')
    database = postgres.url(name)
    environment = {**os.environ, "FOOTPRINT_HOME": str(home)}
    words = [str(FOOTPRINT), "ledger", "push", database, "--json"]
    other = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    done = push(f"file://{there}", home=home)
    told, wrong = other.communicate(timeout=300)
    assert other.returncode == 0, wrong
    also = msgspec.json.decode(told)
    assert (done.samples, done.energy_mj) == (also["samples"], also["energy_mj"])
    assert done.samples == SAMPLES
    return Places(f"file://{there}", database)


@pytest.fixture(scope="module")
def duck(places: Places) -> Iterator[Engine]:
    with open_ledger(places.store) as engine:
        yield engine


@pytest.fixture(scope="module")
def spark(places: Places, java: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from cluster(java, places.store.removeprefix("file://"), tmp_path_factory.mktemp("spark"))


def same(one: Answer, other: Answer) -> None:
    """Columns and rows in their order; integers and texts are equal, doubles to 1e-12."""
    assert one.columns == other.columns
    assert len(one.rows) == len(other.rows) > 0
    for row, expected in zip(one.rows, other.rows, strict=True):
        for column, value, wanted in zip(one.columns, row, expected, strict=True):
            if isinstance(value, float) and isinstance(wanted, float):
                assert math.isclose(value, wanted, rel_tol=1e-12), (column, row, expected)
            else:
                assert value == wanted, (column, row, expected)


def answered(name: str, engine: Engine) -> Answer:
    return ask(name, ledger=engine, **QUESTIONS[name])


def grouped(engine: Engine) -> tuple[list[tuple[str, Answer]], Any]:
    """What was asked for the footprints of teams, and what came of it."""
    listening = Listening(engine)
    (first, *_) = group_totals(listening, by=["label:team"]).rows
    return [(sql, _sorted(answer)) for sql, answer in listening.heard], first


def _sorted(answer: Answer) -> Answer:
    """Rows whose order nobody asked for, in one."""
    return answer._replace(rows=sorted(answer.rows, key=lambda row: [str(one) for one in row if not isinstance(one, float)]))


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_million_samples_are_answered_alike_by_postgresql(name: str, places: Places, duck: Engine) -> None:
    with open_ledger(places.database) as engine:
        same(answered(name, engine), answered(name, duck))


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_million_samples_are_answered_alike_by_spark(name: str, spark: Engine, duck: Engine) -> None:
    same(answered(name, spark), answered(name, duck))


@pytest.mark.parametrize("engine", ["postgresql", "spark"])
def test_factor_groups_are_the_same_rows_and_come_to_the_same_footprints(
    engine: str, places: Places, duck: Engine, request: pytest.FixtureRequest
) -> None:
    here, row = grouped(duck)
    if engine == "spark":
        there, other = grouped(request.getfixturevalue("spark"))
    else:
        with open_ledger(places.database) as opened_there:
            there, other = grouped(opened_there)
    assert [sql for sql, _ in there] == [sql for sql, _ in here]
    for (_, one), (_, wanted) in zip(there, here, strict=True):
        same(one, wanted) if wanted.rows else None
    assert (row.runs, row.with_energy) == (other.runs, other.with_energy)
    mine, theirs = row.footprint.energy_kwh, other.footprint.energy_kwh
    assert (theirs.low, theirs.central, theirs.high) == pytest.approx((mine.low, mine.central, mine.high), rel=1e-12)


def test_a_backend_that_is_terminated_half_way_is_one_clear_line_and_the_next_ask_is_right(
    places: Places, postgres: Postgres, duck: Engine
) -> None:
    ended = threading.Event()

    def end() -> None:
        working = "application_name = 'footprint' AND state = 'active' AND now() - query_start > interval '20 ms'"
        while not ended.is_set():
            if postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {working}"):
                ended.set()

    killer = threading.Thread(target=end)
    with open_ledger(places.database) as engine:
        killer.start()
        try:
            with pytest.raises(LedgerError) as told:
                answered("over-time", engine)
        finally:
            ended.set()
            killer.join()
    (line,) = str(told.value).splitlines()
    assert "went away" in line
    assert "terminat" in line
    assert postgres.password not in line
    with open_ledger(places.database) as engine:
        same(answered("over-time", engine), answered("over-time", duck))


def executors() -> list[int]:
    """The executors of the cluster that this process started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes()
        except OSError:
            continue
        if b"CoarseGrainedExecutorBackend" in words and _is_ours(int(path.name)):
            assert b"@127.0.0.1:" in words
            found.append(int(path.name))
    return found


def _is_ours(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return False


def test_an_executor_that_is_killed_half_way_changes_nothing(spark: Engine, duck: Engine) -> None:
    from pyspark import SparkContext

    jobs = SparkContext.getOrCreate().statusTracker()

    def begun() -> int:
        return len(jobs.getJobIdsForGroup())

    wanted, before = answered("totals", duck), begun()
    same(answered("totals", spark), wanted)
    half = (begun() - before) // 2
    victims, before = executors(), begun()
    assert len(victims) == EXECUTORS
    assert half > 1
    ended, killed = threading.Event(), threading.Event()

    def kill() -> None:
        while not ended.wait(0.02):
            if begun() >= before + half:
                os.kill(victims[0], signal.SIGKILL)
                killed.set()
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        answer = answered("totals", spark)
        assert killed.is_set(), "the answer was there before the executor was killed"
    finally:
        ended.set()
        killer.join()
    same(answer, wanted)
    assert victims[0] not in executors()
    same(answered("totals", spark), wanted)
