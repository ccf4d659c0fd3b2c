"""`make bench`: our times beside a peer's, measured alternately in the same run, medians and ratios printed and kept.

Nothing here asserts a time: results depend on the machine, and stand with its kind and the date in RESULTS.md.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks import filling

HERE = Path(__file__).parent
REPEATS = 7

# Each prints seconds: one number a line, in the order of LABELS.
OURS = """
import time; t = time.perf_counter()
import footprint
run = footprint.track("bench"); run.start()
print(time.perf_counter() - t)
t = time.perf_counter(); run.stop(); print(time.perf_counter() - t)
again = footprint.track("bench"); t = time.perf_counter(); again.start(); print(time.perf_counter() - t); again.stop()
"""
CODECARBON = """
import time; t = time.perf_counter()
from codecarbon import OfflineEmissionsTracker
def tracker():
    return OfflineEmissionsTracker(country_iso_code="FRA", output_methods=[], log_level="critical", allow_multiple_runs=True)
run = tracker(); run.start()
print(time.perf_counter() - t)
t = time.perf_counter(); run.stop(); print(time.perf_counter() - t)
again = tracker(); t = time.perf_counter(); again.start(); print(time.perf_counter() - t); again.stop()
"""
LABELS = ("import and first start, cold", "stop", "a later start")

CARD = """---
license: mit
tags: [a, b]
---
# A model

## Environmental Impact

- **Hardware Type:** [More Information Needed]
- **Hours used:** [More Information Needed]
- **Cloud Provider:** [More Information Needed]
- **Compute Region:** [More Information Needed]
- **Carbon Emitted:** [More Information Needed]
"""


def child(code: str, home: str) -> list[float]:
    """Run a snippet in a fresh interpreter and read the seconds that it prints."""
    environment = {**os.environ, "FOOTPRINT_HOME": home}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return [float(line) for line in done.stdout.split()]


def alternately(ours: Callable[[], list[float]], peer: Callable[[], list[float]]) -> tuple[list[float], list[float]]:
    """Medians of both, measured in turn so that a slow minute of the machine hits both."""
    pairs = [(ours(), peer()) for _ in range(REPEATS)]
    columns = [zip(*side, strict=True) for side in zip(*pairs, strict=True)]
    first, second = ([statistics.median(column) for column in side] for side in columns)
    return first, second


def line(what: str, ours_s: float, peer: str, peer_s: float) -> str:
    """One row of the results."""
    return f"| {what} | {peer} | {peer_s * 1000:.1f} ms | {ours_s * 1000:.1f} ms | {peer_s / ours_s:.1f} x |"


def tracking() -> list[str]:
    """Starting and stopping a tracker."""
    with tempfile.TemporaryDirectory() as home:
        ours, peer = alternately(lambda: child(OURS, home), lambda: child(CODECARBON, home))
    name = f"CodeCarbon {version('codecarbon')}"
    return [line(what, o, name, p) for what, o, p in zip(LABELS, ours, peer, strict=True)]


def cards() -> list[str]:
    """Setting the emissions of one card on disk: read, edit, prove, write."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "README.md"

        def timed(fill: Callable[[Path], None]) -> list[float]:
            path.write_text(CARD, encoding="utf-8")
            return [filling.seconds(lambda: fill(path))]

        timed(filling.ours), timed(filling.hub)  # load both before either is timed
        ours, peer = alternately(lambda: timed(filling.ours), lambda: timed(filling.hub))
    return [line("fill one card on disk", ours[0], f"huggingface_hub {version('huggingface_hub')}", peer[0])]


def main() -> None:
    """Measure, print and keep."""
    rows = tracking() + cards()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} logical CPUs, Python {platform.python_version()}"
    table = [
        "# Results of `make bench`",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}; medians of {REPEATS} alternating repeats; ratio: peer over ours.",
        "",
        "| what | peer | peer's time | our time | ratio |",
        "|---|---|---|---|---|",
        *rows,
    ]
    (HERE / "RESULTS.md").write_text("\n".join(table) + "\n", encoding="utf-8")
    print("\n".join(table))


if __name__ == "__main__":
    main()
