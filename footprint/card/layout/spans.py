"""What a card's layout is told in: the span of each field, the groups of fields, and the section that they stand in."""

from __future__ import annotations

from typing import Literal

import msgspec

from footprint.card.parts.tables import Table
from footprint.card.words.labels import LabelMatch, is_placeholder
from footprint.model import FieldName

Slot = Literal["text", "cell", "html"]
"""How a value is written where it stands: as Markdown on a line, in a cell of a Markdown table, or inside HTML."""


class FieldSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One field: its line (an index) and the span of its value. `last_line` is where its value or its item ends.

    `whole` says that the span holds all of the value: what goes over several lines is read, but never replaced. `unit_g` is
    what one of the number is in grams, where the label itself fixes a unit of mass (`CO2 Emissions (in grams)`): a value that
    is written there is a plain decimal in that unit. `below` says that the value stands, or would stand, in a paragraph of its
    own below the label. `also` is the line (an index) where the same field stands again: which one is meant cannot be told.
    """

    name: FieldName
    line: int
    start: int
    end: int
    value: str
    label: LabelMatch
    last_line: int
    slot: Slot = "text"
    unit_g: float | None = None
    whole: bool = True
    below: bool = False
    also: int | None = None

    @property
    def placeholder(self) -> bool:
        """Whether the value says nothing."""
        return self.whole and is_placeholder(self.value)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """The lines under a heading that names the section: from the heading's line up to, not including, `end`.

    `level` is that of the heading; 7, below all levels, for a bold line or a bold beginning of a paragraph.
    """

    heading: int
    end: int
    level: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that speak of one model: `name` is what stands above or beside them, `line` the index of their first line.

    `table` is the table whose cells they are. In one with `rows` each field has a row, and a missing one can be added; else
    each field has a column, and the group is a row; `totalled` says that another row adds up the groups.
    """

    name: str | None
    line: int
    spans: dict[FieldName, FieldSpan]
    table: Table | None = None
    rows: bool = False
    totalled: bool = False

    @property
    def last_line(self) -> int:
        """The index of the last line that belongs to it."""
        last = max((span.last_line for span in self.spans.values()), default=self.line)
        return last if self.table is None else max(last, self.table.last)


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """The groups of fields that a card has, in its order, and its section if it has one.

    `main` is the group that a fill edits: the only one, the only one of lines beside others in tables, or the one that was
    chosen by its name; None where there is none, or where it cannot be told. `chosen` says that it was named.
    """

    section: Section | None
    groups: tuple[Group, ...] = ()
    main: Group | None = None
    chosen: bool = False

    @property
    def spans(self) -> dict[FieldName, FieldSpan]:
        """The fields of the main group."""
        return self.main.spans if self.main is not None else {}
