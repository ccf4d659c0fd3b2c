"""Numbers with their ranges, and the factors that facts are multiplied with."""

from __future__ import annotations

import math

import msgspec

from footprint.model.words import Grade, Varies


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its 90 % range: 5th percentile, mean, 95th percentile.

    The middle is the mean, so the plain product (and sum) of centrals is the central of the product (and sum).

    Raises:
        ValueError: if a bound is not finite or `low <= central <= high` does not hold.
    """

    low: float
    central: float
    high: float

    def __post_init__(self) -> None:
        """Refuse a triple that is not a range."""
        if not all(map(math.isfinite, (self.low, self.central, self.high))):
            raise ValueError(f"not finite: {self.low}, {self.central}, {self.high}")
        if not self.low <= self.central <= self.high:
            raise ValueError(f"not low <= central <= high: {self.low}, {self.central}, {self.high}")


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """A dated, cited number that facts are multiplied with.

    `low`, `central` and `high` are 5th percentile, mean and 95th percentile. `error_family` names what shares one error
    (all years of one grid series, one site's PUE); `varies` says whether that error is the same for all runs (`shared`),
    drawn anew for each run, or for each device.
    """

    id: str
    low: float
    central: float
    high: float
    unit: str
    source: str
    year: int | None
    licence: str
    basis: str
    grade: Grade
    error_family: str
    varies: Varies = "shared"
    url: str = ""
    note: str = ""
