"""`footprint runs delete`: runs go, and all that is kept of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.printing import say_json, say_lines
from footprint.cli.runs.ages import age_s
from footprint.errors import ConfigError

if TYPE_CHECKING:
    from footprint.model import Run

_SHOWN: Final = 20


def delete(
    run_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Runs' ids, or their beginnings.")] = None,
    *,
    older_than: Annotated[str | None, typer.Option(help="All runs that ended so long ago: 12h, 90d, 52w.")] = None,
    name: options.Name = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it only say what would go.")] = False,
    json: options.Json = False,
) -> None:
    """Delete runs from the ledger: their facts, readings and marks; other runs of the same files stay, whole.

    Without --yes nothing is deleted, and what would go is shown. --older-than and --name together mean both. A run that is
    still recorded is refused; nothing is deleted then. What was exported, pushed or written into cards is not touched.
    """
    from footprint.ledger import home
    from footprint.ledger.archive.deleting import delete as delete_runs
    from footprint.ledger.archive.deleting import tidy

    if not run_ids and older_than is None and name is None:
        raise ConfigError("name what is to be deleted: ids, --older-than or --name")
    root = home()
    if yes:
        tidy(root)
    runs = _chosen(run_ids or [], older_than, name)
    done = delete_runs(root, [run.id for run in runs], dry_run=not yes) if runs else None
    if json:
        listed = [{"id": run.id, "name": run.name, "started_at": run.started_at} for run in runs]
        files: dict[str, Any] = {"journals": done.journals if done else (), "batches": done.batches if done else ()}
        say_json({"deleted": bool(done and done.done), "runs": listed, **files})
        return
    if done is None:
        say_lines(["no run fits: nothing is deleted"])
        return
    lines = [f"{run.id}  {run.started_at[:16].replace('T', ' ')}  {text.clean(run.name)}" for run in runs[:_SHOWN]]
    if len(runs) > _SHOWN:
        lines.append(f"… and {len(runs) - _SHOWN} more")
    touched = (
        f"{text.plural(len(done.journals), 'journal')} and {len(done.batches)} archived batch{'es' * (len(done.batches) != 1)}"
    )
    if done.done:
        lines.append(f"deleted {text.plural(len(runs), 'run')}, out of {touched}")
    else:
        lines.append(f"would delete {text.plural(len(runs), 'run')}, out of {touched}: --yes does it; there is no way back")
    say_lines(lines)


def _chosen(run_ids: list[str], older_than: str | None, name: str | None) -> list[Run]:
    """The runs that are named, and those that are old enough and of a name that fits."""
    from datetime import UTC, datetime, timedelta
    from fnmatch import fnmatchcase

    from footprint.ledger import find_run, home, read_runs
    from footprint.report.grouping import ended_at

    for run_id in run_ids:
        if os.sep in run_id or run_id.endswith(".json"):
            raise ConfigError(f"{text.clean(run_id)!r} is a file and no run of the ledger: delete it as any file")
    found = {run.id: run for run in (find_run(run_id, home()) for run_id in run_ids)}
    if older_than is not None or name is not None:
        age = age_s("--older-than", older_than) if older_than is not None else 0.0
        before = datetime.now(UTC) - timedelta(seconds=age)
        for run in read_runs().runs:
            fits = name is None or fnmatchcase(run.name, name)
            ended = datetime.fromisoformat(ended_at(run))
            if fits and (ended if ended.tzinfo else ended.replace(tzinfo=UTC)) <= before:
                found[run.id] = run
    return list(found.values())
