"""When to look: often while a run is young, so that a short one is read well too, then as often as was asked for."""

from __future__ import annotations

from typing import Final

_FIRST_S: Final = 0.1
_AGE_RATIO: Final = 0.2
_LOOK_S: Final = 1.0
_LATER_LOOK_S: Final = 10.0
YOUNG_S: Final = 60.0
"""For so long a run is young: who holds its devices is looked at often, and written down each time."""


def reading_gap_s(age_s: float, interval_s: float) -> float:
    """Seconds until a run's next reading, by its age: a fifth of it, but at least 0.1 s and at most the stated interval.

    Gaps that grow with the age integrate a power that changes anywhere in the run with the same relative error, for
    about twenty readings in all before a stated second is reached.
    """
    return min(interval_s, max(_FIRST_S, age_s * _AGE_RATIO))


def look_gap_s(age_s: float) -> float:
    """Seconds until the devices' holders are asked for again, by the age of the youngest run."""
    return reading_gap_s(age_s, _LOOK_S) if age_s < YOUNG_S else _LATER_LOOK_S
