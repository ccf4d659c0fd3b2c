"""What a fill writes, whatever it was known from: texts for the fields, values for the front matter, lines for the block.

What is not known is left out, and named: the card keeps its placeholder for it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from footprint import text
from footprint.card.content import wording
from footprint.card.parts.block import Subject
from footprint.card.words.labels import is_placeholder
from footprint.model import FIELD_NAMES, TRAINING_KINDS, FieldName, Footprint, Kind, Range

METADATA_KEYS: Final = ("emissions", "source", "training_type", "geographical_location", "hardware_used")
_TITLES: Final[dict[FieldName, str]] = {
    "hardware_type": "Hardware",
    "hours_used": "Hours",
    "cloud_provider": "Provider",
    "compute_region": "Region",
}


class CardContent(msgspec.Struct, frozen=True, kw_only=True):
    """What is known, ready to be written; what is not known is not in it.

    `metadata` holds texts, `emissions` as a plain decimal of grams; it is empty where the front matter is not ours to write.
    `grams` are the emissions as a plain decimal, whatever the kind of work, for a field whose label fixes the unit; empty
    where they are not known. `runs` are the ids for the block's header. `lines` are the block's, one sentence each, of any
    text: escaping is the block's. `about` is what the block is about; fields and metadata are written only where that is
    training. `beside` is what is known of other subjects from the same account, each with a block of its own. `standing` are
    fields that say already what is known: they are left as they are. `notes` are for who fills the card, not for its readers.
    """

    about: Subject = "training"
    fields: dict[FieldName, str]
    metadata: dict[str, str] = {}
    grams: str = ""
    lines: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    factors_version: str = ""
    beside: tuple[CardContent, ...] = ()
    standing: frozenset[FieldName] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[FieldName, ...]:
        """The fields that nothing is known of."""
        return tuple(name for name in FIELD_NAMES if name not in self.fields and name not in self.standing)


def known_fields(fields: dict[FieldName, str | None]) -> dict[FieldName, str]:
    """The fields that something is known of, each a clean line; a word for nothing (`unknown`, `---`) is no value."""
    cleaned = {name: text.clean(value, limit=300, empty="") for name, value in fields.items() if value}
    return {name: value for name, value in cleaned.items() if value and not is_placeholder(value)}


def carbon_text(footprint: Footprint) -> str | None:
    """The emissions as the field states them; None if they are unknown."""
    return wording.carbon(footprint.emissions_g, footprint.basis) if footprint.emissions_g is not None else None


def front_matter(kinds: set[Kind], emissions_g: Range | None, source: str, fields: dict[FieldName, str]) -> dict[str, str]:
    """The front matter's values: only for training, and only when the emissions are known.

    Where the work was both pre-training and fine-tuning, the type of training is left out: it takes one word of the two.
    """
    if emissions_g is None or not kinds or not kinds <= set(TRAINING_KINDS):
        return {}
    values = {
        "emissions": text.plain(emissions_g.central),
        "source": source,
        "training_type": next(iter(kinds)) if len(kinds) == 1 else None,
        "geographical_location": fields.get("compute_region"),
        "hardware_used": fields.get("hardware_type"),
    }
    return {name: text.clean(value, limit=300, empty="") for name, value in values.items() if value}


def circumstances(fields: dict[FieldName, str]) -> list[str]:
    """What the five fields say of a training, as lines of a block on work that they are not about."""
    return [f"{title}: {fields[name]}." for name, title in _TITLES.items() if name in fields]
