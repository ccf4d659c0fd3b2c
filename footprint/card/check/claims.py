"""What a card claims of the work that made its model, brought together: each group of fields, row of a table, list and entry.

A claim is taken only where it can be read in one way. What a card says twice in different ways, of a part, or of several models
at once, is left out: then a rule that needs it has nothing to compare, and stays silent.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeGuard

import msgspec

from footprint.card.check.facts import emission_facts, hardware_facts, hours_facts
from footprint.card.check.labels import Quantity, read_label, read_value
from footprint.card.check.prose import read_prose
from footprint.card.check.remarks import is_by_contract
from footprint.card.check.rows import read_table
from footprint.card.check.works import Claims, Item, Span, Stated, Work
from footprint.card.parts.metadata import KEY, Node, value_of
from footprint.card.parts.tables import find_tables, readable
from footprint.card.read import Card
from footprint.card.words.amounts import Amount
from footprint.card.words.labels import is_placeholder
from footprint.model import FieldGroup, FieldName

MOST_WORKS: Final = 200
MOST_ITEMS: Final = 2_000
"""Of works and of lines so many are looked at: a card that lists more of them lists data."""
_NEAR: Final = 12
_MOST_AMOUNT: Final = 1e15
_GAP: Final = 4
_LONGEST: Final = 2_000
_ITEM: Final = re.compile(r"(?:[-*+•·]|\d{1,3}[.)])?\s{0,4}(?P<label>[^:|]{1,100}?)\s{0,4}[:：]\s{0,4}(?P<value>\S.{0,600})?\Z")

_WIDE_COLON: Final = "：".encode()
_WORTH: Final = re.compile(
    rb"c[o0](?:2|\xe2\x82\x82|<sub>)|carbon|emission|energy|electric|power|pue|hour|time|duration|gpu|hardware|accelerator|region"
    rb"|location|watt|intensity|provider",
    re.IGNORECASE,
)

_last: list[tuple[Card, Claims]] = []


def claims(card: Card) -> Claims:
    """What a card claims. Asked by each rule in turn, so the last answer is kept."""
    if _last and _last[0][0] is card:
        return _last[0][1]
    found = _claims(card)
    _last[:] = [(card, found)]
    return found


def _claims(card: Card) -> Claims:
    hidden = {index for block in card.blocks for index in block.lines}
    items = tuple(islice(_items(card, hidden), MOST_ITEMS))
    tables = [table for table in find_tables(card.document) if table.first not in hidden]
    read = [(table, read_table(card, table)) for table in tables]
    rows = [work for _, found in read if found for work in found[0]]
    columns = tuple(column for _, found in read if found for column in found[1])
    taken = [range(card.source.number(table.first), card.source.number(table.last) + 1) for table, found in read if found]
    every = card.groups[:MOST_WORKS]
    groups = [group for group in every if not any(group.line in lines for lines in taken)]
    where = _Lines(card)
    works = [_group_work(where, group, items) for group in groups]
    if not any(work.emissions or work.energy for work in works):
        lines = {claim.line for group in groups for claim in group.fields.values() if claim is not None}
        said = [item for item in items if item.line not in lines and not is_placeholder(item.text)]
        works += _list_works(card, said, groups) or _only_emission(said)
    works = _with_metadata(card, [*works, *rows])
    listed = {item.line for item in items} | {line for lines in taken for line in lines}
    works += read_prose(card, listed | {claim.line for group in every for claim in group.fields.values() if claim is not None})
    return Claims(works=tuple(works[:MOST_WORKS]), columns=columns, items=items, groups=every)


# -- Lists ------------------------------------------------------------------------------------------------------------


def _items(card: Card, hidden: set[int]) -> Iterator[Item]:
    document = card.document
    headings = {heading.line for heading in document.headings}
    for index, line in enumerate(document.lines):
        if line.shown - line.start < 4 or line.shown - line.start > _LONGEST or index in hidden or index in headings:  # noqa: PLR2004 - `E: 1`
            continue
        raw = document.raw[line.start : line.shown]
        if (
            _WORTH.search(raw) is None
            or (b":" not in raw and _WIDE_COLON not in raw)
            or raw.lstrip(b" \t>")[:2] in {b"| ", b"<t"}
        ):
            continue
        found = _ITEM.match(readable(raw))
        label = read_label(found["label"]) if found else None
        if found is None or label is None:
            continue
        yield Item(
            index=index,
            line=card.source.number(index),
            label=label,
            label_text=found["label"],
            text=(found["value"] or "").strip(),
            indent=len(raw) - len(raw.lstrip(b" \t>")),
        )


def _group_work(where: _Lines, group: FieldGroup, items: tuple[Item, ...]) -> Work:
    """A group of fields, with what stands in lines beside it (energy, power, PUE, intensity)."""
    facts: dict[str, Any] = {"name": group.name, "line": group.line}
    lines = [claim.line for claim in group.fields.values() if claim is not None]
    fields: dict[FieldName, tuple[str, int]] = {
        name: (claim.value, claim.line) for name, claim in group.fields.items() if claim is not None and not claim.placeholder
    }
    facts["contract"] = where.contract(lines)
    near = _beside(where, items, set(lines))
    facts |= _quantities([item for item in near if item.label.quantity in {"energy", "power", "pue", "intensity"}])
    if "hardware_type" in fields:
        facts |= hardware_facts(*fields["hardware_type"])
    if "hours_used" in fields:
        value, line = fields["hours_used"]
        facts |= hours_facts(value, line, where.label(line))
    if "carbon_emitted" in fields:
        facts |= emission_facts(*fields["carbon_emitted"], where.label(fields["carbon_emitted"][1]))
    for name, fact in (("cloud_provider", "provider"), ("compute_region", "region")):
        if name in fields:
            facts |= {fact: fields[name][0], f"{fact}_line": fields[name][1]}
    return Work(**facts)


def _beside(where: _Lines, items: tuple[Item, ...], lines: set[int]) -> list[Item]:
    """Items close to a group's lines and under the same heading, that are none of its lines."""
    if not lines:
        return []
    first, last = min(lines), max(lines)
    above, below = bisect_right(where.headings, first), bisect_right(where.headings, last)
    low = max([first - _NEAR, *where.headings[max(0, above - 1) : above]])
    high = min([last + _NEAR, *where.headings[below : below + 1]])
    start = bisect_left(items, low, key=lambda item: item.line)
    end = bisect_right(items, high, key=lambda item: item.line)
    return [item for item in items[start:end] if item.line not in lines]


