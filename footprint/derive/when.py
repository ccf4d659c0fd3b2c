"""When to start: the cleanest window of a forecast, against starting now and against any time, and whether the gain is real.

A forecast errs. The two windows that are compared err apart from each other, each as `reference.hourly` says, and alike in the
hours that they share, which cancel. A gain whose 90 % range reaches zero is said to be within the forecast's error.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import msgspec

import footprint.reference as ref
from footprint import text
from footprint.accounting.hourly import Step, Window, cleanest, windows
from footprint.accounting.impact import facility_energy_kwh
from footprint.accounting.ranges import Quantity, draw
from footprint.errors import ConfigError, IntensityError
from footprint.model import Basis, Place, Range
from footprint.place.intensity.series import Series, stamp, when
from footprint.reference import hourly
from footprint.units import S_PER_H, kwh_from_w_h

_ROUNDING_S: Final = 1.0


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A window: begin and end in UTC and on this machine's clock (ISO 8601), and the forecast's mean in it."""

    start: str
    end: str
    local_start: str
    local_end: str
    g_per_kwh: float


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """What the cleanest window has less than another: g/kWh with the forecast's error, and the share of it.

    `is_sure` is false where the range reaches zero. `saved_g` is null where no energy was stated.
    """

    less_g_per_kwh: Range
    less_ratio: float
    is_sure: bool
    saved_g: Range | None


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """The cleanest window of a forecast, and what it gains. `starting_now` is null where the forecast begins later."""

    provider: str
    name: str
    zone: str | None
    basis: Basis
    hours: float
    best: Stretch
    starting_now: Stretch | None
    mean_g_per_kwh: float
    against_now: Gain | None
    against_mean: Gain
    forecast_until: str
    warnings: tuple[str, ...]
    licence: str
    attribution: str
    url: str


def advise(
    series: Series,
    now_s: float,
    hours: float,
    within_h: float,
    *,
    place: Place | None = None,
    energy_kwh: float | None = None,
    power_w: float | None = None,
) -> Advice:
    """Find the cleanest window.

    Args:
        series: a forecast.
        now_s: the time, s since 1970: no window begins before it.
        hours: how long the work takes, h.
        within_h: in how many hours from now it must be done.
        place: where, for the PUE that stated energy is multiplied with.
        energy_kwh: what the equipment takes for it, kWh.
        power_w: instead of that, the equipment's power, W.

    Raises:
        ConfigError: for hours that are none, or more than there are.
        IntensityError: if the forecast is too short for the work.
    """
    _check(hours, within_h, energy_kwh, power_w)
    length_s, latest_s = hours * S_PER_H, now_s + within_h * S_PER_H
    steps = [Step(one.start_s, one.end_s, one.g_per_kwh) for one in series.slots]
    best = cleanest(steps, length_s, now_s, latest_s)
    if best is None:
        raise IntensityError(_too_short(series, now_s, hours))
    allowed = windows(steps, length_s, now_s, latest_s)
    at_once = next((one for one in allowed if one.start_s - now_s < _ROUNDING_S), None)
    horizon = (now_s, min(latest_s, steps[-1].end_s))
    looked_s = _integral([step._replace(value=1.0) for step in steps], *horizon)
    mean = _integral(steps, *horizon) / looked_s
    shared_g = best.mean * min(1.0, length_s / looked_s)  # of the mean of all hours, in which the cleanest are
    energy = _energy(hours, energy_kwh, power_w, place, now_s)
    warnings = [f"{series.name}: {note}" for note in series.notes]
    if horizon[1] < latest_s - S_PER_H:
        warnings.append(f"the forecast ends at {stamp(steps[-1].end_s)}: later hours were not looked at")
    if any(later.start_s > earlier.end_s for earlier, later in pairwise(steps)):
        warnings.append("the forecast has gaps: windows that reach into one were not looked at")
    return Advice(
        provider=series.provider,
        name=series.name,
        zone=series.zone,
        basis=series.basis,
        hours=hours,
        best=_stretch(best),
        starting_now=_stretch(at_once) if at_once else None,
        mean_g_per_kwh=mean,
        against_now=_against(series, steps, at_once, best, energy) if at_once else None,
        against_mean=_gain(series, (max(0.0, mean - shared_g), best.mean - shared_g), (mean, best.mean), energy),
        forecast_until=stamp(steps[-1].end_s),
        warnings=tuple(warnings),
        licence=series.licence,
        attribution=series.attribution,
        url=series.url,
    )


