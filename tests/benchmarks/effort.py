"""How much work goes into a figure."""

from __future__ import annotations

from typing import Final, NamedTuple


class Effort(NamedTuple):
    """Lengths and counts: the targets' own in a full run, short ones to see whether it works.

    Attributes:
        repeats: of what takes seconds; its median is stated.
        long_repeats: of what takes minutes.
        truth_s: the length of the runs against synthetic truth.
        short_counts: how many runs of 0.2 s and of 2 s.
        children: how many.
        hold_s: how long CPU and memory are watched.
        forest: the size of the larger process tree.
        training_s: how long pairs of trainings are measured.
        cards: how many are filled one after the other.
    """

    repeats: int = 5
    long_repeats: int = 1
    truth_s: float = 20.0
    short_counts: tuple[int, int] = (12, 5)
    children: int = 50
    hold_s: float = 12.0
    forest: int = 2_000
    training_s: float = 100.0
    cards: int = 25_000


FULL: Final = Effort()
QUICK: Final = Effort(1, 1, 5.0, (4, 2), 6, 4.0, 300, 10.0, 1_000)
