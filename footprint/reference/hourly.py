"""How far a figure of a grid's hour may be off: the rule of its range, and the evidence for it.

Two errors, apart from each other. *Level*: who computes an intensity from a mix of plants errs alike in every hour; how far is
known from how much two readings of one grid disagree over a year, which is the rule of the annual figures, too. It is one error
for all hours of a series. *Estimate*: a figure that is a forecast, or an estimate before the readings are in, misses the hour as
well; how far is known from the forecasts of Great Britain as they were published, against what was recorded later. It is drawn
anew for each run, and is one error for all of its hours: neighbouring hours err alike.

Hourly figures move the mean of the range, not its width: they are no better known than annual ones.
"""

from __future__ import annotations

from typing import Final

from footprint.model import Basis, Factor
from footprint.reference import evidence
from footprint.reference.triples import Triple, log_normal

FORECAST_SIGMA: Final = 0.23
"""Of a forecast, up to 48 h ahead: the absolute error of 318,561 half-hourly forecasts for Great Britain on 97 days of 2023 was
18.4 % in the mean (C. I. Forecast Tracking, daily statistics; 24.2 g/kWh over 1,305,616 forecasts until 2026), and the mean
absolute error of a normal law is 0.798 of its standard deviation. Taken for all grids: none other publishes what it forecast."""

_FORECAST_SOURCE: Final = "Carbon Intensity Forecast Tracking: forecasts of Great Britain against what was recorded"
_FORECAST_URL: Final = "https://github.com/nmpowell/carbon-intensity-forecast-tracking"


def level_sigma(basis: Basis) -> float:
    """The standard deviation of the logarithm of a series' level, by its basis; a stated figure is taken as it is."""
    if basis == "stated":
        return 0.0
    return evidence.NATIONAL_SIGMA if basis == "life-cycle" else evidence.direct_sigma()


def level(basis: Basis, mean_g_per_kwh: float) -> Triple:
    """The range of a mean over hours of a series, g/kWh."""
    sigma = level_sigma(basis)
    if sigma == 0 or mean_g_per_kwh == 0:
        return mean_g_per_kwh, mean_g_per_kwh, mean_g_per_kwh
    return log_normal(mean_g_per_kwh, sigma)


def estimate_error(zone: str | None, provider: str) -> Factor:
    """What the truth of an estimated or forecast hour is, over its figure."""
    low, central, high = log_normal(1.0, FORECAST_SIGMA)
    return Factor(
        id="intensity.estimated",
        low=low,
        central=central,
        high=high,
        unit="true / estimated",
        source=_FORECAST_SOURCE,
        year=2023,
        licence="MIT; figures of NESO, CC BY 4.0",
        basis="modelled",
        grade="assumed",
        error_family=f"intensity:{provider}:{zone or 'unknown'}:estimated",
        varies="run",
        url=_FORECAST_URL,
        note="GB's 48-hour forecasts; taken for every grid",
    )
