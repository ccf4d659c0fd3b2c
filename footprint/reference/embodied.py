"""What the making of hardware emitted, and over how much use that is spread; None where nobody published anything like it.

GHG Protocol scope 3, category 2 (capital goods). `embodied_published.csv` holds the figures as they were read, `embodied.csv` the
factors that follow from them by the rules in SOURCES.md; a test recomputes them. Editions before 2026.11.2 have neither.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import msgspec

from footprint.model import Factor
from footprint.reference import names, tables
from footprint.reference.choices import over
from footprint.reference.editions import remembered
from footprint.reference.hardware import HardwareMatch
from footprint.reference.triples import half_spread

Covers = Literal["chip", "with-host"]
_MODELLED_TWICE: Final = "nvidia-h100-sxm5-80gb"
"""The chip whose maker published a figure and for which Boavizta's model gives one, too."""


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """What making one device emitted, kg CO2e; `covers` says whether its share of the host is in it."""

    factor: Factor
    covers: Covers


def making(match: HardwareMatch) -> Making | None:
    """What making one of these accelerators emitted, kg CO2e: of the chip that was named, or ranged over all that it may be.

    Over several chips the low bound is the lowest, the high bound the highest, the centre the mean of the chips' centres. None
    where one of them is not in the table, or where some figures hold the host and others do not.
    """
    rows = [_by_hardware().get(candidate.id) for candidate in match.candidates]
    known = [row for row in rows if row is not None]
    covers = {row["covers"] for row in known}
    if len(known) < len(rows) or len(covers) != 1:
        return None
    factors = [tables.factor(row) for row in {row["id"]: row for row in known}.values()]
    what: Covers = "with-host" if "with-host" in covers else "chip"
    if len(factors) == 1:
        return Making(factor=factors[0], covers=what)
    together = over(
        factors,
        f"embodied:{names.key(match.name_in_text)}",
        error_family=f"embodied:{'+'.join(one.id.removeprefix('embodied:') for one in factors)}",
        note=f"over {', '.join(candidate.name for candidate in match.candidates)}",
    )
    return Making(factor=together, covers=what)


def server_share() -> Factor | None:
    """What making a server without its accelerators emitted, kg CO2e for each of its accelerators."""
    return _find("embodied:server-share")


def lives_per_year() -> Factor | None:
    """The reciprocal of the hardware's life, 1/year: the share of its making that a year carries."""
    return _find("hardware.life")


def life_per_use() -> Factor | None:
    """The reciprocal of the share of its life that a device works: hours of life for each hour of use."""
    return _find("hardware.use")


@remembered
def model_ratio() -> float:
    """What Boavizta's model of a GPU gives over the maker's own figure, of the one chip that has both."""
    own = {row["kind"]: float(row["kg"]) for row in tables.table("embodied_published") if row["hardware"] == _MODELLED_TWICE}
    return own["model"] / own["assessment"]


@remembered
def making_sigma() -> float:
    """The standard deviation of the logarithm of one figure of a chip's making, from the chips that have two."""
    figures: dict[str, list[float]] = {}
    for row in tables.table("embodied_published"):
        if row["covers"] != "server":
            figures.setdefault(row["hardware"], []).append(float(row["kg"]))
    return half_spread([math.log(one[0] / one[1]) for one in figures.values() if len(one) == 2])  # noqa: PLR2004 - a pair


@remembered
def _by_hardware() -> dict[str, tables.Row]:
    """The rows by the ids of the accelerators that they hold for; none in an edition without the table."""
    try:
        rows = tables.table("embodied")
    except KeyError:
        return {}
    return {one: row for row in rows for one in row["hardware"].split("; ") if one}


def _find(factor_id: str) -> Factor | None:
    try:
        return tables.factor(tables.by_id("embodied")[factor_id])
    except KeyError:
        return None
