"""Our blocks in a fill: rendered anew, with what a person made of them; and the proof that they read back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Final, NamedTuple

from footprint.card.content.explain import INSIDE
from footprint.card.content.known import METADATA_KEYS, CardContent
from footprint.card.filling.entries import Entry, Theirs, body_of, entries_of, merge, signatures
from footprint.card.filling.fields import SHORT
from footprint.card.filling.plan import Change, Kept, Part
from footprint.card.layout import group_key
from footprint.card.parts.block import Block, Subject, block_about, digest, render_block, render_header, safe
from footprint.card.read import Card
from footprint.card.words.labels import TEMPLATE_LABELS
from footprint.errors import CardError

LIMIT: Final = 2000
"""Characters of one entry."""
_INTRODUCTIONS: Final[dict[Subject, str]] = {
    "training": "How these figures are known (written by footprint; a value that a person changes is kept):",
    "inference": "What using the model takes (written by footprint; text that a person changes is kept):",
    "evaluation": "What evaluating the model took (written by footprint; text that a person changes is kept):",
}
# The header says the same whatever the order in which the card was edited.
_ORDER: Final = (*SHORT.values(), *(f"co2.{key}" for key in METADATA_KEYS))

_EDITED: Final = "the block's text was edited by a person"

Name = tuple[Subject, str]
"""What a block is about, and its group of fields (empty where there is but one)."""


class Rendered(NamedTuple):
    """A block as it is to be, the one that it takes the place of, and what a person made of that one."""

    name: Name
    new: bytes
    old: Block | None
    kept: tuple[Kept, ...] = ()
    changed: tuple[Change, ...] = ()


def render(card: Card, content: CardContent, part: Part, *, overwrite: bool, group: str = "") -> Rendered:
    """Render a block of what is known.

    Args:
        card: the card as read.
        content: what is known.
        part: what the fill makes of fields and front matter: what it keeps is told in the block, what it writes is signed there.
        overwrite: write over what a person made of the block's own text.
        group: the digest of the name of the group of fields.
    """
    eol = card.document.eol
    old = block_about(card.blocks, content.about, group)
    new, marks, ours, body_digest = _written("\n".join(_lines(card, content, part)), eol)
    header = partial(
        render_header,
        about=content.about,
        group=group,
        runs=content.runs,
        factors=content.factors_version,
        fields={name: part.digests[name] for name in _ORDER if name in part.digests},
    )
    own = header(entries=marks, body_digest=body_digest)
    name = (content.about, group)
    if old is None or not old.edited:
        return Rendered(name, render_block(own, ours, eol), old)
    if overwrite:
        change = Change(field="block", before=_one_line(old.body), after=_one_line(ours))
        return Rendered(name, render_block(own, ours, eol), old, changed=(change,))
    merged = merge(old.entries, entries_of(old.body), new, eol)
    if merged is not None:
        kept = tuple(_kept(card, old, one) for one in merged.theirs)
        return Rendered(name, render_block(own, merged.body, eol), old, kept=kept)
    # One of an earlier version, which did not sign its entries: all of it stays.
    same = header(entries=old.entries, body_digest=old.header.get("digest", "none"))
    kept_whole = Kept(field="block", value="", known="", reason=_EDITED, line=card.source.number(old.first))
    rest = card.document.raw[old.header_end : old.end]
    return Rendered(name, same + rest, old, kept=(kept_whole,))


@lru_cache(maxsize=64)  # the same account may fill many cards
def _written(lines: str, eol: bytes) -> tuple[list[Entry], list[tuple[str, str]], bytes, str]:
    """Our lines as entries, what the header says of each, the block's body, and what the header says of it."""
    new = entries_of(lines.encode())
    body = body_of(new, eol)
    return new, signatures(new), body, digest(body)


def prove_blocks(card: Card, after: Card, rendered: Mapping[Name, bytes]) -> None:
    """Each block reads back as it was rendered, and each other one as it was.

    Raises:
        CardError: if it is not so.
    """
    expected = {(one.about, one.group): card.document.raw[one.start : one.end] for one in card.blocks} | dict(rendered)
    found = {(one.about, one.group): after.document.raw[one.start : one.end] for one in after.blocks}
    if found != expected:
        raise CardError("the block would not be read back (is the card's last fence or comment closed?); nothing was written")


def _lines(card: Card, content: CardContent, part: Part) -> list[str]:
    """The block's lines: what introduces it, and its list."""
    lines = [_INTRODUCTIONS[content.about], ""]
    lines += _items(tuple(content.lines))
    if (key := group_key(card.layout)) and content.about == "training":
        lines.insert(2, f"- Of the card's groups of fields, these figures are about this one: {safe(key, limit=LIMIT)}")
    for name, value in part.aside.items():
        lines.append(f"- {TEMPLATE_LABELS[name]}, for which the card's table has no place: {safe(value)}")
    for kept in part.kept:
        label = TEMPLATE_LABELS.get(kept.field, kept.field)  # type: ignore[call-overload]  # a key of the front matter has no label
        lines.append(f"- The card's own {label} was kept; known to us: {safe(kept.known)}")
    return lines


@lru_cache(maxsize=64)  # the same account may fill many cards
def _items(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Lines of an account as items of a list."""
    return tuple(f"{'  - ' if line.startswith(INSIDE) else '- '}{safe(line, limit=LIMIT)}" for line in lines)


def _kept(card: Card, old: Block, one: Theirs) -> Kept:
    if one.entry is None:
        value, reason, at = "", "a person took this out of the block", 0
    else:
        value, at = one.entry.text, one.entry.at + 1
        reason = "changed by a person since we wrote it" if one.ours is not None else "added to the block by a person"
    known = one.ours.text if one.ours is not None else ""
    return Kept(field="block", value=value, known=known, reason=reason, line=card.source.number(old.first + at))


def _one_line(body: bytes) -> str:
    return " ".join(body.decode("utf-8", "replace").split())
