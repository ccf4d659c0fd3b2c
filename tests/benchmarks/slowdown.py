"""How much slower a training gets when it is tracked: `python -m tests.benchmarks.slowdown`.

One process trains a network on digits, step by step, each step of equal work and some hundredths of a second long. A run is
open all the time; between steps its recorder is let go on (SIGCONT) or held (SIGSTOP), so that a step has a recorder beside
it or has none. A machine's noise is far larger than what is looked for, and slow: neighbours on it, clock rates, caches. So steps
come in pairs, one with and one without, one right after the other; which goes first is drawn for every other pair and reversed
in the next (ABBA or BAAB). Blocks of seconds would need hours to tell as much.

A recorder that was held takes the reading that it owes as soon as it may, so there is one each second, and all of them fall into
steps with a recorder, which are half of the time: what is stated is up to twice what a training sees.

What is stated is the ratio of a pair's times: the *mean* is geometric, with Student's interval of the log-ratios: what tracking
costs in the long run, stalls included. The *median* has the interval of order statistics, which assumes nothing of the
machine's noise. Both are two-sided, of 95 %. Once with the CPUs as they are, and once with program and recorder on one CPU,
where no reading is for nothing.

Pairs are measured until both intervals reach no further than half a percent to either side, or time is up. It is their width
that ends it, never where they lie: looking at them as they grow favours no result.
"""

from __future__ import annotations

import argparse
import functools
import math
import os
import random
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.benchmarks.cpu_cost import recorder_pid

STEP_S: Final = 0.02
PAIRS_AT_LEAST: Final = 6
"""With fewer, no order statistics hold the median in 95 % of samples."""
PAIRS_A_LOOK: Final = 200
WIDE_RATIO: Final = 0.005
LIMIT_S: Final = 120.0
TARGET_RATIO: Final = 1.01


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A ratio, and its 95 % interval."""

    low_ratio: float
    middle_ratio: float
    high_ratio: float

    def __str__(self) -> str:
        return f"{self.middle_ratio:.4f} ({self.low_ratio:.4f}-{self.high_ratio:.4f})"


class Slowdown(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: ratios with / without a recorder at work, and how many readings it took meanwhile."""

    pairs: int
    step_s: float
    took_s: float
    readings: int
    median: Interval
    mean: Interval

    @property
    def is_reached(self) -> bool:
        """Whether the upper bounds of both intervals are below the target."""
        return max(self.median.high_ratio, self.mean.high_ratio) <= TARGET_RATIO

    def __str__(self) -> str:
        steps = f"{self.pairs} pairs of steps of {1000 * self.step_s:.0f} ms in {self.took_s:.0f} s, {self.readings} readings"
        verdict = "reached" if self.is_reached else "not reached"
        return f"{steps}: median {self.median}, mean {self.mean}; upper bounds <= {TARGET_RATIO}: {verdict}"


def measure(
    limit_s: float = LIMIT_S, *, wide_ratio: float = WIDE_RATIO, step_s: float = STEP_S, one_cpu: bool = False, seed: int = 1
) -> Slowdown:
    """Measure pairs until the intervals are narrow or time is up.

    Args:
        limit_s: the time it may take, s, but for the pairs that any interval needs.
        wide_ratio: how far the intervals may reach to either side.
        step_s: how long a step is to take, s.
        one_cpu: keep program and recorder on one CPU.
        seed: of the order within the pairs.
    """
    import footprint
    from footprint.ledger import series

    before = os.sched_getaffinity(0)
    step = _training(step_s)
    run = footprint.track("slowdown").start()
    if not run.is_recorded:
        raise RuntimeError(f"the training is not recorded: {run.facts.warnings}")
    recorder = recorder_pid(Path(os.environ["FOOTPRINT_HOME"]), run.id)
    try:
        if one_cpu:
            for pid in (0, recorder):
                os.sched_setaffinity(pid, {min(before)})
        begin_s = time.monotonic()
        logs, plain_s = pairs(functools.partial(_timed, step, recorder), random.Random(seed), begin_s + limit_s, wide_ratio)
        took_s = time.monotonic() - begin_s
    finally:
        os.kill(recorder, signal.SIGCONT)
        os.sched_setaffinity(0, before)
        run.stop()
    return Slowdown(
        pairs=len(logs),
        step_s=statistics.median(plain_s),
        took_s=took_s,
        readings=len(series(run.id)),
        median=median_interval(logs),
        mean=mean_interval(logs),
    )


