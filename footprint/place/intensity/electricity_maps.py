"""Electricity Maps, API v3: hourly intensity of what a zone consumes (flow-traced), life-cycle or direct.

As documented at https://portal.electricitymaps.com: `/v3/carbon-intensity/history` (the last 24 hours), `/past-range` (ten days
at most, paid plans), `/forecast` (paid plans), with the key in the header `auth-token`. `isEstimated` marks hours whose readings
are not in. The API may answer for the zone that the caller's address lies in, if it does not know the one that was asked for:
that is switched off, and an answer for another zone or basis is refused.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import msgspec

from footprint import text
from footprint.errors import ConfigError, IntensityError
from footprint.model import Basis
from footprint.place.intensity.cache import DAY_S, Cache
from footprint.place.intensity.http import Limits, StatusError, checked, get_json
from footprint.place.intensity.series import Series, Slot, answered, is_possible, stamp
from footprint.reference.grid import zones
from footprint.units import S_PER_H

NAME: Final = "Electricity Maps"
URL: Final = "https://api.electricitymaps.com"
URL_VARIABLE: Final = "FOOTPRINT_ELECTRICITYMAPS_URL"
KEY_VARIABLES: Final = ("ELECTRICITYMAPS_TOKEN", "FOOTPRINT_ELECTRICITYMAPS_KEY")
KEY_ADVICE: Final = f"set {KEY_VARIABLES[0]} (a personal key is free at portal.electricitymaps.com; forecasts need a paid one)"
_TYPES: Final[dict[Basis, str]] = {"life-cycle": "lifecycle", "direct": "direct"}
_LENGTHS_S: Final = {"5_minutes": 300.0, "15_minutes": 900.0, "hourly": S_PER_H}
_HORIZONS_H: Final = (6, 24, 48, 72)
_MOST_ASKED_S: Final = 9 * DAY_S
_REFUSED: Final = (401, 403)
_UNKNOWN: Final = 404
_ITS_ZONE: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,8}){0,3}")
_SAME_CODES: Final = ("CA-", "AU-")
"""Provinces and states that are its zones by the same code."""


class _Row(msgspec.Struct, rename="camel"):
    datetime: str
    carbon_intensity: float | None = None
    is_estimated: bool | None = None
    emission_factor_type: str | None = None
    zone: str | None = None


class _Answer(msgspec.Struct, rename="camel"):
    zone: str
    history: list[_Row] | None = None
    data: list[_Row] | None = None
    forecast: list[_Row] | None = None
    temporal_granularity: str = "hourly"


class ElectricityMaps:
    """The zones of Electricity Maps.

    Args:
        zone: one of its own zones (`DK-DK1`, `US-CAL-CISO`); None takes that of the place, where the codes are the same.
        basis: `life-cycle` or `direct`.
        limits: of its questions.

    Raises:
        ConfigError: if it has no such basis or zone, or the environment's address or key cannot be used.
    """

    def __init__(self, zone: str | None = None, basis: Basis = "life-cycle", limits: Limits | None = None) -> None:
        if basis not in _TYPES:
            raise ConfigError(f"{NAME} has life-cycle and direct intensities, none of basis {basis!r}")
        if zone is not None and not _ITS_ZONE.fullmatch(zone):
            raise ConfigError(f"{text.clean(zone, limit=40)!r} is no zone of {NAME}; its zones look like DE or US-CAL-CISO")
        self._zone, self._basis, self._limits = zone, basis, limits
        self._url = (os.environ.get(URL_VARIABLE) or URL).rstrip("/")
        checked(self._url, NAME)
        self._key = key()
        self._notes: list[str] = []
        self._left_out = 0

    @property
    def name(self) -> str:
        """What it is called."""
        return NAME

    def history(self, zone: str | None, start: datetime, end: datetime) -> Series:
        """See `Provider.history`. A key without access to older hours gives what it has of the last 24."""
        its = self._zone or its_zone(zone)
        is_recent = start.timestamp() >= time.time() - DAY_S + S_PER_H
        cache = self._cache(its, "recent" if is_recent else "")  # its last 24 hours are no whole days: kept apart

        def fetch(start_s: float, end_s: float) -> Sequence[Slot]:
            return self._ask(its, "history") if is_recent else self._between(its, start_s, end_s)

        slots = cache.days(start.timestamp(), end.timestamp(), fetch)
        return self._series(slots, zone, its, cache)

    def forecast(self, zone: str | None, start: datetime, hours: float) -> Series:
        """See `Provider.forecast`. 72 hours at most, by the key's plan."""
        its = self._zone or its_zone(zone)
        horizon = next((one for one in _HORIZONS_H if one >= hours), _HORIZONS_H[-1])
        cache = self._cache(its)
        name = f"{stamp(start.timestamp() // S_PER_H * S_PER_H).replace(':', '')}-{horizon}h"
        slots = cache.forecast(name, lambda: self._ask(its, "forecast", horizonHours=str(horizon)))
        until_s = start.timestamp() + hours * S_PER_H
        kept = [one for one in slots if one.end_s > start.timestamp() and one.start_s < until_s]
        return self._series(kept, zone, its, cache, is_forecast=True)

    def _cache(self, its: str, part: str = "") -> Cache:
        return Cache("electricitymaps", self._url, f"{its} {self._basis} {part}".strip())

    def _between(self, its: str, start_s: float, end_s: float) -> list[Slot]:
        """Hours that may be older than a day: by the paid endpoint, else what the free one has of them."""
        try:
            found: list[Slot] = []
            at_s = start_s
            while at_s < end_s:
                until_s = min(end_s, at_s + _MOST_ASKED_S)
                # The end is left out of the answer or not, by version: an hour more, and what is double is dropped.
                found += self._ask(its, "past-range", start=stamp(at_s), end=stamp(-(-until_s // S_PER_H) * S_PER_H))
                at_s = until_s
        except StatusError as error:
            if error.status not in _REFUSED:
                raise
            found = self._ask(its, "history")  # a key that is wrong is refused here, too
            self._notes.append(f"the plan of this key has the last 24 hours only of {NAME}")
        return [*dict.fromkeys(found)]

    def _ask(self, its: str, what: str, **parameters: str) -> list[Slot]:
        asked = {"zone": its, "emissionFactorType": _TYPES[self._basis], "shouldUseFallbackCallerLookup": "false", **parameters}
        url = f"{self._url}/v3/carbon-intensity/{what}?{urlencode(asked)}"
        try:
            answer = get_json(url, _Answer, who=NAME, headers={"auth-token": self._key}, secret=self._key, limits=self._limits)
        except StatusError as error:
            raise StatusError(_advised(str(error), error.status, its, what), error.status) from None
        if answer.zone != its:
            raise IntensityError(f"{NAME}: the answer is for {text.clean(answer.zone, limit=40)}, {its} was asked for")
        rows = answer.history if answer.history is not None else answer.data if answer.data is not None else answer.forecast
        length_s = _LENGTHS_S.get(answer.temporal_granularity)
        if rows is None or length_s is None:
            raise IntensityError(f"{NAME}: the answer is not what the documentation says: no hourly rows")
        return [slot for row in rows if (slot := self._slot(row, its, length_s, is_forecast=what == "forecast")) is not None]

    def _slot(self, row: _Row, its: str, length_s: float, *, is_forecast: bool) -> Slot | None:
        if row.emission_factor_type not in {None, _TYPES[self._basis]} or row.zone not in {None, its}:
            raise IntensityError(f"{NAME}: the answer mixes zones or bases")
        try:
            moment = datetime.fromisoformat(row.datetime)
        except ValueError:
            raise IntensityError(f"{NAME}: the answer has a time that is none") from None
        if moment.tzinfo is None:
            raise IntensityError(f"{NAME}: the answer has a time without its zone")
        if row.carbon_intensity is None or not is_possible(row.carbon_intensity):
            self._left_out += 1
            return None
        start_s = moment.timestamp()
        estimated = is_forecast or row.is_estimated is not False
        return Slot(start_s=start_s, end_s=start_s + length_s, g_per_kwh=row.carbon_intensity, estimated=estimated)

    def _series(self, slots: Sequence[Slot], zone: str | None, its: str, cache: Cache, *, is_forecast: bool = False) -> Series:
        kept, left_out = answered(slots, self._left_out, NAME)
        return Series(
            provider=f"electricitymaps:{its}",
            name=f"{NAME}, {its}",
            basis=self._basis,
            zone=zone,
            slots=kept,
            is_forecast=is_forecast,
            source=f"{NAME} API v3: {its}, flow-traced consumption",
            url="https://www.electricitymaps.com",
            licence="Electricity Maps API terms",
            attribution="Electricity Maps (electricitymaps.com)",
            notes=(*left_out, *dict.fromkeys(self._notes), *cache.notes),
        )


def key() -> str:
    """The key from the environment.

    Raises:
        ConfigError: if there is none, or it cannot stand in a header; the message does not repeat it.
    """
    for variable in KEY_VARIABLES:
        value = os.environ.get(variable, "").strip()
        if value:
            if not value.isascii() or not value.isprintable() or " " in value:
                raise ConfigError(f"{variable} holds characters that no key has")
            return value
    raise ConfigError(f"{NAME} needs a key: {KEY_ADVICE}")


def its_zone(zone: str | None) -> str:
    """Its code for a zone of ours, where it is surely the same place.

    Raises:
        ConfigError: if the place is not known, or its zones are cut otherwise there.
    """
    if zone is None:
        raise ConfigError(f"the place is unknown: name the zone of {NAME}, for example electricitymaps:DE")
    row = zones().get(zone)
    if row is not None and row["iso2"]:
        return row["iso2"]
    if row is not None and zone.startswith(_SAME_CODES):
        return zone
    raise ConfigError(
        f"{NAME} divides the grid around {zone} its own way: name its zone, for example electricitymaps:US-CAL-CISO"
    )


def _advised(message: str, status: int, its: str, what: str) -> str:
    """A refusal with what to do about it."""
    if status in _REFUSED:
        plan = {"forecast": " or the key's plan has no forecasts", "past-range": " or the key's plan has no older hours"}
        return f"{message}; the key in {KEY_VARIABLES[0]} is not accepted for {its},{plan.get(what, ' or not for this zone')}"
    if status == _UNKNOWN:
        return f"{message}; it may not know the zone {its}: name its own, for example electricitymaps:DK-DK1"
    return message
