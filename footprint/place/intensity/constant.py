"""One figure for all hours: what somebody states, as a series."""

from __future__ import annotations

from datetime import datetime

from footprint.errors import ConfigError
from footprint.place.intensity.series import MOST_G_PER_KWH, Series, Slot, is_possible


class Constant:
    """The same intensity for any stretch of time, g/kWh.

    Raises:
        ConfigError: if it is not a grid's.
    """

    def __init__(self, g_per_kwh: float) -> None:
        if not is_possible(g_per_kwh):
            raise ConfigError(
                f"a carbon intensity of {g_per_kwh:g} g/kWh is not between 0 and {MOST_G_PER_KWH:g}: is it in another unit?"
            )
        self._g_per_kwh = g_per_kwh

    @property
    def name(self) -> str:
        """What it is called."""
        return "stated"

    def history(self, zone: str | None, start: datetime, end: datetime) -> Series:
        """One slot, a second longer at each end than what is asked for: a date holds whole microseconds, a run does not."""
        slot = Slot(start_s=start.timestamp() - 1.0, end_s=end.timestamp() + 1.0, g_per_kwh=self._g_per_kwh)
        return Series(provider="stated", name="stated", basis="stated", zone=zone, slots=(slot,), source="stated")

    def forecast(self, zone: str | None, start: datetime, hours: float) -> Series:  # noqa: ARG002 - a provider's signature
        """A stated figure says nothing of when: refused.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"one figure ({self._g_per_kwh:g} g/kWh) for all of {hours:g} h has no cleanest hour")