def _timed(step: Callable[[], None], recorder: int, recorded: bool) -> float:
    hold(recorder, held=not recorded)
    start_s = time.perf_counter()
    step()
    return time.perf_counter() - start_s


def hold(recorder: int, *, held: bool) -> None:
    """Hold a recorder, or let it go on."""
    os.kill(recorder, signal.SIGSTOP if held else signal.SIGCONT)


def pairs(
    timed: Callable[[bool], float], order: random.Random, until_s: float, wide_ratio: float
) -> tuple[list[float], list[float]]:
    """The log-ratios of pairs of steps, and the seconds of those without a recorder.

    Args:
        timed: takes a step, with a recorder or without, and says how long it took, s.
        order: by which of a pair goes first.
        until_s: when to end, on the monotonic clock.
        wide_ratio: how far the intervals may reach to either side for it to end earlier.
    """
    logs: list[float] = []
    plain_s: list[float] = []
    first = True
    while len(logs) < PAIRS_AT_LEAST or time.monotonic() < until_s:
        first = order.random() < 0.5 if len(logs) % 2 == 0 else not first
        one_s, other_s = timed(first), timed(not first)
        ours_s, theirs_s = (one_s, other_s) if first else (other_s, one_s)
        logs.append(math.log(ours_s / theirs_s))
        plain_s.append(theirs_s)
        if len(logs) % PAIRS_A_LOOK == 0 and _is_narrow(logs, wide_ratio):
            break
    return logs, plain_s


def median_interval(logs: Sequence[float]) -> Interval:
    """The median of log-ratios as a ratio, and the order statistics that hold it in at least 95 % of samples (sign test).

    Below six values even the smallest and largest hold it less often.
    """
    ordered, count = sorted(logs), len(logs)
    outside, rank = 0.0, 0
    while True:  # how many values may be left out at either end
        outside += math.comb(count, rank) / 2**count
        if outside > 0.025 or rank >= (count - 1) // 2:
            break
        rank += 1
    rank = max(0, rank - 1)
    return _interval(ordered[rank], statistics.median(ordered), ordered[count - 1 - rank])


def mean_interval(logs: Sequence[float]) -> Interval:
    """The geometric mean of ratios, with Student's interval of their logarithms."""
    mean = statistics.fmean(logs)
    reach = _student(len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return _interval(mean - reach, mean, mean + reach)


def _interval(low: float, middle: float, high: float) -> Interval:
    return Interval(low_ratio=math.exp(low), middle_ratio=math.exp(middle), high_ratio=math.exp(high))


def _student(freedom: int) -> float:
    """The 97.5 % point of Student's distribution."""
    from scipy.stats import t  # comes with scikit-learn

    return float(t.ppf(0.975, freedom))


def _is_narrow(logs: Sequence[float], wide_ratio: float) -> bool:
    return all(
        max(found.high_ratio - found.middle_ratio, found.middle_ratio - found.low_ratio) <= wide_ratio
        for found in (median_interval(logs), mean_interval(logs))
    )


def _training(step_s: float) -> Callable[[], None]:
    """A step of a training, of about that length: a perceptron on scikit-learn's digits, on one thread."""
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    threadpool_limits(1)  # more threads would wait for each other, and for the neighbours of this machine
    digits = load_digits()
    data: Any = (digits.data[:128] / 16).astype(np.float32)
    labels: Any = digits.target[:128]
    network = MLPClassifier(hidden_layer_sizes=(256, 256), random_state=0)

    def step(batches: int) -> None:
        for _ in range(batches):
            network.partial_fit(data, labels, classes=np.unique(digits.target))

    step(20)
    begin_s = time.perf_counter()
    step(20)
    batches = max(1, round(20 * step_s / (time.perf_counter() - begin_s)))
    return lambda: step(batches)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How much slower a training gets when it is tracked.")
    parser.add_argument("--limit-s", type=float, default=LIMIT_S, help="how long each of the two may take, s")
    parser.add_argument("--wide-ratio", type=float, default=WIDE_RATIO, help="how far the intervals may reach to either side")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["FOOTPRINT_HOME"] = home
        for one_cpu in (False, True):
            print(
                "on one CPU:" if one_cpu else "as it is: ", measure(given.limit_s, wide_ratio=given.wide_ratio, one_cpu=one_cpu)
            )


if __name__ == "__main__":
    main()
