"""Lines of marks that show how something went over time, and bars: in block characters, or in ASCII where these cannot be shown.

What is unknown is a gap and never a low mark; what is known and small is never one either.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from footprint import text
from footprint.report.data import Group, Summary, Use

WIDTH: Final = 60
BAR: Final = 12
_LONGEST: Final = 100_000


class Marks(NamedTuple):
    """The marks of a line: levels from low to high, a stretch without runs, one that is unknown, and the parts of a bar."""

    levels: str
    none: str
    gap: str
    full: str


BLOCKS: Final = Marks("▁▂▃▄▅▆▇█", "·", " ", "█")
ASCII: Final = Marks(".:-=+*#@", "_", " ", "#")


def marks() -> Marks:
    """The marks that standard output can show."""
    try:
        "".join(BLOCKS).encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


def line(values: Sequence[float | None], shown: Marks, *, width: int = WIDTH) -> str:
    """A mark for each value, or for the sum of a few neighbours where there is not the room: `▂▁ ▇█`.

    Args:
        values: none below zero; None where it is unknown, NaN where there was nothing to know.
        shown: the marks.
        width: how many marks at most.
    """
    cells = [_joined(values[start : start + _step(values, width)]) for start in range(0, len(values), _step(values, width))]
    highest = max((cell for cell in cells if cell is not None and not math.isnan(cell)), default=0.0)
    return "".join(_mark(cell, highest, shown) for cell in cells)


def bar(ratio: float | None, shown: Marks, *, width: int = BAR) -> str:
    """A bar as long as a share; empty of one that is unknown or nothing, at least one mark of any other."""
    if not ratio or not math.isfinite(ratio):
        return ""
    return shown.full * max(1, min(width, round(ratio * width)))


def over_time(summary: Summary, shown: Marks, *, width: int = WIDTH) -> list[str]:
    """The energy by day or month, and the power as meters read it, each with what its marks mean; none of a single stretch."""
    found = []
    groups = [(one.key, one.amounts.energy_kwh.central if one.amounts.energy_kwh else None) for one in summary.over_time]
    if len(groups) > 1 and (steps := _steps(summary.over_time, summary.time_step)):
        known = dict(groups)
        values = [known.get(step, math.nan) for step in steps]
        highest = max((value for _, value in groups if value is not None), default=None)
        if highest is not None:
            legend = [f"highest {text.energy(highest)}"]
            legend += [f"{shown.none} no runs"] if any(value is not None and math.isnan(value) for value in values) else []
            legend += ["a gap: unknown"] if None in values else []
            legend += [f"of {partly} a part only is known"] if (partly := _partly(summary)) else []
            legend += ["each a sum over several"] if len(values) > width else []
            head = f"energy by {summary.time_step}, {text.clean(steps[0])} to {text.clean(steps[-1])} ({', '.join(legend)})"
            found += [head, f"  {line(values, shown, width=width)}"]
    # By the same step the energy says it already, and knows more of it.
    same = bool(found) and summary.use_step == summary.time_step
    return found if same else found + _power(summary, shown, width)


def _partly(summary: Summary) -> str:
    """Of how many days or months the energy is that of some runs only: `3 days`; empty of none."""
    some = sum(0 < one.amounts.with_energy < one.amounts.runs for one in summary.over_time)
    return text.plural(some, summary.time_step) if some else ""


def _power(summary: Summary, shown: Marks, width: int) -> list[str]:
    """What meters read, W, in the stretches in which they read anything."""
    use = summary.use
    if len(use) < 2:  # noqa: PLR2004 - of one stretch nothing is seen
        return []
    highest = max(one.power_w for one in use)
    span = f"{text.clean(use[0].begin)} to {text.clean(use[-1].end)}"
    of = f" of each {text.clean(summary.use_step)}" if summary.use_step else ""
    head = f"mean power{of} as read, {span} (highest {text.power(highest)}; a gap: nothing read)"
    try:
        values = list(_stretches(use))
    except (ValueError, OverflowError):
        return []
    return [head, f"  {_peaks(values, shown, width)}"]


def _stretches(use: Sequence[Use]) -> Iterator[float | None]:
    """The powers, with a None for each stretch between them in which nothing was read.

    Raises:
        ValueError: for times that cannot be read, or are not in order.
    """
    begins = [datetime.fromisoformat(one.begin).timestamp() for one in use]
    step_s = min(later - earlier for earlier, later in pairwise(begins))
    if step_s <= 0 or (begins[-1] - begins[0]) / step_s > _LONGEST:
        raise ValueError("stretches of time that are no series")
    for at, one in enumerate(use):
        if at:
            yield from [None] * (round((begins[at] - begins[at - 1]) / step_s) - 1)
        yield one.power_w


def _peaks(values: Sequence[float | None], shown: Marks, width: int) -> str:
    """A line of the mean of neighbours: power is no sum."""
    step = _step(values, width)
    cells = [values[start : start + step] for start in range(0, len(values), step)]
    means = [math.fsum(known) / len(known) if (known := [one for one in cell if one is not None]) else None for cell in cells]
    return line(means, shown, width=width)


def _steps(groups: Sequence[Group], step: str) -> list[str]:
    """All days or months from the first to the last; none where a day cannot be read."""
    try:
        first, last = (date.fromisoformat(f"{one.key}-01"[:10]) for one in (groups[0], groups[-1]))
        if (last - first).days > _LONGEST or last < first:
            return []
        length = 10 if step == "day" else 7
        days = [(first + timedelta(days=at)).isoformat()[:length] for at in range((last - first).days + 1)]
    except (ValueError, OverflowError):
        return []
    return list(dict.fromkeys(days))


def _step(values: Sequence[float | None], width: int) -> int:
    return max(1, math.ceil(len(values) / width))


def _joined(values: Sequence[float | None]) -> float | None:
    """The sum of neighbours; unknown if any is, as it would be too low; NaN where there is nothing in any."""
    if any(value is None for value in values):
        return None
    there = [value for value in values if value is not None and not math.isnan(value)]
    return math.fsum(there) if there else math.nan


def _mark(value: float | None, highest: float, shown: Marks) -> str:
    if value is None:
        return shown.gap
    if math.isnan(value):
        return shown.none
    if highest <= 0:
        return shown.levels[0]
    return shown.levels[min(len(shown.levels) - 1, int(value / highest * len(shown.levels)))]
