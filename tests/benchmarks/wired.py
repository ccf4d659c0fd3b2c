"""Rows of benchmarks that stand on their own: slowdown of a training, the CPU model, filling a card."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from tests.benchmarks import cpu_model, filling, slowdown
from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import OURS, version_of
from tests.benchmarks.rows import Row, milliseconds, times

CARD: Final = """---
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


_WHERE: Final = (("CPUs as they are", False), ("program and recorder on one CPU", True))


def slowdown_rows(effort: Effort) -> Iterator[Row]:
    """A training's time, tracked over untracked."""
    before = os.environ.get("FOOTPRINT_HOME")
    with tempfile.TemporaryDirectory() as home:
        os.environ["FOOTPRINT_HOME"] = home
        try:
            found = [(where, slowdown.measure(effort.training_s / 2, one_cpu=one_cpu)) for where, one_cpu in _WHERE]
        finally:
            if before is None:
                del os.environ["FOOTPRINT_HOME"]
            else:
                os.environ["FOOTPRINT_HOME"] = before
    target = f"upper bound <= {slowdown.TARGET_RATIO:g}"
    for where, one in found:
        about = f"{one.pairs} pairs of {1000 * one.step_s:.0f} ms, {one.readings} readings; 95 % interval"
        for what, interval in (("median", one.median), ("mean", one.mean)):
            is_met = interval.high_ratio <= slowdown.TARGET_RATIO
            yield Row(f"training, tracked / untracked, {where}, {what} ({about})", OURS.label, str(interval), target, is_met)


def cpu_model_rows(effort: Effort) -> Iterator[Row]:
    """Errors on servers whose CPU was left out of the fit; peers' curves on the same ones."""
    del effort  # it measures no time
    every = cpu_model.held_out()
    peers: dict[str, Callable[[float], float]] = {
        "load³ x TDP (CodeCarbon's curve)": lambda load: 0.1 + 0.9 * load**3,
        "Teads' curve x TDP": lambda load: float(np.interp(load, *cpu_model.TEADS)),
    }
    for name, when, points in (
        ("all", "all", every),
        ("since", f"since {cpu_model.SINCE}", cpu_model.of_years(every, cpu_model.SINCE)),
    ):
        what = f"wall power of {len(points)} points, {when}: median / p90 error"
        ours, (median, p90) = cpu_model.score(points), cpu_model.TARGETS[name]
        is_met = ours.median <= median and ours.p90 <= p90
        yield Row(what, OURS.label, _errors(ours), f"<= {100 * median:.0f} % / <= {100 * p90:.0f} %", is_met)
        for label, curve in peers.items():
            theirs = cpu_model.score(cpu_model.peer(points, curve))
            yield Row(what, label, _errors(theirs), ratio=times(theirs.median, ours.median))
        held, by_model = cpu_model.coverage(points)
        said = f"{100 * held:.1f} % of points ({100 * by_model:.1f} % with each CPU model alike)"
        target = f">= {100 * cpu_model.COVERAGE:.0f} %"
        yield Row(f"our 90 % range holds, {when}", OURS.label, said, target, held >= cpu_model.COVERAGE)


def card_rows(effort: Effort) -> Iterator[Row]:
    """Setting the emissions of one card on disk: read, edit, prove, write."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "README.md"

        def timed(fill: Callable[[Path], None]) -> float:
            path.write_text(CARD, encoding="utf-8")
            return filling.seconds(lambda: fill(path))

        timed(filling.ours), timed(filling.hub)  # load both before either is timed
        pairs = [(timed(filling.ours), timed(filling.hub)) for _ in range(3 * effort.repeats)]
    ours_s, theirs_s = (statistics.median(side) for side in zip(*pairs, strict=True))
    what = "fill one card (ours: five fields, metadata, block, proof, fsync; theirs: metadata)"
    yield Row(what, OURS.label, milliseconds(ours_s))
    yield Row(what, version_of("huggingface_hub"), milliseconds(theirs_s), ratio=times(theirs_s, ours_s))


def _errors(score: cpu_model.Score) -> str:
    return f"{100 * score.median:.1f} % / {100 * score.p90:.1f} %"
