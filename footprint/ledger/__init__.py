"""The facts of all runs: append-only journals, and the questions that are asked of them."""

from __future__ import annotations

from footprint.ledger.facts import Point
from footprint.ledger.home import home
from footprint.ledger.reading import Reading, find_run, read_runs, series
from footprint.ledger.runfile import read_run_file, write_run_file

__all__ = ["Point", "Reading", "find_run", "home", "read_run_file", "read_runs", "series", "write_run_file"]
