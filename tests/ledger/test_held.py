"""A journal that is held in memory and one that is streamed from its file tell the same, whatever state it is in."""

from __future__ import annotations

import os
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.ledger import reading
from footprint.ledger.facts import Point
from footprint.ledger.records import AnyRecord, Close, Held, Marked, Work, line_of
from footprint.model import Run
from tests.ledger.conftest import opened, tick

RUNS = tuple(f"{number:016x}" for number in range(3))


def lines() -> list[bytes]:
    """Three runs at once, one of which is never closed, and a record of a version to come."""
    records: list[AnyRecord] = [opened(run, t_s=100.0 + number) for number, run in enumerate(RUNS)]
    for second in range(100, 108):
        records += [
            tick(float(second), RUNS),
            Held(runs=RUNS, t_s=float(second), device_id="gpu:GPU-1", ours=second > 105, others=second % 2),
            Work(run=RUNS[second % 3], t_s=float(second), work={"samples": float(second)}),
            Marked(run=RUNS[0], key=second % 4, name=f"at {second}", t_s=float(second)),
        ]
    records += [Close(run=run, t_s=107.5, outcome="completed") for run in RUNS[:2]]
    written = [line_of(record, "j", seq) for seq, record in enumerate(records)]
    newer = b'{"v":9,"journal":"j","seq":%d,"type":"tick","runs":[1]' % len(written)
    return [*written, newer + b',"crc":"%08x"}\n' % zlib.crc32(newer)]


LINES = lines()
Told = tuple[list[Run], list[str], dict[str, tuple[Point, ...]]]


def told(path: Path, only_run: str | None, held_bytes: int) -> Told:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "HELD_BYTES", held_bytes)
        found = reading.read_journal(path, only_run, keep_ticks=True)
    return found.facts(), found.problems, {run: records.points() for run, records in found.runs.items()}


@given(st.data())
def test_held_and_streamed_are_the_same(data: st.DataObject) -> None:
    pieces = list(LINES)
    if data.draw(st.booleans(), "in disorder"):
        pieces = data.draw(st.permutations(pieces))
    for _ in range(data.draw(st.integers(0, 4), "twice")):
        piece, place = (data.draw(st.integers(0, len(pieces) - 1)) for _ in range(2))
        glued = data.draw(st.booleans())
        pieces[place] = (pieces[place].removesuffix(b"\n") if glued else pieces[place]) + pieces[piece]
    content = bytearray(b"".join(pieces))
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4), "flipped"):
        content[at] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans(), "torn"):
        del content[data.draw(st.integers(0, len(content))) :]
    only_run = data.draw(st.sampled_from([None, *RUNS]), "wanted")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j.jsonl"
        path.write_bytes(content)
        assert told(path, only_run, 0) == told(path, only_run, 2**30)


def test_a_line_that_is_being_appended_is_for_the_next_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is taken first: what reaches past it is no torn line."""
    path = tmp_path / "j.jsonl"
    path.write_bytes(b"".join(LINES))
    whole = told(path, None, 0)
    at = len(b"".join(LINES[:10])) + 7
    fstat = os.fstat

    def earlier(descriptor: int) -> os.stat_result:
        found = list(fstat(descriptor))
        found[6] = at
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", earlier)
    for held_bytes in (0, 2**30):
        runs, problems, points = told(path, None, held_bytes)
        assert problems == []
        assert [len(found) for found in points.values()] < [len(found) for found in whole[2].values()]
        assert [run.id for run in runs] == list(RUNS)
