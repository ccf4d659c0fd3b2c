"""The proof of a fill: its result is read again, and only our spans may have changed.

The result is read by the same reader as any card, and compared with what was meant: bytes outside the edits, the front matter's
other keys, each field, each of our keys. What does not hold is refused, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from footprint.card.filling.block import Name, prove_blocks
from footprint.card.filling.plan import FillPlan
from footprint.card.layout import Fields
from footprint.card.parts.edits import outside_is_equal
from footprint.card.parts.metadata import KEY, same_others
from footprint.card.parts.nodes import Node, meaning, value_of
from footprint.card.read import Card, read_card
from footprint.card.words.labels import TEMPLATE_LABELS
from footprint.errors import CardError
from footprint.model import FIELD_NAMES, FieldName


def prove(card: Card, plan: FillPlan, metadata: dict[str, str], blocks: Mapping[Name, bytes]) -> None:
    """Read the result again and check that only our spans changed and that what was written is what is read.

    Raises:
        CardError: if it is not so; the card is then left alone.
    """
    if not outside_is_equal(plan.before, plan.after, plan.edits):
        raise CardError("the result differs outside the fields; nothing was written")
    try:
        after = _chosen_alike(card, read_card(plan.after))
        prove_blocks(card, after, blocks)
    except CardError as error:
        raise _unread(card, error) from None
    wrote_metadata = any(change.field.startswith(KEY) for change in plan.changed)
    if not wrote_metadata and _front_matter(after) != _front_matter(card):
        raise CardError("the Hub would read another front matter than before; nothing was written")
    if not same_others(card.yaml, after.yaml):
        raise CardError("the front matter's other keys would not parse the same; nothing was written")
    if after.form != card.form:
        raise CardError(f"the card would be taken for a {after.form} of a card; nothing was written")
    _prove_fields(card, after, plan)
    _prove_metadata(card, after, plan, metadata)


def _unread(card: Card, error: CardError) -> CardError:
    """Why the result would not be read back, with a line of the card: that of a fence or comment that never closes, if any."""
    opened = card.document.left_open
    if opened is not None:
        what = "a fence or a comment opens here and never closes, so that a block below it would not be read back"
        return CardError(f"{what}; nothing was written", card.source.number(opened))
    reason = str(error) if error.line is None else "its block would not be read back"
    return CardError(reason if reason.endswith("nothing was written") else f"{reason}; nothing was written")


def _front_matter(card: Card) -> bytes | None:
    front = card.document.front_matter
    return None if front is None else card.document.raw[front.start : front.end]


def _prove_fields(card: Card, after: Card, plan: FillPlan) -> None:
    """Each field of the main group reads back as it was written, or as it was; the other groups are as they were."""
    if _others(card.layout) != _others(after.layout):
        raise CardError("the card's other groups of fields would not read the same; nothing was written")
    changes = {change.field: change.after for change in plan.changed}
    for name in FIELD_NAMES:
        before, now = card.layout.spans.get(name), after.layout.spans.get(name)
        said = now.value if now is not None else None
        if name in changes:
            expected: str | None = changes[name]
            stands = after.document.raw[now.start : now.end] if now is not None else None
            # A line that follows may not be taken for more of the value.
            same = stands == changes[name].encode() and now is not None and (now.slot != "text" or said == expected)
        else:
            expected = before.value if before is not None else None
            # A new section has a placeholder for what is not known.
            same = said == expected or (before is None and now is not None and now.placeholder)
        if not same:
            raise CardError(f"{TEMPLATE_LABELS[name]} would read back as {said!r}, not {expected!r}; nothing was written")


def _others(layout: Fields) -> list[tuple[str | None, dict[FieldName, str]]]:
    """What the groups that are not the main one say."""
    return [
        (group.name, {name: span.value for name, span in group.spans.items()})
        for group in layout.groups
        if group is not layout.main
    ]


def _chosen_alike(card: Card, after: Card) -> Card:
    """The result with the same group chosen as in the card."""
    layout = card.layout
    if not layout.chosen or layout.main is None:
        return after
    if len(after.layout.groups) != len(layout.groups):
        raise CardError("the card would have another number of groups of fields; nothing was written")
    main = after.layout.groups[layout.groups.index(layout.main)]
    return msgspec.structs.replace(after, layout=msgspec.structs.replace(after.layout, main=main, chosen=True))


def _theirs(entry: tuple[Node, Node] | None, changed: set[str]) -> dict[str, object]:
    """The meaning of each key of our entry that is not among the changes, in a mapping or in a list of mappings."""
    nodes = [entry[1], *entry[1].items] if entry is not None else []
    return {key.text: meaning(value) for node in nodes for key, value in node.entries if key.text not in changed}


def _prove_metadata(card: Card, after: Card, plan: FillPlan, metadata: dict[str, str]) -> None:
    """Each of our keys in the front matter reads back as it was written."""
    entry = after.yaml.said
    keys = {change.field.removeprefix(f"{KEY}.") for change in plan.changed}
    if _theirs(card.yaml.said, keys) != _theirs(entry, keys):
        raise CardError(f"{KEY} would not keep the keys that are not ours; nothing was written")
    for change in plan.changed:
        key = change.field.removeprefix(f"{KEY}.")
        if key == change.field:
            continue
        found = entry[1].find(key) if entry is not None else None
        if change.withdrawn:
            # What was withdrawn beside a person's comment is null.
            holds = found is None or value_of(found[1]) is None
        else:
            holds = found is not None and found[1].text == metadata.get(key)
        if not holds:
            raise CardError(f"{change.field} would not read back; nothing was written")
