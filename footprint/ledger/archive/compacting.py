"""From journals to batches: what is over is archived, small batches are merged, old readings thinned.

Each change is one batch that stands for what it replaces from its rename on. Whatever ends the process in between, the next
compaction deletes what a batch replaces and what was not finished.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from footprint.errors import LedgerError
from footprint.ledger.archive.archiving import Archiver
from footprint.ledger.archive.known import Known
from footprint.ledger.archive.lock import locked
from footprint.ledger.archive.manifest import UNFINISHED, Archives, Batch, archive_dir, damage, read_archives
from footprint.ledger.archive.rewriting import rewrite
from footprint.ledger.archive.ripe import candidates
from footprint.ledger.archive.thinning import HOUR_S, MINUTE_S
from footprint.ledger.archive.writing import Step, clear, no_step
from footprint.ledger.long_work import Progress, untold
from footprint.ledger.reading import journal_paths

MERGE_FROM: Final = 4
MERGED_RUNS: Final = 200_000
MERGED_SAMPLES: Final = 10_000_000
DAY_S: Final = 86_400.0


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is archived, and how long readings are kept as they are.

    Attributes:
        older_than_s: journals that nobody wrote to for so long are archived.
        keep_samples_s: readings are kept as they are for so long after their run's end, then one a minute; None: always.
        keep_minutes_s: and these for so long, then one an hour; None: always.
    """

    older_than_s: float = 7 * DAY_S
    keep_samples_s: float | None = 30 * DAY_S
    keep_minutes_s: float | None = 365 * DAY_S


class Compaction(msgspec.Struct, kw_only=True):
    """What a compaction did, or would do.

    `left` says why journals were left as they are, and how many; `problems` is what somebody should know of.
    """

    journals: int = 0
    runs: int = 0
    batches: int = 0
    merged: int = 0
    thinned: int = 0
    finished: int = 0
    left: dict[str, int] = {}
    problems: list[str] = []


def compact(
    root: Path,
    policy: Policy | None = None,
    *,
    dry_run: bool = False,
    step: Step = no_step,
    progress: Progress = untold,
) -> Compaction:
    """Archive what is over, merge small batches, thin old readings.

    Args:
        root: the ledger's home.
        policy: what and when.
        dry_run: change nothing; `journals` are then those that nobody wrote to for long enough.
        step: told of each step.
        progress: is told how far it is; what it raises ends the compaction, with the ledger whole.

    Raises:
        LedgerError: if somebody else is at it, or the archive cannot be written.
    """
    policy = policy or Policy()
    if dry_run:
        archives = read_archives(root)
        months, younger = candidates(root, archives, policy.older_than_s)
        levels = [_level(batch, policy) > batch.manifest.thinned_s for batch in archives.batches]
        found = Compaction(journals=sum(map(len, months.values())), thinned=sum(levels), merged=sum(map(len, _groups(archives))))
        return msgspec.structs.replace(
            found, left={"written to lately": younger} if younger else {}, problems=[*archives.problems]
        )
    with locked(root):
        done = Compaction(finished=finish(root, step))
        archives = read_archives(root)
        archiver = Archiver(root, Known(archives.batches), step, progress)
        months, archiver.left["written to lately"] = candidates(root, archives, policy.older_than_s)
        archiver.expect(sum(map(len, months.values())))
        for month, journals in months.items():
            for batch in archiver.archive(month, journals):
                done.journals += len(batch.manifest.journals)
                done.runs += batch.manifest.rows["runs"]
                done.batches += 1
        _merge(root, done, step, progress)
        _thin(root, policy, done, step, progress)
        done.left = {reason: count for reason, count in archiver.left.items() if count}
        done.problems = list(dict.fromkeys([*done.problems, *archiver.problems, *read_archives(root).problems]))
    return done


def finish(root: Path, step: Step = no_step) -> int:
    """Delete what a batch replaces and what was not finished, after a compaction that was ended between two steps; how much."""
    archives = read_archives(root)
    count = 0
    for folder in archive_dir(root).glob(f"{UNFINISHED}*"):
        with suppress(OSError):
            clear(folder)
            count += 1
    for folder in archives.replaced:
        with suppress(OSError):
            clear(folder)
            count += 1
    for path in replaced_journals(root, archives):
        with suppress(OSError):
            path.unlink()
            count += 1
    step("finished")
    return count


def replaced_journals(root: Path, archives: Archives) -> Iterator[Path]:
    """The journals that a batch stands for and that are still there as they were when they were archived."""
    if not archives.journals:
        return
    for path in journal_paths(root):
        with suppress(OSError):
            if archives.journals.get(path.stem) == path.lstat().st_size:
                yield path


def _groups(archives: Archives) -> list[list[Batch]]:
    """Batches of one month, thinned alike, that are small together."""
    alike: dict[tuple[str, int], list[Batch]] = {}
    for batch in archives.batches:
        alike.setdefault((batch.manifest.month, batch.manifest.thinned_s), []).append(batch)
    found = []
    for members in alike.values():
        small: list[Batch] = []
        for batch in sorted(members, key=lambda one: one.manifest.rows.get("samples", 0)):
            rows = Counter(batch.manifest.rows)
            for one in small:
                rows.update(one.manifest.rows)
            if rows["runs"] <= MERGED_RUNS and rows["samples"] <= MERGED_SAMPLES:
                small.append(batch)
        if len(small) >= MERGE_FROM:
            found.append(small)
    return found


def _merge(root: Path, done: Compaction, step: Step, progress: Progress) -> None:
    groups = _groups(read_archives(root))
    for place, group in enumerate(groups):
        progress("merging batches", place, len(groups))
        if wrong := [told for batch in group if (told := damage(batch))]:
            done.problems += wrong
            continue
        try:
            rewrite(root, group, step=step)
        except LedgerError as error:
            done.problems.append(str(error))
            continue
        done.merged += len(group)
    progress("merging batches", len(groups), len(groups))  # a merge that was stopped is among the problems: it ends here


def _level(batch: Batch, policy: Policy) -> int:
    """The length of time into which the readings of a batch are to be merged by now: all of its runs must be old enough, s."""
    newest_us = batch.manifest.newest_us
    if newest_us is None:
        return 0
    age_s = time.time() - newest_us / 1e6
    levels = ((policy.keep_minutes_s, HOUR_S), (policy.keep_samples_s, MINUTE_S))
    return next((level for kept_s, level in levels if kept_s is not None and age_s > kept_s), 0)


def _thin(root: Path, policy: Policy, done: Compaction, step: Step, progress: Progress) -> None:
    levels = [(batch, _level(batch, policy)) for batch in read_archives(root).batches]
    todo = [(batch, level) for batch, level in levels if level > batch.manifest.thinned_s]
    for place, (batch, level) in enumerate(todo):
        progress("thinning readings", place, len(todo))
        if wrong := damage(batch):
            done.problems.append(wrong)
            continue
        try:
            rewrite(root, [batch], thinned_s=level, step=step)
        except LedgerError as error:
            done.problems.append(str(error))
            continue
        done.thinned += 1
    progress("thinning readings", len(todo), len(todo))
