"""What model cards say, and what a check says of them."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

FieldName = Literal["hardware_type", "hours_used", "cloud_provider", "compute_region", "carbon_emitted"]
FIELD_NAMES: tuple[FieldName, ...] = get_args(FieldName)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a card says in one of its five fields; a placeholder says nothing."""

    value: str
    placeholder: bool
    line: int


class FieldGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One group of the five fields; a card of several models has several, each with the name that stands above it."""

    name: str | None
    line: int
    fields: dict[FieldName, Claim | None]


Severity = Literal["error", "warning", "info"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found in a card: a stable code, where, what the card states, what it should be, and how to mend it.

    `stated` and `expected` are short texts; None where there is no such thing. `line` is None for what has no line.
    """

    code: str
    severity: Severity
    line: int | None
    message: str
    stated: str | None = None
    expected: str | None = None
    fix: str | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of a card that bears on its compute."""

    field: str
    text: str
    line: int
    value: str
