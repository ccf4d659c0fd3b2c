"""A card's account for other tools: what it says of its compute, what of that can be read as a number, and what we wrote.

The types here are the contract of `footprint card json`; `card.schema.json`, beside this file, is their JSON Schema.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from footprint.card.content.known import METADATA_KEYS
from footprint.card.filling.fields import SHORT
from footprint.card.parts.block import Block, digest, group_digest
from footprint.card.parts.metadata import KEY
from footprint.card.read import Card
from footprint.card.words.amounts import Amount, read_energy, read_hours, read_mass
from footprint.model import Claim, Evidence, FieldName

SCHEMA: Final = 1
SCHEMA_FILE: Final = Path(__file__).with_name("card.schema.json")


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity as stated, from `low` to `high`; null is a bound that is not stated (`more than 100 h`)."""

    low: float | None
    high: float | None


class Quantities(msgspec.Struct, frozen=True, kw_only=True):
    """What fields state as quantities, where that is sure; null is what is not stated, or can be read in two ways.

    `wall_hours` are hours of the clock, `device_hours` are summed over devices, `hours` come without a word about which.
    `emissions_g` and `energy_kwh` are those of the field Carbon Emitted.
    """

    wall_hours: Interval | None = None
    device_hours: Interval | None = None
    hours: Interval | None = None
    emissions_g: Interval | None = None
    energy_kwh: Interval | None = None


class GroupAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A group of fields: the name that stands above it, its first line, its claims, and the quantities in them."""

    name: str | None
    line: int
    fields: dict[FieldName, Claim | None]
    quantities: Quantities


class BlockAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A block of ours: what it is about, its line, the runs and the edition of the factors that it was written from.

    `fields` are the fields (and keys of `co2_eq_emissions`) that we wrote: true while the card has them as we wrote them.
    `edited` says that a person changed the block's text.
    """

    about: str
    line: int
    runs: tuple[str, ...]
    factors: str | None
    fields: dict[str, bool]
    edited: bool


class CardAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What a card says of its compute. `sha256` is that of the file's bytes; lines are counted from 1.

    `metadata` is `co2_eq_emissions` of the front matter as found, under its name, and empty without it; `metadata_emissions_g`
    what it states in grams, null where that is no number. `evidence` are sentences that bear on the compute; `problems` what is
    wrong with the card but does not keep it from being read.
    """

    path: str | None
    sha256: str
    form: str
    groups: tuple[GroupAccount, ...]
    metadata: dict[str, Any]
    metadata_emissions_g: float | None
    blocks: tuple[BlockAccount, ...]
    evidence: tuple[Evidence, ...]
    problems: tuple[str, ...]
    schema: Literal[1] = 1


def account_of(card: Card, path: str | None = None) -> CardAccount:
    """The account of a card.

    Args:
        card: the card as read.
        path: what it is to be called.
    """
    units = [group.spans["carbon_emitted"].unit_g if "carbon_emitted" in group.spans else None for group in card.layout.groups]
    groups = [
        GroupAccount(name=group.name, line=group.line, fields=group.fields, quantities=_quantities(group.fields, unit_g))
        for group, unit_g in zip(card.groups, units, strict=True)
    ]
    return CardAccount(
        path=path,
        sha256=hashlib.sha256(card.raw).hexdigest(),
        form=card.form,
        groups=tuple(groups),
        metadata=card.metadata,
        metadata_emissions_g=_grams(card.metadata.get(KEY)),
        blocks=tuple(_block(card, block) for block in card.blocks),
        evidence=card.evidence,
        problems=card.problems,
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a card's account, as `card.schema.json` holds it."""
    schema = msgspec.json.schema(CardAccount)
    # Every member is always there: a reader need not ask.
    for part in schema["$defs"].values():
        part["description"] = inspect.cleandoc(part["description"])
        if "properties" in part:
            part["required"] = list(part["properties"])
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A model card's account of its compute, as `footprint card json` prints it",
    }
    return head | schema


def schema_text() -> str:
    """The text of `card.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _quantities(fields: dict[FieldName, Claim | None], unit_g: float | None) -> Quantities:
    hours, carbon = (fields[name] for name in ("hours_used", "carbon_emitted"))
    stated = read_hours(hours.value) if hours is not None and not hours.placeholder else None
    said = carbon.value if carbon is not None and not carbon.placeholder else ""
    return Quantities(
        wall_hours=_interval(stated.wall if stated else None),
        device_hours=_interval(stated.device if stated else None),
        hours=_interval(stated.unsaid if stated else None),
        emissions_g=_interval(read_mass(said, unit_g=unit_g)),
        energy_kwh=_interval(read_energy(said)),
    )


def _interval(amount: Amount | None) -> Interval | None:
    if amount is None:
        return None
    low = None if amount.low == 0 and amount.high > 0 else amount.low
    return Interval(low=low, high=None if math.isinf(amount.high) else amount.high)


def _grams(stated: Any) -> float | None:
    """What `co2_eq_emissions` states in grams, which the Hub requires: a number, or a text that says a mass for sure."""
    if isinstance(stated, list):
        stated = next((one["emissions"] for one in stated if isinstance(one, dict) and "emissions" in one), None)
    if isinstance(stated, dict):
        stated = stated.get("emissions")
    if isinstance(stated, bool) or stated is None:
        return None
    if isinstance(stated, str):
        amount = read_mass(stated, unit_g=1.0)
        return amount.low if amount is not None and amount.low == amount.high else None
    return float(stated) if isinstance(stated, (int, float)) and _is_number(stated) else None


def _is_number(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def _block(card: Card, block: Block) -> BlockAccount:
    runs = tuple(run for run in block.header.get("runs", "").split(",") if run not in {"", "none"})
    factors = block.header.get("factors")
    now = _values(card, block)
    return BlockAccount(
        about=block.about,
        line=card.source.number(block.first),
        runs=runs,
        factors=None if factors in {None, "none"} else factors,
        fields={_LONG.get(name, name): digest(now.get(name, "")) == recorded for name, recorded in block.fields.items()},
        edited=block.edited,
    )


def _values(card: Card, block: Block) -> dict[str, bytes | str]:
    """The values that stand in the card now, by their names in a block's header."""
    own = [group for group in card.layout.groups if not block.group or group_digest(group.name) == block.group]
    spans = own[0].spans if own else {}
    values: dict[str, bytes | str] = {SHORT[name]: card.document.raw[span.start : span.end] for name, span in spans.items()}
    entry = card.yaml.emissions()
    for key, value in entry[1].entries if entry is not None else ():
        if value.kind == "scalar":
            values[f"co2.{key.text}"] = value.text
    return values


_LONG: Final = {short: name for name, short in SHORT.items()} | {f"co2.{key}": f"{KEY}.{key}" for key in METADATA_KEYS}
