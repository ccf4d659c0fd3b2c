"""The text of questions: keys are known ones, values are literals, and other engines are told the same."""

from __future__ import annotations

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from footprint.errors import ConfigError
from footprint.ledger.ask import ask
from footprint.ledger.questions import KEYS, question
from tests.derive.examples import run
from tests.ledger.questions.made import Made, device

NAMES = ("totals", "over_time", "shares", "devices")


@settings(max_examples=30)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_a_name_is_a_literal_whatever_it_holds(name: str) -> None:
    with Made([run("r1", name=name, account=name), run("r2", name=f"{name}x")]) as made:
        assert ask("totals", ledger=made, where={"name": [name]}).dicts()[0]["runs"] == 1


@pytest.mark.parametrize("hostile", ["'; DROP TABLE runs; --", "{keys}", "{bucket:lo}", "a\\' OR 1=1", "$1", "%s"])
def test_hostile_names_find_themselves(hostile: str) -> None:
    with Made([run("r1", name=hostile, account=hostile, labels={"model": hostile}), run("r2")]) as made:
        assert ask("totals", ledger=made, where={"name": [hostile], "model": [hostile]}).dicts()[0]["runs"] == 1
        assert [row[1] for row in ask("lineage", ledger=made, of=hostile).rows] == ["r1"]
        assert ask("totals", ledger=made).dicts()[0]["runs"] == 2


@pytest.mark.parametrize("key", ["acount", "id; DROP", "label:", "label:a'b", 'label:a"b', "month--"])
def test_an_unknown_key_is_refused_with_what_there_is(key: str) -> None:
    with pytest.raises(ConfigError):
        question("totals", by=[key])


def test_near_keys_are_named() -> None:
    with pytest.raises(ConfigError, match="did you mean account"):
        ask("totals", by=["acount"])


@pytest.mark.parametrize("key", [*KEYS, "label:a.b c/d"])
def test_any_key_can_be_grouped_by(key: str) -> None:
    one = run("r", labels={"a.b c/d": "x", "user": "ann"}, devices=(device(((0.0, 0.0), (9.0, 90.0))),))
    with Made([one]) as made:
        for name in ("totals", "over-time", "shares", "devices"):
            (row,) = ask(name, ledger=made, by=[key]).dicts()
            assert row["energy_mj"] == 90_000
            if key.startswith("label:"):
                assert row[key] == "x"


@pytest.mark.parametrize("dialect", ["postgres", "spark"])
@pytest.mark.parametrize("name", NAMES)
def test_other_dialects_can_say_it(name: str, dialect: str) -> None:
    (told,) = sqlglot.transpile(
        question(name, by=["user", "label:team"], where={"name": ["x"]}, bucket="month", idle_ratio=1.2),
        read="duckdb",
        write=dialect,
    )
    assert "{" not in told
    assert sqlglot.transpile(told, read=dialect, write=dialect)
    assert ('"user"' if dialect == "postgres" else "`user`") in told


def test_lineage_follows_every_kind_of_link_and_ends() -> None:
    runs = [
        run("base", labels={"model": "m0"}, started_at="2024-01-01T00:00:00Z"),
        run("try", account="job", labels={"fine_tuned_from": "m0", "model": "m1"}, started_at="2024-01-02T00:00:00Z"),
        run("again", account="job2", labels={"restart_of": "job", "model": "m1"}, started_at="2024-01-03T00:00:00Z"),
        run("inner", parent="again", started_at="2024-01-04T00:00:00Z"),
        run("after", labels={"fine_tuned_from": "m1"}, started_at="2024-01-05T00:00:00Z"),
        run("loop1", labels={"restart_of": "loop2"}, started_at="2024-01-06T00:00:00Z"),
        run("loop2", labels={"restart_of": "loop1"}, started_at="2024-01-07T00:00:00Z"),
        run("other"),
    ]
    with Made(runs) as made:
        told = {row["id"]: row["relation"] for row in ask("lineage", ledger=made, of="again").dicts()}
        assert told == {"base": "before", "try": "before", "again": "asked", "inner": "after", "after": "after"}
        told = {row["id"]: row["relation"] for row in ask("lineage", ledger=made, of="m1").dicts()}
        assert told == {"base": "before", "try": "asked", "again": "asked", "inner": "after", "after": "after"}
        assert {row[1] for row in ask("lineage", ledger=made, of="loop1").rows} == {"loop1", "loop2"}
        with pytest.raises(ConfigError, match=r"no run.s id, account or model"):
            ask("lineage", ledger=made, of="nothing")
