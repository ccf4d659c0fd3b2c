"""Lengths of time as options state them."""

from __future__ import annotations

import re
from typing import Final

from footprint.errors import ConfigError
from footprint.text import clean

NEVER: Final = "never"
_AGE: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS_S: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


def age_s(option: str, stated: str) -> float:
    """`90s`, `30m`, `12h`, `7d` or `4w` in seconds.

    Raises:
        ConfigError: for anything else.
    """
    if found := _AGE.fullmatch(stated.strip()):
        return int(found[1]) * _UNITS_S[found[2]]
    raise ConfigError(f"{option} {clean(stated)!r} is no length of time: write 12h, 7d or 4w")


def age_or_never_s(option: str, stated: str) -> float | None:
    """The same; None for `never`.

    Raises:
        ConfigError: for anything else.
    """
    return None if stated.strip() == NEVER else age_s(option, stated)
