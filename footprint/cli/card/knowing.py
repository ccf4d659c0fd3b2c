"""What is known, for a card: the same for all, or what the card itself states; by the factors of its last fill.

What a card was filled with before is derived again with the factors of that time, so that only facts change it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from footprint.cli.card.sources import from_evidence, from_facts

if TYPE_CHECKING:
    from footprint.card import Card, CardContent
    from footprint.card.parts.block import Subject

Known = tuple["CardContent | None", tuple[str, ...]]
"""What a card is filled with, None where nothing is known; and what should be heard of that."""


FROM_RUNS: Final = "filled from recorded runs, which say more than its sentences: left alone"
_NO_RUNS: Final = "none"


class Account:
    """One account for every card: runs, a profile, or declared facts."""

    def __init__(self, derive: Callable[[], CardContent]) -> None:
        """Derive it.

        Args:
            derive: makes it, by whatever edition of the factors is in use.
        """
        self.derive = derive
        self.newest = derive()
        self._by_edition: dict[str, CardContent] = {}

    @property
    def facts(self) -> Any:
        """What decides what is written, as it can be told as JSON."""
        return self.newest

    def of(self, card: Card | None, group: str, *, restate: bool) -> Known:
        """What a card is filled with.

        Args:
            card: the card; None where it cannot be read.
            group: the digest of the name of its group of fields, see `group_digest`.
            restate: take the newest factors, whatever it was filled with before.
        """
        from footprint.reference import using_edition

        edition = None if restate or card is None else _edition(card, self.newest, group)
        if edition is None:
            return self.newest, ()
        if edition not in self._by_edition:
            with using_edition(edition):
                self._by_edition[edition] = self.derive()
        return self._by_edition[edition], ()


class OwnStatements:
    """What each card's own sentences state, with facts that are declared beside them."""

    def __init__(self, declared: dict[str, Any]) -> None:
        """Hold the facts against each other.

        Args:
            declared: facts by the names of their options; they go before the card's.

        Raises:
            ConfigError: if they mean nothing or contradict each other.
        """
        if declared:
            from_facts(dict(declared))
        self.declared = declared

    @property
    def facts(self) -> Any:
        """What decides what is written, beside the card, as it can be told as JSON."""
        from footprint.reference import EDITIONS

        return {"own statements": self.declared, "factors": EDITIONS[-1]}

    def of(self, card: Card | None, group: str, *, restate: bool) -> Known:
        """As `Account.of` has it."""
        if card is None:
            return None, ()
        from footprint.reference import using_edition

        if _recorded_runs(card, "training", group) is not None:
            return None, (FROM_RUNS,)
        found = from_evidence(card, self.declared)
        edition = None if restate or found.content is None else _edition(card, found.content, group)
        if edition is not None:
            with using_edition(edition):
                found = from_evidence(card, self.declared)
        return found.content, found.notes


def keep_runs(card: Card, about: Subject, group: str) -> None:
    """Refuse to put facts that nobody measured in the place of a fill from recorded runs.

    Raises:
        CardError: if the card was filled from runs, with the line of the block that says so.
    """
    from footprint.errors import CardError

    found = _recorded_runs(card, about, group)
    if found is None:
        return
    runs, line = found
    named = " ".join(f"--run {run}" for run in runs.split(",")[:3]) + (" …" if runs.count(",") > 2 else "")  # noqa: PLR2004 - enough to know them
    raise CardError(
        f"the card was filled from recorded runs, which say more than declared facts: name them too ({named}), "
        "or put the facts in their place with --overwrite",
        line,
    )


def _recorded_runs(card: Card, about: Subject, group: str) -> tuple[str, int] | None:
    """The runs that a card's block on a subject was written of, and the block's line; None if of none."""
    from footprint.card.parts.block import block_about

    block = block_about(card.blocks, about, group if about == "training" else "")
    runs = block.header.get("runs", _NO_RUNS) if block is not None else _NO_RUNS
    return None if block is None or runs == _NO_RUNS else (runs, card.source.number(block.first))


def _edition(card: Card, content: CardContent, group: str) -> str | None:
    """The edition with which a card's block on this account was written; None without one, and for one that is not there."""
    from footprint.card import recorded_edition
    from footprint.card.parts.block import block_about
    from footprint.reference import EDITIONS

    block = block_about(card.blocks, content.about, group if content.about == "training" else "")
    edition = recorded_edition(block, content.runs)
    return edition if edition in EDITIONS else None
