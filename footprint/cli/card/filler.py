"""Filling one card of many with the same facts: what a process of a bulk fill does, and says of each card."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from footprint.card.filling.plan import FillPlan, Kept
from footprint.card.many.finder import shown
from footprint.cli.card.knowing import Account, Known, OwnStatements, keep_runs
from footprint.errors import CardError, FootprintError

if TYPE_CHECKING:
    from footprint.card import Card

NOTHING_STATED: Final = "the card's own text states nothing to fill it with"


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
    group: str | None = None
    write: bool = True
    diff: bool = False
    output: str | None = None


class Filler:
    """Fills cards one by one; a refusal is reported, so that the others are filled all the same."""

    def __init__(self, known: Account | OwnStatements, options: Options) -> None:
        self.known = known
        self.options = options

    def __call__(self, file: str) -> Report:
        """Fill one card; whatever happens is reported."""
        from footprint.card import named

        path = Path(file)
        try:
            return self._fill(path)
        except FootprintError as error:
            return self.refused(file, named(path, error))
        except Exception as error:  # noqa: BLE001 - one card must not keep the others; it is told as what it is
            why = f"{shown(file)}: a defect of footprint, please report it with the card: {type(error).__name__}: {error}"
            return self.refused(file, why)

    @staticmethod
    def refused(file: str, why: str, diff: bytes = b"") -> Report:
        """What is said of a card that was not filled."""
        return Report(path=shown(file), refused=shown(why), diff=diff)

    def plan(self, card: Card) -> FillPlan:
        """What a fill changes in a card; nothing, with a note, where nothing is known of it.

        Raises:
            CardError: as `footprint.card.fill` does.
        """
        from footprint.card import fill

        content, notes = self._content(card)
        if content is None:
            return FillPlan(edits=(), before=card.raw, after=card.raw, notes=notes or (NOTHING_STATED,))
        if not content.runs and not self.options.overwrite:
            keep_runs(card, content.about, self._group(card))
        return fill(card, content, overwrite=self.options.overwrite, group=self.options.group)

    def _content(self, card: Card | None) -> Known:
        group = self._group(card) if card is not None else ""
        return self.known.of(card, group, restate=self.options.restate)

    def _group(self, card: Card) -> str:
        """The digest of the name of the group of fields that is filled."""
        from footprint.card.layout import choose, group_key
        from footprint.card.parts.block import group_digest

        named = self.options.group
        return group_digest(group_key(card.layout if named is None else choose(card.layout, named, card.source.number)))

    def _fill(self, path: Path) -> Report:
        from footprint.card import named, read_card, write_card, write_new
        from footprint.card.many.state import digest_of
        from footprint.card.read import read_bytes
        from footprint.cli.card.diffs import diff_of

        options = self.options
        raw = read_bytes(path)
        card = None
        try:
            card = read_card(raw)
            plan = self.plan(card)
        except CardError as error:
            return self.refused(str(path), named(path, error), diff=self._for_hand(path, error, card))
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

    def _for_hand(self, path: Path, error: CardError, card: Card | None) -> bytes:
        """What a person could paste into a card that is not filled: what an empty one would be filled with."""
        if not self.options.diff:
            return b""
        from footprint.card import fill, read_card
        from footprint.cli.card.diffs import to_paste

        content, _ = self.known.of(card, "", restate=self.options.restate)
        return b"" if content is None else to_paste(path, error, fill(read_card(b""), content).after)


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
