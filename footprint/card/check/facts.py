"""The facts of one value of a card, as a work takes them: hardware, hours, an emission. Each by name, to be put together."""

from __future__ import annotations

from typing import Any

from footprint.card.check.equipment import read_devices
from footprint.card.check.labels import read_label, read_value
from footprint.card.check.remarks import is_by_contract
from footprint.card.check.works import Span, Stated
from footprint.card.words.amounts import find_amounts, read_hours


def hardware_facts(text: str, line: int) -> dict[str, Any]:
    """The hardware that a value names."""
    return {"hardware": text, "hardware_line": line, "devices": read_devices(text)}


def hours_facts(text: str, line: int, label: str = "") -> dict[str, Any]:
    """The hours of a value; of one that lists several, from the smallest to their sum."""
    said = read_label(label)
    facts: dict[str, Any] = {"hours_line": line, "hours_text": text}
    found = read_hours(text)
    if found is not None:
        spans = {name: Span(amount.low, amount.high) for name in ("wall", "device", "unsaid") if (amount := getattr(found, name))}
    else:
        amounts = [amount for amount in find_amounts(text) if amount.kind == "time"]
        if any(amount.per for amount in amounts):
            return facts  # `4,608 (16 GPUs x 12 days x 24 h)`: factors, not hours that add up
        if not amounts and said is not None and said.unit is not None:
            one = read_value(text, said)
            amounts = [one] if one is not None else []
        if not amounts or not all(amount.sure and amount.counted in {None, "device"} for amount in amounts):
            return facts
        spans = {"unsaid": Span(min(a.low for a in amounts), sum(a.high for a in amounts))}
        if all(amount.counted == "device" for amount in amounts):
            spans = {"device": spans["unsaid"]}
    if said is not None and said.device and "unsaid" in spans and "device" not in spans:
        spans["device"] = spans.pop("unsaid")
    return facts | spans


def emission_facts(text: str, line: int, label: str) -> dict[str, Any]:
    """The emission that a value states, by the unit of its own or of its label."""
    said = read_label(label) or read_label("emissions")
    amount = read_value(text, said) if said is not None else None
    if amount is None or said is None:
        return {}
    return {
        "emissions": Stated(amount=amount, line=line, text=text, label=label, market=said.market or is_by_contract(label, text))
    }
