"""Children that come and go between two readings: the tree's CPU-seconds against the children's own clocks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Final

from tests.benchmarks import peers
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import CODECARBON_PROCESS, OURS, ToolError
from tests.benchmarks.rows import Row, failed, percent

TITLE: Final = "CPU-seconds of short-lived children, two at a time, against their own clocks"
EACH_S: Final = 0.4
TARGET_RATIO: Final = 0.05


def run(effort: Effort) -> Iterator[Row]:
    """One tool after the other: the children load the machine."""
    what = f"{effort.children} children of {EACH_S:g} s"
    for tool in (OURS, CODECARBON_PROCESS):
        try:
            with tempfile.TemporaryDirectory() as folder:
                found = peers.ask(tool, "children", str(effort.children), str(EACH_S), home=folder)
        except ToolError as error:
            yield failed(what, tool.label, error)
            continue
        truth_s, tree_s = found["children_s"] + found["own_s"], found["told"]["tree_s"]
        said = f"{tree_s:.2f} of {truth_s:.2f} CPU-seconds: {tree_s / truth_s:.3g} x"
        if tool is OURS:
            error_ratio = tree_s / truth_s - 1
            yield Row(what, tool.label, said, f"within {100 * TARGET_RATIO:g} %", abs(error_ratio) <= TARGET_RATIO)
        else:
            yield Row(what, tool.label, said, ratio=f"error {percent(tree_s / truth_s - 1)}")
