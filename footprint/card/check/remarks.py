"""What the words beside a quantity say of it: power by contract, what machines took to make, hours of the clock."""

from __future__ import annotations

import re
from typing import Final

_CONTRACT: Final = re.compile(
    r"market[- ]based|\brenewabl|\bhydro(?:power|[- ]?electric)|\b(?:wind|solar|nuclear|geothermal|green|clean)[- ]"
    r"(?:power|energy|electricity|tariff|contract|mix)|\bphotovoltaic|\bsolar panels?\b|\bcarbon[- ](?:free|neutral)\b"
    r"|\bcertificates?\b|\bguarantees? of origin\b|\bPPAs?\b|\btariff\b",
    re.IGNORECASE,
)
_LOCATION: Final = re.compile(r"location[- ]based", re.IGNORECASE)
_MADE: Final = re.compile(
    r"\bembodied\b|\bmanufactur|\blife[- ]?cycle\b|\bscope[- ]?3\b|\bproduction of (?:the )?(?:hardware|servers?|GPUs?)",
    re.IGNORECASE,
)
_CLOCK: Final = re.compile(r"\bwall|\bdays?\b|\bweeks?\b|\bmonths?\b|\bmin(?:ute)?s?\b|\d ?d\b|\d:\d", re.IGNORECASE)


def is_by_contract(*words: str) -> bool:
    """Whether words say that power was bought as clean: its g/kWh are then the contract's, not the grid's."""
    return any(_CONTRACT.search(one) for one in words) and not any(_LOCATION.search(one) for one in words)


def has_made(*words: str) -> bool:
    """Whether words say that an emission holds more than that of the power: what the machines took to make."""
    return any(_MADE.search(one) for one in words)


def is_of_clock(words: str) -> bool:
    """Whether hours are those of a clock: who counts in days or minutes looked at one."""
    return _CLOCK.search(words) is not None
