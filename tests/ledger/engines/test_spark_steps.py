"""A question in Spark's words, step by step; Spark itself is asked in `tests/world`."""

from __future__ import annotations

import pytest

from footprint.ledger.engines.spark_steps import plan_of
from footprint.ledger.questions import question


def test_expressions_that_are_used_more_than_once_are_kept() -> None:
    plan = plan_of(
        "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a), c AS (SELECT b.x FROM a JOIN b ON a.x = b.x) SELECT x FROM c"
    )
    assert [(step.name, step.is_kept, step.again) for step in plan.steps] == [
        ("footprint_step_a", True, None),
        ("footprint_step_b", False, None),
        ("footprint_step_c", False, None),
    ]
    assert plan.steps[2].sql == "SELECT b.x FROM footprint_step_a AS a JOIN footprint_step_b AS b ON a.x = b.x"
    assert plan.last == "SELECT x FROM footprint_step_c AS c"


def test_what_reads_itself_is_what_it_begins_with_and_what_follows() -> None:
    plan = plan_of(
        "WITH RECURSIVE links AS (SELECT 1 AS a, 2 AS b), "
        "met(n) AS (SELECT 1 AS n UNION SELECT 5 AS n UNION SELECT l.b FROM met m JOIN links l ON l.a = m.n) SELECT n FROM met"
    )
    links, met = plan.steps
    assert links.is_kept  # it is read anew for each link
    assert met.sql == "SELECT 1 AS n UNION ALL SELECT 5 AS n"
    assert met.again == "SELECT l.b FROM footprint_step_met AS m JOIN footprint_step_links AS l ON l.a = m.n"


@pytest.mark.parametrize("name", ["totals", "over_time", "shares", "devices", "lineage"])
def test_no_expression_of_a_question_is_left_to_be_written_out(name: str) -> None:
    plan = plan_of(question(name, by=["account"], idle_ratio=1.2, of="it's"))
    assert plan.steps
    assert not any("WITH " in sql for sql in (plan.last, *(step.sql for step in plan.steps)))


def test_a_table_is_no_step() -> None:
    assert plan_of("SELECT id FROM runs") == ([], "SELECT id FROM runs")
