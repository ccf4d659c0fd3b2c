"""What the engine and a program that repeats its work say to each other: JSON, a line each, over a socket of the same machine."""

from __future__ import annotations

from typing import Final

import msgspec

from footprint.model import Kind
from footprint.profiling.conditions import Conditions

SOCKET_VARIABLE: Final = "FOOTPRINT_PROFILE"
"""Where the engine listens; without it the program is alone."""
QUICK_VARIABLE: Final = "FOOTPRINT_PROFILE_QUICK"
"""`1` where the engine only tries whether all works: the program may do less."""
MOST_BYTES: Final = 1_000_000
_encode: Final = msgspec.json.Encoder().encode


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """The program is ready: its set-up is done."""

    pid: int


class Welcome(msgspec.Struct, frozen=True, kw_only=True, tag="welcome"):
    """How to go on: the runs' name, kind and place, and how many repeats are not measured."""

    name: str
    kind: Kind
    warmup: int
    region: str | None = None
    zone: str | None = None
    pue: float | None = None


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """A repeat has ended: its run (empty of a warm-up), where that is recorded, what it did, and how the machine was."""

    run: str
    journal: str | None
    duration_s: float
    work: dict[str, float]
    notes: dict[str, float]
    before: Conditions
    after: Conditions
    versions: dict[str, str] = {}
    warnings: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag="answer"):
    """Whether another repeat is wanted."""

    more: bool


def line(word: msgspec.Struct) -> bytes:
    """A word as it is sent."""
    return _encode(word) + b"\n"
