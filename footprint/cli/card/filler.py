"""Filling one card of many with the same facts: what a process of a bulk fill does, and says of each card."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from footprint.card.finder import shown
from footprint.card.plan import FillPlan, Kept
from footprint.errors import CardError, FootprintError


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a card. `refused` says why nothing was filled; `diff` what would change, or what a person could paste.

    `digest` is that of the card's bytes from now on, where it was written or needs no change.
    """

    path: str
    changed: bool = False
    filled: dict[str, str] = {}
    withdrawn: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: str | None = None
    diff: bytes = b""
    digest: str | None = None
    pull_request: str | None = None

    def told(self) -> dict[str, Any]:
        """The report as `--json` prints it."""
        return {name: getattr(self, name) for name in _TOLD}


_TOLD = ("path", "changed", "filled", "withdrawn", "kept", "unknown", "notes", "refused", "pull_request")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How cards are filled: what `card fill` was told beside the facts."""

    restate: bool = False
    overwrite: bool = False
    write: bool = True
    diff: bool = False
    output: str | None = None


class Filler:
    """Fills cards one by one; a refusal is reported, so that the others are filled all the same.

    What a card was filled with before is derived again with the factors of that time, so that only facts change it; `restate`
    moves it to the newest.
    """

    def __init__(self, derive: Callable[[], Any], options: Options) -> None:
        self.derive = derive
        self.newest = derive()
        self.options = options
        self._contents: dict[str, Any] = {}
        self._by_hand: bytes | None = None

    def __call__(self, file: str) -> Report:
        """Fill one card; whatever happens is reported."""
        from footprint.card import named

        path = Path(file)
        try:
            return self._fill(path)
        except FootprintError as error:
            return self.refused(file, named(path, error), diff=self._for_hand(path, error))
        except Exception as error:  # noqa: BLE001 - one card must not keep the others; it is told as what it is
            why = f"{shown(file)}: a defect of footprint, please report it with the card: {type(error).__name__}: {error}"
            return self.refused(file, why)

    @staticmethod
    def refused(file: str, why: str, diff: bytes = b"") -> Report:
        """What is said of a card that was not filled."""
        return Report(path=shown(file), refused=shown(why), diff=diff)

    def _fill(self, path: Path) -> Report:
        from footprint.card import fill, read_card, write_card, write_new
        from footprint.card.state import digest_of
        from footprint.cli.card.diffs import diff_of

        options = self.options
        card = read_card(path)
        plan = fill(card, self.content_for(card), overwrite=options.overwrite)
        if options.write and options.output is not None:
            write_new(Path(options.output), plan.after)
        elif options.write and plan.changes:
            write_card(path, plan.before, plan.after)
        return report_of(
            options.output or path,
            plan,
            diff=diff_of(path, plan.before, plan.after) if options.diff else b"",
            digest=digest_of(plan.after) if options.write else None,
        )

    def content_for(self, card: Any) -> Any:
        """What is known, by the factors of the card's last fill from these runs; by the newest where there was none."""
        from footprint.card import recorded_edition
        from footprint.reference import EDITIONS, using_edition

        blocks = [block for block in card.blocks if block.about == self.newest.about]
        editions = {recorded_edition(block, self.newest.runs) for block in blocks}
        edition = editions.pop() if len(editions) == 1 and not self.options.restate else None
        if edition not in EDITIONS:
            return self.newest
        if edition not in self._contents:
            with using_edition(edition):
                self._contents[edition] = self.derive()
        return self._contents[edition]

    def _for_hand(self, path: Path, error: FootprintError) -> bytes:
        """What a person could paste into a card that is not filled: what an empty one would be filled with."""
        if not self.options.diff or not isinstance(error, CardError) or not path.is_file():
            return b""
        from footprint.cli.card.diffs import to_paste

        if self._by_hand is None:
            from footprint.card import fill, read_card

            self._by_hand = fill(read_card(b""), self.newest).after
        return to_paste(path, error, self._by_hand)


def report_of(path: str | os.PathLike[str], plan: FillPlan, *, diff: bytes, digest: str | None) -> Report:
    """What a plan does to a card, as it is told."""
    return Report(
        path=shown(path),
        changed=plan.changes,
        filled={change.field: change.after for change in plan.changed if not change.withdrawn},
        withdrawn=tuple(change.field for change in plan.changed if change.withdrawn),
        kept=plan.kept,
        unknown=plan.unknown,
        notes=plan.notes,
        diff=diff,
        digest=digest,
    )
