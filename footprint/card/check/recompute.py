"""What the emission of a work can be, by what the card itself says of it: bounds with their arithmetic, each in one line.

The bounds are meant to be safe, not narrow: whatever the card does not say may be anything that it can be. Power is that of
`derive.declared_footprint` (what chips draw in training, 5th to 95th percentile) widened to a chip that mostly waits and to a
full server in a facility of ordinary overhead; a grid's figure is any that is published for the place, in any year, on any basis.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Final, Literal

import msgspec

from footprint import text
from footprint.card.check.remarks import has_made
from footprint.card.check.works import Span, Stated, Work
from footprint.errors import ConfigError
from footprint.model import Declaration, Place
from footprint.place import find_provider, resolve
from footprint.reference import HardwareMatch, host_overhead
from footprint.reference.grid import figures, parent, zones
from footprint.reference.peers import peer_figure

AGREE_LOW: Final = 0.9
AGREE_HIGH: Final = 1.12
"""Two figures agree whose ratio lies between these: other roundings, another year's grid, a chip of another rated power."""

_WAITING: Final = 0.4
"""A chip that mostly waits draws this share of the least that one draws in training: about an eighth of its rated power."""
_PUE_HIGH: Final = 1.6
_SERVER_W: Final = 500.0
"""Beside few or small accelerators a server draws this much all the same: two processors, memory, fans."""
_AROUND: Final = 1.8
"""What is around accelerators whose energy is stated may draw as much again; host 1.8, see `reference.host_overhead`."""
_PEAK_SHARE: Final = 0.3
"""Stated watts may be a peak, of which training draws at least this share (`utilisation.training`, 5th percentile)."""
_BEYOND: Final = 2.5
"""Watts that are so much more than one device draws are not one device's."""
_MARGIN: Final = 1.15
"""Beyond published figures of a grid: those of a year that no table here holds, and an hour's beside its year's."""
_HIGHEST_G_PER_KWH: Final = 1_400.0
_LEAST_G_PER_KWH: Final = 1.0
_PLAIN_LEAST: Final = 5.0
"""Grids below are known, but are not what a misread number is taken for."""
_WATER_G_PER_KWH: Final = 10.0
"""Of a grid that runs on water nearly alone: what little there is changes by this and that year, and counter by counter."""
_INNER: Final = 2.2
_OF_WATER: Final = 3.0
_QUOTED: Final = 60
_FULL: Final = 7
_DIGITS: Final = re.compile(r"\d[\d.,_'’]{0,40}")


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """One bound of a product, with its arithmetic as a person would redo it."""

    value: float
    told: str


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The least and the most that an emission can be, g; `high` is infinite where nothing bounds it."""

    low: Bound
    high: Bound

    def below(self, low_g: float, high_g: float) -> bool:
        """Whether a stated interval lies below the least, by more than what counts as agreeing."""
        return high_g * AGREE_HIGH < self.low.value and low_g <= high_g

    def above(self, low_g: float, high_g: float) -> bool:
        """Whether a stated interval lies above the most, by more than what counts as agreeing."""
        return low_g * AGREE_LOW > self.high.value and low_g <= high_g


def full(value: float) -> str:
    """A number as stated, to seven figures: arithmetic that is to be redone shows what went in."""
    return text.number(value, _FULL)


def quoted(words: str) -> str:
    """A card's own words in a message: one line, nothing that moves a cursor."""
    return text.clean(words, limit=_QUOTED)


def rounded(stated: Stated) -> tuple[float, float]:
    """The interval that a stated quantity stands for, with the rounding of its last digit, in its kind's unit."""
    amount = stated.amount
    found = _DIGITS.search(amount.text)
    if found is None or amount.low != amount.high:
        return amount.low, amount.high
    digits = found[0].strip(".,_'’ ")
    plain = digits.replace(",", "").replace("_", "")
    try:
        shown = float(plain)
    except ValueError:
        return amount.low, amount.high
    decimals = len(plain.partition(".")[2])
    zeros = len(plain) - len(plain.rstrip("0")) if not decimals and "." not in plain else 0
    half = 0.5 * 10.0 ** (zeros - decimals)
    scale = amount.low / shown if shown else amount.scale  # `0.000 kg` is less than half a gram
    return max(0.0, amount.low - half * scale), amount.high + half * scale


