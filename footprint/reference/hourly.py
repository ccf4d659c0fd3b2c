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

import msgspec

from footprint.model import Basis, Factor
from footprint.reference import editions, evidence, tables
from footprint.reference.triples import Triple, log_normal

FORECAST_SIGMA: Final = 0.23
"""Of a forecast, up to 48 h ahead: the absolute error of 318,561 half-hourly forecasts for Great Britain on 97 days of 2023 was
18.4 % in the mean (24.2 g/kWh over 1,305,616 forecasts until 2026), and the mean absolute error of a normal law is 0.798 of its
standard deviation. Taken for all grids: no other publishes what it forecast. The row of `intensity.csv` follows from it."""


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
    """What the truth of an estimated or forecast hour of a provider's zone is, over its figure.

    An edition without hours (2026.11) takes the newest edition's.
    """
    try:
        factor = _estimated()
    except KeyError:
        with editions.using(editions.NEWEST):
            factor = _estimated()
    family = f"intensity:{provider}:{zone or 'unknown'}:estimated"
    return msgspec.structs.replace(factor, error_family=family)


def _estimated() -> Factor:
    return tables.factor(tables.by_id("intensity")["intensity.estimated"])
