"""Cells of CSV files that are longer than Python's reader takes by itself."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def long_cells(most_bytes: int) -> Iterator[None]:
    """Let `csv` read cells of this length meanwhile: its limit is one for the whole process, and others count on theirs."""
    before = csv.field_size_limit(most_bytes)
    try:
        yield
    finally:
        csv.field_size_limit(before)
