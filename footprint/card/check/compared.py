"""The body's emission beside the front matter's: which belong together, and how they differ."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from footprint.card.check.claims import claims
from footprint.card.check.prose import is_of_another
from footprint.card.check.recompute import AGREE_HIGH, AGREE_LOW, rounded
from footprint.card.check.works import Stated
from footprint.card.parts.tables import readable
from footprint.card.read import Card
from footprint.card.words.amounts import find_amounts

UNITS: Final = {1e3, 1e6}
"""Kilograms and tonnes in grams."""
_EXACT: Final = 0.03
_FIGURES: Final = 2
"""One figure that is the same may be so by chance."""
_LONGEST: Final = 2_000
_MOST_LINES: Final = 500
"""A card with more lines that speak of emissions is about them."""
_EMITS: Final = re.compile(rb"c[o0](?:2|\xe2\x82\x82|<sub>)|carbon|emi(?:ssion|tted)", re.IGNORECASE)


def pairs(card: Card) -> Iterator[tuple[Stated, Stated]]:
    """The front matter's emission with the body's, where the two can only be of the same work.

    Where the body states several, only with the one that is the same number in kilograms or tonnes.
    """
    works = claims(card).works
    metadata = next((work.metadata for work in works if work.metadata is not None), None)
    stated = [work for work in works if work.emissions is not None and not work.emissions.market]
    bodies = [work.emissions for work in stated if work.emissions is not None and not work.prose]
    if metadata is None:
        return
    if not bodies:
        yield from _told(card, metadata)
        return
    if len(bodies) == 1:
        if match_of(metadata, bodies[0]) in UNITS or agree(metadata, bodies[0]) or not _stands_elsewhere(card, metadata):
            yield metadata, bodies[0]
        return
    if any(agree(metadata, body) for body in bodies) or _is_sum(metadata, bodies):
        return
    for body in bodies:
        if match_of(metadata, body) in UNITS:
            yield metadata, body
            return


def _told(card: Card, metadata: Stated) -> Iterator[tuple[Stated, Stated]]:
    """The front matter's emission with one of the card's text that is the same number in kilograms or tonnes, and no other is."""
    masses = [mass for mass in _masses(card) if not is_of_another(mass.label)]
    if any(agree(metadata, mass) for mass in masses) or len(metadata.amount.text.strip("0.").replace(".", "")) < _FIGURES:
        return
    for mass in masses:
        if mass.amount.stated == metadata.amount.stated and match_of(metadata, mass) in UNITS:
            yield metadata, mass
            return


def agree(one: Stated, other: Stated) -> bool:
    """Whether two statements can be of the same emission, by their roundings and within what counts as agreeing."""
    one_low, one_high = rounded(one)
    low, high = rounded(other)
    return one_low * AGREE_LOW <= high and low <= one_high * AGREE_HIGH


def match_of(metadata: Stated, body: Stated) -> float | None:
    """Which power of a thousand the front matter's number is short of the body's, 1 for none; None where no such power fits."""
    low, high = rounded(body)
    meta_low, meta_high = rounded(metadata)
    for times in (1.0, 1e3, 1e6, 1e-3):
        if meta_low * times * (1 - _EXACT) <= high and low <= meta_high * times * (1 + _EXACT) and low > 0:
            return times
    return None


def _stands_elsewhere(card: Card, metadata: Stated) -> bool:
    """Whether the body has the front matter's emission in words of its own: of all experiments, say, or of both stages."""
    front = card.document.front_matter
    start = card.source.number(card.document.line_number(front.end) - 1) if front is not None else 0
    return any(mass.line > start and agree(metadata, mass) for mass in _masses(card))


def _masses(card: Card) -> Iterator[Stated]:
    """The masses in lines that speak of emissions, with the whole line as the label; but for our own blocks."""
    document = card.document
    front = document.front_matter.end if document.front_matter is not None else 0
    ours = {index for block in card.blocks for index in block.lines}
    looked = 0
    for index, line in enumerate(document.lines):
        end = line.end if line.start < front else line.shown
        raw = document.raw[line.start : min(end, line.start + _LONGEST)]
        if index in ours or _EMITS.search(raw) is None:
            continue
        looked += 1
        if looked > _MOST_LINES:
            return
        words = readable(raw)
        for amount in find_amounts(words):
            if amount.kind == "mass":
                yield Stated(amount=amount, line=card.source.number(index), text=amount.text, label=words)


def _is_sum(metadata: Stated, bodies: list[Stated]) -> bool:
    total = math.fsum(body.amount.middle for body in bodies)
    return total * AGREE_LOW <= metadata.amount.middle <= total * AGREE_HIGH
