"""Short runs against synthetic truth: how far off ours is, and what its stated range holds."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from footprint.testing import SyntheticRapl, square
from tests.benchmarks import peers, truth
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import CODECARBON, OURS, ToolError
from tests.benchmarks.rows import Row, failed, percent, times

TITLE: Final = "short runs on a square wave (180 W, 20 W, 0.7 s), not in step with it"
ERROR_RATIO: Final = 0.01
WIDE_RATIO: Final = 0.05

_COMPONENTS: Final = {"cpu": peers.PACKAGE, "memory": peers.DRAM}


def run(effort: Effort) -> Iterator[Row]:
    """Runs of each length one after the other, by ours and then by CodeCarbon; medians."""
    lengths = [*zip((0.2, 2.0), effort.short_counts, strict=True), (effort.truth_s, 1)]
    with (
        tempfile.TemporaryDirectory() as folder,
        peers.rapl(Path(folder) / "sys", square(180, 20, 0.7), square(18, 2, 0.7)) as tree,
    ):
        for length_s, count in lengths:
            what = f"{length_s:g} s, {count} run{'s' * (count > 1)}"
            ours_ratio = 0.0
            for tool in (OURS, CODECARBON) if count > 1 else (OURS,):  # its longer runs are in `truth`
                try:
                    found = peers.ask(tool, "short", str(length_s), str(count), home=folder, tree=tree)
                    errors = [truth.error_of(tree, one["begin_s"], one["end_s"], one["told"]).ratio for one in found]
                except ToolError as error:
                    yield failed(what, tool.label, error)
                    continue
                middle = statistics.median(abs(ratio) for ratio in errors)
                said = f"median error {percent(middle).lstrip('+')}, largest {percent(max(errors, key=abs))}"
                if tool is not OURS:
                    yield Row(what, tool.label, said, ratio=times(middle, ours_ratio))
                    continue
                ours_ratio = middle
                held, wide_ratio = _ranges(tree, found)
                said = f"{said}; range holds the truth in {held} of {count}, {100 * wide_ratio:.0f} % wide"
                is_met = middle <= ERROR_RATIO or (held == count and wide_ratio <= WIDE_RATIO)
                target = f"<= {100 * ERROR_RATIO:g} %, or inside a range <= {100 * WIDE_RATIO:g} % wide"
                yield Row(what, tool.label, said, target, is_met)
    yield Row(
        "what the range holds",
        OURS.label,
        "also how far RAPL itself may be off (reference factors); the synthetic counter is exact",
    )


def _ranges(tree: SyntheticRapl, found: Sequence[Mapping[str, Any]]) -> tuple[int, float]:
    """In how many runs the ranges of CPU and memory both hold the truth, and how wide the CPU's is against its central value."""
    held, wide = 0, []
    for one in found:
        told = one["told"]
        truths_j = {name: tree.truth_j(one["begin_s"], one["end_s"], zone) for name, zone in _COMPONENTS.items()}
        held += all(told[f"{name}_low"] <= truth_j <= told[f"{name}_high"] for name, truth_j in truths_j.items())
        wide.append((told["cpu_high"] - told["cpu_low"]) / told["cpu_central"])
    return held, statistics.median(wide)
