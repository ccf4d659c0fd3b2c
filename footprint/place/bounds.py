"""What a stated PUE and a stated carbon intensity may be: one place for all that read them."""

from __future__ import annotations

import math
from typing import Final

from footprint.errors import ConfigError

MAX_INTENSITY_G_PER_KWH: Final = 2_000.0
"""No grid emits as much; a coal plant alone emits about half of it, over its life cycle."""
_PUE_BOUNDS: Final = (1.0, 3.0)
# Less than any grid emits, though contracts may leave nothing; what lies between was stated in another unit.
_LEAST_G_PER_KWH: Final = 1.0
_G_PER_KG: Final = 1000.0
_G_PER_LB: Final = 453.59237


def check_pue(pue: float | None) -> None:
    """Refuse a stated PUE that cannot be.

    Raises:
        ConfigError: if it is not a number from 1 to 3.
    """
    low, high = _PUE_BOUNDS
    if pue is not None and not (math.isfinite(pue) and low <= pue <= high):
        raise ConfigError(f"a PUE of {pue:g} is not between {low:g} and {high:g}: it is facility energy over IT energy")


def check_intensity(intensity_g_per_kwh: float | None) -> None:
    """Refuse a stated carbon intensity that cannot be, or that was stated in another unit.

    Raises:
        ConfigError: if it is not a number from 0 to 2,000 g/kWh, or above 0 and below 1 g/kWh, which is kg or lb.
    """
    if intensity_g_per_kwh is None:
        return
    if not (math.isfinite(intensity_g_per_kwh) and 0 <= intensity_g_per_kwh <= MAX_INTENSITY_G_PER_KWH):
        raise ConfigError(
            f"a carbon intensity of {intensity_g_per_kwh:g} g/kWh is not between 0 and {MAX_INTENSITY_G_PER_KWH:g}: "
            "give grams of CO2e a kWh (a figure in kg or lb, or for a MWh, is to be converted)"
        )
    if 0 < intensity_g_per_kwh < _LEAST_G_PER_KWH:
        raise ConfigError(
            f"a carbon intensity of {intensity_g_per_kwh:g} g/kWh is less than any grid's: if it is in kg/kWh, give "
            f"{intensity_g_per_kwh * _G_PER_KG:g}, if in lb/kWh, {intensity_g_per_kwh * _G_PER_LB:g}"
        )
