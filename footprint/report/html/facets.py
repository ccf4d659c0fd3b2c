"""Which rows of a page belong to which of its groups, so that a group can be looked into.

A page only shows and hides rows; what a choice adds up to is a report of its own, and the page names the command that makes it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from footprint.ledger.questions import KEYS
from footprint.report.data import Group, RunRow, Summary
from footprint.report.grouping import LABEL
from footprint.text import clean

_FIELDS: Final = ("account", "name", "kind", "hardware", "region", "outcome", "basis")
_LABELS: Final = ("project", "team", "user", "model")
_TIMES: Final = {"day": 10, "month": 7}


class Facet(msgspec.Struct, frozen=True, kw_only=True):
    """A group that runs can be chosen by: its mark on the page, and the choice as an argument of `--where`.

    `where` is empty where nobody could type the name or would see what they typed, and for what is derived and not recorded.
    """

    id: str
    where: str


def facets(summary: Summary) -> dict[str, tuple[Facet | None, ...]]:
    """For each dimension its groups' facets, in their order; None where rows cannot be told to be of the group."""
    return {
        dimension: tuple(_facet(dimension, f"{index}.{place}", group) for place, group in enumerate(groups))
        for index, (dimension, groups) in enumerate(summary.by.items())
    }


def of_row(row: RunRow, summary: Summary, known: Mapping[str, Sequence[Facet | None]]) -> str:
    """The facets of a run's row, as marks that are parted by a space."""
    found = []
    for dimension, groups in summary.by.items():
        key = _key(row, dimension)
        found += [
            facet.id
            for group, facet in zip(groups, known[dimension], strict=True)
            if facet and not group.merged and group.key == key
        ]
    return " ".join(found)


def _facet(dimension: str, mark: str, group: Group) -> Facet | None:
    """A group's facet; none where a row does not say that dimension, or several groups were put together."""
    if group.merged or not (dimension in _FIELDS or dimension in _LABELS or dimension in _TIMES or dimension.startswith(LABEL)):
        return None
    typed = f"{dimension}={group.key}"
    typeable = (dimension in KEYS or dimension.startswith(LABEL)) and clean(typed, empty="") == typed
    return Facet(id=mark, where=shlex.quote(typed) if typeable else "")


def _key(row: RunRow, dimension: str) -> str | None:
    """A row's key in a dimension; None where rows do not say it."""
    if dimension in _FIELDS:
        return getattr(row, dimension) or ""
    if dimension in _LABELS or dimension.startswith(LABEL):
        return row.labels.get(dimension.removeprefix(LABEL), "")
    return row.started_at[: _TIMES[dimension]] if dimension in _TIMES else None
