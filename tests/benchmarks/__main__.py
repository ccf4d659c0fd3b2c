"""`make bench`: our figures beside the peers', in the same run; results are printed, and kept in RESULTS.md.

`python -m tests.benchmarks [NAME …]` measures some of them again; `--quick` tries whether they work, and keeps nothing.
Nothing here asserts a time: results depend on the machine, and stand with its kind and the date.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import footprint
from tests.benchmarks import (
    callbacks,
    cards,
    costs,
    cpu_time,
    estimates,
    ledger,
    memory,
    once,
    pages,
    profiles,
    rows,
    serving,
    short,
    starts,
    tables_load,
    truth,
    wired,
)
from tests.benchmarks.effort import FULL, QUICK, Effort
from tests.benchmarks.peers import PEERS, installed
from tests.benchmarks.rows import Row


class Benchmark(NamedTuple):
    """Rows of one kind, and what they are about."""

    title: str
    run: Callable[[Effort], Iterator[Row]]


BENCHMARKS: Final = {
    "starts": Benchmark(starts.TITLE, starts.run),
    "truth": Benchmark(truth.TITLE, truth.run),
    "short": Benchmark(short.TITLE, short.run),
    "children": Benchmark(cpu_time.TITLE, cpu_time.run),
    "once": Benchmark(once.TITLE, once.run),
    "cost": Benchmark(costs.TITLE, costs.run),
    "memory": Benchmark(memory.TITLE, memory.run),
    "slowdown": Benchmark("slowdown of a real training, paired", wired.slowdown_rows),
    "callbacks": Benchmark(callbacks.TITLE, callbacks.run),
    "profiles": Benchmark(profiles.TITLE, profiles.run),
    "cpu-model": Benchmark("CPU and memory models on servers left out of the fit", wired.cpu_model_rows),
    "serving": Benchmark(serving.TITLE, serving.run),
    "tables": Benchmark(tables_load.TITLE, tables_load.run),
    "estimates": Benchmark(estimates.TITLE, estimates.run),
    "ledger": Benchmark(ledger.TITLE, ledger.run),
    "pages": Benchmark(pages.TITLE, pages.run),
    "card": Benchmark("filling one card on disk", wired.card_rows),
    "cards": Benchmark(cards.TITLE, cards.run),
}


def main() -> None:
    """Measure, print and keep; whatever fails is a row, and the rest goes on."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="only try whether they work; nothing is kept")
    asked = parser.parse_args()
    for name in asked.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    effort = QUICK if asked.quick else FULL
    for tool, reason in installed(*PEERS).items():
        print(f"{tool.label}: {reason or 'installed'}")
    # As installers do, and did with the peers: else each start would compile our modules anew where nothing writes them down.
    compileall.compile_dir(str(Path(footprint.__file__).parent), quiet=2)
    begin_s = time.monotonic()
    missed = 0
    for name in asked.names or BENCHMARKS:
        found, conditions = _measure(name, effort)
        missed += sum(row.is_met is False for row in found)
        if not asked.quick:
            rows.keep(name, BENCHMARKS[name].title, conditions, found, order=list(BENCHMARKS))
    print(f"\n{time.monotonic() - begin_s:.0f} s; {missed} target{'s' * (missed != 1)} missed")


def _measure(name: str, effort: Effort) -> tuple[list[Row], str]:
    """One benchmark's rows, printed as they come, and under what conditions they were found."""
    benchmark = BENCHMARKS[name]
    print(f"\n## {name}: {benchmark.title}\n\n{rows.HEAD}", flush=True)
    begin_s, load = time.monotonic(), os.getloadavg()[0]
    found: list[Row] = []
    try:
        for row in benchmark.run(effort):
            print(row, flush=True)
            found.append(row)
    except Exception as error:  # noqa: BLE001 - one that fails is a row, and the others are measured
        traceback.print_exc()
        found.append(rows.failed(benchmark.title, "footprint", f"{type(error).__name__}: {error}")._replace(is_met=False))
        print(found[-1], flush=True)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} logical CPUs, Python {platform.python_version()}"
    took_s = time.monotonic() - begin_s
    return found, f"{datetime.now(UTC):%Y-%m-%d}, {machine}; load average {load:.1f} before; measured in {took_s:.0f} s."


if __name__ == "__main__":
    main()
