"""The proof of a fill: its result is read again, and only our spans may have changed.

The result is read by the same reader as any card, and compared with what was meant: bytes outside the edits, the front matter's
other keys, each field, each of our keys. What does not hold is refused, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping

from footprint.card.edits import outside_is_equal
from footprint.card.fill_block import Name, prove_blocks
from footprint.card.labels import TEMPLATE_LABELS
from footprint.card.metadata import KEY, same_others
from footprint.card.nodes import Node, meaning
from footprint.card.place import PLACEHOLDER
from footprint.card.plan import FillPlan
from footprint.card.read import Card, read_card
from footprint.errors import CardError
from footprint.model import FIELD_NAMES, FieldName


def prove(
    card: Card, plan: FillPlan, values: dict[FieldName, str], metadata: dict[str, str], blocks: Mapping[Name, bytes]
) -> None:
    """Read the result again and check that only our spans changed and that what was written is what is read.

    Raises:
        CardError: if it is not so; the card is then left alone.
    """
    if not outside_is_equal(plan.before, plan.after, plan.edits):
        raise CardError("the result differs outside the fields; nothing was written")
    after = read_card(plan.after)
    wrote_metadata = any(change.field.startswith(KEY) for change in plan.changed)
    if not wrote_metadata and _front_matter(after) != _front_matter(card):
        raise CardError("the Hub would read another front matter than before; nothing was written")
    if not same_others(card.yaml, after.yaml):
        raise CardError("the front matter's other keys would not parse the same; nothing was written")
    if after.form != card.form:
        raise CardError(f"the card would be taken for a {after.form} of a card; nothing was written")
    prove_blocks(card, after, blocks)
    _prove_fields(card, after, plan, values, making=any(about == "training" for about, _ in blocks))
    _prove_metadata(card, after, plan, metadata)


def _front_matter(card: Card) -> bytes | None:
    front = card.document.front_matter
    return None if front is None else card.document.raw[front.start : front.end]


def _prove_fields(card: Card, after: Card, plan: FillPlan, values: dict[FieldName, str], *, making: bool) -> None:
    """Each field reads back as it was written, or as it was."""
    kept = {kept.field for kept in plan.kept}
    changed = {change.field for change in plan.changed}
    for name in FIELD_NAMES:
        before = card.fields[name]
        if name in values and name not in kept:
            expected: str | None = values[name]
        elif name in changed or (making and not (card.layout.spans or card.layout.section)):
            expected = PLACEHOLDER
        else:
            expected = before.value if before is not None else None
        claim = after.fields[name]
        said = claim.value if claim is not None else None
        if said != expected:
            raise CardError(f"{TEMPLATE_LABELS[name]} would read back as {said!r}, not {expected!r}; nothing was written")


def _theirs(entry: tuple[Node, Node] | None, changed: set[str]) -> dict[str, object]:
    """The meaning of each key of our entry that is not among the changes, in a mapping or in a list of mappings."""
    nodes = [entry[1], *entry[1].items] if entry is not None else []
    return {key.text: meaning(value) for node in nodes for key, value in node.entries if key.text not in changed}


def _prove_metadata(card: Card, after: Card, plan: FillPlan, metadata: dict[str, str]) -> None:
    """Each of our keys in the front matter reads back as it was written."""
    entry = after.yaml.emissions()
    keys = {change.field.removeprefix(f"{KEY}.") for change in plan.changed}
    if _theirs(card.yaml.emissions(), keys) != _theirs(entry, keys):
        raise CardError(f"{KEY} would not keep the keys that are not ours; nothing was written")
    for change in plan.changed:
        key = change.field.removeprefix(f"{KEY}.")
        if key == change.field or key not in metadata:
            continue
        found = entry[1].find(key) if entry is not None else None
        if found is None or found[1].text != metadata[key]:
            raise CardError(f"{change.field} would not read back; nothing was written")
