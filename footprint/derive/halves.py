"""What rows of declared facts have in common, worked out once: the two halves of an estimate.

An estimate is work (hardware, kind, hours: the energy of its equipment) at a place in a year (PUE, grid: what each kilowatt-hour
of that becomes), and its quantities are the products of both. Each half is worked out by `derive_declaration`, the only way that
there is, with a stand-in for the other half that adds no uncertainty and no warning of its own.

Within a half numbers scale: hours, watts, a stated PUE. What numbers change beside the scale (a refusal, a warning of a value
that is too high) has thresholds: it comes as a number grows, or goes. So a group of rows is worked out at its smallest numbers
and at its largest; where both tell the same, all between do, and where not, the group is cut in two. What is said twice (power,
hours and energy, or a count in the hardware's name) has to agree, which is no matter of thresholds: such rows, and those whose
numbers are refused, are worked out one by one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from footprint.accounting.ranges import Quantity
from footprint.derive.columns import WHOLE, Columns
from footprint.derive.declared import derive_declaration
from footprint.derive.equipment import known_equipment
from footprint.derive.facts import device_hours, sufficient
from footprint.derive.working import Working
from footprint.errors import ConfigError
from footprint.model import Declaration
from footprint.reference.editions import remembered

Rows = NDArray[np.intp]
Scale = NDArray[np.float64]
Facts = dict[str, Any]
Names = tuple[str, ...]

_WORK: Final = ("kind", "hardware", "workload", "scope", "embodied_g_per_device", "life_years", "use_ratio")
_PLACE: Final = ("provider", "region", "zone", "year", "price_per_kwh", "currency")
# A place that is silent: what makes warnings is stated, and of all else it is known what can be.
_SOME_PLACE: Final[Facts] = {"provider": "gcp", "zone": "USA", "pue": 1.25, "intensity_g_per_kwh": 500.0}
_SOME_WORK: Final[Facts] = {"energy_kwh": 1.0, "scope": "server"}
_NEARLY: Final = 1e-12
_FEW: Final = 8
_SLOT: Final = "\x00"
_OR: Final = "|"
_NUMBER: Final = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?!\w|\.\d)")
_SLOTS: Final = re.compile(f"{_SLOT}(.+?){_SLOT}")


# -- The one way ---------------------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What facts led to: a sheet, or a refusal."""

    work: Working | None
    error: ConfigError | None


def work_out(facts: Facts) -> Outcome:
    """What `estimate` works out or refuses."""
    try:
        return Outcome(derive_declaration(sufficient(facts), missing=()), None)
    except ConfigError as error:
        return Outcome(None, error)


def quantity(work: Working, name: str) -> Quantity | None:
    """A quantity of a sheet; `accelerators` is that part of its energy."""
    if name == "accelerators":
        return work.parts.get("accelerators")
    found: Quantity | None = getattr(work, name)
    return found


# -- Halves --------------------------------------------------------------------------------------------------------------


class _Probed(NamedTuple):
    """What one half makes of facts: what is said with slots for the facts' numbers, and what is unknown because of it."""

    facts: Facts
    outcome: Outcome
    said: tuple[str, ...]
    unknown: frozenset[str] = frozenset()
    cloud: str | None = None
    device_hours: float | None = None

    def tells_the_same(self, other: _Probed, scales: Mapping[str, Names]) -> bool:
        """Whether the other differs in the size of its quantities alone, and by its numbers."""
        if any(_OR in slot for text in self.said for slot in _SLOTS.findall(text)):
            return False
        if (self.said, self.unknown, self.cloud, type(self.outcome.error)) != (
            other.said, other.unknown, other.cloud, type(other.outcome.error),
        ):  # fmt: skip
            return False
        one, another = self.outcome.work, other.outcome.work
        if one is None or another is None:
            return one is another
        return all(
            _is_multiple(quantity(another, name), quantity(one, name), [(other.facts[n], self.facts[n]) for n in numbers])
            for name, numbers in scales.items()
        )


def _is_multiple(larger: Quantity | None, smaller: Quantity | None, numbers: list[tuple[float, float]]) -> bool:
    if larger is None or smaller is None:
        return larger is smaller
    if any(below == 0 != above for above, below in numbers):
        return False
    ratio = float(np.prod([above / below for above, below in numbers if below]))
    return larger.terms.keys() == smaller.terms.keys() and all(
        abs(larger.terms[term] - amount * ratio) <= _NEARLY * abs(amount * ratio) for term, amount in smaller.terms.items()
    )