def allowed(work: Work) -> Bounds | None:
    """The bounds of a work's emission, or None where the card says too little: no energy, and no hours with hardware or power."""
    energy = energy_bounds(work)
    if energy is None:
        return None
    low, high, low_told, high_told = grid_bounds(work)
    return Bounds(
        low=_product(energy.low, low, low_told),
        high=_product(energy.high, high, high_told),
    )


def _product(energy: Bound, g_per_kwh: float, told: str) -> Bound:
    if math.isinf(energy.value):
        return Bound(value=math.inf, told="")
    value = energy.value * g_per_kwh
    return Bound(value=value, told=f"{energy.told} × {text.number(g_per_kwh)} g/kWh ({told}) = {text.mass(value)}")


# -- Energy -----------------------------------------------------------------------------------------------------------


class Energy(msgspec.Struct, frozen=True, kw_only=True):
    """The least and the most energy of a work, kWh, at the facility."""

    low: Bound
    high: Bound


def device_hours(work: Work) -> Span | None:
    """From the least to the most device-hours that the stated hours can be, h; infinite where nobody counts the devices.

    Hours that do not say what they count may be of the clock or summed over devices.
    """
    if work.device is not None:
        return work.device
    whole = _is_whole(work)
    low = work.devices.count_low if work.devices and not whole else 1.0
    # There may be several machines of which one's watts are stated.
    high = work.devices.count_high if work.devices else 1.0 if whole else math.inf
    if work.wall is not None:
        return Span(work.wall.low * low, work.wall.high * high)
    if work.unsaid is not None:
        return Span(work.unsaid.low, work.unsaid.high * high)
    return None


def _is_whole(work: Work) -> bool:
    """Whether the stated watts are those of a machine with several devices: its label says so, or no device draws so much."""
    if work.power is None or work.power.whole:
        return work.power is not None
    match = work.devices.match if work.devices else None
    power = _power(match.query) if match is not None else None
    return power is not None and work.power.amount.low > power[1] * _BEYOND


def energy_bounds(work: Work) -> Energy | None:
    """The energy of a work: as stated, of stated watts, or of its hardware."""
    if work.energy is not None:
        return _stated_energy(work, work.energy)
    hours = device_hours(work)
    if hours is None:
        return None
    watts = _watts(work)
    if watts is None:
        return None
    low, low_told, high, high_told = watts
    least = hours.low * low / 1000
    most = hours.high * high / 1000
    return Energy(
        low=Bound(value=least, told=f"{_told_hours(work, hours.low, least=True)} × {low_told} = {text.energy(least)}"),
        high=Bound(value=most, told="")
        if math.isinf(most)
        else Bound(value=most, told=f"{_told_hours(work, hours.high, least=False)} × {high_told} = {text.energy(most)}"),
    )


def _told_hours(work: Work, hours: float, *, least: bool) -> str:
    devices = work.devices
    count = 0.0 if devices is None else devices.count_low if least else devices.count_high
    if work.device is None and count > 1 and (work.wall is not None or not least):
        return f"{full(count)} × {full(hours / count)} h"
    return f"{full(hours)} h"


def _stated_energy(work: Work, stated: Stated) -> Energy:
    low, high = stated.amount.low, stated.amount.high
    if work.pue is not None and stated.facility:
        return Energy(low=Bound(value=low, told=text.energy(low)), high=Bound(value=high, told=text.energy(high)))
    # The facility's overhead and what is around the accelerators may not be in the energy, but be in the emission.
    around = (work.pue or _PUE_HIGH) * _AROUND
    told = f"{text.energy(high)} × {_AROUND:g} (host) × {work.pue or _PUE_HIGH:g} (PUE)"
    return Energy(low=Bound(value=low, told=text.energy(low)), high=Bound(value=high * around, told=told))


