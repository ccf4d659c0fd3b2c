"""Tables of compute as claims: each row a work, or each column of a table that is turned, and the columns that add up."""

from __future__ import annotations

import re
from typing import Any, Final

from footprint.card.check.equipment import Devices
from footprint.card.check.facts import hardware_facts
from footprint.card.check.labels import Label, Quantity, read_label, read_value
from footprint.card.check.works import Column, Span, Stated, Work
from footprint.card.parts.tables import Table
from footprint.card.read import Card
from footprint.card.words.labels import is_placeholder

_NOT_A_PART: Final = re.compile(r"total|average|\bavg|\bmean\b|of which|overall|\bsum\b|\ball\b", re.IGNORECASE)
_MOST_ROWS: Final = 500
"""A longer table is one of data, not of a model's compute."""
_TOTAL: Final = re.compile(r"(?:grand )?total(?: (?:emissions?|energy|hours|time|carbon|footprint))?|sum", re.IGNORECASE)


def read_table(card: Card, table: Table) -> tuple[list[Work], list[Column]] | None:
    """The works of a table, one a row or one a column, and its numeric columns; None if it is no table of compute."""
    if len(table.rows) > _MOST_ROWS:
        return None
    grid = [[cell.text for cell in row] for row in table.rows]
    heads = [read_label(text) for text in grid[0]]
    sides = [read_label(row[0]) if row else None for row in grid]
    turned = sum(label is not None for label in sides) > sum(label is not None for label in heads)
    cells: list[list[tuple[str, int]]] = [
        [(cell.text, card.document.line_number(cell.start) - 1) for cell in row] for row in table.rows
    ]
    if turned:
        width = max(len(row) for row in cells)
        cells = [[row[at] if at < len(row) else ("", table.first) for row in cells] for at in range(width)]
        heads = sides
    said = {label.quantity for label in heads if label is not None}
    if not said & {"emissions", "energy", "hours"} or len(said) < 2 or len(cells) < 2:  # noqa: PLR2004 - compares two quantities
        return None
    titles = [text for text, _ in cells[0]]
    doubled = {
        label.quantity for at, label in enumerate(heads) if label and any(o and o.quantity == label.quantity for o in heads[:at])
    }
    rows = [row for row in cells[1:] if any(text for text, _ in row)]
    works = [work for row in rows if (work := _row_work(card, row, heads, doubled, titles, turned=turned)) is not None]
    columns = (
        [] if turned else [c for at, label in enumerate(heads) if label and (c := _column(card, rows, titles[at], label, at))]
    )
    return works, columns


def _row_work(
    card: Card, row: list[tuple[str, int]], heads: list[Label | None], doubled: set[Quantity], titles: list[str], *, turned: bool
) -> Work | None:
    name = row[0][0] if row else ""
    if not turned and _TOTAL.fullmatch(name.strip(" *_:")):
        return None
    line = card.source.number(row[0][1])
    facts: dict[str, Any] = {"name": name or None, "line": line, "row": not turned}
    for at, (text, index) in enumerate(row):
        label = heads[at] if at < len(heads) else None
        if label is None or (label.quantity in doubled and label.quantity != "emissions") or is_placeholder(text):
            continue
        where = card.source.number(index)
        if label.quantity == "hardware" and not text.isdigit():
            facts |= hardware_facts(text, where)
        elif label.quantity in {"region", "provider"}:
            facts |= {label.quantity: text, f"{label.quantity}_line": where}
        elif label.quantity == "hours":
            amount = read_value(text, label)
            if amount is not None and amount.counted in {None, "device", "wall"}:
                facts |= {amount.counted or "unsaid": Span(amount.low, amount.high), "hours_line": where, "hours_text": text}
        elif label.quantity == "hardware":  # `GPUs: 8`
            facts["devices"] = Devices.of_count(facts.get("devices"), float(text[:9]))
        elif label.quantity not in facts and not (label.quantity == "emissions" and label.market):
            _take(facts, label, text, where, titles[at] if at < len(titles) else "")
    return Work(**facts)


def _take(facts: dict[str, Any], label: Label, text: str, line: int, title: str) -> None:
    """Put the amount of a cell into the facts of its row."""
    amount = read_value(text.rstrip("*† "), label)
    if amount is None:
        return
    if label.quantity == "pue":
        if 1 <= amount.low == amount.high <= 3:  # noqa: PLR2004 - all PUEs
            facts["pue"] = amount.low
    elif label.quantity == "count":
        facts["devices"] = Devices.of_count(facts.get("devices"), amount.low)
    elif amount.kind == "power" and label.quantity == "energy":
        facts["power"] = Stated(amount=amount, line=line, text=text, label=title)
    else:
        facts[label.quantity] = Stated(
            amount=amount, line=line, text=text, label=title, market=label.market, facility=label.facility, whole=label.whole
        )


def _column(card: Card, rows: list[list[tuple[str, int]]], title: str, label: Label, at: int) -> Column | None:
    """A column that adds up, with its row of totals if there is one."""
    if label.quantity not in {"hours", "energy", "emissions"}:
        return None
    totals = [row for row in rows if row and _TOTAL.fullmatch(row[0][0].strip(" *_:"))]
    parts = [row for row in rows if row not in totals]
    if any(row and _NOT_A_PART.search(row[0][0]) for row in parts):
        return None
    text, index = totals[0][at] if len(totals) == 1 and at < len(totals[0]) else ("", 0)
    return Column(
        title=title,
        quantity=label.quantity,
        names=tuple(row[0][0] if row else "" for row in parts),
        values=tuple(read_value(row[at][0], label) if at < len(row) else None for row in parts),
        texts=tuple(row[at][0] if at < len(row) else "" for row in parts),
        total=read_value(text, label) if text else None,
        total_text=text,
        total_line=card.source.number(index) if text else None,
        device=label.device,
    )
