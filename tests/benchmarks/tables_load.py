"""Loading the tables of factors: all of the newest edition, in a process that has read none."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from footprint.reference import FACTORS_VERSION
from tests.benchmarks.effort import Effort
from tests.benchmarks.rows import Row, milliseconds

TITLE: Final = "loading the tables of factors, each time in a fresh process"

_TARGET_S: Final = 0.030
_LOAD: Final = """\
import json, time
from footprint.reference import tables
names = tables.names()
found = {}
begin_s = time.perf_counter()
for name in names:
    last_s = time.perf_counter()
    rows = len(tables.table(name))
    found[name] = time.perf_counter() - last_s, rows
print(json.dumps([time.perf_counter() - begin_s, found]))
"""


def run(effort: Effort) -> Iterator[Row]:
    """All tables, and the slowest of them: medians."""
    every = [_once() for _ in range(2 * effort.repeats)]
    total_s = statistics.median(total_s for total_s, _ in every)
    tables = every[0][1]
    rows = sum(count for _, count in tables.values())
    what = f"{len(tables)} tables of edition {FACTORS_VERSION}, {rows:,} rows ({len(every)} processes)"
    yield Row(what, "footprint", milliseconds(total_s), f"<= {milliseconds(_TARGET_S)}", total_s <= _TARGET_S)
    seconds = {name: statistics.median(found[name][0] for _, found in every) for name in tables}
    slowest = max(seconds, key=lambda name: seconds[name])
    yield Row(f"of them the slowest, {slowest}: {tables[slowest][1]:,} rows", "footprint", milliseconds(seconds[slowest]))


def _once() -> tuple[float, dict[str, tuple[float, int]]]:
    """Seconds for all tables; for each its own, and its rows."""
    printed = subprocess.run([sys.executable, "-c", _LOAD], capture_output=True, text=True, check=True, timeout=60).stdout
    total_s, found = json.loads(printed)
    return total_s, found
