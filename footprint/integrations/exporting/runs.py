"""Runs of the program itself as metrics: what is known of each, and counters that only grow."""

from __future__ import annotations

import os
import threading
from typing import NamedTuple

from footprint import units as u
from footprint.integrations.exporting.families import label_value
from footprint.integrations.following import INTERVAL_S, DeviceReading, Following, Reading, follow
from footprint.tracking import TrackedRun


class Told(NamedTuple):
    """A run's last reading, with its amounts as counters tell them: null where they are not known, and else never falling.

    `energy_j` is the facility's, `emissions_g` what was stated of it, both central estimates.
    """

    reading: Reading
    energy_j: float | None
    emissions_g: float | None
    work: dict[str, float]

    @property
    def names(self) -> dict[str, str]:
        """By what a run is told from others: its name, kind and account; the last is empty where it is the run by itself.

        So that a program that is started again goes on with the same series, its id is not among them.
        """
        found = {name: label_value(getattr(self.reading, name)) for name in ("name", "kind", "account")}
        return found | ({"account": ""} if self.reading.account == self.reading.run else {})

    @property
    def unknown(self) -> list[str]:
        """What is not known of it, in a word each."""
        known = {"energy": self.energy_j, "emissions": self.emissions_g}
        words = [name for name, value in known.items() if value is None]
        return list(dict.fromkeys([*words, *(label_value(one.split(":", 1)[0]) for one in self.reading.unknown)]))


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
        self._lock = threading.Lock()
        self._followed: dict[str, Following] = {}
        self._told: dict[str, Told] = {}
        self._devices = Devices()

    def add(self, run: TrackedRun) -> None:
        """Follow a run; one that is followed already stays so.

        Raises:
            ConfigError: for what is no run, or an interval that cannot be.
        """
        run_id = str(getattr(run, "id", None))
        if run_id not in self._followed:
            self._followed[run_id] = follow(run, self._take, interval_s=self._interval_s)

    def told(self) -> list[Told]:
        """What is known of each run now; nothing of one of which nothing was read yet."""
        return list(self._told.values()) if os.getpid() == self._pid else []

    def devices(self) -> list[DeviceTotal]:
        """What the devices drew that were read; each joule once, however many runs read a device at a time."""
        return self._devices.totals() if os.getpid() == self._pid else []

    def close(self) -> None:
        """Follow no more; the runs go on."""
        for one in list(self._followed.values()):
            one.close()

    def _take(self, reading: Reading) -> None:
        with self._lock:
            self._told[reading.run] = _told(reading, self._told.get(reading.run))
            self._devices.take(reading)


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
    return Told(
        reading=reading,
        energy_j=_most(None if energy is None else energy.central * u.J_PER_KWH, before and before.energy_j),
        emissions_g=_most(None if emissions is None else emissions.central, before and before.emissions_g),
        work={unit: max(amount, work.get(unit, amount)) for unit, amount in reading.work.items()},
    )


def _most(value: float | None, before: float | None) -> float | None:
    return value if value is None or before is None else max(value, before)
