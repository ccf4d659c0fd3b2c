from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from footprint.ledger import read_runs
from footprint.ledger.following import Follower
from footprint.ledger.processes import identify
from footprint.ledger.progress import POINTS, Advance
from footprint.ledger.records import AnyRecord, Progress
from tests.ledger.conftest import opened, tick, whole_run

Write = Callable[[list[AnyRecord]], Path]
RUN = "a" * 16


def word(t_s: float, done: float, total: float = 100.0) -> Progress:
    return Progress(run=RUN, t_s=t_s, done=done, total=total)


def test_progress_counts_from_the_runs_start(home: Path, write: Write) -> None:
    write([*whole_run()[:-1], word(101.0, 10), word(102.5, 20), whole_run()[-1]])
    (run,) = read_runs(home).runs
    assert run.progress == ((1.0, 10.0, 100.0), (2.5, 20.0, 100.0))
    assert not run.warnings


def test_a_program_that_begins_anew_is_told_of(home: Path, write: Write) -> None:
    write([*whole_run(), word(101.0, 10), word(102.0, 60), word(103.0, 5), word(104.0, 7, 200)])
    (run,) = read_runs(home).runs
    assert run.progress == ((3.0, 5.0, 100.0), (4.0, 7.0, 200.0))
    assert [warning.partition(":")[0] for warning in run.warnings] == [
        "the progress went back 1 time",
        "the total of the progress changed 1 time",
    ]


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 100)), max_size=2000))
def test_a_course_is_short_and_ends_where_it_ended(words: list[tuple[float, float]]) -> None:
    advance = Advance()
    t_s = 0.0
    for gap_s, done in words:
        t_s += gap_s
        advance.add(word(t_s, done))
    points = advance.points(0.0)
    assert len(points) <= 2 * POINTS
    assert [one[0] for one in points] == sorted(one[0] for one in points)
    assert [one[1] for one in points] == sorted(one[1] for one in points)
    assert not words or points[-1][1] == words[-1][1]


def test_ten_thousand_words_keep_their_shape() -> None:
    advance = Advance()
    for i in range(10_000):
        advance.add(word(float(i), i / 100))
    points = advance.points(0.0)
    assert POINTS / 2 < len(points) <= 2 * POINTS
    assert (points[0], points[-1]) == ((0.0, 0.0, 100.0), (9999.0, 99.99, 100.0))
    assert max(later[0] - earlier[0] for earlier, later in itertools.pairwise(points)) < 10_000 / POINTS * 2.5


def test_a_journal_is_followed_while_it_grows(home: Path, write: Write) -> None:
    path = write([opened(recorder=identify(os.getpid())), tick(100.0), word(100.5, 1)])
    follower = Follower(path, RUN)
    first = follower.run()
    assert first is not None
    assert (first.duration_s, first.progress, first.outcome) == (0.0, ((0.5, 1.0, 100.0),), "running")
    with path.open("ab") as file:
        more = write([opened(), tick(101.0), tick(102.0)]).read_bytes().split(b"\n", 1)[1]
        file.write(more[:-9])
    second = follower.run()
    assert second is not None
    assert second.duration_s == 1.0  # a line that is being written is no line yet
    with path.open("ab") as file:
        file.write(more[-9:] + b"damaged\n")
    third = follower.run()
    assert third is not None
    assert third.duration_s == 2.0
    assert third.progress == first.progress
    assert Follower(path, "b" * 16).run() is None