def _check(hours: float, within_h: float, energy_kwh: float | None, power_w: float | None) -> None:
    if not (math.isfinite(hours) and hours > 0):
        raise ConfigError(f"--hours must be above zero, not {hours:g}")
    if hours > within_h:
        raise ConfigError(f"{hours:g} h of work do not fit within {within_h:g} h: give a longer --within")
    if energy_kwh is not None and power_w is not None:
        raise ConfigError("give --energy-kwh or --power-w, not both")
    for flag, value in (("--energy-kwh", energy_kwh), ("--power-w", power_w)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ConfigError(f"{flag} must be above zero, not {value:g}")


def _too_short(series: Series, now_s: float, hours: float) -> str:
    if not series.slots:
        return f"{series.name}: the forecast is empty"
    left_s = max(0.0, series.slots[-1].end_s - max(now_s, series.slots[0].start_s))
    return (
        f"{series.name}: the forecast ends at {stamp(series.slots[-1].end_s)}, in {text.duration(left_s)}, or has gaps: "
        f"no {hours:g} h in a row are forecast within the time allowed"
    )


def _energy(hours: float, energy_kwh: float | None, power_w: float | None, place: Place | None, now_s: float) -> Quantity | None:
    """The facility's energy for the work, kWh."""
    stated_kwh = energy_kwh if energy_kwh is not None else kwh_from_w_h(power_w, hours) if power_w is not None else None
    if stated_kwh is None:
        return None
    return facility_energy_kwh(Quantity(stated_kwh), draw(ref.pue(place, when(now_s).year)))


def _against(series: Series, steps: list[Step], other: Window, best: Window, energy: Quantity | None) -> Gain:
    """The gain over another window of the same length: what they share cancels, with its error."""
    length_s = best.end_s - best.start_s
    shared_g = _integral(steps, max(best.start_s, other.start_s), min(best.end_s, other.end_s)) / length_s
    apart = max(0.0, other.mean - shared_g), max(0.0, best.mean - shared_g)
    return _gain(series, apart, (other.mean, best.mean), energy)


def _gain(series: Series, apart: tuple[float, float], means: tuple[float, float], energy: Quantity | None) -> Gain:
    """The gain of the cleanest window over another stretch.

    Args:
        series: whose forecast.
        apart: g/kWh of the other and of the cleanest, without what they share.
        means: their whole means, g/kWh.
        energy: the facility's for the work, kWh.
    """
    error = hourly.estimate_error(series.zone, series.provider)
    (other_g, best_g), (other_mean, best_mean) = apart, means
    less = draw(error, run="the other window") * other_g + draw(error, run="the cleanest window") * -best_g
    found = less.range()
    same = other_mean - best_mean <= 1e-9 * max(1.0, other_mean)
    return Gain(
        less_g_per_kwh=found,
        less_ratio=0.0 if same or other_mean <= 0 else (other_mean - best_mean) / other_mean,
        is_sure=found.low > 0 and not same,
        saved_g=(energy * less).range() if energy is not None else None,
    )


def _integral(steps: list[Step], start_s: float, end_s: float) -> float:
    """The sum of value x time of steps from one time to another; nothing of a stretch that ends before it begins."""
    return math.fsum(max(0.0, min(one.end_s, end_s) - max(one.start_s, start_s)) * one.value for one in steps if end_s > start_s)


def _stretch(window: Window) -> Stretch:
    start_s, end_s = round(window.start_s), round(window.end_s)
    local = [when(s).astimezone().isoformat(timespec="minutes") for s in (start_s, end_s)]
    return Stretch(start=stamp(start_s), end=stamp(end_s), local_start=local[0], local_end=local[1], g_per_kwh=window.mean)
