"""What a label, a column's head or a question asks for, of the quantities that an account of compute is made of."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

import msgspec

from footprint.card.words.amount_words import Unit, units_at
from footprint.card.words.amounts import Amount, find_amounts

Quantity = Literal["hours", "power", "energy", "pue", "intensity", "emissions", "count", "hardware", "region", "provider"]

_MOST: Final = 120
_PART: Final = re.compile(
    r"\b(?:per|each|all experiments|sample|inference|request|query|token|epoch|step|offset|avoided|saved|removal"
    r"|savings?|embodied|source|method|tool|calculator|limit|budget|year|annual|monthly|label|class|idle|per[- ]gpu)\b",
    re.IGNORECASE,
)
_MARKET: Final = re.compile(r"\bmarket|\bnet\b|after offset|\bresidual", re.IGNORECASE)
_FACILITY: Final = re.compile(
    r"\b(?:incl\w*|with|after|inclusive of)\.? (?:the )?PUE|\bfacility|data ?cent(?:er|re) energy|PUE[- ]adjusted", re.IGNORECASE
)
_PATTERNS: Final[tuple[tuple[Quantity, str], ...]] = (
    ("intensity", r"/ ?kwh|per kwh|intensity|energy mix|grid mix|emissions? factor"),
    ("pue", r"\bpue\b|power usage effectiveness"),
    ("emissions", r"co\s?2|co₂|carbon (?:emi|foot|out|rel|prod)|emission|\bghg\b|greenhouse"),
    ("energy", r"energy|electricity|k ?w ?h\b|mwh|power consum"),
    ("power", r"\bpower\b|\btdp\b|\bwatt"),
    ("count", r"(?:number|#|no\.?|count) of (?:gpu|tpu|device|accelerator|chip)|^(?:gpu|tpu|chip|device) count$"),
    ("hours", r"\bhours?\b|\btime\b|\bduration\b|\bruntime\b|gpu[- ]?h\b|\bdays\b"),
    ("provider", r"\b(?:cloud|hardware) provider\b"),
    ("region", r"\bregion\b|\blocation\b|\bgeo\b"),
    ("hardware", r"\bhardware\b|\bgpu(?: type| model)?s?$|^gpu type|\baccelerator\b|\bdevice type\b"),
)
_RULES: Final = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _PATTERNS)
_DEVICE_HOURS: Final = re.compile(
    r"\b(?:gpu|tpu|device|accelerator|chip|[abhv]\d{2,3})s?[- ]?(?:hours?|hrs?|time|days?|h)\b", re.IGNORECASE
)
_WHOLE: Final = re.compile(
    r"\bgpus? and cpus?\b|\bcpus? and gpus?\b|\b(?:total|system|server|whole|overall|node|machine|combined|cluster|rack) power\b"
    r"|\bpower of (?:the|one|a|each) (?:node|server|machine|system|cluster)\b",
    re.IGNORECASE,
)
_REMARK: Final = re.compile(r"\([^()]{0,200}\)|\[[^\[\]]{0,200}\]")
_ROUGHLY: Final = re.compile(r"\b(?:about|around|approximately|approx|roughly|estimated|ca|total|x)\b", re.IGNORECASE)
_TIME: Final = re.compile(r"\b(?:hours?|days|minutes|seconds|hrs)\b", re.IGNORECASE)
_BRACKET: Final = re.compile(r"[(\[]([^()\[\]]{1,60})[)\]]|\bin ([a-z][\w ²₂/]{0,30})\Z", re.IGNORECASE)


class Label(NamedTuple):
    """What a label asks for, the unit that it fixes, and what else it says.

    `device` is of hours that are summed over devices, `market` of emissions after contracts or offsets, `facility` of an energy
    that holds the data centre's overhead, `whole` of a power that is all of the machine's.
    """

    quantity: Quantity
    unit: Unit | None
    device: bool = False
    market: bool = False
    facility: bool = False
    whole: bool = False


def read_label(text: str) -> Label | None:
    """What a label asks for; None if it asks for nothing of the account, or for a part of it (`per epoch`, `offset`)."""
    text = " ".join(text.replace("<sub>2</sub>", "2").split())
    if not text or len(text) > _MOST:
        return None
    bare = _BRACKET.sub(" ", text)
    facility = _FACILITY.search(text) is not None
    # `Energy (including PUE)` asks for an energy.
    quantity = next((name for name, pattern in _RULES if pattern.search(text) and not (facility and name == "pue")), None)
    if quantity is None or (quantity not in {"intensity", "hardware", "power"} and _PART.search(bare)):
        return None
    unit = _unit(text)
    if unit is None and quantity == "hours" and (said := _TIME.search(text)):
        unit = units_at(said[0].lower(), 0)[0]  # `GPU hours`, `Hours used`
    if quantity == "energy" and unit is not None and unit.kind == "power":
        quantity = "power"  # `Power Consumption (W)`
    return Label(
        quantity,
        unit,
        device=_DEVICE_HOURS.search(text) is not None,
        market=_MARKET.search(text) is not None,
        facility=facility,
        whole=_WHOLE.search(text) is not None,
    )


def _unit(text: str) -> Unit | None:
    """The unit in a label's brackets (`(tCO2eq)`, `[kWh]`), or behind its `in`."""
    for found in _BRACKET.finditer(text):
        said = (found[1] or found[2]).strip()
        unit, end = units_at(re.sub(r"^in ", "", said, flags=re.IGNORECASE), 0)
        if unit is not None and end > 0:
            return unit
    return None


def _is_alone(text: str, amount: Amount) -> bool:
    """Whether a number is all that a value says, but for a remark in brackets and words that make it rough."""
    rest = text[: amount.start] + " " + text[amount.end :]
    return re.search(r"[\w%‰$€£]", _ROUGHLY.sub(" ", _REMARK.sub(" ", rest))) is None


def read_value(text: str, label: Label) -> Amount | None:
    """The one quantity that a value states, in the label's unit where it has none of its own; None if it is not sure."""
    wanted = {"hours": "time", "emissions": "mass", "count": "bare", "pue": "bare"}.get(label.quantity, label.quantity)
    amounts = find_amounts(text)
    found = [amount for amount in amounts if amount.kind == wanted]
    lone = len(amounts) == 1 and amounts[0].kind == "bare" and _is_alone(text, amounts[0])
    if wanted == "bare" and not lone:
        return None
    if not found and lone and label.unit is not None and label.unit.kind == wanted:
        one, scale = amounts[0], label.unit.scale
        counted = label.unit.counted or one.counted
        found = [
            msgspec.structs.replace(
                one,
                kind=label.unit.kind,
                low=one.low * scale,
                high=one.high * scale,
                scale=scale,
                unit=label.unit.name,
                counted=counted,
            )
        ]
    if not found or any(amount.low != found[0].low or amount.high != found[0].high for amount in found[1:]):
        return None
    one = found[0]
    if not one.sure or one.per:
        return None
    if label.device and one.kind == "time" and one.counted is None:
        one = msgspec.structs.replace(one, counted="device")
    return one
