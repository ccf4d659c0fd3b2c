"""The facts of all runs: append-only journals, and the questions that are asked of them.

A recorder writes and never reads: what reads is loaded when a name of it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from footprint.ledger.home import home

if TYPE_CHECKING:
    from footprint.ledger.facts import Point
    from footprint.ledger.reading import Reading, find_run, read_runs, series
    from footprint.ledger.runfile import read_run_file, write_run_file

__all__ = ["Point", "Reading", "find_run", "home", "read_run_file", "read_runs", "series", "write_run_file"]

_HOMES = {
    "Point": "footprint.ledger.facts",
    "Reading": "footprint.ledger.reading",
    "find_run": "footprint.ledger.reading",
    "read_run_file": "footprint.ledger.runfile",
    "read_runs": "footprint.ledger.reading",
    "series": "footprint.ledger.reading",
    "write_run_file": "footprint.ledger.runfile",
}


def __getattr__(name: str) -> Any:
    """Load the module of a name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'footprint.ledger' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
