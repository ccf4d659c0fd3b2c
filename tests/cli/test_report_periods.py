"""`footprint report` over time: a period and the one before it, two runs, and what became of an earlier report's numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from footprint.cli import call
from footprint.derive.restating import restate_total
from footprint.ledger import home, read_runs, write_run_file
from footprint.ledger.journal import Journal
from footprint.ledger.records import Imported
from footprint.model import Place, Run
from footprint.reference import EDITIONS, using_edition
from footprint.report import restated
from footprint.report.html.building import MARKER
from footprint.report.previous import MOST_BYTES
from footprint.report.restated import MOST_REASONED
from tests.report.examples import HOSTILE, record, run, runs, somewhere

Said = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """The summary as JSON."""

    def ask(*options: str) -> dict[str, Any]:
        capsys.readouterr()
        assert call(["report", "--json", *options]) == 0
        out, err = capsys.readouterr()
        assert not err
        found: dict[str, Any] = json.loads(out)
        return found

    return ask


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line of a refusal, of which nothing is left."""

    def ask(*options: str) -> str:
        before = sorted(Path().rglob("*"))
        assert call(["report", *options]) == 2
        out, err = capsys.readouterr()
        assert not out
        assert len(err.splitlines()) == 1
        assert sorted(Path().rglob("*")) == before
        return err

    return ask


def keep(*some: Run) -> None:
    """Put whole runs into the ledger, as an import does."""
    journal = Journal(home())
    for one in some:
        assert journal.write(Imported(facts=one))
    journal.close()


