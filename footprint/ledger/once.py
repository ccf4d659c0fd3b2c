"""One run an id: a run may stand in several places, after a crash between two steps, a copy, or a second import."""

from __future__ import annotations

from collections.abc import Iterable

from footprint.model import Run


def rank(run: Run) -> tuple[bool, bool, float, float]:
    """How much a telling of a run knows: an end that somebody saw, then any end, then what was read, then how long."""
    read_s = sum(one.read_s for one in run.devices)
    return run.outcome not in {"running", "interrupted"}, run.outcome != "running", read_s, run.duration_s


def once(runs: Iterable[Run]) -> dict[str, Run]:
    """The runs by id; of several tellings of one the one that knows most, of equals the first."""
    found: dict[str, Run] = {}
    for run in runs:
        other = found.get(run.id)
        if other is None or rank(other) < rank(run):
            found[run.id] = run
    return found
