"""What text tells beside its tables: partial sums are said to be some, and names do nothing."""

from __future__ import annotations

import re

import msgspec
import pytest

from footprint.model import Range
from footprint.report import exports, lines, terminal, words
from footprint.report.data import Compared, Restated, Side, Summary
from tests.report.examples import HOSTILE, run, runs, somewhere, summary


def kg(central: float) -> Range:
    return Range(low=central * 900, central=central * 1000, high=central * 1200)


def side(label: str, found: Summary) -> Side:
    return Side(label=label, started_at=None, ended_at=None, amounts=found.total, by=found.by, work=found.work)


def compared(before: Summary, now: Summary, *, label: str = "2025-04") -> Summary:
    held = Compared(
        what="periods",
        before=side(label, before),
        now=side("2025-05", now),
        energy_ratio=Range(low=1.1, central=1.2, high=1.3),
        emissions_ratio=None,
        is_sure={"energy_kwh": True},
        notes=(f"{label} is not over",),
    )
    return msgspec.structs.replace(now, compared=held)


def restated(now: Summary, reason: str) -> Summary:
    found = Restated(
        reported_at="2025-06-01T00:00:00Z",
        older="2026.11",
        newer="2026.11.2",
        runs=4,
        stated_g=kg(1),
        old_g=kg(2),
        new_g=None,
        reasons=(reason,),
        with_emissions=3,
    )
    return msgspec.structs.replace(now, restated=found)


def shown(found: Summary) -> tuple[str, str]:
    return exports.to_markdown(found).replace("\\", ""), terminal.render(found)


def test_bases_embodied_and_water_stand_apart_with_the_runs_they_cover() -> None:
    some = [run("a", place=somewhere("aws:us-east-1")), run("b", place=somewhere()), run("c")]
    for text in shown(summary(some)):
        assert re.search(r"eside it: direct emissions, .* covers 2 of 3 runs \(scope 2, location-based, direct", text)
        assert re.search(r"eside it: market-based emissions, .* covers 1 of 3 runs \(scope 2, market-based", text)
        assert re.search(r"eside it: embodied carbon of the hardware, ", text)
        assert re.search(r"eside it: water, .*unknown in 1 of 3 runs", text)


def test_what_was_lost_or_idle_stands_in_the_second_line() -> None:
    found = summary([run("a"), run("b", outcome="failed")])
    for text in shown(msgspec.structs.replace(found, idle_ratio=0.25)):
        assert "50 % went into runs that failed or were interrupted" in text
        assert "25 % of the accelerators' joules into idling" in text
    assert "idling" not in "".join(shown(found))
    assert "interrupted" not in lines.sure(summary([run("a")]))


def test_two_periods_stand_side_by_side() -> None:
    before = summary([run("a", place=somewhere(), work={"samples": 1000.0}), run("b")])
    now = summary([run("c", place=somewhere(), work={"samples": 1000.0})])
    for text in shown(compared(before, now)):
        assert "2025-04" in text
        assert "× 1.2 (1.1–1.3)" in text
        assert "covers 1 of 2 runs" in text
        assert "1,000 samples, fine-tuning" in text
        assert "2025-04 is not over" in text
    found = compared(before, now).compared
    assert found is not None
    rows = {row.what: row for row in lines.compared(found)}
    assert rows["CO₂e"].ratio == "unknown"
    unsure = msgspec.structs.replace(found, is_sure={"energy_kwh": False})
    assert {row.what: row for row in lines.compared(unsure)}["energy"].ratio.endswith("may be no change")


def test_an_earlier_report_is_restated() -> None:
    for text in shown(restated(summary([run(place=somewhere())]), "pue: × 1.1")):
        assert "the report of 2025-06-01T00:00:00Z said 1 kg (0.9–1.2)" in text
        assert "with factors 2026.11 3 of 4 runs come to 2 kg (1.8–2.4), with factors 2026.11.2 to unknown" in text
        assert "pue: × 1.1" in text


def test_a_restatement_with_the_same_factors_names_no_other_edition() -> None:
    found = restated(summary([run(place=somewhere())]), "").restated
    assert found is not None
    same = msgspec.structs.replace(found, older="2026.11.2", differs=("number",), reasons=(), new_g=kg(3))
    (line,) = lines.restated(same)
    assert "with factors 2026.11.2 as then, 3 of 4 runs come to 3 kg" in line
    assert "what is known of them has changed" in line


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_inert_beside_the_tables_too(name: str) -> None:
    found = summary([run(place=somewhere(), work={name: 1.0}, outcome="failed", labels={"team": name})])
    held = restated(compared(found, found, label=name), name)
    markdown, table = exports.to_markdown(held), terminal.render(held)
    for text in (markdown, table):
        assert not set("\x1b\x07\u202e\u2028\ud800") & set(text)
        assert max(map(len, text.splitlines())) < 1500
    assert set(re.findall(r"(?<!\\)<[^>]*", markdown)) <= {"<details", "<summary", "</summary", "</details"}
    assert not re.search(r"(?<!\\)\](?<!\\)\(", markdown)


def test_advice_is_given_once() -> None:
    for text in shown(summary(runs(4, placed=2))):
        assert text.count("FOOTPRINT_REGION") == 1
        assert "the place, and with it the emissions in 2 of 4 runs" in text


def test_text_says_which_runs_it_is_about() -> None:
    found = summary([run(place=somewhere())], selection=("--since 'last-month' = 2025-05", "--name 'a\x1b[31m'"))
    for text in shown(found):
        assert "2025-05-01, --since 'last-month' = 2025-05, --name 'a[31m'" in text.replace(" · ", ", ").replace("`", "")
    assert lines.choice(summary([run()])) == ""


@pytest.mark.parametrize(
    ("low", "central", "high", "told"),
    [
        (1.9, 1.956, 2.01, "1.96 times (1.9–2.01)"),
        (1.00001, 1.0004, 1.0008, "1.0004 times (1.00001–1.0008)"),
        (0.99989, 0.9999, 0.99991, "0.9999 times"),
        (0.9999, 1.0004, 1.3, "1 times (1–1.3)"),
        (1.0, 1.0, 1.0, "1 times"),
        (1 + 1e-15, 1 + 1e-15, 1 + 1e-15, "1 times"),
    ],
)
def test_a_ratio_that_leaves_out_one_does_not_read_as_one(low: float, central: float, high: float, told: str) -> None:
    assert words.times(Range(low=low, central=central, high=high), "times") == told