class _Lines:
    """Where the lines of the file stand in a card's document, and its headings, by the numbers that people see."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.headings = [card.source.number(heading.line) for heading in card.document.headings]
        indices = reversed(range(len(card.document.lines)))
        self._index = None if card.form == "markdown" else {card.source.number(index): index for index in indices}

    def label(self, line: int) -> str:
        """The label of the field that stands on a line of the file: what is in front of its colon."""
        document = self.card.document
        index = self._at(line)
        if not 0 <= index < len(document.lines):
            return ""
        span = document.lines[index]
        return readable(document.raw[span.start : min(span.shown, span.start + _LONGEST)]).partition(":")[0]

    def _at(self, line: int) -> int:
        """The index in the document of a line of the file; -1 where it has none."""
        return line - 1 if self._index is None else self._index.get(line, -1)

    def contract(self, lines: Iterable[int]) -> bool:
        """Whether what stands around some lines of the file speaks of power that was bought as clean."""
        indices = [index for line in lines if (index := self._at(line)) >= 0]
        return bool(indices) and contract_beside(self.card, min(indices), max(indices))


def contract_beside(card: Card, first: int, last: int) -> bool:
    """Whether what stands around lines of the document, by index, speaks of power that was bought as clean."""
    ours = {index for block in card.blocks for index in block.lines}
    low, lines = max(0, first - _NEAR), card.document.lines
    others = (lines[index] for index in range(low, min(last + _NEAR + 1, len(lines))) if index not in ours)
    return any(
        is_by_contract(readable(card.document.raw[line.start : min(line.shown, line.start + _LONGEST)])) for line in others
    )


def _list_works(card: Card, items: list[Item], groups: list[FieldGroup]) -> list[Work]:
    """Works that a list states outside the five fields: items close together, at one depth, with an emission or an energy."""
    works: list[Work] = []
    runs: list[list[Item]] = []
    for item in items:
        if runs and item.index - runs[-1][-1].index <= _GAP and item.indent == runs[-1][-1].indent:
            runs[-1].append(item)
        else:
            runs.append([item])
    for run in runs:
        said = {item.label.quantity for item in run}
        if not said & {"emissions", "energy"} or len(said) < 2:  # noqa: PLR2004 - one quantity alone is compared with nothing
            continue
        facts: dict[str, Any] = {"name": None, "line": run[0].line} | _quantities(run)
        hardware = _one(run, "hardware")
        if hardware is not None:
            facts |= hardware_facts(hardware.text, hardware.line)
        elif len(groups) == 1 and (claim := groups[0].fields.get("hardware_type")) is not None and not claim.placeholder:
            facts |= hardware_facts(claim.value, claim.line)
        hours = _one(run, "hours")
        if hours is not None:
            facts |= hours_facts(hours.text, hours.line, hours.label_text)
        region = _one(run, "region")
        if region is not None and not is_placeholder(region.text):
            facts |= {"region": region.text, "region_line": region.line}
        works.append(Work(contract=contract_beside(card, run[0].index, run[-1].index), **facts))
    return works


def _only_emission(items: list[Item]) -> list[Work]:
    """The one line of a card that states an emission, such as AutoTrain's."""
    facts = _quantities([item for item in items if item.label.quantity == "emissions"])
    return [Work(name=None, line=facts["emissions"].line, **facts)] if facts else []


def _one(items: list[Item], quantity: Quantity) -> Item | None:
    found = [item for item in items if item.label.quantity == quantity and item.text]
    return found[0] if len(found) == 1 else None


