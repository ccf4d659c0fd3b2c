"""What a run's journal tells of its circumstances: suspends, steps of the clock, and who else held its devices."""

from __future__ import annotations

from typing import Final

from footprint import text
from footprint.ledger.records import Held, Tick

# The clocks of one tick are read one after the other, and a busy machine may stop the reader in between.
SLEEP_S: Final = 0.5
STEP_S: Final = 1.0
STEPS_TOLD: Final = 3
# So few looks may all have come before the program opened the device.
LOOKS: Final = 3


class Holding:
    """Who held a device, look by look."""

    def __init__(self) -> None:
        self.others = False
        self._looks = 0
        self._held_s = self._looked_s = 0.0
        self._last: Held | None = None

    def look(self, held: Held) -> None:
        """Take the next look; between two looks the earlier holds."""
        self._upto(held.t_s)
        self._last = held
        self._looks += 1
        self.others = self.others or held.others > 0

    def ratio(self, end_s: float) -> float | None:
        """The share of the time for which the run held the device; null where too few looks say that it did not."""
        last = self._last
        assert last is not None, "there is at least one look"
        rest_s = max(0.0, end_s - last.t_s)
        held_s, looked_s = self._held_s + rest_s * last.ours, self._looked_s + rest_s
        if held_s == 0 and not last.ours:
            return None if self._looks < LOOKS else 0.0
        return held_s / looked_s if looked_s > 0 else 1.0

    def _upto(self, t_s: float) -> None:
        if self._last is not None:
            passed_s = max(0.0, t_s - self._last.t_s)
            self._looked_s += passed_s
            self._held_s += passed_s * self._last.ours


class Clocks:
    """What the clocks of a run's ticks tell: suspends of the machine, and steps of the clock on the wall."""

    def __init__(self) -> None:
        self.suspended_s = 0.0
        self._stepped_s: list[float] = []
        self._last: Tick | None = None

    def slept_before(self, tick: Tick) -> bool:
        """Take the next tick; whether the machine slept between the last one and this."""
        last, self._last = self._last, tick
        if last is None or last.boot_s is None or tick.boot_s is None:
            return False
        slept_s = (tick.boot_s - last.boot_s) - (tick.t_s - last.t_s)
        if last.wall_s is not None and tick.wall_s is not None and len(self._stepped_s) < STEPS_TOLD:
            stepped_s = (tick.wall_s - last.wall_s) - (tick.boot_s - last.boot_s)
            if abs(stepped_s) > STEP_S:
                self._stepped_s.append(stepped_s)
        if slept_s <= SLEEP_S:
            return False
        self.suspended_s += slept_s
        return True

    def warnings(self) -> tuple[str, ...]:
        """A sentence for what happened."""
        told = [
            f"the machine's clock was set {'forward' if stepped_s > 0 else 'back'} by {text.duration(abs(stepped_s))} during the "
            "run: its start is dated by the earlier clock, and its duration does not depend on it"
            for stepped_s in self._stepped_s
        ]
        if self.suspended_s:
            told.append(
                f"the machine was suspended for {text.duration(self.suspended_s)} during the run: that is no part of its "
                "duration, and what the devices drew then is not counted"
            )
        return tuple(told)
