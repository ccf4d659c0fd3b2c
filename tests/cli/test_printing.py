"""Tables as wide as a terminal, and words that none of them breaks."""

from __future__ import annotations

import pytest

from footprint.cli import printing

HEAD = ("month", "energy", "CO2e", "runs in CO2e")
ROWS = [("2026-11", "17.8 kWh (8.83–38.8)", "140 g (73.9–258)", "3")]
WORDS = {word for cells in (HEAD, *ROWS) for cell in cells for word in cell.split()}


@pytest.mark.parametrize("width", [20, 30, 40, 50, 60, 80, 200])
def test_no_width_breaks_a_word(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printing, "_terminal_width", lambda: width)
    lines = printing.table(HEAD, ROWS, ("energy",))
    assert {word for line in lines for word in line.split()} >= WORDS
    assert max(map(len, lines)) <= max(width, 34)  # a list of cells is as long as its longest


def test_a_pipe_gets_a_line_a_row() -> None:
    assert sum("2026-11" in line and "258" in line for line in printing.table(HEAD, ROWS)) == 1
