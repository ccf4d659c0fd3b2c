"""Which runs contain which: a run nested in another adds nothing to a total that holds both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from footprint.model import Run


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
        if parent.id in chosen:
            outermost = parent.id
        seen.add(parent.id)
        run = parent
    # Runs that contain each other contain nothing: somebody wrote that by hand.
    return None if run.parent in seen else outermost
