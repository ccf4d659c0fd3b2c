"""Estimates a second on one core, over frames that are easy and hard; sums over a million runs; one estimate; the tables.

Each figure is taken in a program of its own that may use one CPU. The frames differ in how many combinations of hardware, kind,
place and year they hold, as what rows have in common is worked out once: a few dozen, thousands, or another one in nearly every
row. The peer is no tool, as none that we know takes a table: it is the formula that calculators print, energy = power x time x
number x PUE and emissions = energy x intensity, in a Python loop over the same rows with what it needs looked up before.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

from tests.benchmarks.effort import FULL, Effort
from tests.benchmarks.peers import OURS
from tests.benchmarks.rows import Row, milliseconds, times

TITLE: Final = "declared estimates on one core, and sums over many runs"
RATE_PLAIN: Final = 50_000
RATE_RANGES: Final = 2_000
TABLES_S: Final = 0.030
_FRAMES: Final = {"few": 60, "thousands": 5_000, "another in nearly every row": 0}
_FULL_ROWS: Final = 100_000
_SUM_ROWS: Final = 1_000_000
_TIMEOUT_S: Final = 900


def run(effort: Effort) -> Iterator[Row]:
    """Measure."""
    n = _FULL_ROWS if effort == FULL else 5_000
    for name, combinations in _FRAMES.items():
        found = _ask("frame", n, combinations, effort.repeats)
        what = (
            f"{n:,} rows, every number another; {found['combinations']:,} combinations of hardware, kind, region, year ({name})"
        )
        for ranges, target in ((False, RATE_PLAIN), (True, RATE_RANGES)):
            each = statistics.median(found["ranges" if ranges else "plain"])
            rate = n / each
            with_ = "with ranges" if ranges else "without ranges"
            yield Row(f"{with_}, {what}", OURS.label, f"{rate:,.0f} / s", f">= {target:,} / s", rate >= target)
        loop_s, plain_s = statistics.median(found["loop"]), statistics.median(found["plain"])
        label = "formula in a loop (nothing looked up, no range, no warning)"
        yield Row(f"the same rows ({name})", label, f"{n / loop_s:,.0f} / s", ratio=times(loop_s, plain_s))
    million = _SUM_ROWS if effort == FULL else 20_000
    sums = _ask("sums", million, 1_200, effort.repeats)
    what = f"sum over {million:,} runs with its range, from sums of 1,200 groups"
    yield Row(what, OURS.label, f"{milliseconds(statistics.median(sums['groups']))}, +{sums['groups_mb']:.0f} MB")
    what = f"sum over {million:,} declared jobs in a frame (1,200 combinations), three quantities with ranges"
    yield Row(what, OURS.label, f"{milliseconds(statistics.median(sums['frame']))}, +{sums['frame_mb']:.0f} MB")
    one = [_ask("one") for _ in range(effort.repeats)]
    for key, what in (
        ("first", "the first estimate of a program, imports included"),
        ("warm", "a further estimate, its numbers, place and year other ones"),
    ):
        yield Row(what, OURS.label, milliseconds(statistics.median(found[key] for found in one)))
    tables_s = statistics.median(found["tables"] for found in one)
    is_met = tables_s <= TABLES_S
    yield Row("look-up tables, loaded", OURS.label, milliseconds(tables_s), f"<= {milliseconds(TABLES_S)}", is_met)


def _ask(what: str, *numbers: int) -> dict[str, Any]:
    """What a program of its own on one CPU finds."""
    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.estimating", what, *map(str, numbers)],
        capture_output=True, text=True, check=False, timeout=_TIMEOUT_S, env=os.environ | alone,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
