"""Rules on places: regions that nobody has, and regions of another cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from footprint.card.check.claims import claims, metadata_entry
from footprint.card.check.providers import provider_of
from footprint.card.check.recompute import quoted
from footprint.card.check.registry import Subject, rule
from footprint.card.check.works import Work
from footprint.errors import ConfigError
from footprint.model import Finding
from footprint.place import provider_name, resolve
from footprint.reference import tables
from footprint.reference.grid import parent

_CODE: Final = re.compile(
    r"(?<![\w-])(?P<code>(?:us|eu|ap|ca|sa|af|me|il|mx|cn|asia|europe|northamerica|southamerica|australia|africa)-(?:gov-)?"
    r"(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-?\d{1,2})(?:-?[a-f](?![\w-]))?(?![\w-])",
    re.IGNORECASE,
)
_BRACKET: Final = re.compile(r"\(([A-Za-z][A-Za-z .,'-]{1,40})\)\s{0,4}\Z")
_COMPARED: Final = {"aws", "azure", "gcp"}
"""Clouds all of whose regions are in the table: smaller ones use codes of the same form, some of them the same."""
_NAMED: Final = {"aws", "gcp"}
"""Clouds whose regions go by such codes, so that one that is not in the table is no region of theirs that is known."""


@rule("region-of-another-provider", "error", "a region that the stated provider does not have, and another has")
def region_of_another_provider(subject: Subject) -> Iterator[Finding]:
    """`us-central1` is a region of Google Cloud, `us-east-1` one of AWS; an eastern grid is not a central one.

    Found where the region's code is another cloud's and not the stated one's.
    """
    for work in claims(subject.card).works:
        stated, code = provider_of(work.provider), _code(work)
        if stated not in _COMPARED or code is None:
            continue
        owners = _regions().get(code, frozenset())
        if owners and stated not in owners:
            names = " and ".join(provider_name(owner) for owner in sorted(owners))
            close = _nearest(code, stated)
            yield Finding(
                code="region-of-another-provider",
                severity="error",
                line=work.region_line or work.line,
                message=f"{code} is a region of {names}, not of {provider_name(stated)}" + (f"; is it {close}?" if close else ""),
                stated=f"{code} at {provider_name(stated)}",
                expected=close or f"a region of {provider_name(stated)}",
                fix="correct the region or the provider",
            )


@rule("region-unknown", "warning", "a region's code that no known region has")
def region_unknown(subject: Subject) -> Iterator[Finding]:
    """A code such as `us-east-9` that is built like a region's and is none of the stated provider, or of any.

    Only codes are looked at, of AWS and Google Cloud or where no provider is stated: places in words are read, or left alone.
    """
    for work in claims(subject.card).works:
        stated, code = provider_of(work.provider), _code(work)
        if code is None or (stated is not None and stated not in _NAMED) or (stated is None and work.provider is not None):
            continue
        if code in _regions():
            continue
        close = _nearest(code, stated)
        whose = f"{provider_name(stated)} has no region {code}" if stated else f"no cloud has a region {code}"
        yield Finding(
            code="region-unknown",
            severity="warning",
            line=work.region_line or work.line,
            message=f"{whose} that is known" + (f"; is it {close}?" if close else ""),
            stated=code,
            expected=close,
            fix="write the region's code as the provider does",
        )


@rule("place-disagrees", "warning", "the body and the front matter name different nations")
def place_disagrees(subject: Subject) -> Iterator[Finding]:
    """One training has one place, or says that it has several.

    Found where the front matter's `geographical_location` lies in another nation than the body's compute region, or than the
    place in brackets behind the body's emission (`0.33 kg (Netherlands)`): the emission was worked out with one of the two.
    """
    found = claims(subject.card)
    entry = metadata_entry(subject.card)
    stated = entry[1].get("geographical_location") if entry is not None else None
    works = [work for work in found.works if work.metadata is not None]
    if not isinstance(stated, str) or len(works) != 1:
        return
    nation = _nation(stated)
    work = works[0]
    said: list[tuple[str, int | None]] = []
    if work.region is not None and work.region != stated:
        said.append((work.region, work.region_line))
    if work.emissions is not None and (bracket := _BRACKET.search(work.emissions.text)):
        said.append((bracket[1], work.emissions.line))
    for words, line in said:
        other = _nation(words)
        if nation is not None and other is not None and nation != other:
            yield Finding(
                code="place-disagrees",
                severity="warning",
                line=line,
                message=f"line {line} says {quoted(words)}, the front matter {quoted(stated)}: the grids differ",
                stated=quoted(words),
                expected=quoted(stated),
                fix="name one place in both, and the emission of that place",
            )


def _nation(words: str) -> str | None:
    """The nation that a place is in, where it is one place that is known."""
    try:
        place = resolve(region=words.strip(" .;"))
    except ConfigError:
        return None
    return None if place is None or place.zone is None else parent(place.zone) or place.zone


def _code(work: Work) -> str | None:
    """The one region's code in a text."""
    found = {match["code"].lower() for match in _CODE.finditer(work.region or "")}
    return found.pop() if len(found) == 1 else None


@lru_cache(maxsize=1)
def _regions() -> dict[str, frozenset[str]]:
    """Region's code -> the clouds that have a region of that code."""
    found: dict[str, set[str]] = {}
    for row in tables.table("regions"):
        found.setdefault(row["region"].lower(), set()).add(row["provider"])
    return {code: frozenset(owners) for code, owners in found.items()}


def _nearest(code: str, provider: str | None) -> str | None:
    """The provider's region that is written like a code but for its hyphens; None where there is none."""
    bare = code.replace("-", "")
    return next(
        (
            known
            for known, owners in _regions().items()
            if known.replace("-", "") == bare and (not provider or provider in owners)
        ),
        None,
    )
