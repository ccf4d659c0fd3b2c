"""What a fill does to one part of a card: the vocabulary of its two halves, the body and the front matter."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from footprint.card.parts.block import digest
from footprint.card.parts.edits import Edit
from footprint.model import FieldName


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A value that is replaced or added; `before` is empty for one that was not there.

    `withdrawn` says that it was ours and is no longer known: it is taken out, or the placeholder stands in its place again.
    """

    field: str
    before: str
    after: str
    withdrawn: bool = False


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A value that stays although something else is known, and why."""

    field: str
    value: str
    known: str
    reason: str
    line: int


class FillPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a fill changes: the edits, and the card after them, which was read again and proved.

    `kept` are values of a person's that differ from what is known; `unknown` the fields of which nothing is known; `notes`
    what else a person should hear.
    """

    edits: tuple[Edit, ...]
    before: bytes
    after: bytes
    changed: tuple[Change, ...] = ()
    kept: tuple[Kept, ...] = ()
    unknown: tuple[FieldName, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the card's bytes change at all."""
        return self.before != self.after


@dataclass(kw_only=True)
class Part:
    """The edits of one part, and the digests of the values that are ours once they are made.

    `added` are new lines for fields that the card has not; `aside` are values that it has no place for.
    """

    edits: list[Edit] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    added: dict[FieldName, bytes] = field(default_factory=dict)
    aside: dict[FieldName, str] = field(default_factory=dict)

    def wrote(self, name: str, before: str, after: str, short: str) -> None:
        """Note a value that is ours from now on."""
        self.changed.append(Change(field=name, before=before, after=after))
        self.digests[short] = digest(after)

    @classmethod
    def join(cls, first: Part, second: Part) -> Part:
        """Both parts together."""
        return cls(
            edits=first.edits + second.edits,
            changed=first.changed + second.changed,
            kept=first.kept + second.kept,
            digests=first.digests | second.digests,
            notes=first.notes + second.notes,
            added=first.added | second.added,
            aside=first.aside | second.aside,
        )
