"""Every joule once: trackers inside each other, and several processes that read one device, against what it drew."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from footprint.derive import Account
from footprint.ledger import read_runs
from footprint.testing import square, steady
from footprint.units import kwh_from_j
from tests.benchmarks import peers
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import CODECARBON, OURS, Tool, ToolError
from tests.benchmarks.rows import Row, failed

TITLE: Final = "one device read by several trackers: their sum over what it drew"
TARGET_RATIO: Final = 0.01
_LENGTH_S: Final = 20.0
_APART_S: Final = 0.1  # they overlap for nearly all of it, and do not fight for a CPU as they begin
_PROCESSES: Final = 8


def run(effort: Effort) -> Iterator[Row]:
    """Each case by ours and by CodeCarbon, whose users sum what it tells."""
    del effort  # shorter runs would not be quicker: starting takes the time
    ranks = {"WORLD_SIZE": str(_PROCESSES), "TORCHELASTIC_RUN_ID": "benchmark", "MASTER_ADDR": "localhost"}
    for what, processes, trackers, environment in (
        ("3 nested trackers", 1, 3, {}),
        (f"{_PROCESSES} processes", _PROCESSES, 1, {}),
        (f"{_PROCESSES} ranks of one job", _PROCESSES, 1, ranks),
    ):
        for tool in (OURS, CODECARBON):
            try:
                ratio = _sum(tool, processes, trackers, environment)
            except ToolError as error:
                yield failed(what, tool.label, error)
                continue
            said = f"{ratio:.4f} x" if tool is OURS else f"{ratio:.2f} x"
            if tool is OURS:
                yield Row(what, tool.label, said, f"within {100 * TARGET_RATIO:g} %", abs(ratio - 1) <= TARGET_RATIO)
            else:
                yield Row(what, tool.label, said, ratio=said)


def _sum(tool: Tool, processes: int, trackers: int, environment: dict[str, str]) -> float:
    """The sum of what is told of the package, over what it drew in the union of the stretches that were measured."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        tree = stack.enter_context(peers.rapl(Path(folder) / "sys", square(100, 20, 0.7), steady(10)))
        at_work = []
        for rank in range(processes):
            own = {**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)} if environment else {}
            arguments = ("body", str(_LENGTH_S), str(trackers))
            at_work.append(stack.enter_context(peers.Working(tool, *arguments, home=folder, tree=tree, environment=own)))
        for working in at_work:
            working.hear()
        for working in at_work:
            working.go_on()
            time.sleep(_APART_S)
        answers: list[Any] = [working.hear() for working in at_work]
        truth_j = tree.truth_j(min(one["begin_s"] for one in answers), max(one["end_s"] for one in answers))
        if tool is not OURS:
            return float(sum(told["package"] for one in answers for told in one["told"])) / truth_j
        runs = read_runs(Path(folder)).runs
    if len(runs) != processes * trackers:
        raise ToolError(f"{len(runs)} runs were recorded in the place of {processes * trackers}")
    total = Account(runs, "machine").total([run.id for run in runs]).footprint
    energy_kwh = next((one.energy_kwh for one in total.breakdown if one.component == "cpu"), None)
    if energy_kwh is None:
        raise ToolError(f"the sum does not know the CPU: {'; '.join(total.warnings)}")
    return energy_kwh.central / kwh_from_j(truth_j)
