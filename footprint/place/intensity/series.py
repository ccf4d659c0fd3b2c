"""What a provider has to say: slots of time with an intensity each, and what kind of figure it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from footprint import text
from footprint.errors import IntensityError
from footprint.model import Basis

MOST_G_PER_KWH: Final = 2000.0
"""Above what any grid has had in an hour: oil burnt in old engines is below 1,200. A larger value is in another unit."""
LEAST_G_PER_KWH: Final = 1.0
BASES: Final[tuple[Basis, ...]] = ("life-cycle", "direct", "market")
"""What a series of a grid may be of; a single number that somebody states is `stated`."""


class Slot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An intensity from one time to another, in seconds since 1970 (UTC).

    `estimated` is what the provider says of it: a forecast, or a figure before all readings are in.
    """

    start_s: float
    end_s: float
    g_per_kwh: float
    estimated: bool = False


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's slots for a zone, ascending and apart, all of one basis; `notes` is what had to be left out or merged."""

    provider: str
    name: str
    basis: Basis
    slots: tuple[Slot, ...]
    zone: str | None = None
    unit: str = "g/kWh"
    is_forecast: bool = False
    source: str = ""
    url: str = ""
    licence: str = ""
    attribution: str = ""
    notes: tuple[str, ...] = ()

    @property
    def span(self) -> tuple[float, float] | None:
        """The first start and the last end, s; None of no slots."""
        return (self.slots[0].start_s, self.slots[-1].end_s) if self.slots else None

    def within(self, start_s: float, end_s: float) -> tuple[Slot, ...]:
        """The slots that touch a stretch of time, whole."""
        return tuple(one for one in self.slots if one.end_s > start_s and (one.start_s < end_s or one.start_s == start_s))


class Provider(Protocol):
    """Whoever has series: for what was, and for what will be."""

    @property
    def name(self) -> str:
        """What it is called, for messages."""
        ...

    def history(self, zone: str | None, start: datetime, end: datetime) -> Series:
        """What is known of a past stretch of time; hours that are not known are missing from it.

        Args:
            zone: the grid zone as in `Place.zone`; None where the place is not known.
            start: its begin, UTC.
            end: its end, UTC.

        Raises:
            ConfigError: where the provider cannot have anything for this zone, or needs a key that is not there.
            IntensityError: where it does not answer, or not what it should.
        """
        ...

    def forecast(self, zone: str | None, start: datetime, hours: float) -> Series:
        """What is expected from a time on, for as many hours as are forecast, at most those asked for; errors as above."""
        ...


class SlotError(ValueError):
    """Slots that cannot be a series, in a line."""


def arranged(slots: Iterable[Slot], *, differ: Callable[[Slot, Slot], SlotError] | None = None) -> tuple[tuple[Slot, ...], int]:
    """Slots in order and apart, and how many repeated another to the letter.

    Args:
        slots: in any order.
        differ: makes the error for two slots of one time with different values.

    Raises:
        SlotError: if slots overlap, or say different things of one time.
    """
    ordered = sorted(slots, key=lambda one: (one.start_s, one.end_s))
    kept: list[Slot] = []
    repeated = 0
    for one in ordered:
        if not kept or one.start_s >= kept[-1].end_s:
            kept.append(one)
            continue
        last = kept[-1]
        if (one.start_s, one.end_s, one.g_per_kwh, one.estimated) == (
            last.start_s,
            last.end_s,
            last.g_per_kwh,
            last.estimated,
        ):
            repeated += 1
        elif (one.start_s, one.end_s) == (last.start_s, last.end_s):
            if differ is not None:
                raise differ(last, one)
            raise SlotError(f"two different figures for {stamp(one.start_s)}: {last.g_per_kwh:g} and {one.g_per_kwh:g} g/kWh")
        else:
            raise SlotError(f"the slot from {stamp(one.start_s)} begins before that from {stamp(last.start_s)} ends")
    return tuple(kept), repeated


def answered(slots: Iterable[Slot], left_out: int, who: str) -> tuple[tuple[Slot, ...], tuple[str, ...]]:
    """A provider's slots in order and apart, and the note of those that came without a usable figure.

    Raises:
        IntensityError: if they overlap, or say different things of one time.
    """
    try:
        kept, _ = arranged(slots)
    except SlotError as error:
        raise IntensityError(f"{who}: {error}") from None
    return kept, (f"{counted(left_out, 'slot')} without a usable figure left out",) if left_out else ()


def is_possible(value: object) -> bool:
    """Whether a figure can be a grid's intensity in g/kWh."""
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_G_PER_KWH and math.isfinite(value)
    )


def unit_doubt(slots: Sequence[Slot]) -> tuple[str, ...]:
    """A question where all figures are so small that they are most likely in kg/kWh."""
    top = max((one.g_per_kwh for one in slots), default=0.0)
    return (
        (f"no figure is above {top:g} g/kWh, which is below that of nearly any grid: is it in kg?",)
        if 0 < top < LEAST_G_PER_KWH
        else ()
    )


def when(seconds: float) -> datetime:
    """A time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def stamp(seconds: float) -> str:
    """A time in UTC as it is printed and asked for: `2026-11-20T10:30Z`, with seconds where it has some."""
    moment = when(seconds)
    return moment.strftime("%Y-%m-%dT%H:%MZ" if seconds % 60 == 0 else "%Y-%m-%dT%H:%M:%SZ")


def counted(n: int, noun: str) -> str:
    """For notes: `1 slot`, `12 slots`."""
    return text.plural(n, noun)
