"""Runs of the program itself as metrics: what is known of each, and counters that only grow."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Final, NamedTuple

import msgspec

from footprint import units as u
from footprint.errors import ConfigError
from footprint.integrations.exporting.families import OTHERS, label_value
from footprint.integrations.following import INTERVAL_S, DeviceReading, Following, Reading, checked_run, follow
from footprint.tracking import TrackedRun

MOST_NAMES: Final = 1_000
"""So many runs that are called differently are told by themselves once they have ended; the others are one."""


class Told(NamedTuple):
    """What is told of a run, or of runs that are called alike and have ended: amounts are null where they are not known of any.

    `energy_j` is the facility's, `emissions_g` what was stated of it; both are central estimates and never fall. `reading` is the
    last one, `unknown` what is not known, in a word each.
    """

    reading: Reading
    energy_j: float | None
    emissions_g: float | None
    emissions_low_g: float | None
    emissions_high_g: float | None
    work: dict[str, float]
    unknown: tuple[str, ...]

    @property
    def names(self) -> dict[str, str]:
        """By what a run is told from others: its name, kind and account; the last is empty where it is the run by itself.

        So that a program that is started again goes on with the same series, its id is not among them.
        """
        found = {name: label_value(getattr(self.reading, name)) for name in ("name", "kind", "account")}
        return found | ({"account": ""} if self.reading.account == self.reading.run else {})


class DeviceTotal(NamedTuple):
    """What a device drew while runs went on that read it, J; its power between the last two looks, W, null where that is over."""

    device: DeviceReading
    energy_j: float
    power_w: float | None


class FollowedRuns:
    """Runs that are followed, for as long as the program lives; a forked process tells nothing of its parent's.

    Args:
        interval_s: seconds between two looks.
    """

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._pid = os.getpid()
        self._lock = threading.RLock()  # a signal handler may end a run, too
        self._seen: weakref.WeakSet[TrackedRun] = weakref.WeakSet()
        self._open: set[str] = set()
        self._followed: dict[str, Following] = {}
        self._told: dict[str, Told] = {}
        self._ended: dict[tuple[str, ...], Told] = {}
        self._devices = Devices()

    def add(self, run: TrackedRun) -> None:
        """Follow a run; one that is followed already stays so.

        Raises:
            ConfigError: for what is no run, or an interval that cannot be.
        """
        if run in self._seen:
            return
        self._open.add(checked_run(run).id)
        try:
            self._followed[run.id] = follow(run, self._take, interval_s=self._interval_s)
        except ConfigError:
            self._open.discard(run.id)
            raise
        run.when_over("the run is still told of as one that goes on", lambda: self._lose(run.id))
        self._seen.add(run)

    def told(self) -> list[Told]:
        """What is known of each run now; nothing of one of which nothing was read yet."""
        if os.getpid() != self._pid:
            return []
        with self._lock:
            return [*self._ended.values(), *self._told.values()]

    def devices(self) -> list[DeviceTotal]:
        """What the devices drew that were read; each joule once, however many runs read a device at a time."""
        return self._devices.totals() if os.getpid() == self._pid else []

    def close(self) -> None:
        """Follow no more; the runs go on."""
        for one in list(self._followed.values()):
            one.close()

    def _take(self, reading: Reading) -> None:
        with self._lock:
            if reading.run not in self._open:  # too late: it has been told as ended
                return
            told = self._told[reading.run] = _told(reading, self._told.get(reading.run))
            self._devices.take(reading)
            if reading.is_final:  # a server may have a run for each request: what has ended is put together
                del self._told[reading.run]
                self._open.discard(reading.run)
                self._end(told)

    def _lose(self, run_id: str) -> None:
        """A run that has ended without a last reading: it was not derived in time, or nobody recorded it any more."""
        with self._lock:
            self._followed.pop(run_id, None)
            self._open.discard(run_id)
            told = self._told.pop(run_id, None)
            if told is not None:
                last = msgspec.structs.replace(told.reading, is_final=True, power_w=None)
                self._devices.take(last)
                self._end(told._replace(reading=last))

    def _end(self, told: Told) -> None:
        names = tuple(told.names.values())
        if names not in self._ended and len(self._ended) >= MOST_NAMES:
            told = told._replace(
                reading=msgspec.structs.replace(told.reading, name=OTHERS, kind="other", account=told.reading.run)
            )
            names = tuple(told.names.values())
        before = self._ended.get(names)
        self._ended[names] = told if before is None else _together(before, told)


class Devices:
    """The joules of devices over several runs.

    Of runs that read a device at the same time one is asked, until it ends: the joules of the others are the same ones. Where the
    next one takes over, what it read since its last look is counted.
    """

    def __init__(self) -> None:
        self._asked: dict[str, str] = {}
        self._last: dict[tuple[str, str], tuple[float, float]] = {}
        self._totals: dict[str, DeviceTotal] = {}

    def totals(self) -> list[DeviceTotal]:
        """What each device drew so far."""
        return list(self._totals.values())

    def take(self, reading: Reading) -> None:
        """Take a run's next reading; to be called in the order of time."""
        for one in reading.devices:
            if one.energy_j is None:
                continue
            before_j, before_s = self._last.get((reading.run, one.id), (0.0, 0.0))
            self._last[reading.run, one.id] = (one.energy_j, reading.at_s)
            if self._asked.setdefault(one.id, reading.run) == reading.run:
                grown_j, over_s = max(0.0, one.energy_j - before_j), reading.at_s - before_s
                known = self._totals.get(one.id)
                power_w = grown_j / over_s if over_s > 0 else known.power_w if known else None
                so_far_j = known.energy_j if known else 0.0
                self._totals[one.id] = DeviceTotal(one, so_far_j + grown_j, None if reading.is_final else power_w)
        if reading.is_final:
            self._asked = {device: run for device, run in self._asked.items() if run != reading.run}
            self._last = {key: value for key, value in self._last.items() if key[0] != reading.run}


