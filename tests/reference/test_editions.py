"""Editions of the factors: a released one never changes, and one that is added changes no other."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

import pytest

import footprint
from footprint.errors import ConfigError
from footprint.model import Place
from footprint.reference import EDITIONS, FACTORS_VERSION, current_edition, editions, intensity, pue, tables, using_edition

PACKAGE = Path(footprint.__file__).parent
LOOK_UPS = Path(__file__).with_name("lookups.py")
RELEASED = {
    row["edition"]: row["digest"]
    for row in csv.DictReader((PACKAGE / "reference" / "data" / "editions.csv").read_text(encoding="utf-8").splitlines())
    if row["released"]
}


# -- Frozen ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("edition", "digest"), RELEASED.items())
def test_a_released_edition_is_what_it_was(edition: str, digest: str) -> None:
    assert editions.digest(edition) == digest, f"edition {edition} is released: put what changes into a new one"


def test_all_editions_but_the_one_in_the_making_are_released() -> None:
    assert "2026.11" in RELEASED
    assert list(RELEASED) == list(EDITIONS[: len(RELEASED)])
    assert len(EDITIONS) - len(RELEASED) <= 1


def test_a_digest_tells_a_byte_a_name_and_a_file_from_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions, "_DATA", tmp_path)
    folder = tmp_path / "2099.1"
    folder.mkdir()
    seen = set()
    for name, text in (("a.csv", "id\n1\n"), ("a.csv", "id\n2\n"), ("b.csv", "id\n1\n"), ("a.csv", "id\n1\n")):
        (folder / name).write_text(text)
        seen.add(editions.digest("2099.1"))
    assert len(seen) == 4
    (folder / "notes.txt").write_text("not a table")
    assert editions.digest("2099.1") in seen


# -- Adding one --------------------------------------------------------------------------------------------------------


def answers(package: Path, edition: str) -> dict[str, list[object]]:
    """The digests of all look-ups of an edition, by the package as it stands there."""
    command, path = [sys.executable, str(LOOK_UPS), edition], {"PYTHONPATH": str(package)}
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=path).stdout
    found: dict[str, list[object]] = json.loads(printed)
    return found


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package, which may be changed."""
    shutil.copytree(PACKAGE, tmp_path / "footprint", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_an_edition_that_is_added_leaves_every_look_up_of_the_others_the_same(copied: Path) -> None:
    """With every number of every table another one, tables left out of the old editions, and rows taken away."""
    before = {edition: answers(PACKAGE.parent, edition) for edition in EDITIONS}
    data = copied / "footprint" / "reference" / "data"
    new = data / "2099.1"
    new.mkdir()
    for name in tables.names():
        rows = [dict(row) for row in tables.table(name)]
        for row in rows:
            row |= {column: f"{float(row[column]) * 1.1:.6g}" for column in ("low", "central", "high") if row.get(column)}
        with (new / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    (new / "of_later_days.csv").write_text("id,what\n1,a table that nobody had\n")
    with (data / "editions.csv").open("a", encoding="utf-8") as file:
        file.write("2099.1,,,of later days\n")
    assert {edition: answers(copied, edition) for edition in EDITIONS} == before
    added = answers(copied, "2099.1")
    assert all(count > 0 for count, _ in added.values())  # type: ignore[operator]
    changed = {kind for kind, answer in added.items() if answer != before[FACTORS_VERSION][kind]}
    assert {"factor", "power", "host", "share", "intensity", "pue", "figures", "cpu"} <= changed


def test_a_table_that_an_edition_did_not_bring_is_that_of_the_newest_before_it_which_has_it(copied: Path) -> None:
    data = copied / "footprint" / "reference" / "data"
    (data / "2099.1").mkdir()
    with (data / "editions.csv").open("a", encoding="utf-8") as file:
        file.write("2099.1,,,nothing new\n")
    assert answers(copied, "2099.1") == answers(PACKAGE.parent, FACTORS_VERSION)


def test_editions_differ_where_something_was_found_out() -> None:
    old, new = (answers(PACKAGE.parent, edition) for edition in ("2026.11", FACTORS_VERSION))
    assert old["pue"] != new["pue"]
    assert old["share"] != new["share"]


# -- Using one ---------------------------------------------------------------------------------------------------------


def test_the_newest_is_read_where_nothing_is_said() -> None:
    assert current_edition() == FACTORS_VERSION == EDITIONS[-1]
    assert pue(None, 2019).high == 1.67
    with using_edition("2026.11"):
        assert current_edition() == "2026.11"
        assert pue(None, 2019).high == 1.58
        with using_edition(FACTORS_VERSION):
            assert pue(None, 2019).high == 1.67
        assert pue(None, 2019).high == 1.58
    assert pue(None, 2019).high == 1.67


def test_an_edition_is_left_also_where_the_body_raises() -> None:
    with pytest.raises(ZeroDivisionError), using_edition("2026.11"):
        1 / 0  # noqa: B018 - raises
    assert current_edition() == FACTORS_VERSION


@pytest.mark.parametrize("edition", ["2026.10", "", "newest", "../2026.11"])
def test_an_edition_that_there_is_none_of_is_refused_with_those_that_there_are(edition: str) -> None:
    with pytest.raises(ConfigError, match=r"2026\.11"), using_edition(edition):
        pass


def test_an_edition_that_one_thread_uses_is_not_that_of_another() -> None:
    inside, asked = threading.Event(), threading.Event()

    def use_the_first() -> tuple[str, float]:
        with using_edition("2026.11"):
            inside.set()
            assert asked.wait(30)
            return current_edition(), pue(None, 2019).high

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(use_the_first)
        assert inside.wait(30)
        assert (current_edition(), pue(None, 2019).high) == (FACTORS_VERSION, 1.67)
        assert copy_context().run(current_edition) == FACTORS_VERSION
        asked.set()
        assert future.result(30) == ("2026.11", 1.58)
    assert current_edition() == FACTORS_VERSION


def test_many_threads_with_an_edition_each_read_their_own() -> None:
    place = Place(provider="aws", region="eu-west-3", zone="FRA")

    def ask(edition: str) -> list[object]:
        with using_edition(edition):
            return [current_edition(), *(pue(place, year) for year in range(2010, 2027)), intensity(place, 2022)]

    alone = {edition: ask(edition) for edition in EDITIONS}
    asked = [EDITIONS[n % len(EDITIONS)] for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, asked)) == [alone[edition] for edition in asked]


def test_a_table_of_a_later_edition_is_not_there_in_an_earlier_one() -> None:
    assert tables.has("measured_jobs")
    with using_edition("2026.11"):
        assert not tables.has("measured_jobs")
        assert not tables.has_id("measured_jobs", "job:olmo-3:7b")
        assert "measured_jobs" not in tables.names()
        with pytest.raises(KeyError, match="measured_jobs"):
            tables.table("measured_jobs")


def test_what_was_looked_up_is_given_though_another_thread_clears_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions, "_MOST_KEPT", 1)

    @editions.remembered
    def doubled(name: object) -> str:
        return f"{name} {name}"

    class Interrupted:
        """A name at each of whose look-ups another thread comes in between, and looks up one of its own."""

        def __init__(self) -> None:
            self.looked_up = 0

        def __hash__(self) -> int:
            self.looked_up += 1
            doubled(str(self.looked_up))
            return 1

        def __eq__(self, other: object) -> bool:
            return self is other

        def __str__(self) -> str:
            return "name"

    name = Interrupted()
    assert [doubled(name), doubled(name)] == ["name name", "name name"]
    assert name.looked_up
