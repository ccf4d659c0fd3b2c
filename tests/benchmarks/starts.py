"""Starting and stopping: from a cold interpreter to the first reading taken, with and without a network."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from footprint.testing import SyntheticRapl, steady
from tests.benchmarks import peers
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import CARBONTRACKER, CODECARBON, CODECARBON_ONLINE, OURS, PYJOULES, ZEUS, Network, Tool, ToolError
from tests.benchmarks.rows import Row, failed, medians, milliseconds, times

TITLE: Final = "import and first start until the first reading is taken, cold; later starts; stop"

# Who asks the network is only let into one that leads nowhere. The others are measured with it, as it is.
_CONTESTS: Final[tuple[tuple[Network, tuple[Tool, ...]], ...]] = (
    ("as it is", (OURS, CODECARBON, ZEUS, PYJOULES)),
    ("down", (OURS, CODECARBON_ONLINE, CARBONTRACKER)),
)
_SWALLOWED: Final = (OURS, CODECARBON_ONLINE, CARBONTRACKER)
_TARGETS_S: Final = {"first_s": 0.150, "later_s": 0.005, "stop_s": 0.050}
_NAMES: Final = {"first_s": "import and first start, cold", "later_s": "a later start", "stop_s": "stop"}


def run(effort: Effort) -> Iterator[Row]:
    """Measure; tools take turns, so that a slow minute of the machine hits all."""
    contests = [(network, tools, effort.repeats) for network, tools in _CONTESTS]
    for network, tools, repeats in [*contests, ("a black hole", _SWALLOWED, effort.long_repeats)]:
        found: dict[Tool, list[dict[str, float]]] = {tool: [] for tool in tools}
        reasons: dict[Tool, ToolError] = {}
        with tempfile.TemporaryDirectory() as folder, peers.rapl(Path(folder) / "sys", steady(100), steady(10)) as tree:
            for _ in range(repeats):
                for tool in tools:
                    if tool not in reasons:
                        try:
                            found[tool].append(_once(tool, tree if tool is not CODECARBON else None, network, folder))
                        except ToolError as error:
                            reasons[tool] = error
        yield from _rows(network, repeats, found, reasons)


def _once(tool: Tool, tree: SyntheticRapl | None, network: Network, home: str) -> dict[str, float]:
    found: dict[str, float] = peers.ask(tool, "starts", home=home, tree=tree, network=network, limit_s=240.0)
    return found


def _rows(
    network: Network, repeats: int, found: dict[Tool, list[dict[str, float]]], reasons: dict[Tool, ToolError]
) -> Iterator[Row]:
    ours = medians(found[OURS]) if found[OURS] else {}
    for key, name in _NAMES.items():
        what = f"{name}; network {network} ({repeats} repeat{'s' * (repeats > 1)})"
        for tool, every in found.items():
            if tool in reasons or not every:
                yield failed(what, tool.label, reasons.get(tool, "not measured"))
                continue
            seconds, target_s = medians(every)[key], _TARGETS_S[key]
            if tool is OURS:
                yield Row(what, tool.label, milliseconds(seconds), f"<= {milliseconds(target_s)}", seconds <= target_s)
            else:
                yield Row(what, tool.label, milliseconds(seconds), ratio=times(seconds, ours[key]) if ours else "")
