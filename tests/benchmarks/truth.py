"""Synthetic truth: what each tool says of a RAPL tree whose energy is known exactly, over runs of the same length at once."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from footprint.testing import SyntheticRapl, Wave, square, steady
from tests.benchmarks import peers
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import CARBONTRACKER, CODECARBON, OURS, PYJOULES, ZEUS, Tool, ToolError
from tests.benchmarks.rows import Row, failed, percent, times

TITLE: Final = "synthetic truth: package 100 W, DRAM 10 W, each tool's sum against that of the zones it counts"
TARGET_RATIO: Final = 0.005

TOOLS: Final = (OURS, CODECARBON, ZEUS, CARBONTRACKER, PYJOULES)
_ZONES: Final = {"package": (peers.PACKAGE,), "dram": (peers.DRAM,), "both": (peers.PACKAGE, peers.DRAM)}
_PACKAGE_W: Final = 100.0
_DRAM_W: Final = 10.0
_TURNS: Final = threading.Lock()
_APART_S: Final = 0.25


class Case(NamedTuple):
    """A way for the same power to come, and how often the counters wrap in a run, whenever it begins."""

    name: str
    package: Wave
    dram: Wave
    wraps: int = 0


CASES: Final = (
    Case("steady", steady(_PACKAGE_W), steady(_DRAM_W)),
    Case("square wave", square(180, 20, 0.7), square(18, 2, 0.7)),
    Case("1 wrap (of a range that the run fills once)", steady(_PACKAGE_W), steady(_DRAM_W), 1),
    Case("6 wraps (of a sixth of it)", steady(_PACKAGE_W), steady(_DRAM_W), 6),
)


def run(effort: Effort) -> Iterator[Row]:
    """All cases and tools side by side: they mostly sleep."""
    with ThreadPoolExecutor(len(CASES)) as pool:
        for case, found in zip(CASES, pool.map(lambda case: _case(case, effort.truth_s), CASES), strict=True):
            what = f"{effort.truth_s:g} s, {case.name}"
            ours = found[OURS]
            for tool, error in found.items():
                if isinstance(error, ToolError):
                    yield failed(what, tool.label, error)
                    continue
                said = f"{percent(error.ratio)} ({error.counted})"
                if tool is OURS:
                    yield Row(what, tool.label, said, f"<= {100 * TARGET_RATIO:g} %", abs(error.ratio) <= TARGET_RATIO)
                else:
                    ratio = "" if isinstance(ours, ToolError) else times(abs(error.ratio), abs(ours.ratio))
                    yield Row(what, tool.label, said, ratio=ratio)


class Error(NamedTuple):
    """How far a tool was off, as a share of the truth, and what it counted."""

    ratio: float
    counted: str


def error_of(tree: SyntheticRapl, begin_s: float, end_s: float, told: Mapping[str, float]) -> Error:
    """What was told against the truth of the zones that it tells of.

    Raises:
        ToolError: if nothing was told.
    """
    parts = [part for part in _ZONES if part in told]
    if not parts:
        raise ToolError("it told no energy")
    truth_j = sum(tree.truth_j(begin_s, end_s, zone) for part in parts for zone in _ZONES[part])
    counted = {"both": "package + DRAM", "package dram": "package + DRAM", "package": "package alone"}
    return Error(sum(told[part] for part in parts) / truth_j - 1, counted.get(" ".join(parts), " ".join(parts)))


def _case(case: Case, length_s: float) -> dict[Tool, Error | ToolError]:
    range_j = [power_w * length_s / case.wraps for power_w in (_PACKAGE_W, _DRAM_W)] if case.wraps else ()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found: dict[Tool, Error | ToolError] = {}
        tree = stack.enter_context(peers.rapl(Path(folder) / "sys", case.package, case.dram, range_j=range_j))
        at_work = {
            tool: stack.enter_context(peers.Working(tool, "body", str(length_s), home=folder, tree=tree, network=_network(tool)))
            for tool in TOOLS
        }
        for step in ("ready", "done"):
            for tool, working in at_work.items():
                if not isinstance(found.get(tool), ToolError):
                    try:
                        answer: Any = working.hear()
                        if step == "done":
                            found[tool] = error_of(tree, answer["begin_s"], answer["end_s"], answer["told"][0])
                    except ToolError as error:
                        found[tool] = error
            if step == "ready":
                for working in at_work.values():
                    with _TURNS:  # each begins, and ends, while no other does
                        working.go_on()
                        time.sleep(_APART_S)
        return {tool: found[tool] for tool in TOOLS}


def _network(tool: Tool) -> peers.Network:
    return "down" if tool is CARBONTRACKER else "as it is"
