"""`--intensity-from`: a run's emissions by the intensities of its hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footprint import text
from footprint.errors import ConfigError
from footprint.model import ATTRIBUTIONS, Attribution, Run

if TYPE_CHECKING:
    from footprint.derive.hourly import Hourly


def by_hours(run: Run, stated: str | None, basis: str | None) -> dict[Attribution, Hourly] | None:
    """A run by either policy with the intensities of its hours, from whom `--intensity-from` names; None if nobody is named.

    Raises:
        ConfigError: if it names nobody, or somebody who cannot know the place.
        IntensityError: if whom it names does not answer.
    """
    if stated is None:
        if basis is not None:
            raise ConfigError("--intensity-basis goes with --intensity-from")
        return None
    from footprint.derive.hourly import ask, hourly_footprint
    from footprint.place.intensity import open_provider

    series = ask(run, open_provider(stated, basis))
    return {policy: hourly_footprint(run, series, attribution=policy) for policy in ATTRIBUTIONS}


def hour_lines(found: Hourly) -> list[str]:
    """How a run's hours were matched, and what the year's mean would say."""
    footprint, match = found
    lines = [f"{'by hours' if at == 0 else '':10} {text.clean(step, limit=300)}" for at, step in enumerate(footprint.chain)]
    if match.annual_emissions_g is not None:
        year = match.annual_emissions_g
        lines.append(
            f"{'by year':10} {text.mass_range(year.low, year.central, year.high)} CO2eq with the year's mean for all hours"
        )
    if match.attribution:
        lines.append(f"{'source':10} {text.clean(match.attribution)}, {text.clean(match.licence)}")
    return lines
