"""The Carbon Intensity API of Great Britain's system operator (NESO): half-hours, direct emissions of generation and imports.

As documented at https://carbon-intensity.github.io/api-definitions: `/intensity/{from}/{to}` (14 days at most) and
`/intensity/{from}/fw48h`, and for one of 17 regions `/regional/intensity/…/regionid/{id}`, which has forecasts only. `actual` is
null until readings are in; then the forecast stands for it and is marked as an estimate. No key is needed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from footprint.errors import ConfigError, IntensityError
from footprint.place.intensity.cache import Cache
from footprint.place.intensity.http import Limits, checked, get_json
from footprint.place.intensity.series import Series, Slot, answered, is_possible, stamp
from footprint.reference.grid import parent
from footprint.units import S_PER_H

NAME: Final = "UK Carbon Intensity API"
URL: Final = "https://api.carbonintensity.org.uk"
URL_VARIABLE: Final = "FOOTPRINT_UK_INTENSITY_URL"
ZONE: Final = "GBR"
REGIONS: Final = range(1, 18)
HALF_HOUR_S: Final = 1800.0
_MOST_ASKED_S: Final = 13 * 86_400.0


class _Figure(msgspec.Struct):
    forecast: float | None = None
    actual: float | None = None


class _Row(msgspec.Struct):
    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    intensity: _Figure


class _National(msgspec.Struct):
    data: list[_Row]


class _Region(msgspec.Struct):
    data: list[_Row]


class _Regional(msgspec.Struct):
    data: _Region | list[_Region]


class UkCarbonIntensity:
    """Great Britain, or one of its regions.

    Args:
        region: 1 to 17, by NESO's numbers; None is all of Great Britain.
        limits: of its questions.

    Raises:
        ConfigError: if there is no such region, or the address in the environment cannot be used.
    """

    def __init__(self, region: int | None = None, limits: Limits | None = None) -> None:
        if region is not None and region not in REGIONS:
            raise ConfigError(f"{NAME}: there is no region {region}; its regions are {REGIONS[0]} to {REGIONS[-1]}")
        self._region, self._limits = region, limits
        self._url = (os.environ.get(URL_VARIABLE) or URL).rstrip("/")
        checked(self._url, NAME)
        self._left_out = 0

    @property
    def name(self) -> str:
        """What it is called."""
        return NAME

    def history(self, zone: str | None, start: datetime, end: datetime) -> Series:
        """See `Provider.history`. Asks for whole days, at most 13 at once."""
        self._check(zone)
        cache = self._cache()
        return self._series(cache.days(start.timestamp(), end.timestamp(), self._between), cache)

    def forecast(self, zone: str | None, start: datetime, hours: float) -> Series:
        """See `Provider.forecast`. 48 hours from the begin of this half-hour on."""
        self._check(zone)
        cache = self._cache()
        begin_s = start.timestamp() // HALF_HOUR_S * HALF_HOUR_S
        path = f"/{stamp(begin_s)}/fw48h"
        slots = cache.forecast(stamp(begin_s).replace(":", ""), lambda: self._ask(path))
        until_s = start.timestamp() + hours * S_PER_H
        kept = [one for one in slots if one.end_s > start.timestamp() and one.start_s < until_s]
        return self._series(kept, cache, is_forecast=True)

    def _check(self, zone: str | None) -> None:
        if zone is not None and (parent(zone) or zone) != ZONE:
            raise ConfigError(f"the {NAME} knows Great Britain ({ZONE}) alone, not {zone}")

    def _cache(self) -> Cache:
        return Cache("uk", self._url, f"region-{self._region}" if self._region else "national")

    def _between(self, start_s: float, end_s: float) -> list[Slot]:
        found: list[Slot] = []
        while start_s < end_s:
            until_s = min(end_s, start_s + _MOST_ASKED_S)
            found += self._ask(f"/{stamp(start_s // 60 * 60)}/{stamp(-(-until_s // 60) * 60)}")
            start_s = until_s
        # An answer reaches a half-hour over either end of the question.
        return [*dict.fromkeys(found)]

    def _ask(self, path: str) -> list[Slot]:
        if self._region is None:
            rows: Sequence[_Row] = get_json(f"{self._url}/intensity{path}", _National, who=NAME, limits=self._limits).data
        else:
            url = f"{self._url}/regional/intensity{path}/regionid/{self._region}"
            answer = get_json(url, _Regional, who=NAME, limits=self._limits).data
            regions = answer if isinstance(answer, list) else [answer]
            rows = [row for region in regions for row in region.data]
        return [slot for row in rows if (slot := self._slot(row)) is not None]

    def _slot(self, row: _Row) -> Slot | None:
        figure = row.intensity
        value = figure.actual if figure.actual is not None else figure.forecast
        try:
            start_s, end_s = (datetime.fromisoformat(text).timestamp() for text in (_utc(row.start), _utc(row.end)))
        except ValueError:
            raise IntensityError(f"{NAME}: the answer has a time that is none") from None
        if value is None or not is_possible(value) or end_s <= start_s:
            self._left_out += 1
            return None
        return Slot(start_s=start_s, end_s=end_s, g_per_kwh=value, estimated=figure.actual is None)

    def _series(self, slots: Sequence[Slot], cache: Cache, *, is_forecast: bool = False) -> Series:
        kept, left_out = answered(slots, self._left_out, NAME)
        return Series(
            provider="uk" if self._region is None else f"uk:{self._region}",
            name=NAME if self._region is None else f"{NAME}, region {self._region}",
            basis="direct",
            zone=ZONE,
            slots=kept,
            is_forecast=is_forecast,
            source="Carbon Intensity API, National Energy System Operator (NESO): Great Britain, generation and imports",
            url="https://carbonintensity.org.uk",
            licence="CC BY 4.0",
            attribution="National Energy System Operator (NESO), Carbon Intensity API",
            notes=(*left_out, *cache.notes),
        )


def _utc(text: str) -> str:
    """The API's times end in Z; one that does not would be taken for this machine's."""
    if not text.endswith("Z"):
        raise ValueError(text)
    return text
