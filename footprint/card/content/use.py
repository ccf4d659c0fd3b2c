"""What the work counters of runs make of a footprint: energy and emissions per 1,000 requests, tokens or samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from footprint import text
from footprint.card.parts.block import Subject
from footprint.model import Footprint, Range, Run

if TYPE_CHECKING:
    from footprint.derive import Total

_EACH: Final = 1000
_FIRST: Final = ("requests", "tokens", "samples")
_MOST: Final = 6
_LARGE: Final = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


class Use(NamedTuple):
    """What some of the runs counted under one name: how much, how many of the runs, and the footprint of these together.

    `unknown` is how many requests took more of it that could not be counted.
    """

    counted: float
    runs: int
    footprint: Footprint | None
    unknown: float = 0.0


class Uses(NamedTuple):
    """What runs counted, by name; `runs` is how many might have: those that are nested in none of the others."""

    by_name: Mapping[str, Use]
    runs: int

    @classmethod
    def of(cls, runs: Sequence[Run], total: Callable[[list[str]], Total]) -> Uses:
        """What some runs counted.

        What a nested run counted is left to the run that contains it: whether that one counted it, too, cannot be told, and the
        energy of the nested one alone would say nothing of the whole.

        Args:
            runs: the runs on one subject.
            total: the total of some of them by their ids.
        """
        ids = {run.id for run in runs}
        outer = [run for run in runs if run.parent not in ids]
        names = dict.fromkeys(name for run in outer for name, value in run.whole_work.items() if value > 0)
        found = {}
        for name in sorted(names, key=lambda one: (_FIRST.index(one) if one in _FIRST else len(_FIRST), one))[:_MOST]:
            counting = [run for run in outer if run.work.get(name, 0) > 0]
            sums = total([run.id for run in counting])
            whole = sums.with_energy == sums.runs and sums.with_emissions in {0, sums.runs}
            counted = sum(run.work[name] for run in counting)
            unknown = sum(run.unknown_work(name) for run in counting)
            found[name] = Use(counted, len(counting), sums.footprint if whole else None, unknown)
        return cls(found, len(outer))


def explain_use(runs: Sequence[Run], footprint: Footprint | None, uses: Uses | None, about: Subject) -> list[str]:
    """What was counted, in sentences; for use of the model also what a thousand of each took.

    Args:
        runs: the runs on one subject.
        footprint: theirs together, for runs of which `uses` is not given; None where it does not cover them all.
        uses: what they counted, with the footprint of those that did.
        about: the subject.
    """
    if uses is None:
        uses = _of_all(runs, footprint)
    lines = []
    for name, use in uses.by_name.items():
        noun = text.clean(name, limit=40)
        some = f" by {use.runs} of the {uses.runs} runs" if use.runs < uses.runs else ""
        amount = f"{_amount(use.counted)} {noun}{some}"
        if use.unknown:
            amount += f", and those of {use.unknown:,.0f} more requests are unknown"
        took = _per_thousand(use) if about != "training" else ""
        lines.append(f"Per 1,000 {noun}: {took}; counted: {amount}." if took else f"Counted: {amount}.")
    if about == "inference":
        per = sum(line.startswith("Per ") for line in lines)
        if per:
            lines.append("What the machine took while it waited for work is part of these figures.")
        if per > 1:
            lines[-1] += " Each of them shares out all of the energy: they do not add up."
        if not lines:
            lines.append("Neither requests nor tokens were counted, so nothing is said of what one of them takes.")
    return lines


def _of_all(runs: Sequence[Run], footprint: Footprint | None) -> Uses:
    """What all of the runs counted; a name under which only some did says nothing of all."""
    names = dict.fromkeys(name for run in runs for name in run.whole_work)
    by_name = {
        name: Use(sum(run.work[name] for run in runs), len(runs), footprint, sum(run.unknown_work(name) for run in runs))
        for name in names
        if all(run.work.get(name, 0) > 0 for run in runs)
    }
    return Uses(by_name, len(runs))


def _per_thousand(use: Use) -> str:
    if use.footprint is None:
        return ""
    factor = _EACH / use.counted
    parts = []
    if (energy := use.footprint.energy_kwh) is not None:
        each = _scaled(energy, factor)
        parts.append(text.energy_range(each.low, each.central, each.high))
    if (emissions := use.footprint.emissions_g) is not None:
        each = _scaled(emissions, factor)
        parts.append(f"{text.mass_range(each.low, each.central, each.high)} CO2eq")
    return ("at most " if use.unknown and parts else "") + ", ".join(parts)


def _scaled(value: Range, factor: float) -> Range:
    return Range(low=value.low * factor, central=value.central * factor, high=value.high * factor)


def _amount(value: float) -> str:
    """A count for a person: in full below a million, three figures of millions above."""
    for size, word in _LARGE:
        if value >= size:
            return f"{text.number(value / size)} {word}"
    return f"{value:,.0f}" if value == int(value) else text.number(value)
