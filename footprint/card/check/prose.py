"""What sentences of a card claim of its compute: a work a line, where the line states one emission and what it was of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from footprint.card.check.facts import emission_facts, hardware_facts, hours_facts
from footprint.card.check.remarks import is_by_contract
from footprint.card.check.works import Stated, Work
from footprint.card.read import Card
from footprint.card.words.amounts import find_amounts, read_energy
from footprint.model import Evidence

# About something else than what one training took, or about a part of it.
_OTHER: Final = re.compile(
    r"\b(?:(?:avoid|reduc|compar|previous|hyper-?param|sweep|annual|kilomet)\w{0,12}|saved?|saves|saving|less|fewer|equivalent to"
    r"|as much as|would|could|if you|inference|baselines?|base model|teacher|parent|others?|another|each|every|per|respectively"
    r"|both|all (?:models|experiments|sizes)|yearly|households?|flights?|cars?)\b",
    re.IGNORECASE,
)
_OF_DATA: Final = re.compile(r"\s{0,3}(?:of|worth)\s(?!(?:comput|gpu|tpu|training|wall|accelerator|processing))", re.IGNORECASE)
_TALKS: Final = re.compile(rb"c[o0]2|co\xe2\x82\x82|carbon|emitt|emission", re.IGNORECASE)
_ONE: Final = ("carbon_emitted", "hours_used", "energy", "hardware_type", "compute_region", "cloud_provider")


def is_of_another(words: str) -> bool:
    """Whether words are about something else than what one training took."""
    return _OTHER.search(words) is not None


def read_prose(card: Card, taken: set[int]) -> Iterator[Work]:
    """The works that lines of text state.

    Args:
        card: the card.
        taken: lines of the file that are read as fields, lists and tables.
    """
    if _TALKS.search(card.document.raw) is None:
        return
    lines: dict[int, list[Evidence]] = {}
    for one in card.evidence:
        if one.line not in taken:
            lines.setdefault(one.line, []).append(one)
    for line, ones in lines.items():
        work = _of_line(line, ones)
        if work is not None:
            yield work


def _of_line(line: int, ones: list[Evidence]) -> Work | None:
    """The work of one line; None where it states no emission, or more than one thing of a kind."""
    words = " ".join(dict.fromkeys(one.text for one in ones))
    said = {name: list(dict.fromkeys(one.value for one in ones if one.field == name)) for name in _ONE}
    if len(said["carbon_emitted"]) != 1 or any(len(values) > 1 for values in said.values()):
        return None
    if is_of_another(words) or "…" in words or sum(amount.kind == "mass" for amount in find_amounts(words)) != 1:
        return None
    facts: dict[str, Any] = {"name": None, "line": line, "prose": True, "contract": is_by_contract(words)}
    facts |= emission_facts(said["carbon_emitted"][0], line, "emissions")
    if "emissions" not in facts:
        return None
    for hours in said["hours_used"]:
        at = words.find(hours)
        if at >= 0 and not _OF_DATA.match(words, at + len(hours)):
            facts |= hours_facts(hours, line)
    for hardware in said["hardware_type"]:
        facts |= hardware_facts(hardware, line)
    facts |= _quantities(said["energy"], words, line)
    for region in said["compute_region"]:
        facts |= {"region": region, "region_line": line}
    return Work(**facts)


def _quantities(energies: list[str], words: str, line: int) -> dict[str, Any]:
    """The energy and the watts that a line states, each where it states one."""
    facts: dict[str, Any] = {}
    for energy in energies:
        amount = read_energy(energy)
        if amount is not None:
            facts["energy"] = Stated(amount=amount, line=line, text=energy, label="energy")
    powers = [amount for amount in find_amounts(words) if amount.kind == "power"]
    if len(powers) == 1 and powers[0].sure:
        facts["power"] = Stated(amount=powers[0], line=line, text=powers[0].text, label="power")
    return facts
