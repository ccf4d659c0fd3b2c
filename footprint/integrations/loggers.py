"""What MLflow and Weights & Biases are told of a run, and which of their runs each of ours goes to: the same for both."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from footprint.errors import ConfigError
from footprint.integrations.following import INTERVAL_S, Following, Reading, checked_run, follow
from footprint.tracking import TrackedRun, at_each_start

NAMES: Final = "footprint/"
_SAID_LIMIT: Final = 200
_SECRET: Final = re.compile(r"//[^/@\s]+@")
_RANGES: Final = ("energy_kwh", "emissions_g")
_AT_THE_END: Final = (*_RANGES, "embodied_g", "water_l")

Send = Callable[[Reading, str], None]
"""Sends a reading, with what the names in it begin with."""


def numbers(reading: Reading) -> dict[str, float]:
    """What is drawn over time, by name; what is unknown is left out. In the end with the bounds of the 90 % ranges."""
    found: dict[str, float | None] = {"power_w": reading.power_w, "coverage_ratio": reading.coverage_ratio}
    for name in (*_RANGES, "accelerator_energy_kwh"):
        known = getattr(reading, name)
        found[name] = None if known is None else known.central
    if reading.is_final:
        for name in _AT_THE_END:
            known = getattr(reading, name)
            if known is not None:
                found |= {name: known.central, f"{name}_low": known.low, f"{name}_high": known.high}
    return {name: value for name, value in found.items() if value is not None}


def facts(reading: Reading) -> dict[str, str]:
    """What is told once: which run it is, where, and how its numbers are known."""
    found = {
        "run_id": reading.run,
        "account": reading.account,
        "kind": reading.kind,
        "outcome": reading.outcome,
        "place": reading.place or "unknown",
        "grades": ", ".join(reading.grades),
        "factors": reading.edition,
        "unknown": "; ".join(reading.unknown),
    }
    return {name: value for name, value in found.items() if value}


class Targets:
    """Which of another tool's runs are told of which of ours: none of one twice, and each of several under its own names."""

    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._open: dict[str, dict[str, Following]] = {}
        self._told: dict[str, str] = {}
        self._end_autolog: Callable[[], None] | None = None

    def log(self, run: TrackedRun, key: str, send: Send, interval_s: float = INTERVAL_S) -> Following:
        """Follow a run for one of theirs, named by `key`."""
        there = self._open.get(checked_run(run).id, {}).get(key)
        if there is not None:
            run.warn(f"the run is logged to {self._tool} already; the second time is left out")
            return there
        is_first = self._told.get(key, run.id) == run.id
        names = NAMES if is_first else f"{NAMES}{run.id}/"
        if not is_first:
            run.warn(f"the run of {self._tool} has another run's numbers already: this one's are named {names}…")

        last_s = -1.0

        def publish(reading: Reading) -> None:
            nonlocal last_s
            if reading.at_s == last_s and not reading.is_final:  # nothing was read meanwhile
                return
            last_s = reading.at_s
            try:
                send(reading, names)
            except Exception as error:  # noqa: BLE001 - what the tool raises may be anything, and hold the address with its password
                raise ConfigError(f"{self._tool} did not take it: {said(error)}") from None

        following = follow(run, publish, interval_s=interval_s)
        self._told.setdefault(key, run.id)
        self._open.setdefault(run.id, {})[key] = following
        run.when_over("the run is still held", lambda: self._forget(run.id))
        return following

    def _forget(self, run_id: str) -> None:
        """Hold a run that has ended no longer: a server has many."""
        self._open.pop(run_id, None)

    def autolog(self, log: Callable[[TrackedRun], Any] | None) -> None:
        """Log each run that begins from now on, but those within another that is logged; none any more without `log`."""
        if self._end_autolog is not None:
            self._end_autolog()
            self._end_autolog = None
        if log is None:
            return

        def begin(run: TrackedRun) -> None:
            if not self._open:
                log(run)

        self._end_autolog = at_each_start(f"the run is not logged to {self._tool}", begin)


def said(error: Exception) -> str:
    """What an exception says, on one line and without a password in an address."""
    told = " ".join(_SECRET.sub("//…@", f"{type(error).__name__}: {error}").split())
    return told if len(told) <= _SAID_LIMIT else f"{told[:_SAID_LIMIT]}…"
