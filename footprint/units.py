"""Physical constants and conversions; the only place where they are spelled out.

A quantity's unit is part of its name (`_s _j _kwh _w _g _l _g_per_kwh _bytes _ratio`), so each function here says in its
name what goes in and what comes out.
"""

from __future__ import annotations

from typing import Final

J_PER_KWH: Final = 3.6e6
S_PER_H: Final = 3600.0
H_PER_YEAR: Final = 8760.0
W_PER_KW: Final = 1000.0
G_PER_KG: Final = 1000.0
BYTES_PER_GB: Final = 1e9
BYTES_PER_GIB: Final = 2.0**30


def kwh_from_j(energy_j: float) -> float:
    """Joules as kilowatt-hours."""
    return energy_j / J_PER_KWH


def j_from_kwh(energy_kwh: float) -> float:
    """Kilowatt-hours as joules."""
    return energy_kwh * J_PER_KWH


def kwh_from_w_h(power_w: float, time_h: float) -> float:
    """Watts drawn for hours, as kilowatt-hours."""
    return power_w * time_h / W_PER_KW


def h_from_s(time_s: float) -> float:
    """Seconds as hours."""
    return time_s / S_PER_H
