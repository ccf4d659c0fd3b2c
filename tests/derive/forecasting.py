"""Simulated trainings whose end is known, and how often a forecast's 90 % range held it: `python -m tests.derive.forecasting`.

Each is 2,000 steps of about 0.1 s at about 300 W after some seconds of loading, with noise of 25 % a step, and one thing besides.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from footprint.accounting.energy import Course
from footprint.derive.advance import blocks, rest
from footprint.ledger.progress import Advance
from footprint.ledger.records import Progress
from footprint.model import DeviceEnergy, Place, Run
from tests.report.examples import run as example

STEPS: Final = 2000
STEP_S: Final = 0.1
POWER_W: Final = 300.0
SHARES: Final = (0.05, 0.1, 0.25, 0.5, 0.75)

Numbers = NDArray[np.float64]


class Training(NamedTuple):
    """When each step ended, s, and the energy by then, J; `told` are the steps after which progress was told."""

    times_s: Numbers
    energies_j: Numbers
    told: NDArray[np.int64]


class _Steps:
    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.step_s = np.full(STEPS, STEP_S)
        self.pause_s = np.zeros(STEPS)
        self.power_w = POWER_W * (1 + 0.03 * rng.standard_normal(STEPS))
        self.told = np.arange(STEPS)

    def training(self) -> Training:
        step_s = self.step_s * self.rng.lognormal(0, 0.25, STEPS)
        times_s = np.cumsum(step_s + self.pause_s) + self.rng.uniform(1, 10)
        energies_j = np.cumsum(step_s * self.power_w + self.pause_s * POWER_W / 2) + 500
        return Training(times_s, energies_j, self.told)


def steady(_: _Steps) -> None:
    """Noise and nothing else."""


def drifting(steps: _Steps) -> None:
    """A rate that wanders off by 15 % over the whole."""
    walk = np.cumsum(steps.rng.standard_normal(STEPS)) / np.sqrt(STEPS) * 0.15
    steps.step_s *= np.exp(walk)
    steps.power_w /= np.exp(walk / 2)


def trend(steps: _Steps) -> None:
    """Steps that grow longer or shorter throughout, by up to 40 % (longer sequences, heat)."""
    steps.step_s *= 1 + steps.rng.uniform(-0.3, 0.4) * np.arange(STEPS) / STEPS


def warm_up(steps: _Steps) -> None:
    """Up to 3 % of the steps at the beginning take 1.5 to 5 times as long, at less power (a compiler, cold caches)."""
    until = int(STEPS * steps.rng.uniform(0.002, 0.03))
    steps.step_s[:until] *= steps.rng.uniform(1.5, 5)
    steps.power_w[:until] *= 0.6


def epochs(steps: _Steps) -> None:
    """5 to 20 epochs, each with an evaluation of 5 to 20 % of its time."""
    length = STEPS // int(steps.rng.integers(5, 21))
    count = len(steps.pause_s[length - 1 :: length])
    steps.pause_s[length - 1 :: length] = steps.rng.uniform(0.05, 0.2) * length * STEP_S * steps.rng.lognormal(0, 0.1, count)


def checkpoints(steps: _Steps) -> None:
    """A checkpoint each 50 to 200 steps, as long as 5 to 30 of them."""
    every = int(steps.rng.integers(50, 200))
    count = len(steps.pause_s[every - 1 :: every])
    steps.pause_s[every - 1 :: every] = steps.rng.uniform(5, 30) * STEP_S * steps.rng.lognormal(0, 0.3, count)


def shared(steps: _Steps) -> None:
    """A machine that is shared: the rate varies by 20 %, for 20 to 200 steps at a time."""
    kept = 1 - 1 / steps.rng.uniform(20, 200)
    noise, level = steps.rng.standard_normal(STEPS) * 0.2 * np.sqrt(1 - kept**2), 0.0
    levels = np.empty(STEPS)
    for i in range(STEPS):
        levels[i] = level = kept * level + noise[i]
    steps.step_s *= np.exp(levels)
    steps.power_w *= np.exp(-levels / 2)


def everything(steps: _Steps) -> None:
    """A slow beginning, a wandering rate and evaluations."""
    warm_up(steps)
    steps.step_s *= np.exp(np.cumsum(steps.rng.standard_normal(STEPS)) / np.sqrt(STEPS) * 0.08)
    epochs(steps)


def rare(steps: _Steps) -> None:
    """Progress told twenty times in all."""
    steps.told = np.arange(STEPS // 20 - 1, STEPS, STEPS // 20)


def neighbour(steps: _Steps) -> None:
    """A neighbour comes at some moment and takes 20 to 60 %: what comes later no forecast knows."""
    steps.step_s[int(STEPS * steps.rng.uniform(0, 1)) :] *= steps.rng.uniform(1.2, 1.6)


FORESEEABLE: Final = (steady, drifting, trend, warm_up, epochs, checkpoints, shared, everything, rare)
SCENARIOS: Final = (*FORESEEABLE, neighbour)


def training(scenario: Callable[[_Steps], None], seed: int) -> Training:
    """One of a scenario's trainings: the same for the same seed, on every machine."""
    steps = _Steps(np.random.default_rng([seed, *scenario.__name__.encode()]))
    scenario(steps)
    return steps.training()


