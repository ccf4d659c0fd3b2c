"""A tool that measures on and on, beside no or many processes, and what it and its helpers use meanwhile."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from footprint.testing import square, steady
from tests.benchmarks import peers
from tests.benchmarks.cpu_cost import clock_s, recorder_pid
from tests.benchmarks.peers import CARBONTRACKER, OURS, Tool, Working

RAPL_ONLY: Final = frozenset({"zeus", "carbontracker", "pyjoules"})
"""Tools that have nothing to do where there is no counter; the others are measured on the machine as it is."""

_SETTLE_S: Final = 3.0


class Held(NamedTuple):
    """A tool at work: the program that it measures, and the processes that it has started for itself."""

    host: int
    helpers: tuple[int, ...]
    working: Working


class Bytes(NamedTuple):
    """Memory: resident, and the part that is shared with nobody."""

    resident: int
    unique: int


@contextmanager
def held(tool: Tool, *forest: str, bare: Callable[[int], None] = lambda _pid: None) -> Iterator[Held]:
    """Have a tool measure until the block is left.

    Args:
        forest: the command that grows a forest of processes, if there is to be one.
        bare: is told the program's pid before the tool is loaded.

    Raises:
        ToolError: if it does not measure.
    """
    with tempfile.TemporaryDirectory() as folder, peers.rapl(Path(folder) / "sys", square(100, 20, 0.7), steady(10)) as tree:
        network: peers.Network = "down" if tool is CARBONTRACKER else "as it is"
        shown = tree if tool.name in RAPL_ONLY else None
        with Working(tool, "hold", *forest, home=folder, tree=shown, network=network) as working:
            grown = working.hear()["forest"]
            bare(working.pid)
            working.go_on()
            working.hear()
            time.sleep(_SETTLE_S)
            mine = psutil.Process(working.pid).children()
            helpers = [child.pid for child in mine if child.pid != grown]
            if tool is OURS:
                helpers.append(recorder_pid(Path(folder)))
            yield Held(working.pid, tuple(helpers), working)


def cpu_ms_per_s(tool: Tool, seconds: float, *forest: str) -> tuple[float, float]:
    """CPU milliseconds in each second: of the program (which does nothing else) and of the tool's helpers."""
    with held(tool, *forest) as at_work:
        pids = (at_work.host, *at_work.helpers)
        begin_s, before = time.monotonic(), [clock_s(pid) for pid in pids]
        time.sleep(seconds)
        lasted_s = time.monotonic() - begin_s
        used = [1000 * (clock_s(pid) - first) / lasted_s for pid, first in zip(pids, before, strict=True)]
    return used[0], sum(used[1:])


def growth(tool: Tool, seconds: float) -> tuple[Bytes, Bytes]:
    """How much the program has grown by being measured, at the end of it; and what the tool's helpers have."""
    first: list[Bytes] = []
    with held(tool, bare=lambda pid: first.append(_memory(pid))) as at_work:
        time.sleep(seconds)
        others = [_memory(pid) for pid in at_work.helpers]
        while_held = _memory(at_work.host)
        at_work.working.go_on()
        at_work.working.hear()
        after = _memory(at_work.host)
    host = (max(pair) - before for *pair, before in zip(while_held, after, first[0], strict=True))
    return Bytes(*host), Bytes(sum(one.resident for one in others), sum(one.unique for one in others))


def _memory(pid: int) -> Bytes:
    found = psutil.Process(pid).memory_full_info()
    return Bytes(found.rss, found.uss)
