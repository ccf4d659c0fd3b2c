"""Runs of the program itself as metrics: what is known of each, and counters that only grow."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import NamedTuple

from footprint import units as u
from footprint.integrations.exporting.families import label_value
from footprint.integrations.following import INTERVAL_S, Following, Reading, follow
from footprint.tracking import TrackedRun


class Told(NamedTuple):
    """A run's last reading, with its amounts as counters tell them: null where they are not known, and else never falling.

    `energy_j` is the facility's, `emissions_g` what was stated of it, both central estimates; `devices_j` by the device's id.
    """

    reading: Reading
    energy_j: float | None
    emissions_g: float | None
    work: dict[str, float]
    devices_j: dict[str, float]

    @property
    def names(self) -> dict[str, str]:
        """By what a run is told from others: its name, kind and account, cleaned."""
        return {name: label_value(getattr(self.reading, name)) for name in ("name", "kind", "account")}

    @property
    def unknown(self) -> list[str]:
        """What is not known of it, in a word each."""
        return list(dict.fromkeys(label_value(one.split(":", 1)[0]) for one in self.reading.unknown))


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
        self._most: dict[tuple[str, ...], float] = {}

    def add(self, run: TrackedRun) -> None:
        """Follow a run; one that is followed already stays so.

        Raises:
            ConfigError: for what is no run, or an interval that cannot be.
        """
        run_id = getattr(run, "id", None)
        if run_id not in self._followed:
            self._followed[str(run_id)] = follow(run, lambda _: None, interval_s=self._interval_s)

    def told(self) -> Iterator[Told]:
        """What is known of each run now; nothing of one of which nothing was read yet."""
        if os.getpid() != self._pid:
            return
        for one in list(self._followed.values()):
            if one.last is not None:
                yield self._told(one.last)

    def close(self) -> None:
        """Follow no more; the runs go on."""
        for one in list(self._followed.values()):
            one.close()

    def _told(self, reading: Reading) -> Told:
        energy, emissions = reading.energy_kwh, reading.emissions_g
        return Told(
            reading=reading,
            energy_j=None if energy is None else self._rising(energy.central * u.J_PER_KWH, reading.run, "energy"),
            emissions_g=None if emissions is None else self._rising(emissions.central, reading.run, "emissions"),
            work={unit: self._rising(amount, reading.run, "work", unit) for unit, amount in reading.work.items()},
            devices_j={
                one.id: self._rising(one.energy_j, reading.run, "device", one.id)
                for one in reading.devices
                if one.energy_j is not None
            },
        )

    def _rising(self, value: float, *key: str) -> float:
        """The most that was told: a share of a machine that is estimated anew may be a little less."""
        with self._lock:
            most = self._most[key] = max(value, self._most.get(key, value))
        return most
