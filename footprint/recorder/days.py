"""Recording day by day: who records for months begins a new run at midnight, UTC.

A run that ends each day makes reports of a period right, and lets what is past be compacted. Whoever records so looks each few
seconds whether the day is over: the clock on the wall may be set, and the recorder may be killed, and then a new run begins.
"""

from __future__ import annotations

import math
import os
import time
from typing import Final, NamedTuple

from footprint.ledger import live
from footprint.ledger.home import home
from footprint.ledger.processes import identify

DAY_S: Final = 86_400
LOOK_S: Final = 5.0
"""How often to look."""
AGAIN_S: Final = 60.0
"""How long to wait before what could not be recorded is tried again: a disk that is full now does not cost the later days."""


class Stretch(NamedTuple):
    """What one run records: from one moment on the wall's clock to another, s since 1970."""

    begins_s: float
    ends_s: float

    @classmethod
    def of_now(cls, *, daily: bool = True) -> Stretch:
        """To the end of this day, or for ever."""
        now_s = time.time()
        if not daily:
            return cls(-math.inf, math.inf)
        begins_s = now_s // DAY_S * DAY_S
        return cls(begins_s, begins_s + DAY_S)

    def wait_s(self) -> float:
        """How long to wait until the next look."""
        return min(LOOK_S, max(0.0, self.ends_s - time.time()))

    def is_over(self) -> bool:
        """Whether the day is another, or nobody records this process any more."""
        return not self.begins_s <= time.time() < self.ends_s or live.open_run(home(), identify(os.getpid())) is None
