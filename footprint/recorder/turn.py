"""One thread at a time, in a program whose signal handlers may interrupt, call and raise wherever they like."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Final

_SHORTEST_WAIT_S: Final = 0.0002
_LONGEST_WAIT_S: Final = 0.005


class Turn:
    """Whose turn it is: one claim's at a time, first come, first served, waited for with a limit.

    A signal handler that interrupts whoever has the turn, on the same thread, does not get it: it would wait for ever. What
    a handler raises may come between any two steps, so that a claim is made and given back by single operations, and who
    makes one gives it back in any case::

        claim = object()
        try:
            if turn.take(claim, limit_s):
                ...
        finally:
            turn.give(claim, None)
    """

    def __init__(self) -> None:
        self._claims: dict[object, int] = {}
        self.give: Callable[[object, None], int | None] = self._claims.pop  # not a function of ours, which may be interrupted

    def take(self, claim: object, limit_s: float) -> bool:
        """Whether it is ours now."""
        me = threading.get_ident()
        self._claims[claim] = me
        deadline_s = time.monotonic() + limit_s
        wait_s = _SHORTEST_WAIT_S
        while True:
            claims = list(self._claims.items())
            before = [thread for _, thread in itertools.takewhile(lambda other: other[0] is not claim, claims)]
            if not before:
                return True
            if me in before or time.monotonic() >= deadline_s:
                return False
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