def _told(reading: Reading, before: Told | None) -> Told:
    """A reading with its counters, which never fall: a share of a machine that is estimated anew may be a little less."""
    energy, emissions = reading.energy_kwh, reading.emissions_g
    work = before.work if before else {}
    words = [name for name, value in (("energy", energy), ("emissions", emissions)) if value is None]
    words += [label_value(one.split(":", 1)[0]) for one in reading.unknown]
    return Told(
        reading=reading,
        energy_j=_most(None if energy is None else energy.central * u.J_PER_KWH, before and before.energy_j),
        emissions_g=_most(None if emissions is None else emissions.central, before and before.emissions_g),
        emissions_low_g=None if emissions is None else emissions.low,
        emissions_high_g=None if emissions is None else emissions.high,
        work={unit: max(amount, work.get(unit, amount)) for unit, amount in reading.work.items()},
        unknown=tuple(dict.fromkeys(words)),
    )


def _together(one: Told, other: Told) -> Told:
    """Two runs that are called alike; the second is the later one."""
    return Told(
        reading=other.reading,
        energy_j=_sum(one.energy_j, other.energy_j),
        emissions_g=_sum(one.emissions_g, other.emissions_g),
        emissions_low_g=_sum(one.emissions_low_g, other.emissions_low_g),
        emissions_high_g=_sum(one.emissions_high_g, other.emissions_high_g),
        work={unit: one.work.get(unit, 0.0) + other.work.get(unit, 0.0) for unit in {**one.work, **other.work}},
        unknown=tuple(dict.fromkeys((*one.unknown, *other.unknown))),
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else one + other


def _most(value: float | None, before: float | None) -> float | None:
    """A counter's next value: it stands still where that is not known any more, which `unknown` names."""
    return before if value is None else value if before is None else max(value, before)
