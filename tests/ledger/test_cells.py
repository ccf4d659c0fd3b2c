"""What reads long cells changes nothing for others: `csv`'s limit is the whole process's."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from footprint.errors import LedgerError
from footprint.ledger.importers.sources import table_of


def test_a_table_is_read_with_long_cells_and_leaves_the_limit(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    path = tmp_path / "table.csv"
    path.write_text(f"name,note\na,{'x' * (before + 1)}\nb,y\n")
    lines = table_of(path, needed=["name"])
    assert len(next(lines).cells["note"]) == before + 1
    assert csv.field_size_limit() == before, "also between two of its lines"
    assert [line.cells["name"] for line in lines] == ["b"]


def test_a_cell_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"name\n{'x' * (10**6 + 1)}\n")
    with pytest.raises(LedgerError, match=r"table.csv:2"):
        list(table_of(path, needed=["name"]))
