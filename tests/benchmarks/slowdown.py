"""How much slower a training gets when it is tracked: `python -m tests.benchmarks.slowdown`.

One process trains the same network on the same digits for the same number of epochs, from the same weights, again and again:
blocks of equal work, about 2.5 s each, so that a tracked one holds a first reading, two more at 1 Hz, and a last one. Blocks
come in pairs, one tracked, one not; which goes first is drawn for every other pair and reversed in the next (ABBA or BAAB), so
that a machine that slowly gets faster or slower favours neither. The recorder is started before the first pair and lives on.

What is stated is the ratio tracked / untracked of a pair's times:

- *training*: the block alone, as the program's step times show it; *with start and stop*: all that tracking it took, which
  weighs more here than in a training that is longer than a block.
- the *mean* is geometric, with Student's interval of the log-ratios: what tracking costs in the long run, stalls included. The
  *median* has the interval of order statistics, which assumes nothing of the machine's noise. Both are two-sided, of 95 %.
- *CPU*: the same of the process's own CPU time, which other programs disturb less, but which does not see waiting.

Pairs are measured until the intervals of the training's mean and median reach no further than 0.4 % to either side, or time is
up. It is their width that ends it, never where they lie: looking at them as they grow favours no result.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

BLOCK_S: Final = 2.5
PAIRS_AT_LEAST: Final = 6
"""With fewer, no order statistics hold the median in 95 % of samples."""
WIDE_RATIO: Final = 0.004
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
    """What was found: ratios tracked / untracked."""

    pairs: int
    block_s: float
    took_s: float
    median: Interval
    mean: Interval
    with_start_and_stop: Interval
    cpu: Interval

    @property
    def is_reached(self) -> bool:
        """Whether the upper bounds of both intervals of the training's time are below the target."""
        return max(self.median.high_ratio, self.mean.high_ratio) <= TARGET_RATIO

    def __str__(self) -> str:
        verdict = "reached" if self.is_reached else "not reached"
        blocks = f"{self.pairs} pairs of blocks of {self.block_s:.2f} s in {self.took_s:.0f} s"
        return "\n".join(
            [
                f"{blocks}; tracked / untracked (95 % interval)",
                f"  training, median            {self.median}",
                f"  training, mean              {self.mean}",
                f"  with start and stop, median {self.with_start_and_stop}",
                f"  its own CPU time, median    {self.cpu}",
                f"  target: upper bound of the training's mean and median <= {TARGET_RATIO}: {verdict}",
            ]
        )


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that one block took: of training, of it with start and stop of the run, and of the process's CPU."""

    training_s: float
    all_s: float
    cpu_s: float


def measure(limit_s: float = LIMIT_S, *, wide_ratio: float = WIDE_RATIO, block_s: float = BLOCK_S, seed: int = 1) -> Slowdown:
    """Measure pairs until the intervals are narrow or time is up.

    Args:
        limit_s: the time it may take, s, but for the pairs that any interval needs.
        wide_ratio: how far the intervals of the training's time may reach to either side.
        block_s: how long a block is to take, s; longer than two readings are apart.
        seed: of the order within the pairs.
    """
    import footprint

    train = _training(block_s)
    order = random.Random(seed)
    begin_s = time.monotonic()
    ratios: list[tuple[float, float, float]] = []
    plain: list[float] = []

    def block(*, tracked: bool) -> Block:
        before_s = time.perf_counter()
        run = footprint.track("slowdown").start() if tracked else None
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        train()
        end_cpu_s, end_s = time.process_time(), time.perf_counter()
        if run is not None:
            run.stop()
            if not run.is_recorded:
                raise RuntimeError(f"the tracked block was not recorded: {run.facts.warnings}")
        return Block(training_s=end_s - start_s, all_s=time.perf_counter() - before_s, cpu_s=end_cpu_s - start_cpu_s)

    block(tracked=True), block(tracked=False)  # what is loaded and started but once
    first_is_tracked = True
    while len(ratios) < PAIRS_AT_LEAST or (time.monotonic() - begin_s < limit_s and not _is_narrow(ratios, wide_ratio)):
        first_is_tracked = order.random() < 0.5 if len(ratios) % 2 == 0 else not first_is_tracked
        first, second = block(tracked=first_is_tracked), block(tracked=not first_is_tracked)
        ours, theirs = (first, second) if first_is_tracked else (second, first)
        logs = [math.log(getattr(ours, name) / getattr(theirs, name)) for name in Block.__struct_fields__]
        ratios.append((logs[0], logs[1], logs[2]))
        plain.append(theirs.training_s)
    training, everything, cpu = (list(column) for column in zip(*ratios, strict=True))
    return Slowdown(
        pairs=len(ratios),
        block_s=statistics.median(plain),
        took_s=time.monotonic() - begin_s,
        median=median_interval(training),
        mean=mean_interval(training),
        with_start_and_stop=median_interval(everything),
        cpu=median_interval(cpu),
    )


def median_interval(logs: Sequence[float]) -> Interval:
    """The median of log-ratios as a ratio, and the order statistics that hold it in at least 95 % of samples (sign test).

    Below six values even the smallest and largest hold it less often.
    """
    ordered, count = sorted(logs), len(logs)
    outside, rank = 0.0, 0
    while True:  # how many values may be left out at either end
        outside += math.comb(count, rank) / 2.0**count
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


def _is_narrow(ratios: Sequence[tuple[float, float, float]], wide_ratio: float) -> bool:
    training = [logs[0] for logs in ratios]
    return all(
        max(found.high_ratio - found.middle_ratio, found.middle_ratio - found.low_ratio) <= wide_ratio
        for found in (median_interval(training), mean_interval(training))
    )


def _training(block_s: float) -> Callable[[], None]:
    """A training of about that length: a perceptron on scikit-learn's digits, the same steps from the same weights each time."""
    import warnings

    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    digits = load_digits()
    data: Any = (digits.data / 16).astype(np.float32)
    labels: Any = digits.target

    def train(epochs: int) -> None:
        network = MLPClassifier(
            hidden_layer_sizes=(256, 256), batch_size=128, max_iter=epochs, tol=0.0, n_iter_no_change=epochs, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged is no matter
            network.fit(data, labels)
        if network.n_iter_ != epochs:
            raise RuntimeError(f"{network.n_iter_} epochs instead of {epochs}: blocks are not equal")

    train(1)
    begin_s = time.perf_counter()
    train(4)
    epochs = max(1, round(4 * block_s / (time.perf_counter() - begin_s)))
    return lambda: train(epochs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How much slower a training gets when it is tracked.")
    parser.add_argument("--limit-s", type=float, default=LIMIT_S, help="how long it may take, s")
    parser.add_argument("--wide-ratio", type=float, default=WIDE_RATIO, help="how far the intervals may reach to either side")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["FOOTPRINT_HOME"] = home
        print(measure(given.limit_s, wide_ratio=given.wide_ratio))


if __name__ == "__main__":
    main()
