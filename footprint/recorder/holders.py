"""Who holds the accelerators: the tracked process tree, others, both or nobody.

Drivers tell pids as the kernel counts them. In the machine's first pid namespace these are ours; in a container they are
usually not, and then a process of the tree is never among them: unless one was, nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from footprint.ledger.processes import in_first_namespace, parent_pid
from footprint.ledger.records import Held
from footprint.recorder.pace import YOUNG_S, look_gap_s

_GENERATIONS: Final = 64


class Holders:
    """What was seen at each look, and what of it is worth a record.

    Args:
        ask: which pids hold each device.
        ours: the pids of the tracked tree, as far as they are known.
    """

    def __init__(self, ask: Callable[[], Mapping[str, frozenset[int]]], ours: Callable[[], frozenset[int]]) -> None:
        self._ask, self._ours = ask, ours
        self._comparable = in_first_namespace()
        self._last: dict[str, tuple[bool, int]] = {}
        self._looked_s = -float("inf")

    def is_due(self, now_s: float, youngest_s: float) -> bool:
        """Whether to look again, given when the youngest of the open runs began."""
        return now_s - self._looked_s >= look_gap_s(now_s - youngest_s)

    def unseen(self, begun_s: float) -> bool:
        """Whether nobody has looked since a run began."""
        return self._looked_s < begun_s

    def look(self, now_s: float, begun_s: Mapping[str, float]) -> list[Held]:
        """Look once; the records of it, given when each of the open runs began.

        While a run is young each look is recorded, afterwards what has changed.
        """
        self._looked_s = now_s
        seen = self._seen()
        young = tuple(run for run, start_s in begun_s.items() if now_s - start_s < YOUNG_S)
        everyone = tuple(begun_s)
        found = []
        for device_id, state in seen.items():
            runs = young if self._last.get(device_id) == state else everyone
            if runs:
                found.append(Held(runs=runs, t_s=now_s, device_id=device_id, ours=state[0], others=state[1]))
        self._last = seen
        return found

    def _seen(self) -> dict[str, tuple[bool, int]]:
        """Of each device, whether the tree holds it, and how many processes do that are not of the tree."""
        holders, ours = self._ask(), self._ours()
        if not self._comparable:
            self._comparable = any(not pids.isdisjoint(ours) for pids in holders.values())
        if not ours or not self._comparable:
            return {}
        seen = {}
        for device_id, pids in holders.items():
            others = sum(not _within(pid, ours) for pid in pids)
            seen[device_id] = (others < len(pids), others)
        return seen


def _within(pid: int, ours: frozenset[int]) -> bool:
    """Whether a process is of the tree, also one that began after the tree was last looked at."""
    above: int | None = pid
    for _ in range(_GENERATIONS):
        if not above or above in ours:
            break
        above = parent_pid(above)
    return above in ours if above else False
