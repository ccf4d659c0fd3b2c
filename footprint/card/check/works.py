"""What is claimed, in types: quantities with their places, pieces of work, columns of tables, lines of lists."""

from __future__ import annotations

import msgspec

from footprint.card.check.equipment import Devices
from footprint.card.check.labels import Label, Quantity
from footprint.card.words.amounts import Amount
from footprint.model import FieldGroup


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity with where it stands: `line` is the file's, `text` the value as written, `label` what names it."""

    amount: Amount
    line: int
    text: str
    label: str = ""
    market: bool = False
    facility: bool = False
    whole: bool = False


class Span(msgspec.Struct, frozen=True):
    """Hours, from low to high."""

    low: float
    high: float


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a card claims of one piece of work; None where it claims nothing that can be read in one way.

    Hours are of the clock on the wall (`wall`), summed over devices (`device`), or without a word about which (`unsaid`).
    `emissions` is the body's, `metadata` the front matter's where it can only be about the same work. `contract` says that words
    beside it speak of power that was bought as clean; `row` is of a table's row, and `prose` of a line of text.
    """

    name: str | None
    line: int
    devices: Devices | None = None
    hardware: str | None = None
    wall: Span | None = None
    device: Span | None = None
    unsaid: Span | None = None
    hours_line: int | None = None
    hours_text: str = ""
    power: Stated | None = None
    energy: Stated | None = None
    intensity: Stated | None = None
    pue: float | None = None
    emissions: Stated | None = None
    metadata: Stated | None = None
    provider: str | None = None
    provider_line: int | None = None
    region: str | None = None
    region_line: int | None = None
    hardware_line: int | None = None
    contract: bool = False
    row: bool = False
    prose: bool = False


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a table of compute: its title, what it holds, its cells' amounts by row, and that of the row of totals.

    `device` is of hours that are summed over devices.
    """

    title: str
    quantity: Quantity
    names: tuple[str, ...]
    values: tuple[Amount | None, ...]
    texts: tuple[str, ...]
    total: Amount | None
    total_text: str
    total_line: int | None
    device: bool = False


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A line that says `label: value`, of a quantity of the account; `index` is the line's in the document."""

    index: int
    line: int
    label: Label
    label_text: str
    text: str
    indent: int


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """All that a card claims: its works, the columns of its tables, lines of lists, and the groups of fields themselves."""

    works: tuple[Work, ...]
    columns: tuple[Column, ...]
    items: tuple[Item, ...]
    groups: tuple[FieldGroup, ...]
