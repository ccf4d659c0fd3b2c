"""One run an id: a run may stand in several places, after a crash between two steps, a copy, or a second import."""

from __future__ import annotations

from collections.abc import Iterable

from footprint.model import Outcome, Run


def rank(run: Run) -> tuple[bool, bool, float, float]:
    """How much a telling of a run knows: an end that somebody saw, then any end, then what was read, then how long."""
    return standing(run.outcome, sum(one.read_s for one in run.devices), run.duration_s)


def standing(outcome: Outcome, read_s: float, duration_s: float) -> tuple[bool, bool, float, float]:
    """The same of a run by its outcome, the time that was read of all its devices, and its length, s."""
    return outcome not in {"running", "interrupted"}, outcome != "running", read_s, duration_s


def once(runs: Iterable[Run]) -> dict[str, Run]:
    """The runs by id; of several tellings of one the one that knows most, of equals the first."""
    found: dict[str, Run] = {}
    for run in runs:
        other = found.get(run.id)
        if other is None or rank(other) < rank(run):
            found[run.id] = run
    return found
