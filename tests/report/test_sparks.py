"""Lines of marks: what is unknown is a gap, in whatever the terminal can show."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.derive import Account
from footprint.report import sparks, terminal
from footprint.report.data import Summary, Use
from tests.report.examples import record, run, runs, somewhere, summary

NAN = float("nan")
BOTH = pytest.mark.parametrize("shown", [sparks.BLOCKS, sparks.ASCII], ids=["blocks", "ascii"])


@BOTH
def test_unknown_is_a_gap_and_no_run_is_neither_that_nor_a_low_mark(shown: sparks.Marks) -> None:
    assert sparks.line([0.1, None, NAN, 8.0], shown) == f"{shown.levels[0]} {shown.none}{shown.levels[-1]}"
    assert sparks.line([], shown) == ""
    assert sparks.line([None, None], shown) == "  "
    assert sparks.line([0.0, 0.0], shown) == shown.levels[0] * 2
    assert len({*shown.levels, shown.none, shown.gap}) == len(shown.levels) + 2


@given(st.lists(st.one_of(st.none(), st.just(NAN), st.floats(0, 1e12)), max_size=500), st.integers(1, 80))
def test_a_line_is_as_long_as_there_is_room_and_its_highest_mark_is_the_highest_value(
    values: list[float | None], width: int
) -> None:
    found = sparks.line(values, sparks.BLOCKS, width=width)
    assert len(found) <= width
    assert set(found) <= {*sparks.BLOCKS.levels, sparks.BLOCKS.none, sparks.BLOCKS.gap}
    if len(values) <= width:
        for mark, value in zip(found, values, strict=True):
            assert (mark == sparks.BLOCKS.gap) == (value is None)
            assert (mark == sparks.BLOCKS.none) == (value is not None and value != value)  # noqa: PLR0124 - NaN is no number


@given(st.one_of(st.none(), st.floats(0, 1), st.just(NAN)))
def test_a_bar_is_never_longer_than_the_whole_and_never_nothing_of_something(ratio: float | None) -> None:
    found = sparks.bar(ratio, sparks.BLOCKS)
    assert len(found) <= sparks.BAR
    assert bool(found) == bool(ratio and ratio > 0)


def test_days_without_runs_and_days_of_unknown_energy_are_told_apart() -> None:
    some = [
        run("a", started_at="2025-05-01T00:00:00Z"),
        run("b", started_at="2025-05-02T00:00:00Z", devices=(), cpu=None),
        run("c", started_at="2025-05-05T00:00:00Z"),
    ]
    head, marks = sparks.over_time(summary(some), sparks.BLOCKS)
    assert marks == "  █ ··█"
    assert "2025-05-01 to 2025-05-05" in head
    assert "· no runs" in head
    assert "a gap: unknown" in head
    assert sparks.over_time(summary(some[:1]), sparks.BLOCKS) == []
    assert sparks.over_time(summary(some[1:2]), sparks.BLOCKS) == []


def test_a_day_of_which_a_part_is_known_is_said_to_be_one() -> None:
    some = [run("a"), run("b", devices=(), cpu=None), run("c", started_at="2025-05-02T00:00:00Z")]
    assert "of 1 day a part only is known" in sparks.over_time(summary(some), sparks.BLOCKS)[0]


def test_a_long_period_goes_by_months() -> None:
    some = [run("a", started_at="2024-11-15T00:00:00Z"), run("b", started_at="2025-03-15T00:00:00Z")]
    head, marks = sparks.over_time(summary(some), sparks.ASCII)
    assert marks == "  @___@"
    assert "by month, 2024-11 to 2025-03" in head


def use(hour: int, power_w: float) -> Use:
    begin, end = (f"2025-05-01T{at:02}:00:00Z" for at in (hour, hour + 1))
    return Use(
        begin=begin, end=end, energy_kwh=power_w / 1000, power_w=power_w, accelerators_kwh=None, cpu_kwh=None, memory_kwh=None
    )


def with_use(*some: Use) -> Summary:
    return msgspec.structs.replace(summary([run()]), use=some, use_step="hour")


def test_power_has_a_gap_where_nothing_was_read() -> None:
    head, marks = sparks.over_time(with_use(use(0, 100.0), use(1, 800.0), use(4, 400.0)), sparks.ASCII)
    assert marks == "  :@  +"
    assert "mean power of each hour as read" in head
    assert "highest 800 W" in head
    assert sparks.over_time(with_use(use(0, 1.0)), sparks.ASCII) == []
    assert sparks.over_time(with_use(use(1, 1.0), use(0, 1.0)), sparks.ASCII) == []


def test_power_by_the_step_of_the_energy_is_not_told_twice() -> None:
    found = summary([run("a"), run("b", started_at="2025-05-02T00:00:00Z")])
    by_hour = msgspec.structs.replace(found, use=(use(0, 1.0), use(1, 2.0)), use_step="hour")
    assert len(sparks.over_time(by_hour, sparks.ASCII)) == 4
    assert len(sparks.over_time(msgspec.structs.replace(by_hour, use_step="day"), sparks.ASCII)) == 2


def test_marks_are_those_that_the_output_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, expected in (("utf-8", sparks.BLOCKS), ("ascii", sparks.ASCII), ("latin-1", sparks.ASCII)):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        assert sparks.marks() is expected
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert sparks.marks() is sparks.BLOCKS  # text that nobody encodes holds all
    monkeypatch.setattr(sys, "stdout", None)
    assert "of the energy was measured" in terminal.render(summary(runs(3)))


def test_a_table_has_no_escape_codes_whatever_the_environment_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    some = [run("a", work={"samples": 1.0})]
    assert "\x1b" not in terminal.render(summary(some))
    assert "\x1b" not in terminal.render_runs([(one, Account(some).footprint(one.id)) for one in some])


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["table", "md", "csv", "json"])
def test_a_terminal_without_utf_8_breaks_nothing(tmp_path: Path, format_: str) -> None:
    record(tmp_path, [run("a", name="größe", place=somewhere()), run("b", account="日本", started_at="2025-05-03T00:00:00Z")])
    plain = {"PATH": os.environ["PATH"], "FOOTPRINT_HOME": str(tmp_path), "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "footprint", "report", "--format", format_, "-o", "-"]
    done = subprocess.run(command, env=plain, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode("ascii")
    assert "lab" in shown
    if format_ == "table":
        assert "@" in shown
        assert "_ no runs" in shown