@dataclass(frozen=True, kw_only=True)
class Half:
    """One half of the estimates of some rows.

    Attributes:
        rows: their places in the frame.
        outcome: what the smallest numbers of theirs led to, with a stand-in for the other half.
        said: its warnings, or why it is refused, with slots for numbers.
        unknown: what is unknown because of this half.
        scales: by what each row's quantities are larger than those of the outcome.
        numbers: the numbers that fill the slots, for each row.
        cloud: whose cloud the hardware's name says it is.
        key: which facts they are.
    """

    rows: Rows
    outcome: Outcome
    said: tuple[str, ...]
    unknown: frozenset[str]
    scales: Mapping[str, Scale]
    numbers: Mapping[str, Scale]
    cloud: str | None
    key: str

    @property
    def has_slots(self) -> bool:
        """Whether what is said hangs on a row's numbers."""
        return any(_SLOT in text for text in self.said)

    def sayings(self, at: int) -> tuple[str, ...]:
        """What is said of one of the rows."""
        return tuple(
            re.sub(rf"{_SLOT}(.+?){_SLOT}", lambda slot: f"{self.numbers[slot[1].split(_OR)[0]][at]:g}", text)
            for text in self.said
        )


def work_halves(columns: Columns, rows: Rows, numbers: Names) -> Iterator[Half | Rows]:
    """The work halves of rows that state these numbers; rows that have nothing in common are given back as they are."""
    # Beside device-hours or an energy a count says nothing of how much there was.
    amount = tuple(name for name in numbers if name != "year" and (name != "count" or "hours" in numbers))
    hours = tuple(name for name in amount if name != "power_w")
    scales = {"it": amount, "accelerators": amount, "embodied": hours}
    for facts, group in _groups(columns, rows, _WORK):
        yield from _halves(columns, group, facts, numbers, scales, _at_some_place)


def place_halves(columns: Columns, rows: Rows, numbers: Names, cloud: str | None, *, apart: bool) -> Iterator[Half | Rows]:
    """The place halves of rows that state these numbers of their place.

    Args:
        columns: the frame.
        rows: the rows.
        numbers: `pue` and `intensity_g_per_kwh`, as far as they are stated.
        cloud: whose cloud the hardware's name says it is.
        apart: keep each stated PUE apart: water on the site does not grow with it.
    """
    both = tuple(name for name in numbers if name != "pue" or not apart)
    pue = tuple(name for name in both if name == "pue")
    scales = {"facility": pue, "cost": pue} | dict.fromkeys(("emissions", "emissions_market", "emissions_direct"), both)
    scales |= {"water": ()} if apart else {}
    names = (*_PLACE, "pue") if apart else _PLACE

    def halves(some: Rows, *, sure: bool) -> Iterator[Half | Rows]:
        for facts, group in _groups(columns, some, names):
            if cloud is not None and not facts.get("provider"):
                facts["provider"] = cloud
            low = {name: float(columns.numbers[name][group].min()) for name in both}
            first = _of_some_work(facts | low, both) if sure else None
            if first is not None and not any(_SLOT in text for text in first.said):
                yield _half(columns, group, first, low, scales)
            else:
                yield from _halves(columns, group, facts, both, scales, _of_some_work)

    # What the numbers themselves lead to hangs on no place: where nothing is said of them anywhere, it is not asked of each.
    for part in _halves(columns, rows, {}, both, scales, _of_some_work) if both else ():
        if isinstance(part, Half):
            yield from halves(part.rows, sure=part.outcome.work is not None and not part.has_slots)
        else:
            yield from halves(part, sure=False)
    if not both:
        yield from halves(rows, sure=True)


def _groups(columns: Columns, rows: Rows, names: Names) -> Iterator[tuple[Facts, Rows]]:
    """Rows by what they state of some facts."""
    keys, firsts = columns.keys(rows, names)
    order = np.argsort(keys, kind="stable")
    for first, group in zip(firsts, np.split(rows[order], np.flatnonzero(np.diff(keys[order])) + 1), strict=True):
        stated = columns.facts(first)
        yield {name: stated[name] for name in names if name in stated}, group


def _at_some_place(facts: Facts, numbers: Names) -> _Probed:
    outcome = work_out(facts | _SOME_PLACE)
    work, said = outcome.work, {name: facts[name] for name in numbers}
    if work is None:
        return _Probed(facts, outcome, _slotted(outcome, said))
    declaration = Declaration(**facts)
    hours = device_hours(declaration)
    said |= {} if hours is None else {"device_hours": hours}
    return _Probed(facts, outcome, _slotted(outcome, said), frozenset(work.unknown), known_equipment(declaration).cloud, hours)


