"""`footprint when`: the cleanest hours to come."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say_json, say_lines
from footprint.errors import ConfigError

if TYPE_CHECKING:
    from footprint.derive.when import Advice, Gain

_WITHIN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(h|d)")
_MOST_H: Final = 24 * 14


def when(
    *,
    hours: Annotated[float, typer.Option(help="How long the work takes, in hours.")],
    region: options.Region = None,
    zone: options.Zone = None,
    within: Annotated[str, typer.Option(help="When it must be done: within 48h, 2d, from now.")] = "48h",
    intensity_from: options.IntensityFrom = None,
    intensity_basis: options.IntensityBasis = None,
    power_w: Annotated[float | None, typer.Option(help="The equipment's power, W, to tell the grams saved.")] = None,
    energy_kwh: Annotated[float | None, typer.Option(help="Or the energy that it takes, kWh.")] = None,
    json: options.Json = False,
) -> None:
    """Name the cleanest window of a forecast of the grid's carbon intensity, against starting now.

    This asks the provider over the network: Great Britain's needs no key, Electricity Maps needs ELECTRICITYMAPS_TOKEN.
    """
    from datetime import UTC, datetime

    from footprint import place as places
    from footprint.derive.when import advise
    from footprint.place.intensity import default_provider, open_provider

    within_h = _hours(within)
    stated = region is not None or zone is not None
    where = places.resolve(region=region, zone=zone) if stated else places.default_place()
    grid = where.zone if where is not None else None
    if intensity_from is not None:
        provider = open_provider(intensity_from, intensity_basis)
    else:
        if where is None:
            raise ConfigError("the place is unknown: give --region (for example azure:uksouth) or --zone (for example GBR)")
        if intensity_basis is not None:
            raise ConfigError("--intensity-basis goes with --intensity-from")
        provider = default_provider(grid)
    now = datetime.now(UTC)
    series = provider.forecast(grid, now, within_h)
    advice = advise(series, now.timestamp(), hours, within_h, place=where, energy_kwh=energy_kwh, power_w=power_w)
    if json:
        say_json(
            {
                "now": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
                **{name: getattr(advice, name) for name in advice.__struct_fields__},
            }
        )
        return
    say_lines(_lines(advice, where.name if where is not None else None))


def _hours(stated: str) -> float:
    found = _WITHIN.fullmatch(stated.strip())
    if found is None:
        raise ConfigError(f"--within {text.clean(stated, limit=30)!r} is no time: write 48h or 2d")
    hours = float(found[1]) * (24 if found[2] == "d" else 1)
    if not 0 < hours <= _MOST_H:
        raise ConfigError(f"--within {text.clean(stated, limit=30)} is not between 0 and 14 days")
    return hours


def _lines(advice: Advice, place: str | None) -> list[str]:
    best, now = advice.best, advice.starting_now
    where = ", ".join(one for one in (place, advice.zone) if one)
    lines = [
        f"place      {text.clean(where, empty='as the provider says')}",
        f"forecast   {text.clean(advice.name)}, {advice.basis}, until {advice.forecast_until}",
        f"cleanest   {best.start} to {best.end}: {text.number(best.g_per_kwh)} g/kWh",
        f"here       {best.local_start} to {best.local_end} by this machine's clock",
    ]
    if now is not None:
        lines.append(f"now        {now.start} to {now.end}: {text.number(now.g_per_kwh)} g/kWh")
    lines.append(f"mean       {text.number(advice.mean_g_per_kwh)} g/kWh over all hours looked at")
    if advice.against_now is not None:
        lines.append(f"gain       {_gain(advice.against_now, 'starting now')}")
    lines.append(f"{'gain' if advice.against_now is None else '':10} {_gain(advice.against_mean, 'the mean')}")
    if advice.basis == "direct":
        lines.append("note: direct emissions; what life-cycle adds is alike in all hours, so the difference holds for both")
    lines += [f"note: {text.clean(one, limit=300)}" for one in advice.warnings]
    if advice.attribution:
        lines.append(f"source: {text.clean(advice.attribution)}, {text.clean(advice.licence)}; {advice.url}")
    return lines


def _gain(gain: Gain, other: str) -> str:
    """A gain in words; one within the forecast's error is said to be that."""
    less = gain.less_g_per_kwh
    if gain.less_ratio <= 0:
        return f"none against {other}"
    told = (
        f"{text.percent(gain.less_ratio)} less than {other}: {text.number(less.central)} g/kWh ({text.span(less.low, less.high)})"
    )
    if gain.saved_g is not None:
        saved = gain.saved_g
        told += f", {text.mass_range(saved.low, saved.central, saved.high)} saved"
    return told if gain.is_sure else f"{told}; within the error of a forecast: there may be none"
