"""How much of something the rest of a piece of work takes, told from what its beginning took.

**The model.** The work done is cut into up to `BLOCKS_MOST` blocks of about equal work, and the cost of a unit of work
(seconds, kWh) in each of them is a reading of a level that drifts: `cost_k = level_k + noise_k`, `level_k+1 = level_k +
drift_k` (the local level model: Harvey, "Forecasting, Structural Time Series Models and the Kalman Filter", Cambridge
University Press 1989, 2.3; blocks instead of single steps: Schmeiser, "Batch size effects in the analysis of simulation
output", Operations Research 30 (3), 1982). The mean of the level over the rest of the work, with the noise of as many blocks as
are to come, is what is forecast.

**How noisy, how drifting.** Nobody knows, and a beginning tells little of it: each pair of a grid of noises (around the spread
of the blocks) and drifts (`DRIFTS`: over as much work as has been seen) is weighted by how well it explains the blocks (the
likelihood that its Kalman filter gives), and the forecast is the mixture of all. Nothing is taken to drift by less than the
smallest of them, and `ALLOWANCE` is added for what no beginning tells. These three were chosen so that the 90 % range held the
truth in simulated runs (tests/derive/test_forecast.py prints how often).

**A slow beginning.** Blocks at the beginning that those after them do not explain (a compiler, cold caches) are left out, up to
half of all.

What the beginning has not seen the forecast cannot know: a phase that comes only at the end, a neighbour who comes later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from footprint.model import Range

BLOCKS_LEAST: Final = 4
"""With fewer than four a slow beginning cannot be told from noise."""
BLOCKS_MOST: Final = 20
DRIFTS: Final = (0.05, 0.1, 0.2, 0.4)
HORIZON: Final = 20.0
"""The rate of a program does not wander off without end: not much farther than it does over so many times the work seen."""
_WEIGHTS: Final = (1.0, 0.6, 0.3, 0.1)
NOISES: Final = (0.4, 0.55, 0.75, 1.0, 1.35, 1.8, 2.5, 3.5)
ALLOWANCE: Final = 0.07
Z_95: Final = NormalDist().inv_cdf(0.95)
_NOISE_LEAST: Final = 0.003
_OUTSIDE: Final = 1.4
_OUTSIDE_LEAST: Final = 0.02
_BISECTIONS: Final = 60
_REACH: Final = 12.0

Numbers = NDArray[np.float64]
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def blocks(done: Sequence[float]) -> list[int]:
    """Where to cut a course of progress: the positions of the points between which blocks of about equal work lie, ends included.

    Args:
        done: the work done at each point, ascending.
    """
    cuts = [0]
    whole = done[-1] - done[0] if done else 0.0
    for position, now in enumerate(done):
        due = len(cuts) * whole / BLOCKS_MOST * (1 - 1e-9)
        if now > done[cuts[-1]] and (now - done[0] >= due or position == len(done) - 1):
            cuts.append(position)
    return cuts


def rest(work: Sequence[float], cost: Sequence[float], remaining: float) -> Range | None:
    """What the remaining work takes, in the unit of `cost`.

    Args:
        work: the work of each block, above zero.
        cost: what each of them took.
        remaining: the work that remains, in the unit of `work`.

    Returns:
        The 90 % range and its mean; null where the blocks are too few or cost nothing, or where the range would reach down to
        nothing.
    """
    if remaining <= 0:
        return Range(low=0.0, central=0.0, high=0.0)
    works, costs = np.asarray(work, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    if len(works) < BLOCKS_LEAST or not costs.sum() > 0:
        return None
    remaining /= float(works.sum())  # in units of the work seen: the program's may be of any size
    works = works / works.sum()
    begun = _slow_beginning(works, costs)
    works, costs = works[begun:], costs[begun:]
    unit = float(costs.sum() / works.sum())
    weights, means, deviations = _filtered(works, costs / works / unit, remaining)
    scale = unit * remaining
    low, high = (scale * _percentile(weights, means, deviations, z) for z in (-Z_95, Z_95))
    central = scale * float((weights * means).sum())
    return Range(low=low, central=central, high=high) if 0 < low <= central <= high else None


def _slow_beginning(work: Numbers, cost: Numbers) -> int:
    """How many blocks at the beginning are unlike those after them: outside a 99 % prediction interval, roughly, and by 2 %."""
    found, rates = 0, cost / work
    for first in range(1, len(work) // 2 + 1):
        later = slice(first, None)
        freedom = len(work) - first - 1
        if freedom < 2:  # noqa: PLR2004 - of two blocks the spread says nothing
            break
        mean = cost[later].sum() / work[later].sum()
        spread = math.sqrt(float((work[later] * (rates[later] - mean) ** 2).sum()) / freedom)
        error = spread * math.sqrt(1 / work[first - 1] + 1 / work[later].sum())
        if abs(rates[first - 1] - mean) > max(_OUTSIDE * _student_95(freedom) * error, _OUTSIDE_LEAST * mean):
            found = first
    return found


def _student_95(freedom: int) -> float:
    """The 95th percentile of Student's t (Abramowitz & Stegun 26.7.5, two terms)."""
    z: float = Z_95
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def _filtered(work: Numbers, rates: Numbers, remaining: float) -> tuple[Numbers, Numbers, Numbers]:
    """Each pair of noise and drift: its weight, and the mean and deviation of the rest's rate by it. Rates are around one."""
    seen, typical = float(work.sum()), float(work.mean())
    spread = max(math.sqrt(float(((work / typical) * (rates - 1) ** 2).sum()) / (len(work) - 1)), _NOISE_LEAST)
    noise, drift = np.meshgrid((np.array(NOISES) * spread) ** 2, np.array(DRIFTS) ** 2, indexing="ij")
    weight = np.log(np.broadcast_to(np.array(_WEIGHTS), noise.shape)).copy()
    level, variance = np.full_like(noise, rates[0]), noise * typical / work[0]
    for k in range(1, len(work)):
        variance = variance + drift * (work[k - 1] + work[k]) / 2 / seen
        expected = variance + noise * typical / work[k]
        missed = rates[k] - level
        weight += -0.5 * np.log(expected) - 0.5 * missed**2 / expected
        gain = variance / expected
        level, variance = level + gain * missed, variance * (1 - gain)
    weight = np.exp(weight - weight.max())
    # From the middle of the last block to its end, then the mean of a random walk over the rest.
    ahead = remaining / (1 + remaining / (HORIZON * seen))
    variance = variance + drift * (work[-1] / 2 + ahead / 3) / seen + noise * typical / remaining + ALLOWANCE**2
    return weight / weight.sum(), level, np.sqrt(variance)


def _percentile(weights: Numbers, means: Numbers, deviations: Numbers, z: float) -> float:
    """The percentile of a mixture of normal laws that is the standard normal's at `z`."""
    wanted = 0.5 * math.erfc(-z / math.sqrt(2))
    middle, reach = float((weights * means).sum()), _REACH * float(deviations.max())
    low, high = middle - reach, middle + reach
    for _ in range(_BISECTIONS):
        at = (low + high) / 2
        below = float((weights * 0.5 * _erfc(-(at - means) / deviations / math.sqrt(2))).sum())
        low, high = (at, high) if below < wanted else (low, at)
    return (low + high) / 2
