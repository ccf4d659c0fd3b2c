"""What is foreseen of a run: light enough for the program that is measured, which never derives it itself."""

from __future__ import annotations

import msgspec

from footprint.model import Range


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """A moment with its 90 % range: UTC, ISO 8601."""

    low: str
    central: str
    high: str


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a run will have taken by its end, from the course of its progress so far; null where that cannot be told.

    `at_s` is how old the run was at the last reading; `done` of `total` is the last progress of which it knew. `duration_s`,
    `energy_kwh` (of the facility) and `emissions_g` are those of the whole run, `spent_…` those so far. `unknown` names what is
    not known, each with its reason.
    """

    run: str
    at_s: float
    done: float | None = None
    total: float | None = None
    duration_s: Range | None = None
    ends_at: Moments | None = None
    energy_kwh: Range | None = None
    emissions_g: Range | None = None
    spent_energy_kwh: Range | None = None
    spent_emissions_g: Range | None = None
    unknown: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    method: str = ""
