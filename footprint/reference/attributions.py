"""Whom to name when a number is passed on: the attributions that the licences of its factors ask for.

A factor names its sources by their titles, which stand once in `sources.csv` with their licences and attributions. A figure as
such is a fact; the collections that figures come from ask for their makers' names (CC BY 4.0, section 3(a)).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from footprint.model import Factor
from footprint.reference import tables

_NAMED_ALONG: Final = re.compile(r"add-on from (.+)")
# A figure alone is nobody's; these licences are of works, and ask for their authors wherever a part of the work is used.
_ASKING: Final = re.compile(r"CC BY|Open Government|ODbL|Apache-|MIT|.*\basks\b")


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """A work that figures were taken from: its title, the attribution that it asks for, its licence and its address."""

    title: str
    attribution: str
    licence: str
    url: str


def attributions(factors: Iterable[Factor]) -> tuple[Attribution, ...]:
    """The works that these factors come from and that ask to be named, each once, in the order of use."""
    # The longest first: one title may be the beginning of another.
    rows = sorted(tables.sources().values(), key=lambda row: -len(row["title"]))
    found: dict[str, tables.Row] = {}
    for factor in factors:
        named, rest = [], factor.source
        for row in rows:
            if row["title"] in rest:
                named.append(row)
                rest = rest.replace(row["title"], " " * len(row["title"]))
        named.sort(key=lambda row: factor.source.index(row["title"]))
        along = _NAMED_ALONG.search(factor.source)
        for name in re.split(r", | and ", along[1]) if along else ():
            named += [row for row in rows if row["id"].startswith(name.lower()) or re.search(rf"\b{name}\b", row["title"])]
        found |= {row["id"]: row for row in named if row["id"] not in found}
    return tuple(
        Attribution(title=row["title"], attribution=row["attribution"], licence=row["licence"], url=row["url"])
        for row in found.values()
        if row["attribution"] and _ASKING.match(row["licence"])
    )
