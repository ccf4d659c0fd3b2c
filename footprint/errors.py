"""The errors that `footprint` raises on purpose.

::

    FootprintError
    ├── ConfigError            what the user stated cannot be used
    │   ├── UnknownPlace       no such region or zone; carries the near matches
    │   └── UnknownHardware    no such accelerator or CPU; carries the near matches
    ├── MeterError             a sensor cannot be read
    ├── LedgerError            the ledger cannot be read or written
    ├── IntensityError         a provider of carbon intensities does not answer, or answers nonsense
    ├── CardError              a card cannot be read or edited safely; carries the line
    └── HubError               the Hub does not answer, refuses, or answers what is not meant; says whether it is final

A message says what is wrong, where, and what to do, on one line. Nothing is guessed: near matches are offered, never
used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_SHOWN: Final = 200
"""A longer value, which is nobody's choice, is cut in the line that refuses it."""


class FootprintError(Exception):
    """Base of all errors that `footprint` raises on purpose."""


class ConfigError(FootprintError):
    """Something that the user stated cannot be used."""


class _NoMatchError(ConfigError):
    """A name that matches nothing, with the nearest names that exist."""

    def __init__(self, message: str, near: Sequence[str] = ()) -> None:
        self.near = tuple(near)
        hint = f"; did you mean {', '.join(self.near)}?" if self.near else ""
        super().__init__(message + hint)


class UnknownPlace(_NoMatchError):  # noqa: N818 - the public name is the sentence that a user reads
    """No such region or zone, or more than one; `near` holds the candidates."""


class UnknownHardware(_NoMatchError):  # noqa: N818 - as above
    """No such hardware, or more than one kind of thing; `near` holds the candidates."""


def unknown_choice(what: str, value: object, known: Sequence[str]) -> ConfigError:
    """The error for a value that is none of those there are, with the nearest one."""
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return ConfigError(f"unknown {what} {shown}{nearest(value, known)} (there are {', '.join(known)})")


def nearest(value: object, known: Sequence[str]) -> str:
    """The known value that is nearest, as the end of a sentence; empty where none is near."""
    from difflib import get_close_matches

    near = get_close_matches(str(value), known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


class MeterError(FootprintError):
    """A sensor is there but cannot be read."""


class LedgerError(FootprintError):
    """The ledger cannot be read or written."""


class IntensityError(FootprintError):
    """A provider of carbon intensities does not answer, refuses, or answers what cannot be used."""


class CardError(FootprintError):
    """A card cannot be read or edited safely.

    Args:
        message: what is wrong and what to do.
        line: the 1-based line in the card, where there is one.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(f"line {line}: {message}" if line is not None else message)


class HubError(FootprintError):
    """The Hub does not answer, refuses, or holds other bytes than are meant.

    Args:
        message: which model, what is wrong and what to do.
        final: whether the next model would fare no better.
    """

    def __init__(self, message: str, *, final: bool = False) -> None:
        self.final = final
        super().__init__(message)