def _watts(work: Work) -> tuple[float, str, float, str] | None:
    """Least and most watts a device, in the facility, with their products."""
    pue = work.pue or _PUE_HIGH
    if work.power is not None:
        low, high = work.power.amount.low, work.power.amount.high
        return (
            low * _PEAK_SHARE,
            f"{text.power(low)} × {_PEAK_SHARE:g} (least share of a peak)",
            high * _AROUND * pue,
            f"{text.power(high)} × {_AROUND:g} (host) × {pue:g} (PUE)",
        )
    match = work.devices.match if work.devices else None
    power = _power(match.query) if match is not None else None
    if match is None or power is None:
        return None
    low = power[0] * _WAITING
    high, told = _with_server(match, power[1])
    return low, f"{text.power(low)} (the least that one draws)", high * pue, f"{told} × {pue:g} (PUE)"


def _with_server(match: HardwareMatch, watts: float, server_w: float = _SERVER_W) -> tuple[float, str]:
    """The most that a device with its server draws, W, and the arithmetic."""
    if match.power_scope != "chip":
        return watts, text.power(watts)
    host = host_overhead(match).high
    if watts * host >= watts + server_w:
        return watts * host, f"{text.power(watts)} × {host:g} (host)"
    return watts + server_w, f"({text.power(watts)} + {text.power(server_w)} of a server)"


@lru_cache(maxsize=512)
def _power(hardware: str) -> tuple[float, float] | None:
    """5th and 95th percentile of what one device of a kind draws, W, as `declared_footprint` has it; None if nobody knows."""
    from footprint.derive import declared_footprint

    try:
        found = declared_footprint(Declaration(hardware=hardware, device_hours=1.0, scope="accelerators")).power_w
    except ConfigError:
        return None
    return (found.low, found.high) if found is not None else None


def most_watts(match: HardwareMatch, server_w: float = _SERVER_W) -> tuple[float, str] | None:
    """The most that one device draws with a server of its own, W, and the arithmetic; None where no power is published."""
    power = _power(match.query)
    return _with_server(match, power[1], server_w) if power is not None else None


# -- Grids ------------------------------------------------------------------------------------------------------------


def grid_bounds(work: Work) -> tuple[float, float, str, str]:
    """The least and the most g/kWh, and in words of what: as stated, of the place, or of any grid there is."""
    if work.intensity is not None and work.intensity.amount.low > 0:
        low, high = work.intensity.amount.low, work.intensity.amount.high
        return low, high, "as stated", "as stated"
    place = place_of(work)
    bounds = _figures(place.zone, place.provider, place.region) if place is not None and place.zone is not None else None
    if bounds is not None:
        name = text.clean((place.name or place.zone or "") if place else "")
        if work.contract:
            return _LEAST_G_PER_KWH, bounds[1], "power by contract", f"the most known of {name}"
        return bounds[0], bounds[1], f"the least known of {name}", f"the most known of {name}"
    if work.region is None and work.energy is None and not work.contract:
        # Nobody says where: then no smaller than the least of a nation, in which all is counted that its electricity takes.
        return _least_national(), _HIGHEST_G_PER_KWH, "the cleanest nation's, life-cycle", "the dirtiest grid's"
    return _LEAST_G_PER_KWH, _HIGHEST_G_PER_KWH, "below all grids", "the dirtiest grid's"


def place_of(work: Work) -> Place | None:
    """The place that a work names, if it is one that is known."""
    if work.region is None:
        return None
    return _place(work.region, find_provider(work.provider.strip(" .")) if work.provider is not None else None)


@lru_cache(maxsize=512)
def _place(region: str, provider: str | None) -> Place | None:
    for said in dict.fromkeys((region, region.strip(" .;"), region.partition("(")[0].strip(" .;"))):
        try:
            return resolve(region=said, provider=provider)
        except ConfigError:
            continue
    return None


