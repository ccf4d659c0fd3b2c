"""One ledger of a million samples, asked by DuckDB from files, and by a real Spark of two executors: equal answers."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from footprint.ledger.engines import Engine, open_ledger
from footprint.ledger.questions import question
from tests.ledger.conftest import whole_run

pytestmark = [pytest.mark.world, pytest.mark.slow]

RUNS, TICKS = 40, 25_000
QUESTIONS: dict[str, dict[str, Any]] = {
    "totals": {"by": ["team", "month"]},
    "shares": {"by": ["team"]},
    "devices": {},
    "factor_groups": {"by": ["team"]},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of 40 runs with 25,000 readings each, in teams that overlap in time on one machine, pushed as Parquet."""
    from footprint.ledger.journal import Journal
    from footprint.ledger.push import push

    home, there = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("there") / "ledger"
    for number in range(RUNS):
        journal = Journal(home)
        labels = {"team": f"team {number % 3}"}
        for record in whole_run(f"{number:016x}", start_s=100.0 + 10_000 * number, ticks=TICKS - 1, labels=labels):
            assert journal.write(record)
        journal.close()
    assert push(f"file://{there}", home=home).samples == RUNS * TICKS
    return there


@pytest.fixture(scope="module")
def spark(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    pyspark = pytest.importorskip("pyspark", reason="pyspark is not here: no question was asked of Spark")
    home = tmp_path_factory.mktemp("spark")  # the workers' own files go here, and not into the package
    for path in Path(pyspark.__file__).parent.iterdir():
        (home / path.name).symlink_to(path) if path.name != "work" else None
    kept = {name: os.environ.get(name) for name in ("SPARK_HOME", "FOOTPRINT_SPARK_MASTER")}
    os.environ |= {"SPARK_HOME": str(home), "FOOTPRINT_SPARK_MASTER": "local-cluster[2,1,1024]"}
    try:
        with open_ledger(f"spark:{place}") as engine:
            print(f"Spark {engine.version}, local-cluster[2,1,1024]")  # type: ignore[attr-defined]
            yield engine
    finally:
        for name, value in kept.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


@pytest.fixture(scope="module")
def duck(place: Path) -> Iterator[Engine]:
    with open_ledger(f"file://{place}") as engine:
        yield engine


def same(one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> None:
    """Integers and texts are equal; doubles to 1e-12."""
    assert len(one) == len(other)
    for row, expected in zip(sorted(one, key=repr), sorted(other, key=repr), strict=True):
        for value, wanted in zip(row, expected, strict=True):
            if isinstance(value, float) and isinstance(wanted, float):
                assert math.isclose(value, wanted, rel_tol=1e-12)
            else:
                assert value == wanted


@pytest.mark.parametrize("name", QUESTIONS)
def test_spark_and_duckdb_answer_alike(name: str, spark: Engine, duck: Engine) -> None:
    asked = question(name, **QUESTIONS[name])
    same(spark.query(asked).rows, duck.query(asked).rows)


def executors() -> list[int]:
    """The executors of a local cluster that this process started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes()
        except OSError:
            continue
        if b"CoarseGrainedExecutorBackend" in words and b"127.0.0.1" in words and _is_ours(int(path.name)):
            found.append(int(path.name))
    return found


def _is_ours(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return False


def test_an_executor_that_is_killed_half_way_changes_nothing(spark: Engine, duck: Engine) -> None:
    asked = question("totals", by=["team"])
    victims = executors()
    assert len(victims) == 2
    killer = threading.Timer(1.0, os.kill, (victims[0], signal.SIGKILL))
    killer.start()
    rows = spark.query(asked).rows
    killer.join()
    same(rows, duck.query(asked).rows)
    same(spark.query(asked).rows, rows)
