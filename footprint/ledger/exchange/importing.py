"""Bringing runs in from elsewhere: each once, all or nothing, and never in the place of something better.

What comes in is written as one batch of the archive, with one rename: there samples and ticks stay. Nothing that is there is
changed. A run that is known already is left out; one that is known in part only (it still ran when it was copied, say) is written
again, and readers take the more complete of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from footprint.errors import LedgerError
from footprint.text import clean, plural


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did: ids of runs that are new, known already, and known but less complete here or there."""

    sources: tuple[str, ...]
    formats: tuple[str, ...]
    new: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    samples: int = 0
    notes: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "sources": self.sources,
            "formats": self.formats,
            "new": self.new,
            "known": self.known,
            "completed": self.completed,
            "behind": self.behind,
            "samples": self.samples,
            "notes": self.notes,
        }

    def lines(self) -> list[str]:
        """As a person reads it."""
        total = len(self.new) + len(self.known) + len(self.completed) + len(self.behind)
        if not total:
            return ["no runs: nothing was imported"]
        if len(self.known) == total:
            return [f"{plural(total, 'run')}, all known already: nothing was changed"]
        told = [f"{plural(total, 'run')}: {len(self.new)} new, {len(self.known)} known already"]
        told += [f"run {clean(one)} was known in part: what was imported is more complete, and counts" for one in self.completed]
        told += [f"run {clean(one)} is known more completely here: it was left as it is" for one in self.behind]
        return told


def bring_in(
    sources: Sequence[str], *, form: str | None = None, stated: Mapping[str, str] | None = None, home: Path | None = None
) -> Outcome:
    """Import all runs of all sources, or nothing.

    Args:
        sources: paths (of some formats addresses).
        form: the format, where it is not to be recognised.
        stated: facts that a source does not tell.
        home: the ledger, by default the user's.

    Raises:
        LedgerError: if a source cannot be read, or the ledger cannot be written.
        ConfigError: for a format or a stated fact that there is not.
    """
    raise LedgerError("nothing can be imported yet")
