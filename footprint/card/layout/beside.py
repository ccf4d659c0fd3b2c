"""A list outside any section that states the emission beside what made it: `- **GPU:** …`, `- **Emissions:** 0.3 KgCO2`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from footprint.card.layout.lines import Found
from footprint.card.layout.sections import headings_in
from footprint.card.layout.spans import Group
from footprint.card.parts.document import Document, plain
from footprint.card.words.amounts import read_mass
from footprint.card.words.labels import is_placeholder

_FAR: Final = 400
"""Lines above in which the heading of the list is looked for."""
_BULLET = re.compile(rb"[ \t>]*(?:[-*+]|\d{1,3}[.)]|\xe2\x80\xa2)(?:[ \t]|\xc2\xa0)")
_USE = re.compile(r"inference|inferen|validation|evaluation|testing|deployment|serving|usage|limitation|推理|推論", re.IGNORECASE)


def beside_emissions(document: Document, found: Sequence[Found], groups: Sequence[Group]) -> list[Found]:
    """The labels of the one list that states an emission, as a mass, and another field; empty where that is not sure.

    Labels that name a field only beside others (`GPU`, `Emissions`) are among them.

    Args:
        document: a card without a section for them.
        found: its labels, in their order.
        groups: the groups of surer labels; where one stands elsewhere, that is what the card has.
    """
    carbon = [one for one in found if one.label.name == "carbon_emitted"]
    if len(carbon) != 1 or not _BULLET.match(carbon[0].label.lead):
        return []
    one = carbon[0]
    value = plain(document.raw[one.start : one.end])
    if not is_placeholder(value) and read_mass(value, unit_g=one.label.unit_g) is None:
        return []
    first = last = one.line
    while first > 0 and not document.is_blank(first - 1):
        first -= 1
    while last + 1 < len(document.starts) and not document.is_blank(last + 1):
        last += 1
    near = [other for other in found if first <= other.line <= last and other.label.lead == one.label.lead]
    if any(not first <= span.line <= last for group in groups for span in group.spans.values()):
        return []
    names = [other.label.name for other in near]
    above = headings_in(document, range(max(first - _FAR, 0), one.line))
    if len(names) == 1 or len(set(names)) != len(names) or (above and _USE.search(above[-1].text)):
        return []
    return near