@lru_cache(maxsize=512)
def _figures(zone: str, provider: str | None, region: str | None) -> tuple[float, float] | None:
    """The least and the most g/kWh published of a zone, its nation and its parts, of any year and basis but contracts'."""
    wanted = {zone, parent(zone)} | {code for code in zones() if parent(code) == zone}
    known = [figure for code in wanted if code for figure in figures(code) if figure.basis != "market"]
    values = [figure.central for figure in known]
    theirs = peer_figure("mlco2", "intensity", f"{provider}:{region}") if provider and region else None
    if theirs is not None:
        values.append(theirs.central)
    if not values:
        return None
    least = min(values)
    return least / (_OF_WATER if least < _WATER_G_PER_KWH else _MARGIN), max(values) * _MARGIN


@lru_cache(maxsize=1)
def _least_national() -> float:
    nations = (figures(code) for code in zones() if parent(code) is None)
    return min(figure.central for found in nations for figure in found if figure.basis == "life-cycle") / _MARGIN


# -- Verdict ----------------------------------------------------------------------------------------------------------

Mistake = Literal["thousand", "million", "unknown"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """That a stated emission lies outside its bounds, and which known mistake would explain it.

    `factor` is what the stated number is to be multiplied with to lie within them: a unit's thousand or million, or, where the
    mistake is unknown, the count of the devices if that would do, else 1. `bound` is the bound that it breaks.
    """

    stated: Stated
    mistake: Mistake
    factor: float
    bound: Bound
    is_low: bool


def misread_intensity(work: Work) -> float | None:
    """The g/kWh that are meant where the stated ones are those of no grid, and a thousand times more or less of some; else None.

    Less than any grid's can be one that runs on water: then the stated energy and emission must say that it is not.
    """
    stated = work.intensity
    if stated is None or stated.amount.low <= 0 or math.isinf(stated.amount.high):
        return None
    grid = stated.amount.middle
    right = grid * 1000 if grid < _LEAST_G_PER_KWH else grid / 1000 if grid > _HIGHEST_G_PER_KWH else 0.0
    if not _PLAIN_LEAST <= right <= _HIGHEST_G_PER_KWH:
        return None
    emitted, energy = work.emissions or work.metadata, work.energy
    if emitted is None or energy is None or energy.amount.middle <= 0:
        return right if grid > _HIGHEST_G_PER_KWH else None
    implied = emitted.amount.middle / energy.amount.middle
    return right if right * AGREE_LOW <= implied <= right * AGREE_HIGH * _AROUND * _PUE_HIGH else None


def verdict(work: Work) -> Verdict | None:
    """Whether a work's emission is outside what the card's own facts allow; the body's, else the front matter's."""
    if misread_intensity(work) is not None:
        work = msgspec.structs.replace(work, intensity=None)
    stated = work.emissions or work.metadata
    if stated is None or stated.market or stated.amount.high <= 0 or math.isinf(stated.amount.high):
        return None
    bounds = allowed(work)
    if bounds is None:
        return None
    low, high = rounded(stated)
    is_low = bounds.below(low, high)
    if not is_low and (not bounds.above(low, high) or has_made(stated.label, stated.text)):
        return None
    bound = bounds.low if is_low else bounds.high
    # Another unit explains it only if the number is then well within: at the far end it would be as odd as before.
    inner = Bounds(low=bounds.low, high=Bound(value=bounds.high.value / _INNER, told=bounds.high.told))
    chances: tuple[tuple[Mistake, float], ...] = (("thousand", 1e3), ("million", 1e6))
    for mistake, times in chances:
        factor = times if is_low else 1 / times
        if not inner.below(low * factor, high * factor) and not inner.above(low * factor, high * factor):
            return Verdict(stated=stated, mistake=mistake, factor=factor, bound=bound, is_low=is_low)
    count = work.devices.count_low if work.devices is not None and work.devices.counted else 1.0
    factor = count if is_low else 1 / count
    fits = count > 1 and not bounds.below(low * factor, high * factor) and not bounds.above(low * factor, high * factor)
    return Verdict(stated=stated, mistake="unknown", factor=factor if fits else 1.0, bound=bound, is_low=is_low)
