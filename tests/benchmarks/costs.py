"""CPU time of the program and the tool's helpers together, at one reading a second, beside small and large process trees."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.benchmarks.cpu_cost import FOREST
from tests.benchmarks.effort import Effort
from tests.benchmarks.held import cpu_ms_per_s
from tests.benchmarks.peers import CARBONTRACKER, CODECARBON, CODECARBON_PROCESS, OURS, ZEUS, Tool, ToolError
from tests.benchmarks.rows import Row, failed, times

TITLE: Final = "CPU time of program and recorder together, per second, at 1 Hz"
SMALL: Final = 10

_TARGETS_MS: Final = {True: 1.0, False: 5.0}
_SLEEPERS: Final = (OURS, CODECARBON, CODECARBON_PROCESS, ZEUS, CARBONTRACKER)
_LARGE: Final = (OURS, CODECARBON, CODECARBON_PROCESS)


def run(effort: Effort) -> Iterator[Row]:
    """The small trees side by side; the large ones one after the other, for who looks at all processes sees them all."""

    def one(tool: Tool, size: int) -> tuple[float, float] | ToolError:
        forest = [sys.executable, "-I", "-S", "-c", FOREST, str(size - 1), "asleep"]
        try:
            return cpu_ms_per_s(tool, effort.hold_s, *forest)
        except ToolError as error:
            return error

    with ThreadPoolExecutor(len(_SLEEPERS)) as pool:
        yield from _rows(SMALL, dict(zip(_SLEEPERS, pool.map(lambda tool: one(tool, SMALL), _SLEEPERS), strict=True)))
    yield from _rows(effort.forest, {tool: one(tool, effort.forest) for tool in _LARGE})


def _rows(size: int, found: dict[Tool, tuple[float, float] | ToolError]) -> Iterator[Row]:
    what, ours_ms = f"{size:,} processes asleep", 0.0
    for tool, used in found.items():
        if isinstance(used, ToolError):
            yield failed(what, tool.label, used)
            continue
        host_ms, helpers_ms = used
        both_ms = host_ms + helpers_ms
        said = f"{both_ms:.2f} ms/s (program {host_ms:.2f}, helpers {helpers_ms:.2f})"
        if tool is OURS:
            ours_ms, target_ms = both_ms, _TARGETS_MS[size == SMALL]
            yield Row(what, tool.label, said, f"<= {target_ms:g} ms/s", both_ms <= target_ms)
        else:
            yield Row(what, tool.label, said, ratio=times(both_ms, ours_ms))
