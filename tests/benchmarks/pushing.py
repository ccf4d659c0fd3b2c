"""A ledger of a million samples pushed to a real PostgreSQL, synced, and pushed again."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.benchmarks.effort import QUICK, Effort
from tests.benchmarks.rows import Row, failed, milliseconds
from tests.benchmarks.synthetic import write_home

_WHAT: Final = "push to PostgreSQL, samples a second"
_TARGET: Final = 100_000


def run(effort: Effort) -> Iterator[Row]:
    """The rate of a first push of an archive, and the time of a second, which finds nothing new."""
    from footprint.ledger.push import push
    from tests.world.postgres import server

    runs = 5_000 if effort == QUICK else 50_000
    try:
        with server() as postgres, tempfile.TemporaryDirectory() as folder:
            home = Path(folder, "ledger")
            write_home(home, runs)
            rates, again_s = [], 0.0
            for repeat in range(effort.long_repeats):
                postgres.sql(f"CREATE DATABASE push{repeat}")
                first = push(postgres.url(f"push{repeat}"), home=home)
                rates.append(first.samples / first.duration_s)
                begin_s = time.perf_counter()
                assert push(postgres.url(f"push{repeat}"), home=home).unchanged_sources == 1
                again_s = time.perf_counter() - begin_s
            rate = sorted(rates)[len(rates) // 2]
            told = f"{rate:,.0f} ({postgres.version}; {first.samples:,} samples of {runs:,} runs in {first.duration_s:.1f} s)"
            yield Row(_WHAT, "footprint", told, f">= {_TARGET:,}", rate >= _TARGET)
            yield Row("the same push again, which finds nothing new", "footprint", milliseconds(again_s))
    except FileNotFoundError as error:
        print(f"SKIPPED: the benchmark of a push {error}", file=sys.stderr)
        yield failed(_WHAT, "footprint", error)