class Score(NamedTuple):
    """Of the forecasts at one share of the work: how many were made, and of time and energy how many held the truth; medians."""

    made: int
    tried: int
    time_ratio: float
    energy_ratio: float
    width: float
    error_ratio: float


def score(scenario: Callable[[_Steps], None], share: float, seeds: int) -> Score:
    """How forecasts of time and energy do when this share of the work is done."""
    held: dict[str, list[bool]] = {"time": [], "energy": []}
    widths, errors = [], []
    for seed in range(seeds):
        whole = training(scenario, seed)
        seen = whole.told[whole.told < share * STEPS]
        points = thinned(whole.times_s[seen], seen + 1.0)
        done = np.array([one[1] for one in points])
        cuts = blocks(list(done))
        at = done[cuts].astype(int) - 1 if len(cuts) > 1 else np.array([0])
        for what, course in (("time", whole.times_s), ("energy", whole.energies_j)):
            ahead = rest(np.diff(at).tolist(), np.diff(course[at]).tolist(), STEPS - 1 - at[-1])
            if ahead is None:
                continue
            now, truth = course[at[-1]], course[-1]
            held[what].append(bool(now + ahead.low <= truth <= now + ahead.high))
            if what == "time":
                widths.append((now + ahead.high) / (now + ahead.low))
                errors.append(abs((now + ahead.central) / truth - 1))
    if not errors:
        return Score(0, seeds, 0, 0, 0, 0)
    time_ratio, energy_ratio = (sum(found) / len(found) for found in held.values())
    return Score(len(errors), seeds, time_ratio, energy_ratio, float(np.median(widths)), float(np.median(errors)))


def thinned(times_s: Numbers, done: NDArray[np.floating[Any]]) -> tuple[tuple[float, float, float], ...]:
    """Progress as a ledger tells it."""
    advance = Advance()
    for t_s, amount in zip(times_s, done, strict=True):
        advance.add(Progress(run="r", t_s=float(t_s), done=float(amount), total=float(STEPS)))
    return advance.points(0.0)


def facts(whole: Training, place: Place | None = None) -> Run:
    """A training as a ledger would tell it: one GPU, read each second."""
    one = example("simulated", duration_s=float(whole.times_s[-1]), place=place)
    course, device = Course(), one.devices[0].device
    for t_s in (*np.arange(0.0, whole.times_s[-1], 1.0), whole.times_s[-1]):
        course.add(float(t_s), float(np.interp(t_s, [0.0, *whole.times_s], [0.0, *whole.energies_j])))
    reading = DeviceEnergy(
        device=device,
        energy_j=float(whole.energies_j[-1]),
        read_s=one.duration_s,
        held_ratio=1.0,
        course=course.points(),
    )
    # Everything but the accelerator is left out, so that what is forecast is what was simulated.
    return example(
        "simulated",
        duration_s=one.duration_s,
        place=place,
        devices=(reading,),
        cpu=None,
        progress=thinned(whole.times_s[whole.told], whole.told + 1.0),
    )


def table(seeds: int) -> str:
    """A line a scenario: at each share of the work, how often the range held time and energy, its width, the central's error."""
    lines = [f"{'done':12}" + "".join(f"{share:>26.0%}" for share in SHARES)]
    for scenario in SCENARIOS:
        cells = []
        for share in SHARES:
            one = score(scenario, share, seeds)
            told = (
                f"{one.time_ratio:4.0%} {one.energy_ratio:4.0%} x{one.width:.2f} {one.error_ratio:5.1%}"
                if one.made
                else "too early"
            )
            cells.append(f"{told:>26}")
        lines.append(f"{scenario.__name__:12}" + "".join(cells))
    return "\n".join(lines)


def against_plain(seeds: int, share: float = 0.1) -> str:
    """The energy foreseen from the first tenth: ours, and that tenth times ten, as CarbonTracker takes a first epoch for all."""
    lines = []
    for scenario in SCENARIOS[:-2]:
        ours, plain = [], []
        for seed in range(seeds):
            whole = training(scenario, seed)
            at, truth = int(share * STEPS) - 1, float(whole.energies_j[-1])
            done = np.arange(at + 1) + 1.0
            cuts = np.array(blocks(done.tolist()))
            ahead = rest(np.diff(done[cuts]).tolist(), np.diff(whole.energies_j[cuts]).tolist(), STEPS - 1 - at)
            plain.append(abs(float(whole.energies_j[at]) / share / truth - 1))
            ours.append(1.0 if ahead is None else abs((float(whole.energies_j[at]) + ahead.central) / truth - 1))
        lines.append(f"{scenario.__name__:12} ours {np.median(ours):5.1%}   first part x10 {np.median(plain):5.1%}")
    return "\n".join(lines)


if __name__ == "__main__":
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(table(many), against_plain(many), sep="\n\n")