def this_month() -> datetime:
    return datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def in_month(ago: int, number: int = 0) -> str:
    """A moment of the month so many months ago."""
    first = this_month()
    for _ in range(ago):
        first = (first - timedelta(days=1)).replace(day=1)
    return (first + timedelta(hours=3 * number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_months(*counts: int, **facts: Any) -> None:
    """So many runs in this month, the last, and the one before."""
    keep(
        *(
            run(f"m{ago}n{number:02}", name=f"job-{number}", started_at=in_month(ago, number), place=somewhere(), **facts)
            for ago, count in enumerate(counts)
            for number in range(count)
        )
    )


def ids(found: dict[str, Any]) -> set[str]:
    return {row["id"] for row in found["rows"]}


# -- Periods -------------------------------------------------------


def test_last_month_is_that_month_alone(said: Said) -> None:
    in_months(2, 3, 1)
    found = said("--since", "last-month")
    assert ids(found) == {"m1n00", "m1n01", "m1n02"}
    options = found["options"]
    assert (options["since"], options["until"]) == (in_month(1), in_month(0))
    assert options["selection"] == [f"--since 'last-month' = {in_month(1)[:7]}"]
    assert ids(said("--since", in_month(1)[:7])) == {"m0n00", "m0n01", "m1n00", "m1n01", "m1n02"}
    assert ids(said("--since", in_month(1)[:7], "--until", "this-month")) == ids(found)
    assert ids(said("--since", "last-month", "--until", in_month(1)[:8] + "02")) <= ids(found)
    assert ids(said("--until", "last-month")) == {"m2n00"}


def test_a_period_is_in_the_head_of_the_page() -> None:
    in_months(0, 2)
    assert call(["report", "--since", "last-month"]) == 0
    page = Path("footprint.html").read_text()
    assert f"last-month&#39; = {in_month(1)[:7]}" in page


def test_a_key_has_one_of_the_values_that_are_stated(said: Said) -> None:
    record(home(), runs(8))
    assert {row["outcome"] for row in said("--where", "outcome=failed", "--where", "outcome=interrupted")["rows"]} == {
        "failed",
        "interrupted",
    }
    both = said("--where", "label:team=vision", "--where", "account=sweep")
    assert ids(both) == {"run00003"}
    assert both["options"]["selection"] == ["--where 'label:team=vision'", "--where 'account=sweep'"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--where", "outcome"], "KEY=VALUE"),
        (["--where", "=failed"], "KEY=VALUE"),
        (["--where", "outcme=failed"], "did you mean outcome?"),
        (["--group-by", "projekt"], "cannot group by 'projekt'; did you mean project? (there are account, "),
        (["--where", "outcome=lost"], "no run fits --where 'outcome=lost' (the ledger has 3 runs)"),
        (["--since", "lastmonth"], "did you mean last-month?"),
        (["--until", "tomorow"], "--until 'tomorow' is no day"),
        (["--since", "2025-05-02", "--until", "2025-05-01"], "--until is not after --since"),
        (["--since-report", "none.html"], "--since-report none.html: there is no such file"),
        (["--compare"], "--compare needs two things to compare"),
        (["--compare", "--until", "2025-06"], "--compare needs two things to compare"),
        (["--compare", "--run", "run00000"], "exactly two --run (given: one)"),
        (["--compare", "--run", "run00000", "--run", "run00000"], "exactly two --run (given: one)"),
        (["--compare", "--run", "run00000", "--run", "run00001", "--run", "run00002"], "exactly two --run (given: 3)"),
        (["--compare", "--run", "run00000", "--run", "run0000"], "run0000"),
        (["--compare", "--since", "9000"], "no run fits --since '9000'"),
        (["--compare", "--since", "0001"], "no period before"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_one_line(options: list[str], why: str, refused: Callable[..., str]) -> None:
    record(home(), runs(3))
    assert why in refused(*options)


def test_a_run_by_two_names_is_not_compared_with_itself(refused: Callable[..., str]) -> None:
    record(home(), [run("abcdef")])
    assert "one and the same run" in refused("--compare", "--run", "abc", "--run", "abcdef")


def test_a_ledger_of_which_nothing_can_be_read_is_not_one_without_runs(refused: Callable[..., str]) -> None:
    keep(run("only"))
    for journal in home().rglob("*.jsonl"):
        journal.write_bytes(b'{"v":1,"torn\n')
    assert "no run of the ledger can be read" in refused()


# -- Two periods, two runs -------------------------------------------------------


def test_a_month_against_the_one_before(said: Said) -> None:
    in_months(0, 3, 2)
    found = said("--since", "last-month", "--compare")
    compared = found["compared"]
    assert compared["what"] == "periods"
    assert (compared["before"]["label"], compared["now"]["label"]) == (in_month(2)[:7], in_month(1)[:7])
    assert (compared["before"]["started_at"], compared["before"]["ended_at"]) == (in_month(2), in_month(1))
    assert (compared["before"]["amounts"]["runs"], compared["now"]["amounts"]["runs"]) == (2, 3)
    assert compared["now"]["amounts"] == found["total"]
    assert not compared["notes"]
    assert {group["key"] for group in compared["before"]["by"]["account"]} == {"lab"}


def test_what_both_share_cancels(said: Said) -> None:
    """Three runs against two of the same machine and place: each side is unsure by a tenth and more, their ratio is not."""
    in_months(0, 3, 2)
    compared = said("--since", "last-month", "--compare")["compared"]
    for name, ratio in (("energy_kwh", "energy_ratio"), ("emissions_g", "emissions_ratio")):
        before, now = compared["before"]["amounts"][name], compared["now"]["amounts"][name]
        assert compared[ratio]["central"] == pytest.approx(now["central"] / before["central"])
        width = (compared[ratio]["high"] - compared[ratio]["low"]) / compared[ratio]["central"]
        assert width < 0.5 * (now["high"] - now["low"]) / now["central"]
        assert compared[ratio]["low"] > 1
        assert compared["is_sure"][name] is True


def test_of_equal_months_nobody_is_sure_that_they_differ(said: Said) -> None:
    in_months(0, 2, 2)
    compared = said("--since", "last-month", "--compare")["compared"]
    assert compared["energy_ratio"]["central"] == pytest.approx(1.0)
    assert compared["is_sure"] == {"energy_kwh": False, "emissions_g": False}


def test_before_it_there_was_nothing(said: Said, capsys: pytest.CaptureFixture[str]) -> None:
    in_months(0, 2)
    compared = said("--since", "last-month", "--compare")["compared"]
    assert (compared["energy_ratio"], compared["emissions_ratio"], compared["is_sure"]) == (None, None, {})
    assert compared["before"]["amounts"]["runs"] == 0
    assert compared["before"]["amounts"]["energy_kwh"] is None
    assert compared["notes"] == [f"{in_month(2)[:7]}: no runs"]
    for kind in ("html", "md", "table", "csv"):
        assert call(["report", "--since", "last-month", "--compare", "--format", kind, "-o", "-"]) == 0
        assert "nan" not in capsys.readouterr().out.split()


def test_a_part_is_not_held_against_a_whole(said: Said) -> None:
    record(home(), [run("then", started_at=in_month(2), place=somewhere()), run("now", started_at=in_month(1))])
    compared = said("--since", "last-month", "--compare")["compared"]
    assert compared["energy_ratio"] is not None
    assert compared["emissions_ratio"] is None
    assert compared["is_sure"].keys() == {"energy_kwh"}
    assert compared["notes"][0] == f"{in_month(1)[:7]}: the emissions are known of none of 1 run"


def test_a_period_that_is_not_over_says_so(said: Said) -> None:
    in_months(1, 1)
    compared = said("--since", "this-month", "--compare")["compared"]
    assert f"{in_month(0)[:7]} is not over yet" in compared["notes"]
    since = (datetime.now(UTC) - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    record(home(), [run("recent", started_at=since)])
    week = said("--since", "7d", "--compare")["compared"]
    assert week["before"]["ended_at"] == week["now"]["started_at"]
    assert week["notes"] != compared["notes"]


def test_two_runs_the_newer_against_the_older(said: Said) -> None:
    facts: dict[str, Any] = {"place": somewhere(), "work": {"samples": 1000.0}}
    keep(
        run("old", name="tune", started_at="2025-05-01T00:00:00Z", duration_s=3600.0, **facts),
        run("new", name="tune", started_at="2025-05-02T00:00:00Z", duration_s=1800.0, **facts),
        run("else", name="other", started_at="2025-05-03T00:00:00Z", **facts),
    )
    found = said("--compare", "--run", "new", "--run", "old")
    compared = found["compared"]
    assert (compared["what"], ids(found)) == ("runs", {"old", "new"})
    assert (compared["before"]["label"], compared["now"]["label"]) == ("tune (old)", "tune (new)")
    assert compared["now"]["ended_at"] == "2025-05-02T00:30:00Z"
    ratio = compared["energy_ratio"]
    assert ratio["central"] == pytest.approx(0.5, rel=0.1)
    assert ratio["low"] <= ratio["central"] <= ratio["high"] < 1
    assert found["options"]["selection"] == ["--run 'new'", "--run 'old'"]
    assert said("--compare", "--run", "else", "--run", "old")["compared"]["now"]["label"] == "other"


def test_bases_that_differ_are_named(said: Said) -> None:
    keep(run("nation", place=somewhere()))
    write_run_file(
        run("state", place=Place(zone="US-VA", known_by="stated"), started_at="2025-06-01T00:00:00Z"), Path("state.json")
    )
    compared = said("--compare", "--run", "nation", "--run", "state.json")["compared"]
    assert compared["notes"] == ["the bases of the emissions differ: before life-cycle; now life-cycle, estimated"]


# -- Since the last report -------------------------------------------------------


def with_edition(edition: str, *arguments: str) -> None:
    """A report of those days."""
    with using_edition(edition):
        assert call(["report", *arguments]) == 0


def embedded(page: str = "footprint.html") -> dict[str, Any]:
    text = Path(page).read_text()
    begin = text.index('id="summary">') + len('id="summary">')
    found: dict[str, Any] = json.loads(text[begin : text.index("</script", begin)])
    return found


def notes(found: dict[str, Any]) -> list[str]:
    said = [one["message"] for one in found["warnings"] if one["runs"] == 0]
    return [one for one in said if one.startswith(("the earlier report", "what changed"))]


def test_a_report_that_is_renewed_says_what_the_new_factors_make_of_the_old_numbers() -> None:
    record(home(), runs(6))
    older, newer = EDITIONS[0], EDITIONS[-1]
    with_edition(older)
    earlier = embedded()
    assert earlier["factors_version"] == older
    assert call(["report"]) == 0
    found = embedded()["restated"]
    expected = restate_total(read_runs().runs, older, newer)
    assert (found["older"], found["newer"], found["runs"]) == (older, newer, 6)
    assert found["reported_at"] == earlier["options"]["generated_at"]
    assert found["stated_g"] == earlier["total"]["emissions_g"]
    assert expected.old.emissions_g is not None
    assert expected.new.emissions_g is not None
    assert found["old_g"]["central"] == pytest.approx(expected.old.emissions_g.central, rel=1e-4)
    assert found["new_g"]["central"] == pytest.approx(expected.new.emissions_g.central, rel=1e-4)
    assert found["differs"] == ["edition"]
    assert found["with_emissions"] == 6


def test_the_same_report_again_has_nothing_to_tell() -> None:
    record(home(), runs(4))
    assert call(["report"]) == 0
    assert call(["report"]) == 0
    assert embedded()["restated"] is None
    assert notes(embedded()) == []


def test_runs_that_came_since_are_no_restatement_and_facts_that_came_late_are(said: Said) -> None:
    record(home(), runs(2))
    assert call(["report", "--format", "json", "-o", "before.json"]) == 0
    late = datetime.now(UTC) + timedelta(minutes=5)
    record(home(), [run("later", place=somewhere(), started_at=late.strftime("%Y-%m-%dT%H:%M:%SZ"))])
    assert said("--since-report", "before.json")["restated"] is None


def test_a_number_that_the_same_factors_no_longer_give_is_told(said: Said) -> None:
    record(home(), runs(2))
    assert call(["report", "--format", "json", "-o", "before.json"]) == 0
    earlier = json.loads(Path("before.json").read_text())
    earlier["total"]["emissions_g"] = {"low": 1.0, "central": 2.0, "high": 3.0}
    Path("before.json").write_text(json.dumps(earlier))
    found = said("--since-report", "before.json")["restated"]
    assert found["differs"] == ["number"]
    assert found["stated_g"]["central"] == 2.0
    assert found["old_g"] == found["new_g"] == said()["total"]["emissions_g"]
    assert found["reasons"] == []


def test_the_last_months_report_is_restated_in_this_months() -> None:
    """A recurring report: the same words, another month; what is restated is what the earlier one was about."""
    in_months(0, 3, 2)
    with_edition(EDITIONS[0], "--since", "last-month")
    page = Path("footprint.html")
    text = page.read_text()
    two_ago = {in_month(1): in_month(2), in_month(0): in_month(1), f"= {in_month(1)[:7]}": f"= {in_month(2)[:7]}"}
    cut = text.index('id="summary">')
    told = text[cut:]
    data = embedded()
    data["options"] |= {"since": two_ago[in_month(1)], "until": two_ago[in_month(0)]}
    data["options"]["selection"] = [f"--since 'last-month' = {in_month(2)[:7]}"]
    data |= {"rows": [], "all_runs": 2}
    page.write_text(text[:cut] + 'id="summary">' + json.dumps(data) + told[told.index("</script") :])
    assert call(["report", "--since", "last-month"]) == 0
    found = embedded()["restated"]
    assert found["runs"] == 2
    assert found["selection"] == [f"--since 'last-month' = {in_month(2)[:7]}"]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ([], ["--where", "outcome=failed"], "was of another selection (all runs)"),
        (["--name", "sweep-*"], [], "was of another selection (--name 'sweep-*')"),
        (["--attribution", "machine"], [], "counted joules by another policy (machine)"),
    ],
)
def test_an_earlier_report_of_something_else_is_a_note(before: list[str], after: list[str], why: str) -> None:
    record(home(), runs(8))
    with_edition(EDITIONS[0], *before)
    assert call(["report", *after]) == 0
    assert embedded()["restated"] is None
    assert why in notes(embedded())[0]
    assert len(notes(embedded())) == 1


def test_a_page_of_many_runs_is_restated_without_reasons() -> None:
    record(home(), runs(MOST_REASONED + 1))
    with_edition(EDITIONS[0])
    assert call(["report"]) == 0
    found = embedded()["restated"]
    assert found["runs"] == MOST_REASONED + 1
    assert found["reasons"] == []
    assert found["old_g"] is not None


def test_of_very_many_runs_groups_are_restated(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    in_months(0, 8)
    with_edition(EDITIONS[0])
    one_by_one = said("--since-report", "footprint.html")["restated"]
    monkeypatch.setattr(restated, "MOST_SUMMED", 5)
    grouped = said("--since-report", "footprint.html")["restated"]
    assert (grouped["runs"], grouped["with_emissions"], grouped["reasons"]) == (8, 8, [])
    for name in ("old_g", "new_g"):
        assert grouped[name]["central"] == pytest.approx(one_by_one[name]["central"], rel=1e-6)
        assert grouped[name]["high"] == pytest.approx(one_by_one[name]["high"], rel=0.05)
    with_edition(EDITIONS[0], "--name", "job-*", "-o", "named.html")
    told = said("--since-report", "named.html", "--name", "job-*")
    assert told["restated"] is None
    assert "too many to restate one by one" in notes(told)[0]


def test_a_choice_of_many_that_fits_more_by_now_is_a_note(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    in_months(0, 8)
    assert call(["report", "--format", "json", "-o", "earlier.json"]) == 0
    data = json.loads(Path("earlier.json").read_text())
    Path("earlier.json").write_text(json.dumps(data | {"rows": [], "all_runs": 4}))
    monkeypatch.setattr(restated, "MOST_SUMMED", 5)
    assert "by now more than 5 runs fit" in notes(said("--since-report", "earlier.json"))[0]


def damaged(data: dict[str, Any], *path: str, value: Any) -> str:
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(data)


DAMAGES: Sequence[tuple[str, Callable[[str, dict[str, Any]], str], str]] = (
    ("cut off", lambda text, _: text[: len(text) // 2], "holds no summary that can be read"),
    ("empty", lambda _, __: "", "neither a page nor JSON"),
    ("words", lambda _, __: "last month we emitted a lot", "neither a page nor JSON"),
    ("a list", lambda _, __: "[1, 2]", "neither a page nor JSON"),
    ("no fields", lambda _, __: "{}", "holds no summary that can be read"),
    ("deep", lambda _, __: '{"options":' + "[" * 100_000 + "]" * 100_000 + "}", "holds no summary that can be read"),
    ("text for numbers", lambda _, data: damaged(data, "all_runs", value="9"), "holds no summary that can be read"),
    ("fewer than none", lambda _, data: damaged(data, "all_runs", value=-1), "holds no summary that can be read"),
    ("no range", lambda _, data: damaged(data, "total", "emissions_g", value={"low": 3, "central": 2, "high": 1}), "no summary"),
    ("below 0", lambda _, data: damaged(data, "total", "emissions_g", value={"low": -3, "central": 2, "high": 3}), "no summary"),
    ("no time", lambda _, data: damaged(data, "options", "generated_at", value="lately"), "holds no summary that can be read"),
    ("no time at all", lambda _, data: damaged(data, "options", "generated_at", value=""), "holds no summary that can be read"),
    ("newer", lambda _, data: damaged(data, "schema", value=99), "newer version"),
    ("an edition", lambda _, data: damaged(data, "factors_version", value=HOSTILE[0]), "that is not known here"),
    ("no runs of it", lambda _, data: damaged(data, "rows", value=[{"id": HOSTILE[2]}]), "runs"),
)  # fmt: skip


@pytest.mark.parametrize(("damage", "why"), [(one[1], one[2]) for one in DAMAGES], ids=[one[0] for one in DAMAGES])
def test_a_hostile_or_broken_earlier_report_is_a_note_and_no_failure(
    damage: Callable[[str, dict[str, Any]], str], why: str, said: Said
) -> None:
    record(home(), runs(3))
    assert call(["report", "--format", "json", "-o", "earlier.json"]) == 0
    text = Path("earlier.json").read_text()
    Path("earlier.json").write_text(damage(text, json.loads(text)))
    found = said("--since-report", "earlier.json")
    assert found["restated"] is None or why == "runs"
    told = notes(found)
    assert len(told) == (why != "runs")
    if why != "runs":
        assert why in told[0]
    assert not [one for one in told if "\x1b" in one or len(one) > 600]


def test_a_page_of_ours_without_data_or_with_too_much_is_a_note(said: Said) -> None:
    record(home(), runs(3))
    assert call(["report"]) == 0
    page = Path("footprint.html")
    text = page.read_text()
    page.write_text(text[:3000])
    assert call(["report"]) == 0
    assert "page without its data" in notes(embedded())[0]
    with page.open("ab") as file:
        file.truncate(MOST_BYTES + 1)
    assert "is longer than" in notes(said("--since-report", "footprint.html"))[0]
    Path("folder").mkdir()
    assert "is no file" in notes(said("--since-report", "folder"))[0]


def test_runs_that_are_gone_are_named(said: Said) -> None:
    record(home(), runs(3))
    assert call(["report", "--format", "json", "-o", "earlier.json"]) == 0
    data = json.loads(Path("earlier.json").read_text())
    data["rows"] = [*data["rows"], {"id": "deleted"}]
    data["all_runs"] = 4
    data["factors_version"] = EDITIONS[0]
    Path("earlier.json").write_text(json.dumps(data))
    found = said("--since-report", "earlier.json")
    assert found["restated"]["runs"] == 3
    assert any("was about 4 runs, of which 3 are still recorded" in note for note in notes(found))


def test_a_page_of_many_begins_and_no_end_is_soon_looked_through(said: Said) -> None:
    """Each begin looked after its end by itself takes hours."""
    record(home(), runs(1))
    Path("hostile.html").write_bytes(b"<!doctype html>" + MARKER.encode() + b"<script id=summary>" * 1_000_000)
    assert "page without its data" in notes(said("--since-report", "hostile.html"))[0]
