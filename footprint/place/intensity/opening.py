"""From what stands behind `--intensity-from` to a provider."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from footprint import text
from footprint.errors import ConfigError, unknown_choice
from footprint.model import Basis
from footprint.place.intensity import electricity_maps, uk
from footprint.place.intensity.constant import Constant
from footprint.place.intensity.csv_file import CsvFile
from footprint.place.intensity.electricity_maps import ElectricityMaps
from footprint.place.intensity.series import BASES, Provider
from footprint.place.intensity.uk import UkCarbonIntensity
from footprint.reference.grid import parent

FORMS: Final = "uk, uk:13 (a region), electricitymaps, electricitymaps:DK-DK1 (its own zone), FILE.csv, or a number in g/kWh"
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)


def open_provider(stated: str, basis: str | None = None) -> Provider:
    """The provider that is meant; nothing is asked or read yet.

    Args:
        stated: one of `FORMS`.
        basis: `life-cycle`, `direct` or `market`: what a file's figures are, or which of Electricity Maps' are wanted.

    Raises:
        ConfigError: if none is meant, or it has no figures of that basis.
    """
    wanted = _basis(basis)
    name, _, detail = stated.strip().partition(":")
    if name == "uk":
        _only("direct", wanted, uk.NAME)
        if detail and not (detail.isascii() and detail.isdigit()):
            raise ConfigError(f"{uk.NAME}: a region is a number from 1 to 17, not {text.clean(detail, limit=30)!r}")
        return UkCarbonIntensity(int(detail) if detail else None)
    if name == "electricitymaps":
        return ElectricityMaps(detail or None, wanted or "life-cycle")
    if _NUMBER.fullmatch(stated.strip()):
        if wanted is not None:
            raise ConfigError("a stated number is taken as it is: it goes without --intensity-basis")
        return Constant(float(stated))
    if stated.lower().endswith((".csv", ".tsv", ".txt")) or os.sep in stated or Path(stated).is_file():
        return CsvFile(Path(stated), wanted)
    raise ConfigError(f"--intensity-from {text.clean(stated, limit=60)!r} is no provider: give {FORMS}")


def default_provider(zone: str | None) -> Provider:
    """The provider that knows a zone's hours, where nobody named one.

    Raises:
        ConfigError: if none is known that can be asked, with what to do.
    """
    if zone is not None and (parent(zone) or zone) == uk.ZONE:
        return UkCarbonIntensity()
    if any(os.environ.get(variable, "").strip() for variable in electricity_maps.KEY_VARIABLES):
        electricity_maps.its_zone(zone)
        return ElectricityMaps()
    where = f"of {zone}" if zone else "of an unknown place"
    raise ConfigError(
        f"no forecast {where} is public without a key: Electricity Maps has one ({electricity_maps.KEY_ADVICE}), "
        "or give --intensity-from FILE.csv"
    )


def _basis(stated: str | None) -> Basis | None:
    if stated is None:
        return None
    for basis in BASES:
        if stated == basis:
            return basis
    raise unknown_choice("--intensity-basis", stated, BASES)


def _only(has: Basis, wanted: Basis | None, who: str) -> None:
    if wanted not in {None, has}:
        raise ConfigError(f"the {who} has {has} intensities, none of basis {wanted!r}")
