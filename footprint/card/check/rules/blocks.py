"""Rules on our own blocks in a card: whether what they explain still stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from footprint.card.check.registry import Subject, rule
from footprint.card.check.shown import number_of_line, short
from footprint.card.filling.fields import SHORT
from footprint.card.parts.block import Block, digest, group_digest
from footprint.card.parts.metadata import KEY
from footprint.card.read import Card
from footprint.card.words.labels import TEMPLATE_LABELS
from footprint.model import FieldName, Finding

_NAMES: Final[dict[str, FieldName]] = {short_name: name for name, short_name in SHORT.items()}


@rule("block-stale", "warning", "a block that explains values which no longer stand")
def block_stale(subject: Subject) -> Iterator[Finding]:
    """A block written by `card fill` says how the card's values are known, and keeps a digest of each.

    Where a value is another one now, or gone, the block explains a number that the card does not state any more.
    """
    card = subject.card
    for block in card.blocks:
        for name, recorded in block.fields.items():
            label, line, value = _stands(card, block, name)
            if label is None or (value is not None and digest(value) == recorded):
                continue
            yield Finding(
                code="block-stale",
                severity="warning",
                line=line if line is not None else card.source.number(block.first),
                message=f"{label} was changed after it was filled: the block (line {card.source.number(block.first)}) explains"
                " the value before",
                stated=short(value) if value is not None else None,
                fix="fill the card again: the value stays, and the block says so; or take the block out",
            )


@rule("block-edition", "info", "a block by an earlier edition of the factors")
def block_edition(subject: Subject) -> Iterator[Finding]:
    """Numbers are derived with an edition of factors, which the block names; a later one may give others.

    They are not wrong for that: `card fill --restate` moves them to the newest, and `restate` says what that changes.
    """
    from footprint.reference import EDITIONS

    card = subject.card
    for block in card.blocks:
        edition = block.header.get("factors")
        if edition in EDITIONS[:-1]:
            yield Finding(
                code="block-edition",
                severity="info",
                line=card.source.number(block.first),
                message=f"these numbers were derived with the factors {edition}; the newest are {EDITIONS[-1]}",
                stated=edition,
                expected=EDITIONS[-1],
                fix="fill the card again with --restate",
            )


def _stands(card: Card, block: Block, name: str) -> tuple[str | None, int | None, str | None]:
    """What is called so in a block: its label, its line, and its value now; no label for what is not known here."""
    if name in _NAMES:
        field = _NAMES[name]
        group = next((one for one in card.groups if group_digest(one.name) == block.group), None) if block.group else None
        group = group if group is not None else next(iter(card.groups), None)
        claim = group.fields[field] if group is not None else None
        return TEMPLATE_LABELS[field], claim.line if claim else None, claim.value if claim else None
    if not name.startswith("co2."):
        return None, None, None
    key = name.removeprefix("co2.")
    entry = card.yaml.emissions()
    found = entry[1].find(key) if entry is not None and entry[1].kind == "mapping" else None
    if found is None:
        return f"{KEY}.{key}", None, None
    return f"{KEY}.{key}", number_of_line(card, found[1]), found[1].text
