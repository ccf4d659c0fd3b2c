"""`footprint runs compact`: what is over becomes Parquet."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from footprint import text
from footprint.cli import options
from footprint.cli.long_work import long_work
from footprint.cli.printing import say_json, say_lines
from footprint.cli.runs.ages import age_or_never_s, age_s


def compact(
    *,
    older_than: Annotated[str, typer.Option(help="Archive journals that nobody wrote to for so long: 12h, 7d, 4w.")] = "7d",
    keep_samples: Annotated[
        str, typer.Option(help="Keep readings as they are for so long after a run; then one a minute. Or: never (thin none).")
    ] = "30d",
    keep_minutes: Annotated[str, typer.Option(help="Keep one a minute for so long; then one an hour. Or: never.")] = "365d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    json: options.Json = False,
) -> None:
    """Move journals whose runs have all ended into Parquet files, which are smaller and quicker to ask.

    Nothing is lost on the way: a batch is written aside, synced, read back and compared, and counts from one rename on; only then
    are its journals deleted. What is ended half-way is finished by the next one. Journals that a recorder may still write to are
    left alone. Readings that grow old are merged, each device's joules kept to the millijoule.
    """
    from footprint.ledger import home
    from footprint.ledger.archive.compacting import Compaction, Policy
    from footprint.ledger.archive.compacting import compact as compact_ledger

    policy = Policy(
        older_than_s=age_s("--older-than", older_than),
        keep_samples_s=age_or_never_s("--keep-samples", keep_samples),
        keep_minutes_s=age_or_never_s("--keep-minutes", keep_minutes),
    )
    done: Compaction = long_work(
        lambda told: compact_ledger(home(), policy, dry_run=dry_run, progress=told),
        to_go_on="what is archived counts, and all else is as it was: run it again to go on",
    )
    for problem in done.problems:
        print(f"note: {text.clean(problem, limit=400)}", file=sys.stderr)
    if json:
        say_json({"dry_run": dry_run, "compaction": done})
        return
    lines = [_told(done, dry_run=dry_run)]
    lines += [f"left as they are: {text.plural(count, 'journal')}: {reason}" for reason, count in sorted(done.left.items())]
    say_lines(lines)


def _told(done: object, *, dry_run: bool) -> str:
    from footprint.ledger.archive.compacting import Compaction

    assert isinstance(done, Compaction)
    parts = []
    if done.journals:
        what = text.plural(done.journals, "journal")
        parts.append(f"up to {what}" if dry_run else f"{what} with {text.plural(done.runs, 'run')} archived")
    if done.merged:
        parts.append(f"{done.merged} batches to merge" if dry_run else f"{done.merged} batches merged")
    if done.thinned:
        thinned = f"{done.thinned} batch{'es' * (done.thinned != 1)}"
        parts.append(f"readings of {thinned} to thin" if dry_run else f"readings of {thinned} thinned")
    if done.finished:
        parts.append(f"{done.finished} leftovers of an earlier compaction deleted")
    if not parts:
        return "nothing to compact"
    return ("would be done: " if dry_run else "") + ", ".join(parts)
