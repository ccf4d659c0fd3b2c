"""The facts of all runs: append-only journals, and the questions that are asked of them.

A recorder writes and never reads: what reads is loaded when a name of it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint.lazy import lazily
from footprint.ledger.home import home

if TYPE_CHECKING:
    from footprint.ledger.facts import Point
    from footprint.ledger.runfile import read_run_file, write_run_file
    from footprint.ledger.whole import Reading, find_run, read_runs, series

__all__ = ["Point", "Reading", "find_run", "home", "read_run_file", "read_runs", "series", "write_run_file"]

__getattr__ = lazily(
    __name__,
    {
        "Point": "footprint.ledger.facts",
        "Reading": "footprint.ledger.whole",
        "find_run": "footprint.ledger.whole",
        "read_run_file": "footprint.ledger.runfile",
        "read_runs": "footprint.ledger.whole",
        "series": "footprint.ledger.whole",
        "write_run_file": "footprint.ledger.runfile",
    },
)
