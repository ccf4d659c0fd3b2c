"""Journals into batches, as many as are needed, and their files away once a batch counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from footprint.ledger.archive.known import Known
from footprint.ledger.archive.manifest import Batch
from footprint.ledger.archive.ripe import Ripe
from footprint.ledger.archive.spill import RefusedError, Spill, Taken
from footprint.ledger.archive.writing import Draft, Step, clear, commit, give_up, new_folder, no_step, spilled, unwritable
from footprint.ledger.long_work import Progress, untold
from footprint.ledger.once import rank
from footprint.ledger.reading import JournalReading

BATCH_RUNS: Final = 50_000
BATCH_BYTES: Final = 2**30
"""A batch is closed at so many runs, or when so much waits to be written."""

Rank = tuple[bool, bool, float, float]


class Archiver:
    """Archives journals.

    Args:
        root: the ledger's home.
        known: the runs that are archived.
        step: told of each step.
        progress: is told how many journals are read, of all that are expected.

    Attributes:
        left: why journals were left as they are, and how many.
        problems: what somebody should know of, a line each.
    """

    def __init__(self, root: Path, known: Known, step: Step = no_step, progress: Progress = untold) -> None:
        self.left: Counter[str] = Counter()
        self.problems: list[str] = []
        self._root = root
        self._known = known
        self._step = step
        self._progress = progress
        self._read = self._expected = 0

    def expect(self, journals: int) -> None:
        """Say how many journals there will be in all."""
        self._expected = journals

    def archive(self, month: str, journals: Sequence[Ripe], without: Collection[str] = ()) -> Iterator[Batch]:
        """Archive the journals of one month, batch by batch; those that must not be are left as they are.

        Args:
            month: YYYY-MM.
            journals: the journals.
            without: runs that are left out: with their journals they are gone.

        Raises:
            LedgerError: if a batch cannot be written: its journals are then as they were.
        """
        waiting = list(reversed(journals))
        while waiting:
            folder = new_folder(self._root, month)
            self._step("begun")
            try:
                with Spill(folder) as spill:
                    taken, problems = self._fill(spill, waiting, frozenset(without))
            except OSError as error:
                with suppress(OSError):
                    clear(folder)
                raise unwritable(folder, error) from error
            except BaseException:
                give_up(folder)
                raise
            if not taken or not all(one.is_unchanged() for one in taken):
                clear(folder)  # somebody wrote to one after all: the next compaction looks again
                self.left["changed meanwhile"] += len(taken)
                continue
            self._step("spilled")
            draft = Draft(
                folder=folder,
                month=month,
                journals={one.id: one.bytes for one in taken},
                replaces=[],
                tables=spilled(spill),
                sums=spill.sums,
                problems=list(dict.fromkeys(problems)),
            )
            batch = commit(draft, self._step)
            for one in taken:
                if one.is_unchanged():
                    with suppress(OSError):
                        one.path.unlink()
                self._step("deleted")
            self._known.add(batch)
            yield batch

    def _fill(self, spill: Spill, waiting: list[Ripe], without: frozenset[str]) -> tuple[list[Ripe], list[str]]:
        """Take journals from the end of a list until a batch is full."""
        taken: list[Ripe] = []
        problems: list[str] = []
        here: dict[str, Rank] = {}
        while waiting and spill.sums.rows["runs"] < BATCH_RUNS and spill.bytes < BATCH_BYTES:
            self._progress("archiving journals", self._read, self._expected)
            one = waiting.pop()
            self._read += 1
            try:
                found = self._take(spill, one, here, without)
            except RefusedError as error:
                self.left["told of" if error.told else str(error)] += 1
                self.problems += [str(error)] * error.told
                continue
            here |= {run.id: rank(run) for run in found.runs}
            problems += found.problems
            taken.append(one)
        return taken, problems

    def _take(self, spill: Spill, one: Ripe, here: dict[str, Rank], without: frozenset[str]) -> Taken:
        """Take a journal, but for runs of which no less is known already."""
        again: set[str] = set()

        def check(journal: JournalReading) -> None:
            one.check(journal)
            for run in journal.facts():
                other = here.get(run.id)
                if other is None and (archived := self._known.find(run.id)) is not None:
                    other = rank(archived)
                if other is not None and run.id not in without:
                    if other < rank(run):
                        raise RefusedError("it tells more of a run than is archived", told=False)
                    again.add(run.id)
            if again:
                raise _AgainError

        try:
            return spill.take(one.path, check, without=without)
        except _AgainError:
            return spill.take(one.path, one.check, without=without | again)


class _AgainError(Exception):
    """A journal holds runs that are archived."""
