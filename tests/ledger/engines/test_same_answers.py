"""Every question on PostgreSQL and on DuckDB, of the same runs: the same rows in the same order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings

from footprint.ledger.ask import ask, sums_of_lineage
from footprint.ledger.engines import open_ledger
from footprint.ledger.engines.engine import Engine
from footprint.ledger.engines.postgres_write import Writer
from footprint.ledger.load import Held
from footprint.ledger.questions import BUCKETS, KEYS
from footprint.ledger.rows import no_rows, rows_of_run
from footprint.model import ATTRIBUTIONS, Run
from tests.derive.examples import gpu, run
from tests.ledger.questions.made import Made, overlapping
from tests.report.examples import HOSTILE
from tests.world.postgres import Postgres

pytestmark = [pytest.mark.world, pytest.mark.slow]

BY: tuple[list[str], ...] = ([], ["user"], ["model", "outcome"], ["label:team", "host"], ["month", "region", "kind"])


class Both:
    """The same runs in both engines."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.writer = Writer(database)
        self.there = open_ledger(database)
        self.here: Engine = Made([])

    def fill(self, runs: Iterable[Run]) -> None:
        """Have these runs and no others."""
        some = list(runs)
        rows = no_rows()
        for one in some:
            rows.add(rows_of_run(one))
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("TRUNCATE footprint.runs, footprint.devices, footprint.samples, footprint.ticks")
        self.writer.write(Held(rows))
        self.here.close()
        self.here = Made(some)

    def agree(self, name: Any, **asked: Any) -> int:
        """Ask both; how many rows both have."""
        here, there = ask(name, ledger=self.here, **asked), ask(name, ledger=self.there, **asked)
        assert there.columns == here.columns
        assert_alike(there.rows, here.rows, f"{name} {asked}")
        return len(here.rows)

    def close(self) -> None:
        for one in (self.writer, self.there, self.here):
            one.close()


def assert_alike(there: Any, here: Any, about: str) -> None:
    """The same, integers and text to the last digit; sums of floats may be added in another order."""
    if isinstance(here, float) and isinstance(there, float):
        assert math.isclose(there, here, rel_tol=1e-12), about
    elif isinstance(here, list | tuple):
        assert len(there) == len(here), about
        for one, other in zip(there, here, strict=True):
            assert_alike(one, other, about)
    else:
        assert type(there) is type(here), f"{about}: {there!r}, {here!r}"
        assert there == here, about


@pytest.fixture(scope="module")
def both(postgres: Postgres) -> Iterator[Both]:
    postgres.sql("CREATE DATABASE same_answers")
    engines = Both(postgres.url("same_answers"))
    yield engines
    engines.close()
    postgres.sql("DROP DATABASE same_answers WITH (FORCE)")


@given(runs=overlapping())
@settings(max_examples=6)
def test_runs_that_overlap_contain_and_repeat_each_other(both: Both, runs: list[Run]) -> None:
    both.fill(runs)
    for attribution in ATTRIBUTIONS:
        for name in ("totals", "shares", "devices"):
            both.agree(name, by=["user"], attribution=attribution)
    for bucket in BUCKETS:
        both.agree("over-time", bucket=bucket)
    both.agree("lineage", of=runs[0].id)


def hostile() -> list[Run]:
    """Runs whose names, labels and accounts mean harm, are nobody's, or sort differently by languages."""
    words = [*HOSTILE, "'; DROP TABLE runs; --", "\\", "{keys}", "%s %(a)s", "$1", "Ähre", "apple", "Zebra", "zebra", "", "a\\'b"]
    return [
        run(
            f"r{index:02}",
            name=word,
            account=word or "none",
            devices=(gpu(1000.5 * (index + 1), uuid=f"GPU-{index % 5}"),),
            started_at=f"2024-{1 + index % 12:02}-28T23:59:59.999999Z",
            labels={"team": word, "user": word, "restart_of": f"r{index - 1:02}"} if index % 3 else {},
        )
        for index, word in enumerate(words)
    ]


def test_every_key_and_hostile_names(both: Both) -> None:
    both.fill(hostile())
    for key in (*KEYS, "label:team"):
        assert both.agree("totals", by=[key]), key
    for by in BY:
        assert both.agree("devices", by=by), by
        assert both.agree("over-time", by=by, bucket="month"), by
        assert both.agree("shares", by=by), by


def test_what_is_asked_for_by_names_that_mean_harm(both: Both) -> None:
    runs = hostile()
    both.fill(runs)
    for one in runs[::3]:
        assert both.agree("totals", where={"name": [one.name], "label:team": [one.labels.get("team", "")]}) == 1
        assert both.agree("lineage", of=one.id) >= 1
        there, here = (sums_of_lineage(engine, ask("lineage", ledger=engine, of=one.id)) for engine in (both.there, both.here))
        assert list(there) == list(here)
        for relation, sums in here.items():
            assert_alike(list(there[relation].values()), list(sums.values()), f"{one.id} {relation}")
    both.agree("totals", since=datetime(2024, 3, 1, tzinfo=UTC), until=datetime(2024, 6, 28, 23, 59, 59, 999999, tzinfo=UTC))
