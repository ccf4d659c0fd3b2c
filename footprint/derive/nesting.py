"""Which runs contain which: a run nested in another adds nothing to a total that holds both.

Its parent has read all that it has. A parent that could not (it was given no GPU, and its child was) does not contain it: the two
overlap, and what both read is counted once (`portions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from footprint.derive.portions import span
from footprint.model import Run

OUTLIVING_S: Final = 1.0
"""A program that was started inside a run may end a moment after it; one that goes on for longer is not contained."""


def containers(run_ids: Iterable[str], known: Mapping[str, Run]) -> dict[str, str | None]:
    """For each of some runs, the outermost of them that contains it (its parent, its parent's parent …), or None.

    Args:
        run_ids: the runs that are looked at together.
        known: all runs through which a chain of parents may pass, by id, these included.
    """
    chosen = dict.fromkeys(run_ids)
    return {run_id: _outermost(run_id, chosen, known) for run_id in chosen}


def _outermost(run_id: str, chosen: Mapping[str, None], known: Mapping[str, Run]) -> str | None:
    run, seen, outermost = known[run_id], {run_id}, None
    while run.parent is not None and run.parent not in seen:
        parent = known.get(run.parent)
        # A parent on another machine (a launcher) did not see this run's devices.
        if parent is None or parent.host.boot_id != run.host.boot_id:
            break
        if parent.id in chosen and _covers(parent, known[run_id]) and _reads_all(parent, known[run_id]):
            outermost = parent.id
        seen.add(parent.id)
        run = parent
    # Runs that contain each other contain nothing: somebody wrote that by hand.
    return None if run.parent in seen else outermost


def _covers(outer: Run, inner: Run) -> bool:
    """Whether a run's time lies within another's, as far as their clocks can be compared."""
    (clock, outer_begin_s, outer_end_s), (other, begin_s, end_s) = span(outer), span(inner)
    if outer.outcome == "running" or clock != other:
        return True
    return begin_s >= outer_begin_s - OUTLIVING_S and end_s <= outer_end_s + OUTLIVING_S


def _reads_all(outer: Run, inner: Run) -> bool:
    """Whether a run has every accelerator that another one has and may have held."""
    there = {one.device.id for one in outer.devices}
    needed = [one for one in inner.devices if one.device.component == "accelerators" and one.held_ratio != 0]
    return all(one.device.id in there for one in needed)
