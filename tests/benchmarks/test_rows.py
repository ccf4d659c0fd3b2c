from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import peers, rows
from tests.benchmarks.rows import Row


def test_a_section_replaces_its_last_one_and_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "RESULTS.md"
    monkeypatch.setattr(rows, "RESULTS", results)
    order = ["first", "second"]
    rows.keep("second", "Two", "then", [Row("time", "ours", "2 ms", "<= 1 ms", is_met=False)], order=order)
    rows.keep("first", "One", "then", [Row("time", "ours", "1 ms", "<= 1 ms", is_met=True)], order=order)
    rows.keep("second", "Two", "now", [Row("time | all", "ours", "3 ms")], order=order)
    text = results.read_text()
    assert text.index("## first: One") < text.index("## second: Two")
    assert "| time | ours | 1 ms | <= 1 ms | yes |  |" in text
    assert "| time / all | ours | 3 ms |  |  |  |" in text
    assert "2 ms" not in text
    rows.keep("first", "One", "now", [], order=["first"])
    assert "second" not in results.read_text()


def test_a_peer_is_stated_in_units_of_ours() -> None:
    assert rows.times(30, 2) == "15 x"
    assert rows.times(3000, 2) == "1500 x"
    assert not rows.times(3, 0)


@pytest.mark.slow
def test_ours_is_put_to_work_like_the_peers(tmp_path: Path) -> None:
    found = peers.ask(peers.OURS, "children", "2", "0.05", home=tmp_path)
    assert found["told"]["tree_s"] > 0
    with pytest.raises(peers.ToolError, match="KeyError: 'nothing'"):
        peers.ask(peers.OURS, "nothing", home=tmp_path)