def _of_some_work(facts: Facts, numbers: Names) -> _Probed:
    outcome = work_out(_SOME_WORK | facts)
    unknown = frozenset(outcome.work.unknown if outcome.work is not None else ()) - _unknown_of_stand_ins()
    return _Probed(facts, outcome, _slotted(outcome, {name: facts[name] for name in numbers}), unknown)


@remembered
def _unknown_of_stand_ins() -> frozenset[str]:
    work = work_out(_SOME_WORK | _SOME_PLACE).work
    assert work is not None
    assert not work.warnings, f"the stand-ins are not silent: {work.warnings}"
    return frozenset(work.unknown)


def _halves(  # noqa: PLR0917 - what a half is made of
    columns: Columns,
    rows: Rows,
    facts: Facts,
    numbers: Names,
    scales: Mapping[str, Names],
    probe: Callable[[Facts, Names], _Probed],
) -> Iterator[Half | Rows]:
    """A half for all rows, or for parts of them, cut until each tells the same from end to end."""
    known: dict[tuple[float, ...], _Probed] = {}

    def at(values: Mapping[str, float]) -> _Probed:
        key = tuple(values.values())
        if key not in known:
            plain = {name: int(value) if name in WHOLE else float(value) for name, value in values.items()}
            known[key] = probe(facts | plain, numbers)
        return known[key]

    lows = {name: columns.numbers[name][rows].min() for name in numbers}
    waiting = [(rows, lows, {name: columns.numbers[name][rows].max() for name in numbers})]
    while waiting:
        some, low, high = waiting.pop()
        first = at(low)
        if low == high or first.tells_the_same(at(high), scales):
            # A number that is refused need not lie beyond a threshold: it may have to equal another.
            doubtful = low != high and first.outcome.error is not None and any(_SLOT in text for text in first.said)
            yield some if doubtful else _half(columns, some, first, low, scales)
        elif len(some) <= _FEW:
            yield some
        else:
            differ = [name for name in numbers if low[name] < high[name]]
            blamed = (name for name in differ if not first.tells_the_same(at(low | {name: high[name]}), scales))
            name = next(blamed, differ[0])
            values = columns.numbers[name][some]
            distinct = np.unique(values)
            if len(distinct) == 1:
                waiting.append((some, low | {name: distinct[0]}, high | {name: distinct[0]}))
                continue
            # The last value that tells the same as the first, if there is a threshold; else one in the middle.
            same = bisect_left(distinct, True, key=lambda v: not first.tells_the_same(at(low | {name: v}), scales))
            cut = same if 0 < same < len(distinct) else (len(distinct) + 1) // 2
            below = values < distinct[cut]
            waiting += [(some[below], low, high | {name: distinct[cut - 1]}), (some[~below], low | {name: distinct[cut]}, high)]


def _half(columns: Columns, rows: Rows, probed: _Probed, base: Mapping[str, float], scales: Mapping[str, Names]) -> Half:
    numbers = {name: columns.numbers[name][rows] for name in base}
    sizes = {
        name: np.prod([numbers[n] / base[n] for n in of if base[n]], axis=0) if of else np.ones(len(rows))
        for name, of in scales.items()
    }
    said = dict(numbers)
    if probed.device_hours is not None:
        said["device_hours"] = probed.device_hours * sizes["embodied"]
    return Half(
        rows=rows,
        outcome=probed.outcome,
        said=probed.said,
        unknown=probed.unknown,
        scales=sizes,
        numbers=said,
        cloud=probed.cloud,
        key=repr(sorted(probed.facts.items())),
    )


def _slotted(outcome: Outcome, numbers: Mapping[str, float]) -> tuple[str, ...]:
    """What is said, with a slot for each of the numbers that stands in it as it is usually written."""
    names: dict[str, list[str]] = {}
    for name, value in numbers.items():
        names.setdefault(f"{value:g}", []).append(name)

    def slot(number: re.Match[str]) -> str:
        written = number[0]
        return f"{_SLOT}{_OR.join(names[written])}{_SLOT}" if written in names else written

    texts = outcome.work.warnings if outcome.work is not None else [str(outcome.error)]
    return tuple(_NUMBER.sub(slot, text) for text in texts)