def _quantities(items: list[Item]) -> dict[str, Any]:
    """The quantities of items, each only where one item states it."""
    facts: dict[str, Any] = {}
    names: tuple[Quantity, ...] = ("energy", "power", "intensity", "emissions")
    for quantity in names:
        item = _one(items, quantity)
        amount = read_value(item.text, item.label) if item is not None else None
        if item is not None and amount is not None:
            facts[quantity] = Stated(
                amount=amount,
                line=item.line,
                text=item.text,
                label=item.label_text,
                market=item.label.market,
                facility=item.label.facility,
                whole=item.label.whole,
            )
    item = _one(items, "pue")
    amount = read_value(item.text, item.label) if item is not None else None
    if amount is not None and amount.low == amount.high and 1 <= amount.low <= 3:  # noqa: PLR2004 - all PUEs
        facts["pue"] = amount.low
    return facts


# -- The front matter -------------------------------------------------------------------------------------------------


def metadata_entry(card: Card) -> tuple[Node, dict[str, Any]] | None:
    """The node of the front matter's emissions, and what stands beside it (`hardware_used`, `geographical_location`)."""
    entry = card.yaml.emissions()
    if entry is None:
        return None
    node = entry[1]
    if node.kind == "mapping":
        beside = {key: value for key, value in value_of(node).items() if key != "emissions"}
        found = node.find("emissions")
        return (found[1], beside) if found is not None else None
    if node.kind == "list":  # of one-key mappings, as in 2021
        pairs = [(part, part.find("emissions")) for part in node.items if part.kind == "mapping"]
        found = next((pair for _, pair in pairs if pair is not None), None)
        beside = {key: value for part, pair in pairs if pair is None for key, value in value_of(part).items()}
        return (found[1], beside) if found is not None else None
    return node, {}


def _is_amount(value: object) -> TypeGuard[int | float]:
    """Whether a value of the front matter is a number that an amount can be."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _MOST_AMOUNT


def _metadata(card: Card) -> tuple[Stated, dict[str, Any]] | None:
    found = metadata_entry(card)
    if found is None or found[0].kind != "scalar":
        return None
    node, beside = found
    value = value_of(node)
    if not _is_amount(value):
        return None
    line = card.source.number(card.document.line_number(node.start) - 1)
    amount = Amount(
        kind="mass", low=float(value), high=float(value), unit="g", scale=1.0, start=0, end=len(node.text), text=node.text
    )
    return Stated(amount=amount, line=line, text=node.text, label=KEY), beside


def _with_metadata(card: Card, works: list[Work]) -> list[Work]:
    """The works with the front matter's entry: in the only one that it can be about, else as a work of its own."""
    found = _metadata(card)
    if found is None:
        return works
    stated, beside = found
    own: dict[str, Any] = {}
    if isinstance(text := beside.get("hardware_used"), str) and not is_placeholder(text):
        own |= hardware_facts(text, stated.line)
    if isinstance(text := beside.get("geographical_location"), str) and not is_placeholder(text):
        own |= {"region": text, "region_line": stated.line}
    hours = beside.get("hours_used")
    if _is_amount(hours):
        own |= {"unsaid": Span(hours, hours), "hours_line": stated.line, "hours_text": str(hours)}
    energy = beside.get("energy_consumed")
    if _is_amount(energy):
        amount = Amount(kind="energy", low=energy, high=energy, unit="kWh", scale=1.0, start=0, end=0, text=str(energy))
        own["energy"] = Stated(amount=amount, line=stated.line, text=str(energy), label="energy_consumed")
    speaking = [work for work in works if not work.row]
    if len(speaking) == 1 and len(works) == 1:
        work = speaking[0]
        lacking = {name: value for name, value in own.items() if getattr(work, name) in {None, ""}}
        if "devices" in own and work.hardware is not None:
            lacking = {name: value for name, value in lacking.items() if name not in {"devices", "hardware", "hardware_line"}}
        if work.wall or work.device or work.unsaid:
            lacking.pop("unsaid", None)
        return [msgspec.structs.replace(work, metadata=stated, **lacking)]
    if not works:
        own |= {name: value for name, value in _sentence(card).items() if name not in own}
    return [*works, Work(name=None, line=stated.line, metadata=stated, **own)]


def _sentence(card: Card) -> dict[str, Any]:
    """The hours that one sentence of the card states together with its hardware, where one sentence alone does."""
    told: dict[int, dict[str, list[str]]] = {}
    for one in card.evidence:
        told.setdefault(one.line, {}).setdefault(one.field, []).append(one.value)
    timed = [(line, said) for line, said in told.items() if "hours_used" in said]
    if len(timed) != 1 or len(timed[0][1]["hours_used"]) != 1 or len(timed[0][1].get("hardware_type", ())) != 1:
        return {}
    line, said = timed[0]
    return hours_facts(said["hours_used"][0], line) | hardware_facts(said["hardware_type"][0], line)
