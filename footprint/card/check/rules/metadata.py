"""Rules on the front matter: whether the Hub sees it, and whether it reads the keys of `co2_eq_emissions`.

What the Hub reads there is a number, or a mapping of `emissions` in grams of CO2eq and four words beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from footprint.card.check.registry import Subject, rule
from footprint.card.check.shown import number_of_line, short
from footprint.card.content.known import METADATA_KEYS
from footprint.card.parts.metadata import KEY, Node
from footprint.card.read import Card
from footprint.card.words.labels import is_placeholder
from footprint.model import TRAINING_KINDS, Finding

_LONGEST: Final = 60
_WELL_FORMED: Final = "write it as `key: value` lines; quote values that hold a colon, a brace or a quote"
# What is written for the Hub's five, by those who remember them otherwise.
_MEANT: Final = {
    "emission": "emissions",
    "co2": "emissions",
    "co2_eq": "emissions",
    "carbon_emitted": "emissions",
    "type": "training_type",
    "training": "training_type",
    "location": "geographical_location",
    "region": "geographical_location",
    "geographic_location": "geographical_location",
    "compute_region": "geographical_location",
    "hardware": "hardware_used",
    "hardware_type": "hardware_used",
    "gpu": "hardware_used",
}
# The entry's own name in other words, without what parts them.
_GAS: Final = ("co2", "co2e", "co2eq", "carbon")
_MISSPELT: Final = frozenset(
    {f"{gas}{word}" for gas in _GAS for word in ("emission", "emissions", "emitted", "footprint")}
    | {"co2", "co2e", "co2eq", "emission", "emissions", "totalemissions"}
)


@rule("front-matter-unseen", "error", "front matter that the Hub does not see")
def front_matter_unseen(subject: Subject) -> Iterator[Finding]:
    """The Hub reads front matter only between two lines of three dashes at the very beginning of the file.

    With text or a code fence before it, with white space after the opening dashes, or with three dots at its end, the Hub reads
    none of it: licence, tags and emissions are lost.
    """
    document = subject.card.document
    if document.unseen is not None:
        yield Finding(
            code="front-matter-unseen",
            severity="error",
            line=number_of_line(subject.card, document.unseen.place),
            message=f"the Hub does not see this front matter: {document.unseen.reason}",
            fix="begin the file with a line of exactly three dashes, and end the front matter with another",
        )


@rule("front-matter-invalid", "error", "front matter that is no valid YAML mapping")
def front_matter_invalid(subject: Subject) -> Iterator[Finding]:
    """The Hub refuses a card whose front matter is not YAML, and finds nothing in one that is not a block of `key: value`.

    An unrendered template is the most frequent cause.
    """
    card = subject.card
    front = card.document.front_matter
    if front is None or card.yaml.problem is None:
        return
    line = card.yaml.problem_line
    yield Finding(
        code="front-matter-invalid",
        severity="error",
        line=card.source.number(line - 1) if line is not None else number_of_line(card, front.start),
        message=card.yaml.problem,
        fix="render the template" if b"{{" in card.document.raw[front.start : front.end] else _WELL_FORMED,
    )


@rule("emissions-list", "warning", "emissions as a list")
def emissions_list(subject: Subject) -> Iterator[Finding]:
    """The Hub reads `co2_eq_emissions` as a number or a mapping; of a list, as some cards had it in 2021, it reads nothing sure.

    Its client takes the first digits that it finds in the list's text.
    """
    entry = subject.card.yaml.emissions()
    if entry is not None and entry[1].kind == "list":
        yield Finding(
            code="emissions-list",
            severity="warning",
            line=number_of_line(subject.card, entry[0]),
            message=f"{KEY} is a list; the Hub reads a number or a mapping",
            fix="write its keys as a mapping, without the dashes",
        )


@rule("emissions-missing", "warning", "co2_eq_emissions without emissions")
def emissions_missing(subject: Subject) -> Iterator[Finding]:
    """A mapping without the key `emissions` says where and on what, but not how much.

    The Hub's client fails on it where models are chosen by their emissions.
    """
    entry = subject.card.yaml.emissions()
    if entry is None or entry[1].kind != "mapping" or entry[1].find("emissions") or entry[1].find("<<"):
        return
    yield Finding(
        code="emissions-missing",
        severity="warning",
        line=number_of_line(subject.card, entry[0]),
        message=f"{KEY} has no key `emissions`",
        fix="add `emissions:`, in grams of CO2eq, or leave the whole entry out",
    )


@rule("metadata-key", "warning", "a key that the Hub does not read")
def metadata_key(subject: Subject) -> Iterator[Finding]:
    """The Hub reads `co2_eq_emissions` and in it five keys; a key that means one of them in other words is not read.

    Other keys beside them (those of sentence-transformers, say) are no finding.
    """
    card = subject.card
    if card.yaml.root is None:
        return
    entry = card.yaml.emissions()
    if entry is None:
        for key, _ in card.yaml.root.entries:
            if key.kind == "scalar" and key.text[:_LONGEST] == key.text and _squeezed(key.text) in _MISSPELT:
                yield _not_read(card, key, KEY)
        return
    for key, _ in entry[1].entries:
        meant = _meant(key.text) if key.kind == "scalar" and key.text not in METADATA_KEYS else None
        if meant is not None and entry[1].find(meant) is None:
            yield _not_read(card, key, meant)


@rule("training-type", "info", "a training type that is none of the Hub's")
def training_type(subject: Subject) -> Iterator[Finding]:
    """The Hub knows two types of training: `pre-training` and `fine-tuning`. Others are shown, but found by no filter."""
    entry = subject.card.yaml.emissions()
    found = entry[1].find("training_type") if entry is not None else None
    if found is None or found[1].kind != "scalar" or is_placeholder(found[1].text) or found[1].text.strip() in TRAINING_KINDS:
        return
    near = found[1].text.strip().lower().replace("_", "-").replace(" ", "-").replace("finetun", "fine-tun")
    near = near.replace("pretrain", "pre-train")
    yield Finding(
        code="training-type",
        severity="info",
        line=number_of_line(subject.card, found[1]),
        message="training_type is neither pre-training nor fine-tuning",
        stated=short(found[1].text),
        expected=near if near in TRAINING_KINDS else None,
        fix=f"write {near}" if near in TRAINING_KINDS else "write the one that fits, and the rest in the text",
    )


def _meant(key: str) -> str | None:
    """The Hub's key that another one means; None for one of its own."""
    from difflib import get_close_matches

    plain = key.strip().lower().replace("-", "_").replace(" ", "_")
    if plain in METADATA_KEYS and plain != key:
        return plain
    near = get_close_matches(plain, METADATA_KEYS, n=1, cutoff=0.85) if len(plain) <= _LONGEST else []
    return _MEANT.get(plain) or (near[0] if near else None)


def _not_read(card: Card, key: Node, meant: str) -> Finding:
    return Finding(
        code="metadata-key",
        severity="warning",
        line=number_of_line(card, key),
        message=f"the Hub does not read this key; it reads {meant}",
        stated=short(key.text),
        expected=meant,
        fix=f"call it {meant}" + (", and give grams" if meant in {KEY, "emissions"} else ""),
    )


def _squeezed(key: str) -> str:
    """A key's letters and digits."""
    return re.sub(r"[\W_]", "", key.replace("₂", "2").lower())
