"""The hardware that a card names: what it is, and how many devices of it there can be."""

from __future__ import annotations

import math
import re
from typing import Final

import msgspec

from footprint.errors import UnknownHardware
from footprint.reference import HardwareMatch, find_hardware

_REMARK: Final = re.compile(r"\s*\((?!\s*\d{1,5}\s*[x×]?\s*\)|\s*[x×]\s*\d)[^()]{0,200}\)\s*\Z")
_SINGLE: Final = re.compile(r"(?:(?:single|one|1 ?[x×])\b|a (?!\d))", re.IGNORECASE)


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """Hardware as a card names it. `count_low` and `count_high` are devices: chips of a slice, GPUs of an instance.

    Where the card does not count them there may be any number of units, and `count_high` is infinite; `each` is the devices of
    one unit. `unit` is the slice or instance where one was named.
    """

    text: str
    match: HardwareMatch | None
    count_low: float
    count_high: float
    each: float = 1.0

    @property
    def counted(self) -> bool:
        """Whether the card says how many there are."""
        return not math.isinf(self.count_high)

    @classmethod
    def of_count(cls, known: Devices | None, count: float) -> Devices:
        """The hardware, with a count that stands apart from its name."""
        each = known.each if known else 1.0
        number = count * each
        return cls(
            text=known.text if known else "",
            match=known.match if known else None,
            count_low=min(number, count),
            count_high=number,
            each=each,
        )


def read_devices(text: str) -> Devices | None:
    """The hardware that a text names; None where it is none that is known, or several kinds."""
    for said in dict.fromkeys((text, _REMARK.sub("", text))):
        try:
            found = find_hardware(said.strip(" .*_`"))
        except UnknownHardware:
            continue
        if not isinstance(found, HardwareMatch):
            return None
        count = found.count_in_text
        each = float(found.devices_per_unit)
        if count is None and _SINGLE.match(said.strip()):
            count = 1
        low = each * (count or 1)
        return Devices(text=text, match=found, count_low=low, count_high=low if count is not None else math.inf, each=each)
    return None
